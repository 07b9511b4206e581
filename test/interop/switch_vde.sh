#!/bin/sh
# switch_vde - Debian's vde_plug and dpipe at our switch, at Debian's, and between
# the two; our nodes at both
. "$(dirname "$0")/lib.sh"
need vde_plug vde_switch dpipe python3
clients="$as_user python3 $STAGE/bin/switch_peer.py"

for k in $(switches); do
	start_switch $k
	check "$k frames" timeout 60 $clients frames_both_ways "$SW"
	check "$k learning" timeout 60 $clients unicast_is_learned "$SW"
	check "$k nothing left" timeout 60 $clients leaves_and_comes "$SW"
	if ! on_host; then
		serve 1 python3 -u -m http.server 80
		wait_for 30 grep -q Serving "$T/node1.log"
		for url in http://10.0.0.1/ 'http://[fd00::1]/'; do
			check "$k nodes $url" node 2 python3 -c "
import urllib.request
urllib.request.urlopen('$url', timeout=10).read()"
		done
	fi
	if [ $k = ioth ]; then
		first=$SW
	elif [ -n "${first:-}" ]; then
		check "cable between both" timeout 60 $clients cable "$first" "$SW"
	fi
done
finish
