# link.awk - samples of link.sh as one line a cell, and JSON lines
#
#	awk -v bench=link [-v json=FILE] -f link.awk SAMPLES
#
# A sample is CASE UNIT SUBJECT VALUE, separated by tabs. A cell has two subjects,
# linux and native; their ratio is that of the medians. Others of a cell are compared
# to linux as well. Other cases (shares) have a line per subject.

BEGIN { FS = "\t" }

!(($1, $3) in n) { key[++keys] = $1 SUBSEP $3; if (!($1 in seen)) { seen[$1] = 1; cases[++n_cases] = $1 } }
{ unit[$1] = $2 }
$4 ~ /^[0-9.]+$/ { value[$1, $3, ++n[$1, $3]] = $4 + 0; next }
{ n[$1, $3] += 0; failed[$1, $3]++ }

function sort(k,	i, j, v)
{
	for (i = 2; i <= n[k]; i++) {
		v = value[k, i]
		for (j = i - 1; j > 0 && value[k, j] > v; j--)
			value[k, j + 1] = value[k, j]
		value[k, j + 1] = v
	}
}

function median(k)
{
	return n[k] ? (value[k, int((n[k] + 1) / 2)] + value[k, int(n[k] / 2) + 1]) / 2 : 0
}

function shown(k)
{
	if (!n[k])
		return sprintf("%26s", "no result")
	return sprintf("%9.3f (%6.2f-%7.2f)", median(k), value[k, 1], value[k, n[k]]) \
		(failed[k] ? "!" failed[k] : "")
}

function to_json(c, s, k, base, ratio, target)
{
	if (json && n[k])
		printf "{\"bench\":\"%s\",\"case\":\"%s\",\"subject\":\"%s\",\"unit\":\"%s\",\"median\":%s," \
			"\"min\":%s,\"max\":%s,\"n\":%d,\"ratio_to\":%s,\"ratio\":%s,\"target\":%s}\n",
			bench, c, s, unit[c], median(k), value[k, 1], value[k, n[k]], n[k],
			base, ratio, target > json
}

function cell(c,	l, a, r)
{
	l = c SUBSEP "linux"
	a = c SUBSEP "native"
	r = median(l) ? median(a) / median(l) : 0
	printf "%-42s %s %s %6.2f%s\n", c, shown(l), shown(a), r, r < 0.95 ? " <" : ""
	ratios[++n_ratios] = r
	below += r < 0.95
	to_json(c, "linux", l, "null", "null", "null")
	to_json(c, "native", a, "\"linux\"", sprintf("%.3f", r), "0.95")
	other(c, "library", l)
	other(c, "native-to-linux", l)
	other(c, "linux-to-native", l)
}

function other(c, s, l,	k, r)
{
	k = c SUBSEP s
	if (!(k in n))
		return
	r = median(l) ? median(k) / median(l) : 0
	printf "    %-65s %s %6.2f\n", s, shown(k), r
	to_json(c, s, k, "\"linux\"", sprintf("%.3f", r), "null")
}

END {
	for (i = 1; i <= keys; i++)
		sort(key[i])
	printf "%-42s %26s %26s  ratio\n", "goodput, Mb/s: median (min-max)", "linux", "native"
	for (i = 1; i <= n_cases; i++)
		if (unit[cases[i]] == "Mb/s")
			cell(cases[i])
	for (i = 1; i <= n_ratios; i++)
		value["", i] = ratios[i]
	n[""] = n_ratios
	sort("")
	if (n_ratios)
		printf "%d cells, %d below 0.95, median ratio %.2f\n\n", n_ratios, below, median("")
	for (i = 1; i <= keys; i++) {
		split(key[i], part, SUBSEP)
		if (unit[part[1]] == "%") {
			printf "%-42s %s %%\n", part[1] ": " part[2], shown(key[i])
			to_json(part[1], part[2], key[i], "null", "null", "\"40-60\"")
		}
	}
}
