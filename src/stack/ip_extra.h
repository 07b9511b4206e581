/* ip_extra.h - what a user puts beside the IP header: options, extension headers */
#ifndef STACK_IP_EXTRA_H
#define STACK_IP_EXTRA_H

#include "stack/sock_opt.h"

/* IPv6's headers that a user may give (RFC 3542 6). HOP goes first, DST last; DST0
 * would stand before a routing header, of which there are none. */
enum ext6 { EXT6_HOP, EXT6_DST0, EXT6_DST, N_EXT6 };

#define EXT6_MAX	64	/* bytes of one: all of them fit into a packet's head */

struct ip_extra {
	uint8_t		n4;		/* bytes of IPv4's options: a multiple of 4 */
	uint8_t		n6[N_EXT6];	/* of IPv6's headers: multiples of 8 */
	uint8_t		v4[IP4_OPTS_MAX];
	uint8_t		v6[N_EXT6][EXT6_MAX];
};

/* Bytes that it adds to a packet. x may be NULL. */
static inline unsigned ip_extra_len(const struct ip_extra *x, bool v4)
{
	if (!x)
		return 0;
	return v4 ? x->n4 : x->n6[EXT6_HOP] + x->n6[EXT6_DST];
}

struct ip_extra *ip_extra_copy(const struct ip_extra *x);	/* NULL of NULL */

/* --- IPv4's options (ip4_opt.c) --- */

/* Where, in n bytes of options, the first fault is; -1: nowhere. */
int ip4_opt_fault(const uint8_t *o, unsigned n);
bool ip4_opt_source_route(const uint8_t *o, unsigned n);	/* RFC 7126 4.3: there is one */
/* The host self notes that the packet was there: record route, timestamp (RFC 791 3.1). */
void ip4_opt_note(struct stack *st, uint8_t *o, unsigned n, const struct ip_addr *self);
/* What of them the second and later fragments carry. */
void ip4_opt_later(uint8_t *o, unsigned n);
/* Record route and timestamp, of which an echo reply tells (RFC 1122 3.2.2.6). */
void ip4_opt_echo(struct ip_extra *x, const uint8_t *o, unsigned n);

/* --- IPv6's headers --- */

/* Pushes the header in front, unless it is empty; next: what follows it, then the
 * header itself. False: no room. */
bool ext6_push(struct pkt *pkt, const struct ip_extra *x, enum ext6 which, uint8_t *next);

/* Is number an extension header at p, of which left bytes are there? Then *len is its
 * length and *number what follows it. */
bool ext6_next(uint8_t *number, const uint8_t *p, unsigned left, unsigned *len);

/* --- by sendmsg: into *x, which is made; 0, -EINVAL --- */

int ip_extra_take4(struct ip_extra **x, const void *v, size_t n);
int ip_extra_take6(struct ip_extra **x, int name, const void *v, size_t n);

#endif
