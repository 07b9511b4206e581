#!/usr/bin/env python3
"""A transfer that goes on for ever, each byte of which is known.

    bystander.py serve PORT
    bystander.py watch ADDRESS PORT FILE    writes the number of blocks to FILE
"""
import os
import socket
import struct
import sys
import threading
import time

BLOCK = 65536
PATTERN = bytes(i * 7 % 251 for i in range(BLOCK - 8))


def send(peer):
    try:
        for n in range(2**63):
            peer.sendall(struct.pack(">Q", n) + PATTERN)
            time.sleep(0.002)
    except OSError:
        peer.close()


def serve(port):
    server = socket.create_server(("", port))
    print("ready", flush=True)
    while True:
        peer, _ = server.accept()
        threading.Thread(target=send, args=(peer,), daemon=True).start()


def watch(address, port, name):
    peer = socket.create_connection((address, port))
    data = peer.makefile("rb")
    n = 0
    while True:
        block = data.read(BLOCK)
        if block != struct.pack(">Q", n) + PATTERN:
            sys.exit("block %d is not what was sent" % n)
        n += 1
        with open(name + ".new", "w") as f:
            f.write(str(n))
        os.rename(name + ".new", name)


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    watch(sys.argv[2], int(sys.argv[3]), sys.argv[4])
