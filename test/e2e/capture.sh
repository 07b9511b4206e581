#!/bin/sh
# capture - capture://, trace:// and ioth trace, read by tcpdump and by a reader of ours
. "$(dirname "$0")/lib.sh"
need python3 curl tcpdump
if on_host; then
	skip capture "plugs are ours"
	exit 0
fi
read_file="python3 $(dirname "$0")/pcapng.py"

via()	# LOCATOR PROGRAM...: run as the node 10.0.0.2 there
{
	net=$1
	shift
	ioth run --net "$net" --ip 10.0.0.2/24 --name looker -- "$@"
}

reads()	# FILE: how tcpdump shows it, with its sums checked
{
	tcpdump -nvr "$1" 2>/dev/null
}

mkdir "$T/www"
random_file "$T/www/big" 2
start_switch
serve 1 python3 -m http.server 8000 --bind :: -d "$T/www"
wait_port 10.0.0.1 8000

# As it passes, and as on a wire: the same bytes
fetch="curl -sf http://10.0.0.1:8000/big -o $T/got"
check fetch via "capture://$T/whole{capture://$T/cut[cut=1]{capture://$T/snap[snap=96]{$SW}}}" $fetch
same bytes "$(sum "$T/got")" "$(sum "$T/www/big")"
for f in whole cut; do
	check "$f is_strict" $read_file info "$T/$f"
	$read_file stream "$T/$f" 8000 >"$T/stream" 2>"$T/why"
	tail -c 2097152 "$T/stream" >"$T/payload"
	same "$f carries_all" "$(sum "$T/payload") $(cat "$T/why")" "$(sum "$T/www/big") "
	check "$f swaps" $read_file swap "$T/$f" "$T/$f.swapped"
	check "$f swapped_is_strict" $read_file info "$T/$f.swapped"
	reads "$T/$f" >"$T/$f.txt"
	contains "$f tcpdump_sees" "$(cat "$T/$f.txt")" "10.0.0.1.8000 > 10.0.0.2."
	same "$f tcpdump_swapped" "$(reads "$T/$f.swapped" | cksum)" "$(cksum <"$T/$f.txt")"
done
same cut_sums "$(grep -c incorrect "$T/cut.txt")" 0
contains cut_frames "$($read_file info "$T/cut")" "longest 1514 "
contains whole_says "$($read_file info "$T/whole")" "comment ioth looker user="
contains whole_interface "$($read_file info "$T/whole")" "interface 1 snap 0 capture://$T/cut"
contains snapped "$($read_file info "$T/snap")" "interface 1 snap 96 $SW 10^-9"
contains end_told "$($read_file info "$T/whole")" " dropped 0"
[ "$(wc -c <"$T/snap")" -lt "$(($(wc -c <"$T/cut") / 4))" ] && ok snap_is_small ||
	fail snap_is_small "$(wc -c "$T/snap" "$T/cut")"

# Where nothing can be written
seen=$(via "capture:///dev/full{$SW}" $fetch 2>&1)
same full_passes "$(sum "$T/got")" "$(sum "$T/www/big")"
contains full_says "$seen" "capture /dev/full: No space left on device"
same full_once "$(echo "$seen" | grep -c 'No space')" 1
contains no_place "$(via "capture:///nowhere/x{$SW}" true 2>&1)" "/nowhere/x: No such file"
mkfifo "$T/fifo"
contains no_reader "$(via "capture://$T/fifo{$SW}" true 2>&1)" "start its reader first"

# Lines
seen=$(via "trace://{$SW}" $fetch 2>&1)
contains trace_arp "$seen" " out arp who-has 10.0.0.1 tell 10.0.0.2"
contains trace_in "$seen" " in  10.0.0.1.8000 > 10.0.0.2."
contains trace_super "$seen" " segments of 1448)"
check trace_file via "trace://$T/lines[cut=1]{$SW}" $fetch
contains trace_file_has "$(cat "$T/lines")" "arp who-has"
case $(cat "$T/lines") in
*"segments of"*) fail trace_cut "a super-frame is not cut" ;;
*)		ok trace_cut ;;
esac

# A port of its own: broadcasts are seen there
watching()	# NAME OPTIONS...: ioth trace in the background; sets bg
{
	name=$1
	shift
	exec_ioth trace "$@" >"$T/$name.out" 2>"$T/$name.err" &
	bg=$!
	jobs="$jobs$bg "
}

ask()	# until the tracer has ended: it may have joined after the first
{
	for i in 1 2 3 4 5 6 7 8 9 10; do
		node 3 ping -n -c 1 -W 1 10.0.0.77 >/dev/null 2>&1
		kill -0 "$1" 2>/dev/null || break
	done
}

watching lines "$SW" -n -e -c 3
ask $bg
ended $bg
same lines_status $status 0
same lines_count "$(wc -l <"$T/lines.out")" 3
same lines_link "$(grep -cE '^[0-9:.]+ [0-9a-f:]{17} > [0-9a-f:]{17} (ip4|ip6|arp): ' \
	"$T/lines.out")" 3
contains lines_told "$(cat "$T/lines.err")" "3 frames, 0 dropped"

watching file -w "$T/trace.pcapng" "$SW"
until [ -s "$T/trace.pcapng" ] && [ "$(wc -c <"$T/trace.pcapng")" -gt 500 ]; do
	node 3 ping -n -c 1 -W 1 10.0.0.77 >/dev/null 2>&1
done
kill -INT $bg
ended $bg
same file_status $status 0
check file_is_strict $read_file info "$T/trace.pcapng"
contains file_told "$(cat "$T/file.err")" " frames, 0 dropped"

exec_ioth trace -w - -c 2 "$SW" 2>/dev/null >"$T/pipe" &
bg=$!
ask $bg
ended $bg
same pipe "$(tcpdump -nr - 2>/dev/null <"$T/pipe" | wc -l)" 2

watching some "$SW" -c 2 -w "$T/some.pcapng" arp and 'arp[6:2] = 1'
ask $bg
ended $bg
contains filter_told "$($read_file info "$T/some.pcapng")" "filter arp and arp[6:2] = 1"
same filter_shows "$(tcpdump -nr "$T/some.pcapng" 2>/dev/null | grep -vc 'ARP, Request')" 0
contains filter_bad "$(ioth trace "$SW" no such thing 2>&1)" "trace: no such thing: "
same filter_status "$(status_of ioth trace "$SW" no such thing)" 2

# What a switch is asked to show: unicast of others
rules()
{
	ioth switch "$SW" port/rules
}

no_rules()
{
	[ -z "$(rules)" ]
}

serve 4 ping -n -i 0.2 10.0.0.1
wait_log 4 "bytes from"
for which in all 1; do
	watching "mirror_$which" "$SW" --mirror $which -c 6 icmp
	ended $bg
	same "mirror_$which" "$status $(wc -l <"$T/mirror_$which.out")" "0 6"
	contains "mirror_$which requests" "$(cat "$T/mirror_$which.out")" \
		"10.0.0.4 > 10.0.0.1: icmp echo request"
	contains "mirror_$which replies" "$(cat "$T/mirror_$which.out")" "icmp echo reply"
	same "mirror_${which}_is_taken_back" "$(rules)" ""
done
watching killed "$SW" --mirror all -w "$T/killed.pcapng"
wait_for 30 grep -q . "$T/killed.pcapng"
contains mirror_is_set "$(rules)" "port/setmirror 1 "
kill -KILL $bg
ended $bg
wait_for 30 no_rules || true
same mirror_of_a_killed_one "$(rules)" ""
same mirror_of_a_namesake "$(python3 "$(dirname "$0")/namesake.py" "$SW" "$IOTH" trace "$SW" \
	--mirror all -c 4 icmp 2>/dev/null | tail -n 1)" 0
contains mirror_elsewhere "$(ioth trace --mirror all "trace://{$SW}" 2>&1)" "give its path"
same mirror_which "$(status_of ioth trace --mirror some "$SW")" 2

same no_locator "$(status_of ioth trace)" 2
same no_switch "$(status_of ioth trace "$T/none")" 1
finish
