#!/bin/sh
# hostile - who breaks the rules of shared memory harms nobody but himself
#
# Two transfers between honest nodes go on beside each deed of test/hostile/liar.c, one by
# shared memory and one by VDE's sockets, which always passes the switch. Their bytes are
# checked, and both must move after each deed; the switch lives, and in the end has its
# descriptors and memory back. Some are done on a wire that the liar was introduced to, against
# the node that serves the transfers. Then a hostile switch against a node.
. "$(dirname "$0")/lib.sh"
need python3 ping
if on_host; then
	skip hostile "switch and wires are ours"
	exit 0
fi
liar=$BIN/liar
if [ ! -x "$liar" ]; then
	skip hostile "no liar: make tests"
	exit 0
fi
bystander=$(dirname "$0")/bystander.py

descriptors()
{
	ls "/proc/$switch/fd" | wc -l
}

memory_kib()	# its own, not what it shares
{
	awk '$1 == "RssAnon:" { print $2 }' "/proc/$switch/status"
}

blocks()	# of the one that got less
{
	shm=$(cat "$T/blocks" 2>/dev/null || echo 0)
	vde=$(cat "$T/blocks.vde" 2>/dev/null || echo 0)
	echo $((shm < vde ? shm : vde))
}

moved()	# SINCE: is the bystander's transfer further than that?
{
	[ "$(blocks)" -gt "$1" ]
}

beside()	# NAME LIAR'S ARGUMENTS: the deed, and the bystander afterwards
{
	name=$1
	shift
	if ! why=$(timeout 120 "$liar" "$@" 2>&1); then
		fail "$name" "$why"
	elif ! kill -0 "$switch" 2>/dev/null; then
		fail "$name" "the switch has ended: $(tail -n 2 "$T/switch.log")"
		exit 1
	elif ! wait_for 60 moved "$(($(blocks) + 5))"; then
		fail "$name" "the bystander's transfer stands at $(blocks): $(cat "$T/node2.log" "$T/node4.log")"
	else
		ok "$name"
	fi
}

start_switch
switch=$(echo $jobs)
NODE_OPTS=-v		# it tells what it thinks of its neighbours
serve 1 python3 "$bystander" serve 5000
wait_log 1 ready
serve 2 python3 "$bystander" watch 10.0.0.1 5000 "$T/blocks"
watcher=$bg
exec_ioth run --net "$SW[classic=1]" --ip 10.0.0.4/24 -- python3 "$bystander" watch 10.0.0.1 5000 \
	"$T/blocks.vde" </dev/null >"$T/node4.log" 2>&1 &
jobs="$jobs$! "
if ! wait_for 60 moved 5; then
	fail hostile "no transfer: $(cat "$T/node2.log")"
	exit 1
fi
files=$(descriptors)
memory=$(memory_kib)

for what in files lies vices acts; do
	for deed in $("$liar" list $what); do
		case "$deed ${SWITCH_OPTS:-} " in
		introduced*' --no-introductions '*) ;;
		*) beside "$deed" "$deed" "$SW" ;;
		esac
	done
done
case "${SWITCH_OPTS:-} " in
*--no-introductions*) skip neighbours "the switch introduces nobody" ;;
*)
	for what in lies vices manners; do
		for deed in $("$liar" list $what); do
			beside "neighbour $deed" meet "$deed" "$SW" 10.0.0.1
		done
		[ $what != lies ] || same each_lie_was_seen "$(grep -c 'neighbour broke the rules' "$T/node1.log")" \
			"$("$liar" list lies | wc -l)"
	done
	;;
esac

have_back()
{
	[ "$(descriptors)" -le "$files" ]
}
wait_for 30 have_back || true
same descriptors_are_back "$(descriptors)" "$files"
[ "$(memory_kib)" -lt $((memory + 16384)) ] && ok memory_is_back ||
	fail memory_is_back "$memory KiB before, $(memory_kib) KiB now"
same newcomers_join "$(status_of node 3 ping -n -c 1 -w 20 10.0.0.1)" 0
kill -0 $watcher 2>/dev/null && ok bystander_lives || fail bystander_lives "$(cat "$T/node2.log")"

# The other way round
BAD=$T/bad

victim()	# NAME COMMAND: a node that joins the hostile switch; sets status
{
	rm -rf "$BAD"
	timeout 60 "$liar" serve "$1" "$BAD" >"$T/liar.log" 2>&1 &
	server=$!
	jobs="$jobs$server "
	wait_for 30 test -e "$BAD/shm"
	ioth run -v --net "$BAD" --ip 10.0.0.9/24 -- sh -c "$2" >"$T/victim.log" 2>&1 &&
		status=0 || status=$?
}

lost='i=0
until grep -q "network has gone" "$0" || [ $i = 200 ]; do sleep 0.05; i=$((i + 1)); done
ping -n -c 1 -W 0.2 -w 5 10.0.0.8
echo "ping ended with $?"
exit 42'
lost=$(echo "$lost" | sed "s,\$0,$T/victim.log,")

for deed in $("$liar" list answers); do
	victim "$deed" true
	kept=$status
	ended $server
	said=$(grep -c "^ioth: .*$BAD" "$T/victim.log")
	odd=$(grep -c '[^ -~]' "$T/victim.log")
	same "switch $deed" "$kept $said $odd" "1 1 0"
done
for deed in $("$liar" list lies); do
	victim "$deed" "$lost"
	kept=$status
	ended $server
	said=$(grep -c 'network has gone' "$T/victim.log")
	ping=$(grep -c 'ping ended with [12]' "$T/victim.log")
	same "switch $deed" "$kept $status $said $ping $(cat "$T/liar.log")" "42 0 1 1 "
done
for deed in $("$liar" list vices); do
	victim "$deed" 'ping -n -c 1 -W 0.2 -w 5 10.0.0.8; exit 42'
	kept=$status
	ended $server
	same "switch $deed" "$kept $status $(cat "$T/liar.log")" "42 0 "
done
finish
