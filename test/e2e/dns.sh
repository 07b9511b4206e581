#!/bin/sh
# dns - dig against a name server that is a node; --dns turns the libc's resolver to it
. "$(dirname "$0")/lib.sh"
need unbound dig curl getent python3

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
	local-data: "four.lan. 60 IN A 10.0.0.3"
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
serve 1 unbound -d -c "$T/unbound.conf"
serve 3 python3 -m http.server 80 --bind :: -d "$T/www"
wait_port 10.0.0.1 53
wait_port 10.0.0.3 80

dig="dig +short +time=3 +tries=2"
same dig_udp "$(node 2 $dig @10.0.0.1 web.lan)" 10.0.0.3
same dig_udp_v6 "$(node 2 $dig @fd00::1 web.lan AAAA)" fd00::3
same dig_tcp "$(node 2 $dig +tcp @10.0.0.1 web.lan)" 10.0.0.3
same dig_reverse "$(node 2 $dig @10.0.0.1 -x 10.0.0.3)" web.lan.
same dig_large "$(node 2 $dig @10.0.0.1 many.lan TXT | wc -l)" 6
same dig_large_udp "$(node 2 $dig +bufsize=4096 +ignore @10.0.0.1 many.lan TXT | wc -l)" 6
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
NODE_OPTS="--dns fd00::1"
contains getent_over_v6 "$(node 2 getent ahostsv4 web.lan)" "10.0.0.3"
NODE_OPTS=
finish
