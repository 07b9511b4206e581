# report.awk - from samples to a table, and JSON lines if json names a file
#
#	awk -v bench=NAME [-v json=FILE] [-v each=1] -f report.awk SAMPLES
#
# A sample is a line CASE UNIT SUBJECT VALUE [TARGET], separated by tabs; VALUE may be a
# sentence instead (why there is none). Cases and subjects are shown in the order in
# which they first come; all are compared to the first subject that has a value, or
# (each) to the first of their case, and only what has a value is shown.

BEGIN { FS = "\t" }

!($1 in unit) { unit[$1] = ""; cases[++n_cases] = $1 }
$2 != "" { unit[$1] = $2 }
$5 != "" { target[$1, $3] = $5 }
!($3 in known) { known[$3] = 1; subjects[++n_subjects] = $3 }
$4 ~ /^[0-9.]+$/ { if (base == "") base = $3; if (!($1 in first)) first[$1] = $3; value[$1, $3, ++count[$1, $3]] = $4 + 0; next }
{ why[$1, $3] = $4 }

function sort_values(c, s,	i, j, v)
{
	for (i = 2; i <= count[c, s]; i++) {
		v = value[c, s, i]
		for (j = i - 1; j > 0 && value[c, s, j] > v; j--)
			value[c, s, j + 1] = value[c, s, j]
		value[c, s, j + 1] = v
	}
}

function median(c, s,	n)
{
	n = count[c, s]
	return (value[c, s, int((n + 1) / 2)] + value[c, s, int(n / 2) + 1]) / 2
}

function base_of(c)
{
	return each ? first[c] : base
}

function to_json(c, s, numbers, ratio)
{
	if (json)
		printf "{\"bench\":\"%s\",\"case\":\"%s\",\"subject\":\"%s\",\"unit\":\"%s\"," \
			"%s,\"n\":%d,\"ratio_to\":\"%s\",\"ratio\":%s,\"target\":%s}\n",
			bench, c, s, unit[c], numbers, count[c, s], base_of(c), ratio,
			(c, s) in target ? "\"" target[c, s] "\"" : "null" > json
}

function without(c, s)
{
	printf "  %-34s %s\n", s, why[c, s] == "" ? "no result" : why[c, s]
	to_json(c, s, "\"median\":null,\"min\":null,\"max\":null", "null")
}

function with(c, s,	n, m, b, ratio, base, format)
{
	n = count[c, s]
	base = base_of(c)
	sort_values(c, s)
	m = median(c, s)
	sort_values(c, base)
	b = count[c, base] ? median(c, base) : 0
	ratio = b ? sprintf("%.3f", m / b) : "null"
	format = each ? "%10.2f" : "%10.1f"
	printf "  %-34s " format " " format " " format " %4d %8s %s\n", s, m, value[c, s, 1],
		value[c, s, n], n, ratio, (c, s) in target ? "target " target[c, s] : why[c, s]
	to_json(c, s, sprintf("\"median\":%.2f,\"min\":%.2f,\"max\":%.2f", m, value[c, s, 1],
		value[c, s, n]), ratio)
}

END {
	for (i = 1; i <= n_cases; i++) {
		printf "%-36s %10s %10s %10s %4s %8s\n",
			cases[i] " (" unit[cases[i]] ")", "median", "min", "max", "n", "ratio"
		for (j = 1; j <= n_subjects; j++) {
			if (count[cases[i], subjects[j]])
				with(cases[i], subjects[j])
			else if (!each || (cases[i], subjects[j]) in why)
				without(cases[i], subjects[j])
		}
	}
	print "ratio: to " (each ? "the first of the case" : base)
}
