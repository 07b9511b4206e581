#!/bin/sh
# hard - programs that are hard on their node, and a node with few descriptors
. "$(dirname "$0")/lib.sh"
need python3

hard() { node 1 python3 "$(dirname "$0")/hard.py" "$@" 2>&1 | tail -n 1; }

start_switch
same at_once "$(hard at_once 300)" 0
same killed_anywhere "$(hard killed 100)" 0
same stopped_while_sending "$(hard stopped)" "0 True"
same closes_everything "$(hard closes_all)" 0
if ! on_host; then	# what is looked at is the node's process
	same one_after_another "$(hard one_after_another 1000)" "done"
	same waiting_calls_cost_little "$(hard waiting 200)" little
	same few_descriptors "$(ulimit -Sn 250 && ulimit -Hn 300 && hard few_descriptors)" "0 100"
fi
finish
