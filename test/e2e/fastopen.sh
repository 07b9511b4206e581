#!/bin/sh
# fastopen - data that goes with the SYN, from and to unmodified programs (RFC 7413)
. "$(dirname "$0")/lib.sh"
need python3

if on_host; then
	skip fastopen "tcp_fastopen is the machine's"
	exit 0
fi
py=$(dirname "$0")/fastopen.py
NODE_OPTS="$NODE_OPTS --set tcp_fastopen=3"
start_switch
for to in 10.0.0.2 fd00::2; do
	serve 2 timeout 200 python3 "$py" serve 5000
	wait_log 2 ready
	same "$to" "$(node 1 timeout 100 python3 "$py" ask $to 5000)" "sendto False
sendto True
sendmsg True
connect True"
	ended "$bg"
done
finish
