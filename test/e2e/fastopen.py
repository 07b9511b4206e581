"""fastopen - asks with the SYN, and says of each question whether it went so

    fastopen.py serve PORT          answers four questions, each with its length
    fastopen.py ask ADDRESS PORT
"""
import socket
import sys

QUESTION = b"x" * 600
SYN_DATA = 32           # TCPI_OPT_SYN_DATA of tcpi_options
TCP_FASTOPEN_CONNECT = 30


def answer(c):
    got = 0
    while got < len(QUESTION):
        got += len(c.recv(4096))
    c.sendall(b"%d" % got)
    c.close()


def serve(port):
    s = socket.socket(socket.AF_INET6)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    s.bind(("::", port))
    s.listen(16)
    print("ready", flush=True)
    for _ in range(4):
        answer(s.accept()[0])


def by_sendto(s, to):
    assert s.sendto(QUESTION, socket.MSG_FASTOPEN, to) == len(QUESTION)


def by_sendmsg(s, to):
    half = len(QUESTION) // 2
    parts = [QUESTION[:half], QUESTION[half:]]
    assert s.sendmsg(parts, [], socket.MSG_FASTOPEN, to) == len(QUESTION)


def by_connect(s, to):
    s.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    s.connect(to)
    s.sendall(QUESTION)


def ask(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for how in (by_sendto, by_sendto, by_sendmsg, by_connect):
        s = socket.socket(family)
        how(s, (address, port))
        assert s.recv(100) == b"%d" % len(QUESTION)
        options = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[5]
        print(how.__name__[3:], bool(options & SYN_DATA))
        s.close()


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    ask(sys.argv[2], int(sys.argv[3]))
