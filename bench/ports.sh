#!/bin/sh
# ports - what a port of a switch costs when there are thousands
#
#	bench/ports.sh			IOTH=PATH (default build/ioth)
#	PORTS=N				at most (10000; QUICK=1: 2000)
#	ROUNDS=N JSON=FILE
#
# One process joins N times (ports.c says what is measured); a tenth of N for
# comparison, in turns: what does not grow with N costs the same in both. Needs a limit
# of file descriptors (ulimit -Hn) above N, for either process.

. "$(dirname "$0")/nodes"

if [ "${QUICK:-0}" = 1 ]; then
	PORTS=${PORTS:-2000}
fi
PORTS=${PORTS:-10000} ROUNDS=${ROUNDS:-5}
if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt $((PORTS + 100)) ]; then
	echo "ports: $(ulimit -Hn) file descriptors are too few for $PORTS ports (ulimit -Hn)" >&2
	exit 1
fi

${CC:-cc} $flags -I"$top/src" -o "$T/bin/ports" "$here/ports.c" \
	"${LIB:-$top/build/libioth.a}" $libs || exit 1

measure()	# COUNT: with a switch of its own
{
	$as_user "$IOTH" switch -d -n $((PORTS + 10)) -p "$T/sw.pid" "$T/sw" || exit 1
	$as_user timeout 120 "$T/bin/ports" "$T/sw" "$(cat "$T/sw.pid")" "$1" |
		awk -F '\t' -v OFS='\t' -v n="$1 ports" '{ print $1, $2, n, $3 }' >>"$T/samples"
	kill "$(cat "$T/sw.pid")"
	wait_for 10 test ! -e "$T/sw.pid"
}

for round in $(seq "$ROUNDS"); do
	measure $((PORTS / 10))
	measure "$PORTS"
	[ ! -t 2 ] || printf '\r%d of %d' "$round" "$ROUNDS" >&2
done
[ ! -t 2 ] || echo >&2
awk -v bench=ports -v each=1 -v json="${JSON:-}" -f "$here/report.awk" "$T/samples"
