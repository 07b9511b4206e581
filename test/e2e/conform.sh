#!/bin/sh
# conform - Linux's socket calls, case by case, on a node's own addresses
. "$(dirname "$0")/lib.sh"

# A case in conform.known is expected to differ; one that no longer does fails.
known="$(dirname "$0")/conform.known"

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
	awk -F '\t' -v as="$1" '
	FILENAME == ARGV[1] {
		may = sub(/^~/, "")
		if ($0 !~ /^#/ && NF == 2) { why[$1] = $2; loose[$1] = may }
		next
	}
	/^(ok|FAIL|skip) / {
		split($0, word, /[ :]/); name = word[2]
		if (!(name in why)) { sub(/ /, " " as "/"); print }
		else if (word[1] == "FAIL") print "skip " as "/" name ": differs from Linux: " why[name]
		else if (word[1] == "ok" && loose[name]) print "ok " as "/" name
		else if (word[1] == "ok") print "FAIL " as "/" name ": passes; take it out of conform.known"
		else print
	}' "$known" "$T/$1.out" >"$T/$1.lines"
	cat "$T/$1.lines"
	if grep -q '^FAIL' "$T/$1.lines"; then
		failures=$((failures + 1))
	fi
}

# Most cases wait most of the time: all at once, each on a switch of its own.
for on in $CONFORM; do
	SW=$T/sw.$on
	start_switch
	node 1 timeout 1200 "$BIN/conform" "$(address $on)" >"$T/$on.out" 2>&1 &
	runs="${runs:-} $!"
done
for run in $runs; do
	wait $run || true
done
for on in $CONFORM; do
	tell $on
done
finish
