/* print.h - pieces of lines that frame.c puts together in its own order */
#ifndef PROTO_PRINT_H
#define PROTO_PRINT_H

#include "proto/proto.h"

/* "S. 1:1(0) ack 2 win 65535 <mss 1460>": flags, range of payload bytes, rest. */
void tcp_print_segment(struct text *t, const struct tcp *h, size_t payload);

#endif
