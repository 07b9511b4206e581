#!/bin/sh
# inject - ioth run --stack kernel: a program's sockets are Linux's, of a stack of its own
. "$(dirname "$0")/lib.sh"
need curl ip ping python3 ss

if on_host; then
	skip "$TEST" "the yardstick has no namespaces of ours"
	exit 0
fi
if ! ioth run --stack kernel --net null:// -- true 2>"$T/why"; then
	skip "$TEST" "$(cat "$T/why")"
	exit 0
fi

injected()	# N PROGRAM...: as node, with sockets of Linux's
{
	n=$1
	shift
	ioth run --stack kernel --net "$SW" --ip "10.0.0.$n/24" --ip "fd00::$n/64" $OPTS -- "$@"
}

start_switch
OPTS=
random_file "$T/file" 5
want=$(sum "$T/file")
web="python3 -u -m http.server -d $T --bind :: 80"

serve 1 $web
NODE_OPTS="--stack kernel --name web"
serve 2 $web
web_pid=$bg
NODE_OPTS=
wait_port 10.0.0.1 80
wait_port 10.0.0.2 80
same from_ours "$(injected 3 curl -s --max-time 30 http://10.0.0.1/file | sha256sum | cut -c 1-64)" "$want"
same to_ours "$(node 3 curl -s --max-time 30 'http://[fd00::2]/file' | sha256sum | cut -c 1-64)" "$want"
same between "$(injected 3 curl -s --max-time 30 'http://[fd00::2]/file' | sha256sum | cut -c 1-64)" "$want"
contains shown "$(ioth show -t nodes web)" "$SW"

# The stack is its own; files, AF_UNIX sockets and who it is are the machine's
same addresses "$(injected 4 ip -br addr show eth0 | tr -s ' ' | cut -d ' ' -f 3-4)" "10.0.0.4/24 fd00::4/64"
same configures "$(injected 4 sh -c 'ip addr add 10.1.0.1/24 dev eth0 && ip -4 addr show eth0 | grep -c inet')" 2
contains gateway "$(OPTS='--gw 10.0.0.1' && injected 4 ip route)" "default via 10.0.0.1"
contains ping "$(injected 4 ping -n -c 1 -w 20 10.0.0.1)" "1 received"
same namespaces "$(injected 4 readlink /proc/self/ns/net /proc/self/ns/user /proc/self/ns/mnt)" \
	"$(readlink /proc/self/ns/net /proc/self/ns/user /proc/self/ns/mnt)"
cat >"$T/names.py" <<'END'
import ctypes, fcntl, os, socket, struct
libc = ctypes.CDLL(None)
print(libc.if_nametoindex(b"eth0"), [name for i, name in socket.if_nameindex()])
u = socket.socket(socket.AF_UNIX)
buf = bytearray(4096)
mem = (ctypes.c_char * len(buf)).from_buffer(buf)
conf = fcntl.ioctl(u, 0x8912, struct.pack("iP", len(buf), ctypes.addressof(mem)))
n = struct.unpack("iP", conf)[0]
print([bytes(buf[i:i + 16]).rstrip(b"\0").decode() for i in range(0, n, 40)])
print(struct.unpack("iP", fcntl.ioctl(u, 0x8912, struct.pack("iP", 0, 0)))[0])
try:
    fcntl.ioctl(u, 0x8912, struct.pack("iP", 40, 4096))
except OSError as e:
    print(os.strerror(e.errno))
END
same interfaces "$(injected 4 python3 "$T/names.py" | tr '\n' ' ')" \
	"2 ['lo', 'eth0'] ['lo', 'eth0'] 80 Bad address "
cat >"$T/abstract.py" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("\0" + sys.argv[1])
s.listen()
print("ready", flush=True)
s.accept()[0].sendall(b"machine's")
END
python3 "$T/abstract.py" "$T" >"$T/abstract" &
abstract=$!
check abstract_listens wait_for 30 grep -q ready "$T/abstract"
same abstract_names "$(injected 4 python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("\0" + sys.argv[1])
print(s.recv(99).decode())' "$T")" "machine's"
wait $abstract || true

# Passed and inherited, it is the same socket; the data path is Linux's
cat >"$T/pass.py" <<'END'
import array, os, socket
a, b = socket.socketpair()
if os.fork() == 0:
    s = socket.create_server(("127.0.0.1", 8))
    socket.send_fds(b, [b"x"], [s.fileno()])
    os._exit(0)
fd = socket.recv_fds(a, 1, 1)[1][0]
os.wait()
os.set_inheritable(fd, True)
c = socket.create_connection(("127.0.0.1", 8))
c.sendall(b"through\n")
c.shutdown(socket.SHUT_WR)
os.execvp("python3", ["python3", "-c", """
import socket, sys
s = socket.socket(fileno=%d)
c = s.accept()[0]
print(c.recv(99).decode().strip(), c.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN))""" % fd])
END
same passed "$(injected 4 python3 "$T/pass.py")" "through 2"
same ring "$(injected 4 python3 -c 'import ctypes
print(ctypes.CDLL(None, use_errno=True).syscall(425, 4, None), ctypes.get_errno())')" "-1 38"
same closed_at_once "$(injected 4 python3 -c 'import socket
for i in range(200):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", 9))
    s.close()
print("never in use")')" "never in use"

# Names
OPTS="--dns 10.0.0.53"
same dns "$(injected 4 cat /etc/resolv.conf)" "nameserver 10.0.0.53"
same dns_configures "$(injected 4 sh -c 'ip addr add 10.1.0.1/24 dev eth0 && ip -4 addr show eth0 | grep -c inet')" 2
same dns_user "$(injected 4 id -u)" "$(id -u)"
OPTS=
same no_dns "$(injected 4 cat /etc/resolv.conf)" "$(cat /etc/resolv.conf)"

# What is in /proc
OPTS=--proc-net
same proc_net "$(injected 4 sed -n 's/^ *\([a-z0-9]*\):.*/\1/p' /proc/net/dev | tr '\n' ' ')" "lo eth0 "
same proc_sys "$(injected 4 cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 0
check proc_others injected 4 cmp /proc/sys/kernel/ostype /proc/sys/kernel/ostype
OPTS='--set tcp_rmem=4096_55555_99999'
same bad_value "$(status_of injected 4 true)" 1
same parameter "$(ioth run --stack kernel --proc-net --net "$SW" --set tcp_rmem='4096 55555 99999' -- \
	cat /proc/sys/net/ipv4/tcp_rmem | tr '\t' ' ')" "4096 55555 99999"
OPTS=

# What surrounds the program
echo inherited >"$T/nine"
same descriptor "$(injected 4 sh -c 'cat <&9' 9<"$T/nine")" inherited
same no_extra "$(injected 4 ls /proc/self/fd | tr '\n' ' ')" "$(ls /proc/self/fd | tr '\n' ' ')"
same status "$(status_of injected 4 sh -c 'exit 7')" 7
same signal "$(status_of injected 4 sh -c 'kill -TERM $$')" 143
same no_program "$(status_of injected 4 /nonexistent)" 127
same no_network "$(status_of ioth run --stack kernel --net "$T/none" -- true)" 1
stop $web_pid
same sigterm $status 143
same twice "$(status_of injected 4 "$IOTH" run --stack kernel --net null:// -- true)" 1
contains twice_why "$(cat "$T/out")" "a seccomp supervisor is there already"

# Forbidden: which, and the cure
if unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces' 2>/dev/null; then
	same forbidden "$(status_of unshare --user --map-root-user sh -c '
		echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --inh-caps=-all --bounding-set=-all "$0" run --stack kernel --net null:// -- true' "$IOTH")" 1
	contains forbidden_why "$(cat "$T/out")" "namespaces are"
fi

delivers_after_end injected
outlived injected

# Nothing outlives a supervisor that is killed
NODE_OPTS="--stack kernel"
serve 6 sh -c 'setsid sleep 61 & echo ready; wait'
NODE_OPTS=
wait_log 6 ready
node=$(pgrep -P "$(pgrep -P $bg)")
kill -KILL $(pgrep -P "$node" | head -n 1) 2>/dev/null || true
kill -KILL "$node"
ended $bg
nobody_sleeps()
{
	for p in $(ours); do
		! grep -qsa '^sleep.61' "/proc/$p/cmdline" || return 1
	done
}
check killed wait_for 30 nobody_sleeps

# The cases of test/socket
injected 1 timeout 300 "$BIN/conform" -k host -j 8 fd00::1 >"$T/v6.out" 2>&1 || true
grep -E '^(ok|FAIL|skip) ' "$T/v6.out" || true
grep -q 'passed, 0 failed' "$T/v6.out" || fail conform "$(tail -n 1 "$T/v6.out")"
finish
