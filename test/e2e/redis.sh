#!/bin/sh
# redis - redis-server, redis-cli, redis-benchmark; a blocked client woken by another
. "$(dirname "$0")/lib.sh"
need redis-server redis-cli redis-benchmark

start_switch
serve 1 redis-server --port 6379 --bind '0.0.0.0 ::' --protected-mode no --save '' \
	--appendonly no --dir "$T"
wait_log 1 'Ready to accept connections'

cli="redis-cli -h 10.0.0.1"
same ping "$(node 2 $cli ping)" PONG
same ping_v6 "$(node 2 redis-cli -h fd00::1 ping)" PONG
same set "$(node 2 $cli set key value)" OK
same get "$(node 3 $cli get key)" value
contains client_list "$(node 2 $cli client list)" "addr=10.0.0.2:"

ioth run --net "$SW" --ip 10.0.0.4/24 -- $cli blpop queue 100 >"$T/popped" &
popper=$!
blocked()
{
	node 2 $cli client list | grep -q 'cmd=blpop'
}
wait_for 30 blocked
node 2 $cli rpush queue item >/dev/null
wait $popper
same blocked_client_woken "$(tr '\n' ' ' <"$T/popped")" "queue item "

head -c 3000000 /dev/urandom | base64 -w 0 >"$T/value"
node 2 $cli -x set large <"$T/value" >/dev/null
same large_value "$(node 3 $cli get large | tr -d '\n' | sha256sum)" "$(sha256sum <"$T/value")"

out=$(node 2 redis-benchmark -h 10.0.0.1 -q -n 20000 -c 50 -t set,get 2>&1 | tr '\r' '\n')
contains benchmark_set "$out" "SET: "
contains benchmark_get "$out" "GET: "
out=$(node 2 redis-benchmark -h 10.0.0.1 -q -n 50000 -c 20 -P 16 -t get 2>&1 | tr '\r' '\n')
contains benchmark_pipelined "$out" "GET: "
stop $bg
same stops $status 0
finish
