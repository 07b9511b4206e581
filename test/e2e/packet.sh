#!/bin/sh
# packet - tcpdump, arping and DHCP clients: packet sockets, as an ordinary user
. "$(dirname "$0")/lib.sh"
need tcpdump arping busybox dhclient

if on_host; then
	skip packet "packet sockets need privilege on the kernel's stack"
	exit 0
fi
start_switch
serve 2 sleep 1000
node 1 ping -n -c 1 -w 20 10.0.0.2 >/dev/null	# it is there

contains arping "$(node 1 arping -c 2 -w 20 -I eth0 10.0.0.2 2>&1)" "Received 2 response(s)"

cat >"$T/watch" <<'END'
#!/bin/sh
# watch INTERFACE COUNT FILTER: what tcpdump sees of three pings
tcpdump -n -l -i "$1" -c "$2" "$3" 2>watch.log &
until grep -q listening watch.log; do sleep 0.05; done
ping -n -c 3 -i 0.1 -w 20 10.0.0.2 >/dev/null
wait
END
chmod +x "$T/watch"
cd "$T"
seen=$(node 1 timeout 60 ./watch eth0 6 icmp)
contains tcpdump_out "$seen" "IP 10.0.0.1 > 10.0.0.2: ICMP echo request"
contains tcpdump_in "$seen" "IP 10.0.0.2 > 10.0.0.1: ICMP echo reply"
same tcpdump_count "$(echo "$seen" | grep -c ICMP)" 6
seen=$(node 1 timeout 60 ./watch any 2 "icmp[icmptype] == icmp-echoreply")
contains tcpdump_any "$seen" "eth0  In  IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id"
same tcpdump_filter "$(echo "$seen" | grep -c ICMP)" 2

cat >udhcpd.conf <<END
start 10.0.0.50
end 10.0.0.60
interface eth0
lease_file $T/leases
pidfile $T/udhcpd.pid
option subnet 255.255.255.0
option router 10.0.0.3
END
: >leases
cat >told <<'END'
#!/bin/sh
# told REASON, or $reason: what a DHCP client wants done
case ${reason:-$1} in
BOUND) ip addr add "$new_ip_address/24" dev "$interface" ;;
bound) ifconfig "$interface" "$ip" netmask "$subnet"; route add default gw "$router" ;;
esac
exit 0
END
chmod +x told
serve 3 busybox udhcpd -f udhcpd.conf
wait_log 3 started

unnamed()	# PROGRAM...: a node without an address
{
	ioth run --net "$SW" -- "$@"
}

out=$(unnamed sh -c "busybox udhcpc -f -q -n -t 10 -T 1 -i eth0 -s '$T/told' 2>&1
	ip -4 addr show eth0; ip route; ping -n -c 1 -w 20 10.0.0.2") || true
contains udhcpc "$out" "obtained from 10.0.0.3"
contains udhcpc_route "$out" "default via 10.0.0.3 dev eth0"
contains udhcpc_ping "$out" "1 received"

cat >lease <<END
#!/bin/sh
dhclient -1 -v -d -sf '$T/told' -lf '$T/lease.db' -pf '$T/dhclient.pid' eth0 >dhclient.log 2>&1 &
for i in \$(seq 300); do
	grep -q 'bound to' dhclient.log && break
	sleep 0.1
done
ip -4 addr show eth0
kill \$!
wait
END
chmod +x lease
out=$(unnamed timeout 60 ./lease 2>&1) || true
contains dhclient "$(cat dhclient.log)" "DHCPACK of 10.0.0."
contains dhclient_address "$out" "inet 10.0.0."
finish
