#!/bin/sh
# stack - a stack as a file: several programs share one node
. "$(dirname "$0")/lib.sh"
need python3 curl ip ss

if on_host; then
	skip stack "the kernel's stack is no file"
	exit 0
fi

serve_stack()	# NAME ARGUMENTS...
{
	name=$1
	shift
	ioth stack -d -p "$T/$name.pid" "$T/$name" "$@" >"$T/$name.log" 2>&1
}

on()	# NAME PROGRAM...
{
	name=$1
	shift
	ioth run --stack "$T/$name" -- "$@"
}

on_in_background()	# NAME PROGRAM...: $bg
{
	name=$1
	shift
	exec_ioth run --stack "$T/$name" -- "$@" </dev/null >"$T/bg.log" 2>&1 &
	bg=$!
	jobs="$jobs$bg "
}

listens()	# NAME PORT
{
	on "$1" ss -Htln | grep -q ":$2 "
}

start_switch
check start serve_stack web --name web --net "$SW" --ip 10.0.0.1/24 --ip fd00::1/64
same file "$(stat -c '%F %a' "$T/web")" "socket $(printf '%o' $((0777 & ~$(umask))))"

# One program serves, others ask it and see it; so do other nodes
echo hello >"$T/page"
on_in_background web python3 -m http.server --bind :: --directory "$T" 80
wait_for 30 listens web 80 || fail listens "$(on web ss -Htln 2>&1)"
same loopback "$(on web curl -s http://127.0.0.1/page 2>&1)" hello
same own_address "$(on web curl -s http://10.0.0.1/page 2>&1)" hello
same from_outside "$(node 2 curl -s 'http://[fd00::1]/page' 2>&1)" hello
contains ip "$(on web ip -4 addr show eth0 2>&1)" 10.0.0.1/24
same ip_changes "$(on web ip addr add 10.0.0.7/24 dev eth0 && on web ip -4 addr show eth0 | grep -c inet)" 2
same address_of_other "$(on web curl -s http://10.0.0.7/page 2>&1)" hello
contains clients "$(ioth show clients web 2>&1)" "$(id -u)"
contains nodes "$(ioth show -t nodes web 2>&1)" "$T/web"

# What ends with its program, and what does not
kill -KILL "$bg"
ended "$bg"
wait_gone()
{
	! listens "$1" "$2"
}
check killed_program_lets_go wait_for 30 wait_gone web 80
check rude_clients timeout 200 python3 "$(dirname "$0")/stack_rude.py" "$T/web" "$(cat "$T/web.pid")"
contains serves_on "$(on web ip -4 addr show eth0 2>&1)" 10.0.0.1/24

# Who may
chmod 0 "$T/web"
same closed "$(status_of on web true)" 1
contains closed_why "$(cat "$T/out")" "Permission denied"
chmod 700 "$T/web"
check opened on web true
check mode_asked serve_stack group --mode 0660 --group "$(id -g)"
same mode_given "$(stat -c '%a %g' "$T/group")" "660 $(id -g)"

# One at a path
same second "$(status_of serve_stack web)" 1
contains second_why "$(cat "$T/web.log")" "there already"
kill "$(cat "$T/group.pid")"
check sigterm_removes wait_for 30 test ! -e "$T/group"
serve_stack stale
end_now "$(cat "$T/stale.pid")"
check stale_stays test -S "$T/stale"
check stale_is_replaced serve_stack stale
check replaced on stale true
same no_server "$(status_of on nothing true)" 1
contains no_server_cure "$(cat "$T/out")" "ioth stack -d"
same net_of_its_own "$(status_of ioth run --stack "$T/web" --net "$SW" true)" 2

# The server is killed: programs go on, without a network
on_in_background stale sh -c 'echo begun; until [ -e "$0" ]; do sleep 0.1; done
	python3 -c "import socket; socket.socket()" 2>/dev/null; echo "status $?"' "$T/go"
wait_for 30 grep -q begun "$T/bg.log" || true
end_now "$(cat "$T/stale.pid")"
touch "$T/go"
wait_for 30 grep -q status "$T/bg.log" || true
contains server_killed "$(cat "$T/bg.log")" "status 1"
ended "$bg"

# The kernel's stack as a file
if serve_stack real --stack kernel --net "$SW" --ip 10.0.0.3/24; then
	on_in_background real python3 -m http.server --bind 10.0.0.3 --directory "$T" 80
	wait_for 30 listens real 80 || fail kernel_listens "$(cat "$T/bg.log")"
	same kernel_own "$(on real curl -s http://10.0.0.3/page 2>&1)" hello
	same kernel_closed_at_once "$(on real python3 -c 'import socket
for i in range(200):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", 9))
    s.close()
print("never in use")' 2>&1 | tail -n 1)" "never in use"
	same kernel_from_web "$(on web curl -s http://10.0.0.3/page 2>&1)" hello
	stop "$bg"
	kill "$(cat "$T/real.pid")"
else
	skip kernel "no namespaces here: $(cat "$T/real.log")"
fi

# The cases of test/socket, by a program of a stack that it shares with another's
on web timeout 300 "$BIN/conform" -k run -j 8 -d "$(dirname "$0")/known.txt" fd00::1 >"$T/v6.out" 2>&1 || true
grep -E '^(ok|FAIL|skip) ' "$T/v6.out" | sed 's/ / served_/' || true
if ! grep -q 'passed, 0 failed' "$T/v6.out"; then
	fail conform "$(tail -n 1 "$T/v6.out")"
fi
for s in web stale; do
	kill "$(cat "$T/$s.pid")" 2>/dev/null || true
done
finish
