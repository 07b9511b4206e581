#!/bin/sh
# dns - name servers that are nodes, dig, and --dns, which turns the libc's resolver to one
. "$(dirname "$0")/lib.sh"
need unbound dig curl getent python3 busybox

cat >"$T/unbound.conf" <<END
server:
	interface: 0.0.0.0
	interface: ::0
	port: 53
	access-control: 0.0.0.0/0 allow
	access-control: ::/0 allow
	do-daemonize: no
	use-syslog: no
	username: ""
	chroot: ""
	directory: "$T"
	pidfile: "$T/unbound.pid"
	module-config: "iterator"
	local-zone: "lan." static
	local-data: "web.lan. 60 IN A 10.0.0.3"
	local-data: "web.lan. 60 IN AAAA fd00::3"
	local-data: "many.lan. 60 IN TXT '$(printf %0240d 1)'"
	local-data: "many.lan. 60 IN TXT '$(printf %0240d 2)'"
	local-data: "many.lan. 60 IN TXT '$(printf %0240d 3)'"
	local-data: "many.lan. 60 IN TXT '$(printf %0240d 4)'"
	local-data: "many.lan. 60 IN TXT '$(printf %0240d 5)'"
	local-data: "many.lan. 60 IN TXT '$(printf %0240d 6)'"
	local-data-ptr: "10.0.0.3 web.lan"
remote-control:
	control-enable: no
END

mkdir "$T/www"
echo found >"$T/www/index.html"
start_switch
serve 1 python3 "$(dirname "$0")/dns_server.py" web.lan=10.0.0.3 web.lan=fd00::3 four.lan=10.0.0.3
serve 3 python3 -m http.server 80 --bind :: -d "$T/www"
wait_port 10.0.0.1 53
wait_port 10.0.0.3 80

dig="dig +short +time=3 +tries=2"
same dig_udp "$(node 2 $dig @10.0.0.1 web.lan)" 10.0.0.3
same dig_udp_v6 "$(node 2 $dig @fd00::1 web.lan AAAA)" fd00::3
same dig_tcp "$(node 2 $dig +tcp @10.0.0.1 web.lan)" 10.0.0.3
same dig_truncated_then_tcp "$(node 2 $dig @10.0.0.1 many.lan TXT | wc -l)" 6
contains dig_nothing "$(node 2 dig @10.0.0.1 none.lan)" NXDOMAIN
contains dig_refused "$(node 2 dig +time=1 +tries=1 @10.0.0.3 web.lan 2>&1)" "refused"

NODE_OPTS="--dns 10.0.0.1"
contains getent_v4 "$(node 2 getent ahostsv4 web.lan)" "10.0.0.3"
contains getent_v6 "$(node 2 getent ahostsv6 web.lan)" "fd00::3"
same getent_unknown "$(status_of node 2 getent hosts none.lan)" 2
same curl_by_name "$(node 2 curl -s http://web.lan/)" found
same curl_by_name_v4 "$(node 2 curl -s http://four.lan/)" found
same python_by_name "$(node 2 python3 -c 'import socket; print(socket.gethostbyname("web.lan"))')" \
	10.0.0.3
same busybox_by_name "$(node 2 busybox wget -q -O - http://four.lan/)" found
NODE_OPTS="--dns fd00::1"
contains getent_over_v6 "$(node 2 getent ahostsv4 web.lan)" "10.0.0.3"
NODE_OPTS=
same no_dns_no_leak "$(status_of node 2 getent hosts web.lan)" 2

stop $bg
serve 4 unbound -d -c "$T/unbound.conf"
wait_port 10.0.0.4 53
same unbound_udp "$(node 2 $dig @10.0.0.4 web.lan)" 10.0.0.3
same unbound_v6 "$(node 2 $dig @fd00::4 web.lan AAAA)" fd00::3
same unbound_tcp "$(node 2 $dig +tcp @10.0.0.4 web.lan)" 10.0.0.3
same unbound_reverse "$(node 2 $dig @10.0.0.4 -x 10.0.0.3)" web.lan.
same unbound_truncated "$(node 2 $dig @10.0.0.4 many.lan TXT | wc -l)" 6
same unbound_fragments "$(node 2 $dig +bufsize=4096 +ignore @10.0.0.4 many.lan TXT | wc -l)" 6
finish
