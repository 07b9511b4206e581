#!/usr/bin/env python3
"""A strict reader of pcapng, written from the draft and not from our writer.

    pcapng.py info FILE         a line each: comment, interface, frames, statistics
    pcapng.py stream FILE PORT  the bytes TCP carried from PORT, as received or sent
    pcapng.py swap FILE OUT     the same file in the other byte order
"""
import struct
import sys

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6


class Bad(Exception):
    pass


def must(true, what):
    if not true:
        raise Bad(what)


def options(data, order):
    """(code, value) of each; the end must be told."""
    found, at = [], 0
    while True:
        must(at + 4 <= len(data), "an option is cut")
        code, size = struct.unpack_from(order + "HH", data, at)
        if code == 0:
            must(size == 0 and at + 4 == len(data), "something follows the last option")
            return found
        must(at + 4 + size <= len(data), "an option is longer than its block")
        found.append((code, data[at + 4:at + 4 + size]))
        pad = data[at + 4 + size:at + 4 + size + (-size % 4)]
        must(pad == bytes(-size % 4), "padding is not zero")
        at += 4 + size + (-size % 4)


def blocks(data):
    """(order, type, fixed part, bytes of a frame, options) of each block."""
    at, order = 0, None
    while at < len(data):
        must(at + 12 <= len(data), "a block is cut")
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            magic = data[at + 8:at + 12]
            must(magic in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"), "no magic")
            order = ">" if magic[0] == 0x1A else "<"
        must(order, "the file does not begin with a section")
        kind, size = struct.unpack_from(order + "II", data, at)
        must(size % 4 == 0 and size >= 12 and at + size <= len(data), "a block's length")
        must(struct.unpack_from(order + "I", data, at + size - 4)[0] == size,
             "a block's two lengths differ")
        body = data[at + 8:at + size - 4]
        fixed = {SECTION: 16, INTERFACE: 8, STATISTICS: 12, PACKET: 20}.get(kind)
        must(fixed, "a block of type %d" % kind)
        frame = b""
        rest = fixed
        if kind == PACKET:
            kept = struct.unpack_from(order + "I", body, 12)[0]
            must(kept <= len(body) - 20, "a frame is longer than its block")
            frame = body[20:20 + kept]
            must(body[20 + kept:20 + kept + (-kept % 4)] == bytes(-kept % 4),
                 "padding is not zero")
            rest += kept + (-kept % 4)
        yield order, kind, body[:fixed], frame, options(body[rest:], order)
        at += size


def number(order, value):
    return struct.unpack(order + {4: "I", 8: "Q"}[len(value)], value)[0]


def info(data):
    frames = {1: 0, 2: 0}
    longest = at = dropped = 0
    for order, kind, fixed, frame, opts in blocks(data):
        if kind == SECTION:
            must(struct.unpack_from(order + "HHq", fixed, 4) == (1, 0, -1), "section")
            print("comment", dict(opts)[1].decode())
        elif kind == INTERFACE:
            link, _, snap = struct.unpack(order + "HHI", fixed)
            print("interface", link, "snap", snap, dict(opts)[2].decode(),
                  "10^-%d" % dict(opts)[9][0])
            if 11 in dict(opts):
                must(dict(opts)[11][0] == 0, "filter of an unknown kind")
                print("filter", dict(opts)[11][1:].decode())
        elif kind == PACKET:
            _, high, low, kept, size = struct.unpack(order + "IIIII", fixed)
            must(kept <= size, "more kept than there was")
            must(high << 32 | low >= at, "time went back")
            at = high << 32 | low
            frames[number(order, dict(opts)[2])] += 1
            dropped += number(order, dict(opts).get(4, bytes(8)))
            longest = max(longest, size)
        else:
            print("statistics frames", number(order, dict(opts)[4]),
                  "dropped", number(order, dict(opts)[5]))
    print("frames in", frames[1], "out", frames[2], "longest", longest, "dropped", dropped)
    must(abs(at / 1e9 - __import__("time").time()) < 3600, "time of another day")


def stream(data, port):
    """By sequence number; what was sent again must be the same."""
    first, got = None, bytearray()
    for _, kind, _, frame, _ in blocks(data):
        if kind != PACKET or frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        ip = frame[14:14 + struct.unpack_from(">H", frame, 16)[0]]
        tcp = ip[(ip[0] & 15) * 4:]
        source, _, seq = struct.unpack_from(">HHI", tcp)
        if source != port:
            continue
        if tcp[13] & 2:
            first = seq + 1
            continue
        must(first is not None, "no SYN")
        payload, at = tcp[(tcp[12] >> 4) * 4:], (seq - first) % 2**32
        if not payload:
            continue
        must(at <= len(got), "bytes are missing")
        old = got[at:at + len(payload)]
        must(old == payload[:len(old)], "the same bytes, but others")
        got[at:at + len(payload)] = payload
    sys.stdout.buffer.write(got)


SWAPS = {SECTION: "IHHq", INTERFACE: "HHI", STATISTICS: "III", PACKET: "IIIII"}
NUMBERS = {INTERFACE: (), SECTION: (), STATISTICS: (4, 5), PACKET: (2, 4)}


def swap(data):
    out = b""
    for order, kind, fixed, frame, opts in blocks(data):
        other = "<" if order == ">" else ">"
        body = struct.pack(other + SWAPS[kind], *struct.unpack(order + SWAPS[kind], fixed))
        body += frame + bytes(-len(frame) % 4)
        for code, value in opts:
            if code in NUMBERS[kind]:
                value = value[::-1]
            elif kind == STATISTICS:
                value = struct.pack(other + "II", *struct.unpack(order + "II", value))
            body += struct.pack(other + "HH", code, len(value)) + value + bytes(-len(value) % 4)
        body += bytes(4)
        size = struct.pack(other + "I", len(body) + 12)
        out += struct.pack(other + "I", kind) + size + body + size
    return out


def main():
    with open(sys.argv[2], "rb") as f:
        data = f.read()
    if sys.argv[1] == "info":
        info(data)
    elif sys.argv[1] == "stream":
        stream(data, int(sys.argv[3]))
    else:
        with open(sys.argv[3], "wb") as f:
            f.write(swap(data))


try:
    main()
except Bad as bad:
    sys.exit("bad file: %s" % bad)
