#!/bin/sh
# rules - a port's guard and filter, suppression and snooping, with real nodes behind them
. "$(dirname "$0")/lib.sh"
need python3 socat ip

if on_host; then
	skip rules "the yardstick has no switch of ours"
	exit 0
fi

say()	# COMMAND...: the switch's console
{
	ioth switch "$SW" "$@"
}

on()	# PORT FUNCTION ARGUMENTS...: nodes of that function join there
{
	plain=$SW
	SW="$plain[$1]"
	shift
	"$@" && rc=0 || rc=$?
	SW=$plain
	return $rc
}

joined()	# PORT
{
	say port/print "$1" | grep -q " ACTIVE "
}

serve_on()	# PORT N PROGRAM...: returns when the node is there
{
	port=$1
	shift
	on "$port" serve "$@"
	wait_for 30 joined "$port" || fail "$TEST" "node $1 did not join: $(tail -n 3 "$T/node$1.log")"
}

probe()	# PORT N ADDRESS SECONDS: does the node N, there, reach the server?
{
	on "$1" node "$2" timeout "$4" "$BIN/raw_static" probe "$3" 80 "$4" 2>/dev/null
}

seen()	# PORT: frames that its rules for what leaves have decided about
{
	say filter/print "$1" | sed -n 's/.* out .* frames \([0-9]*\) .*/\1/p' | paste -sd ' '
}

start_switch
serve_on 1 1 python3 -m http.server -b :: 80
wait_port 10.0.0.1 80

# --- guard: port 2 may be 10.0.0.2 and fd00::2 ---
say guard/add 2 10.0.0.2 fd00::2
check guard_own_4 probe 2 2 10.0.0.1 15
check guard_own_6 probe 2 2 fd00::1 15
refused() { ! probe 2 66 "$1" 2; }
check guard_foreign_4 refused 10.0.0.1
check guard_foreign_6 refused fd00::1
check guard_other_port probe 3 66 10.0.0.1 15
dropped() { say guard/print 2 | grep -Eq -- "-- [1-9][0-9]* $1"; }
check guard_counts_arp dropped "ARP for an address"
check guard_counts_ip dropped "source address"
say guard/clear 2

# --- filter: the node 10.0.0.3 may not use the server, by any port ---
say filter/add 1 out deny 'ip src host 10.0.0.3 and tcp dst port 80'
denied() { ! probe 2 3 10.0.0.1 2; }
check filter_denies denied
check filter_permits_another_host probe 2 4 10.0.0.1 15
check filter_permits_another_protocol probe 2 3 fd00::1 15
same filter_counts "$([ "$(seen 1)" -gt 0 ] && echo yes)" yes
status=$(status_of say filter/add 1 in deny 'ip src host')
same filter_wrong_status "$status" 1
contains filter_wrong_says "$(cat "$T/out")" "pcap-filter(7)"
say filter/clear 1

# --- suppression: a third port does not hear the same question again ---
serve_on 3 3 sleep 600
third=$bg
say filter/add 3 out permit 'arp[6:2] = 1 and arp src host 10.0.0.2 and arp dst host 10.0.0.1'
say filter/add 3 out permit 'ip6 src fd00::2 and icmp6 and ip6[40] = 135 and ip6[60:4] = 1'
cat >"$T/ask" <<'END'
for i in 1 2 3; do
	while ! [ -e "$T/go$i" ]; do sleep 0.1; done
	ip neigh flush all
	"$BIN/raw_static" probe 10.0.0.1 80 15 && "$BIN/raw_static" probe fd00::1 80 15 &&
		echo "reached $i"
done
END
serve_on 2 2 env T="$T" BIN="$BIN" sh "$T/ask"
asker=$bg
reach()	# I
{
	touch "$T/go$1"
	wait_log 2 "reached $1"
	seen 3
}
all=$(reach 1)
case $all in
0\ * | *\ 0 | '') fail suppress_off "questions did not reach all: '$all'" ;;
*) ok suppress_off ;;
esac
say suppress/set 1
say suppress/setfresh 3600
first=$(reach 2)
answers=$(say suppress/showinfo | sed -n 's/^answers //p')
same suppress_spares_others "$(reach 3)" "$first"
now=$(say suppress/showinfo | sed -n 's/^answers //p')
same suppress_answers "$([ "$now" -ge $((answers + 2)) ] && echo yes)" yes
ended "$asker"
say suppress/set 0

# --- snooping: a group's frames do not reach who is no member, once a querier is there ---
say filter/clear 3
say filter/add 3 out permit 'udp and dst host 239.1.2.3'
serve_on 2 2 socat -dd -u UDP4-RECV:5000,ip-add-membership=239.1.2.3:10.0.0.2 STDOUT
wait_log 2 "starting data transfer"
send() { echo "$1" | on 5 node 5 socat -u STDIN UDP4-DATAGRAM:239.1.2.3:5000,ip-multicast-if=10.0.0.5; }
send unasked
wait_log 2 unasked
same snoop_all_without_querier "$(seen 3)" 1
cat >"$T/querier.py" <<'END'
import socket
query = bytes([0x11, 1, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0])
total = sum(int.from_bytes(query[i:i + 2], "big") for i in range(0, len(query), 2))
total = ~(total + (total >> 16)) & 0xffff
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
s.sendto(query[:2] + total.to_bytes(2, "big") + query[4:], ("224.0.0.1", 0))
END
on 4 node 9 python3 "$T/querier.py"
known()
{
	say snoop/print >"$T/groups"
	grep -q "^239.1.2.3 VLAN 0000 ports 2$" "$T/groups" && grep -q "(querier)" "$T/groups"
}
check snoop_knows wait_for 30 known
send asked
wait_log 2 asked
same snoop_members_only "$(seen 3)" 1
stop "$third"
finish
