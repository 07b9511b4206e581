#!/bin/sh
# dhcp - --config: leases, routers and names from an unmodified dnsmasq that is a node, too
. "$(dirname "$0")/lib.sh"
need dnsmasq unshare ip curl python3

if on_host; then
	skip dhcp "these are configuration strings of ioth"
	exit 0
fi

if ! unshare --map-root-user true 2>/dev/null; then
	skip dhcp "dnsmasq wants to be root, if only of a user namespace; there are none here"
	exit 0
fi

conf()	# WORDS PROGRAM...: a node with these, however busy the machine is
{
	words=$1,timeout=30
	shift
	ioth run --net "$SW" --config "$words" -- "$@"
}

mac()	# NAME
{
	ioth addr mac "$1"
}

gone()	# an address is in no lease
{
	! grep -q "$1" "$T/leases"
}

start_switch
serve 1 unshare --map-root-user dnsmasq --no-daemon --conf-file=/dev/null --port=53 --no-resolv --no-hosts --no-ping \
	--user=root --pid-file= --dhcp-leasefile="$T/leases" --interface=eth0 \
	--bind-interfaces --log-dhcp --domain=lan --address=/web.lan/10.0.0.1 \
	--dhcp-range=10.0.0.100,10.0.0.199,2m --dhcp-rapid-commit --dhcp-authoritative \
	--dhcp-range=fd00::100,fd00::1ff,slaac,64,2m --enable-ra \
	--dhcp-host="$(mac fixed.lan),10.0.0.77" --dhcp-host="$(mac slow.lan),set:slow,10.0.0.78" \
	--dhcp-option=option:classless-static-route,192.0.2.0/24,10.0.0.1 \
	--dhcp-option=option:mtu,1400
wait_log 1 'sockets bound exclusively'

got=$(conf dhcp,eth,fqdn=fixed.lan ip -o addr show dev eth0)
contains lease "$got" "inet 10.0.0.77/24"
contains lease_ends "$got" "valid_lft 1"
got=$(conf eth,dhcp,fqdn=fixed.lan ip link show dev eth0)
contains mac_of_the_name "$got" "$(mac fixed.lan)"
contains mtu "$got" "mtu 1400"
contains routes "$(conf dhcp ip route)" "192.0.2.0/24 via 10.0.0.1 dev eth0 proto dhcp"
check given_back wait_for 30 gone 10.0.0.77

got=$(conf auto,slaac,fqdn=six.lan ip -o -6 addr show dev eth0)
contains lease6 "$got" "/128"
contains by_router "$got" "$(ioth addr hash -b fd00:: six.lan)/64"
contains route6 "$(conf rd ip -6 route)" "default via fe80:"
contains names "$(conf dhcp getent ahostsv4 web.lan)" "10.0.0.1"
contains static "$(conf ip=10.0.0.4/24,gw=10.0.0.1 ip -4 route)" "default via 10.0.0.1"

# The same of a Linux stack in a namespace.
if ioth run --netns --net "$SW" -- true >"$T/why" 2>&1; then
	got=$(ioth run --netns --net "$SW" --config auto,slaac,timeout=30,fqdn=six.lan -- ip -o addr show dev eth0)
	contains netns_lease "$got" "inet 10.0.0.1"
	contains netns_lease6 "$got" "/128"
	contains netns_by_router "$got" "$(ioth addr hash -b fd00:: six.lan)/64"
	got=$(ioth run --netns --net "$SW" --config eth,dhcp,timeout=30,fqdn=fixed.lan -- getent ahostsv4 web.lan)
	contains netns_names "$got" "10.0.0.1"
	check netns_given_back wait_for 30 gone 10.0.0.77
else
	skip netns "$(cat "$T/why")"
fi

serve 2 python3 -m http.server 80 -d "$T"
wait_port 10.0.0.2 80
check curl conf dhcp curl -sf -o "$T/got" http://10.0.0.2/leases

# The address of one is taken by another by hand: it is declined, and another offered.
serve 78 sleep 1000
contains declined "$(conf eth,dhcp,fqdn=slow.lan ip -4 -o addr show dev eth0)" "inet 10.0.0.1"
check server_knows grep -q "DHCPDECLINE(eth0) 10.0.0.78" "$T/node1.log"

got=$(status_of timeout 20 env E2E_MARK="$T" "$IOTH" run --net "$SW" --config dhpc -- true)
same bad_word "$got" 2
contains bad_word_named "$(cat "$T/out")" "dhpc: no such word"
exec_ioth switch "$T/empty" >/dev/null 2>&1 &
jobs="$jobs$! "
wait_for 30 test -e "$T/empty/ctl"
got=$(status_of timeout 20 env E2E_MARK="$T" "$IOTH" run --net "$T/empty" --config dhcp,timeout=1 -- true)
same nobody_there "$got" 1
contains nobody_says "$(cat "$T/out")" "nobody on the network answered"
finish
