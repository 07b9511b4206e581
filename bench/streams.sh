#!/bin/sh
# streams - a thousand connections at once between two processes, and their shares
#
#	bench/streams.sh		IOTH=PATH (default build/ioth)
#	COUNT=N				connections (1000; QUICK=1: 100)
#	ROUNDS=N SECONDS_EACH=S JSON=FILE
#
# The same program (streams.c), one thread a side, epoll: over loopback, and with a stack
# of the library in each process on one switch. Subjects take turns.

. "$(dirname "$0")/nodes"

if [ "${QUICK:-0}" = 1 ]; then
	COUNT=${COUNT:-100} ROUNDS=${ROUNDS:-2}
fi
COUNT=${COUNT:-1000} ROUNDS=${ROUNDS:-5} SECONDS_EACH=${SECONDS_EACH:-2}
if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt $((2 * COUNT + 50)) ]; then
	echo "streams: $(ulimit -Hn) file descriptors are too few for $COUNT connections (ulimit -Hn)" >&2
	exit 1
fi

flags="$flags -Wno-unused-function"
${CC:-cc} $flags -o "$T/bin/streams" "$here/streams.c" || exit 1
${CC:-cc} $flags -DIOTH -I"$top/include" -o "$T/bin/streams-ioth" "$here/streams.c" \
	"${LIB:-$(dirname "$built")/libioth.a}" $libs || exit 1
start_switch ioth

measure()	# NAME PROGRAM ADDRESS "SERVER'S OPTIONS" "CLIENT'S OPTIONS"
{
	$as_user "$2" serve $4 "$port" "$COUNT" "$SECONDS_EACH" >"$T/out" 2>"$T/err" &
	server=$!
	if ! wait_for 10 grep -q ready "$T/out" ||
	   ! $as_user timeout 60 "$2" client $5 "$3" "$port" "$COUNT" 2>>"$T/err"; then
		echo "streams: $1: $(tail -n 1 "$T/err")" >&2
		kill $server
	fi
	wait $server
	awk -F '\t' -v OFS='\t' -v name="$1" 'NF == 3 { print $1, $2, name, $3 }' "$T/out" >>"$T/samples"
	port=$((port + 1))
}

for round in $(seq "$ROUNDS"); do
	measure "kernel loopback" "$T/bin/streams" 127.0.0.1 "" ""
	measure "ioth library" "$T/bin/streams-ioth" 10.1.0.1 "-n $SW -a 10.1.0.1/16" \
		"-n $SW -a 10.1.0.2/16"
	measure "ioth, plain epoll" "$T/bin/streams-ioth" 10.1.0.1 "-p -n $SW -a 10.1.0.1/16" \
		"-p -n $SW -a 10.1.0.2/16"
	[ ! -t 2 ] || printf '\r%d of %d' "$round" "$ROUNDS" >&2
done
[ ! -t 2 ] || echo >&2
awk -v bench=streams -v json="${JSON:-}" -f "$here/report.awk" "$T/samples"
