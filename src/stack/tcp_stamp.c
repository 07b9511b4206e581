/* tcp_stamp.c - when a stream's octets left and arrived (SO_TIMESTAMPING)
 *
 * As Linux has it: what one send call queued is known by its last octet, and its number
 * (OPT_ID) is how far that is from where the numbering began. A mark is kept for it
 * until it is acknowledged. The segment that carries the octet is told of when it leaves
 * (SCHED, SND), also each time that it is sent again; and the octet when the peer has
 * acknowledged it (ACK). What was received has the time of the segment that brought its
 * last octet.
 *
 * Who sends and never looks has no more than MARKS_MAX of them and an error queue that
 * is full; nothing is told then, and nothing waits for it.
 */
#include "stack/tcp_stamp.h"

#include <errno.h>
#include <linux/net_tstamp.h>
#include <stdlib.h>
#include <time.h>

#include <linux/errqueue.h>	/* needs time.h */

#include "base/mem.h"
#include "stack/errq.h"

#define MARKS_MAX	1024
#define SHOWN_MAX	2048	/* octets of what was acknowledged */

struct mark {
	struct seq	from, last;	/* what one call sent */
	uint32_t	kinds;
};

struct tcp_stamps {
	struct list	told;		/* errq.h */
	uint32_t	queued;
	uint32_t	n, room;
	struct mark	*marks;		/* in order */
};

static struct errq queue_of(struct tcpc *tc)
{
	struct tcp_stamps *s = tc->asked->stamps;

	return (struct errq){ &tc->so, &s->told, &s->queued, BUDGET_TCP };
}

static uint32_t number(const struct tcpc *tc, struct seq last)
{
	return stamp_numbers(&tc->so) ? last.v - tc->so.asked->stamp_key : 0;
}

static struct tcp_stamps *own(struct tcpc *tc)
{
	struct tcp_asked *a = tcp_asked_own(tc);

	if (!a->stamps) {
		a->stamps = xzalloc(sizeof(*a->stamps));
		list_init(&a->stamps->told);
	}
	return a->stamps;
}

void tcp_stamp_mark(struct tcpc *tc, uint32_t len, uint32_t kinds)
{
	struct tcp_stamps *s;

	if (!len)
		return;
	s = own(tc);
	if (s->n == MARKS_MAX)
		return;
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 4;
		s->marks = xrealloc(s->marks, s->room * sizeof(s->marks[0]));
	}
	s->marks[s->n++] = (struct mark){ seq_add(tc->snd_end, (uint32_t)-len),
					  seq_add(tc->snd_end, (uint32_t)-1), kinds };
	tc->special = true;
}

void tcp_stamp_left(struct tcpc *tc, const struct pkt *pkt, struct seq from)
{
	const struct tcp_stamps *s = tc->asked->stamps;
	struct seq end = seq_add(from, pkt->paylen);
	struct errq q;

	if (!s || !s->n)
		return;
	q = queue_of(tc);
	for (uint32_t i = 0; i < s->n && seq_lt(s->marks[i].last, end); i++) {
		if (seq_ge(s->marks[i].last, from) && s->marks[i].kinds & STAMP_LEFT)
			stamp_left(&q, pkt, &tc->so.flow, s->marks[i].kinds,
				   number(tc, s->marks[i].last));
	}
}

/* What the mark is about and is in the send queue yet. */
static size_t shown(struct tcpc *tc, const struct mark *m, uint8_t *b)
{
	struct seq from = seq_max(m->from, tc->snd.ring->v[tc->snd.ring->head].seq);
	uint32_t len = MIN((uint32_t)seq_diff(m->last, from) + 1, SHOWN_MAX);
	struct pkt *pkt;
	size_t n;

	if (tc->so.asked->stamping & SOF_TIMESTAMPING_OPT_TSONLY || seq_gt(from, m->last))
		return 0;
	pkt = pkt_new();
	tcp_snd_map(tc, pkt, from, len);
	n = pkt_copy(pkt, 0, b, len);
	pkt_free(pkt);
	return n;
}

void tcp_stamp_acked(struct tcpc *tc, struct seq una)
{
	struct tcp_stamps *s = tc->asked->stamps;
	uint8_t b[SHOWN_MAX];
	struct errq q;
	uint32_t n = 0;

	if (!s)
		return;
	q = queue_of(tc);
	for (; n < s->n && seq_lt(s->marks[n].last, una); n++) {
		const struct mark *m = &s->marks[n];

		if (m->kinds & SOF_TIMESTAMPING_TX_ACK)
			errq_stamp(&q, SCM_TSTAMP_ACK, number(tc, m->last),
				   rd_of(b, shown(tc, m, b)));
	}
	s->n -= n;
	memmove(s->marks, s->marks + n, s->n * sizeof(s->marks[0]));
	tc->special = s->n || tc->asked->tx_delay;
}

void tcp_stamp_forget(struct tcpc *tc)
{
	if (tc->asked->stamps)
		tc->asked->stamps->n = 0;
}

ssize_t tcp_stamp_read(struct tcpc *tc, const struct iovec *iov, int n, struct msg *m)
{
	struct errq q;

	if (!tc->asked->stamps)
		return -EAGAIN;
	q = queue_of(tc);
	return errq_take(&q, iov, n, m);
}

bool tcp_stamp_waits(const struct tcpc *tc)
{
	return tc->asked->stamps && !list_empty(&tc->asked->stamps->told);
}

void tcp_stamps_free(struct tcpc *tc)
{
	struct tcp_stamps *s = tc->asked->stamps;
	struct errq q;

	if (!s)
		return;
	q = queue_of(tc);
	errq_clear(&q);
	free(s->marks);
	free(s);
}
