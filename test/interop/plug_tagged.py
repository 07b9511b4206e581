#!/usr/bin/env python3
"""plug_tagged.py IOTH LOCATOR LOCATOR - a frame with a VLAN tag crosses both ways

The locators are the two ends of one link. A frame that goes in at one, by "ioth plug
LOCATOR" on pipes, comes out of the other as it was, its tag in its place."""
import struct
import subprocess
import sys
import threading

TYPE = b'\x88\xb5'               # for local experiments


def open_plug(locator):
    return subprocess.Popen([sys.argv[1], 'plug', locator], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE)


def read_frame(f):
    head = f.read(2)
    if len(head) < 2:
        sys.exit('the frame does not arrive')
    return f.read(struct.unpack('>H', head)[0])


def send(p, n):
    tag = struct.pack('>HH', 0x8100, 0x6000 | n)     # priority 3, VLAN n
    frame = (b'\xff' * 6 + bytes([2, 0, 0, 0, 7, n]) + tag + TYPE +
             bytes(i & 255 for i in range(100 + n)))
    p.stdin.write(struct.pack('>H', len(frame)) + frame)
    p.stdin.flush()
    return frame


def expect(p, frame):
    while True:
        f = read_frame(p.stdout)
        if f[6:12] == frame[6:12]:
            break
    if f != frame:
        sys.exit('it arrived as ' + f.hex())


def main():
    plugs = [open_plug(locator) for locator in sys.argv[2:]]
    patience = threading.Timer(20, lambda: [p.kill() for p in plugs])
    patience.start()
    for a, b in (plugs, plugs[::-1]):
        # Until the other end has opened nothing is heard there: send again.
        again = threading.Event()
        frame = send(a, 7)

        def repeat():
            while not again.wait(0.2):
                send(a, 7)
        t = threading.Thread(target=repeat)
        t.start()
        expect(b, frame)
        again.set()
        t.join()
    patience.cancel()
    for p in plugs:
        p.terminate()
        p.wait()


main()
