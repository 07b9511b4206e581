"""stack_rude.py - clients of a stack server that do what none should

    stack_rude.py PATH      exit status 0 if the server treated each as it should
"""
import array
import os
import socket
import struct
import sys

MAGIC, MEM = 0x31746F69, 4096
SYS_SOCKET, SYS_RECVFROM = {"x86_64": (41, 45), "aarch64": (198, 207)}[os.uname().machine]


def client():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(20)
    s.connect(sys.argv[1])
    return s


def ask(nr, args=(), room=0, ident=1, magic=MAGIC):
    args = list(args) + [0] * (6 - len(args))
    return struct.pack("=IiQ6QiIII", magic, nr, ident, *args, 0, room, 0, 0)


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
    send_fds(s, [fd], ask(49 if os.uname().machine == "x86_64" else 200, (0, at, 16), room=16))
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

s = client()
a_socket(s, socket.SOCK_STREAM)
