/* stamp.h - times of data (SO_TIMESTAMPING) */
#ifndef STACK_STAMP_H
#define STACK_STAMP_H

#include <linux/net_tstamp.h>

#include "stack/sock.h"

struct errq;

#define STAMPING_SET	0x80000000u	/* of msg.stamping: it was said */
#define STAMP_LEFT	(SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE)

bool stamp_wants_in(const struct sock *so);	/* when data came, by whatever option */
bool stamp_numbers(const struct sock *so);	/* OPT_ID: what is told has a number */
/* What is to be told of what is sent: SOF_TIMESTAMPING_TX_*; m may be NULL. */
static inline uint32_t stamp_kinds(const struct sock *so, const struct msg *m)
{
	uint32_t flags = m && m->stamping & STAMPING_SET ? m->stamping : so->asked->stamping;

	return flags & SOF_TIMESTAMPING_TX_RECORD_MASK;
}
int stamp_take(struct msg *m, uint32_t flags);	/* of one datagram: 0, -EINVAL */
/* pkt, its transport header at cur, is about to go by f. */
/* The same of what has this number, as STAMP_LEFT has it. */
void stamp_left(const struct errq *q, const struct pkt *pkt, const struct flow *f, uint32_t kinds,
		uint32_t key);
void stamp_sent(struct sock *so, const struct pkt *pkt, const struct flow *f, const struct msg *m);

#endif
