#!/bin/sh
# wget - against python's http.server, by both families; a tree; a resumed file
. "$(dirname "$0")/lib.sh"
need python3 wget

mkdir -p "$T/www/a/b"
random_file "$T/www/big" 10
echo one >"$T/www/a/one"
echo two >"$T/www/a/b/two"
start_switch
serve 1 python3 -m http.server 80 --bind :: -d "$T/www"
wait_port 10.0.0.1 80

check v4 node 2 wget -q -O "$T/got4" http://10.0.0.1/big
same v4_bytes "$(sum "$T/got4")" "$(sum "$T/www/big")"
check v6 node 2 wget -q -O "$T/got6" 'http://[fd00::1]/big'
same v6_bytes "$(sum "$T/got6")" "$(sum "$T/www/big")"
check tree node 2 wget -q -r -np -nH -P "$T/tree" http://10.0.0.1/a/
same tree_files "$(cat "$T/tree/a/one" "$T/tree/a/b/two" | tr '\n' ' ')" "one two "
same refused "$(status_of node 2 wget -q -t 1 -O /dev/null http://10.0.0.1:9/)" 4
finish
