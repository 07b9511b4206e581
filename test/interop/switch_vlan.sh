#!/bin/sh
# switch_vlan - VLANs of our switch beside those of Debian's vde_switch
. "$(dirname "$0")/lib.sh"
need vde_switch python3

with_console()	# KIND, then options of its own: a switch with a console at $SW.console
{
	kind=$1
	SW=$T/$kind
	shift
	$as_user "$@" -d -M "$SW.console" </dev/null >"$SW.log" 2>&1
	wait_for 30 test -e "$SW/ctl" -a -e "$SW.console"
}

with_console debian vde_switch -s "$T/debian" -m 0777 -p "$T/debian.pid"
other=$SW
if on_host; then
	with_console debian2 vde_switch -s "$T/debian2" -m 0777 -p "$T/debian2.pid"
else
	with_console ioth "$IOTH" switch -m 0777 "$T/ioth"
fi
for seed in 1 2; do
	check "$kind seed $seed" timeout 100 $as_user python3 "$STAGE/bin/switch_vlan.py" \
		"$SW" "$SW.console" "$other" "$other.console" $seed
done
finish
