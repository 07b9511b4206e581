#!/bin/sh
# nginx - two workers sharing listeners, under wrk; sendfile; a reload
. "$(dirname "$0")/lib.sh"
need nginx wrk curl

mkdir "$T/www"
echo small >"$T/www/index.html"
random_file "$T/www/big" 20
cat >"$T/nginx.conf" <<END
daemon off;
worker_processes 2;
pid $T/nginx.pid;
error_log stderr;
events { worker_connections 400; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	client_body_temp_path $T/body;
	proxy_temp_path $T/proxy;
	fastcgi_temp_path $T/fastcgi;
	uwsgi_temp_path $T/uwsgi;
	scgi_temp_path $T/scgi;
	server {
		listen 80;
		listen [::]:80;
		root $T/www;
		location /who { return 200 "\$remote_addr\n"; }
	}
	server {
		listen 81;
		location / { proxy_pass http://10.0.0.1:80; }
	}
}
END

bench()	# NAME URL
{
	out=$(node 2 wrk -t2 -c50 -d3s --timeout 10s "$2" 2>&1)
	echo "$out" >"$T/wrk.$1"
	case $out in
	*'Socket errors'* | *Non-2xx*)
		fail "$1" "$out" ;;
	*'Requests/sec:'*)
		requests=$(echo "$out" | sed -n 's/ *\([0-9]*\) requests in.*/\1/p')
		if [ "$requests" -gt 100 ]; then
			ok "$1"
		else
			fail "$1" "only $requests requests: $out"
		fi ;;
	*)	fail "$1" "$out" ;;
	esac
}

start_switch
serve 1 nginx -e stderr -p "$T" -c "$T/nginx.conf"
wait_port 10.0.0.1 80

same page "$(node 2 curl -s http://10.0.0.1/)" small
same page_v6 "$(node 2 curl -s 'http://[fd00::1]/')" small
same peer "$(node 2 curl -s http://10.0.0.1/who)" 10.0.0.2
same peer_v6 "$(node 2 curl -s 'http://[fd00::1]/who')" fd00::2
same proxied "$(node 2 curl -s http://10.0.0.1:81/)" small
check big node 2 curl -sf -o "$T/big" http://10.0.0.1/big
same big_bytes "$(sum "$T/big")" "$(sum "$T/www/big")"
bench wrk_v4 http://10.0.0.1/
bench wrk_v6 'http://[fd00::1]/'

pgrep -P "$(cat "$T/nginx.pid")" | sort >"$T/workers"
kill -HUP "$(cat "$T/nginx.pid")"
new_workers()
{
	pgrep -P "$(cat "$T/nginx.pid")" | sort >"$T/workers2"
	[ "$(wc -l <"$T/workers2")" = 2 ] && ! grep -qxFf "$T/workers" "$T/workers2"
}
if wait_for 30 new_workers; then
	same after_reload "$(node 2 curl -s http://10.0.0.1/)" small
else
	fail after_reload "workers are not replaced: $(tail -n 3 "$T/node1.log")"
fi
stop $bg
same stops $status 0
finish
