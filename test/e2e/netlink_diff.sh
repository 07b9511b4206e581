#!/bin/sh
# netlink_diff - the same commands in a fresh namespace of Linux and in a node: ip,
# ifconfig, route and arp must say the same and end with the same status
#
# netlink_diff.cmds is the script, netlink_diff.known the differences that are meant;
# netlink_diff.py takes away names, indices and times, and compares. Linux's words for
# an error are those of 6.18; on an older kernel only that there was one is compared.
. "$(dirname "$0")/lib.sh"
need ip ss ifconfig route arp unshare python3

here=$(dirname "$0")
cat >"$T/linux.sh" <<'EOF'
ip link add eth0 type veth peer name p0 || exit 77
ip link set lo up
ip link set p0 up
ip link set eth0 up
tries=100		# the kernel gives IPv6 addresses when it sees the carrier
until ip -6 addr show dev eth0 | grep -q fe80 || [ $tries = 0 ]; do
	sleep 0.1
	tries=$((tries - 1))
done
exec sh "$@"
EOF
cat >"$T/drive.sh" <<'EOF'
while read -r line; do
	case $line in
	''|'#'*) continue ;;
	esac
	echo "\$ $line"
	$line 2>&1 </dev/null && echo "= 0" || echo "= $?"
done <"$1"
EOF
if on_host || ! unshare --user --map-root-user --net sh "$T/linux.sh" "$T/drive.sh" \
		"$here/netlink_diff.cmds" >"$T/linux.out" 2>"$T/linux.err"; then
	skip netlink_diff "no namespace with a veth here: $(tail -n 1 "$T/linux.err")"
	exit 0
fi
start_switch
ioth run --net "$SW" -- sh "$T/drive.sh" "$here/netlink_diff.cmds" >"$T/node.out" 2>&1 ||
	fail node_runs "$(tail -n 3 "$T/node.out")"
python3 "$here/netlink_diff.py" "$T/linux.out" "$T/node.out" "$here/netlink_diff.known" ||
	failures=$((failures + 1))
finish
