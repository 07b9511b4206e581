/* sum.h - the Internet checksum (RFC 1071), in pieces of any length */
#ifndef BASE_SUM_H
#define BASE_SUM_H

#include "base/addr.h"

/* Running ones' complement sum. odd: an odd number of bytes came so far. */
struct sum { uint64_t acc; bool odd; };

void sum_add(struct sum *s, const void *p, size_t n);
void sum_add_plain(struct sum *s, const void *p, size_t n);	/* the same, in plain C */
/* Pseudo-header of RFC 9293 3.1 / RFC 8200 8.1; families must agree. */
void sum_pseudo(struct sum *s, const struct ip_addr *src, const struct ip_addr *dst,
		uint8_t proto, uint32_t len);
/* The 16-bit value to store (host order, already complemented); a sum over
 * data that includes a right checksum gives 0. */
uint16_t sum_end(const struct sum *s);
/* Partial checksum for offload: not complemented, as virtio_net wants it. */
uint16_t sum_partial(const struct sum *s);

#endif
