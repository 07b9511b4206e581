#!/bin/sh
# meet - two nodes are given a wire of their own and lose it in the middle of
# transfers: the same bytes arrive; who is killed takes nobody along
. "$(dirname "$0")/lib.sh"
need curl python3
if on_host; then
	skip "$TEST" "the host has no switch of ours"
	exit 0
fi

mkdir "$T/www"
random_file "$T/www/f" 24
want=$(sum "$T/www/f")
alone=
case " ${SWITCH_OPTS:-} " in *' --no-introductions '*) alone=yes ;; esac
SWITCH_OPTS="${SWITCH_OPTS:-} -v"
start_switch

at_port()	# PORT N PROGRAM...: a node in the background at that port
{
	port=$1 n=$2
	shift 2
	exec_ioth run --net "$SW[port=$port]" --ip "10.0.0.$n/24" -- "$@" </dev/null \
		>"$T/node$n.log" 2>&1 &
	bg=$!
	jobs="$jobs$bg "
}

fetch()	# N
{
	node "$1" curl -sS -m 120 http://10.0.0.1/f 2>&1 | sha256sum | cut -c 1-64
}

slowly()	# N: in the background, three seconds; the last part not before go_on
{
	rm -f "$T/go"
	node "$1" curl -sS -m 120 --limit-rate 8M http://10.0.0.1/f 2>&1 | {
		head -c 18000000
		until [ -e "$T/go" ]; do sleep 0.1; done
		cat
	} | sha256sum | cut -c 1-64 >"$T/sum" &
	slow=$!
}

go_on()
{
	touch "$T/go"
	wait $slow
}

said()	# WORD TIMES: the switch has said it that often
{
	[ "$(grep -c "$1" "$T/switch.log")" -ge "$2" ]
}

at_port 5 1 python3 -m http.server 80 -d "$T/www"
server=$bg
wait_port 10.0.0.1 80
same fetch "$(fetch 2)" "$want"
if [ -n "$alone" ]; then
	same nobody_meets "$(grep -c introduction "$T/switch.log")" 0
else
	check they_meet wait_for 30 said 'introduction [0-9]*$' 1
fi

# Somebody sits down at the server's port: its frames are for both, by the switch.
n_before=$(grep -c 'introduction [0-9]*$' "$T/switch.log")
slowly 3
[ -n "$alone" ] || check they_meet_again wait_for 30 said 'introduction [0-9]*$' $((n_before + 1))
at_port 5 9 sleep 2
[ -n "$alone" ] || check taken_back wait_for 30 said revoked "$n_before"
go_on
same taken_back_in_the_middle "$(cat "$T/sum")" "$want"
ended $bg

# A rule: from now on the switch has to see every frame; then not any more.
n_before=$(grep -c 'introduction [0-9]*$' "$T/switch.log")
slowly 10
[ -n "$alone" ] || check they_meet_before_a_rule wait_for 30 said 'introduction [0-9]*$' $((n_before + 1))
check a_port ioth switch "$SW" port/create 11
n_back=$(grep -c revoked "$T/switch.log")
check a_mirror ioth switch "$SW" port/setmirror 5 11 both
[ -n "$alone" ] || check a_mirror_ends_it wait_for 30 said revoked $((n_back + 1))
go_on
same a_mirror_in_the_middle "$(cat "$T/sum")" "$want"
check no_mirror ioth switch "$SW" port/setmirror 5 none
same fetch_without_mirror "$(fetch 12)" "$want"

by_intros()	# the server's port has sent frames past the switch
{
	ioth switch "$SW" show ports -t | awk -F '\t' '$1 == 5 && $13 > 0 { n = 1 } END { exit !n }'
}
[ -n "$alone" ] || check counted wait_for 30 by_intros

# A client is killed while two read: the other does not notice.
slowly 4
n_before=$(grep -c 'port [0-9]*: ioth' "$T/switch.log")
at_port 7 6 curl -sS -m 120 -o /dev/null --limit-rate 4M http://10.0.0.1/f
check a_victim wait_for 30 grep -q '^ioth: port 7: ioth' "$T/switch.log"
victim=$(sed -n 's/^ioth: port 7: ioth.* pid=\([0-9]*\)$/\1/p' "$T/switch.log")
wait_for 2 said 'and 7: introduction\|7 and [0-9]*: introduction' 1 || true
kill -KILL "$victim" 2>/dev/null || true
ended $bg
go_on
same a_death_beside "$(cat "$T/sum")" "$want"
same fetch_after "$(fetch 8)" "$want"
stop $server
finish
