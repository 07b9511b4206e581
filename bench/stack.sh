#!/bin/sh
# stack - two processes each with a stack of the library, beside the kernel's paths
#
#	bench/stack.sh			IOTH=PATH (default build/ioth)
#	QUICK=1				the same rows in under a minute
#	ROUNDS=N SECONDS_EACH=S		how often, and how long each case runs
#	JSON=FILE			one JSON object per row as well
#
# The same program (netbench.c), blocking calls, default settings: over loopback, over
# veth between two namespaces, under "ioth run", and with libioth in itself, where the
# two stacks are on one switch, which introduces them to each other. doc/performance.md
# tells what the rows say.

. "$(dirname "$0")/nodes"
. "$here/subjects"

if [ "${QUICK:-0}" = 1 ]; then
	ROUNDS=${ROUNDS:-5} SECONDS_EACH=${SECONDS_EACH:-0.2}
fi
ROUNDS=${ROUNDS:-9} SECONDS_EACH=${SECONDS_EACH:-0.5}
CASES=${CASES:-bulk_16k bulk_64k bulk_1m lend_64k lend_1m fill_64k fill_1m rr crr udp_64}

${CC:-cc} $flags -DIOTH -I"$top/include" -o "$T/bin/netbench-ioth" "$here/netbench.c" \
	"${LIB:-$(dirname "$built")/libioth.a}" $libs || exit 1

veth()
{
	if why=$(need_kernel_nodes); [ -n "$why" ]; then
		absent "veth, cubic" "skipped: ${why##*: }"
		return
	fi
	unshare --net sleep 36000 &
	a=$!
	unshare --net sleep 36000 &
	b=$!
	for p in $a $b; do
		wait_for 5 sh -c "[ \"\$(readlink /proc/$p/ns/net)\" != \"\$(readlink /proc/$$/ns/net)\" ]"
	done
	nsenter --net="/proc/$a/ns/net" ip link add v0 type veth peer name v1 netns $b
	nsenter --net="/proc/$a/ns/net" sh -c 'ip addr add 10.9.0.1/24 dev v0; ip link set v0 up'
	nsenter --net="/proc/$b/ns/net" sh -c 'ip addr add 10.9.0.2/24 dev v1; ip link set v1 up'
	subject "veth, cubic" "-C cubic" 10.9.0.1 "nsenter --net=/proc/$a/ns/net --" \
		"nsenter --net=/proc/$b/ns/net --"
}

served()	# NAME ADDRESS OF THE SERVER'S, OF THE CLIENT'S
{
	for addr in $2 $3; do
		$as_user "$IOTH" stack "$T/stack-$addr" --net "$SW" --ip "$addr/16" \
			>"$T/stack-$addr.log" 2>&1 </dev/null &
		wait_for 10 test -S "$T/stack-$addr"
	done
	subject "$1" "" "$2" "$as_user env STACK=served" "$as_user env STACK=served" \
		"-n $T/stack-$2" "-n $T/stack-$3" "$T/bin/netbench-ioth"
}

cubic_loopback
subject "kernel loopback, $(cat /proc/sys/net/ipv4/tcp_congestion_control) (default)" \
	"" 127.0.0.1 "" ""
veth
start_switch ioth
subject "ioth library" "" 10.1.0.1 "$as_user" "$as_user" \
	"-n $SW -a 10.1.0.1/16" "-n $SW -a FRESH" "$T/bin/netbench-ioth"
subject "ioth library, plain=0" "" 10.1.0.4 "$as_user env STACK=native,plain=0" \
	"$as_user env STACK=native,plain=0" \
	"-n $SW -a 10.1.0.4/16" "-n $SW -a FRESH" "$T/bin/netbench-ioth"
subject "ioth library, asleep" "" 10.1.0.3 "$as_user env BUSY_READ=0" "$as_user env BUSY_READ=0" \
	"-n $SW -a 10.1.0.3/16" "-n $SW -a FRESH" "$T/bin/netbench-ioth"
served "ioth library, served" 10.1.0.5 10.1.0.6
run="$as_user $IOTH run --net $SW --ip"
subject "ioth run" "" 10.1.0.2 "$run 10.1.0.2/16 --" "$run FRESH --"
run_rounds stack
