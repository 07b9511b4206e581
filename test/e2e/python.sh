#!/bin/sh
# python - asyncio both ways, a threaded client, a forking server, UDP
. "$(dirname "$0")/lib.sh"
need python3
py=$(dirname "$0")/python_servers.py

mkdir "$T/www"
random_file "$T/www/f" 1
start_switch

serve 1 python3 "$py" asyncio_server
wait_log 1 ready
same asyncio_v4 "$(node 2 python3 "$py" asyncio_clients 10.0.0.1 50)" "50 of 50"
same asyncio_v6 "$(node 2 python3 "$py" asyncio_clients fd00::1 50)" "50 of 50"
stop $bg

serve 3 python3 -m http.server 80 -d "$T/www"
wait_port 10.0.0.3 80
same threads "$(node 2 python3 "$py" threaded_client http://10.0.0.3/f "$(sum "$T/www/f")" 20)" \
	"20 of 20"

serve 4 python3 "$py" forking_server
wait_port 10.0.0.4 7001
same forking "$(node 2 python3 "$py" upper_client 10.0.0.4 10)" "10 of 10"

serve 5 python3 "$py" udp_server
wait_log 5 ready
same udp "$(node 2 python3 "$py" udp_client 10.0.0.5 100)" "100 of 100"
finish
