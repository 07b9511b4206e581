#!/bin/sh
# iperf3 - plain, reverse, parallel, UDP; by both families
. "$(dirname "$0")/lib.sh"
need iperf3 python3

# Prints the field of the JSON result, or its error.
field='import json, sys
r = json.load(open(sys.argv[1]))
try:
	v = r["end"]
	for key in sys.argv[2].split("."):
		v = v[key]
	print(int(v))
except KeyError:
	print(r.get("error", "no " + sys.argv[2]))'

measure()	# NAME FIELD LEAST ARGS...: the field is at least so much
{
	name=$1 what=$2 least=$3
	shift 3
	node 2 iperf3 -J "$@" >"$T/$name.json" 2>"$T/$name.err" || true
	value=$(python3 -c "$field" "$T/$name.json" "$what" 2>&1)
	case $value in
	*[!0-9]* | '')
		fail "$name" "$value $(cat "$T/$name.err")" ;;
	*)	if [ "$value" -ge "$least" ]; then
			ok "$name"
		else
			fail "$name" "$what is only $value"
		fi ;;
	esac
}

start_switch
serve 1 iperf3 -s --forceflush
wait_log 1 listening
received=sum_received.bits_per_second
mbit=1000000

measure plain $received $((20 * mbit)) -c 10.0.0.1 -t 2
measure reverse $received $((20 * mbit)) -c 10.0.0.1 -t 2 -R
measure parallel $received $((20 * mbit)) -c 10.0.0.1 -t 2 -P 4
measure parallel_reverse $received $((20 * mbit)) -c 10.0.0.1 -t 2 -P 4 -R
measure bidirectional $received $((10 * mbit)) -c 10.0.0.1 -t 2 --bidir
measure v6 $received $((20 * mbit)) -c fd00::1 -t 2
measure udp sum.packets 100 -c 10.0.0.1 -t 2 -u -b 10M
measure udp_reverse sum.packets 100 -c 10.0.0.1 -t 2 -u -b 10M -R
measure udp_v6 sum.packets 100 -c fd00::1 -t 2 -u -b 10M
lost=$(python3 -c "$field" "$T/udp.json" sum.lost_percent 2>&1)
case $lost in
[0-9])	ok udp_arrives ;;
*)	fail udp_arrives "$lost % lost at 10 Mbit/s" ;;
esac
finish
