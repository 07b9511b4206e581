#!/bin/sh
# sum - the Internet checksum beside a copy of the same octets
#
#	bench/sum.sh
#	QUICK=1			three rounds instead of nine
#	JSON=FILE		one JSON object per row as well
#
# sum chooses by the processor (AVX2, or plain C as everywhere else).

top=$(cd "$(dirname "$0")/.." && pwd)
T=$(mktemp -d /tmp/sum.XXXXXX) || exit 1
trap 'rm -rf "$T"' EXIT
${CC:-cc} -O2 -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -I"$top/src" -o "$T/sum" \
	"$top/bench/sum.c" "$top/build/libioth.a" || exit 1
"$T/sum" "$([ "${QUICK:-0}" = 1 ] && echo 3 || echo 9)" >"$T/samples"
awk -v bench=sum -v json="${JSON:-}" -f "$top/bench/report.awk" "$T/samples"
