/* stack_stamp.c - SO_TIMESTAMPING: when data came and left */
#include "unit.h"

#include <linux/net_tstamp.h>
#include <netinet/tcp.h>
#include <time.h>

#include <linux/errqueue.h>

#include "stack/cmsg.h"
#include "stack/stamp.h"
#include "stack_pair.h"

#define EPOCH	(1000 * USEC_PER_SEC)

static int ask(struct sock *so, int flags)
{
	return sock_setopt(so, SOL_SOCKET, SO_TIMESTAMPING_OLD, &flags, sizeof(flags));
}

struct told {
	struct scm_timestamping t;
	struct sock_extended_err ee;
	bool	has_t, has_ee;
};

static struct told control(const struct sock *so, const struct msg *m)
{
	_Alignas(8) uint8_t b[512] = { 0 };
	struct msghdr mh = { .msg_control = b, .msg_controllen = sizeof(b) };
	struct told told = { .has_t = false };

	cmsg_put(so, m, EPOCH, &mh);
	for (size_t off = 0; off < mh.msg_controllen;) {
		const struct cmsghdr *k = (const void *)(b + off);

		if (k->cmsg_level == SOL_SOCKET && k->cmsg_type == SO_TIMESTAMPING_OLD) {
			memcpy(&told.t, CMSG_DATA(k), sizeof(told.t));
			told.has_t = true;
		} else if (k->cmsg_level == IPPROTO_IP && k->cmsg_type == IP_RECVERR) {
			memcpy(&told.ee, CMSG_DATA(k), sizeof(told.ee));
			told.has_ee = true;
		}
		off += CMSG_ALIGN(k->cmsg_len);
	}
	return told;
}

static void received(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	struct told told;
	struct msg m;
	char buf[8];

	assert_int_equal(ask(b, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE), 0);
	udp_to(a, "x", 1, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), &m), 1);
	told = control(b, &m);
	assert_true(told.has_t && !told.has_ee);
	assert_int_equal(told.t.ts[0].tv_sec, (EPOCH + p->now) / USEC_PER_SEC);
	assert_int_equal(told.t.ts[2].tv_sec, 0);
	assert_int_equal(ask(b, SOF_TIMESTAMPING_SOFTWARE), 0);
	udp_to(a, "x", 1, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), &m), 1);
	assert_false(control(b, &m).has_t);
	pair_free(p);
}

/* The frame comes back with its time and number; the next only with its number. */
static void sent(void **state)
{
	enum { ON = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID };
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	uint8_t buf[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct told told;
	struct msg m;

	udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	assert_int_equal(ask(a, ON), 0);
	udp_to(a, "frame", 5, v4_of(2), 2000);
	assert_int_equal(sock_events(a) & EV_ERR, EV_ERR);
	assert_int_equal(a->error, 0);
	assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), ETH_LEN + IP4_LEN + UDP_LEN + 5);
	assert_memory_equal(buf + ETH_LEN + IP4_LEN + UDP_LEN, "frame", 5);
	assert_int_equal(buf[ETH_LEN + 9], IPPROTO_UDP);
	assert_false(m.has_peer);
	told = control(a, &m);
	assert_true(told.has_t && told.has_ee);
	assert_int_equal(told.ee.ee_errno, ENOMSG);
	assert_int_equal(told.ee.ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
	assert_int_equal(told.ee.ee_info, SCM_TSTAMP_SND);
	assert_int_equal(told.ee.ee_data, 0);
	assert_int_equal(ask(a, ON | SOF_TIMESTAMPING_OPT_TSONLY), 0);
	udp_to(a, "frame", 5, v4_of(2), 2000);
	assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), 0);
	assert_int_equal(control(a, &m).ee.ee_data, 1);
	assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), -EAGAIN);
	pair_free(p);
}

/* sendmsg says it of one datagram. */
static void one(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0);
	struct msg m = { .peer = ep_of(v4_of(2), 2000), .has_peer = true, .ttl = -1, .tos = -1 };
	struct iovec iov = { "x", 1 };

	assert_int_equal(ask(a, SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_TSONLY), 0);
	assert_int_equal(sock_send(a, &iov, 1, 0, &m), 1);
	assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), -EAGAIN);
	assert_int_equal(stamp_take(&m, SOF_TIMESTAMPING_RX_SOFTWARE), -EINVAL);
	assert_int_equal(stamp_take(&m, SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_SCHED), 0);
	assert_int_equal(sock_send(a, &iov, 1, 0, &m), 1);
	for (int i = 0; i < 2; i++) {
		iov = (struct iovec){ NULL, 0 };
		assert_int_equal(sock_recv(a, &iov, 1, MSG_ERRQUEUE, &m), 0);
		assert_int_equal(control(a, &m).ee.ee_info, i ? SCM_TSTAMP_SND : SCM_TSTAMP_SCHED);
	}
	pair_free(p);
}

static void nonsense(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 0), *tcp;

	assert_int_equal(ask(a, 1 << 20), -EINVAL);
	assert_int_equal(ask(a, SOF_TIMESTAMPING_OPT_STATS), -EINVAL);
	assert_int_equal(ask(a, 1 << 16), -EINVAL);
	assert_int_equal(sock_new(p->a.st, AF_INET, SOCK_STREAM, 0, &tcp), 0);
	assert_int_equal(ask(tcp, SOF_TIMESTAMPING_SOFTWARE), 0);
	/* No octet has a number yet. */
	assert_int_equal(ask(tcp, SOF_TIMESTAMPING_OPT_ID), -EINVAL);
	pair_free(p);
}

/* --- streams --- */

/* a's socket and b's, joined. */
static void join(struct pair *p, struct sock **a, struct sock **b)
{
	struct endpoint ep = ep_of(v4_of(2), 80);
	struct sock *lis;

	assert_int_equal(sock_new(p->b.st, AF_INET, SOCK_STREAM, 0, &lis), 0);
	assert_int_equal(sock_bind(lis, &ep), 0);
	assert_int_equal(sock_listen(lis, 1), 0);
	assert_int_equal(sock_new(p->a.st, AF_INET, SOCK_STREAM, 0, a), 0);
	assert_int_equal(sock_connect(*a, &ep), -EINPROGRESS);
	pair_settle(p);
	assert_int_equal(sock_accept(lis, b), 0);
}

static void put(struct sock *so, const char *s)
{
	struct iovec iov = { (void *)(uintptr_t)s, strlen(s) };

	assert_int_equal(sock_send(so, &iov, 1, 0, NULL), iov.iov_len);
}

/* What the error queue says next: its kind, its number, and the octets shown. */
static void tells(struct sock *so, uint32_t info, uint32_t key, const char *octets)
{
	char buf[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct told t;
	struct msg m;
	ssize_t len = sock_recv(so, &iov, 1, MSG_ERRQUEUE, &m);

	assert_true(len >= (ssize_t)strlen(octets));
	assert_memory_equal(buf + len - strlen(octets), octets, strlen(octets));
	t = control(so, &m);
	assert_true(t.has_t && t.has_ee);
	assert_int_equal(t.ee.ee_errno, ENOMSG);
	assert_int_equal(t.ee.ee_origin, SO_EE_ORIGIN_TIMESTAMPING);
	assert_int_equal(t.ee.ee_info, info);
	assert_int_equal(t.ee.ee_data, key);
}

static ssize_t untold(struct sock *so)
{
	struct msg m;

	return sock_recv(so, &(struct iovec){ NULL, 0 }, 1, MSG_ERRQUEUE, &m);
}

/* Each call has the number of its last octet; the peer's word comes last. */
static void stream_sent(void **state)
{
	enum { ON = SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_TX_ACK |
		    SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID };
	struct pair *p = pair_ready(1500);
	struct sock *a, *b;

	join(p, &a, &b);
	assert_int_equal(ask(a, ON), 0);
	put(a, "hello");
	tells(a, SCM_TSTAMP_SCHED, 4, "hello");
	tells(a, SCM_TSTAMP_SND, 4, "hello");
	assert_int_equal(untold(a), -EAGAIN);
	assert_int_equal(sock_events(a) & EV_ERR, 0);
	pair_settle(p);
	pair_run(p, 100000);		/* the delayed ACK */
	tells(a, SCM_TSTAMP_ACK, 4, "hello");
	put(a, "you");
	tells(a, SCM_TSTAMP_SCHED, 7, "you");
	tells(a, SCM_TSTAMP_SND, 7, "you");
	pair_run(p, 100000);
	tells(a, SCM_TSTAMP_ACK, 7, "you");
	assert_int_equal(untold(a), -EAGAIN);
	pair_free(p);
}

/* What is lost leaves again, and is told of again; without octets if so wanted. */
static void stream_again(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a, *b;

	join(p, &a, &b);
	assert_int_equal(ask(a, SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
				SOF_TIMESTAMPING_OPT_TSONLY), 0);
	p->a.cut = true;
	put(a, "x");
	tells(a, SCM_TSTAMP_SND, 0, "");
	p->a.cut = false;
	pair_run(p, USEC_PER_SEC);
	tells(a, SCM_TSTAMP_SND, 0, "");
	assert_int_equal(ask(a, 0), 0);
	put(a, "y");
	assert_int_equal(untold(a), -EAGAIN);
	pair_free(p);
}

/* Who does not look has a full queue at last, and nothing stops. */
static void stream_not_read(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a, *b;
	char buf[64];
	unsigned n = 0;

	join(p, &a, &b);
	assert_int_equal(ask(a, SOF_TIMESTAMPING_TX_ACK | SOF_TIMESTAMPING_SOFTWARE), 0);
	for (int i = 0; i < 3000; i++) {
		put(a, "ab");
		pair_run(p, 50000);
		assert_int_equal(sock_recv(b, &(struct iovec){ buf, 64 }, 1, 0, NULL), 2);
	}
	while (untold(a) >= 0)
		n++;
	assert_in_range(n, 10, 2999);
	pair_free(p);
}

/* What was read has the time of its last octet. */
static void stream_received(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a, *b;
	struct msg m = { .when = 0 };
	char buf[8];
	usec first;

	join(p, &a, &b);
	assert_int_equal(ask(b, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE), 0);
	put(a, "ab");
	pair_settle(p);
	first = p->now;
	pair_run(p, 5 * USEC_PER_SEC);
	put(a, "cd");
	pair_settle(p);
	assert_int_equal(sock_recv(b, &(struct iovec){ buf, 2 }, 1, 0, &m), 2);
	assert_int_equal(m.when, first);
	assert_int_equal(control(b, &m).t.ts[0].tv_sec, (EPOCH + first) / USEC_PER_SEC);
	assert_int_equal(sock_recv(b, &(struct iovec){ buf, 2 }, 1, MSG_PEEK, &m), 2);
	assert_int_equal(m.when, p->now);
	assert_int_equal(sock_recv(b, &(struct iovec){ buf, 2 }, 1, 0, &m), 2);
	assert_int_equal(m.when, p->now);
	assert_int_equal(sock_recv(b, &(struct iovec){ buf, 2 }, 1, 0, &m), -EAGAIN);
	pair_free(p);
}

/* TCP_TX_DELAY: all leaves later, in order, also when the socket has gone. */
static void stream_delayed(void **state)
{
	struct pair *p = pair_ready(1500);
	int delay = 300000;
	struct sock *a, *b;
	char buf[8];

	join(p, &a, &b);
	assert_int_equal(sock_setopt(a, IPPROTO_TCP, TCP_TX_DELAY, &(int){ -1 }, sizeof(int)), -EINVAL);
	assert_int_equal(sock_setopt(a, IPPROTO_TCP, TCP_TX_DELAY, &delay, sizeof(delay)), 0);
	put(a, "ab");
	sock_close(a);
	pair_run(p, 299000);
	assert_int_equal(sock_recv(b, &(struct iovec){ buf, 8 }, 1, 0, NULL), -EAGAIN);
	pair_run(p, 2000);
	assert_int_equal(sock_recv(b, &(struct iovec){ buf, 8 }, 1, 0, NULL), 2);
	pair_run(p, 2000);
	assert_int_equal(sock_recv(b, &(struct iovec){ buf, 8 }, 1, 0, NULL), 0);
	pair_free(p);
}

/* A frame that waits ends with its interface. */
static void stream_delayed_for_good(void **state)
{
	struct pair *p = pair_ready(1500);
	int delay = 300000;
	struct sock *a, *b;

	join(p, &a, &b);
	assert_int_equal(sock_setopt(a, IPPROTO_TCP, TCP_TX_DELAY, &delay, sizeof(delay)), 0);
	put(a, "ab");
	netif_down(p->a.nif);
	assert_int_equal(p->a.last, DROP_NETIF_DOWN);
	netif_up(p->a.nif);
	put(a, "cd");
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(received),
		cmocka_unit_test(sent),
		cmocka_unit_test(one),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(stream_sent),
		cmocka_unit_test(stream_again),
		cmocka_unit_test(stream_not_read),
		cmocka_unit_test(stream_received),
		cmocka_unit_test(stream_delayed),
		cmocka_unit_test(stream_delayed_for_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
