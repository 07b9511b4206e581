/* icmp.h - ICMP for the other files of the stack */
#ifndef STACK_ICMP_H
#define STACK_ICMP_H

#include "base/cursor.h"
#include "stack/ip.h"

struct icmp_limit *icmp_limit_new(void);
void icmp_limit_free(struct icmp_limit *l);
/* May another error be sent to that host now? Takes a token if so. */
bool icmp_limit_ok(struct stack *st, const struct ip_addr *to);

/* pkt (l3 set, on its way out) cannot be sent: its socket hears it as if an
 * ICMP error had come. Looks only. */
void icmp_local_error(struct stack *st, const struct pkt *pkt, int error);

/* arg of icmp_error for ICMP_ERR_PARAM: IPv6's code and where the fault is. */
#define ICMP_PARAM_ARG(code, pointer)	((uint32_t)(code) << 16 | (pointer))

/* --- icmp_note.c: what an error message says --- */

/* A packet quoted in an error, or one we send: who, to whom, what. */
struct quote {
	struct ip_addr	src, dst;
	uint8_t		proto;
	uint16_t	len;		/* as its header says */
	bool		first;		/* no fragment, or the first */
	bool		piece;		/* a fragment */
	struct rd	all;		/* what there is */
	struct rd	l4;		/* the same of the transport */
};

bool quote_parse(struct rd q, struct quote *out);
bool icmp_is_error(bool v4, uint8_t type);
/* q: the quoted packet. False: malformed. */
struct icmp;
bool icmp4_error_in(struct stack *st, const struct ip *ip, const struct icmp *h, struct rd q);
bool icmp6_error_in(struct stack *st, const struct ip *ip, const struct icmp *h, struct rd q);

#endif
