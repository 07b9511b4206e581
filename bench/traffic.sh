#!/bin/sh
# traffic - TCP and UDP between two programs, beside the kernel and Debian's switch
#
#	bench/traffic.sh		IOTH=PATH (default build/ioth)
#	QUICK=1				the same rows in under 50 s
#	ROUNDS=N SECONDS_EACH=S		how often, and how long each case runs
#	JSON=FILE			one JSON object per row as well
#
# All subjects are set up first; then a round measures one after the other, so that
# what disturbs the machine for a while disturbs all. The kernel's congestion control
# is CUBIC where the subject does not say otherwise. Kernel nodes need root, as CUBIC
# may: without it their rows say so.

. "$(dirname "$0")/nodes"
. "$here/subjects"

if [ "${QUICK:-0}" = 1 ]; then
	ROUNDS=${ROUNDS:-5} SECONDS_EACH=${SECONDS_EACH:-0.2}
fi
ROUNDS=${ROUNDS:-9} SECONDS_EACH=${SECONDS_EACH:-0.5}
CASES="bulk_64k bulk_4k rr crr udp_64"

kernel_nodes()	# NAME OF SWITCH
{
	if why=$(need_kernel_nodes); [ -n "$why" ]; then
		absent "kernel nodes, $1" "skipped: ${why##*: }"
		return
	fi
	kernel_new 1
	a=$kernel_pid
	kernel_new 2
	subject "kernel nodes, $1" "-C cubic" 10.0.0.1 "nsenter --net=/proc/$a/ns/net --" \
		"nsenter --net=/proc/$kernel_pid/ns/net --"
}

ioth_nodes()	# NAME OF SWITCH
{
	run="$as_user $IOTH run --net $SW --ip"
	subject "ioth nodes, $1" "" 10.1.0.1 "$run 10.1.0.1/16 --" "$run FRESH --"
}

set_up()
{
	cubic_loopback
	subject "kernel loopback, $(cat /proc/sys/net/ipv4/tcp_congestion_control) (default)" \
		"" 127.0.0.1 "" ""
	start_switch debian
	debian=$SW
	kernel_nodes "vde_switch"
	start_switch ioth
	kernel_nodes "our switch"
	ioth_nodes "our switch"
	SW=$debian
	ioth_nodes "vde_switch"
}

set_up
run_rounds traffic
