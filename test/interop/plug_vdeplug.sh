#!/bin/sh
# plug_vdeplug - locators that are left to libvdeplug, with Debian's vde_plug at the
# other end: udp://, ptp://, hub://; and what is said when it does not help
. "$(dirname "$0")/lib.sh"
need vde_plug vde_switch curl python3
if on_host; then
	skip "$TEST" "the yardstick has no plugs of ours"
	exit 0
fi
if [ -z "$(ls /usr/lib/*/vdeplug/libvdeplug_ptp.so 2>/dev/null)" ]; then
	skip "$TEST" "no plugins of libvdeplug here"
	exit 0
fi

start_switch debian
b=$SW
mkdir "$T/www"
head -c 1000000 /dev/urandom >"$T/www/file"
chmod -R a+rX "$T/www"
want=$(sum <"$T/www/file")

free_port()
{
	python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

serve_on()	# LOCATOR
{
	NET=$1 serve 1 python3 -u -m http.server -d "$T/www" 80
	server=$!
	wait_for 30 grep -q Serving "$T/node1.log"
}

fetch_on()	# LOCATOR
{
	NET=$1 node 2 curl -s --retry 10 --retry-all-errors --retry-delay 1 --connect-timeout 5 --max-time 200 \
		http://10.0.0.1/file | sum
}

background()	# COMMAND...
{
	$as_user "$@" </dev/null >>"$T/background.log" 2>&1 &
	other=$!
}

p=$(free_port) q=$(free_port)
serve_on "udp://$p->127.0.0.1:$q"
background vde_plug "udp://$q->127.0.0.1:$p" "vde://$b"
same "udp, vde_plug at the other end" "$(fetch_on "$b")" "$want"
kill $server $other

serve_on "$b"
background "$IOTH" plug "ptp://$T/ptp" "$b"
background vde_plug "ptp://$T/ptp" "hub://$T/hub"
wait_for 30 test -e "$T/hub/ctl"
same "ptp and hub, vde_plug between" "$(fetch_on "$T/hub")" "$want"
stop_all

serve_on "ptp://$T/two"
same "two nodes, nothing between" "$(fetch_on "ptp://$T/two")" "$want"
stop_all

serve_on "hub://$T/ours"
same "a hub in a node" "$(fetch_on "vde://$T/ours")" "$want"
stop_all

says()	# NAME TEXT LOCATOR
{
	out=$($as_user "$IOTH" plug "$3" null:// 2>&1 </dev/null) && status=0 || status=$?
	case "$status $out" in
	"1 ioth: $3: "*"$2"*) ok "$1" ;;
	*) fail "$1" "$status $out" ;;
	esac
}

says "nobody knows it" "libvdeplug does not know it either" foo://x
says "it cannot be opened" "No such file" "ptp://$T/none/x"
finish
