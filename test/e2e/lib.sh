# lib.sh - what every test in this directory starts with
#
#	. "$(dirname "$0")/lib.sh"
#	start_switch
#	serve 1 PROGRAM...		in the background, on 10.0.0.1 and fd00::1
#	wait_port 10.0.0.1 80
#	node 2 PROGRAM...		in the foreground, on 10.0.0.2 and fd00::2
#	same NAME "$got" "$expected"
#	finish
#
# Each check prints "ok NAME", "FAIL NAME: why" or "skip NAME: why". Everything the
# test starts through ioth carries E2E_MARK, the test's directory, in its environment,
# so that what is left over can be found, and ended by process id. run(1) stages the files, drops root's
# rights and gives IOTH, BIN (our test programs) and T; a test started by hand goes
# through it.

if [ -z "${E2E_STAGED:-}" ]; then
	exec "$(dirname "$0")/run" "$(basename "$0" .sh)"
fi

. "$(dirname "$0")/checks.sh"

SW=$T/sw
NODE_OPTS=
ENV_OPTS=
bg=			# the process started last by serve
jobs=' '		# those that have not ended yet, as far as we know
last_node=250		# for nodes of the library's own

contains()	# NAME TEXT PART
{
	case $2 in
	*"$3"*)	ok "$1" ;;
	*)	fail "$1" "no '$3' in '$2'" ;;
	esac
}

status_of()	# COMMAND...: its exit status; its output goes to $T/out
{
	"$@" >"$T/out" 2>&1 && echo 0 || echo $?
}

on_host()	# are we measuring the yardstick itself?
{
	[ "${IOTH##*/}" = hostioth ]
}

ioth()	# ARGUMENTS...
{
	env $ENV_OPTS E2E_MARK="$T" "$IOTH" "$@"
}

exec_ioth()	# for the background: $! is then ioth itself
{
	exec env E2E_MARK="$T" "$IOTH" "$@"
}

start_switch()
{
	exec_ioth switch ${SWITCH_OPTS:-} "$SW" >"$T/switch.log" 2>&1 &
	jobs="$jobs$! "
	if ! wait_for 30 test -e "$SW/ctl"; then
		fail "$TEST" "no switch: $(tail -n 3 "$T/switch.log")"
		exit 1
	fi
}

node()	# N PROGRAM...: run as the node 10.0.0.N, fd00::N
{
	n=$1
	shift
	ioth run --net "$SW" --ip "10.0.0.$n/24" --ip "fd00::$n/64" $NODE_OPTS -- "$@"
}

serve()	# N PROGRAM...: the same in the background, output to $T/nodeN.log
{
	n=$1
	shift
	: >"$T/node$n.log"
	exec_ioth run --net "$SW" --ip "10.0.0.$n/24" --ip "fd00::$n/64" $NODE_OPTS -- "$@" \
		</dev/null >"$T/node$n.log" 2>&1 &
	bg=$!
	jobs="$jobs$bg "
}

wait_port()	# ADDRESS PORT: until a TCP connection is taken there
{
	if ! node $last_node "$BIN/raw_static" probe "$1" "$2" 60 2>"$T/probe.log"; then
		fail "$TEST" "no answer on $1 port $2: $(tail -n 2 "$T/probe.log")" \
			"$(tail -n 3 "$T"/node*.log)"
		exit 1
	fi
}

wait_log()	# N TEXT: until node N has printed it
{
	if ! wait_for 60 grep -q "$2" "$T/node$1.log"; then
		fail "$TEST" "node $1 never said '$2': $(tail -n 3 "$T/node$1.log")"
		exit 1
	fi
}

ended()	# PID: waits for it; $status is its exit status
{
	wait "$1" 2>/dev/null && status=0 || status=$?
	jobs=$(echo "$jobs" | sed "s/ $1 / /")
}

stop()	# PID: the same after a SIGTERM
{
	kill "$1" 2>/dev/null || true
	ended "$1"
}

has_ended()	# PID
{
	! grep -qs '^State:.[^Z]' "/proc/$1/status"
}

end_now()	# PID: kill(1) is back before the process has closed its sockets
{
	kill -KILL "$1"
	wait_for 30 has_ended "$1" || fail "$TEST" "$1 goes on"
}

# RUNNER is a command or function: "RUNNER N PROGRAM..." runs it as node N
delivers_after_end()	# RUNNER: what the program wrote is delivered though it has ended
{
	serve 5 python3 -u -c '
import socket
s = socket.create_server(("10.0.0.5", 7))
print("ready")
c = s.accept()[0]
n = 0
while True:
    b = c.recv(65536)
    if not b:
        break
    n += len(b)
print("got", n)'
	wait_log 5 ready
	$1 6 python3 -c '
import socket
s = socket.create_connection(("10.0.0.5", 7))
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 3000000)
s.sendall(b"x" * 2000000)'
	wait_log 5 "got 2000000"
	ok "delivery after the end"
}

outlived()	# RUNNER: a descendant of the program keeps the stack
{
	$1 6 sh -c "(until [ -e $T/go ]; do sleep 0.1; done; ip addr >$T/later) >/dev/null 2>&1 &"
	touch "$T/go"
	check "a descendant has the stack" wait_for 30 grep -q 10.0.0.6 "$T/later"
}

random_file()	# PATH MEGABYTES
{
	head -c "$(($2 * 1048576))" /dev/urandom >"$1"
}

sum()	# FILE
{
	sha256sum <"$1" | cut -c 1-64
}

# The processes this test started that still live. Some overwrite their environment:
# these write to a file of ours.
ours()
{
	for d in /proc/[0-9]*; do
		if grep -qszxF "E2E_MARK=$T" "$d/environ" ||
		   ls -l "$d/fd" 2>/dev/null | grep -qF -e "-> $T/"; then
			[ "${d#/proc/}" = $$ ] || echo "${d#/proc/}"
		fi
	done
}

# The nodes first, by their fronts, so that they end their programs themselves: to
# kill a supervisor leaves its program's children alone.
cleanup()
{
	trap - EXIT
	for p in $jobs; do
		kill "$p" 2>/dev/null || true
	done
	for sig in 0 TERM KILL; do
		for p in $(ours); do
			kill -$sig "$p" 2>/dev/null || true
		done
		for i in 1 2 3 4 5 6 7 8 9 10; do
			[ -n "$(ours)" ] || break
			sleep 0.1
		done
	done
}

trap cleanup EXIT
trap 'exit 143' TERM INT HUP
