#!/bin/sh
# kernel_bulk - big files between our node and a kernel node, over both switches,
# both families, both directions, each way round who is the server
. "$(dirname "$0")/lib.sh"
need_kernel_nodes
need curl

megabytes=50
full && megabytes=1000
limit=$((20 + megabytes))	# seconds: 1 MB/s would still do
random_file big $megabytes
want=$(sum <"$T/www/big")

fetch()	# NAME RUNNER... ADDRESS (the last word)
{
	name=$1
	shift
	for addr; do :; done
	runner=${*% *}
	same "$kind $name" "$($runner curl -sS -m $limit "http://$addr/big" 2>&1 | sum)" "$want"
}

put()	# NAME RUNNER... ADDRESS
{
	name=$1
	shift
	for addr; do :; done
	runner=${*% *}
	same "$kind $name" "$($runner curl -sS -m $limit -T "$T/www/big" "http://$addr/put" 2>&1)" \
		"$want"
}

for k in $(switches); do
	start_switch $k
	kernel_up
	serve_peers
	for do in fetch put; do
		$do "$do from kernel server v4" node 2 10.0.0.9
		$do "$do from kernel server v6" node 2 '[fd00::9]'
		$do "$do from our server v4" kernel 10.0.0.1
		$do "$do from our server v6" kernel '[fd00::1]'
	done
	stop_all
done
finish
