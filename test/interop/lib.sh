# lib.sh - what the tests with a kernel node start with
#
#	. "$(dirname "$0")/lib.sh"
#	need_kernel_nodes
#	start_switch ioth|debian
#	kernel_up			the kernel node 10.0.0.9, fd00::9
#	kernel PROGRAM...		runs there
#	serve 1 PROGRAM...		in the background, on our 10.0.0.1 and fd00::1
#	node 2 PROGRAM...		in the foreground, on our 10.0.0.2 and fd00::2
#	stop_all; finish
#
# The kernel node is a network namespace that lives as long as the vde_plug which
# feeds its tap: nothing is left to delete. Everything a test starts carries
# INTEROP_MARK in its environment, so it is found and ended by process id. What is
# ours runs as uid 65534.

if [ -z "${INTEROP_MARK:-}" ]; then
	exec "$(dirname "$0")/run" "$(basename "$0" .sh)"
fi

set -u
. "${top:-$(dirname "$0")/../..}/test/checks.sh"

kind=			# of the switch
SW=
NET=			# locator of our nodes
NODE_OPTS=		# more options of theirs
kernel_pid=
peer="python3 $STAGE/bin/kernel_peer.py"

on_host()	# are we measuring the yardstick itself?
{
	[ "$IOTH" = host ]
}

full()
{
	[ "$FULL" = 1 ]
}

need_kernel_nodes()
{
	need vde_plug vde_switch unshare nsenter setpriv ip python3
	if [ "$(id -u)" != 0 ]; then
		skip "$TEST" "a kernel node needs root"
		exit 0
	fi
	if ! [ -c /dev/net/tun ] || ! unshare --net true 2>/dev/null; then
		skip "$TEST" "no tap devices or no network namespaces here"
		exit 0
	fi
}

switches()	# the kinds to test
{
	on_host || echo ioth
	echo debian
}

# Words before a command that make it run without root's rights.
as_user=
if [ "$(id -u)" = 0 ]; then
	as_user="setpriv --reuid 65534 --regid 65534 --clear-groups --"
fi

start_switch()	# KIND
{
	kind=$1
	SW=$T/$kind
	NET=$SW
	case $kind in
	ioth)	$as_user "$IOTH" switch ${SWITCH_OPTS:-} -d -m 0777 "$SW" ;;
	debian)	$as_user vde_switch -s "$SW" -m 0777 -d -p "$SW.pid" </dev/null ;;
	esac >"$SW.log" 2>&1
	if ! wait_for 30 test -e "$SW/ctl"; then
		fail "$TEST" "no switch: $(tail -n 3 "$SW.log")"
		stop_all
		exit 1
	fi
}

# --- kernel nodes ---

in_own_net()	# PID
{
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ] &&
		nsenter --net="/proc/$1/ns/net" ip link show tap0
}

# Sets kernel_pid.
kernel_new()	# N
{
	unshare --net vde_plug "vde://$SW" tap://tap0 </dev/null >"$T/kernel$1.log" 2>&1 &
	kernel_pid=$!
	if ! wait_for 30 in_own_net $kernel_pid; then
		fail "$TEST" "no kernel node: $(tail -n 3 "$T/kernel$1.log")"
		stop_all
		exit 1
	fi
	kernel ip link set lo up
	kernel ip link set tap0 up
	kernel ip addr add "10.0.0.$1/24" dev tap0
	kernel ip addr add "fd00::$1/64" dev tap0 nodad
	kernel sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 \
		net.ipv4.tcp_timestamps=1 net.ipv4.tcp_sack=1
}

kernel()	# PROGRAM...: on the kernel node
{
	nsenter --net="/proc/$kernel_pid/ns/net" -- "$@"
}

kernel_up()
{
	kernel_new 9
	if on_host; then	# the second kernel node stands for ours
		first=$kernel_pid
		for n in 1 2; do
			kernel_new $n
			echo $kernel_pid >"$T/node$n.pid"
		done
		kernel_pid=$first
	fi
}

# --- our nodes ---

node()	# N PROGRAM...
{
	n=$1
	shift
	if on_host; then
		nsenter --net="/proc/$(cat "$T/node$n.pid")/ns/net" -- "$@"
	else
		$as_user "$IOTH" run --net "$NET" --ip "10.0.0.$n/24" --ip "fd00::$n/64" \
			$NODE_OPTS -- "$@"
	fi
}

# The log is empty at once: what one before had said is no sign that this one serves.
serve()	# N PROGRAM...: output to $T/nodeN.log
{
	: >"$T/node$1.log"
	node "$@" </dev/null >"$T/node$1.log" 2>&1 &
}

# The peer program as a server on both sides; files come from $T/www.
serve_peers()
{
	mkdir -p "$T/www"
	: >"$T/kernel.log"
	kernel $peer serve "$T/www" </dev/null >"$T/kernel.log" 2>&1 &
	serve 1 $peer serve "$T/www"
	for log in kernel node1; do
		if ! wait_for 30 grep -q '^ready' "$T/$log.log"; then
			fail "$kind" "$log does not serve: $(tail -n 3 "$T/$log.log")"
			stop_all
			exit 1
		fi
	done
}

# --- the end ---

marked()	# but for ourselves and the time limit above us
{
	for d in $(grep -lszxF "INTEROP_MARK=$T" /proc/[0-9]*/environ); do
		p=$(echo "$d" | cut -d / -f 3)
		if [ "$p" != $$ ] && grep -qsv '^timeout' "/proc/$p/comm"; then
			echo "$p"
		fi
	done
}

# Ends all that this test started; the directory of the switch goes with it.
stop_all()
{
	for sig in TERM KILL; do
		for p in $(marked); do
			kill -$sig "$p" 2>/dev/null || true
		done
		for i in 1 2 3 4 5 6 7 8 9 10; do
			[ -n "$(marked)" ] || return 0
			sleep 0.1
		done
	done
}

random_file()	# NAME MEGABYTES: under www
{
	mkdir -p "$T/www"
	head -c "$(($2 * 1000000))" /dev/urandom >"$T/www/$1"
	chmod a+r "$T/www/$1"
}

sum()	# of standard input
{
	sha256sum | cut -c 1-64
}

trap stop_all EXIT
trap 'exit 143' TERM INT HUP
