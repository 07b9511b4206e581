"""stamp.py - SO_TIMESTAMPING of datagrams: when they left, when they came"""
import socket
import struct
import time

SO_TIMESTAMPING = 37
TX_SOFTWARE, RX_SOFTWARE, SOFTWARE, OPT_ID, OPT_TSONLY = 2, 8, 16, 128, 2048

a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for s in a, b:
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING,
                 TX_SOFTWARE | RX_SOFTWARE | SOFTWARE | OPT_ID)
b.bind(("127.0.0.1", 0))
before = time.time()
a.sendto(b"when", b.getsockname())


def stamp(control):
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPING:
            s, ns = struct.unpack("qq", data[:16])
            return s + ns / 1e9
    return 0


def near(t):
    return before - 1 < t < time.time() + 1


data, control, _, _ = b.recvmsg(100, 1000)
print("came", data.decode(), near(stamp(control)))
data, control, flags, _ = a.recvmsg(1000, 1000, socket.MSG_ERRQUEUE)
print("left", data.endswith(b"when"), near(stamp(control)), bool(flags & socket.MSG_ERRQUEUE))
for level, kind, data in control:
    if level == socket.IPPROTO_IP and kind == 11:
        print("told", struct.unpack("=IBBBBII", data[:16]))
