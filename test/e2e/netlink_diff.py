# netlink_diff.py LINUX NODE KNOWN - compares what two worlds answered
import os
import re
import sys

# What differs from run to run, or is the laboratory's: a node has no second interface.
EVERYWHERE = [
    (r"^\d+: (\w+)(@\w+)?:", r"N: \1:"), (r"^\d+: (\w+) ", r"N: \1 "),
    (r'"link":"p0",|"link_index":\d+,|"link_netnsid":\d+,', ""),
    (r'"(ifindex|uid|valid_life_time|preferred_life_time)":\d+', r'"\1":N'),
    (r"\buid \d+", "uid N"), (r"\b\d+sec\b", "Nsec"),
    (r"fe80::[0-9a-f:]+", "fe80::X"), (r"[0-9a-f:]{17} brd ff", "MAC brd ff"),
    (r'"address":"[0-9a-f:]{17}","broadcast":"ff', '"address":"MAC","broadcast":"ff'),
    (r" (optimistic|tentative)\b", ""), (r'"(optimistic|tentative)":true,', ""),
    (r" state \w+", " state S"), (r'"operstate":"\w+"', '"operstate":"S"'),
    (r"\s+$", ""),
]
ABSENT = re.compile(r"\bdev p0\b|: p0@|^local fe80::X |^fe80::X dev eth0 (lladdr|[A-Z])")
ERROR = re.compile(r"^(Error: .*|RTNETLINK answers: .*|SIOC\w+(\(\w+\))?: .*)$")


def lines(path, old_kernel):
    for line in open(path):
        for what, by in EVERYWHERE:
            line = re.sub(what, by, line)
        if not ABSENT.search(line):
            yield ERROR.sub("Error", line) if old_kernel else line


def answers(path, old_kernel):
    found = []
    for line in lines(path, old_kernel):
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found:
            found[-1][1].append(line)
    return found


def known(path):
    """Lines COMMAND, then indented reasons."""
    return {l.strip() for l in open(path) if l.strip() and l[0] not in "#\t "}


def main():
    release = [int(n) for n in re.findall(r"\d+", os.uname().release)[:2]]
    old_kernel = release < [6, 18]
    linux, node = (answers(p, old_kernel) for p in sys.argv[1:3])
    meant, bad = known(sys.argv[3]), 0
    if [c for c, _ in linux] != [c for c, _ in node]:
        print("FAIL commands: not all ran in both worlds")
        bad += 1
    for i, ((command, want), (_, got)) in enumerate(zip(linux, node)):
        name = "%03d_%s" % (i, re.sub(r"[^\w.:/-]+", "_", command))
        # neighbours come in the order of a hash table
        if command.startswith("ip neigh") or command.startswith("ip -j neigh"):
            want, got = sorted(want), sorted(got)
        if want == got:
            print("ok", name)
        elif command in meant:
            print("ok", name, "(differs as told in netlink_diff.known)")
        else:
            bad += 1
            first = next((p for p in zip(want, got) if p[0] != p[1]), (want[-1], got[-1]))
            print("FAIL %s: Linux says '%s' (%d lines), the node '%s' (%d lines)" %
                  (name, first[0], len(want), first[1], len(got)))
    return bad > 0


sys.exit(main())
