#!/bin/sh
# curl - against python's http.server: files, ranges, parallel fetches, errors
. "$(dirname "$0")/lib.sh"
need python3 curl

mkdir "$T/www"
random_file "$T/www/big" 20
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	random_file "$T/www/f$i" 1
done
start_switch
serve 1 python3 -m http.server 8000 --bind :: -d "$T/www"
wait_port 10.0.0.1 8000

check big_v4 node 2 curl -sf -o "$T/big4" http://10.0.0.1:8000/big
same big_v4_bytes "$(sum "$T/big4")" "$(sum "$T/www/big")"
check big_v6 node 2 curl -sf -o "$T/big6" 'http://[fd00::1]:8000/big'
same big_v6_bytes "$(sum "$T/big6")" "$(sum "$T/www/big")"

check parallel node 2 curl -sfZ --parallel-immediate -o "$T/got#1" \
	'http://10.0.0.1:8000/f[1-12]'
cat "$T/www"/f? "$T/www"/f1? >"$T/all"
cat "$T"/got? "$T"/got1? >"$T/gotall"
same parallel_bytes "$(sum "$T/gotall")" "$(sum "$T/all")"

contains head "$(node 2 curl -sI http://10.0.0.1:8000/big)" "Content-Length: 20971520"
same not_found "$(status_of node 2 curl -sf http://10.0.0.1:8000/none)" 22
same refused "$(status_of node 2 curl -s http://10.0.0.1:9999/)" 7
contains refused_says "$(node 2 curl -sv http://10.0.0.1:9999/ 2>&1)" "Connection refused"
same nobody_there "$(status_of node 2 curl -s --max-time 20 http://10.0.0.99/)" 7
contains nobody_says "$(node 2 curl -sv --max-time 20 http://10.0.0.99/ 2>&1)" "No route to host"
same own_loopback_is_private "$(status_of node 2 curl -s http://127.0.0.1:8000/)" 7
same to_itself "$(node 2 sh -c 'python3 -m http.server 81 -d "$0" >/dev/null 2>&1 & p=$!
	for i in 1 2 3 4 5 6 7 8 9 10; do
		curl -sf -o "$0/mine" http://10.0.0.2:81/f1 && break; sleep 0.2
	done; kill $p; sha256sum <"$0/mine" | cut -c 1-64' "$T/www")" "$(sum "$T/www/f1")"
finish
