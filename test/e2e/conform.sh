#!/bin/sh
# conform - Linux's socket calls, case by case, on a node's own addresses
. "$(dirname "$0")/lib.sh"

cases()	# NAME ADDRESS
{
	node 1 timeout 1200 "$BIN/conform" "$2" >"$T/$1.out" 2>&1 || true
	grep '^FAIL' "$T/$1.out" | while read -r word rest; do
		echo "FAIL $1/$rest"
	done
	grep '^ok' "$T/$1.out" | sed "s,^ok ,ok $1/,"
	grep '^skip' "$T/$1.out" | sed "s,^skip ,skip $1/,"
	if ! grep -q 'passed, .* failed' "$T/$1.out"; then
		fail "$1" "it did not end: $(tail -n 2 "$T/$1.out")"
	fi
	if grep -q '^FAIL' "$T/$1.out"; then
		failures=$((failures + 1))
	fi
}

start_switch
cases v4 10.0.0.1
cases v6 fd00::1
cases lo4 127.0.0.1
cases lo6 ::1
finish
