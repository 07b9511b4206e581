/* forge.h - frames nobody sent (forge.c) */
#ifndef SIM_FORGE_H
#define SIM_FORGE_H

#include "net.h"
#include "stack/tcp.h"

/* A segment to the host's connection, as if its peer had sent it; the numbers in h
 * are as they shall be, ports are filled in. */
void forge_segment(struct host *to, const struct sock *so, struct tcp *h);
/* An ICMP error about a frame that the host sent, from where it was sent to. */
void forge_icmp(struct host *to, const uint8_t *frame, size_t len, uint8_t type, uint8_t code,
		uint32_t rest);

#endif
