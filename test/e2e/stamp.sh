#!/bin/sh
# stamp - when datagrams came and left (SO_TIMESTAMPING), told by the error queue
. "$(dirname "$0")/lib.sh"
need python3

start_switch
same datagrams "$(node 1 python3 "$(dirname "$0")/stamp.py" 2>&1)" "came when True
left True True True
told (42, 4, 0, 0, 0, 0, 0)"
finish
