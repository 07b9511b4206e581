#!/bin/sh
# kernel_router - our node and a host two hops away, behind a kernel that routes, over
# a path narrower than both links: gateways, the time to live, path MTU discovery
. "$(dirname "$0")/lib.sh"
need_kernel_nodes
need curl busybox nstat
if on_host; then
	skip "$TEST" "its nodes have no gateway"
	exit 0
fi

far_pid=
random_file big 5
want=$(sum <"$T/www/big")

far()	# PROGRAM...: on the host behind the router
{
	nsenter --net="/proc/$far_pid/ns/net" -- "$@"
}

away()	# PID: has it left our namespace?
{
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# The router's cable to it; what goes there must fit into 1300 bytes.
far_up()
{
	unshare --net sleep 1000 &
	far_pid=$!
	wait_for 30 away $far_pid
	kernel ip link add far0 type veth peer name eth0 netns $far_pid
	kernel ip link set far0 up
	kernel ip addr add 192.0.2.1/24 dev far0
	kernel ip addr add 2001:db8::1/64 dev far0 nodad
	kernel ip route replace 192.0.2.9 dev far0 mtu 1300
	kernel ip route replace 2001:db8::9 dev far0 mtu 1300
	kernel sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	far ip link set lo up
	far ip link set eth0 up
	far ip addr add 192.0.2.9/24 dev eth0
	far ip addr add 2001:db8::9/64 dev eth0 nodad
	far ip route add default via 192.0.2.1
	far ip route add default via 2001:db8::1
	far $peer serve "$T/www" </dev/null >"$T/far.log" 2>&1 &
	wait_for 30 grep -q '^ready' "$T/far.log" ||
		fail "$kind far host" "$(tail -n 3 "$T/far.log")"
}

counted()	# NAME: of the router
{
	[ "$(kernel nstat -asz "$1" 2>/dev/null | awk -v n="$1" '$1 == n { print $2 }')" -gt 0 ]
}

for k in $(switches); do
	start_switch $k
	kernel_up
	far_up
	NODE_OPTS="--gw 10.0.0.9 --gw fd00::9"
	serve_peers
	for a in 192.0.2.9 '[2001:db8::9]'; do
		same "$k fetch from $a" "$(node 2 curl -sS -m 100 "http://$a/big" 2>&1 | sum)" "$want"
		same "$k put to $a" \
			"$(node 2 curl -sS -m 100 -T "$T/www/big" "http://$a/put" 2>&1)" "$want"
	done
	for a in 10.0.0.1 '[fd00::1]'; do
		same "$k far host fetches from $a" \
			"$(far curl -sS -m 100 "http://$a/big" 2>&1 | sum)" "$want"
		same "$k far host puts to $a" \
			"$(far curl -sS -m 100 -T "$T/www/big" "http://$a/put" 2>&1)" "$want"
	done
	for a in 192.0.2.9 2001:db8::9; do
		check "$k udp to $a" node 2 $peer udp "$a" 1 1200 1400 8192
		check "$k refused by $a" node 2 $peer refused "$a"
	done
	check "$k far host pings us" far busybox ping -c 2 -W 2 -s 4000 10.0.0.1
	check "$k far host pings us v6" far busybox ping6 -c 2 -W 2 -s 4000 fd00::1
	check "$k router said fragmentation needed" counted IcmpOutDestUnreachs
	check "$k router said packet too big" counted Icmp6OutPktTooBigs
	stop_all
done
finish
