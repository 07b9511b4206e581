#!/bin/sh
# kernel_misc - what else two stacks say to each other: echo, UDP whole and in
# fragments, refusals, many connections, half-closed ones, closed windows, resets,
# options; and the kernel node must not have counted a bad checksum or header
. "$(dirname "$0")/lib.sh"
need_kernel_nodes
need busybox ss nstat

pings()
{
	for size in 56 8000; do
		check "$kind ping v4 $size" kernel busybox ping -c 3 -i 0.2 -W 2 -s $size 10.0.0.1
		check "$kind ping v6 $size" kernel busybox ping6 -c 3 -i 0.2 -W 2 -s $size fd00::1
	done
}

exchanges()	# NAME ADDRESS RUNNER...
{
	who="$kind $1" addr=$2
	shift 2
	check "$who udp" "$@" $peer udp "$addr" 0 1 64 1472
	check "$who udp fragments" "$@" $peer udp "$addr" 1473 3000 8192 20000
	check "$who udp refused" "$@" $peer udp_refused "$addr"
	check "$who tcp refused" "$@" $peer refused "$addr"
	check "$who 50 connections" "$@" $peer many "$addr" 50
	check "$who half close" "$@" $peer half "$addr"
	check "$who half close by the other" "$@" $peer half_other "$addr"
	check "$who slow readers" "$@" $peer slow "$addr"
	check "$who resets" "$@" $peer reset "$addr"
}

# What ss says of a connection of ours, as the kernel node sees it.
options()
{
	node 2 $peer hold 10.0.0.9 3 >"$T/hold.log" 2>&1 &
	if ! wait_for 30 sh -c "nsenter --net=/proc/$kernel_pid/ns/net ss -Htn dst 10.0.0.2 |
			grep -q ESTAB"; then
		fail "$kind options" "no connection: $(cat "$T/hold.log")"
		return
	fi
	sleep 0.2
	seen=$(kernel ss -Htino dst 10.0.0.2)
	for o in ts sack wscale:; do
		case $seen in
		*" $o"*) ok "$kind option $o" ;;
		*)	 fail "$kind option $o" "$seen" ;;
		esac
	done
}

# Nothing of what the kernel received was malformed, or a datagram incomplete.
counters()
{
	bad=$(kernel nstat -asz 2>/dev/null | awk '
		$1 ~ /InCsumErrors|InHdrErrors|InErrors|InErrs|ReasmFails|InTruncatedPkts|InAddrErrors/ &&
		$2 != 0 { print $1, $2 }')
	same "$kind counters" "$bad" ""
}

for k in $(switches); do
	start_switch $k
	kernel_up
	serve_peers
	pings
	exchanges "to kernel v4" 10.0.0.9 node 2
	exchanges "to kernel v6" fd00::9 node 2
	exchanges "to us v4" 10.0.0.1 kernel
	exchanges "to us v6" fd00::1 kernel
	options
	counters
	stop_all
done
finish
