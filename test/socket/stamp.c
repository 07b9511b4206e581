/* stamp.c - cases: when a stream's octets left and came (SO_TIMESTAMPING, TCP_TX_DELAY) */
#include "conform.h"

#include <netinet/tcp.h>
#include <time.h>

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>

#define SENT	(SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | \
		 SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE)
#define NUMBERS	SOF_TIMESTAMPING_OPT_ID

/* What came with a message. */
struct beside {
	char			data[4096];
	ssize_t			len;
	struct scm_timestamping	t;
	struct timeval		tv;
	struct sock_extended_err ee;
	bool			has_t, has_tv, has_ee;
};

static void note(struct beside *b, const struct cmsghdr *h)
{
	bool ip = h->cmsg_level == IPPROTO_IP || h->cmsg_level == IPPROTO_IPV6;

	if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPING) {
		memcpy(&b->t, CMSG_DATA(h), sizeof(b->t));
		b->has_t = true;
	} else if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMP) {
		memcpy(&b->tv, CMSG_DATA(h), sizeof(b->tv));
		b->has_tv = true;
	} else if (ip) {
		memcpy(&b->ee, CMSG_DATA(h), sizeof(b->ee));
		b->has_ee = true;
	}
}

static ssize_t take(int fd, struct beside *b, size_t most, int flags)
{
	union { struct cmsghdr h; char room[512]; } ctl;
	struct iovec io = { b->data, most };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl) };

	memset(b, 0, sizeof(*b));
	b->len = recvmsg(fd, &m, flags);
	for (struct cmsghdr *h = b->len < 0 ? NULL : CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		note(b, h);
	return b->len;
}

static bool is_now(time_t s)
{
	struct timespec now;

	OK(clock_gettime(CLOCK_REALTIME, &now));
	return now.tv_sec - s >= 0 && now.tv_sec - s < 100;
}

/* The time of one kind of what has this number; what else is told is passed over. */
static void wait_told(int fd, uint32_t kind, uint32_t number, struct beside *b)
{
	for (int left = 1000; left; left--) {
		if (take(fd, b, sizeof(b->data), MSG_ERRQUEUE) < 0) {
			EQ(errno, EAGAIN);
			nap(10);
			continue;
		}
		NEED(b->has_t && b->has_ee);
		EQ(b->ee.ee_errno, ENOMSG);
		EQ(b->ee.ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
		NEED(is_now(b->t.ts[0].tv_sec));
		EQ(b->t.ts[2].tv_sec, 0);
		if (b->ee.ee_info == kind && b->ee.ee_data == number)
			return;
	}
	fail("nothing was told");
}

/* Five octets from c to s, with their time. Linux begins to note times a moment after the
 * first socket of the machine asks for them. */
static void come_with_time(int c, int s, struct beside *b)
{
	for (int left = 500; left; left--) {
		put(c, "hello");
		EQ(take(s, b, 5, MSG_WAITALL), 5);
		EQ(memcmp(b->data, "hello", 5), 0);
		if (b->has_t || b->has_tv)
			return;
		nap(10);
	}
	fail("no time came");
}

/* Each call is known by how far its last octet is from where numbering began. */
CASE(stamp_sent)
{
	struct beside b;
	int c, s;

	pair(&c, &s);
	set_opt(c, SOL_SOCKET, SO_TIMESTAMPING, SENT | NUMBERS);
	EQ(get_opt(c, SOL_SOCKET, SO_TIMESTAMPING), SENT | NUMBERS);
	put(c, "hello");
	wait_told(c, SCM_TSTAMP_SND, 4, &b);
	NEED(b.len > 40);			/* the frame */
	EQ(memcmp(b.data + b.len - 5, "hello", 5), 0);
	want(s, "hello");
	wait_told(c, SCM_TSTAMP_ACK, 4, &b);
	EQ(b.len, 5);				/* the octets */
	EQ(memcmp(b.data, "hello", 5), 0);
	put(c, "you");
	wait_told(c, SCM_TSTAMP_SCHED, 7, &b);
	wait_told(c, SCM_TSTAMP_SND, 7, &b);
	want(s, "you");
	wait_told(c, SCM_TSTAMP_ACK, 7, &b);
	ERR(take(c, &b, sizeof(b.data), MSG_ERRQUEUE), EAGAIN);
	put(s, "still");			/* reading is not disturbed */
	want(c, "still");
}

CASE(stamp_sent_time_only)
{
	struct beside b;
	int c, s;

	pair(&c, &s);
	put(c, "before");
	want(s, "before");
	set_opt(c, SOL_SOCKET, SO_TIMESTAMPING, SENT | SOF_TIMESTAMPING_OPT_TSONLY);
	put(c, "hello");
	wait_told(c, SCM_TSTAMP_SND, 0, &b);
	EQ(b.len, 0);
	want(s, "hello");
	wait_told(c, SCM_TSTAMP_ACK, 0, &b);
	EQ(b.len, 0);
	set_opt(c, SOL_SOCKET, SO_TIMESTAMPING, 0);
	put(c, "more");
	want(s, "more");
	ERR(take(c, &b, sizeof(b.data), MSG_ERRQUEUE), EAGAIN);
}

CASE(stamp_refused)
{
	int x = tcp(), n = SENT | NUMBERS;

	ERR(setsockopt(x, SOL_SOCKET, SO_TIMESTAMPING, &n, sizeof(n)), EINVAL);	/* of no octet yet */
	n = SOF_TIMESTAMPING_OPT_STATS;
	ERR(setsockopt(x, SOL_SOCKET, SO_TIMESTAMPING, &n, sizeof(n)), EINVAL);
	n = 1 << 30;
	ERR(setsockopt(x, SOL_SOCKET, SO_TIMESTAMPING, &n, sizeof(n)), EINVAL);
	set_opt(x, SOL_SOCKET, SO_TIMESTAMPING, SENT);
	EQ(get_opt(x, SOL_SOCKET, SO_TIMESTAMPING), SENT);
}

CASE(stamp_came)
{
	struct beside b;
	int c, s;

	pair(&c, &s);
	set_opt(s, SOL_SOCKET, SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE |
						SOF_TIMESTAMPING_SOFTWARE);
	come_with_time(c, s, &b);
	NEED(b.has_t && is_now(b.t.ts[0].tv_sec));
	put(c, "ab");
	poll_until(s, POLLIN, POLLIN);
	EQ(take(s, &b, 1, MSG_PEEK), 1);
	NEED(b.has_t);
	EQ(take(s, &b, 1, 0), 1);
	EQ(b.data[0], 'a');
	NEED(b.has_t);
	set_opt(s, SOL_SOCKET, SO_TIMESTAMPING, 0);
	EQ(take(s, &b, 1, 0), 1);
	NEED(!b.has_t);
	OK(close(c));
	EQ(take(s, &b, 1, 0), 0);
}

/* The end of the stream has no time. */
CASE(stamp_came_of_timeval)
{
	struct beside b;
	int c, s;

	pair(&c, &s);
	set_opt(s, SOL_SOCKET, SO_TIMESTAMP, 1);
	come_with_time(c, s, &b);
	NEED(b.has_tv && !b.has_t && is_now(b.tv.tv_sec));
	OK(close(c));
	EQ(take(s, &b, 1, 0), 0);
	NEED(!b.has_tv);
}

/* What is accepted asks as its listener did. */
CASE(stamp_inherited)
{
	struct beside b;
	struct addr a;
	int l = listener(&a), c, s;

	set_opt(l, SOL_SOCKET, SO_TIMESTAMP, 1);
	set_opt(l, IPPROTO_TCP, TCP_TX_DELAY, 1000);
	c = dial(&a);
	s = accept_from(l);
	EQ(get_opt(s, SOL_SOCKET, SO_TIMESTAMP), 1);
	EQ(get_opt(s, IPPROTO_TCP, TCP_TX_DELAY), 1000);
	come_with_time(c, s, &b);
	NEED(b.has_tv);
}

CASE(tx_delay_range)
{
	int x = tcp(), n = -1;

	EQ(get_opt(x, IPPROTO_TCP, TCP_TX_DELAY), 0);
	ERR(setsockopt(x, IPPROTO_TCP, TCP_TX_DELAY, &n, sizeof(n)), EINVAL);
	n = 1 << 28;
	ERR(setsockopt(x, IPPROTO_TCP, TCP_TX_DELAY, &n, sizeof(n)), EINVAL);
	set_opt(x, IPPROTO_TCP, TCP_TX_DELAY, (1 << 28) - 1);
	EQ(get_opt(x, IPPROTO_TCP, TCP_TX_DELAY), (1 << 28) - 1);
}

CASE(tx_delay_passes_data)
{
	int c, s;

	pair(&c, &s);
	set_opt(c, IPPROTO_TCP, TCP_TX_DELAY, 2000);
	put(c, "there");
	want(s, "there");
	put(s, "and back");
	want(c, "and back");
}
