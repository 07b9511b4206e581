#!/bin/sh
# switch_life - a switch starts, answers, refuses and ends as its page says
. "$(dirname "$0")/lib.sh"
need python3
if on_host; then
	skip "$TEST" "no switch of ours"
	exit 0
fi
clients="python3 $STAGE/bin/switch_peer.py"

# fails NAME STATUS TEXT COMMAND...: one line with that text, that status
fails()
{
	name=$1 want=$2 text=$3
	shift 3
	out=$("$@" 2>&1) && status=0 || status=$?
	case $status:$(echo "$out" | wc -l):$out in
	$want:1:*"$text"*) ok "$name" ;;
	*) fail "$name" "status $status: $out" ;;
	esac
}

gone()
{
	if wait_for 30 test ! -e "$SW"; then
		ok "$1"
	else
		fail "$1" "$(ls -la "$SW" 2>&1)"
	fi
}

life()	# NAME WORDS BEFORE A COMMAND
{
	who=$1
	SW=$T/$who
	shift
	check "$who -d" "$@" "$IOTH" switch -d -p "$SW.pid" "$SW"
	same "$who modes" "$(stat -c %a "$SW" "$SW/ctl" "$SW/shm" | tr '\n' ' ')" "2700 600 600 "
	check "$who answers at once" timeout 20 "$@" $clients hundred "$SW"
	fails "$who second" 1 "already running at $SW" "$@" "$IOTH" switch -d "$SW"
	fails "$who second, waiting" 1 "already running at $SW" "$@" "$IOTH" switch "$SW"

	"$@" $clients stays "$SW" >"$T/stays.log" 2>&1 &
	wait_for 30 grep -q joined "$T/stays.log"
	kill -TERM "$(cat "$SW.pid")"
	gone "$who TERM leaves no files"
	same "$who no pid file" "$(ls "$SW.pid" 2>/dev/null)" ""

	check "$who again" "$@" "$IOTH" switch -d -p "$SW.pid" "$SW"
	"$@" $clients stays "$SW" >"$T/stays2.log" 2>&1 &
	wait_for 30 grep -q joined "$T/stays2.log"
	kill -KILL "$(cat "$SW.pid")"
	wait_for 30 sh -c "! kill -0 $(cat "$SW.pid")"
	same "$who KILL leaves files" "$(ls "$SW" | tail -n 3 | tr '\n' ' ')" "ctl mgmt shm "
	fails "$who dead one" 1 "no such switch: $SW (start one: ioth switch -d $SW)" \
		"$@" "$IOTH" run --net "$SW" --ip 10.0.0.1/24 -- true
	check "$who takes over" "$@" "$IOTH" switch -d -m 0660 -p "$SW.pid" "$SW"
	check "$who works then" timeout 20 "$@" $clients hundred "$SW"
	same "$who mode 0660" "$(stat -c %a "$SW" "$SW/ctl" "$SW/shm" | tr '\n' ' ')" "2770 660 660 "
	kill -INT "$(cat "$SW.pid")"
	gone "$who INT leaves no files"

	check "$who hub" "$@" "$IOTH" switch -d --hub -p "$SW.pid" "$SW"
	check "$who hub repeats" timeout 20 "$@" $clients hub_repeats "$SW"
	kill -HUP "$(cat "$SW.pid")"
	gone "$who HUP leaves no files"

	check "$who streams closed" sh -c '"$@" <&- >&- 2>&-' sh "$@" "$IOTH" switch -d -p "$SW.pid" "$SW"
	check "$who lives without them" timeout 20 "$@" $clients hundred "$SW"
	kill -TERM "$(cat "$SW.pid")"
	gone "$who leaves no files then"

	"$@" mkdir "$SW"
	"$@" touch "$SW/file"
	fails "$who other files" 1 "other files" "$@" "$IOTH" switch -d "$SW"
	same "$who untouched" "$(ls "$SW")" file
	fails "$who no parent" 1 "cannot make $SW/a/b" "$@" "$IOTH" switch -d "$SW/a/b"
	fails "$who no path" 2 "no path given" "$@" "$IOTH" switch -d
	fails "$who a command to nobody" 1 "no switch is running there" "$@" "$IOTH" switch "$SW" "$SW"
	fails "$who bad mode" 2 "not an octal mode" "$@" "$IOTH" switch "$SW" -m 0999
	fails "$who bad group" 2 "no such group" "$@" "$IOTH" switch -g nosuch "$SW"
	fails "$who bad ports" 2 "not a number" "$@" "$IOTH" switch -n 0 "$SW"
	fails "$who bad option" 2 "no such option" "$@" "$IOTH" switch --foo "$SW"
	fails "$who long path" 1 "longer than" "$@" "$IOTH" switch \
		"$T/$(printf '%0100d' 0)"
}

life user $as_user
if [ -n "$as_user" ]; then
	life root env
	SW=$T/shared
	check "group" "$IOTH" switch -d -m 0660 -g 65534 -p "$SW.pid" "$SW"
	same "group owns" "$(stat -c %g "$SW" "$SW/ctl" "$SW/shm" | tr '\n' ' ')" "65534 65534 65534 "
	check "a member joins root's switch" timeout 20 $as_user $clients hundred "$SW"
	fails "a console for a group not one's own" 1 "cannot make the console's socket" \
		$as_user "$IOTH" switch -d -M "$T/console" --mgmtgroup 0 "$T/own"
	same "no console is left" "$(ls "$T/console" 2>/dev/null)" ""
	fails "another does not" 1 "no permission for the switch $SW" \
		setpriv --reuid 65533 --regid 65533 --clear-groups -- \
		"$IOTH" run --net "$SW" --ip 10.0.0.1/24 -- true
fi
finish
