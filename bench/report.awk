# report.awk - from samples to a table, and JSON lines if json names a file
#
#	awk -v bench=NAME [-v json=FILE] [-v note=TEXT] -f report.awk SAMPLES
#
# A sample is a line CASE UNIT SUBJECT VALUE, separated by tabs; VALUE may be a
# sentence instead (why there is none). Cases and subjects are shown in the order in
# which they first come; all are compared to the first subject that has a value.

BEGIN { FS = "\t" }

!($1 in unit) { unit[$1] = ""; cases[++n_cases] = $1 }
$2 != "" { unit[$1] = $2 }
!($3 in known) { known[$3] = 1; subjects[++n_subjects] = $3 }
$4 ~ /^[0-9.]+$/ { if (base == "") base = $3; value[$1, $3, ++count[$1, $3]] = $4 + 0; next }
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

function to_json(c, s, numbers, ratio)
{
	if (json)
		printf "{\"bench\":\"%s\",\"case\":\"%s\",\"subject\":\"%s\",\"unit\":\"%s\"," \
			"%s,\"n\":%d,\"ratio_to\":\"%s\",\"ratio\":%s,\"target\":null}\n",
			bench, c, s, unit[c], numbers, count[c, s], base, ratio > json
}

function without(c, s)
{
	printf "  %-34s %s\n", s, why[c, s] == "" ? "no result" : why[c, s]
	to_json(c, s, "\"median\":null,\"min\":null,\"max\":null", "null")
}

function with(c, s,	n, m, b, ratio)
{
	n = count[c, s]
	sort_values(c, s)
	m = median(c, s)
	sort_values(c, base)
	b = count[c, base] ? median(c, base) : 0
	ratio = b ? sprintf("%.3f", m / b) : "null"
	printf "  %-34s %10.1f %10.1f %10.1f %4d %8s %s\n", s, m, value[c, s, 1],
		value[c, s, n], n, ratio, why[c, s]
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
			else
				without(cases[i], subjects[j])
		}
	}
	print "ratio: to " base
}
