#!/bin/sh
# netlink - programs that look at their interfaces see the node's, not the machine's
. "$(dirname "$0")/lib.sh"
need ip python3

start_switch
contains ip_addr4 "$(node 1 ip -4 addr show dev eth0)" "inet 10.0.0.1/24 brd 10.0.0.255"
contains ip_addr6 "$(node 1 ip -6 addr show dev eth0)" "inet6 fd00::1/64"
same ip_link "$(node 1 ip -o link | cut -d: -f2 | tr -d ' \n')" loeth0
contains ip_route "$(node 1 ip route)" "10.0.0.0/24 dev eth0"
contains ip_route6 "$(node 1 ip -6 route)" "fd00::/64 dev eth0"
same if_nameindex "$(node 1 python3 -c 'import socket; print(socket.if_nameindex())')" \
	"[(1, 'lo'), (2, 'eth0')]"
same if_nametoindex "$(node 1 python3 -c 'import socket; print(socket.if_nametoindex("eth0"))')" 2
same no_changes "$(status_of node 1 ip link set eth0 down)" 1
finish
