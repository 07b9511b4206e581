# checks.sh - the words in which a test script tells what it found
#
# Sourced by test/e2e/lib.sh and test/interop/lib.sh. Each check prints "ok NAME",
# "FAIL NAME: why" or "skip NAME: why"; finish gives the exit status.

failures=0

ok()
{
	echo "ok $1"
}

fail()	# NAME WHY...
{
	failures=$((failures + 1))
	name=$1
	shift
	echo "FAIL $name: $(echo "$*" | tr '\n' ' ' | cut -c 1-300)"
}

skip()	# NAME WHY
{
	echo "skip $1: $2"
}

same()	# NAME GOT EXPECTED
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		fail "$1" "got '$2', expected '$3'"
	fi
}

check()	# NAME COMMAND...: it must succeed; what it printed is the reason if not
{
	name=$1
	shift
	out=$("$@" 2>&1) && status=0 || status=$?
	if [ $status = 0 ]; then
		ok "$name"
	else
		fail "$name" "exit status $status: $(echo "$out" | tail -n 4)"
	fi
}

need()	# PROGRAM...: or the whole test is skipped
{
	for p; do
		if ! command -v "$p" >/dev/null; then
			skip "$TEST" "no $p here"
			exit 0
		fi
	done
}

wait_for()	# SECONDS COMMAND...
{
	tries=$(($1 * 10))
	shift
	while [ $tries -gt 0 ]; do
		if "$@" >/dev/null 2>&1; then
			return 0
		fi
		tries=$((tries - 1))
		sleep 0.1
	done
	return 1
}

finish()
{
	[ "$failures" = 0 ]
	exit
}
