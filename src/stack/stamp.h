/* stamp.h - times of datagrams (SO_TIMESTAMPING) */
#ifndef STACK_STAMP_H
#define STACK_STAMP_H

#include "stack/sock.h"

#define STAMPING_SET	0x80000000u	/* of msg.stamping: it was said */

bool stamp_wants_in(const struct sock *so);	/* when a datagram came */
int stamp_take(struct msg *m, uint32_t flags);	/* of one datagram: 0, -EINVAL */
/* pkt, its transport header at cur, is about to go by f. */
void stamp_sent(struct sock *so, const struct pkt *pkt, const struct flow *f, const struct msg *m);

#endif
