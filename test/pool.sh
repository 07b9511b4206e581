# pool.sh - several tests at once, told in the order in which they were started
#
#	. pool.sh
#	told() { ... "$1" ...; }	what to do with the output of each, a file
#	pool_run COMMAND...		in the background, as soon as a place is free
#	pool_wait			until all are told
#	pool_stop			ends those that run, for a trap
#
# For bash. AT_ONCE is the number of places; the default fits tests that mostly wait.
# A command runs in a subshell: it cannot set variables for the caller. To be ended it
# has to end what it started itself when it gets a SIGTERM (pool_guard does that for one program).

AT_ONCE=${AT_ONCE:-$((2 * $(nproc)))}
pool=$(mktemp -d /tmp/pool.XXXXXX)
pool_made=0 pool_told=0
declare -A pool_pids=()

pool_run()
{
	local n=$pool_made

	while [ ${#pool_pids[@]} -ge "$AT_ONCE" ]; do
		pool_next
	done
	pool_made=$((n + 1))
	{
		"$@" || :
		mv "$pool/$n.out" "$pool/$n.told"
	} >"$pool/$n.out" 2>&1 </dev/null &
	pool_pids[$!]=$n
}

# Waits for one, and tells all that is complete.
pool_next()
{
	local pid

	wait -n -p pid "${!pool_pids[@]}" || :
	[ -z "${pid:-}" ] || pool_end "$pid"
	while [ -e "$pool/$pool_told.told" ]; do
		told "$pool/$pool_told.told"
		pool_told=$((pool_told + 1))
	done
}

# Who was killed has not come to its end.
pool_end()	# PID
{
	local n=${pool_pids[$1]}

	unset "pool_pids[$1]"
	if [ -e "$pool/$n.out" ]; then
		echo "FAIL pool: test $((n + 1)) was killed" >>"$pool/$n.out"
		mv "$pool/$n.out" "$pool/$n.told"
	fi
}

pool_wait()
{
	while [ ${#pool_pids[@]} -gt 0 ]; do
		pool_next
	done
}

pool_stop()
{
	[ ${#pool_pids[@]} = 0 ] || kill "${!pool_pids[@]}" 2>/dev/null || :
	wait
	rm -rf "$pool"
}

# pool_guard COMMAND...: its status; a SIGTERM for us is one for it
pool_guard()
{
	local pid status

	"$@" &
	pid=$!
	trap 'kill $pid 2>/dev/null' TERM
	wait $pid
	status=$?
	if kill -0 $pid 2>/dev/null; then	# it was only the signal that came
		wait $pid
		status=$?
	fi
	trap - TERM
	return $status
}
