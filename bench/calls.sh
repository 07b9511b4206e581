#!/bin/sh
# calls - system calls of nodes for one operation of a program (strace -c)
#
#	bench/calls.sh [CASE...]	of netbench: rr bulk_64k bulk_4k crr udp_64
#	SECONDS_EACH=S			how long each case runs (default 1)
#	IOTH=PATH			(default build/ioth)
#
# A switch, a server node and for each case a client node. While the case runs strace
# counts what the two supervisors call; the program itself is not traced. A traced
# process is slow, so batches are larger than in life where data comes faster than
# it is handled; of rr and crr the counts are those of life.

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
IOTH=${IOTH:-$top/build/ioth}
T=$(mktemp -d /tmp/calls.XXXXXX) || exit 1
pids=
trap 'kill $pids 2>/dev/null; wait; rm -rf "$T"' EXIT
command -v strace >/dev/null || { echo "calls: strace is not installed" >&2; exit 1; }
${CC:-cc} -O2 -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -pthread -o "$T/netbench" \
	"$here/netbench.c" || exit 1

# What runs the stack is the front's child that has a thread more.
supervisor()	# PID OF FRONT
{
	for i in 1 2 3 4 5 6 7 8 9 10; do
		for p in $(cat "/proc/$1/task/$1/children"); do
			if [ "$(ls "/proc/$p/task" | wc -l)" -gt 1 ]; then
				echo "$p"
				return
			fi
		done
		sleep 0.2
	done
}

watch()	# PID FILE
{
	strace -q -f -c -p "$1" -o "$2" 2>/dev/null &
	pids="$pids $!"
	watchers="$watchers $!"
}

table()	# CASE SIDE FILE OPERATIONS
{
	awk -v head="$1 $2" -v n="$4" '
	$1 ~ /^[0-9.]+$/ && $NF != "total" { c[$NF] = $4 / n; sum += $4 / n }
	END {
		printf "%-18s %6.2f ", head, sum
		while (1) {
			best = ""
			for (k in c)
				if (c[k] >= 0.05 && (best == "" || c[k] > c[best]))
					best = k
			if (best == "")
				break
			printf " %s %.2f", best, c[best]
			delete c[best]
		}
		print ""
	}' "$3"
}

"$IOTH" switch "$T/sw" & pids="$pids $!"
sleep 0.3
"$IOTH" run --net "$T/sw" --ip 10.1.0.1/16 -- "$T/netbench" serve 5201 >/dev/null &
server=$!
pids="$pids $server"
server_node=$(supervisor $server)
echo "calls for one operation, of the node of the client and of the server:"
for case in ${*:-rr bulk_64k bulk_4k crr udp_64}; do
	watchers=
	mkfifo "$T/go"
	"$IOTH" run --net "$T/sw" --ip 10.1.0.2/16 -- sh -c \
		"read go <$T/go; exec $T/netbench client 10.1.0.1 5201 ${SECONDS_EACH:-1} $case" \
		>/dev/null 2>"$T/said" &
	client=$!
	watch "$(supervisor $client)" "$T/client"
	watch "$server_node" "$T/server"
	sleep 0.5
	echo go >"$T/go"
	wait $client
	kill -INT $watchers 2>/dev/null
	wait $watchers
	n=$(awk '/operations$/ { print $2 }' "$T/said")
	[ "$n" ] || { cat "$T/said" >&2; exit 1; }
	table "$case" client "$T/client" "$n"
	table "$case" server "$T/server" "$n"
	rm "$T/go"
done
