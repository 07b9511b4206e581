/* tcp_opts.c - the options of level IPPROTO_TCP as programs for Linux use them */
#include "tcp_net.h"

static int set(struct sock *so, int name, int v)
{
	return sock_setopt(so, IPPROTO_TCP, name, &v, sizeof(v));
}

static int get(struct sock *so, int name)
{
	socklen_t len = sizeof(int);
	int v = 0;

	assert_int_equal(sock_getopt(so, IPPROTO_TCP, name, &v, &len), 0);
	assert_int_equal(len, sizeof(int));
	return v;
}

static struct sock *sock_tcp(struct stack *st)
{
	struct sock *so;

	assert_int_equal(sock_new(st, AF_INET, SOCK_STREAM, 0, &so), 0);
	return so;
}

static void what_is_set_is_got(void **state)
{
	static const struct { int name, dflt, v, bad; } t[] = {
		{ TCP_NODELAY, 0, 1, 0 },	{ TCP_CORK, 0, 1, 0 },
		{ TCP_MAXSEG, 536, 1000, 40 },	{ TCP_KEEPIDLE, 7200, 10, 0 },
		{ TCP_KEEPINTVL, 75, 5, 40000 }, { TCP_KEEPCNT, 9, 3, 128 },
		{ TCP_SYNCNT, 6, 2, 0 },	{ TCP_LINGER2, 60, 30, 0 },
		{ TCP_DEFER_ACCEPT, 0, 3, 0 },	{ TCP_USER_TIMEOUT, 0, 5000, -1 },
		{ TCP_NOTSENT_LOWAT, 0, 16384, 0 }, { TCP_WINDOW_CLAMP, 0, 20000, 0 },
		{ TCP_QUICKACK, 1, 0, 0 },	{ TCP_SAVE_SYN, 0, 2, 3 },
		{ TCP_INQ, 0, 1, 2 },
	};
	struct stack *st = stack_new(1, 0);
	struct sock *so = sock_tcp(st);

	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(get(so, t[i].name), t[i].dflt);
		assert_int_equal(set(so, t[i].name, t[i].v), 0);
		assert_int_equal(get(so, t[i].name), t[i].v);
		if (t[i].bad)
			assert_int_equal(set(so, t[i].name, t[i].bad), -EINVAL);
	}
	sock_close(so);
	stack_free(st);
}

static void what_is_not_there_says_so(void **state)
{
	struct stack *st = stack_new(1, 0);
	struct sock *so = sock_tcp(st);
	socklen_t len = sizeof(int);
	int v = 1;

	assert_int_equal(set(so, TCP_MD5SIG, 1), -EINVAL);
	assert_int_equal(set(so, TCP_REPAIR, 1), -EPERM);
	assert_int_equal(set(so, TCP_ULP, 1), -ENOENT);
	assert_int_equal(set(so, 9999, 1), -ENOPROTOOPT);
	assert_int_equal(set(so, -1, 1), -ENOPROTOOPT);
	assert_int_equal(set(so, TCP_SAVED_SYN, 1), -ENOPROTOOPT);
	assert_int_equal(sock_getopt(so, IPPROTO_TCP, TCP_ULP, &v, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(sock_setopt(so, IPPROTO_TCP, TCP_NODELAY, &v, 1), -EINVAL);
	sock_close(so);
	stack_free(st);
}

static void congestion_by_name(void **state)
{
	struct stack *st = stack_new(1, 0);
	struct sock *so = sock_tcp(st);
	char name[16];
	socklen_t len = sizeof(name);

	assert_int_equal(sock_getopt(so, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	assert_string_equal(name, "cubic");
	assert_int_equal(sock_setopt(so, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	len = sizeof(name);
	assert_int_equal(sock_getopt(so, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	assert_string_equal(name, "reno");
	assert_int_equal(sock_setopt(so, IPPROTO_TCP, TCP_CONGESTION, "no such", 7), -ENOENT);
	assert_int_equal(stack_set(st, "tcp_allowed_congestion_control", "cubic vegas"), -EINVAL);
	assert_int_equal(stack_set(st, "tcp_allowed_congestion_control", "reno"), 0);
	assert_int_equal(sock_setopt(so, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5), -EPERM);
	assert_int_equal(stack_set(st, "tcp_available_congestion_control", "reno"), -EINVAL);
	len = 3;
	assert_int_equal(sock_getopt(so, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	assert_int_equal(len, 3);
	sock_close(so);
	stack_free(st);
}

/* The first header of a SYN, where save says; the second time there is nothing. */
static void saved_syn(struct net *n, struct sock *l, bool v6, int save, uint8_t first)
{
	struct sock *a, *b;
	uint8_t h[256];
	socklen_t len = 4;

	assert_int_equal(set(l, TCP_SAVE_SYN, save), 0);
	a = net_connect(n, 0, 80, v6);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_accept(l, &b), 0);
	assert_int_equal(sock_getopt(b, IPPROTO_TCP, TCP_SAVED_SYN, h, &len), -EINVAL);
	assert_int_equal(len, (save == 2 ? 14 : 0) + (v6 ? 40 : 20) + 40);
	len = sizeof(h);
	assert_int_equal(sock_getopt(b, IPPROTO_TCP, TCP_SAVED_SYN, h, &len), 0);
	assert_int_equal(h[save == 2 ? 14 : 0], first);
	assert_int_equal(h[len - 40 + 13], TCP_SYN);
	assert_int_equal(sock_getopt(b, IPPROTO_TCP, TCP_SAVED_SYN, h, &len), 0);
	assert_int_equal(len, 0);
	sock_close(a);
	sock_close(b);
	net_run(n, 200 * USEC_PER_SEC);
}

static void syns_are_kept(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct net *n = net_new(1);
		struct sock *l = net_listen(n, 1, 80, v6), *a;

		saved_syn(n, l, v6, 1, v6 ? 0x60 : 0x45);
		saved_syn(n, l, v6, 2, v6 ? 0x60 : 0x45);
		set(l, TCP_SAVE_SYN, 1);
		a = net_connect(n, 0, 80, v6);
		net_run(n, n->delay);		/* half open, and never read */
		sock_close(l);
		sock_close(a);
		net_run(n, 300 * USEC_PER_SEC);
		net_free(n);
	}
}

static void more_to_read_is_told(void **state)
{
	struct net *n = net_new(1);
	char got[4];
	struct iovec iov = { got, sizeof(got) };
	struct msg m = { .ttl = -1 };
	struct sock *s[2];

	net_pair(n, false, s);
	sock_send(s[0], &(struct iovec){ (char *)(uintptr_t)"0123456789", 10 }, 1, 0, NULL);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_recv(s[1], &iov, 1, 0, &m), 4);
	assert_int_equal(m.inq, 6);
	sock_close(s[0]);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_recv(s[1], &iov, 1, 0, &m), 4);
	assert_int_equal(sock_recv(s[1], &iov, 1, 0, &m), 2);
	assert_int_equal(m.inq, 1);			/* the end */
	sock_close(s[1]);
	net_run(n, 100 * USEC_PER_SEC);
	net_free(n);
}

static uint64_t info_u64(struct sock *so, size_t off)
{
	uint8_t b[256];
	socklen_t len = sizeof(b);
	uint64_t v;

	assert_int_equal(sock_getopt(so, IPPROTO_TCP, TCP_INFO, b, &len), 0);
	assert_true(len >= off + sizeof(v));
	memcpy(&v, b + off, sizeof(v));
	return v;
}

/* Linux's offsets (linux/tcp.h), behind what glibc's struct knows. */
static void info_goes_on_as_linux(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct flood fl;

	net_pair(n, false, s);
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 30000, .unit = 10000 };
	net_flood(n, &fl, 1, 100 * USEC_PER_SEC);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(info_u64(s[0], 120), 30000);		/* bytes_acked */
	assert_int_equal(info_u64(s[1], 128), 30000);		/* bytes_received */
	assert_int_equal((uint32_t)info_u64(s[0], 136), tcpc_of(s[0])->segs_out);
	assert_int_equal((uint32_t)info_u64(s[0], 148), tcpc_of(s[0])->min_rtt);
	assert_int_equal(info_u64(s[0], 200), 30000);		/* bytes_sent */
	assert_int_equal((uint32_t)info_u64(s[0], 228), tcpc_of(s[0])->snd_wnd);
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 100 * USEC_PER_SEC);
	net_free(n);
}

static void info_tells_a_listener(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a = net_connect(n, 0, 80, false);
	struct tcp_info i;
	socklen_t len = sizeof(i);

	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_getopt(l, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(i.tcpi_state, TCP_LISTEN);
	assert_int_equal(i.tcpi_unacked, 1);			/* waits for accept */
	assert_int_equal(i.tcpi_sacked, 128);			/* so many may */
	sock_close(l);
	sock_close(a);
	net_run(n, 100 * USEC_PER_SEC);
	net_free(n);
}

static void info_tells_the_connection(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct tcp_info i;
	struct flood fl;
	socklen_t len = sizeof(i);

	n->delay = 5000;
	net_pair(n, false, s);
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 300000, .unit = 10000 };
	net_flood(n, &fl, 1, 100 * USEC_PER_SEC);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_getopt(s[0], IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(i.tcpi_state, TCP_ESTABLISHED);
	assert_int_equal(i.tcpi_options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
	assert_int_equal(i.tcpi_snd_mss, 1448);
	assert_int_equal(i.tcpi_pmtu, 1500);
	assert_int_equal(i.tcpi_snd_wscale, 7);
	assert_in_range(i.tcpi_rtt, 10000, 15000);
	assert_true(i.tcpi_snd_cwnd > 10);
	assert_int_equal(i.tcpi_total_retrans, 0);
	assert_int_equal(i.tcpi_unacked, 0);
	len = 1;
	assert_int_equal(sock_getopt(s[0], IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(len, 1);
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 100 * USEC_PER_SEC);
	net_free(n);
}

/* What a listener is told, its connections inherit. */
static void listener_hands_options_on(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a, *b;
	int ttl = 7, tos = 0x10;

	assert_int_equal(sock_setopt(l, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)), 0);
	assert_int_equal(sock_setopt(l, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)), 0);
	set(l, TCP_NODELAY, 1);
	set(l, TCP_KEEPIDLE, 11);
	set(l, TCP_MAXSEG, 500);
	set(l, TCP_DEFER_ACCEPT, 2);
	a = net_connect(n, 0, 80, false);
	net_run(n, USEC_PER_SEC / 2);
	assert_int_equal(sock_accept(l, &b), -EAGAIN);	/* no data yet */
	assert_int_equal(sock_send(a, &(struct iovec){ (char *)(uintptr_t)"x", 1 }, 1, 0, NULL), 1);
	net_run(n, USEC_PER_SEC / 2);
	assert_int_equal(sock_accept(l, &b), 0);
	assert_int_equal(get(b, TCP_NODELAY), 1);
	assert_int_equal(get(b, TCP_KEEPIDLE), 11);
	assert_int_equal(get(b, TCP_MAXSEG), 488);	/* timestamps take 12 */
	assert_int_equal(get(a, TCP_MAXSEG), 488);
	assert_int_equal(b->flow.ttl, 7);
	assert_int_equal(b->flow.tos, 0x10);
	sock_close(l);
	sock_close(a);
	sock_close(b);
	net_run(n, 100 * USEC_PER_SEC);
	net_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_is_got),
		cmocka_unit_test(what_is_not_there_says_so),
		cmocka_unit_test(syns_are_kept), cmocka_unit_test(more_to_read_is_told),
		cmocka_unit_test(congestion_by_name),
		cmocka_unit_test(info_tells_the_connection), cmocka_unit_test(info_goes_on_as_linux),
		cmocka_unit_test(info_tells_a_listener),
		cmocka_unit_test(listener_hands_options_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
