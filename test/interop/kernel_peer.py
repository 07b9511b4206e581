"""kernel_peer - both ends of the exchanges of the tests with a kernel node

	serve DIR		until killed:
				HTTP on port 80: GET gives a file of DIR, PUT answers the sha256
				of what came, GET /last what port 9 read last, or the last error
				7/tcp, 7/udp: echo
				8/tcp: reads to the end, then answers its sha256
				9/tcp: speaks first, ends its direction, then reads to the end
				10/tcp: as 8, but sleeps first, with a small buffer
				11/tcp: answers the first bytes with a reset
	udp ADDR SIZE...	each datagram comes back unchanged
	udp_refused ADDR	a closed port is reported
	refused ADDR		the same with TCP
	many ADDR N		N echo connections at once
	half ADDR		our direction ends first (port 8)
	half_other ADDR		the other's direction ends first (port 9)
	slow ADDR		a window that closes and opens, each way (10 and 9)
	reset ADDR		connections reset by us (7) and by the other (11)
	hold ADDR SECONDS	an idle connection

It is an ordinary program: it knows nothing of the stack below. Each client
command ends with status 0, or says on one line what was wrong.
"""
import errno
import hashlib
import http.client
import http.server
import os
import select
import socket
import struct
import sys
import threading
import time

CHUNK = 65536
PATIENCE = 20
SMALL = 8192
NAP = 1.5


def pattern(n, salt=0):
	block = bytes((i * 7 + salt + (i >> 8)) & 255 for i in range(4096))
	return (block * (n // 4096 + 1))[:n]


def digest_of(sock):
	h = hashlib.sha256()
	while data := sock.recv(CHUNK):
		h.update(data)
	return h.hexdigest()


# --- the server ---

last = ""


class Files(http.server.SimpleHTTPRequestHandler):
	protocol_version = "HTTP/1.1"

	def do_GET(self):
		if self.path == "/last":
			self.answer(last)
		else:
			super().do_GET()

	def do_PUT(self):
		left = int(self.headers["Content-Length"])
		h = hashlib.sha256()
		while left and (data := self.rfile.read(min(left, CHUNK))):
			h.update(data)
			left -= len(data)
		self.answer(h.hexdigest())

	def answer(self, text):
		self.send_response(200)
		self.send_header("Content-Length", str(len(text)))
		self.end_headers()
		self.wfile.write(text.encode())

	def log_message(self, *args):
		pass


def echo(sock):
	while data := sock.recv(CHUNK):
		sock.sendall(data)


def read_then_answer(sock):
	sock.sendall(digest_of(sock).encode())


def sleep_then_read(sock):
	time.sleep(NAP)
	read_then_answer(sock)


def close_with_reset(sock):
	sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	sock.close()


def reset_it(sock):
	sock.recv(CHUNK)
	close_with_reset(sock)


def speak_then_read(sock):
	global last
	sock.sendall(pattern(200000))
	sock.shutdown(socket.SHUT_WR)
	last = digest_of(sock)


def serve_one(handler, sock):
	global last
	with sock:
		try:
			handler(sock)
		except OSError as e:
			last = type(e).__name__


def accept_all(listener, handler):
	while True:
		sock, _ = listener.accept()
		threading.Thread(target=serve_one, args=(handler, sock), daemon=True).start()


def echo_datagrams(sock):
	while True:
		data, who = sock.recvfrom(65536)
		sock.sendto(data, who)


STREAMS = {7: echo, 8: read_then_answer, 9: speak_then_read, 10: sleep_then_read, 11: reset_it}


class Web(http.server.ThreadingHTTPServer):
	daemon_threads = True
	request_queue_size = 100

	def __init__(self, family):
		self.address_family = family
		super().__init__(("", 80), Files, bind_and_activate=False)
		if family == socket.AF_INET6:
			self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
		self.server_bind()
		self.server_activate()

	def server_bind(self):
		self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		self.socket.bind(("", 80))
		self.server_name, self.server_port = "peer", 80


def bound(family, kind, port):
	s = socket.socket(family, kind)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	if family == socket.AF_INET6:
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
	s.bind(("", port))
	if port == 10:
		s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
	if kind == socket.SOCK_STREAM:
		s.listen(100)
	return s


def serve(directory):
	os.chdir(directory)
	todo = []
	for family in socket.AF_INET, socket.AF_INET6:
		todo.append((Web(family).serve_forever, ()))
		todo.append((echo_datagrams, (bound(family, socket.SOCK_DGRAM, 7),)))
		for port, handler in STREAMS.items():
			todo.append((accept_all, (bound(family, socket.SOCK_STREAM, port), handler)))
	for target, args in todo:
		threading.Thread(target=target, args=args, daemon=True).start()
	print("ready", flush=True)
	threading.Event().wait()


# --- the clients ---

def same(what, got, expected):
	if got != expected:
		sys.exit(f"{what}: got {got!r:.80}, expected {expected!r:.80}")


def udp_socket(addr, port):
	s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM)
	s.settimeout(1)
	s.connect((addr, port))
	return s


def udp(addr, *sizes):
	"""Datagrams may be lost, or too long for the path (Linux says EMSGSIZE, a node
	ECONNRESET): five tries; an answer to an earlier try is fine."""
	s = udp_socket(addr, 7)
	for size in map(int, sizes):
		data = pattern(size, size & 255)
		for attempt in range(5):
			try:
				s.send(data)
				while (got := s.recv(65536)) != data and len(got) != size:
					pass
				break
			except (TimeoutError, ConnectionResetError):
				pass
			except OSError as e:
				if e.errno != errno.EMSGSIZE:
					raise
		else:
			sys.exit(f"no answer to {size} bytes")
		same(f"{size} bytes", got, data)


def udp_refused(addr):
	"""By recv, which under ioth run says ECONNRESET, since it reads an AF_UNIX socket."""
	s = udp_socket(addr, 5555)
	for attempt in range(5):
		try:
			s.send(b"anybody?")
			s.recv(100)
		except (ConnectionRefusedError, ConnectionResetError):
			return
		except TimeoutError:
			pass
	sys.exit("no ECONNREFUSED")


def refused(addr):
	"""The second time at once: the first may wait for the neighbour's address."""
	for attempt in range(2):
		began = time.monotonic()
		try:
			socket.create_connection((addr, 5555), PATIENCE)
			sys.exit("connected")
		except ConnectionRefusedError:
			took = time.monotonic() - began
	if took > 0.5:
		sys.exit(f"refused, but after {took:.1f} s")


def many(addr, n):
	"""All connections exist before the first byte is sent."""
	socks = [socket.create_connection((addr, 7), PATIENCE) for i in range(int(n))]
	data = [pattern(100000, i) for i in range(len(socks))]
	sent = [0] * len(socks)
	got = [b""] * len(socks)
	left = set(range(len(socks)))
	for s in socks:
		s.setblocking(False)
	index = {s: i for i, s in enumerate(socks)}
	ends = time.monotonic() + PATIENCE
	while left and time.monotonic() < ends:
		reading = [socks[i] for i in left]
		writing = [socks[i] for i in left if sent[i] < len(data[i])]
		r, w, _ = select.select(reading, writing, [], 1)
		for s in w:
			i = index[s]
			sent[i] += s.send(data[i][sent[i]:])
		for s in r:
			i = index[s]
			more = s.recv(CHUNK)
			got[i] += more
			if not more or len(got[i]) == len(data[i]):
				left.discard(i)
	for i in range(len(socks)):
		same(f"connection {i}", hashlib.sha256(got[i]).hexdigest() + f" {len(got[i])}",
		     hashlib.sha256(data[i]).hexdigest() + f" {len(data[i])}")


def upload(addr, port, data):
	s = socket.create_connection((addr, port), PATIENCE)
	s.sendall(data)
	s.shutdown(socket.SHUT_WR)
	got = b""
	while more := s.recv(CHUNK):
		got += more
	same("digest", got.decode(), hashlib.sha256(data).hexdigest())


def half(addr):
	upload(addr, 8, pattern(3000000, 8))


def wait_last(addr, want):
	text = ""
	ends = time.monotonic() + PATIENCE
	while text != want and time.monotonic() < ends:
		web = http.client.HTTPConnection(addr, 80, timeout=PATIENCE)
		web.request("GET", "/last")
		text = web.getresponse().read().decode()
		web.close()
		time.sleep(0.05)
	same("what the server saw", text, want)


def half_other(addr, rcvbuf=0, nap=0):
	data = pattern(3000000, 9)
	s = socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET)
	if rcvbuf:
		s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
	s.settimeout(PATIENCE)
	s.connect((addr, 9))
	time.sleep(nap)
	got = digest_of(s)
	same("first half", got, hashlib.sha256(pattern(200000)).hexdigest())
	s.sendall(data)
	s.close()
	wait_last(addr, hashlib.sha256(data).hexdigest())


def slow(addr):
	upload(addr, 10, pattern(3000000, 10))
	half_other(addr, SMALL, NAP)


def reset(addr):
	s = socket.create_connection((addr, 7), PATIENCE)
	s.sendall(b"hello")
	s.recv(5)
	close_with_reset(s)
	wait_last(addr, "ConnectionResetError")
	s = socket.create_connection((addr, 11), PATIENCE)
	s.sendall(b"hello")
	try:
		got = s.recv(CHUNK)
	except ConnectionResetError:
		return
	sys.exit(f"no ECONNRESET but {got!r}")


def hold(addr, seconds):
	s = socket.create_connection((addr, 7), PATIENCE)
	data = pattern(50000)
	s.sendall(data)
	n = 0
	while n < len(data):
		n += len(s.recv(CHUNK))
	time.sleep(float(seconds))


COMMANDS = (serve, udp, udp_refused, refused, many, half, half_other, slow, reset, hold)
command = {c.__name__: c for c in COMMANDS}.get(sys.argv[1])
if not command:
	sys.exit(__doc__)
command(*sys.argv[2:])
