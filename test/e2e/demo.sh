#!/bin/sh
# demo - the commands of the README: two web servers on port 80, a page of each, by
# IPv4 and by IPv6, each party with an address of its own
. "$(dirname "$0")/lib.sh"
need python3 curl

# Where a libc sorts 0.0.0.0 before ::, as glibc does on the kernel's own loopback,
# http.server has to be told to serve both.
bind=
if on_host; then
	bind='--bind ::'
fi

web()	# N: serves a page that names it
{
	mkdir "$T/www$1"
	echo "page of server $1" >"$T/www$1/index.html"
	serve "$1" sh -c "cd $T/www$1 && exec python3 -m http.server 80 $bind"
}

ioth switch -d "$SW" || fail switch_d "exit status $?"
check switch_is_there test -e "$SW/ctl"
web 1
web 2
wait_port 10.0.0.1 80
wait_port 10.0.0.2 80
same page_1_v4 "$(node 3 curl -s http://10.0.0.1/)" "page of server 1"
same page_2_v4 "$(node 3 curl -s http://10.0.0.2/)" "page of server 2"
same page_1_v6 "$(node 3 curl -s 'http://[fd00::1]/')" "page of server 1"
same page_2_v6 "$(ioth run --net "$SW" --ip fd00::4/64 -- curl -s 'http://[fd00::2]/')" \
	"page of server 2"
finish
