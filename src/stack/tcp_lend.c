/* tcp_lend.c - a stream's bytes in the user's hands (lend.h)
 *
 * Received: what is lent is out of the queue and in the window still, which therefore
 * does not open before it is given back. Half of the window may be lent, and what the
 * last loan took beyond that: with the rest the peer can always go on, so nobody waits
 * for bytes that cannot come.
 *
 * To be sent: each chunk becomes a span of the send queue when it is sent, whatever
 * the order in which it was lent, so any number may be out, as long as sndbuf has
 * room for them.
 */
#include "stack/lend.h"
#include "stack/tcp_sock.h"
#include "stack/tcp_stamp.h"

#include <errno.h>

ssize_t tcp_lend(struct sock *so, uint32_t most, struct lent *l, struct msg *m)
{
	struct tcpc *tc = tcpc_of(so);

	if (tc->state == TCP_LISTEN)
		return -ENOTCONN;
	if (tc->asked->lent > tcp_rcv_space(tc) / 2)
		return -ENOBUFS;
	if (!tcp_rcv_lend(tc, most, l))
		return tcp_recv_nothing(tc);
	tcp_rcv_taken(tc, l->len);
	return l->len;
}

void tcp_lend_end(struct sock *so, const struct lent *l)
{
	struct tcpc *tc = tcpc_of(so);

	tcp_rcv_back(tc, l->len, l->size);
	tcp_rcv_freed(tc);
}

/* The whole buffer is with the user: waiting would be for himself. */
static int no_room(struct tcpc *tc)
{
	if (tc->asked->drafts && (!tc->snd.bytes || tc->asked->drafts >= tc->so.sndbuf))
		return -ENOBUFS;
	tcp_queue_full(tc);
	return -EAGAIN;
}

int tcp_draft(struct sock *so, uint32_t want, struct draft *d)
{
	struct tcpc *tc = tcpc_of(so);
	int e = tcp_may_write(tc);

	if (e)
		return e;
	if (tcp_fo_waits(tc))
		return -EOPNOTSUPP;	/* the SYN takes it, and as little as it can */
	while (d->len < want && d->n < DRAFT_CHUNKS) {
		uint32_t room = tcp_snd_space(tc), size = MIN(want - d->len, MIN(room, CHUNK_MAX));
		struct chunk *c = size ? tcp_snd_chunk(tc, size) : NULL;

		if (!c)
			break;
		d->chunk[d->n++] = c;
		d->len += MIN(size, c->size);
		d->size += c->size;
		tcp_asked_own(tc)->drafts += c->size;
		budget_take(so->st, BUDGET_TCP, c->size);
	}
	if (!d->n && tcp_snd_space(tc))
		tcp_ev_no_memory(tc);
	tc->nospace |= !tcp_writeable(tc);
	return d->n || !want ? 0 : no_room(tc);
}

void tcp_draft_end(struct sock *so, const struct draft *d)
{
	struct tcpc *tc = tcpc_of(so);

	tcp_asked_own(tc)->drafts -= d->size;
	budget_give(so->st, BUDGET_TCP, d->size);
	tcp_wake_writer(tc);
}

ssize_t tcp_send_draft(struct tcpc *tc, const struct draft *d, uint32_t len, int flags)
{
	uint32_t left = len;

	if (tc->snd.reserved)	/* its tail is being written */
		return -EAGAIN;
	for (unsigned i = 0; left; i++) {
		uint32_t part = MIN(left, d->chunk[i]->size);

		tcp_snd_add(tc, chunk_ref(d->chunk[i]), part);
		left -= part;
	}
	if (flags & MSG_OOB)
		tc->snd_up = tc->snd_end;
	if (flags & MSG_EOR)
		tcp_snd_end_record(tc);
	tcp_stamp_sent(tc, len, NULL);
	tc->more = flags & MSG_MORE;
	tcp_queued(tc);
	return len;
}
