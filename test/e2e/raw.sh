#!/bin/sh
# raw - a static program that makes bare system calls, as client and server
. "$(dirname "$0")/lib.sh"

start_switch
serve 1 "$BIN/raw_static" serve 0.0.0.0 7 4
wait_port 10.0.0.1 7
same echo_1 "$(node 2 "$BIN/raw_static" echo 10.0.0.1 7 10)" "echoed 10"
same echo_1k "$(node 2 "$BIN/raw_static" echo 10.0.0.1 7 1000)" "echoed 1000"
same echo_20m "$(node 2 "$BIN/raw_static" echo 10.0.0.1 7 20000000)" "echoed 20000000"
ended $bg
same server_ends $status 0
serve 3 "$BIN/raw_static" serve :: 7 2
wait_port fd00::3 7
same echo_v6 "$(node 2 "$BIN/raw_static" echo fd00::3 7 5000000)" "echoed 5000000"
finish
