#!/usr/bin/env python3
"""switch_vlan.py - the same commands and frames to two switches: who gets what?

    switch_vlan.py PATH CONSOLE PATH2 CONSOLE2 [SEED [STEPS]]

Each step is a command of VLANs, chosen at random, whose status must be the same, and
then a broadcast from each port, untagged or with any tag: the same ports must get
it with the same bytes. Then stations talk by address. Left out is a tag that
gives only a priority (VID 0), which vde_switch takes for VLAN 0, and VLAN 4094, which
is too high for it."""
import random
import socket
import sys

import switch_peer

PORTS = range(1, 6)
VIDS = [0, 1, 2, 77, 4093]


class Console:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(10)
        self.s.connect(path)
        self.until_prompt()

    def until_prompt(self):
        text = b''
        while not text.endswith(b'vde$ '):
            got = self.s.recv(4096)
            if not got:
                sys.exit('the console ended')
            text += got
        return text.decode()

    def say(self, words):
        self.s.sendall(words.encode() + b'\n')
        for line in self.until_prompt().split('\n'):
            if line[:1] == '1' and line[:4].isdigit():
                return int(line[:4])
        sys.exit('no status for ' + words)


class Switch:
    def __init__(self, path, console):
        self.console = Console(console)
        self.clients = {p: switch_peer.Raw(path, p) for p in PORTS}
        for c in self.clients.values():
            c.data.setblocking(False)

    def frame(self, port, data):
        """What each port gets of a frame: two answers of the console are later."""
        self.clients[port].data.send(data)
        self.console.say('ds/showinfo')
        self.console.say('ds/showinfo')
        got = []
        for p, c in self.clients.items():
            try:
                while True:
                    got.append((p, c.data.recv(2000)))
            except BlockingIOError:
                pass
        return got


def frame(dst, src, tag):
    tag = b'' if tag is None else b'\x81\x00' + tag.to_bytes(2, 'big')
    return dst + switch_peer.mac(src) + tag + switch_peer.TYPE + bytes(range(46))


def command(rng):
    vid, port = rng.choice(VIDS), rng.choice(PORTS)
    return rng.choice([f'vlan/create {vid}', f'vlan/remove {vid}',
                       f'vlan/addport {vid} {port}', f'vlan/addport {vid} {port}',
                       f'vlan/delport {vid} {port}', f'port/setvlan {port} {vid}',
                       f'port/setvlan {port} 4095'])


def same(what, of, switches):
    a, b = [of(s) for s in switches]
    if a != b:
        sys.exit(f'{what}: {shown(a)} and {shown(b)}')
    return a


def shown(result):
    if isinstance(result, int):
        return result
    return [f'{p}: {data[:6].hex()} {data[12:18].hex()} {len(data)}' for p, data in result]


def broadcasts(rng, switches, said):
    n = 0
    for port in PORTS:
        tag = rng.choice([None, rng.choice(VIDS[1:]) | rng.randrange(16) << 12])
        data = frame(switch_peer.BROADCAST, port, tag)
        n += len(same(f'{said[-9:]}: from {port} tag {tag}', lambda s: s.frame(port, data),
                      switches))
    return n


def stations(switches, said):
    """Ports 1 and 2 in VLAN 1, 3 with tags of 1 and 2, 4 in VLAN 2; addresses that were
    not seen before (port/setvlan forgets all of a port there, here those of the VLAN)."""
    for words in ['vlan/create 1', 'vlan/create 2', 'port/setvlan 1 1', 'port/setvlan 2 1',
                  'port/setvlan 3 4095', 'vlan/addport 1 3', 'vlan/addport 2 3',
                  'port/setvlan 4 2', 'port/setvlan 5 0']:
        same(words, lambda s: s.console.say(words), switches)
    for dst in 0, 1, 2, 3, 4:
        for port, tag in [(1, None), (2, None), (3, 1), (3, 2), (3, 0x6001), (4, None)]:
            data = frame(switch_peer.mac(dst + 100) if dst else switch_peer.BROADCAST,
                         port + 100, tag)
            if port != dst:
                same(f'{port} to {dst} tag {tag}', lambda s: s.frame(port, data), switches)


def main(path, console, path2, console2, seed=1, steps=150):
    rng, said, got = random.Random(int(seed)), [], 0
    switches = Switch(path, console), Switch(path2, console2)
    for _ in range(int(steps)):
        said.append(command(rng))
        same(said[-9:], lambda s: s.console.say(said[-1]), switches)
        got += broadcasts(rng, switches, said)
    stations(switches, said)
    if got < int(steps):
        sys.exit(f'only {got} frames arrived: this tells nothing')


if __name__ == '__main__':
    main(*sys.argv[1:])
