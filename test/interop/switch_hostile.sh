#!/bin/sh
# switch_hostile - clients that misbehave harm nobody else, nor the switch
. "$(dirname "$0")/lib.sh"
need python3
if on_host; then
	skip "$TEST" "no switch of ours"
	exit 0
fi
clients="python3 $STAGE/bin/switch_peer.py"

memory_kib()
{
	awk '$1 == "VmHWM:" { print $2 }' "/proc/$1/status"
}

as()	# NAME WORDS BEFORE A COMMAND
{
	who=$1
	SW=$T/$who
	shift
	"$@" "$IOTH" switch -d -n 300 -p "$SW.pid" "$SW"
	pid=$(cat "$SW.pid")
	for t in garbage stopped_reader hundred silent; do
		check "$who $t" timeout 60 "$@" $clients $t "$SW"
	done
	kib=$(memory_kib "$pid")
	if [ "${kib:-999999}" -lt 65536 ]; then
		ok "$who memory"
	else
		fail "$who memory" "the switch used $kib KiB"
	fi
	kill "$pid"
	if wait_for 30 test ! -e "$SW"; then
		ok "$who ends after all that"
	else
		fail "$who ends after all that" "$(ls "$SW" 2>&1)"
	fi

	"$@" sh -c 'ulimit -n 40 && exec "$@"' sh "$IOTH" switch -d -p "$SW.pid" "$SW"
	check "$who few descriptors" timeout 60 "$@" $clients no_descriptors "$SW"
	kill "$(cat "$SW.pid")"
}

as user $as_user
if [ -n "$as_user" ]; then
	as root env
fi
finish
