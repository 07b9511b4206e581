#!/bin/sh
# qemu_ipxe - a machine in QEMU, plugged into the switch, boots from nodes of ours
#
# Its stack (DHCP, ARP, ND, UDP, TCP) is that of iPXE, in the ROM of its network card.
# Debian's dnsmasq on one node gives it an address and, by TFTP, the name of a script
# on the web server of another. That script adds up all its lines and asks for a page
# whose name is the sum: so we see that each byte came.
. "$(dirname "$0")/lib.sh"
need qemu-system-x86_64 dnsmasq unshare python3
if on_host; then
	need_kernel_nodes
fi

ROM=/usr/lib/ipxe/qemu/pxe-e1000.rom
PATIENCE=60
LINES=20000
if ! [ -e $ROM ]; then
	skip "$TEST" "no $ROM here"
	exit 0
fi

mkdir -p "$T/www" "$T/tftp"
cat >"$T/tftp/boot.ipxe" <<-END
	#!ipxe
	imgfetch http://10.0.0.1/greeting
	chain http://10.0.0.1/sum.ipxe || imgfetch http://10.0.0.1/no-script
END
echo hello >"$T/www/greeting"
awk -v n=$LINES 'BEGIN {
	print "#!ipxe"
	for (i = 1; i <= n; i++)
		print "inc sum " (i * 7919 % 99991)
	print "imgfetch http://10.0.0.1/sum-${sum} ||"
	print "imgfetch http://[fe80::1%net0]/sum6-${sum}"
}' >"$T/www/sum.ipxe"
want=$(awk '/^inc/ { sum += $3 } END { print sum }' "$T/www/sum.ipxe")
chmod -R a+rX "$T/www" "$T/tftp"

# dnsmasq insists on capabilities; those of a user namespace will do.
root="unshare -r"
on_host && root=
dhcp_server()
{
	serve 2 $root dnsmasq -d --conf-file=/dev/null --port=0 --user= --group= \
		--dhcp-leasefile="$T/$kind.leases" --dhcp-range=10.0.0.50,10.0.0.60,1h \
		--dhcp-broadcast --dhcp-boot=boot.ipxe --enable-tftp --tftp-root="$T/tftp"
}

guest()	# tries again if a server was not quick enough
{
	qemu-system-x86_64 -accel tcg -nodefaults -no-user-config -display none -m 64 \
		-machine pc,graphics=off -serial "file:$T/$kind.console" \
		-netdev "vde,id=net,sock=$SW" -device "e1000,netdev=net,romfile=$ROM" \
		-boot order=n,reboot-timeout=1000 \
		</dev/null >"$T/$kind.qemu" 2>&1 &
}

said()	# NAME WORD PAGE: the first that the web server was asked for with WORD
{
	if wait_for $PATIENCE grep -q "GET /$2" "$T/node1.log"; then
		same "$kind $1" "$(grep -o "GET /$2[^ ]*" "$T/node1.log" | head -n 1)" "GET /$3"
	else
		fail "$kind $1" "the guest came no further than: $(tr -cs '[:print:]' ' ' \
			<"$T/$kind.console" | tail -c 200) $(tail -n 2 "$T/$kind.qemu")"
	fi
}

serves()	# NODE WORD: its program has said it
{
	wait_for 30 grep -q "$2" "$T/node$1.log" || fail "$kind" "node $1: $(tail -n 2 "$T/node$1.log")"
}

qemu-system-x86_64 -netdev help 2>/dev/null | grep -qx vde || {
	skip "$TEST" "this QEMU has no vde"
	exit 0
}
$as_user unshare -r true 2>/dev/null || {
	skip "$TEST" "no user namespaces here"
	exit 0
}
# Half a minute each, nearly all of it spent in the ROM's waits.
kinds=ioth
if on_host; then
	kinds=debian
elif full; then
	kinds=$(switches)
fi
for k in $kinds; do
	start_switch $k
	if on_host; then
		kernel_up
		node 1 ip addr add fe80::1/64 dev tap0 nodad
	fi
	NODE_OPTS="--ip fe80::1/64" serve 1 python3 -u -m http.server --bind :: -d "$T/www" 80
	dhcp_server
	serves 1 Serving
	serves 2 started
	guest
	said "the guest gets an address, a file by TFTP, one by HTTP" greeting greeting
	said "every line of a script of $LINES" sum- "sum-$want"
	said "and over IPv6" sum6- "sum6-$want"
	stop_all
done
finish
