"""gro.py - datagrams sent as one and read as one (UDP_SEGMENT, UDP_GRO)

    gro.py serve PORT [plain]   tells how long what came was, until "end" comes
    gro.py send ADDRESS PORT    "hi" until it is heard (the address may be
                                tentative still), 40 calls of 20 datagrams each, "end"
    gro.py self                 both at once, over the loopback
"""
import socket
import struct
import sys

UDP_SEGMENT, UDP_GRO = 103, 104
SIZE, EACH, CALLS = 1000, 20, 40


def opened(address):
    v6 = ":" in address
    return socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)


def read(s):
    data, control, flags, peer = s.recvmsg(65536, 200)
    size = [struct.unpack("i", v)[0] for lv, ty, v in control
            if (lv, ty) == (socket.IPPROTO_UDP, UDP_GRO)]
    return data, size[0] if size else 0, peer


def serve(port, plain):
    s = opened("::")
    s.settimeout(60)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    if not plain:
        s.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    s.bind(("::", port))
    print("ready", flush=True)
    total, sizes = 0, set()
    while True:
        data, size, peer = read(s)
        if data in (b"hi", b"end"):
            s.sendto(b"heard", peer)
        if data == b"end":
            break
        if data == b"hi":
            continue
        total += len(data)
        sizes.add(size or len(data))
    print("sizes", sorted(sizes), "some" if total else "none", flush=True)


def until_heard(s, what, to):
    s.settimeout(0.2)
    for _ in range(300):
        s.sendto(what, to)
        try:
            return s.recv(10)
        except TimeoutError:
            pass
    sys.exit("not heard")


def send(address, port):
    s = opened(address)
    s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
    until_heard(s, b"hi", (address, port))
    for _ in range(CALLS):
        s.sendto(bytes(SIZE * EACH), (address, port))
    until_heard(s, b"end", (address, port))


def self_test():
    a, b = opened("127.0.0.1"), opened("127.0.0.1")
    b.bind(("127.0.0.1", 0))
    b.settimeout(30)
    a.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, SIZE)
    a.sendto(bytes(2500), b.getsockname())
    print([len(read(b)[0]) for _ in range(3)])
    b.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
    a.sendto(bytes(2500), b.getsockname())
    data, size, _ = read(b)
    print(len(data), size, b.getsockopt(socket.IPPROTO_UDP, UDP_GRO))


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]), len(sys.argv) > 3)
elif sys.argv[1] == "send":
    send(sys.argv[2], int(sys.argv[3]))
else:
    self_test()
