#!/bin/sh
# netns - ioth run --netns: a whole program on Linux's stack, beside nodes of ours
. "$(dirname "$0")/lib.sh"
need curl ip ping python3

if on_host; then
	skip "$TEST" "the yardstick has no namespaces of ours"
	exit 0
fi
if ! ioth run --netns --net null:// -- true 2>"$T/why"; then
	skip "$TEST" "$(cat "$T/why")"
	exit 0
fi

netns()	# N PROGRAM...: as node, but in namespaces
{
	n=$1
	shift
	ioth run --netns --net "$SW" --ip "10.0.0.$n/24" --ip "fd00::$n/64" -- "$@"
}

start_switch
ENV_OPTS=--ignore-signal=CHLD
same "where SIGCHLD is ignored" "$(status_of netns 4 sh -c 'exit 3')" 3
ENV_OPTS=
random_file "$T/file" 5
want=$(sum "$T/file")
web="python3 -u -m http.server -d $T --bind :: 80"

serve 1 $web
NODE_OPTS=--netns
serve 2 $web
NODE_OPTS=
wait_port 10.0.0.1 80
wait_port 10.0.0.2 80
same "from a node of ours" "$(netns 3 curl -s --max-time 30 http://10.0.0.1/file | sha256sum | cut -c 1-64)" "$want"
same "to a node of ours" "$(node 3 curl -s --max-time 30 'http://[fd00::2]/file' | sha256sum | cut -c 1-64)" "$want"
same "between two" "$(netns 3 curl -s --max-time 30 'http://[fd00::2]/file' | sha256sum | cut -c 1-64)" "$want"

contains "addresses" "$(netns 4 ip addr)" "inet6 fd00::4/64"
contains "raw sockets" "$(netns 4 ping -n -c 1 -w 20 10.0.0.1)" "1 received"
same "nothing is trapped" "$(netns 4 grep Seccomp /proc/self/status)" "$(grep Seccomp /proc/self/status)"
check "it may configure" netns 4 ip addr add 10.1.0.1/24 dev eth0
contains "a gateway" "$(ioth run --netns --net "$SW" --ip 10.0.0.4/24 --gw 10.0.0.1 -- ip route)" \
	"default via 10.0.0.1"
same "a parameter" "$(ioth run --netns --net "$SW" --set tcp_rmem='4096 55555 99999' -- \
	cat /proc/sys/net/ipv4/tcp_rmem | tr '\t' ' ')" "4096 55555 99999"
contains "name servers" "$(ioth run --netns --net "$SW" --dns 10.0.0.53 -- cat /etc/resolv.conf)" \
	"nameserver 10.0.0.53"

echo inherited >"$T/nine"
same "an inherited descriptor" "$(netns 4 sh -c 'cat <&9' 9<"$T/nine")" inherited
same "its exit status" "$(status_of netns 4 sh -c 'exit 7')" 7
same "a signal that ended it" "$(status_of netns 4 sh -c 'kill -TERM $$')" 143
same "no such program" "$(status_of netns 4 /nonexistent)" 127
same "no such network" "$(status_of ioth run --netns --net "$T/none" -- true)" 1
same "no such parameter" "$(status_of ioth run --netns --net "$SW" --set no_such=1 -- true)" 1
contains "which is named" "$(cat "$T/out")" "no_such=1"

delivers_after_end netns
outlived netns

# A front that is killed takes the program with it.
NODE_OPTS=--netns
serve 6 sh -c 'echo $$; exec sleep 1000'
NODE_OPTS=
check "a program that sleeps" wait_for 30 grep -q '[0-9]' "$T/node6.log"
sleeper=$(cat "$T/node6.log")
check "and is there" kill -0 "$sleeper"
kill -KILL "$bg"
ended "$bg"
gone()
{
	! kill -0 "$sleeper" 2>/dev/null
}
check "a front that is killed" wait_for 30 gone
finish
