#!/bin/sh
# traffic - TCP and UDP between two programs, beside the kernel and Debian's switch
#
#	bench/traffic.sh		IOTH=PATH (default build/ioth)
#	QUICK=1				the same rows in under 50 s
#	ROUNDS=N SECONDS_EACH=S		how often, and how long each case runs
#	JSON=FILE			one JSON object per row as well
#
# All subjects are set up first; then a round measures one after the other, so that
# what disturbs the machine for a while disturbs all. The kernel's congestion control
# is CUBIC where the subject does not say otherwise. Kernel nodes need root, as CUBIC
# may: without it their rows say so.

. "$(dirname "$0")/nodes"

if [ "${QUICK:-0}" = 1 ]; then
	ROUNDS=${ROUNDS:-5} SECONDS_EACH=${SECONDS_EACH:-0.2}
fi
ROUNDS=${ROUNDS:-9} SECONDS_EACH=${SECONDS_EACH:-0.5}
CASES="bulk_64k bulk_4k rr crr udp_64"
samples=$T/samples

# --- subjects: what runs the server, what runs the client, the server's address ---

subjects=		# numbers; name_N, cc_N, server_N, client_N, why_N

subject()	# NAME CC ADDRESS SERVER_RUNNER CLIENT_RUNNER
{
	n=$((${n:-0} + 1))
	subjects="$subjects $n"
	eval "name_$n=\$1 cc_$n=\$2 addr_$n=\$3 server_$n=\$4 client_$n=\$5 why_$n="
}

absent()	# NAME WHY
{
	subject "$1" "" "" "" ""
	eval "why_$n=\$2"
}

kernel_nodes()	# NAME OF SWITCH
{
	if why=$(need_kernel_nodes); [ -n "$why" ]; then
		absent "kernel nodes, $1" "skipped: ${why##*: }"
		return
	fi
	kernel_new 1
	a=$kernel_pid
	kernel_new 2
	subject "kernel nodes, $1" "-C cubic" 10.0.0.1 "nsenter --net=/proc/$a/ns/net --" \
		"nsenter --net=/proc/$kernel_pid/ns/net --"
}

ioth_nodes()	# NAME OF SWITCH
{
	run="$as_user $IOTH run --net $SW --ip"
	subject "ioth nodes, $1" "" 10.1.0.1 "$run 10.1.0.1/16 --" "$run FRESH --"
}

cubic_loopback()
{
	if [ "$(id -u)" = 0 ] ||
	   grep -qw cubic /proc/sys/net/ipv4/tcp_allowed_congestion_control; then
		subject "kernel loopback, cubic" "-C cubic" 127.0.0.1 "" ""
	else
		absent "kernel loopback, cubic" "skipped: only root may choose cubic here"
	fi
}

set_up()
{
	cubic_loopback
	subject "kernel loopback, $(cat /proc/sys/net/ipv4/tcp_congestion_control) (default)" \
		"" 127.0.0.1 "" ""
	start_switch debian
	debian=$SW
	kernel_nodes "vde_switch"
	start_switch ioth
	kernel_nodes "our switch"
	ioth_nodes "our switch"
	SW=$debian
	ioth_nodes "vde_switch"
}

start_server()	# N
{
	eval "run=\$server_$1 cc=\$cc_$1 why=\$why_$1"
	[ -z "$why" ] || return 0
	log=$T/server$1.log
	$run "$T/bin/netbench" serve $cc $((port + $1)) >"$log" 2>&1 </dev/null &
	if ! wait_for 10 grep -q ready "$log"; then
		eval "why_$1=\"failed: server: \$(tail -n 1 \"$log\")\""
	fi
}

# --- rounds ---

rows()	# CASE N VALUE: where there is no measured one
{
	eval "name=\$name_$2"
	for row in $(echo "$1" | sed 's/^rr$/rr_p50 rr_p99/'); do
		printf '%s\t\t%s\t%s\n' "$row" "$name" "$3" >>"$samples"
	done
}

# A process for each case: one that fails takes no other with it. Each of our clients
# is a new host, so it gets an address whose connections nobody remembers.
measure()	# CASE N
{
	eval "run=\$client_$2 cc=\$cc_$2 addr=\$addr_$2 why=\$why_$2 name=\$name_$2"
	measured=$((${measured:-0} + 1))
	fresh=10.1.$((measured / 250 + 1)).$((measured % 250 + 1))/16
	run=$(echo "$run" | sed "s,FRESH,$fresh,")
	if [ -n "$why" ]; then
		rows "$1" "$2" "$why"
	elif timeout -k 5 30 $run "$T/bin/netbench" client $cc "$addr" $((port + $2)) $SECONDS_EACH "$1" \
			>"$T/out" 2>"$T/err" </dev/null; then
		while read -r row unit value; do
			printf '%s\t%s\t%s\t%s\n' "$row" "$unit" "$name" "$value" >>"$samples"
		done <"$T/out"
	else
		rows "$1" "$2" "failed: $(tail -n 1 "$T/err" | tr '\t' ' ')"
	fi
}

set_up
for s in $subjects; do
	start_server "$s"
done
round=0
while [ $round -lt "$ROUNDS" ]; do
	for s in $subjects; do
		for c in $CASES; do
			measure "$c" "$s"
		done
	done
	round=$((round + 1))
	[ ! -t 2 ] || printf '\rround %d of %d' $round "$ROUNDS" >&2
done
[ ! -t 2 ] || echo >&2
awk -v bench=traffic -v json="${JSON:-}" -f "$here/report.awk" "$samples"
