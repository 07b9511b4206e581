#!/bin/sh
# memory - bytes of a stack, a half-open, an open and a waiting connection
#
#	bench/memory.sh			a million connections of ten stacks (2 GiB of memory)
#	QUICK=1				ten thousand
#	JSON=FILE			one JSON object per row as well
#
# What is counted, and how, is told in test/sim/memory.c; the same program with ten
# thousand connections is a test.

top=$(cd "$(dirname "$0")/.." && pwd)
n=1000000
[ "${QUICK:-0}" = 1 ] && n=10000
make -s -C "$top" build/test/sim/sim || exit 1
began=$(date +%s)
"$top/build/test/sim/sim" memory -n $n | awk -F '\t' -v json="${JSON:-}" -v n=$n '
	$1 != "memory" { next }
	$4 == "" { printf "%s: %s\n", $2, $3; next }
	{
		split($4, most, " ")
		printf "%-26s %7d bytes  (at most %d)\n", $2, $3, most[4]
		if (json)
			printf "{\"bench\":\"memory\",\"case\":\"%s\",\"subject\":\"ioth\",\"unit\":\"B\"," \
				"\"median\":%d,\"min\":%d,\"max\":%d,\"n\":1,\"ratio_to\":\"limit\"," \
				"\"ratio\":%.3f,\"target\":1}\n", $2, $3, $3, $3, $3 / most[4] > json
	}'
echo "in $(($(date +%s) - began)) s"
