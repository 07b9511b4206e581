#!/bin/sh
# plug_cable - ioth plug as a cable: alone, and with Debian's vde_plug, dpipe and
# wirefilter at its other end; between our switch and Debian's
. "$(dirname "$0")/lib.sh"
need vde_plug vde_switch dpipe wirefilter curl python3
if on_host; then
	skip "$TEST" "the yardstick has no cables of ours"
	exit 0
fi

start_switch ioth
a=$SW
start_switch debian
b=$SW
mkdir "$T/www"
head -c 1000000 /dev/urandom >"$T/www/file"
chmod -R a+rX "$T/www"
want=$(sum <"$T/www/file")
NET=$a serve 1 python3 -u -m http.server -d "$T/www" 80
wait_for 30 grep -q Serving "$T/node1.log"

head -c 200000 "$T/www/file" >"$T/www/part"

fetch()		# [FILE]
{
	NET=$b node 2 curl -s --retry 10 --retry-all-errors --retry-delay 1 --connect-timeout 5 --max-time 200 \
		http://10.0.0.1/"${1:-file}" | sum
}

no_cables()
{
	for p in $(marked); do
		case $(tr '\0' ' ' <"/proc/$p/cmdline") in
		*"ioth plug "*|*vde_plug*) return 1 ;;
		esac
	done 2>/dev/null
}

cable()	# NAME COMMAND...: what it joins lets a file through, and it ends
{
	name=$1
	shift
	$as_user "$@" </dev/null >"$T/cable.log" 2>&1 &
	cable=$!
	same "$name" "$(fetch)" "$want"
	kill $cable || cat "$T/cable.log"
	if ! wait_for 30 no_cables; then
		fail "$name ends" "$(cat "$T/cable.log")"
	fi
}

cable "two switches" "$IOTH" plug "$a" "$b"
cable "a command" "$IOTH" plug "$a" "cmd://\"$IOTH plug $b\""
cable "a command of VDE's" "$IOTH" plug "$a" "cmd://vde_plug $b"
cable "vde_plug's command" vde_plug "vde://$a" "cmd://$IOTH plug $b"
cable "dpipe: ioth, ioth" dpipe "$IOTH" plug "$a" = "$IOTH" plug "$b"
cable "dpipe: vde_plug, ioth" dpipe vde_plug "$a" = "$IOTH" plug "$b"
cable "dpipe: ioth, vde_plug" dpipe "$IOTH" plug "$a" = vde_plug "$b"
# wirefilter keeps pieces of frames of both directions in the same memory: when both are
# cut at once (one in ten megabytes) it loses its place for good. So: less, and again.
filtered()
{
	for try in 1 2 3; do
		$as_user dpipe "$IOTH" plug "$a" = wirefilter = "$IOTH" plug "$b" </dev/null \
			>"$T/cable.log" 2>&1 &
		cable=$!
		got=$(fetch part)
		kill $cable || cat "$T/cable.log"
		wait_for 30 no_cables || fail "wirefilter ends" "$(cat "$T/cable.log")"
		[ "$got" != "$(sum <"$T/www/part")" ] || break
	done
	same "dpipe: ioth, wirefilter, ioth" "$got" "$(sum <"$T/www/part")"
}
filtered
cable "dpipe: ioth, a shell with ioth" dpipe "$IOTH" plug "$a" = sh -c "exec $IOTH plug $b"

# --- plugs of a switch's own ---

for own in "vde://$a" "$b" "cmd://exec $IOTH plug $a" "cmd://exec vde_plug $b"; do
	case $own in
	*"$a"*) far=$a ;;
	*) far=$b ;;
	esac
	$as_user "$IOTH" switch "$T/own" --plug "$own" >"$T/own.log" 2>&1 &
	switch=$!
	wait_for 30 test -e "$T/own/ctl"
	NET=$T/own serve 3 python3 -u -m http.server -d "$T/www" 80
	wait_for 30 grep -q Serving "$T/node3.log"
	same "a switch's own: $own" "$(NET=$far node 2 curl -s --retry 10 --retry-all-errors \
		--retry-delay 1 --connect-timeout 5 --max-time 200 http://10.0.0.3/file | sum)" "$want"
	kill $! $switch
	wait_for 30 sh -c "! [ -e '$T/own' ]"
done

# --- bad use, in one line ---

says()	# NAME STATUS TEXT COMMAND...
{
	name=$1 want_status=$2 text=$3
	shift 3
	out=$($as_user timeout 20 "$@" 2>&1 </dev/null) && status=0 || status=$?
	if [ $status != "$want_status" ]; then
		fail "$name" "exit status $status: $out"
	elif [ "$(echo "$out" | wc -l)" != 1 ]; then
		fail "$name" "not one line: $out"
	else
		case $out in
		*"$text"*) ok "$name" ;;
		*) fail "$name" "$out" ;;
		esac
	fi
}

says "no switch" 1 "ioth switch" "$IOTH" plug "$T/none" "$a"
says "no command" 1 "no command; write" "$IOTH" plug "$a" cmd://
says "a command that fails" 1 "ended with status 3" "$IOTH" plug "$a" "cmd://exit 3"
says "a command that talks" 1 "login shell" "$IOTH" plug "$a" "cmd://echo Welcome back"
says "no locator" 2 "no locator given; write" "$IOTH" plug
says "stdin twice" 2 "both ends are stdin" "$IOTH" plug -
sleep 1 | $as_user timeout 20 "$IOTH" plug - 'trace://{-}' 2>"$T/inside" | cat >/dev/null
check "stdin twice, once inside" grep -q "no plug here" "$T/inside"
says "three locators" 2 "what is" "$IOTH" plug "$a" "$b" "$a"
says "stdin in the background" 2 "closes stdin" "$IOTH" plug -d "$a"

# --- in the background ---

check "background" $as_user "$IOTH" plug -d -p "$T/cable.pid" "$a" "$b"
same "background: carries" "$(fetch)" "$want"
kill "$(cat "$T/cable.pid")"
wait_for 30 sh -c "! [ -e '$T/cable.pid' ]"
check "background: a capture keeps nobody's output open" timeout 20 sh -c '"$@" 2>&1 | cat' sh \
	$as_user "$IOTH" plug -d -p "$T/cable.pid" "capture://$T/frames{$a}" "$b"
kill "$(cat "$T/cable.pid")"
wait_for 30 sh -c "! [ -e '$T/cable.pid' ]"
same "background: ends" "$(ls "$T/cable.pid" 2>&1 | grep -c 'No such')" 1
finish
