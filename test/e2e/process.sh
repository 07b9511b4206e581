#!/bin/sh
# process - what surrounds the program: exit status, signals, streams, terminal, end
. "$(dirname "$0")/lib.sh"
need python3

start_switch
same exit_0 "$(status_of node 1 true)" 0
same exit_3 "$(status_of node 1 sh -c 'exit 3')" 3
same exit_by_signal "$(status_of node 1 sh -c 'kill -TERM $$')" 143
same not_found "$(status_of node 1 "$T/nothing")" 127
same stdin_stdout "$(echo through | node 1 cat)" through
same stderr "$(node 1 sh -c 'echo err >&2' 2>&1 >/dev/null)" err
same arguments "$(node 1 printf '<%s>' a 'b c' '' -- --ip)" "<a><b c><><--><--ip>"
same environment "$(E2E_X=seen node 1 sh -c 'echo $E2E_X')" seen
same directory "$(cd /usr && node 1 pwd)" /usr
same umask "$(umask 027 && node 1 sh -c umask)" 0027
same file_size_limit "$(ulimit -f 1; node 1 sh -c 'ulimit -f')" 1
if ! on_host; then
	same no_extra_descriptors "$(node 1 ls /proc/self/fd | tr '\n' ' ')" \
		"$(ls /proc/self/fd | tr '\n' ' ')"
fi
# But for 32 and 33, which libc keeps to itself (nptl(7)) and a sanitizer's runtime resets.
ignored() { echo $((0x$(cut -f 2) & ~(3 << 31))); }
same no_ignored_signals "$(node 1 grep SigIgn /proc/self/status | ignored)" \
	"$(grep SigIgn /proc/self/status | ignored)"
same ignored_signal_stays "$(trap '' PIPE; node 1 grep SigIgn /proc/self/status | ignored)" \
	"$(trap '' PIPE; grep SigIgn /proc/self/status | ignored)"
# Nobody can be waited for where SIGCHLD is ignored: wait(2).
ENV_OPTS=--ignore-signal=CHLD
same sigchld_ignored "$(status_of node 1 sh -c 'exit 3')" 3
on_host || same sigchld_stays_ignored "$(node 1 grep SigIgn /proc/self/status | ignored)" \
	"$(env $ENV_OPTS grep SigIgn /proc/self/status | ignored)"
ENV_OPTS=
same no_blocked_signals "$(node 1 grep SigBlk /proc/self/status | cut -f 2)" \
	"$(grep SigBlk /proc/self/status | cut -f 2)"

serve 1 sleep 60
wait_for 30 pgrep -P $bg
stop $bg
same sigterm_passes $status 143
serve 1 sh -c 'trap "echo hup; exit 9" HUP; echo ready; while :; do sleep 0.1; done'
wait_log 1 ready
kill -HUP $bg
ended $bg
same sighup_passes $status 9
same sighup_handled "$(tail -n 1 "$T/node1.log")" hup

nobody_sleeps()
{
	for p in $(ours); do
		! grep -qsa '^sleep' "/proc/$p/cmdline" || return 1
	done
}
# Without its node a program has no sockets: it ends too, and we hear why.
if ! on_host; then
	serve 1 sleep 60
	supervisor() { keeper=$(pgrep -P $bg) && pgrep -P "$keeper"; }
	program() { node=$(supervisor) && pgrep -x -P "$node" sleep; }
	check node_runs wait_for 30 program
	program=$(program)
	kill -KILL "$(supervisor)"
	ended $bg
	same node_killed_status $status 1
	contains node_killed_says "$(cat "$T/node1.log")" "the node was killed"
	gone() { ! [ -e "/proc/$program" ] || grep -q 'State:.*zombie' "/proc/$program/status"; }
	check node_killed_program wait_for 30 gone

	# Nor has what the program started: a worker, and a daemon that outlived it.
	for sig in KILL TERM ABRT; do
		serve 1 sh -c 'sleep 61 & setsid sh -c "sleep 62 & sleep 63" & echo ready; wait'
		wait_log 1 ready
		kill -$sig "$(supervisor)"
		ended $bg
		same node_${sig}_status $status 1
		check node_${sig}_leaves_nobody wait_for 30 nobody_sleeps
	done
	serve 1 sh -c 'setsid sleep 61 & echo ready; until [ -e "$0" ]; do sleep 0.1; done; exit 7' \
		"$T/end"
	wait_log 1 ready
	node=$(supervisor)
	touch "$T/end"
	ended $bg
	same daemon_outlives $status 7
	asleep() { pgrep -x -P "$node" sleep; }
	check daemon_runs wait_for 30 asleep
	kill -KILL "$node"
	check daemon_ends_with_node wait_for 30 nobody_sleeps
fi

# A background child outlives the program's own exit, and its sockets with it.
node 1 sh -c 'python3 -m http.server 80 -d "$0" >/dev/null 2>&1 & sleep 0.5' "$T" &
left=$!
wait_port 10.0.0.1 80
ok background_child_serves
for p in $(ours); do
	if grep -qsa '^python3.-m.http.server' "/proc/$p/cmdline"; then
		kill "$p"
	fi
done
ended $left
nobody_there()
{
	! node 250 "$BIN/raw_static" probe 10.0.0.1 80 0
}
check ends_with_it wait_for 30 nobody_there

# The same address again and again, as a person would: no stale state in between.
serve 1 python3 -m http.server 80
wait_port 10.0.0.1 80
for i in 1 2 3 4 5; do
	[ "$(status_of node 2 "$BIN/raw_static" probe 10.0.0.1 80 60)" = 0 ] || break
done
same same_address_again $i 5
stop $bg
serve 1 python3 -m http.server 80
check server_comes_back node 2 "$BIN/raw_static" probe 10.0.0.1 80 60
check closed_streams node 2 "$BIN/raw_static" probe 10.0.0.1 80 60 <&-
same closed_stays_closed "$(status_of node 2 sh -c 'exec 3<&0' <&- 2>/dev/null)" 2

# On a terminal: what is typed arrives, and ^C ends the program.
cat >"$T/typist.py" <<'END'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
out = b""
def until(text):
    global out
    while text not in out:
        out += os.read(fd, 1000)
until(b"ready")
os.write(fd, b"typed\n")
until(b"<typed>")
os.write(fd, b"\x03")
try:
    while os.read(fd, 1000):
        pass
except OSError:     # the terminal has no more users
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print("ended", status if status >= 0 else 128 - status)
END
same terminal "$(timeout 100 python3 "$T/typist.py" env E2E_MARK="$T" "$IOTH" run --net "$SW" \
	--ip 10.0.0.5/24 -- sh -c 'test -t 0 && echo ready; read x; echo "<$x>"; exec sleep 200' 2>&1 |
	tail -n 1)" "ended 130"
finish
