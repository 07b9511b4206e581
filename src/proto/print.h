/* print.h - pieces of lines that frame.c puts together in its own order */
#ifndef PROTO_PRINT_H
#define PROTO_PRINT_H

#include "proto/proto.h"

/* "S. 1:1(0) ack 2 win 65535 <mss 1460>": flags, range of payload bytes, rest. */
void tcp_print_segment(struct text *t, const struct tcp *h, size_t payload);
/* " dhcp offer 10.0.2.15": what the payload of UDP is, if that can be told. */
void app_print(struct text *t, uint16_t sport, uint16_t dport, struct rd payload);
/* "igmp 3 report": of the type that an IGMP message begins with. */
void igmp_print(struct text *t, uint8_t type);

#endif
