#!/bin/sh
# addr - addresses computed from names: what the page shows, and wrong use
. "$(dirname "$0")/lib.sh"

if on_host; then
	skip addr "these are messages of ioth itself"
	exit 0
fi

addr()	# ARGUMENTS...: what it prints, and its status if that is not 0
{
	ioth addr "$@" 2>&1 || echo "status $?"
}

same hash "$(addr hash -b 2001:db8::/64 www.example.org)" 2001:db8::fc24:c332:7b7b:bfe7
same host_half "$(addr hash www.example.org.)" ::fc24:c332:7b7b:bfe7
same mac "$(addr mac www.example.org)" fe:24:c3:7b:bf:e7
same eui64_of_mac "$(addr eui64 -b 2001:db8:: fe:24:c3:7b:bf:e7)" 2001:db8::fc24:c3ff:fe7b:bfe7
same eui64_of_name "$(addr eui64 -b 2001:db8:: www.example.org)" 2001:db8::fc24:c3ff:fe7b:bfe7
echo secret >"$T/word"
for word in "-p secret" "--password-file $T/word"; do
	same "otip $word" "$(addr otip -b 2001:db8:: $word --time 1700000000 www.example.org)" \
		2001:db8::c49f:5f65:a957:6628
done
same a_line_each "$(addr mac renzo.hash.local test.v2.cs.unibo.it | tr '\n' ' ')" \
	"06:cc:80:65:d0:3a 6a:d6:2f:5a:5a:2e "

for bad in nonsense "hash" "hash -b 10.0.0.1 x" "otip --period 0 x" "hash --password-file $T x"; do
	contains "refused $bad" "$(addr $bad)" "status 2"
done
finish
