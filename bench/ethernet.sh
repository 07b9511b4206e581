#!/bin/sh
# ethernet - rates of wires and of the switch, beside what this machine can do at best
#
#	bench/ethernet.sh		IOTH=PATH (default build/ioth)
#	QUICK=1				in under 50 seconds
#	ROUNDS=N SECONDS_EACH=S		how often, how long
#	JSON=FILE			one JSON object per row as well
#
# Subjects take turns (ethernet.c tells what each does), so a slow while of the machine,
# or somebody else's load, is shared by all: read the ratios. "one processor" has clients
# and switch on one, where caches are near and only the work of the switch counts; else
# they sit where the kernel puts them. Rates of a switch are frames that arrived; "core"
# is per second of the switch's processor time. Without vde_switch its rows are missing.

. "$(dirname "$0")/nodes"

if [ "${QUICK:-0}" = 1 ]; then
	ROUNDS=${ROUNDS:-5} SECONDS_EACH=${SECONDS_EACH:-0.25}
fi
ROUNDS=${ROUNDS:-7} SECONDS_EACH=${SECONDS_EACH:-1}

${CC:-cc} $flags -I"$top/src" -o "$T/bin/ethernet" "$here"/ethernet*.c \
	"${LIB:-$top/build/libioth.a}" $libs || exit 1

start()	# KIND: sets SW; the switch's process is in $SW.pid
{
	start_switch "$1"
	for p in $(marked); do
		case $(cat "/proc/$p/comm" 2>/dev/null) in
		ioth|vde_switch) [ -e "$SW.pid" ] || echo "$p" >"$SW.pid" ;;
		esac
	done
}

sample()	# CASE UNIT SUBJECT VALUE TARGET
{
	printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-failed}" "${5:-}" >>"$T/samples"
}

measure()	# SUBJECT [SWITCH PID]
{
	subject=$1
	shift
	$as_user ${on:-} timeout 60 "$T/bin/ethernet" "$subject" "$SECONDS_EACH" "$@" 2>>"$T/errors"
}

memory()
{
	sample "64 KiB in and out" GB/s "copy in memory" "$(measure copy)"
	sample "64 KiB in and out" GB/s "over a wire" "$(measure super)" 0.85
	sample "64 KiB in and out" GB/s "copy through 256 KiB" "$(measure copy-little)"
	sample "64 KiB in and out" GB/s "copy through 4 MiB" "$(measure copy-much)"
}

round_trips()
{
	trip="there and back, both spin"
	sample "$trip" us "over a wire" "$(measure spin)" "1 us"
	trip="there and back, both asleep"
	sample "$trip" us futex "$(measure futex)"
	sample "$trip" us eventfd "$(measure eventfd)"
	sample "$trip" us "socket and poll" "$(measure socket)"
	sample "$trip" us "over a wire" "$(measure asleep)" "futex + 2 us"
	sample "$trip" us "over a wire, by bells" "$(measure bells)"
}

# Thousands.
rates()	# NAME SUBJECT "RATE CORE" [TARGET [TARGET]]
{
	sample "$1" k/s "$2" "$(echo "$3" | awk 'NF { printf "%.2f", $1 / 1e3 }')" "${4:-}"
	sample "$1, core" k/s "$2" "$(echo "$3" | awk 'NF > 1 { printf "%.2f", $2 / 1e3 }')" "${5:-}"
}

small_frames()	# NAME
{
	rates "$1" "bare ring" "$(measure ring)"
	rates "$1" "ioth switch" "$(measure shm "$T/ioth" "$ioth")" "" "10000 k/s"
}

on_one()
{
	on="taskset -c 0"
	taskset -pc 0 "$ioth" >/dev/null
	small_frames "64 octets, one processor"
	taskset -pc "$all" "$ioth" >/dev/null
	on=
}

vde()	# SUBJECT CASE PAIR
{
	[ -z "$debian" ] || rates "$2" vde_switch "$(measure "$1" "$T/debian" "$debian")"
	rates "$2" "ioth switch" "$(measure "$1" "$T/ioth" "$ioth")" 1.5
	rates "$2" "socket pair, no switch" "$(measure "$3")"
}

storm_limit()	# FRAMES: of the third port, which is the third that joins
{
	$as_user "$IOTH" switch "$T/ioth" port/setstorm 3 broadcast "$1" >/dev/null
}

beside()
{
	case="64 KiB through the switch, a third client beside"
	sample "$case" GB/s "that sleeps" "$(measure bystander "$T/ioth" "$ioth")"
	sample "$case" GB/s "that counts" "$(measure counter "$T/ioth" "$ioth")"
	sample "$case" GB/s "that storms with broadcasts" "$(measure storm "$T/ioth" "$ioth")" 0.9
	storm_limit 1000
	sample "$case" GB/s "that storms, 1000 a second pass" \
		"$(measure storm "$T/ioth" "$ioth")"
	storm_limit 0
}

all=$(taskset -pc $$ | sed 's/.*: //')
start ioth
ioth=$(cat "$SW.pid")
debian=
if command -v vde_switch >/dev/null; then
	start debian
	debian=$(cat "$SW.pid")
fi
for round in $(seq "$ROUNDS"); do
	memory
	round_trips
	small_frames "64 octets"
	on_one
	vde vde "64 octets by VDE's sockets" pair
	vde vde-mtu "1514 octets by VDE's sockets" pair-mtu
	beside
	[ ! -t 2 ] || printf '\r%d of %d' "$round" "$ROUNDS" >&2
done
[ ! -t 2 ] || echo >&2
cat "$T/errors" >&2
awk -v bench=ethernet -v each=1 -v json="${JSON:-}" -f "$here/report.awk" "$T/samples"
