#!/bin/sh
# kernel - a gigabyte between two stacks of kind kernel on our switch, beside veth + bridge
#
#	bench/kernel.sh			IOTH=PATH (default build/ioth)
#	QUICK=1				fewer and smaller, in under 50 seconds
#	ROUNDS=N BYTES=N		how often, how much each time
#	JSON=FILE			one JSON object per row as well
#
# The program is the same for all (kernel.c), and both ends of all have Linux's TCP with
# CUBIC; what differs is what lies between: two pairs of veth and a bridge, one pair, or
# the interfaces of two kernel stacks, a process each, and our switch. With taps they need a
# /dev/net/tun that we may open; with veth nobody's permission. Subjects take turns.

. "$(dirname "$0")/nodes"

if [ "${QUICK:-0}" = 1 ]; then
	ROUNDS=${ROUNDS:-5} BYTES=${BYTES:-400000000}
fi
ROUNDS=${ROUNDS:-9} BYTES=${BYTES:-1000000000}

${CC:-cc} $flags -I"$top/src" -o "$T/bin/kernel" "$here/kernel.c" \
	"${LIB:-$top/build/libioth.a}" $libs || exit 1

# --- subjects: what runs the server, what runs the client, their further arguments ---

subjects=

subject()	# NAME SERVER_RUNNER CLIENT_RUNNER SERVER_ARGUMENTS CLIENT_ARGUMENTS [TARGET]
{
	n=$((${n:-0} + 1))
	eval "name_$n=\$1 server_$n=\$2 client_$n=\$3 sargs_$n=\$4 cargs_$n=\$5 target_$n=\${6:-}"
	log=$T/server$n.log
	$2 "$T/bin/kernel" serve $4 "10.0.$n.1" $((port + n)) >"$log" 2>&1 </dev/null &
	if wait_for 10 grep -q ready "$log"; then
		subjects="$subjects $n"
	else
		sample "$n" "failed: server: $(tail -n 1 "$log")"
	fi
}

sample()	# N VALUE
{
	eval "name=\$name_$1 target=\$target_$1"
	printf '%s\tMB/s\t%s\t%s\t%s\n' "one TCP stream" "$name" "$2" "$target" >>"$T/samples"
}

holds()	# PID NAMESPACE: it has one of its own
{
	[ "$(readlink "/proc/$1/ns/$2")" != "$(readlink "/proc/self/ns/$2")" ]
}

in_ns()	# PID PROGRAM...
{
	holder=$1
	shift
	$as_user nsenter -t "$holder" -U -n --preserve-credentials -- "$@"
}

# Network namespaces, all in the first one's user namespace: their holders are $hub $left $right.
make_holders()
{
	$as_user unshare -rn sleep 1000 &
	hub=$!
	wait_for 5 holds $hub net || return 1
	for side in left right; do
		$as_user nsenter -t $hub -U --preserve-credentials -- unshare -n sleep 1000 &
		eval "$side=$!"
		wait_for 5 holds $! net || return 1
	done
}

bridged()	# N: the number of the next subject
{
	in_ns "$hub" ip link add br0 type bridge 2>"$T/bridge.log" || return 1
	in_ns "$hub" ip link set br0 up
	for side in left right; do
		eval "pid=\$$side"
		in_ns "$hub" ip link add "$side" type veth peer name end netns "$pid"
		in_ns "$hub" ip link set "$side" master br0 up
		in_ns "$pid" ip link set end up
	done
	in_ns "$left" ip addr add "10.0.$1.1/24" dev end
	in_ns "$right" ip addr add "10.0.$1.2/24" dev end
}

joined()	# N
{
	in_ns "$left" ip link add pair type veth peer name pair netns "$right"
	for side in left right; do
		eval "pid=\$$side"
		in_ns "$pid" ip link set pair up
	done
	in_ns "$left" ip addr add "10.0.$1.1/24" dev pair
	in_ns "$right" ip addr add "10.0.$1.2/24" dev pair
}

in_words()	# PID
{
	echo "$as_user nsenter -t $1 -U -n --preserve-credentials --"
}

yardsticks()
{
	if ! make_holders; then
		echo "no namespaces here: nothing to compare with, and no kernel stacks" >&2
		exit 1
	fi
	! bridged 1 || subject "veth + bridge" "$(in_words "$left")" "$(in_words "$right")" "" ""
	next=$((${n:-0} + 1))
	joined $next
	subject "veth" "$(in_words "$left")" "$(in_words "$right")" "" ""
}

stacks()	# NAME RUNNER OPTIONS
{
	next=$((n + 1))
	subject "$1" "$2 env OPTIONS=$3" "$2 env OPTIONS=$3" "-k $SW" "-k $SW 10.0.$next.2" 0.8
}

set_up()
{
	yardsticks
	start_switch ioth
	if [ -w /dev/net/tun ]; then
		stacks "kernel stacks, taps" "" ""
	fi
	stacks "kernel stacks, veth" "$as_user" veth
}

measure()	# N
{
	eval "run=\$client_$1 args=\$cargs_$1"
	sample "$1" "$(timeout -k 5 60 $run "$T/bin/kernel" send $args "10.0.$1.1" $((port + $1)) \
		"$BYTES" 2>"$T/err" || echo "failed: $(tail -n 1 "$T/err")")"
}

set_up
for round in $(seq "$ROUNDS"); do
	for i in $subjects; do
		measure "$i"
	done
	[ ! -t 2 ] || printf '\r%d of %d' "$round" "$ROUNDS" >&2
done
[ ! -t 2 ] || echo >&2
awk -v bench=kernel -v json="${JSON:-}" -f "$here/report.awk" "$T/samples"
