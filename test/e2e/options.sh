#!/bin/sh
# options - the result of getting and setting every socket option, against Linux's
#
# options.linux is what Linux says, options.known the differences that are meant, each
# with its reason, and options.py makes such lists and compares them.
. "$(dirname "$0")/lib.sh"
need python3

here=$(dirname "$0")
if on_host; then
	skip options "the list is Linux's own"
	exit 0
fi
start_switch
node 1 python3 "$here/options.py" say >"$T/ours" 2>"$T/err" ||
	fail options_run "$(tail -n 3 "$T/err")"
python3 "$here/options.py" diff "$here/options.linux" "$T/ours" "$here/options.known" ||
	failures=$((failures + 1))
finish
