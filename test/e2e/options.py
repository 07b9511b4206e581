"""options - every option of every level, read and set, in every state of a socket

    options.py say [V6]              what this machine's sockets answer, a line a finding
    options.py diff LINUX OURS KNOWN compare two such files

One line: level.option, the sockets that answer so (T and U with 4 or 6, then the states
f fresh, b bound, l listening, c connected), and what they answered: get with room for 1,
4 and 64 bytes, set to VALUES, set with LENGTHS of the value 1. Each word is NAMES=RESULT.
A result is the error's name, or ok; of a get the number, or #BYTES for what is no int;
of a set what get said after it. An option for which all is the same is that word.

options.linux was made by "say" on Linux 6.18, by a user without rights.
"""
import errno
import re
import socket
import struct
import sys

LEVELS = {0: "IP", 1: "SOCKET", 6: "TCP", 17: "UDP", 41: "IPV6"}
LAST = 80
VALUES = (-1, 0, 1, 2, 255, 2**31 - 1)
LENGTHS = (0, 1, 3, 64)
KINDS = {"T4": (socket.AF_INET, socket.SOCK_STREAM), "T6": (socket.AF_INET6, socket.SOCK_STREAM),
         "U4": (socket.AF_INET, socket.SOCK_DGRAM), "U6": (socket.AF_INET6, socket.SOCK_DGRAM)}
LOOPBACK = {"4": "127.0.0.1", "6": "::1"}
# Numbers that are the machine's, the moment's or chance's: only their size is told.
OPAQUE = {(0, 52), (1, 28), (1, 49), (1, 55), (1, 56), (1, 57), (1, 59), (1, 71), (6, 11),
          (6, 13), (6, 24)}


class Maker:
    """Sockets in a state; what they need lives as long."""

    def __init__(self):
        self.servers = {}
        for v, where in LOOPBACK.items():
            s = socket.socket(KINDS["T" + v][0], socket.SOCK_STREAM)
            s.bind((where, 0))
            s.listen(64)
            self.servers[v] = s

    def make(self, kind, state):
        s = socket.socket(*KINDS[kind])
        peer = None
        if kind[0] == "T":      # the default is the machine's, with options of its own
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
        if state in "bl":
            s.bind((LOOPBACK[kind[1]], 0))
        if state == "l":
            s.listen(1)
        if state == "c":
            server = self.servers[kind[1]]
            s.connect(server.getsockname()[:2])
            if kind[0] == "T":
                peer = server.accept()[0]
        return s, peer


def name_of(e):
    return errno.errorcode.get(e.errno, str(e.errno))


def get(s, level, opt, room):
    try:
        b = s.getsockopt(level, opt, room)
    except OSError as e:
        return name_of(e)
    if len(b) == 4 and (level, opt) not in OPAQUE:
        return str(struct.unpack("i", b)[0])
    if len(b) == 1 and (level, opt) not in OPAQUE:
        return f"byte{b[0]}"
    return f"#{len(b)}"


def put(s, level, opt, value, size):
    b = (struct.pack("i", value) + bytes(max(size, 4)))[:size]
    try:
        s.setsockopt(level, opt, b)
    except OSError as e:
        return name_of(e)
    return "ok/" + get(s, level, opt, 4)


def answers(maker, kind, state, level, opt):
    s, peer = maker.make(kind, state)
    with s:
        said = [f"get{n}={get(s, level, opt, n)}" for n in (1, 4, 64)]
        said += [f"{'max' if v > 255 else v}={put(s, level, opt, v, 4)}" for v in VALUES]
        said += [f"len{n}={put(s, level, opt, 1, n)}" for n in LENGTHS]
    if peer:
        peer.close()
    results = {}
    for word in said:
        name, result = word.split("=", 1)
        results.setdefault(result, []).append(name)
    if len(results) == 1:
        return said[0].split("=", 1)[1]
    return " ".join(",".join(names) + "=" + result for result, names in results.items())


def say():
    maker = Maker()
    for level in LEVELS:
        for opt in range(LAST + 1):
            told = {}
            for kind in KINDS:
                for state in "fblc" if kind[0] == "T" else "fbc":
                    what = answers(maker, kind, state, level, opt)
                    told.setdefault(what, {}).setdefault(kind, []).append(state)
            for what, who in told.items():
                names = ",".join(k + "".join(v) for k, v in who.items())
                print(f"{LEVELS[level]}.{opt} {names} {what}", flush=True)


def load(path):
    """(level.option, kind+state) -> {word: result}"""
    found = {}
    for line in open(path, encoding="ascii"):
        opt, names, what = line.split(" ", 2)
        what = what.strip()
        words = {"all": what}
        if "=" in what:
            pairs = (w.split("=", 1) for w in what.split())
            words = {name: result for names, result in pairs for name in names.split(",")}
        for name in names.split(","):
            for state in name[2:]:
                found[opt, name[:2] + state] = words
    return found


def compare(want, got):
    """What two sockets answered differently: (Linux's result, ours) -> the words"""
    found = {}
    for word in sorted((set(want) | set(got)) - {"all"}) or ["all"]:
        a = want.get(word, want.get("all"))
        b = got.get(word, got.get("all"))
        if a != b:
            found.setdefault((a, b), []).append(word)
    return found


def differences(linux, ours):
    """(level.option, words, what differs) -> the sockets"""
    seen = {}
    for (opt, who), want in linux.items():
        got = ours.get((opt, who), {"all": "nothing"})
        for (a, b), words in compare(want, got).items():
            seen.setdefault((opt, f"{','.join(words)}: {a}, ours {b}"), []).append(who)
    return seen


def known_of(path):
    """OPTION[ WORD]<tab>why; ~ in front: it may, but need not. Patterns of both, loose"""
    rows = []
    for line in open(path, encoding="ascii"):
        if line.strip() and not line.startswith("#"):
            what, _ = line.rstrip("\n").split("\t")
            opt, _, words = what.partition(" ")
            rows.append((re.compile(opt.lstrip("~") + "$"), re.compile(words or ".*"), opt[0] == "~"))
    return rows


def diff(linux, ours, known):
    rows, used = known_of(known), set()
    linux, ours = load(linux), load(ours)
    bad = 0
    for (opt, what), who in differences(linux, ours).items():
        text = f"{what} ({' '.join(who)})"
        for i, (o, w, _) in enumerate(rows):
            if o.match(opt) and w.search(text):
                used.add(i)
                break
        else:
            bad += 1
            print(f"FAIL {opt} {text}")
    for i, (o, w, loose) in enumerate(rows):
        if i not in used and not loose:
            bad += 1
            print(f"FAIL {o.pattern[:-1]} {w.pattern}: does not differ; take it out of the list")
    if not bad:
        print(f"ok options: {len(linux)} answers, {len(used)} known differences")
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["say"]:
        say()
    else:
        sys.exit(diff(*sys.argv[2:5]))
