#!/bin/sh
# netlink - programs see and change the node's interfaces, addresses, routes, rules,
# neighbours and sockets, not the machine's. What ip says in each case is compared
# with Linux in netlink_diff.
. "$(dirname "$0")/lib.sh"
need ip ss python3

start_switch
contains ip_addr4 "$(node 1 ip -4 addr show dev eth0)" "inet 10.0.0.1/24 brd 10.0.0.255"
contains ip_addr6 "$(node 1 ip -6 addr show dev eth0)" "inet6 fd00::1/64"
same ip_link "$(node 1 ip -o link | cut -d: -f2 | tr -d ' \n')" loeth0
contains ip_route "$(node 1 ip route)" "10.0.0.0/24 dev eth0"
contains ip_route6 "$(node 1 ip -6 route)" "fd00::/64 dev eth0"
same if_nameindex "$(node 1 python3 -c 'import socket; print(socket.if_nameindex())')" \
	"[(1, 'lo'), (2, 'eth0')]"
same if_nametoindex "$(node 1 python3 -c 'import socket; print(socket.if_nametoindex("eth0"))')" 2

contains addr_add "$(node 1 sh -c 'ip addr add 10.9.0.1/24 dev eth0 && ip addr')" "10.9.0.1/24"
contains route_add "$(node 1 sh -c 'ip route add 10.8.0.0/16 via 10.0.0.9; ip route get 10.8.1.1')" \
	"10.8.1.1 via 10.0.0.9 dev eth0 src 10.0.0.1"
contains link_down "$(node 1 sh -c 'ip link set eth0 down; ip link show eth0')" "state DOWN"
contains neigh_add "$(node 1 sh -c 'ip neigh add 10.0.0.7 lladdr 02::07 dev eth0 2>&1
	ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev eth0; ip neigh')" \
	"10.0.0.7 dev eth0 lladdr 02:00:00:00:00:07 PERMANENT"
contains rule_add "$(node 1 sh -c 'ip rule add from 10.0.0.1 table 7; ip rule')" \
	"32765:	from 10.0.0.1 lookup 7"

# What one process changes another one hears of.
watch()
{
	node 1 sh -c '
	ip monitor all >"$1" & pid=$!
	tries=100
	until grep -q 10.7.0.1 "$1" || [ $tries = 0 ]; do
		ip addr replace 10.7.0.1/24 dev eth0
		ip addr del 10.7.0.1/24 dev eth0
		sleep 0.1
		tries=$((tries - 1))
	done
	ip link set eth0 mtu 1400
	ip route add blackhole 10.99.0.0/16
	tries=100
	until grep -q 10.99 "$1" || [ $tries = 0 ]; do
		sleep 0.1
		tries=$((tries - 1))
	done
	kill $pid' watch "$T/monitor"
}
watch
seen=$(cat "$T/monitor")
contains monitor_addr "$seen" "10.7.0.1/24"
contains monitor_deleted "$seen" "Deleted 2: eth0"
contains monitor_link "$seen" "mtu 1400"
contains monitor_route "$seen" "blackhole 10.99.0.0/16"

# A reader who is too slow is told that he missed something, and reads on.
cat >"$T/slow.py" <<'EOF'
import socket, struct
ADDR = bytes([10, 9, 0, 1])
def ask(what):
    body = struct.pack("BBBBi", 2, 24, 0, 0, 2) + struct.pack("HH4sHH4s", 8, 2, ADDR, 8, 1, ADDR)
    return struct.pack("IHHII", 16 + len(body), what, 0x401, 1, 0) + body
watcher = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
watcher.bind((0, 0x10))     # RTMGRP_IPV4_IFADDR
changer = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
for i in range(3000):
    changer.sendmsg([ask(20)])
    changer.sendmsg([ask(21)])
try:
    watcher.recvmsg(8192)
except OSError as e:
    print("missed", e.errno)
print("then", struct.unpack("IH", watcher.recvmsg(8192)[0][:6])[1])
EOF
same slow_reader "$(node 1 python3 "$T/slow.py")" "missed 105
then 20"

cat >"$T/socks.py" <<'EOF'
import socket, subprocess
l = socket.socket(); l.bind(("10.0.0.1", 80)); l.listen(7)
c = socket.create_connection(("10.0.0.1", 80)); a, _ = l.accept()
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::", 53))
print(subprocess.run(["ss", "-Htuanpi"], capture_output=True, text=True).stdout)
subprocess.run(["ss", "-HKt", "state", "established", "sport", "=", "80"], capture_output=True)
try:
    a.recv(1)
except OSError as e:
    print("killed", e.errno)
EOF
socks=$(node 1 python3 "$T/socks.py")
contains ss_listen "$(echo "$socks" | tr -s ' ')" "LISTEN 0 7 10.0.0.1:80 0.0.0.0:*"
contains ss_process "$socks" 'users:(("python3",pid='
contains ss_tcp_info "$socks" "cwnd:"
contains ss_udp6 "$(echo "$socks" | tr -s ' ')" "*:53 *:*"
contains ss_kill "$socks" "killed 104"	# a pair has no other end than a reset

if command -v ifconfig >/dev/null && command -v route >/dev/null && command -v arp >/dev/null; then
	contains ifconfig "$(node 1 sh -c 'ifconfig eth0 10.6.0.1 netmask 255.255.0.0 &&
		ip -4 addr show eth0')" "inet 10.6.0.1/16"
	contains route "$(node 1 sh -c 'route add -net 10.5.0.0/16 gw 10.0.0.9 && ip route')" \
		"10.5.0.0/16 via 10.0.0.9 dev eth0"
	contains arp "$(node 1 sh -c 'arp -s 10.0.0.8 02:00:00:00:00:08 && ip neigh')" \
		"10.0.0.8 dev eth0 lladdr 02:00:00:00:00:08 PERMANENT"
else
	skip net_tools "no ifconfig, route or arp here"
fi
finish
