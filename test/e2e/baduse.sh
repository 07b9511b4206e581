#!/bin/sh
# baduse - wrong use gives one clear line and the right exit status, and hurts nobody
. "$(dirname "$0")/lib.sh"

if on_host; then
	skip baduse "these are messages of ioth itself"
	exit 0
fi

says()	# NAME STATUS PART ARGUMENTS...: of ioth
{
	name=$1 status=$2 part=$3
	shift 3
	got=$(status_of timeout 20 env E2E_MARK="$T" "$IOTH" "$@")
	if [ "$got" != "$status" ]; then
		fail "$name" "exit status $got, not $status: $(cat "$T/out")"
	elif ! grep -qiF -- "$part" "$T/out"; then
		fail "$name" "no '$part' in: $(cat "$T/out")"
	elif [ "$(wc -l <"$T/out")" -gt "${lines:-3}" ]; then
		fail "$name" "more than a line or two: $(cat "$T/out")"
	else
		ok "$name"
	fi
}

start_switch
says no_such_switch 1 "$T/none" run --net "$T/none" --ip 10.0.0.1/24 -- true
says not_a_switch 1 "$T" run --net "$T" --ip 10.0.0.1/24 -- true
says no_prefix 2 10.0.0.1 run --net "$SW" --ip 10.0.0.1 -- true
says bad_prefix 2 10.0.0.1/33 run --net "$SW" --ip 10.0.0.1/33 -- true
says bad_prefix_v6 2 fd00::1/129 run --net "$SW" --ip fd00::1/129 -- true
says bad_address 2 10.0.0.256 run --net "$SW" --ip 10.0.0.256/24 -- true
says bad_dns 2 nonsense run --net "$SW" --ip 10.0.0.1/24 --dns nonsense -- true
says bad_mac 2 nonsense run --net "$SW" --ip 10.0.0.1/24 --mac nonsense -- true
says bad_mtu 2 mtu run --net "$SW" --ip 10.0.0.1/24 --mtu 12 -- true
says unknown_option 2 --nonsense run --nonsense -- true
says missing_value 2 --ip run --net "$SW" --ip
says unknown_stack 2 nonsense run --net "$SW" --stack nonsense -- true
says unknown_command 2 nonsense nonsense
says no_program 2 program run --net "$SW" --ip 10.0.0.1/24
says no_program_dashes 2 program run --net "$SW" --ip 10.0.0.1/24 --
says switch_no_path 2 path switch
got=$(ulimit -n 100 && timeout 20 env E2E_MARK="$T" "$IOTH" switch -d -n 1000 -p "$T/few.pid" "$T/few" 2>&1 </dev/null)
case $got in
*"the limit is 100"*)	ok switch_few_files ;;
*)			fail switch_few_files "$got" ;;
esac
kill "$(cat "$T/few.pid")"
lines=60
says help_run 0 --ip run --help
says help_switch 0 switch switch --help
says help 0 switch --help
lines=
says program_not_found 127 nonexistent run --net "$SW" --ip 10.0.0.1/24 -- "$T/nonexistent"
says program_not_in_path 127 nonexistent run --net "$SW" --ip 10.0.0.1/24 -- nonexistent-program
touch "$T/not_executable"
says program_not_executable 126 not_executable run --net "$SW" --ip 10.0.0.1/24 -- "$T/not_executable"
says switch_stdio_inside 1 "stdin and stdout are no plug here" switch --plug 'trace://{-}' "$T/sw2"
says plug_stdio_inside 1 "stdin and stdout are no plug here" plug -d "$SW" 'trace://{stdio://}'
says switch_in_use 1 "$SW" switch "$SW"
says switch_bad_directory 1 /nonexistent switch /nonexistent/sw
says nested 1 "ioth run inside" run --net "$SW" --ip 10.0.0.1/24 -- \
	"$IOTH" run --net "$SW" --ip 10.0.0.2/24 -- true
says few_descriptors 0 limit run --net "$SW" --ip 10.0.0.1/24 -- \
	sh -c 'ulimit -n 20; exec python3 -c "
import socket
try:
	kept = [socket.socket() for _ in range(100)]
except OSError as e:
	print(\"limit\" if e.errno == 24 else e)
"'
says port_in_use 1 "Address already in use" run --net "$SW" --ip 10.0.0.1/24 -- \
	python3 -c "
import socket
a = socket.create_server(('', 80))
try:
	socket.create_server(('', 80))
except OSError as e:
	print(e)
	raise SystemExit(1)
"
same switch_survives "$(status_of node 1 true)" 0
finish
