/* tcp_io.c - the socket calls of TCP that move bytes; tcp_sock.c has the others
 *
 * send is reserve, copy, commit; recv is copy, drop: the calls without a copy
 * are the halves of those with one. Errors follow Linux case by case (tcp_sendmsg,
 * tcp_recvmsg). With Fast Open the first bytes may go with the SYN.
 */
#include "base/mem.h"
#include "stack/ip_extra.h"
#include "stack/lend.h"
#include "stack/tcp_sock.h"
#include "stack/tcp_stamp.h"

#include <errno.h>

#define SEND_CUT	(128u << 10)	/* hand on large writes in parts */
#define RESERVE_IOV	8

/* --- sending --- */

static int take_error(struct tcpc *tc, int otherwise)
{
	int e = tc->so.error;

	tc->so.error = 0;
	return e ? -e : -otherwise;
}

int tcp_may_write(struct tcpc *tc)
{
	if (tcp_state_in(tc, TCP_SYN_UNANSWERED) && !tcp_answers_early(tc) && !tc->so.error &&
	    !(tc->shut & TCP_SHUT_SND))
		return -EAGAIN;
	if (!tcp_can_write(tc) || tc->so.error || (tc->shut & TCP_SHUT_SND))
		return take_error(tc, EPIPE);
	return 0;
}

bool tcp_writeable(const struct tcpc *tc)
{
	uint32_t unsent = (uint32_t)seq_diff(tc->snd_end, tc->snd_nxt);
	uint32_t asked = tc->asked->notsent_lowat;
	uint32_t lowat = asked ? asked : tc->so.st->param.tcp_notsent_lowat;

	if (unsent >= lowat && tcp_state_in(tc, TCP_CAN_SEND))
		return false;
	return !tc->no_memory && tcp_snd_space(tc) &&
	       tcp_snd_space(tc) >= tc->snd.bytes / 2;
}

void tcp_wake_writer(struct tcpc *tc)
{
	if (!tc->nospace || !tcp_writeable(tc))
		return;
	tc->nospace = false;
	if (tc->count.rare)
		tcp_count_limits(tc);
	sock_wake(&tc->so);
}

/* Where the user's bytes are. */
struct source {
	const struct iovec *iov;
	int		n;
	size_t		off;
};

static void source_copy(struct source *s, uint8_t *to, size_t len)
{
	while (len) {
		size_t k = MIN(len, s->iov->iov_len - s->off);

		copy_bytes(to, (const uint8_t *)s->iov->iov_base + s->off, k);
		to += k;
		len -= k;
		s->off += k;
		if (s->off == s->iov->iov_len) {
			s->iov++;
			s->off = 0;
		}
	}
}

/* Copies up to len bytes into the send queue; 0: it is full. */
static size_t queue_some(struct tcpc *tc, struct source *src, size_t len)
{
	struct iovec to[RESERVE_IOV];
	int n = RESERVE_IOV;
	size_t got = tcp_snd_reserve(tc, to, &n, len);

	for (int i = 0; i < n; i++)
		source_copy(src, to[i].iov_base, to[i].iov_len);
	tcp_snd_commit(tc, got);
	return got;
}

static size_t iov_total(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

void tcp_queued(struct tcpc *tc)
{
	tc->nospace = !tcp_writeable(tc);
	tcp_output(tc);
}

/* The buffer is full: nothing may wait for more to come. */
void tcp_queue_full(struct tcpc *tc)
{
	tc->nospace = true;
	if (!tc->more)
		return;
	tc->more = false;
	tcp_output(tc);
}

/* What fits into a SYN beside its options; the server has said once how much it takes
 * (RFC 7413 4.1.3). */
static size_t syn_room(const struct tcpc *tc)
{
	bool v4 = ip_is_v4(&tc->so.remote.addr);
	uint32_t head = (v4 ? IP4_LEN : IP6_LEN) + ip_extra_len(tc->so.asked->extra, v4);
	uint32_t opts = TCP_MAXLEN - TCP_LEN;
	uint32_t mss = MAX(MIN(tc->so.flow.mtu, 1500u), head + TCP_MAXLEN) - head - TCP_LEN;

	if (tc->fo->mss)
		mss = MIN(mss, tc->fo->mss);
	return mss > opts ? mss - opts : 0;
}

/* The first bytes go with the SYN (RFC 7413 4.2.1). */
static ssize_t syn_data(struct tcpc *tc, const struct iovec *iov, int n)
{
	struct source src = { iov, n, 0 };
	size_t room = syn_room(tc);

	tc->fo->len = (uint16_t)queue_some(tc, &src, MIN(iov_total(iov, n), room));
	tcp_stamp_sent(tc, tc->fo->len, NULL);
	tc->fo->waits = false;
	tcp_connect_go(tc);
	return tc->fo->len || !iov_total(iov, n) ? tc->fo->len : -EAGAIN;
}

/* MSG_FASTOPEN: connect and send in one. Without a cookie it is only the first. */
static ssize_t fast_send(struct tcpc *tc, const struct iovec *iov, int n, const struct msg *m)
{
	int e;

	if (!(tc->so.st->param.tcp_fastopen & FO_CLIENT))
		return -EOPNOTSUPP;
	if (!m || !m->has_peer)
		return -EINVAL;
	if (tc->state != TCP_CLOSE || tc->conn != TCP_CONN_NONE)
		return -EISCONN;
	e = tcp_connect_open(tc, &m->peer);
	if (e)
		return e;
	tcp_fo_prepare(tc);
	tc->conn = TCP_CONN_PENDING;
	if (tcp_fo_ready(tc))
		return syn_data(tc, iov, n);
	tcp_connect_go(tc);
	return -EINPROGRESS;
}

ssize_t tcp_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	struct tcpc *tc = tcpc_of(so);
	struct source src = { iov, n, 0 };
	size_t len = iov_total(iov, n), done = 0, want, k;
	int e;

	if (tcp_fo_waits(tc))
		return syn_data(tc, iov, n);
	if ((flags & MSG_FASTOPEN) && tc->state == TCP_CLOSE)
		return fast_send(tc, iov, n, m);
	e = tcp_may_write(tc);
	if (e)
		return e;
	if (!len)
		return 0;
	if (m && draft_fits(m->draft, iov, n, len))
		return tcp_send_draft(tc, m->draft, (uint32_t)len, flags);
	do {
		want = MIN(len - done, SEND_CUT);
		k = queue_some(tc, &src, want);
		done += k;
		if ((flags & MSG_OOB) && done == len)
			tc->snd_up = tc->snd_end;
		if ((flags & MSG_EOR) && done == len)
			tcp_snd_end_record(tc);
		if (done == len || k < want)
			tcp_stamp_sent(tc, done, m);
		tc->more = done < len ? k == want : flags & MSG_MORE;
		tcp_queued(tc);
	} while (k && done < len);
	if (done < len)
		tcp_queue_full(tc);
	return done ? (ssize_t)done : -EAGAIN;
}

size_t tcp_reserve(struct sock *so, struct iovec *iov, int *n)
{
	struct tcpc *tc = tcpc_of(so);

	if (tcp_can_write(tc) && !so->error && !(tc->shut & TCP_SHUT_SND))
		return tcp_snd_reserve(tc, iov, n, SIZE_MAX);
	if (tcp_fo_waits(tc)) {	/* who writes in place has nothing to give the SYN yet */
		tc->fo->waits = false;
		tcp_connect_go(tc);
	}
	*n = 0;
	return 0;
}

void tcp_commit(struct sock *so, size_t len)
{
	struct tcpc *tc = tcpc_of(so);

	if (!tcp_can_write(tc) || (tc->shut & TCP_SHUT_SND)) {
		tcp_snd_commit(tc, 0);
		if (tc->state == TCP_CLOSE)
			tcp_snd_free(tc);
		return;
	}
	tcp_snd_commit(tc, len);
	tcp_stamp_sent(tc, len, NULL);
	tc->more = false;
	tcp_queued(tc);
}

/* --- receiving --- */

/* Linux's tcp_recv_urg. */
static ssize_t recv_oob(struct tcpc *tc, const struct iovec *iov, int n, int flags)
{
	if (tc->so.oobinline || tc->urg_read || (!tc->urg_here && !tc->urg_valid))
		return -EINVAL;
	if (tc->urg_valid && iov_total(iov, n)) {
		*(uint8_t *)iov[0].iov_base = tc->urg_byte;
		if (!(flags & MSG_PEEK)) {
			tc->urg_valid = false;
			tc->urg_read = true;
		}
		return 1;
	}
	return tc->state == TCP_CLOSE || (tc->shut & TCP_SHUT_RCV) ? 0 : -EAGAIN;
}

/* Nothing is queued. */
int tcp_recv_nothing(struct tcpc *tc)
{
	if (tc->done)
		return 0;
	if (tc->so.error)
		return take_error(tc, 0);
	if (tc->shut & TCP_SHUT_RCV)
		return 0;
	return tc->state == TCP_CLOSE ? -ENOTCONN : -EAGAIN;
}

static size_t discard(struct tcpc *tc, size_t len)
{
	uint32_t n = (uint32_t)MIN(len, tc->rcv_bytes);

	tcp_rcv_drop(tc, n);
	return n;
}

/* As tcp_rcv_copy, and when the last of it came. */
static size_t copy_with_time(struct tcpc *tc, const struct iovec *iov, int n, bool peek,
			     struct msg *m)
{
	size_t got = tcp_rcv_copy(tc, iov, n, true);

	m->when = got ? tcp_rcv_when(tc, (uint32_t)got) : 0;
	if (!peek)
		tcp_rcv_drop(tc, (uint32_t)got);
	return got;
}

ssize_t tcp_recv(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	struct tcpc *tc = tcpc_of(so);
	size_t got;

	if (tc->state == TCP_LISTEN)
		return -ENOTCONN;
	if (flags & MSG_OOB)
		return recv_oob(tc, iov, n, flags);
	if (flags & MSG_ERRQUEUE)
		return tcp_stamp_read(tc, iov, n, m);
	if (!iov_total(iov, n))
		return 0;
	if (flags & MSG_TRUNC)		/* Linux: bytes are dropped, not copied */
		got = discard(tc, iov_total(iov, n));
	else if (m && stamp_wants_in(so))
		got = copy_with_time(tc, iov, n, flags & MSG_PEEK, m);
	else
		got = tcp_rcv_copy(tc, iov, n, flags & MSG_PEEK);
	if (!got)
		return tcp_recv_nothing(tc);
	if (!(flags & MSG_PEEK))
		tcp_rcv_taken(tc, (uint32_t)got);
	if (m)
		m->inq = tcp_inq(tc);
	return (ssize_t)got;
}

size_t tcp_peek(struct sock *so, struct iovec *iov, int *n)
{
	return tcp_rcv_peek(tcpc_of(so), iov, n);
}

void tcp_consume(struct sock *so, size_t len)
{
	struct tcpc *tc = tcpc_of(so);
	uint32_t n = (uint32_t)MIN(len, tc->rcv_bytes);

	tcp_rcv_drop(tc, n);
	tcp_rcv_taken(tc, n);
}

bool tcp_at_mark(const struct sock *so)
{
	const struct tcpc *tc = tcpc_of(so);

	return tc->urg_here && tc->urg_valid && seq_eq(tc->urg_seq, tc->copied);
}
