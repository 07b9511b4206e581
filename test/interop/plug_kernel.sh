#!/bin/sh
# plug_kernel - tap:// and packet:// against Linux's stack in a namespace of its own,
# both ways and in super-frames; a switch with a tap; tags; interfaces that go
. "$(dirname "$0")/lib.sh"
need unshare nsenter ip curl python3
if on_host; then
	skip "$TEST" "the yardstick has no plugs of ours"
	exit 0
fi
if ! $as_user unshare -rnm true 2>/dev/null; then
	skip "$TEST" "no namespaces for users here"
	exit 0
fi

$as_user unshare -rnm sleep 1000 &
ns=$!
ns()	# PROGRAM...: in the namespace, as its root, who is nobody outside
{
	nsenter -t $ns -U -n -m -- "$@"
}

in_ns()
{
	[ "$(readlink "/proc/$ns/ns/net")" != "$(readlink /proc/self/ns/net)" ] &&
		grep -q sleep "/proc/$ns/comm" && ns true
}
wait_for 30 in_ns
ns ip link set lo up
mkdir "$T/www"
head -c 5000000 /dev/urandom >"$T/www/file"
chmod -R a+rX "$T/www"
want=$(sum <"$T/www/file")

address()	# IF: the kernel's 10.0.0.9, fd00::9
{
	ns ip link set "$1" up
	ns ip addr add 10.0.0.9/24 dev "$1"
	ns ip addr add fd00::9/64 dev "$1" nodad
}

our()	# N LOCATOR PROGRAM...
{
	n=$1 net=$2
	shift 2
	ns "$IOTH" run --net "$net" --ip "10.0.0.$n/24" --ip "fd00::$n/64" -- "$@"
}

web="python3 -u -m http.server -d $T/www --bind :: 80"
# Who tries again after a part has come has that twice: only to connect is hurried.
get="curl -s --retry 10 --retry-all-errors --retry-delay 1 --connect-timeout 5 --max-time 200"

frames()	# IF rx|tx: bytes and packets so far
{
	ns ip -s -j link show "$1" | python3 -c '
import json, sys
s = json.load(sys.stdin)[0]["stats64"][sys.argv[1]]
print(s["bytes"], s["packets"])' "$2"
}

supers()	# NAME IF rx|tx COMMAND...: the file, in frames of more than 3000 bytes on average
{
	name=$1 if=$2 way=$3
	shift 3
	before=$(frames "$if" "$way")
	same "$name" "$("$@" | sum)" "$want"
	size=$(echo "$before $(frames "$if" "$way")" | awk '{ print int(($3 - $1) / ($4 - $2 + 1)) }')
	if [ "$size" -gt 3000 ]; then
		ok "$name: super-frames"
	else
		fail "$name: super-frames" "$size bytes a frame"
	fi
}

servers()
{
	for p in $(marked); do
		if tr '\0' ' ' <"/proc/$p/cmdline" | grep -q http.server; then
			echo "$p"
		fi
	done 2>/dev/null
}

no_servers()
{
	[ -z "$(servers)" ]
}

end_servers()
{
	kill $(servers) 2>/dev/null
	wait_for 30 no_servers
}

both_ways()	# NAME IF LOCATOR
{
	: >"$T/node1.log"
	our 1 "$3" $web >"$T/node1.log" 2>&1 &
	wait_for 30 grep -q Serving "$T/node1.log"
	supers "$1 to the kernel" "$2" rx ns $get http://10.0.0.1/file
	supers "$1 to the kernel, IPv6" "$2" rx ns $get 'http://[fd00::1]/file'
	end_servers
	: >"$T/kernel.log"
	ns $web >"$T/kernel.log" 2>&1 &
	wait_for 30 grep -q Serving "$T/kernel.log"
	supers "$1 from the kernel" "$2" tx our 2 "$3" $get http://10.0.0.9/file
	supers "$1 from the kernel, IPv6" "$2" tx our 2 "$3" $get 'http://[fd00::9]/file'
	end_servers
}

gone()	# NAME IF LOCATOR: a cable's end that is deleted
{
	ns "$IOTH" plug -p "$T/gone.pid" "$3" null:// >"$T/gone.log" 2>&1 &
	cable=$!
	wait_for 30 test -s "$T/gone.pid"
	ns ip link del "$2"
	wait $cable
	same "$1: an interface that goes" "$? $(cat "$T/gone.log")" "1 ioth: $3: No such device"
}

# --- packet:// on a veth ---

ns ip link add v0 type veth peer name v1
ns ip link set v1 addrgenmode none
ns ip link set v1 up
address v0
both_ways packet v0 packet://v1
check "packet: VLAN tags" ns python3 "$STAGE/bin/plug_tagged.py" "$IOTH" packet://v0 \
	packet://v1
gone packet v0 packet://v1

# --- tap:// ---

have_tun()
{
	if [ "$(id -u)" = 0 ]; then	# a device that the namespace's root may open
		mknod -m 0666 "$T/tun" c 10 200 &&
			ns mount --bind "$T/tun" /dev/net/tun
	fi 2>/dev/null
	ns sh -c ': <>/dev/net/tun' 2>/dev/null
}

if have_tun; then
	ns ip tuntap add tap0 mode tap
	ns python3 "$STAGE/bin/tap_header.py" tap0 12	# as QEMU leaves it
	address tap0
	both_ways tap tap0 tap://tap0
	gone tap tap0 tap://tap0
	ns "$IOTH" switch --nostdin --tap tap1 "$T/sw" >"$T/sw.log" 2>&1 &
	wait_for 30 ns ip link show tap1
	address tap1
	both_ways "a switch's tap" tap1 "$T/sw"
	if command -v vdens >/dev/null; then
		: >"$T/node1.log"
		our 1 "$T/sw" $web >"$T/node1.log" 2>&1 &
		wait_for 30 grep -q Serving "$T/node1.log"
		same "vdens, ioth plug its command" "$(ns vdens "cmd://$IOTH plug $T/sw" sh -c "
			ip link set vde0 up
			ip addr add 10.0.0.8/24 dev vde0
			$get http://10.0.0.1/file" | sum)" "$want"
		end_servers
	else
		skip "vdens" "no vdens here"
	fi
else
	skip "tap" "/dev/net/tun is not there or not for us"
fi

# --- bad use, in one line ---

says()	# NAME TEXT LOCATOR
{
	out=$($as_user "$IOTH" plug "$3" null:// 2>&1 </dev/null) && status=0 || status=$?
	case "$status $out" in
	"1 ioth: $3: "*"$2"*) ok "$1" ;;
	*) fail "$1" "$status $out" ;;
	esac
}

says "no such interface" "no such interface" packet://none0
says "a name too long" "longer than the name" tap://interface-of-many-letters
if [ -n "$as_user" ]; then
	says "no right to packets" "CAP_NET_RAW" packet://lo
	says "no right to taps" "root may" tap://ioth0
fi
finish
