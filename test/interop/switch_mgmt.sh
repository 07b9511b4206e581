#!/bin/sh
# switch_mgmt - the console of our switch and vde_switch's, side by side; the tools for it
. "$(dirname "$0")/lib.sh"
need vde_switch vde_plug python3 unixcmd vdeterm unixterm
if on_host; then
	skip "$TEST" "no switch of ours"
	exit 0
fi
peer="python3 $STAGE/bin/mgmt_peer.py"
tell="$as_user $IOTH switch"

# Lines that scripts for vde_switch write; at port 1 sits a vde_plug.
lines()
{
	cat <<-'END'
		port/showinfo
		ds/showinfo
		port/print
		port/print 1
		port/allprint
		port/print 99
		port/print 7
		port/print1
		port/create 3
		port/create 3
		port/createauto
		port/allprint
		port/allocatable 3 1
		port/allprint 3
		port/setuser 3 root
		port/setgroup 3 daemon
		port/allprint 3
		port/setuser 3 NONE
		port/setgroup 3 NONE
		port/setuser 3 no-such-user
		port/remove 1
		port/remove 7
		port/epclose 1 999
		port/sethub 1
		port/showinfo
		port/sethub 0
		vlan/print
		vlan/create 7
		vlan/create 7
		vlan/create 5000
		vlan/addport 7 1
		vlan/addport 7 3
		vlan/addport 8 1
		vlan/print 7
		vlan/allprint 7
		vlan/print 9
		port/setvlan 3 7
		port/setvlan 3 8
		vlan/allprint
		vlan/delport 7 3
		vlan/remove 7
		port/setvlan 3 0
		vlan/delport 7 3
		vlan/delport 7 1
		vlan/remove 7
		vlan/remove 7
		vlan/remove 0
		port/resetcounter
		port/resetcounter 1
		port/resetcounter 99
		hash/showinfo
		hash/setexpire 50
		hash/setgcint 3
		hash/setminper 2
		hash/setsize 64
		hash/showinfo
		hash/find 02:00:00:00:00:77
		hash/find nonsense
		fstp/showinfo
		fstp/setfstp 0
		debug/add port/+
		debug/del port/+
		debug/add nothing-is-called-so
		port
		nonsense
		# a comment
		port/remove 3
		port/remove 2
		port/setnumports 0
		port/setnumports 20
		port/showinfo
		logout
	END
}

# --- side by side ---

$as_user vde_switch -n 32 -s "$T/v" -M "$T/v.mgmt" -d -p "$T/v.pid" </dev/null
$as_user "$IOTH" switch -numports 32 -sock "$T/i" -mgmt "$T/i.mgmt" -daemon -p "$T/i.pid"
for s in v i; do
	wait_for 30 test -e "$T/$s.mgmt"
	sleep 300 | $as_user vde_plug "$T/$s" >/dev/null 2>&1 &
done
for s in v i; do
	wait_for 30 sh -c "echo port/print | $as_user $peer ask '$T/$s.mgmt' | grep -q ^Port"
	lines | $as_user $peer ask "$T/$s.mgmt" >"$T/$s.txt" 2>&1
	sed 's/PATH\/v/PATH\/i/' "$T/$s.txt" >"$T/$s.lines"
done
if diff "$T/v.lines" "$T/i.lines" >"$T/diff"; then
	ok "as vde_switch: $(grep -c '^>' "$T/i.lines") commands"
else
	fail "as vde_switch" "$(cat "$T/diff")"
fi

# --- Debian's tools ---

# vdecmd of Debian has status 255 whatever was answered
vdecmd()	# v|i WORDS...
{
	socket=$T/$1.mgmt
	shift
	$as_user unixcmd -s "$socket" -f /etc/vde2/vdecmd "$@" 2>&1 | sed 's/ID [0-9]*/ID/; s/pid=[0-9]*//'
}
for words in port/showinfo "port/print 1" "port/print 9" nonsense "vlan/create 9" "vlan/remove 9"; do
	same "vdecmd $words" "$(vdecmd i $words)" "$(vdecmd v $words)"
done
for s in i; do
	for term in vdeterm unixterm; do
		$tell "$T/i" port/create 9
		out=$(printf 'port/create 9\nlogout' |
			timeout 30 $as_user $peer term "File exists" $term "$T/$s.mgmt" 2>&1)
		case $out in
		*"File exists"*) ok $term ;;
		*) fail $term "$out" ;;
		esac
		$tell "$T/i" port/remove 9
	done
done

# --- our words ---

for words in "" " " "# port/print" "showinfo
shutdown"; do
	out=$(timeout 5 $tell "$T/i" "$words" 2>&1)
	same "no command: '$(echo $words)'" "$? $(wc -l <<-END
		$out
	END
	)" "1 1"
done
for word in $($tell "$T/i" help | awk 'NR > 2 && $2 !~ /^==/ { print $1 }'); do
	grep -qE "[ ,]$word( |$)" "${top:-$(dirname "$0")/../..}/man/ioth-switch.1" || echo "$word"
done >"$T/no-page"
same "every command is in the page" "$(cat "$T/no-page")" ""

check "words" $tell "$T/i" port create 9
out=$($tell "$T/i" port create 9 2>&1)
same "error's status" $? 1
case $out in *"1017 File exists"*) ok "error's text" ;; *) fail "error's text" "$out" ;; esac
same "tabs" "$($tell "$T/i" show clients -t | cut -f 1,3 | tail -n 1)" "$(printf '1\tvde')"
check "JSON" sh -c "$tell '$T/i' show --json | python3 -c '
import json, sys
o = json.load(sys.stdin)
assert o[\"clients\"][0][\"port\"] == 1, o'"
same "a console of vde_switch, too" "$($tell "$T/v.mgmt" port/showinfo | head -n 1)" "Numports=20"
out=$($as_user "$IOTH" show -t switches | grep "^$T/i	")
case $out in "$T/i	$(cat "$T/i.pid")	"*"	1	1	"*) ok "show switches" ;; *) fail "show switches" "$out" ;; esac
$tell "$T/i" events port >"$T/events" 2>&1 &
events=$!
# not before it listens
wait_for 30 sh -c "$tell '$T/i' port/create 10; $tell '$T/i' port/remove 10; test -s '$T/events'"
kill $events 2>/dev/null
case $(head -n 1 "$T/events") in "port/"*) ok "events" ;; *) fail "events" "$(cat "$T/events")" ;; esac

# --- files of commands, and the console on stdin ---

mkdir -p "$T/home/.vde2"
printf '# a lab\nport/create 5\nvlan/create 20\nport/setvlan 5 20\nport/setvlan 5 21\n' \
	>"$T/home/.vde2/vde_switch.rc"
out=$(HOME=$T/home $as_user "$IOTH" switch -d "$T/rc" -p "$T/rc.pid" 2>&1)
case $out in *"line 5: 1006 "*"vlan/create 21"*) ok "rc file's errors" ;; *) fail "rc file's errors" "$out" ;; esac
same "rc file" "$($tell "$T/rc" port/allprint | head -n 1)" \
	"Port 0005 untagged_vlan=0020 INACTIVE - NOT Unnamed Allocatable"
check "shutdown" $tell "$T/rc" shutdown
wait_for 30 test ! -e "$T/rc"
same "shutdown leaves no files" "$(ls -d "$T/rc" "$T/rc.pid" 2>/dev/null)" ""

out=$(printf 'port/showinfo\nport/create 300\n' | HOME=$T timeout 20 $as_user "$IOTH" switch "$T/stdin" 2>&1)
same "end of stdin" $? 0
case $out in *Numports=255*1022*) ok "stdin" ;; *) fail "stdin" "$out" ;; esac
same "end of stdin leaves no files" "$(ls -d "$T/stdin" 2>/dev/null)" ""
HOME=$T timeout 30 $as_user "$IOTH" switch "$T/null" </dev/null >/dev/null 2>&1 &
check "/dev/null is no console" wait_for 30 $tell "$T/null" showinfo
$tell "$T/null" shutdown
out=$(printf 'help port\nshutdown' | HOME=$T timeout 30 $as_user $peer term port/setvlan "$IOTH" switch "$T/tty" 2>&1)
case $out in *"port/setvlan"*) ok "on a terminal" ;; *) fail "on a terminal" "$out" ;; esac

# --- vde_switch's -t ---

if [ "$(id -u)" = 0 ] && [ -c /dev/net/tun ] && unshare --net true 2>/dev/null; then
	for how in "-d" ""; do
		check "-t $how" unshare --net sh -c "
			HOME=$T '$IOTH' switch $how -t tapa,tapb '$T/tap$how' </dev/null >'$T/tap.log' 2>&1 &
			for i in \$(seq 200); do
				[ \$('$IOTH' switch '$T/tap$how' show clients -t 2>/dev/null | wc -l) = 3 ] && break
				sleep 0.1
			done
			ip link show tapa && ip link show tapb && '$IOTH' switch '$T/tap$how' shutdown
			for i in \$(seq 100); do
				ip link show tapb >/dev/null 2>&1 || exit 0
				sleep 0.1
			done
			exit 1"
	done
	out=$($as_user unshare --user --net "$IOTH" switch -d -t tapa "$T/notap" 2>&1)
	same "-t refused" $? 1
	wait_for 30 test ! -e "$T/notap"
	same "-t refused: no switch" "$(ls -d "$T/notap" 2>/dev/null)" ""
else
	skip "-t" "no tap devices or no network namespaces here"
fi

# --- who may ---

check "hostile sessions" timeout 100 $as_user $peer hostile "$T/i.mgmt"
check "and afterwards" $tell "$T/i" showinfo
if [ "$(id -u)" = 0 ]; then
	check "for a user: begin" "$IOTH" switch -d -m 0777 -p "$T/acl.pid" "$T/acl"
	for words in "port/create 3" "port/create 4" "port/setuser 3 nobody" "port/setgroup 4 daemon"; do
		"$IOTH" switch "$T/acl" $words || fail "$words" "status $?"
	done
	joins()	# UID PORT
	{
		setpriv --reuid "$1" --regid "$1" --clear-groups -- "$IOTH" run \
			--net "$T/acl[$2]" --ip 10.0.0.7/24 -- true 2>&1
	}
	check "the user" joins 65534 3
	case $(joins 4711 3) in *"another user or group"*) ok "another" ;; *) fail "another" "$(joins 4711 3)" ;; esac
	case $(joins 4711 4) in *"another user or group"*) ok "no member" ;; *) fail "no member" "$(joins 4711 4)" ;; esac
	check "a member" setpriv --reuid 4711 --regid 4711 --groups "$(getent group daemon | cut -d: -f3)" \
		-- "$IOTH" run --net "$T/acl[4]" --ip 10.0.0.7/24 -- true
	out=$($as_user "$IOTH" switch "$T/acl" shutdown 2>&1)
	same "its owner's console" $? 1
	check "for a user: end" "$IOTH" switch "$T/acl" shutdown
fi
for s in v i; do
	kill "$(cat "$T/$s.pid")"
done
finish
