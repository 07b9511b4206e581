#!/bin/sh
# procnet - with --proc-net what reads /proc/net sees the node, too: net-tools,
# static busybox, redirections of a shell; without it the machine
. "$(dirname "$0")/lib.sh"
need netstat nstat ss route ifconfig arp python3 busybox
if on_host; then
	skip procnet "shows the machine there"
	finish
	exit
fi

start_switch
NODE_OPTS='--proc-net --gw 10.0.0.254'
cat >"$T/socks.py" <<'EOF2'
import socket, subprocess, time
def words(*a):
    return " ".join(subprocess.run(a, capture_output=True, text=True).stdout.split())
l = socket.socket(); l.bind(("10.0.0.1", 80)); l.listen(7)
c = socket.create_connection(("10.0.0.1", 80)); a, _ = l.accept()
l6 = socket.socket(socket.AF_INET6); l6.bind(("fd00::1", 81)); l6.listen()
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::", 53))
c.send(b"hello")
print(words("netstat", "-tuanp"))
print(words("busybox", "netstat", "-tuan"))
c.close(); a.recv(9); a.close()
for i in range(100):
    time.sleep(0.05)
    if "TIME_WAIT" in words("netstat", "-tan"):
        print("waits")
        break
EOF2
socks=$(node 1 python3 "$T/socks.py" 2>&1)
contains listener "$socks" "tcp 0 0 10.0.0.1:80 0.0.0.0:* LISTEN"
contains listener6 "$socks" "tcp6 0 0 fd00::1:81 :::* LISTEN"
contains connection "$socks" "10.0.0.1:80 ESTABLISHED"
contains process "$socks" "/python3"
contains udp6 "$socks" "udp6 0 0 :::53 :::*"
contains busybox "$(echo "$socks" | sed -n 2p)" "fd00::1:81 :::* LISTEN"
contains time_wait "$socks" "waits"

shown=$(node 1 sh -c 'arp -s 10.0.0.9 02:00:00:00:00:09; ip link set eth0 mtu 1400
	route -n; route -6 -n; ifconfig -a; arp -n; netstat -i' 2>&1 | tr -s ' ')
contains route "$shown" "0.0.0.0 10.0.0.254 0.0.0.0 UG"
contains route_on_link "$shown" "10.0.0.0 0.0.0.0 255.255.255.0 U "
contains route6 "$shown" "fd00::/64 "
contains ifconfig6 "$shown" "inet6 fd00::1 prefixlen 64 scopeid 0x0<global>"
contains arp "$shown" "10.0.0.9 ether 02:00:00:00:00:09 CM"
contains interfaces "$shown" "eth0 1400"

contains shell "$(node 1 sh -c 'cat </proc/net/if_inet6; cat /proc/self/net/route')" \
	"fd000000000000000000000000000001 02 40 00"
contains python "$(node 1 python3 -c 'print(open("/proc/net/arp").read())')" "IP address"
contains not_made "$(node 1 cat /proc/net/softnet_stat 2>&1)" "No such file"
cat >"$T/count.py" <<'EOF2'
import socket, subprocess
def words(*a):
    return " ".join(subprocess.run(a, capture_output=True, text=True).stdout.split())
l = socket.socket(); l.bind(("10.0.0.1", 80)); l.listen(7)
c = socket.create_connection(("10.0.0.1", 80)); a, _ = l.accept()
c.send(b"hello"); a.recv(9)
try: socket.create_connection(("10.0.0.1", 81))
except ConnectionRefusedError: pass
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::", 53))
u.sendto(b"x", ("fd00::1", 53)); u.recv(9)
print(words("nstat", "-asz"))
print(words("netstat", "-s"))
print(words("ss", "-s"))
print(words("netstat", "-6s"))
EOF2
counts=$(node 1 python3 "$T/count.py" 2>&1)
contains nstat_opens "$(echo "$counts" | sed -n 1p)" "TcpActiveOpens 2 "
contains nstat_resets "$(echo "$counts" | sed -n 1p)" "TcpOutRsts 1 "
contains nstat_udp6 "$(echo "$counts" | sed -n 1p)" "Udp6InDatagrams 1 "
contains netstat_s "$(echo "$counts" | sed -n 2p)" "2 active connection openings 1 passive connection openings 1 failed connection attempts"
contains ss_s "$(echo "$counts" | sed -n 3p)" "TCP: 3 (estab 2,"
contains netstat_6s "$(echo "$counts" | sed -n 4p)" "1 packets received"
contains others "$(node 1 cat /proc/version)" "Linux"
same read_only "$(node 1 sh -c 'exec 5</proc/net/dev; echo x 2>/dev/null >&5 || echo refused')" refused
long=/$(printf '%0300d' 0)
contains long_name "$(node 1 cat "$long" 2>&1)" "$long"

NODE_OPTS=
same without "$(node 1 cat /proc/net/dev | cut -d: -f1)" "$(cut -d: -f1 /proc/net/dev)"
finish
