#!/bin/sh
# kernel_loss - the same files while the cable of our node loses, reorders and
# duplicates frames
. "$(dirname "$0")/lib.sh"
need_kernel_nodes
need curl
if on_host; then
	skip "$TEST" "a kernel node has no such cable"
	exit 0
fi

megabytes=10
full && megabytes=1000
limit=$((40 + megabytes))
random_file big $megabytes
want=$(sum <"$T/www/big")

for k in $(switches); do
	start_switch $k
	kernel_up
	NET="fault://loss=2%/reorder=5%/dup=1%/seed=7{vde://$SW}"
	serve_peers
	for a in 10.0.0.9 '[fd00::9]'; do
		same "$k our client fetches from $a" \
			"$(node 2 curl -sS -m $limit "http://$a/big" 2>&1 | sum)" "$want"
		same "$k our client puts to $a" \
			"$(node 2 curl -sS -m $limit -T "$T/www/big" "http://$a/put" 2>&1)" "$want"
	done
	for a in 10.0.0.1 '[fd00::1]'; do
		same "$k kernel fetches from $a" \
			"$(kernel curl -sS -m $limit "http://$a/big" 2>&1 | sum)" "$want"
		same "$k kernel puts to $a" \
			"$(kernel curl -sS -m $limit -T "$T/www/big" "http://$a/put" 2>&1)" "$want"
	done
	stop_all
done
finish
