/* tcp_stamp.h - times of a stream's octets (SO_TIMESTAMPING) */
#ifndef STACK_TCP_STAMP_H
#define STACK_TCP_STAMP_H

#include "stack/stamp.h"
#include "stack/tcp.h"

/* The last len octets queued are one send call's, of which kinds (stamp_kinds) are to be
 * told. tc->special is set while any wait. */
void tcp_stamp_mark(struct tcpc *tc, uint32_t len, uint32_t kinds);
static inline void tcp_stamp_sent(struct tcpc *tc, size_t len, const struct msg *m)
{
	if (stamp_kinds(&tc->so, m))
		tcp_stamp_mark(tc, (uint32_t)len, stamp_kinds(&tc->so, m));
}
/* A segment with data from there on leaves; pkt has its transport header at cur. */
void tcp_stamp_left(struct tcpc *tc, const struct pkt *pkt, struct seq from);
void tcp_stamp_acked(struct tcpc *tc, struct seq una);	/* before the queue lets go of it */
void tcp_stamp_forget(struct tcpc *tc);	/* what was sent; what is told stays */
/* recv with MSG_ERRQUEUE. -EAGAIN: nothing waits. */
ssize_t tcp_stamp_read(struct tcpc *tc, const struct iovec *iov, int n, struct msg *m);
bool tcp_stamp_waits(const struct tcpc *tc);
void tcp_stamps_free(struct tcpc *tc);

#endif
