"""hard.py - programs that are hard on their node: hard.py NAME prints what it found"""

import os
import signal
import socket
import sys
import time

ADDR = ("10.0.0.1", 80)


def listener():
    return socket.create_server(ADDR, backlog=512)


def child(run, *args):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            run(*args)
            status = 0
        finally:
            os._exit(status)
    return pid


def ask(hold=b"x"):
    with socket.create_connection(ADDR) as c:
        c.sendall(hold)
        assert c.recv(1) == b"y"


def serve(l):
    s, _ = l.accept()
    with s:
        s.recv(1)
        s.sendall(b"y")


def node_fds():
    return len(os.listdir(f"/proc/{os.getppid()}/fd"))


def node_cpu():
    with open(f"/proc/{os.getppid()}/stat") as f:
        field = f.read().rsplit(")", 1)[1].split()
    return int(field[11]) + int(field[12])


def one_after_another(n):
    """Each a process with a connection; then as many descriptors as before."""
    l = listener()
    before = node_fds()
    for _ in range(int(n)):
        pid = child(ask)
        serve(l)
        assert os.waitpid(pid, 0)[1] == 0
    while node_fds() > before + 64:     # of 64 processes the node keeps a hold
        time.sleep(0.1)
    print("done")


def at_once(n):
    l = listener()
    pids = [child(ask) for _ in range(int(n))]
    for _ in pids:
        serve(l)
    print(sum(os.waitpid(p, 0)[1] for p in pids))


def busy():
    while True:
        try:
            ask(bytes(300000))
        except OSError:
            pass


def killed(n):
    """Each in the middle of something else."""
    l = listener()
    for i in range(int(n)):
        pid = child(busy)
        l.settimeout(0.001)
        end = time.monotonic() + 0.001 * (i % 20)
        while time.monotonic() < end:
            try:
                serve(l)
            except OSError:
                pass
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    l.close()
    l = listener()
    l.settimeout(None)
    pid = child(ask)
    serve(l)
    print(os.waitpid(pid, 0)[1])


def pattern(n):
    return bytes(i * 7 % 251 for i in range(251)) * (n // 251 + 1)


def write_all(size):
    with socket.create_connection(ADDR) as c:
        c.sendall(pattern(size)[:size])


def stopped():
    """Both ends are stopped again and again; every byte arrives."""
    size = 20 << 20
    l = listener()
    writer = child(write_all, size)
    s, _ = l.accept()
    got = bytearray()
    while True:
        part = s.recv(1 << 16)
        if not part:
            break
        if len(got) // (1 << 21) != (len(got) + len(part)) // (1 << 21):
            os.kill(writer, signal.SIGSTOP)
            time.sleep(0.05)
            os.kill(writer, signal.SIGCONT)
        got += part
    print(os.waitpid(writer, 0)[1], bytes(got) == pattern(size)[:size])


def closes_all():
    """As daemons do first: nothing that was open stays so."""
    out = os.dup(1)
    os.dup2(out, 900)
    os.closerange(0, 900)
    os.dup2(900, 1)
    l = listener()
    pid = child(ask)
    serve(l)
    print(os.waitpid(pid, 0)[1])


def hoard(ready, go):
    got = []
    try:
        while len(got) < 200:
            got.append(socket.socket())
    except OSError as e:
        assert e.errno == 24, e
    ready.send(b".")
    go.recv(1)
    for s in got:
        s.bind(("0.0.0.0", 0))
        assert s.getsockname()[1] > 0


def few_descriptors():
    """Together they have more than the node may; each socket got works."""
    ready, go = socket.socketpair(), socket.socketpair()
    pids = [child(hoard, ready[0], go[1]) for _ in range(4)]
    for _ in pids:
        ready[1].recv(1)
    for _ in pids:
        go[0].send(b".")
    print(sum(os.waitpid(p, 0)[1] for p in pids), len([socket.socket() for _ in range(100)]))


def waiting(n):
    """Calls that wait cost little: percent of a processor for n of them."""
    l = listener()
    pids = [child(serve, l) for _ in range(int(n))]
    time.sleep(2)       # until they wait, and have done so for a while
    cpu = node_cpu()
    time.sleep(3)
    cpu = node_cpu() - cpu
    for p in pids:
        os.kill(p, signal.SIGKILL)
        os.waitpid(p, 0)
    print("little" if cpu / 3 < 25 else f"{cpu / 3:.0f} %")


globals()[sys.argv[1]](*sys.argv[2:])
