#!/usr/bin/env python3
"""namesake.py - a client of a switch that calls itself as ioth trace might

    namesake.py DIR COMMAND...

joins DIR at port 200 under the names that a process with the number of COMMAND has, runs that,
and prints how many frames of ICMP it was shown itself."""
import os
import signal
import socket
import struct
import sys

where = sys.argv[1]
ready, go = os.pipe()
tracer = os.fork()
if not tracer:
    os.read(ready, 1)
    signal.alarm(30)            # who is shown nothing has no end
    os.execvp(sys.argv[2], sys.argv[2:])
own = '%s/.%05d-00000' % (where, os.getpid())
ctl = socket.socket(socket.AF_UNIX)
ctl.connect(where + '/ctl')
data = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
data.bind(own)
ctl.send(struct.pack('III', 0xfeedface, 3, 200 << 8) +
         struct.pack('H108s', socket.AF_UNIX, own.encode()) +
         b'ioth trace user=%d pid=%d' % (os.getuid(), tracer))
ctl.recv(110)
os.unlink(own)
os.write(go, b'x')
os.waitpid(tracer, 0)
data.settimeout(0.5)
shown = 0
try:
    while True:
        frame = data.recv(65536)
        shown += frame[12:14] == b'\x08\x00' and frame[23] == 1
except TimeoutError:
    pass
print(shown)
