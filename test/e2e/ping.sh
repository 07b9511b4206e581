#!/bin/sh
# ping - unmodified ping, tracepath and traceroute, as an ordinary user
. "$(dirname "$0")/lib.sh"
need ping tracepath traceroute

start_switch
serve 2 sleep 1000
node 1 ping -c 1 -w 20 10.0.0.2 >/dev/null	# it is there

ping_to()	# NAME ADDRESS ARGUMENTS...: three requests, three answers
{
	name=$1 to=$2
	shift 2
	out=$(node 1 ping -n -c 3 -i 0.1 -w 20 "$@" "$to" 2>&1) || true
	contains "$name" "$out" "3 received"
}

ping_to v4 10.0.0.2
ping_to v6 fd00::2
ping_to fragments4 10.0.0.2 -s 4000
ping_to fragments6 fd00::2 -s 4000
ping_to source 10.0.0.2 -I 10.0.0.1
ping_to device fd00::2 -I eth0
ping_to ourselves 127.0.0.1
out=$(node 1 ping -n -c 1 -w 20 -R 10.0.0.2 2>&1) || true	# the way there and back
contains record_route "$(echo "$out" | tr -s ' \t\n' ' ')" "RR: 10.0.0.1 10.0.0.2 10.0.0.2 10.0.0.1"
contains timestamps "$(node 1 ping -n -c 1 -w 20 -T tsandaddr 10.0.0.2 2>&1)" "10.0.0.2"
contains too_large "$(node 1 ping -n -c 1 -w 20 -M do -s 3000 10.0.0.2 2>&1)" "mtu=1500"
contains unreachable "$(node 1 ping -n -c 1 -w 20 10.0.0.77 2>&1)" "Destination Host Unreachable"

out=$(node 1 tracepath -n 10.0.0.2 2>&1) || true
contains tracepath4 "$out" "10.0.0.2"
contains tracepath4_end "$out" "reached"
out=$(node 1 tracepath -n fd00::2 2>&1) || true
contains tracepath6 "$out" "reached"
contains traceroute_icmp4 "$(node 1 traceroute -n -I 10.0.0.2 2>&1)" " 10.0.0.2 "
contains traceroute_icmp6 "$(node 1 traceroute -n -6 -I fd00::2 2>&1)" " fd00::2 "
contains traceroute_udp4 "$(node 1 traceroute -n -N 1 10.0.0.2 2>&1)" " 10.0.0.2 "
contains traceroute_udp6 "$(node 1 traceroute -n -6 -N 1 fd00::2 2>&1)" " fd00::2 "

if on_host; then
	skip traceroute_tcp "raw sockets need privilege on the kernel's stack"
else
	contains traceroute_tcp "$(node 1 traceroute -n -T 10.0.0.2 2>&1)" " 10.0.0.2 "
fi
finish
