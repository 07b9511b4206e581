/* tcp_conn.c - connections between two stacks, and of a stack with itself, in
 * the cases that need both ends: who is told what, and what is left */
#include "tcp_net.h"

static ssize_t put(struct sock *so, const char *s, int flags)
{
	struct iovec iov = { (void *)(uintptr_t)s, strlen(s) };

	return sock_send(so, &iov, 1, flags, NULL);
}

/* What can be read, as a string; "!" and errno's name are told by the result. */
static ssize_t get(struct sock *so, char *buf, size_t size, int flags)
{
	struct iovec iov = { buf, size - 1 };
	ssize_t n = sock_recv(so, &iov, 1, flags, NULL);

	buf[n > 0 ? n : 0] = 0;
	return n;
}

static void expect(struct sock *so, const char *s)
{
	char buf[256];

	get(so, buf, sizeof(buf), 0);
	assert_string_equal(buf, s);
}

static int state_of(struct sock *so)
{
	return tcpc_of(so)->state;
}

static void close_all(struct net *n, struct sock *a, struct sock *b)
{
	sock_close(a);
	sock_close(b);
	net_run(n, 1000 * USEC_PER_SEC);
	net_free(n);
}

static void sock_tcp(struct net *n, int i, struct sock **so)
{
	assert_int_equal(sock_new(n->st[i], AF_INET, SOCK_STREAM, 0, so), 0);
}

/* --- opening --- */

static void connect_speaks_like_linux(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a, *b;
	struct endpoint ep = net_ep(1, 80, false);

	sock_tcp(n, 0, &a);
	assert_int_equal(sock_events(a), EV_OUT | EV_HUP);
	assert_int_equal(put(a, "x", 0), -EPIPE);
	assert_int_equal(sock_connect(a, &ep), -EINPROGRESS);
	assert_int_equal(sock_events(a), 0);
	assert_int_equal(sock_connect(a, &ep), -EALREADY);
	assert_int_equal(put(a, "x", 0), -EAGAIN);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_events(a), EV_OUT);
	assert_int_equal(sock_connect(a, &ep), 0);
	assert_int_equal(sock_connect(a, &ep), -EISCONN);
	assert_int_equal(sock_events(l), EV_IN);
	assert_int_equal(sock_accept(l, &b), 0);
	assert_int_equal(sock_events(l), 0);
	assert_int_equal(sock_accept(l, &b), -EAGAIN);
	sock_close(l);
	close_all(n, a, b);
}

static void refused_is_told_once(void **state)
{
	struct net *n = net_new(1);
	struct sock *a = net_connect(n, 0, 81, false);
	struct endpoint ep = net_ep(1, 81, false);
	char buf[8];

	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_events(a), EV_IN | EV_OUT | EV_HUP | EV_ERR | EV_RDHUP);
	assert_int_equal(sock_connect(a, &ep), -ECONNREFUSED);
	assert_int_equal(get(a, buf, sizeof(buf), 0), 0);
	assert_int_equal(sock_connect(a, &ep), -EINPROGRESS);	/* a new try */
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_take_error(a), ECONNREFUSED);
	assert_int_equal(put(a, "x", 0), -EPIPE);
	sock_close(a);
	net_free(n);
}

static void nobody_answers(void **state)
{
	struct net *n = net_new(1);
	struct sock *a;

	n->loss = 1000;
	n->st[0]->param.tcp_syn_retries = 2;
	a = net_connect(n, 0, 80, false);
	net_run(n, 60 * USEC_PER_SEC);
	assert_int_equal(state_of(a), TCP_CLOSE);
	assert_true(a->error == ETIMEDOUT || a->error == EHOSTUNREACH);
	sock_close(a);
	net_free(n);
}

static void both_open_at_once(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];

	for (int i = 0; i < 2; i++) {
		struct endpoint me = net_ep(i, 1000, false), peer = net_ep(!i, 1000, false);

		sock_tcp(n, i, &s[i]);
		assert_int_equal(sock_bind(s[i], &me), 0);
		assert_int_equal(sock_connect(s[i], &peer), -EINPROGRESS);
	}
	net_run(n, 5 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(state_of(s[i]), TCP_ESTABLISHED);
		assert_int_equal(put(s[i], "hello", 0), 5);
	}
	net_run(n, USEC_PER_SEC);
	expect(s[0], "hello");
	expect(s[1], "hello");
	/* and close at once: each sees the other's FIN before its own is answered */
	sock_shutdown(s[0], SHUT_WR);
	sock_shutdown(s[1], SHUT_WR);
	net_run(n, 10 * n->delay);
	assert_int_equal(state_of(s[0]), TCP_CLOSE);
	assert_int_equal(state_of(s[1]), TCP_CLOSE);
	close_all(n, s[0], s[1]);
}

static void a_socket_may_talk_to_itself(void **state)
{
	struct net *n = net_new(1);
	struct endpoint me = net_ep(0, 1000, false);
	struct sock *a;

	sock_tcp(n, 0, &a);
	assert_int_equal(sock_bind(a, &me), 0);
	assert_int_equal(sock_connect(a, &me), -EINPROGRESS);
	net_run(n, 3 * USEC_PER_SEC);
	assert_int_equal(state_of(a), TCP_ESTABLISHED);
	assert_int_equal(put(a, "echo", 0), 4);
	net_run(n, USEC_PER_SEC);
	expect(a, "echo");
	sock_close(a);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

/* but not by chance: the port where nobody listens is not chosen to ask it from */
static void a_closed_port_refuses_itself(void **state)
{
	struct net *n = net_new(1);
	struct endpoint me = net_ep(0, 1000, false);
	struct sock *a;

	stack_set(n->st[0], "ip_local_port_range", "1000 1001");
	for (int i = 0; i < 8; i++) {
		sock_tcp(n, 0, &a);
		assert_int_equal(sock_connect(a, &me), -EINPROGRESS);
		net_run(n, USEC_PER_SEC);
		assert_int_equal(sock_take_error(a), ECONNREFUSED);
		sock_close(a);
	}
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

static void loopback_moves_megabytes(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 0, 80, false), *a, *b;
	struct endpoint ep = net_ep(0, 80, false);
	struct flood fl;

	sock_tcp(n, 0, &a);
	assert_int_equal(sock_connect(a, &ep), -EINPROGRESS);
	net_run(n, 1000);
	assert_int_equal(sock_accept(l, &b), 0);
	sock_close(l);
	fl = (struct flood){ .from = a, .to = b, .total = 20000000, .unit = 200000 };
	net_flood(n, &fl, 1, 10 * USEC_PER_SEC);
	close_all(n, a, b);
}

/* A buffer smaller than a segment (loopback's are 64 KiB) must not wait for a
 * full one. */
static void small_buffer_is_no_brake(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 0, 80, false), *a, *b;
	struct endpoint ep = net_ep(0, 80, false);
	int size = 10000;
	struct flood fl;
	usec start;

	sock_tcp(n, 0, &a);
	sock_setopt(a, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(sock_connect(a, &ep), -EINPROGRESS);
	net_run(n, 1000);
	assert_int_equal(sock_accept(l, &b), 0);
	sock_close(l);
	fl = (struct flood){ .from = a, .to = b, .total = 1000000, .unit = 200000 };
	start = n->now;
	net_flood(n, &fl, 1, 10 * USEC_PER_SEC);
	assert_true(n->now - start < USEC_PER_SEC);
	close_all(n, a, b);
}

/* --- the listener --- */

static void backlog_is_a_bound(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a[6], *b;
	int open = 0, taken = 0;

	assert_int_equal(sock_listen(l, 2), 0);
	for (int i = 0; i < 6; i++) {
		a[i] = net_connect(n, 0, 80, false);
		net_run(n, 10000);
	}
	while (sock_accept(l, &b) == 0) {
		taken++;
		sock_close(b);
	}
	assert_int_equal(taken, 3);		/* Linux: one more than asked */
	net_run(n, 20 * USEC_PER_SEC);		/* the others try again */
	while (sock_accept(l, &b) == 0) {
		taken++;
		sock_close(b);
	}
	assert_int_equal(taken, 6);
	for (int i = 0; i < 6; i++) {
		open += state_of(a[i]) != TCP_SYN_SENT;
		sock_close(a[i]);
	}
	assert_int_equal(open, 6);
	sock_close(l);
	net_run(n, 300 * USEC_PER_SEC);
	net_free(n);
}

static void syn_queue_is_a_bound(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false);
	struct ip ip = { .dst = IP4(10, 0, 0, 2), .proto = IPPROTO_TCP, .v4 = true };

	ip.nif = n->nif[1];
	n->st[1]->param.tcp_max_syn_backlog = 50;
	n->st[1]->param.tcp_syncookies = 0;
	for (int i = 0; i < 1000; i++) {
		struct tcp h = { .src_port = (uint16_t)(1 + i), .dst_port = 80, .flags = TCP_SYN };
		uint8_t buf[TCP_LEN];
		struct wr w = wr_of(buf, sizeof(buf));
		struct pkt *pkt = pkt_new();

		ip.src = IP4(10, 0, 0, (uint8_t)(3 + i % 200));
		tcp_emit(&w, &h);
		pkt_append(pkt, n->st[1]->heap, buf, sizeof(buf));
		pkt->sum = PKT_SUM_OK;
		tcp_in(n->st[1], pkt, &ip);
	}
	assert_int_equal(n->st[1]->tcp->reqs.count, 50);
	assert_int_equal(n->st[1]->drops[DROP_TCP_SYN_FULL], 950);
	sock_close(l);
	net_run(n, 10 * USEC_PER_SEC);
	net_free(n);
}

static void who_was_not_accepted_is_reset(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a = net_connect(n, 0, 80, false);

	net_run(n, 10000);
	assert_int_equal(state_of(a), TCP_ESTABLISHED);
	sock_close(l);
	net_run(n, 10000);
	assert_int_equal(sock_take_error(a), ECONNRESET);
	sock_close(a);
	net_free(n);
}

/* --- closing --- */

static void half_close_still_hears(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	char buf[8];

	net_pair(n, false, s);
	put(s[0], "question", 0);
	sock_shutdown(s[0], SHUT_WR);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_events(s[1]), EV_IN | EV_OUT | EV_RDHUP);
	expect(s[1], "question");
	assert_int_equal(get(s[1], buf, sizeof(buf), 0), 0);
	assert_int_equal(put(s[0], "x", 0), -EPIPE);
	assert_int_equal(put(s[1], "answer", 0), 6);
	net_run(n, USEC_PER_SEC);
	expect(s[0], "answer");
	assert_int_equal(sock_events(s[0]), EV_OUT);
	close_all(n, s[0], s[1]);
}

static void unread_data_resets(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	char buf[8];

	net_pair(n, false, s);
	put(s[0], "nobody reads this", 0);
	net_run(n, USEC_PER_SEC);
	sock_close(s[1]);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_events(s[0]), EV_IN | EV_OUT | EV_HUP | EV_ERR | EV_RDHUP);
	assert_int_equal(get(s[0], buf, sizeof(buf), 0), -ECONNRESET);
	assert_int_equal(get(s[0], buf, sizeof(buf), 0), 0);
	assert_int_equal(put(s[0], "x", 0), -EPIPE);
	sock_close(s[0]);
	net_free(n);
}

static void zero_linger_resets(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];

	net_pair(n, false, s);
	s[1]->linger_on = true;
	put(s[1], "lost", 0);
	sock_close(s[1]);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(state_of(s[0]), TCP_CLOSE);
	assert_int_equal(s[0]->error, ECONNRESET);
	sock_close(s[0]);
	net_free(n);
}

/* Close does not lose what was written, even if it takes many round trips. */
static void orphan_delivers_everything(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct flood fl;

	net_pair(n, false, s);
	n->loss = 100;
	s[0]->sndbuf = 1000000;
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 800000, .unit = 100000 };
	fl.buf = malloc(fl.unit);
	flood_send(&fl);
	assert_int_equal(fl.sent, fl.total);
	sock_close(s[0]);
	while (fl.got < fl.total) {
		assert_true(net_step(n, n->now + 300 * USEC_PER_SEC));
		flood_recv(&fl);
	}
	free(fl.buf);
	n->loss = 0;
	net_run(n, 5 * USEC_PER_SEC);
	assert_true(sock_events(s[1]) & EV_RDHUP);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

static void orphan_gives_up(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];

	net_pair(n, false, s);
	put(s[0], "x", 0);
	n->loss = 1000;
	sock_close(s[0]);
	net_run(n, 3600 * USEC_PER_SEC);
	assert_null(sock_next(n->st[0], NULL));
	sock_close(s[1]);
	net_run(n, 3600 * USEC_PER_SEC);
	net_free(n);
}

/* RFC 6191: the same four again while one end is in TIME-WAIT. */
static void time_wait_gives_way(void **state)
{
	struct net *n = net_new(1);

	for (int round = 0; round < 3; round++) {
		struct sock *l = net_listen(n, 1, 80, false), *a, *b;
		struct endpoint me = net_ep(0, 5000, false), ep = net_ep(1, 80, false);

		sock_tcp(n, 0, &a);
		assert_int_equal(sock_bind(a, &me), 0);
		assert_int_equal(sock_connect(a, &ep), -EINPROGRESS);
		net_run(n, 10000);
		assert_int_equal(state_of(a), TCP_ESTABLISHED);
		assert_int_equal(sock_accept(l, &b), 0);
		sock_close(b);			/* the server closes first and waits */
		net_run(n, 10000);
		sock_close(a);
		net_run(n, 10000);
		sock_close(l);
	}
	net_run(n, 100 * USEC_PER_SEC);
	net_free(n);
}

/* --- trouble on the way --- */

static void keepalive_finds_the_dead(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	int one = 1, idle = 10, intvl = 2, cnt = 3;
	char buf[8];

	net_pair(n, false, s);
	sock_setopt(s[0], IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	sock_setopt(s[0], IPPROTO_TCP, TCP_KEEPINTVL, &intvl, sizeof(intvl));
	sock_setopt(s[0], IPPROTO_TCP, TCP_KEEPCNT, &cnt, sizeof(cnt));
	sock_setopt(s[0], SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	net_run(n, 100 * USEC_PER_SEC);
	assert_int_equal(state_of(s[0]), TCP_ESTABLISHED);
	n->loss = 1000;
	net_run(n, 17 * USEC_PER_SEC);
	assert_int_equal(get(s[0], buf, sizeof(buf), 0), -ETIMEDOUT);
	close_all(n, s[0], s[1]);
}

/* A reader that stops: the window closes, probes go on, nothing is lost. */
static void zero_window_is_survived(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct flood fl;

	net_pair(n, false, s);
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 1000000, .unit = 100000 };
	fl.buf = malloc(fl.unit);
	flood_send(&fl);
	net_run(n, 5 * USEC_PER_SEC);
	assert_true(tcpc_of(s[0])->snd_wnd < tcpc_of(s[0])->mss);
	n->loss = 1000;			/* the update that opens it gets lost */
	flood_recv(&fl);
	n->loss = 0;
	free(fl.buf);
	net_flood(n, &fl, 1, 100 * USEC_PER_SEC);
	close_all(n, s[0], s[1]);
}

static bool drop_one(struct net *n, int from, struct pkt *pkt)
{
	int *left = n->user;

	return from == 0 && pkt_len(pkt) > 100 && (*left)-- == 1;
}

/* Small segments are segments: three that arrive tell of one that did not. */
static void small_segments_are_missed_too(void **state)
{
	for (int sack = 0; sack < 2; sack++) {
		struct net *n = net_new(1);
		char line[100] = { 0 };
		struct sock *s[2];
		int left = 1, one = 1;

		n->st[0]->param.tcp_sack = sack;
		net_pair(n, false, s);
		sock_setopt(s[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		memset(line, 'a', sizeof(line) - 1);
		n->user = &left;
		n->tap = drop_one;
		for (int i = 0; i < 5; i++)
			assert_int_equal(put(s[0], line, 0), 99);
		net_run(n, 100 * USEC_PER_MSEC);
		assert_int_equal(tcpc_of(s[1])->rcv_bytes, 5 * 99);
		while (get(s[1], line, sizeof(line), 0) > 0)
			continue;
		close_all(n, s[0], s[1]);
	}
}

static bool drop_large(struct net *n, int from, struct pkt *pkt)
{
	uint32_t mtu = *(uint32_t *)n->user;
	struct tcpc *tc;
	struct icmp_note note;

	if (pkt_len(pkt) <= mtu + 14 || !pkt->l4)
		return false;
	tc = tcpc_of(sock_next(n->st[from], NULL));
	note = (struct icmp_note){
		.src = tc->so.local.addr, .dst = tc->so.remote.addr,
		.src_port = tc->so.local.port, .dst_port = tc->so.remote.port,
		.seq = tc->snd_una, .error = EMSGSIZE, .mtu = mtu,
	};
	tcp_icmp(n->st[from], &note);
	return true;
}

static void path_mtu_is_learned(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct flood fl;
	uint32_t mtu = 1000;

	net_pair(n, false, s);
	n->user = &mtu;
	n->tap = drop_large;
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 500000, .unit = 50000 };
	net_flood(n, &fl, 1, 100 * USEC_PER_SEC);
	assert_int_equal(tcpc_of(s[0])->mtu, 1000);
	assert_true(tcpc_of(s[0])->cwnd > 14480);	/* no congestion: no slower */
	assert_true(tcpc_of(s[0])->ssthresh > 1000000);
	close_all(n, s[0], s[1]);
}

static void urgent_byte_apart_and_inline(void **state)
{
	for (int inl = 0; inl < 2; inl++) {
		struct net *n = net_new(1);
		struct sock *s[2];
		char buf[16];

		net_pair(n, false, s);
		s[1]->oobinline = inl;
		put(s[0], "abc", 0);
		put(s[0], "XY", MSG_OOB);
		put(s[0], "def", 0);
		net_run(n, USEC_PER_SEC);
		assert_true(sock_events(s[1]) & EV_PRI);
		expect(s[1], "abcX");		/* reading stops at the mark */
		if (inl) {
			assert_int_equal(get(s[1], buf, sizeof(buf), MSG_OOB), -EINVAL);
			expect(s[1], "Ydef");
		} else {
			assert_int_equal(get(s[1], buf, sizeof(buf), MSG_OOB), 1);
			assert_string_equal(buf, "Y");
			expect(s[1], "def");
			assert_int_equal(get(s[1], buf, sizeof(buf), MSG_OOB), -EINVAL);
		}
		assert_false(sock_events(s[1]) & EV_PRI);
		close_all(n, s[0], s[1]);
	}
}

/* The buffers follow the path: a long fat pipe is filled. */
static void buffers_grow_with_the_path(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct flood fl;
	usec start;

	n->delay = 20000;
	n->rate = 12500;		/* 100 Mbit/s: the pipe holds 500 KB */
	net_pair(n, false, s);
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 50000000, .unit = 100000 };
	start = n->now;
	net_flood(n, &fl, 1, 100 * USEC_PER_SEC);
	assert_true(n->now - start < 6 * USEC_PER_SEC);	/* 4 s at full rate */
	assert_true(s[1]->rcvbuf > 1000000);
	close_all(n, s[0], s[1]);
}

/* Between neighbours they stop at what the caches hold. */
static void buffers_stay_small_nearby(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct flood fl;

	n->delay = 20;
	n->cut = false;
	net_pair(n, false, s);
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 200000000, .unit = 1000000 };
	net_flood(n, &fl, 1, 100 * USEC_PER_SEC);
	assert_in_range(s[1]->rcvbuf, 256u << 10, 4u << 20);
	assert_in_range(s[0]->sndbuf, 256u << 10, 2u << 20);
	close_all(n, s[0], s[1]);
}

/* Others hold all memory for a while: the writer is told to wait, and woken. */
static void waits_for_memory(void **state)
{
	struct net *n = net_new(1);
	struct chunk *c[2000];
	struct sock *s[2];
	int k = 0;

	net_pair(n, false, s);
	while ((c[k] = n->st[0]->heap->alloc(n->st[0]->heap, CHUNK_MAX)))
		k++;
	assert_int_equal(put(s[0], "x", 0), -EAGAIN);
	assert_int_equal(sock_events(s[0]), 0);
	while (k)
		chunk_unref(c[--k]);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_events(s[0]), EV_OUT);
	assert_int_equal(put(s[0], "x", 0), 1);
	close_all(n, s[0], s[1]);
}

static void stack_ends_in_the_middle(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *s[2];
	struct frame *f;

	for (int i = 0; i < 3; i++) {
		s[0] = net_connect(n, 0, 80, false);
		net_run(n, 1000);
	}
	assert_int_equal(sock_accept(l, &s[1]), 0);
	put(s[0], "under way", 0);
	net_connect(n, 0, 80, false);
	net_run(n, 150);
	for (int i = 0; i < 2; i++)
		stack_free(n->st[i]);
	while ((f = list_first(&n->wire, struct frame, link))) {
		list_del(&f->link);
		pkt_free(f->pkt);
		free(f);
	}
	free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connect_speaks_like_linux),
		cmocka_unit_test(refused_is_told_once),
		cmocka_unit_test(nobody_answers),
		cmocka_unit_test(both_open_at_once),
		cmocka_unit_test(a_socket_may_talk_to_itself),
		cmocka_unit_test(a_closed_port_refuses_itself),
		cmocka_unit_test(loopback_moves_megabytes),
		cmocka_unit_test(small_buffer_is_no_brake),
		cmocka_unit_test(backlog_is_a_bound),
		cmocka_unit_test(syn_queue_is_a_bound),
		cmocka_unit_test(who_was_not_accepted_is_reset),
		cmocka_unit_test(half_close_still_hears),
		cmocka_unit_test(unread_data_resets),
		cmocka_unit_test(zero_linger_resets),
		cmocka_unit_test(orphan_delivers_everything),
		cmocka_unit_test(orphan_gives_up),
		cmocka_unit_test(time_wait_gives_way),
		cmocka_unit_test(keepalive_finds_the_dead),
		cmocka_unit_test(zero_window_is_survived),
		cmocka_unit_test(small_segments_are_missed_too),
		cmocka_unit_test(path_mtu_is_learned),
		cmocka_unit_test(urgent_byte_apart_and_inline),
		cmocka_unit_test(buffers_grow_with_the_path),
		cmocka_unit_test(buffers_stay_small_nearby),
		cmocka_unit_test(waits_for_memory),
		cmocka_unit_test(stack_ends_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
