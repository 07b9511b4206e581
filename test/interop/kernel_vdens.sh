#!/bin/sh
# kernel_vdens - a program in Debian's vdens, which plugs a namespace into a switch,
# talks to programs of ours
. "$(dirname "$0")/lib.sh"
need_kernel_nodes
need vdens curl

random_file page 3
want=$(sum <"$T/www/page")

inside()	# COMMAND: a shell line in a fresh vdens
{
	timeout -k 5 40 vdens "vde://$SW" sh -c "ip link set vde0 up && ip addr add 10.0.0.8/24 dev vde0 &&
		ip addr add fd00::8/64 dev vde0 nodad && $1" </dev/null
}

served()	# until our client reaches it
{
	node 2 curl -sS -m 2 -o "$T/probe" http://10.0.0.8/page
}

for k in $(switches); do
	start_switch $k
	kernel_up
	serve_peers
	for a in 10.0.0.1 '[fd00::1]'; do
		inside "curl -sS -m 100 'http://$a/page'" >"$T/got" 2>"$T/vdens.log"
		same "$k vdens fetches from $a" "$(sum <"$T/got")" "$want"
	done
	inside "$peer serve $T/www" >"$T/vdens.log" 2>&1 &
	check "$k vdens serves" wait_for 30 served
	for a in 10.0.0.8 '[fd00::8]'; do
		same "$k our client fetches from $a in vdens" \
			"$(node 2 curl -sS -m 100 "http://$a/page" 2>&1 | sum)" "$want"
	done
	stop_all
done
finish
