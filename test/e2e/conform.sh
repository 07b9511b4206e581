#!/bin/sh
# conform - Linux's socket calls, case by case, on a node's own addresses
#
# The cases are those of test/socket, as system calls of a program.
. "$(dirname "$0")/lib.sh"

address()	# NAME
{
	case $1 in
	v4)  echo 10.0.0.1 ;;
	v6)  echo fd00::1 ;;
	lo4) echo 127.0.0.1 ;;
	lo6) echo ::1 ;;
	esac
}

tell()	# NAME
{
	if ! grep -q 'passed, .* failed' "$T/$1.out"; then
		fail "$1" "it did not end: $(tail -n 2 "$T/$1.out")"
	fi
	grep -E '^(ok|FAIL|skip) ' "$T/$1.out" || true
	if grep -q '^FAIL' "$T/$1.out"; then
		failures=$((failures + 1))
	fi
}

kind=run
if on_host; then
	kind=host
fi
# Most cases wait most of the time: several at once, each address on a switch of its own.
for on in $CONFORM; do
	SW=$T/sw.$on
	start_switch
	node 1 timeout 1200 "$BIN/conform" -k $kind -j 4 -d "$(dirname "$0")/known.txt" \
		"$(address $on)" >"$T/$on.out" 2>&1 &
	runs="${runs:-} $!"
done
for run in $runs; do
	wait $run || true
done
for on in $CONFORM; do
	tell $on
done
finish
