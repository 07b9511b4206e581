/* stack_stamp.c - SO_TIMESTAMPING: when datagrams came and left */
#include "unit.h"

#include <linux/net_tstamp.h>
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
	assert_int_equal(ask(tcp, SOF_TIMESTAMPING_SOFTWARE), -ENOPROTOOPT);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(received),
		cmocka_unit_test(sent),
		cmocka_unit_test(one),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
