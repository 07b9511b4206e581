"""stack_rude.py - clients of a stack server that do what none should

    stack_rude.py PATH PID  exit status 0 if the server treated each as it should
"""
import array
import atexit
import errno
import os
import signal
import socket
import struct
import sys
import time

MAGIC, MEM = 0x31746F69, 4096
SYS_SOCKET, SYS_RECVFROM = {"x86_64": (41, 45), "aarch64": (198, 207)}[os.uname().machine]
SYS_BIND, SYS_LISTEN, SYS_CONNECT, SYS_GETSOCKNAME, SYS_ACCEPT4 = {
    "x86_64": (49, 50, 42, 51, 288), "aarch64": (200, 201, 203, 204, 242)}[os.uname().machine]
SUPERVISOR, REFUSED, EVENT = 1, -3, (1 << 64) - 1
SO_PASSRIGHTS = 83


def accepted():
    """A client that may send descriptors; None: it was turned away."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(20)
    s.connect(sys.argv[1])
    try:
        s.send(ask(39))
        return s if s.recv(4096) else None
    except (ConnectionResetError, BrokenPipeError):
        return None


def client():
    """When all that was sent before is closed."""
    end = time.monotonic() + 20
    while not (s := accepted()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return s


def ask(nr, args=(), room=0, ident=1, magic=MAGIC, flags=0):
    args = list(args) + [0] * (6 - len(args))
    return struct.pack("=IiQ6QiIII", magic, nr, ident, *args, 0, room, flags, 0)


def a_socket(s, kind):
    s.send(ask(SYS_SOCKET, (socket.AF_INET, kind)))
    answer, fds, _, _ = socket.recv_fds(s, 4096, 4)
    assert struct.unpack("=Qq", answer[:16]) == (1, 0), answer
    return fds[0]


def shown_out(s):
    try:
        return s.recv(4096) == b""
    except ConnectionResetError:
        return True


def refused(*messages):
    for m in messages:
        s = client()
        s.send(m)
        assert shown_out(s), m


def send_fds(s, fds, data):
    s.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))])


# No message, a part of one, another version, more memory than there is, more than was said
refused(b"x", ask(SYS_SOCKET)[:50], ask(SYS_SOCKET, magic=7), ask(SYS_SOCKET, room=1 << 30),
        ask(SYS_SOCKET, room=4) + b"12345")

# As many descriptors as go into one message, and one that is no socket
s = client()
null = os.open("/dev/null", os.O_RDONLY)
send_fds(s, [null] * 253, ask(SYS_SOCKET))
assert shown_out(s)
s = client()
send_fds(s, [null], ask(SYS_SOCKET))
assert shown_out(s)

# A call that is none of a server's is the kernel's
s = client()
s.send(ask(39))
assert struct.unpack("=Qq", s.recv(4096)[:16]) == (1, -100000)

# Addresses outside of the memory
fd = a_socket(s, socket.SOCK_DGRAM)
for at in 0, 1, MEM - 1, MEM + 17, 1 << 63, (1 << 64) - 8:
    send_fds(s, [fd], ask(SYS_BIND, (0, at, 16), room=16))
    assert struct.unpack("=Qq", s.recv(4096)[:16])[1] < 0, at

# Answers that nobody reads, of calls that wait and calls that do not
never = [client() for _ in range(4)]
for s in never:
    s.setblocking(False)
    for i in range(5000):
        try:
            if i % 2:
                s.send(ask(SYS_SOCKET, (socket.AF_INET, socket.SOCK_DGRAM)))
            else:
                send_fds(s, [fd], ask(SYS_RECVFROM, (0, MEM, 65536, 0), room=65536, ident=i))
        except BlockingIOError:
            break

# Those who leave while a call waits
for _ in range(50):
    s = client()
    send_fds(s, [fd], ask(SYS_RECVFROM, (0, MEM, 100, 0), room=100))
    s.close()



def listener(s, port):
    """And the address to connect to."""
    lis = a_socket(s, socket.SOCK_STREAM)
    sin = struct.pack("=H", socket.AF_INET) + struct.pack(">H4s8x", port, bytes((127, 0, 0, 1)))
    send_fds(s, [lis], ask(SYS_BIND, (0, MEM, 16), room=16) + sin)
    assert struct.unpack("=Qq", s.recv(4096)[:16]) == (1, 0)
    send_fds(s, [lis], ask(SYS_LISTEN, (0, 5)))
    assert struct.unpack("=Qq", s.recv(4096)[:16]) == (1, 0)
    return lis, sin


def connected(s, sin):
    fd = a_socket(s, socket.SOCK_STREAM)
    send_fds(s, [fd], ask(SYS_CONNECT, (0, MEM, 16), room=16) + sin)
    assert struct.unpack("=Qq", s.recv(4096)[:16]) == (1, 0)
    return fd


# A connection that is used, a call waiting on it, and said never to have come
for port, spoil in (7776, "wait"), (7777, "disconnect"):
    s = client()
    lis, sin = listener(s, port)
    other = connected(s, sin)
    send_fds(s, [lis], ask(SYS_ACCEPT4, ident=55, flags=SUPERVISOR))
    new = socket.recv_fds(s, 4096, 4)[1][0]
    if spoil == "wait":
        send_fds(s, [new], ask(SYS_RECVFROM, (0, MEM, 100, socket.MSG_TRUNC), room=100))
    else:
        send_fds(s, [new], ask(SYS_CONNECT, (0, MEM, 16), room=16))
        s.recv(4096)
    s.send(ask(REFUSED, ident=55))
    if spoil == "wait":
        assert struct.unpack("=Qq", s.recv(4096)[:16]) == (1, 0)
    socket.socket(fileno=os.dup(lis)).setblocking(False)
    send_fds(s, [lis], ask(SYS_ACCEPT4))
    got = (EVENT, 0)
    while got[0] == EVENT:      # the connection was reset, too
        got = struct.unpack("=Qq", s.recv(4096)[:16])
    assert got == (1, -errno.EAGAIN), (spoil, got)


def lingering():
    """To close the last descriptor of this one takes a thousand seconds."""
    lis = socket.socket()
    lis.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lis.bind(("127.0.0.1", 0))
    lis.listen()
    t = socket.socket()
    t.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    t.connect(lis.getsockname())
    peer = lis.accept()[0]
    t.setblocking(False)
    try:
        while True:
            t.send(bytes(65536))
    except BlockingIOError:
        t.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1000))
    return t, lis, peer


def is_stopped(task):
    with open(f"/proc/{server}/task/{task}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "T"


def stop():
    os.kill(server, signal.SIGSTOP)
    while not all(is_stopped(t) for t in os.listdir(f"/proc/{server}/task")):
        time.sleep(0.001)


def send_lingering(way, t):
    s = client()
    pair = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM,
                         fileno=connected(s, listener(s, 7778)[1]))
    here, there = socket.socketpair()
    stop()
    if way == "in the queue of a socket":
        send_fds(there, [t.fileno()], b"x")
        send_fds(s, [here.fileno()], ask(SYS_GETSOCKNAME))
    elif way == "behind another":
        send_fds(s, [here.fileno(), t.fileno()], ask(SYS_GETSOCKNAME))
    elif way == "in the queue of a connection":
        s.send(b"no call: the end")
        send_fds(s, [t.fileno()], ask(SYS_GETSOCKNAME))
    elif way == "alone":
        send_fds(s, [t.fileno()], ask(SYS_GETSOCKNAME))
    else:
        try:
            send_fds(pair, [t.fileno()], b"x")
        except PermissionError:
            pass


# Descriptors that take long to close: who exits does not wait, the server would, if it is the
# last to have them
server = int(sys.argv[2])
atexit.register(os.kill, server, signal.SIGCONT)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
try:
    client().setsockopt(socket.SOL_SOCKET, SO_PASSRIGHTS, 1)
    ways = ("as data",)
except OSError:         # before Linux 6.16 they cannot be kept away
    ways = ()
kept = []
for way in ("in the queue of a socket", "behind another", "in the queue of a connection",
            "alone") + ways:
    t, lis, peer = lingering()
    kept += [lis, peer]
    pid = os.fork()
    if pid == 0:
        send_lingering(way, t)
        os._exit(0)
    t.close()
    assert os.waitpid(pid, 0)[1] == 0, way
    os.kill(server, signal.SIGCONT)
    s = client()
    a_socket(s, socket.SOCK_STREAM)
    s.send(ask(39))
    s.recv(4096)


def in_use(what):
    return len(os.listdir(f"/proc/{server}/{what}"))


# A hundred of them are closed in one thread; who has sent so many is turned away until they
# are closed, which is when the other ends are
threads, files = in_use("task"), in_use("fd")
many = [client() for _ in range(100)]
stop()
for s in many:
    t, lis, peer = lingering()
    kept += [lis, peer]
    send_fds(s, [t.fileno()], ask(SYS_GETSOCKNAME))
    t.close()
os.kill(server, signal.SIGCONT)
for s in many:
    assert shown_out(s)
assert in_use("task") <= threads + 1, (threads, in_use("task"))
for tries in range(200):
    s = accepted()
    if not s:
        break
    s.close()
    time.sleep(0.1)         # until the first of them has taken a second
assert not s
assert in_use("fd") <= files + 100 + tries, (files, tries, in_use("fd"))
for sock in kept:
    sock.close()
a_socket(client(), socket.SOCK_STREAM)
