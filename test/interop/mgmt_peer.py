#!/usr/bin/env python3
"""mgmt_peer.py - what a console says, and what tools for vde_switch make of it

    mgmt_peer.py ask SOCKET <LINES        the answers to the lines, as they can be compared
    mgmt_peer.py term TEXT PROGRAM ARGS...  the program on a terminal, lines from stdin, one a
                                          prompt, the last when TEXT was seen
    mgmt_peer.py hostile SOCKET           sessions that do what they should not
"""
import os
import pty
import re
import select
import socket
import sys
import time

PROMPT = b"\nvde$ "


class Console:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(20)
        self.s.connect(path)
        self.banner = self.answer()

    def answer(self):
        got = b""
        while not got.endswith(PROMPT):
            more = self.s.recv(65536)
            if not more:
                break
            got += more
        return got.decode()

    def say(self, line):
        self.s.sendall(line.encode() + b"\n")
        return self.answer()


def plain(text):
    """Without what differs from one start to the next, and our own words behind an error."""
    text = re.sub(r"pid[ =]\d+", "pid N", text)
    text = re.sub(r"PID=\d+", "PID N", text)
    text = re.sub(r"MAC [0-9a-f:]{17}", "MAC M", text)
    text = re.sub(r"uptime \d+", "uptime U", text)
    text = re.sub(r"endpoint ID \d+", "endpoint ID E", text)
    text = re.sub(r"Hash: \d+", "Hash: H", text)
    text = re.sub(r"age \d+ secs", "age A secs", text)
    text = re.sub(r"Hash size \d+", "Hash size S", text)
    text = re.sub(r"/\S*/", "PATH/", text)
    text = re.sub(r"(pkts +\d+ +bytes) +\d+", r"\1 B", text)
    return "".join(line + "\n" for line in text.split("\n") if not line.startswith("# "))


def ask(path):
    console = Console(path)
    for line in sys.stdin.read().split("\n"):
        if line:
            print(">", line)
            print(plain(console.say(line)), end="")


def term(text, argv):
    lines = sys.stdin.read().split("\n")
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(argv[0], argv)
    got, end = b"", time.monotonic() + 20
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        if not more:
            break
        got += more
        if got.rstrip(b" \0").endswith((b"$", b"]:")) and (
                len(lines) > 1 or (lines and text.encode() in got)):
            os.write(fd, lines.pop(0).encode() + b"\n")
            got += b"\n"
    os.close(fd)
    print(got.decode().replace("\r", ""))
    status = os.waitpid(pid, 0)[1]
    sys.exit(0 if os.WIFEXITED(status) and not lines else 1)


def hostile(path):
    """The bystander's session answers whatever the others do."""
    bystander = Console(path)
    silent = []
    for _ in range(12):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        silent.append(s)
    silent[0].setblocking(False)
    try:                                    # asks for ever and reads nothing
        for _ in range(100000):
            silent[0].send(b"help\n" * 100)
    except BlockingIOError:
        pass
    silent[1].send(b"port/print" + b"\xff\x00%n%s" * 300)
    silent[2].send(b"x" * 50000)
    silent[3].send(b"help\n")
    silent[3].close()
    for i in range(4, 12):
        silent[i].send(os.urandom(3000))
    for _ in range(20):
        answer = bystander.say("port/showinfo")
        assert "1000 Success" in answer, answer
    for i in (0, 1, 2, 4, 5, 6):
        silent[i].close()
    assert "1000 Success" in bystander.say("port/showinfo")
    more = []
    for _ in range(40):                     # more than a user may have
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        more.append(s)
    assert "1000 Success" in bystander.say("port/showinfo")


if __name__ == "__main__":
    {"ask": lambda: ask(sys.argv[2]), "term": lambda: term(sys.argv[2], sys.argv[3:]),
     "hostile": lambda: hostile(sys.argv[2])}[sys.argv[1]]()
