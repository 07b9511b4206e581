#!/bin/sh
# hey - a Go program (its runtime makes its own system calls and signals itself)
. "$(dirname "$0")/lib.sh"
need hey nginx python3

mkdir "$T/www"
echo small >"$T/www/index.html"
random_file "$T/www/file" 1
cat >"$T/nginx.conf" <<END
daemon off;
worker_processes 2;
pid $T/nginx.pid;
events { worker_connections 400; }
http {
	access_log off;
	client_body_temp_path $T/body;
	proxy_temp_path $T/proxy;
	fastcgi_temp_path $T/fastcgi;
	uwsgi_temp_path $T/uwsgi;
	scgi_temp_path $T/scgi;
	server { listen 80; listen [::]:80; root $T/www; }
}
END

load()	# NAME N ARGS...: N answers, all with status 200
{
	name=$1 n=$2
	shift 2
	out=$(node 2 hey -n "$n" "$@" 2>&1)
	echo "$out" >"$T/hey.$name"
	same "$name" "$(echo "$out" | grep -E '[]].*responses|Error' | tr -s ' \t' ' ')" \
		" [200] $n responses"
}

start_switch
serve 1 nginx -e stderr -p "$T" -c "$T/nginx.conf"
serve 3 python3 -m http.server 80 -d "$T/www"
wait_port 10.0.0.1 80
wait_port 10.0.0.3 80
load nginx 5000 -c 50 http://10.0.0.1/
load nginx_v6 2000 -c 20 'http://[fd00::1]/'
load nginx_no_keepalive 1000 -c 20 -disable-keepalive http://10.0.0.1/
load nginx_file 200 -c 20 http://10.0.0.1/file
load python 500 -c 10 http://10.0.0.3/
finish
