#!/bin/sh
# stacks - what a native stack costs when a process has thousands
#
#	bench/stacks.sh			IOTH=PATH (default build/ioth)
#	STACKS=N			at most (10000; QUICK=1: 1000)
#	ROUNDS=N JSON=FILE
#
# One process makes N stacks on one switch, and they ping each other (stacks.c says
# what is measured); a tenth of N for comparison, in turns. Needs a limit of file
# descriptors (ulimit -Hn) of N and a thousand more, for either process. Fails if a ping is
# not answered, a process has more threads than two, or both take more than LIMIT MiB (1024).

. "$(dirname "$0")/nodes"

if [ "${QUICK:-0}" = 1 ]; then
	STACKS=${STACKS:-1000}
fi
STACKS=${STACKS:-10000} ROUNDS=${ROUNDS:-3} LIMIT=${LIMIT:-1024}
flight=$((STACKS < 500 ? STACKS : 500))
if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt $((STACKS + 2 * flight + 50)) ]; then
	echo "stacks: $(ulimit -Hn) file descriptors are too few for $STACKS stacks (ulimit -Hn)" >&2
	exit 1
fi

${CC:-cc} $flags -I"$top/include" -o "$T/bin/stacks" "$here/stacks.c" \
	"${LIB:-$(dirname "$built")/libioth.a}" $libs || exit 1

measure()	# COUNT: with a switch of its own
{
	$as_user "$IOTH" switch -d -n $((STACKS + 10)) -p "$T/sw.pid" "$T/sw" || exit 1
	$as_user timeout 300 "$T/bin/stacks" "$T/sw" "$(cat "$T/sw.pid")" "$1" >"$T/out" || failed=1
	awk -F '\t' -v OFS='\t' -v n="$1 stacks" '{ print $1, $2, n, $3 }' "$T/out" >>"$T/samples"
	kill "$(cat "$T/sw.pid")"
	wait_for 10 test ! -e "$T/sw.pid"
	awk -F '\t' -v limit="$LIMIT" '
		$1 ~ /^memory .* both$/ && $3 > limit { print "too much: " $0; bad = 1 }
		$1 ~ /^threads/ && $3 > 2 { print "too many: " $0; bad = 1 }
		END { exit bad }' "$T/out" >&2 || failed=1
}

failed=0
for round in $(seq "$ROUNDS"); do
	measure $((STACKS / 10))
	measure "$STACKS"
	[ ! -t 2 ] || printf '\r%d of %d' "$round" "$ROUNDS" >&2
done
[ ! -t 2 ] || echo >&2
awk -v bench=stacks -v each=1 -v json="${JSON:-}" -f "$here/report.awk" "$T/samples"
exit $failed
