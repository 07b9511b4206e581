#!/usr/bin/env python3
"""switch_peer.py - clients of a switch: Debian's vde_plug, or the protocol by hand

    switch_peer.py TEST PATH [PATH2]

Each test is a function below; it ends with status 0 if what it says holds, else
with a line that says what did not."""
import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time

BROADCAST = b'\xff' * 6
TYPE = b'\x88\xb5'               # for local experiments


def mac(n):
    return bytes([2, 0, 0, 0, n >> 8, n & 255])


def frame(dst, src, size=60, fill=0):
    return dst + src + TYPE + bytes((i + fill) & 255 for i in range(size - 14))


class Plug:
    """vde_plug with its stream on pipes: two bytes of length before each frame."""

    def __init__(self, path):
        self.p = subprocess.Popen(['vde_plug', path], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.frames = []
        self.lock = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        time.sleep(0.2)         # it says nothing when it has joined

    def read(self):
        while True:
            head = self.p.stdout.read(2)
            if len(head) < 2:
                return
            data = self.p.stdout.read(struct.unpack('>H', head)[0])
            if data[12:14] != TYPE:     # of somebody else here
                continue
            with self.lock:
                self.frames.append(data)
                self.lock.notify()

    def send(self, *frames):
        self.p.stdin.write(b''.join(struct.pack('>H', len(f)) + f for f in frames))
        self.p.stdin.flush()

    def get(self, n=1, patience=5):
        end = time.time() + patience
        with self.lock:
            while len(self.frames) < n and time.time() < end:
                self.lock.wait(end - time.time())
            got, self.frames = self.frames[:n], self.frames[n:]
        return got

    def close(self):
        self.p.kill()
        self.p.wait()


class Raw:
    """A client that speaks the ctl protocol itself."""
    count = 0

    def __init__(self, path, port=0, join=True):
        Raw.count += 1
        self.name = '%s/.%05d-%05d' % (path, os.getpid(), Raw.count)
        self.ctl = socket.socket(socket.AF_UNIX)
        self.ctl.settimeout(5)
        self.ctl.connect(path + '/ctl')
        self.data = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.data.settimeout(5)
        self.data.bind(self.name)
        if join:
            self.ask(port)
            self.data.connect(self.answer())
            os.unlink(self.name)

    def request(self, port=0):
        sun = struct.pack('H108s', socket.AF_UNIX, self.name.encode())
        return struct.pack('III', 0xfeedface, 3, port << 8) + sun + b'raw client'

    def ask(self, port=0):
        self.ctl.send(self.request(port))

    def answer(self):
        reply = self.ctl.recv(110)
        if len(reply) != 110:
            raise SystemExit('answer of %d bytes' % len(reply))
        return reply[2:].split(b'\0')[0]

    def refused(self):
        try:
            return self.ctl.recv(110) == b''
        except ConnectionResetError:
            return True

    def close(self):
        self.ctl.close()
        self.data.close()
        with contextlib.suppress(FileNotFoundError):    # the switch may be first
            os.unlink(self.name)


def expect(what, got, want):
    if got != want:
        sys.exit('%s: got %.300r, expected %.300r' % (what, got, want))


def frames_both_ways(path):
    """Frames of many sizes between two vde_plugs, unchanged."""
    a, b = Plug(path), Plug(path)
    for size in 14, 20, 59, 60, 61, 590, 1513, 1514:
        f = frame(BROADCAST, mac(1), size, size)
        a.send(f)
        expect('size %d' % size, b.get(), [f])
        f = frame(mac(1), mac(2), size, 3)
        b.send(f)
        expect('answer of size %d' % size, a.get(), [f])
    burst = [frame(mac(2), mac(1), 1514, i) for i in range(60)]
    a.send(*burst)
    expect('a burst of 60', b.get(60), burst)


def unicast_is_learned(path):
    """Third parties see nothing once the switch knows both ends."""
    a, b, c = Plug(path), Plug(path), Plug(path)
    a.send(frame(BROADCAST, mac(1)))
    b.send(frame(BROADCAST, mac(2)))
    expect('c sees broadcasts', len(c.get(2)), 2)
    a.get(1), b.get(1)
    for i in range(20):
        a.send(frame(mac(2), mac(1), 60, i))
    expect('b gets all', len(b.get(20)), 20)
    expect('c gets none', c.get(1, 0.3), [])


def hub_repeats(path):
    a, b, c = Plug(path), Plug(path), Plug(path)
    b.send(frame(BROADCAST, mac(2)))
    c.get(1)
    a.send(frame(mac(2), mac(1)))
    expect('b', len(b.get(1)), 1)
    expect('c', len(c.get(1)), 1)


def cable(path, path2):
    """Two switches joined by dpipe and two vde_plugs."""
    p = subprocess.Popen(['dpipe', 'vde_plug', path, '=', 'vde_plug', path2])
    a, b = Plug(path), Plug(path2)
    time.sleep(0.5)
    f = frame(BROADCAST, mac(1), 1514, 1)
    a.send(f)
    expect('over', b.get(), [f])
    f = frame(mac(1), mac(2), 60, 2)
    b.send(f)
    expect('back', a.get(), [f])
    p.terminate()
    p.wait()


def garbage(path):
    """Nonsense on ctl is refused at once and harms nobody."""
    a, b = Raw(path), Raw(path)
    good = b.request()
    for bad in (b'\0' * 122, b'GET / HTTP/1.0\r\n\r\n' * 10, os.urandom(256), os.urandom(65536),
                struct.pack('II', 0xfeedface, 2) + good[8:],
                struct.pack('III', 0xfeedface, 3, 9999 << 8) + good[12:],
                good[:12] + b'\x02\x00' + good[14:],
                good[:14] + b'/nowhere'.ljust(108, b'\0'),
                good[:14] + b'relative'.ljust(108, b'\0'),
                good[:14] + (path + '/ctl').encode().ljust(108, b'\0'),
                good[:14] + b'/dev/null'.ljust(108, b'\0'),
                good[:14] + b'/' * 108):
        r = Raw(path, join=False)
        try:
            r.ctl.send(bad)
        except (BrokenPipeError, ConnectionResetError):
            pass
        expect('refusal of %.20r' % bad, r.refused(), True)
        r.close()
    for cut in 0, 1, 8, 100, 121:
        r = Raw(path, join=False)
        r.ctl.send(good[:cut] or b'x')
        r.close()
    r = Raw(path, join=False)           # in pieces
    for i in range(0, 122, 40):
        r.ctl.send(r.request()[i:min(i + 40, 122)])
        time.sleep(0.02)
    r.answer()
    r.close()
    f = frame(BROADCAST, mac(1))
    a.data.send(f)
    expect('b still gets', b.data.recv(2000), f)


def silent(path):
    """Hundreds who say nothing do not keep others out, and are closed."""
    crowd = []
    for i in range(300):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path + '/ctl')
        crowd.append(s)
    a, b = Raw(path), Raw(path)
    f = frame(BROADCAST, mac(1))
    a.data.send(f)
    expect('b gets', b.data.recv(2000), f)
    for s in crowd:
        s.settimeout(8)
        expect('closed', s.recv(1), b'')


def stopped_reader(path):
    """A client that stops reading; two others go on, loss-free."""
    a, b, c = Raw(path), Raw(path), Raw(path)
    for n in range(4000):
        f = frame(BROADCAST, mac(1), 1514, n)
        a.data.send(f)
        expect('frame %d' % n, b.data.recv(2000), f)
    got = 0
    c.data.settimeout(0.3)
    try:
        while True:
            c.data.recv(2000)
            got += 1
    except socket.timeout:
        pass
    if not 100 < got < 4000:
        sys.exit('the slow one got %d' % got)
    f = frame(BROADCAST, mac(1), 60, 7)
    a.data.send(f)
    expect('the slow one is served again', c.data.recv(2000), f)


def hundred(path):
    """100 clients: each hears each."""
    all = [Raw(path) for i in range(100)]
    for i, r in enumerate(all):
        r.data.send(frame(BROADCAST, mac(i)))
    for i, r in enumerate(all):
        seen = {r.data.recv(2000)[11] for k in range(99)}
        expect('client %d' % i, len(seen), 99)
    for i in range(100):                # and now to one alone
        j = (i + 37) % 100
        all[i].data.send(frame(mac(j), mac(i), 60, i))
        expect('to %d' % j, all[j].data.recv(2000)[6:12], mac(i))
    for r in all:
        r.data.setblocking(False)
        try:
            sys.exit('a frame too many: %r' % r.data.recv(2000)[:12])
        except BlockingIOError:
            pass


def no_descriptors(path):
    """The switch has few descriptors: it serves again when some are free."""
    joined, waiting = [], []
    while True:
        s = Raw(path, join=False)
        s.ctl.settimeout(0.5)
        try:
            s.ask()
            if len(s.ctl.recv(110)) < 110:
                break
        except (socket.timeout, ConnectionResetError, BrokenPipeError):
            break
        joined.append(s)
    if len(joined) < 5:
        sys.exit('only %d could join' % len(joined))
    for r in joined:
        r.close()
    s.close()
    time.sleep(0.3)
    a, b = Raw(path), Raw(path)
    f = frame(BROADCAST, mac(1))
    a.data.send(f)
    expect('b gets', b.data.recv(2000), f)


def leaves_and_comes(path):
    """Clients that come and go, by SIGKILL too, leave no files of theirs."""
    before = sorted(os.listdir(path))
    for i in range(5):
        p = Plug(path)
        p.send(frame(BROADCAST, mac(i)))
        p.close()
    for i in range(50):
        Raw(path).close()
    time.sleep(0.3)
    expect('files', sorted(os.listdir(path)), before)


def stays(path):
    """Joined until killed."""
    r = Raw(path)
    print('joined', flush=True)
    time.sleep(1000)


if __name__ == '__main__':
    globals()[sys.argv[1]](*sys.argv[2:])
