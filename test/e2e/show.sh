#!/bin/sh
# show - what ioth says about running nodes
. "$(dirname "$0")/lib.sh"
need python3

if on_host; then
	skip show "the kernel is not asked"
	exit 0
fi

shown()	# NAME PART ARGUMENTS...: of ioth show
{
	name=$1 part=$2
	shift 2
	if out=$(ioth show "$@" 2>&1); then
		contains "$name" "$out" "$part"
	else
		fail "$name" "exit status $?: $out"
	fi
}

start_switch
NODE_OPTS="--name web"
serve 1 python3 -m http.server 80
NODE_OPTS=
wait_port 10.0.0.1 80
shown nodes web
shown nodes_without_arguments web nodes
shown sockets :80 sockets web
shown sockets_tabs 80 -t sockets web
shown routes 10.0.0.0/24 routes web
shown neighbours 10.0.0.250 neigh web
shown interfaces 10.0.0.1 interfaces web
shown drops '' drops web
for table in nodes sockets drops routes neigh interfaces resolvers; do
	check json_$table sh -c 'env "$1" show --json "$2" |
		python3 -c "import json, sys; [json.loads(l) for l in sys.stdin if l.strip()]"' \
		sh "$IOTH" $table
done
# A node that says who it is and ends before it is asked for the table, and one that ends
# before it has said anything. Other tests' nodes are this user's, too.
mkdir -p -m 700 "$T/run/ioth/nodes"
ends()	# NAME TOLD
{
	python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1] + "-")
s.listen(1)
os.rename(sys.argv[1] + "-", sys.argv[1])   # who finds it can connect
c = s.accept()[0]
if sys.argv[2]:
    c.recv(100)
os.unlink(sys.argv[1])
s.close()
c.sendall(sys.argv[2].encode())
' "$T/run/ioth/nodes/77.sock" "$2" &
	wait_for 30 test -S "$T/run/ioth/nodes/77.sock"
	same "$1" "$(XDG_RUNTIME_DIR=$T/run "$IOTH" show sockets ghost 2>&1 |
		grep -e ghost -e /77.sock)" "ioth: show: no node ghost is running (ioth show lists yours)"
}
ends ends_meanwhile 'pid	name	program	launcher
77	ghost	x	76
'
ends ends_unasked ''
same no_such_node "$(status_of ioth show sockets nobody)" 1
same no_such_table "$(status_of ioth show nonsense)" 2
stop $bg
gone()
{
	! ioth show 2>/dev/null | grep -q web
}
check node_gone wait_for 30 gone
finish
