"""The servers and clients of python.sh: asyncio, threads, forks, UDP."""
import asyncio
import hashlib
import os
import socket
import socketserver
import sys
import threading
import urllib.request


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def asyncio_server():
    server = await asyncio.start_server(echo, None, 7000)
    async with server:
        print("ready", flush=True)
        await server.serve_forever()


async def one_client(host, i):
    reader, writer = await asyncio.open_connection(host, 7000)
    data = os.urandom(50000 + i)
    writer.write(data)
    writer.write_eof()
    back = await reader.read(-1)
    writer.close()
    return back == data


async def asyncio_clients(host, n):
    results = await asyncio.gather(*(one_client(host, i) for i in range(n)))
    print(sum(results), "of", n)


def threaded_client(url, digest, n):
    good = []

    def fetch():
        body = urllib.request.urlopen(url, timeout=30).read()
        if hashlib.sha256(body).hexdigest() == digest:
            good.append(1)

    threads = [threading.Thread(target=fetch) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(len(good), "of", n)


class Upper(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper())


class Forking(socketserver.ForkingMixIn, socketserver.TCPServer):
    allow_reuse_address = True


def upper_client(host, n):
    good = 0
    for i in range(n):
        with socket.create_connection((host, 7001), timeout=10) as s:
            s.sendall(b"line %d\n" % i)
            good += s.makefile("rb").readline() == b"LINE %d\n" % i
    print(good, "of", n)


class UdpEcho(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data, self.client_address)


def udp_client(host, n):
    good = 0
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        for i in range(n):
            s.sendto(b"x" * (i * 10), (host, 7002))
            good += s.recvfrom(2000)[0] == b"x" * (i * 10)
    print(good, "of", n)


def main(role, *args):
    if role == "asyncio_server":
        asyncio.run(asyncio_server())
    elif role == "asyncio_clients":
        asyncio.run(asyncio_clients(args[0], int(args[1])))
    elif role == "threaded_client":
        threaded_client(args[0], args[1], int(args[2]))
    elif role == "forking_server":
        Forking(("", 7001), Upper).serve_forever()
    elif role == "upper_client":
        upper_client(args[0], int(args[1]))
    elif role == "udp_server":
        server = socketserver.UDPServer(("", 7002), UdpEcho)
        print("ready", flush=True)
        server.serve_forever()
    elif role == "udp_client":
        udp_client(args[0], int(args[1]))


main(*sys.argv[1:])
