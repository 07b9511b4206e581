"""A small name server: dns_server.py ADDRESS NAME=IP... (RFC 1035).

Answers A and AAAA from its arguments, TXT for "many" with more than fits a datagram
(then truncated: the client comes back over TCP), NXDOMAIN for all else.
"""
import ipaddress
import socket
import socketserver
import struct
import sys
import threading

A, TXT, AAAA = 1, 16, 28
records = {}


def add(name, kind, data):
    records.setdefault(name, []).append((kind, data))


def question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], at + 5


def answer(query, limit):
    name, kind, end = question(query)
    found = [d for k, d in records.get(name, []) if k == kind]
    flags = 0x8580 if name in records else 0x8583
    body = b"".join(struct.pack("!HHHIH", 0xc00c, kind, 1, 60, len(d)) + d for d in found)
    if 12 + end + len(body) > limit:
        flags, found, body = flags | 0x0200, [], b""
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(found), 0, 0) + query[12:end] + body


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(answer(data, 512), self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        while size := self.rfile.read(2):
            reply = answer(self.rfile.read(struct.unpack("!H", size)[0]), 65535)
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


class UdpServer(socketserver.UDPServer):
    address_family = socket.AF_INET6    # and IPv4, mapped


class TcpServer(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


def main():
    for arg in sys.argv[1:]:
        name, ip = arg.split("=")
        ip = ipaddress.ip_address(ip)
        add(name, A if ip.version == 4 else AAAA, ip.packed)
    for i in range(6):
        add("many.lan", TXT, b"\xf0" + b"%0240d" % i)
    udp = UdpServer(("::", 53), Datagram)
    threading.Thread(target=udp.serve_forever, daemon=True).start()
    TcpServer(("::", 53), Stream).serve_forever()


main()
