#!/bin/sh
# busybox - a static binary: httpd and wget, nc both ways
. "$(dirname "$0")/lib.sh"
need busybox

if ldd "$(command -v busybox)" >/dev/null 2>&1; then
	skip static "this busybox is dynamic"
fi
mkdir "$T/www"
random_file "$T/www/file" 10
start_switch
serve 1 busybox httpd -f -p 80 -h "$T/www"
wait_port 10.0.0.1 80
check wget node 2 busybox wget -q -O "$T/got" http://10.0.0.1/file
same wget_bytes "$(sum "$T/got")" "$(sum "$T/www/file")"
check wget_v6 node 2 busybox wget -q -O "$T/got6" 'http://[fd00::1]/file'
same wget_v6_bytes "$(sum "$T/got6")" "$(sum "$T/www/file")"

# nc -l serves one connection, so it is not probed but tried. It ends when its peer
# ends the stream, so the client keeps its side open until it has all.
random_file "$T/small" 1
serve 3 sh -c 'busybox nc -l -p 4000 <"$1" >"$2"' sh "$T/small" "$T/nc.up"
talk()
{
	: >"$T/nc.down"
	node 4 sh -c '(echo up; i=0; until [ "$(wc -c <"$0")" = 1048576 ] || [ $i = 20 ]; do
		sleep 0.1; i=$((i + 1)); [ ! -s "$0" ] || i=1; done) |
		busybox nc -w 5 10.0.0.3 4000 >"$0"' "$T/nc.down" &&
		[ -s "$T/nc.up" ]
}
if wait_for 30 talk; then
	same nc_up "$(cat "$T/nc.up")" up
	same nc_down_bytes "$(sum "$T/nc.down")" "$(sum "$T/small")"
else
	fail nc "no connection: $(cat "$T/node3.log")"
fi
same refused "$(status_of node 2 busybox wget -q -O /dev/null http://10.0.0.1:9/)" 1
finish
