#!/bin/sh
# group - unmodified socat speaks to a multicast group and listens to one
. "$(dirname "$0")/lib.sh"
need socat

if on_host; then
	skip group "the yardstick's nodes are not on one link"
	exit 0
fi
start_switch
hear()	# N ADDRESS-SPEC: prints the one datagram it gets, and ends
{
	serve "$1" timeout 60 socat -dd -u "$2" STDOUT
	wait_log "$1" "receiving on AF=2"
}

hear 2 UDP4-RECVFROM:5000,ip-add-membership=239.1.2.3:10.0.0.2
two=$bg
echo hello | node 1 socat -u STDIN UDP4-DATAGRAM:239.1.2.3:5000,ip-multicast-if=10.0.0.1 ||
	fail send "exit status $?"
ended "$two"
contains heard "$(cat "$T/node2.log")" hello
finish
