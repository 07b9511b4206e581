#!/bin/sh
# gro - many datagrams by one call, sent and received (UDP_SEGMENT, UDP_GRO)
. "$(dirname "$0")/lib.sh"
need python3

gro=$(dirname "$0")/gro.py
start_switch
same loopback "$(node 1 python3 "$gro" self)" "[1000, 1000, 500]
2500 1000 1"
if on_host; then
	skip wire "the yardstick's nodes are not on one link"
	finish
	exit
fi
for how in joined plain; do
	for to in 10.0.0.2 fd00::2; do
		serve 2 timeout 100 python3 "$gro" serve 5000 ${how#joined}
		wait_log 2 ready
		check "send_$how" node 1 python3 "$gro" send $to 5000
		ended "$bg"
		contains "$how $to" "$(cat "$T/node2.log")" "sizes [1000] some"
	done
done
finish
