#!/bin/sh
# cost - instructions of each stage of the packet's way, by valgrind's callgrind
#
#	bench/cost.sh			the table, and where it differs from bench/cost.txt
#	bench/cost.sh -w		writes bench/cost.txt
#	bench/cost.sh -c		a test: a steady frame costs no more than bench/cost.max says
#	bench/cost.sh -f CASE		by function; CASE is a pattern, as 'tcp4 mtu in'
#	JSON=FILE			one JSON object per row as well
#
# The cases are those of cost.c. Instructions are counted, not time, so a busy
# machine changes nothing; another compiler or C library does, by a few percent. Malloc
# is told to keep all it is given back, or a frame would cost up to 80 instructions more
# or less by what else the heap has been used for.

top=$(cd "$(dirname "$0")/.." && pwd)
here=$top/bench
B=${B:-$top/build}
T=$(mktemp -d /tmp/cost.XXXXXX) || exit 1
trap 'rm -rf "$T"' EXIT
export GLIBC_TUNABLES=glibc.malloc.tcache_count=1000

if ! command -v valgrind >/dev/null; then
	echo "skip cost: valgrind is not installed"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
if ! [ -x "$B/bench/cost" ]; then
	make -s -C "$top" "$B/bench/cost" || exit 1
fi

# Sets $T/table; with -v show=PATTERN other things.
count()
{
	valgrind -q --tool=callgrind --callgrind-out-file="$T/profile" --collect-atstart=no \
		--toggle-collect=counted --dump-after=case_done "$B/bench/cost" >"$T/cases" ||
		exit 1
	n=$(wc -l <"$T/cases")
	nm "$B/libioth.a" 2>/dev/null >"$T/names"
	# shellcheck disable=SC2046
	awk "$@" -f "$here/cost.awk" "$T/names" "$T/cases" \
		$(seq -f "$T/profile.%.0f" 1 "$n") >"$T/table"
}

# What moved by more than a twentieth.
compare()
{
	awk -F '  +' '
	function engine(s,   v) { split(substr(s, 15), v, " "); return v[1] }
	/^#/ || $1 == "case" || /^ *$/ { next }
	{ key = substr($0, 1, 14) }
	FNR == NR { was[key] = engine($0); next }
	key in was {
		d = engine($0) - was[key]
		if (d * 20 > was[key] || -d * 20 > was[key])
			printf "changed: %s %d -> %d (%+.0f %%)\n", key, was[key], engine($0),
				100 * d / was[key]
	}' "$here/cost.txt" "$T/table"
}

json()
{
	awk 'NR > 1 { printf "{\"bench\":\"cost\",\"case\":\"%s\",\"subject\":\"ioth\"," \
		"\"unit\":\"instructions\",\"median\":%d,\"min\":%d,\"max\":%d,\"n\":1,\"ratio_to\":" \
		"\"aim\",\"ratio\":%.3f,\"target\":1}\n", $1 " " $2 " " $3, $4, $4, $4, $4 / 2500 }' \
		"$T/table" >>"$1"
}

write()
{
	cat <<END
# Instructions of the steady state, by stage: written by bench/cost.sh -w
#
# engine: all but copies and checksums, which stand right of the bar. The stages are
# those of doc/tour.md, by source file (bench/cost.awk). mtu: for each frame of 1448 (IPv6: 1428)
# octets, ten to a write; "in" has the half of an ACK that it gives rise to and the read. ack: an
# ACK alone. 64K: a super-frame of 45 segments. ask: a write of one octet, its answer,
# and the ACKs between. connect, accept: the two sides of a connection without data.
# $(${CC:-cc} --version | head -n 1)

END
	cat "$T/table"
}

# Steady frames against the ceilings in bench/cost.max: case, tab, instructions.
check()
{
	awk -F '\t' '
	FNR == NR { split(substr($0, 15), v, " "); sub(/ +$/, "", $0)
		key = substr($0, 1, 14); sub(/ +$/, "", key); now[key] = v[1]; next }
	/^#/ { next }
	{
		ok = $1 in now && now[$1] <= $2
		printf "%s %s: %d instructions (at most %d)\n", ok ? "ok  " : "FAIL", $1, now[$1], $2
		if (ok) passed++; else failed++
	}
	END {
		printf "%d passed, %d failed\n", passed, failed
		exit failed > 0
	}' "$T/table" "$here/cost.max"
}

case "${1-}" in
-w)	count && write >"$here/cost.txt" && cat "$here/cost.txt" ;;
-c)	count && check ;;
-f)	count -v show="${2-.}" && sort -k1,3 -k5,5 "$T/table" | awk '{ print $NF, $0 }' |
		sort -rn | sed 's/^[0-9]* //' ;;
'')	count && cat "$T/table" && compare && { [ -z "${JSON:-}" ] || json "$JSON"; } ;;
*)	sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
