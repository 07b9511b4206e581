#!/bin/sh
# vde_slirp - Debian's slirpvde at our switch: a node of ours gets its address from it by
# DHCP and reaches a server of the host
. "$(dirname "$0")/lib.sh"
need slirpvde python3 curl busybox
if on_host; then
	skip "$TEST" "needs a node without an address"
	exit 0
fi

random_file file 3
cat >"$T/server.py" <<'END'
import functools, http.server
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="www")
server = http.server.HTTPServer(("127.0.0.1", 0), handler)
print("port", server.server_port, flush=True)
server.serve_forever()
END
(cd "$T" && exec $as_user python3 server.py >"$T/host.log" 2>&1) &
if ! wait_for 30 grep -q '^port' "$T/host.log"; then
	fail "$TEST" "no server on the host: $(tail -n 3 "$T/host.log")"
	exit 1
fi
port=$(sed -n 's/^port //p' "$T/host.log")

cat >"$T/told" <<'END'
#!/bin/sh
# told bound|...: what a DHCP client wants done
case $1 in
bound) ifconfig "$interface" "$ip" netmask "$subnet"; route add default gw "$router" ;;
esac
END
cat >"$T/guest" <<'END'
#!/bin/sh
# guest PORT FILE: an address, then a file of the host
busybox udhcpc -f -q -n -t 20 -i eth0 -s ./told
ip -4 -o addr show eth0
curl -sf -o "$2" --max-time 60 "http://10.0.2.2:$1/file"
END
chmod +x "$T/told" "$T/guest"

for k in $(switches); do
	start_switch $k
	$as_user slirpvde -s "$SW" -D >"$T/slirp.$k" 2>&1 &
	if ! wait_for 30 grep -q 'vde switch' "$T/slirp.$k"; then
		fail "$k" "no slirpvde: $(tail -n 3 "$T/slirp.$k")"
		continue
	fi
	: >"$T/got.$k"
	chmod 666 "$T/got.$k"
	seen=$(cd "$T" && $as_user "$IOTH" run --net "$NET" -- ./guest "$port" "$T/got.$k" 2>&1)
	case $seen in
	*"inet 10.0.2."*) ok "$k DHCP" ;;
	*)		fail "$k DHCP" "$seen" ;;
	esac
	same "$k a file of the host" "$(sum <"$T/got.$k")" "$(sum <"$T/www/file")"
done
finish
