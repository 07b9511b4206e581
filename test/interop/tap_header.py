#!/usr/bin/env python3
"""tap_header.py IF LENGTH - sets the length of the header before a persistent tap's frames"""
import fcntl
import os
import struct
import sys

TUNSETIFF = 0x400454ca
TUNSETVNETHDRSZ = 0x400454d8
TAP_NO_PI_VNET_HDR = 0x0002 | 0x1000 | 0x4000

tun = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH22x', sys.argv[1].encode(), TAP_NO_PI_VNET_HDR))
fcntl.ioctl(tun, TUNSETVNETHDRSZ, struct.pack('i', int(sys.argv[2])))
