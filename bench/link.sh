#!/bin/sh
# link - goodput over one bad link: Linux's stack beside ours, and whether flows share
#
#	bench/link.sh			IOTH=PATH (default build/ioth)
#	QUICK=1				a few cells, in under a minute
#	ROUNDS=N SECONDS_EACH=S		how often; seconds are times 2 at 20 ms, 5 at 100 ms
#	DELAYS=".." LOSSES=".." REORDERS=".." RATES=".." FAIR=0|1	only these
#	KINDS="linux native"		only these; each value of LOSSES given twice is measured twice
#	CROSS=1				also from native to Linux and back: which side loses?
#	NATIVE="--set NAME=VALUE"	more options of native nodes
#	JOBS=N				slow cells at once, which leave the processor idle
#	JSON=FILE			one JSON object per row as well
#
# native is a program under "ioth run", library one with libioth in itself.
# A cell is a link (link.c) with a delay each way, loss, reordering and perhaps a
# bottleneck of 100 Mb/s with a queue of 50 frames. At each end sit a Linux namespace and
# native nodes; rounds take turns, one flow from left to right each, CUBIC. Both
# kinds pass the same process in the middle, and the dice are thrown anew for each flow
# of a round: few losses decide a flow, so those should be the same. Needs root for the namespaces.

. "$(dirname "$0")/nodes"
need_kernel_nodes

if [ "${QUICK:-0}" = 1 ]; then
	ROUNDS=${ROUNDS:-3} SECONDS_EACH=${SECONDS_EACH:-0.5}
	DELAYS=${DELAYS:-0 20} LOSSES=${LOSSES:-0 1} REORDERS=${REORDERS:-0}
fi
ROUNDS=${ROUNDS:-5} SECONDS_EACH=${SECONDS_EACH:-2}
DELAYS=${DELAYS:-0 1 20 100}	# ms
LOSSES=${LOSSES:-0 0.1 1 3}	# %
REORDERS=${REORDERS:-0 2}	# %
RATES=${RATES:-none 100M}
KINDS=${KINDS:-linux native library}
if [ "${CROSS:-0}" = 1 ]; then
	KINDS="$KINDS native-to-linux linux-to-native"
fi
JOBS=${JOBS:-4}
QUEUE=50

${CC:-cc} $flags -I"$top/src" -o "$T/bin/link" "$here/link.c" \
	"${LIB:-$top/build/libioth.a}" $libs || exit 1

${CC:-cc} $flags -DIOTH -I"$top/include" -o "$T/bin/netbench-ioth" "$here/netbench.c" \
	"${LIB:-$top/build/libioth.a}" $libs || exit 1

# --- one link and who sits at its ends; each cell runs in a shell of its own ---

in_ns()	# PID PROGRAM...
{
	ns=$1
	shift
	nsenter --net="/proc/$ns/ns/net" -- "$@"
}

kernel_at()	# SIDE NUMBER: sets kernel_pid
{
	unshare --net sleep 36000 &
	kernel_pid=$!
	wait_for 5 sh -c "[ \"\$(readlink /proc/$kernel_pid/ns/net)\" != \"\$(readlink /proc/$$/ns/net)\" ]"
	in_ns $link ip link set "$1" netns $kernel_pid
	in_ns $kernel_pid sysctl -qw net.ipv4.tcp_no_metrics_save=1
	in_ns $kernel_pid ip link set "$1" up
	in_ns $kernel_pid ip addr add "10.0.0.$2/24" dev "$1"
	in_ns $kernel_pid ip addr add "10.1.0.$((2 + $2))/16" dev "$1"
}

answers()	# LOG
{
	wait_for 10 grep -q ready "$1" && return
	echo "link: $(tail -n 1 "$1")" >&2
	exit 1
}

native()	# DIRECTORY ADDRESS PROGRAM...
{
	dir=$1 addr=$2
	shift 2
	$as_user "$IOTH" run --net "$dir" --ip "$addr/16" ${NATIVE:-} -- "$@"
}

library()	# DIRECTORY ADDRESS ARGUMENTS...
{
	dir=$1 addr=$2 role=$3
	shift 3
	$as_user "$T/bin/netbench-ioth" "$role" -n "$dir" -a "$addr/16" "$@"
}

cell_up()	# OPTIONS: the current directory is the cell's
{
	D=$PWD
	unshare --net "$T/bin/link" "$1/seed=$((n_cells + 1))" "$D/left" "$D/right" >link.log 2>&1 &
	link=$!
	answers link.log
	kernel_at right 2
	in_ns $kernel_pid "$bench" serve $port >linux.log 2>&1 </dev/null &
	answers linux.log
	native "$D/right" 10.1.0.2 "$bench" serve $port >native.log 2>&1 </dev/null &
	answers native.log
	library "$D/right" 10.1.0.5 serve $port >library.log 2>&1 </dev/null &
	answers library.log
	kernel_at left 1
	fresh=10
}

cell_down()
{
	for p in $(grep -lsaxzF "CELL=$D" /proc/[0-9]*/environ | cut -d / -f 3); do
		[ "$p" = "$me" ] || kill "$p" 2>/dev/null
	done
}

from_linux()	# ADDRESS SECONDS
{
	in_ns $kernel_pid timeout 60 "$bench" client -C cubic "$1" $port "$2" goodput
}

# A native client is a new host each time: nobody remembers its connections.
from_native()	# ADDRESS SECONDS
{
	native "$D/left" "10.1.1.$fresh" timeout 60 "$bench" client "$1" $port "$2" goodput
}

flow()	# KIND SECONDS: prints the goodput
{
	case $1 in
	linux)			from_linux 10.0.0.2 "$2" ;;
	native)			from_native 10.1.0.2 "$2" ;;
	library)		library "$D/left" "10.1.1.$fresh" client 10.1.0.5 $port "$2" goodput ;;
	linux-to-native)	from_linux 10.1.0.2 "$2" ;;
	native-to-linux)	from_native 10.1.0.4 "$2" ;;
	esac 2>>"$1.info" </dev/null | awk '{ print $3 }'
}

sample()	# CASE UNIT SUBJECT VALUE
{
	printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-failed}" >>samples
}

cell()	# NAME OPTIONS SECONDS
{
	cell_up "$2"
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		kill -USR2 $link
		for kind in $KINDS; do
			fresh=$((fresh + 1))
			sleep 0.1	# what is held of the last flow is gone
			kill -USR1 $link
			sample "$1" Mb/s $kind "$(flow $kind "$3")"
		done
		round=$((round + 1))
	done
	cell_down
}

# The share of the first of two flows that start together.
pair()	# SECONDS FIRST SECOND
{
	fresh=$((fresh + 2))
	flow "$2" "$1" >first &
	one=$!
	fresh=$((fresh + 1))
	flow "$3" "$1" >second
	wait $one
	sample "share of the first" % "$2 beside $3" \
		"$(cat first second | awk '{ v[NR] = $1 } END { if (v[1] + v[2]) printf "%.1f", 100 * v[1] / (v[1] + v[2]) }')"
}

fair()	# SECONDS
{
	cell_up "delay=10ms/rate=100M/queue=$QUEUE"
	round=0
	while [ $round -lt "$ROUNDS" ]; do
		pair "$1" linux linux
		pair "$1" native native
		pair "$1" native linux
		round=$((round + 1))
	done
	cell_down
}

# --- all cells ---

n_cells=0
start()	# FUNCTION ARGUMENTS...
{
	n_cells=$((n_cells + 1))
	mkdir -m 777 "$T/cell$n_cells"
	(
		cd "$T/cell$n_cells" || exit
		CELL=$PWD
		me=$(sh -c 'echo $PPID')
		export CELL
		"$@"
	) &
	started="$started $!"
}

join()
{
	for p in $started; do
		wait $p
	done
	started=
	running=0
	[ ! -t 2 ] || printf '\r%d cells' $n_cells >&2
}

name_of()
{
	echo "$1 ms, loss $2%, reorder $3%, $4"
}

options_of()
{
	echo "delay=$1ms/loss=$2%/reorder=$3%$([ "$4" = none ] || echo "/rate=$4/queue=$QUEUE")"
}

# Cells that the processor limits are alone.
one_cell()	# DELAY LOSS REORDER RATE
{
	long=$(awk -v s="$SECONDS_EACH" -v d="$1" 'BEGIN { print s * (d < 20 ? 1 : d < 100 ? 2 : 5) }')
	slow=0
	if [ "$1" -ge 20 ] && [ "$2$4" != 0none ]; then
		slow=1
	fi
	if [ $slow = 0 ] || [ $running -ge "$JOBS" ]; then
		join
	fi
	start cell "$(name_of "$@")" "$(options_of "$@")" "$long"
	running=$((running + 1))
	[ $slow = 1 ] || join
}

started= running=0
for delay in $DELAYS; do
	for rate in $RATES; do
		for loss in $LOSSES; do
			for reorder in $REORDERS; do
				one_cell "$delay" "$loss" "$reorder" "$rate"
			done
		done
	done
done
join
if [ "${FAIR:-1}" = 1 ]; then
	start fair "$(awk -v s="$SECONDS_EACH" 'BEGIN { print s * 4 }')"
	join
fi
[ ! -t 2 ] || echo >&2
for n in $(seq $n_cells); do
	cat "$T/cell$n/samples"
done >"$T/samples"
[ -z "${KEEP:-}" ] || cp -r "$T"/cell* "$T/samples" "$KEEP"
awk -v bench=link -v json="${JSON:-}" -f "$here/link.awk" "$T/samples"
