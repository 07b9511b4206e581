/* tcp_edge.c - what happens rarely: limits, states one passes quickly, memory
 * in small pieces, calls at the wrong moment */
#include "tcp_net.h"

static ssize_t put(struct sock *so, const char *s)
{
	struct iovec iov = { (void *)(uintptr_t)s, strlen(s) };

	return sock_send(so, &iov, 1, 0, NULL);
}

static ssize_t get(struct sock *so, char *buf, size_t size, int flags)
{
	struct iovec iov = { buf, size };

	return sock_recv(so, &iov, 1, flags, NULL);
}

static struct sock *bound(struct net *n, int i, uint16_t port)
{
	struct endpoint ep = net_ep(i, port, false);

	return net_bound(n, i, SOCK_STREAM, &ep, false);
}

static void time_waits_are_bounded(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a, *b;

	n->delay = 1;
	for (int i = 0; i < 16384 + 20; i++) {
		a = net_connect(n, 0, 80, false);
		net_run(n, 10);
		assert_int_equal(sock_accept(l, &b), 0);
		sock_close(a);
		net_run(n, 4);
		sock_close(b);
		net_run(n, 10);
	}
	assert_int_equal(n->st[0]->tcp->tw.map.count, 16384);
	assert_int_equal(n->st[1]->tcp->tw.map.count, 0);
	sock_close(l);
	net_run(n, 100 * USEC_PER_SEC);
	assert_int_equal(n->st[0]->tcp->tw.map.count, 0);
	net_free(n);
}

/* As merge.c delivers them; the sender is kept at a window of 8 segments. */
static bool merged_small_window(struct net *n, int from, struct pkt *pkt)
{
	struct tcpc *tc = n->user;

	if (from == 0 && pkt->gso_size)
		pkt->sum = PKT_SUM_OK;
	if (tc)
		tc->cwnd = 8 * tc->mss;
	return false;
}

static void merged_frames_are_answered(void **state)
{
	static char block[8192];
	struct iovec iov = { block, sizeof(block) };
	struct net *n = net_new(1);
	uint32_t got = 0;
	struct sock *s[2];
	usec began;
	ssize_t r;

	n->cut = false;
	n->tap = merged_small_window;
	net_pair(n, false, s);
	n->user = tcpc_of(s[0]);
	began = n->now;
	for (int round = 0; got < 1 << 20; round++) {
		while (sock_send(s[0], &iov, 1, 0, NULL) > 0)
			;
		assert_true(net_step(n, began + 10 * USEC_PER_SEC));
		while (round % 4 == 0 && (r = sock_recv(s[1], &iov, 1, 0, NULL)) > 0)
			got += (uint32_t)r;
	}
	assert_true(n->now - began < 40 * USEC_PER_MSEC);	/* 90 round trips, no delayed ACK */
	n->user = NULL;
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

/* Super-frames of a neighbour: what b sends are ACKs. */
struct supers {
	unsigned	frames, acks;
	unsigned	lose;		/* which of the frames; 0: none */
};

static bool count_supers(struct net *n, int from, struct pkt *pkt)
{
	struct supers *c = n->user;

	if (!c)
		return false;
	c->acks += from == 1;
	return from == 0 && ++c->frames == c->lose;
}

/* ACKs for frames of size that arrive at once. */
static unsigned acks_for(struct net *n, struct sock *s[2], int frames, uint32_t size, unsigned lose)
{
	static char block[65536];
	struct iovec iov = { block, size }, all = { block, sizeof(block) };
	struct supers c = { .lose = lose };

	n->user = &c;
	tcpc_of(s[0])->cwnd = 1 << 20;
	for (int i = 0; i < frames; i++)
		assert_int_equal(sock_send(s[0], &iov, 1, 0, NULL), size);
	assert_int_equal(c.frames, frames);
	net_turn(n);
	n->now += n->delay;
	net_turn(n);
	n->user = NULL;
	net_run(n, 10 * USEC_PER_MSEC);
	while (sock_recv(s[1], &all, 1, 0, NULL) > 0)
		;
	return c.acks;
}

static void super_frames_that_come_at_once_get_one_ack(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];

	n->cut = false;
	n->tap = count_supers;
	net_pair(n, false, s);
	tcpc_of(s[0])->nodelay = true;
	tcpc_of(s[1])->so.rcvbuf = 1 << 20;
	for (int i = 0; i < 40; i++)	/* the ACKs without delay of the beginning */
		acks_for(n, s, 4, 8192, 0);
	assert_int_equal(acks_for(n, s, 4, 8192, 0), 1);
	assert_int_equal(acks_for(n, s, 1, 8192, 0), 1);	/* pushed: a burst's end */
	assert_in_range(acks_for(n, s, 4, 8192, 2), 2, 3);	/* RFC 5681 4.2: gaps at once */
	assert_in_range(acks_for(n, s, 8, 8192, 0), 1, 3);
	assert_int_equal(sock_setopt(s[1], SOL_SOCKET, SO_RCVBUF, &(int){ 16384 }, sizeof(int)), 0);
	assert_in_range(acks_for(n, s, 2, 8192, 0), 2, 2);	/* a quarter of what it holds */
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

/* What is due now comes in; the stack does not run yet. */
static void take_due(struct net *n)
{
	struct frame *f;

	while ((f = list_first(&n->wire, struct frame, link)) && f->at <= n->now) {
		list_del(&f->link);
		stack_input(n->st[f->to], n->nif[f->to], f->pkt);
		free(f);
	}
}

/* Who owes an ACK for what came first, and found no room for what the next let go, sends that
 * when there is some: on the loopback interface there is before his ACK goes. */
static void who_owes_an_ack_hears_of_room(void **state)
{
	static char block[8192];
	struct iovec small = { block, 1448 }, large = { block, sizeof(block) };
	struct net *n = net_new(1);
	struct sock *s[2];
	uint64_t sent;

	n->cut = false;
	n->tap = count_supers;
	net_pair(n, false, s);
	for (int i = 0; i < 40; i++)	/* the ACKs without delay of the beginning */
		acks_for(n, s, 4, sizeof(block), 0);
	tcpc_of(s[1])->nodelay = true;
	tcpc_of(s[1])->cwnd = 2 * tcpc_of(s[1])->mss;
	n->delay = 300;
	assert_int_equal(sock_send(s[0], &large, 1, 0, NULL), large.iov_len);
	n->delay = 100;
	assert_int_equal(sock_send(s[1], &small, 1, 0, NULL), small.iov_len);
	n->delay = 1000;
	assert_int_equal(sock_send(s[1], &small, 1, 0, NULL), small.iov_len);
	assert_int_equal(sock_send(s[1], &small, 1, 0, NULL), small.iov_len); /* cwnd is full */
	n->delay = 200;
	net_run(n, 100);
	assert_int_equal(sock_send(s[0], &large, 1, 0, NULL), large.iov_len);
	net_run(n, 199);
	n->room = 1;			/* one is under way */
	n->now++;
	take_due(n);
	sent = tcpc_of(s[1])->segs_out;
	n->room = 0;
	net_turn(n);
	assert_int_equal(tcpc_of(s[1])->segs_out - sent, 1);	/* data, with the ACK */
	assert_true(seq_eq(tcpc_of(s[1])->snd_nxt, tcpc_of(s[1])->snd_end));
	net_run(n, USEC_PER_SEC);
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

struct ack_loss {
	struct tcpc	*from;
	unsigned	acks, lose;	/* which of them; 0: none */
};

/* Data comes as merge.c delivers it; what the other sends are ACKs. */
static bool merged_acks(struct net *n, int from, struct pkt *pkt)
{
	struct ack_loss *al = n->user;

	if (from == 0 && pkt->gso_size)
		pkt->sum = PKT_SUM_OK;
	return from == 1 && al && ++al->acks == al->lose;
}

/* Eight segments as one; what of them is acknowledged within a millisecond. */
static uint32_t eight(struct net *n, struct sock *to, unsigned lose)
{
	static char block[8 * 1448];
	struct iovec iov = { block, sizeof(block) };
	struct ack_loss *al = n->user;
	uint64_t before = al->from->bytes_acked;

	*al = (struct ack_loss){ .from = al->from, .lose = lose };
	while (sock_recv(to, &iov, 1, 0, NULL) > 0)
		;
	assert_int_equal(sock_send(&al->from->so, &iov, 1, 0, NULL), sizeof(block));
	net_run(n, USEC_PER_MSEC);
	return (uint32_t)(al->from->bytes_acked - before);
}

static void merged_frames_are_answered_twice_where_one_is_dear(void **state)
{
	struct net *n = net_new(1);
	struct ack_loss al = { 0 };
	struct tcp_rare *r;
	struct sock *s[2];

	n->cut = false;
	n->tap = merged_acks;
	net_pair(n, false, s);
	al.from = tcpc_of(s[0]);
	n->user = &al;
	assert_int_equal(eight(n, s[1], 0), 8 * 1448);
	assert_int_equal(al.acks, 1);
	r = tcp_rare_own(tcpc_of(s[1]));
	r->ooo_packs = 1;
	r->ooo_at = n->now;
	assert_int_equal(eight(n, s[1], 0), 8 * 1448);
	assert_int_equal(al.acks, 2);
	assert_int_equal(eight(n, s[1], 1), 8 * 1448);
	assert_int_equal(eight(n, s[1], 2), 4 * 1448);	/* and the rest by the next */
	net_run(n, 2 * USEC_PER_SEC);
	assert_int_equal(eight(n, s[1], 0), 8 * 1448);
	assert_int_equal(al.acks, 1);			/* it was long ago */
	stack_set(n->st[1], "tcp_pacing_min_rtt_us", "1");
	assert_int_equal(eight(n, s[1], 0), 8 * 1448);
	assert_int_equal(al.acks, 2);			/* the path is long */
	n->user = NULL;
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

/* What bind chose survives a failed connect, what connect chose does not. */
static void bound_port_survives_refusal(void **state)
{
	struct net *n = net_new(1);
	struct sock *a = bound(n, 0, 5555), *b;
	struct endpoint ep = net_ep(1, 80, false), me = net_ep(0, 5555, false);

	assert_int_equal(sock_connect(a, &ep), -EINPROGRESS);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(sock_take_error(a), ECONNREFUSED);
	sock_new(n->st[0], AF_INET, SOCK_STREAM, 0, &b);
	assert_int_equal(sock_bind(b, &me), -EADDRINUSE);
	assert_int_equal(sock_connect(a, &ep), -ECONNABORTED);	/* Linux: once more */
	assert_int_equal(sock_connect(a, &ep), -EINPROGRESS);
	assert_int_equal(a->local.port, 5555);
	sock_close(a);
	assert_int_equal(sock_bind(b, &me), 0);
	sock_close(b);
	net_free(n);
}

static void calls_at_the_wrong_moment(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *so, *s[2];
	struct endpoint group = { .addr = IP4(224, 0, 0, 1), .port = 1 };
	struct endpoint ep = net_ep(1, 80, false);
	char c;

	assert_int_equal(sock_connect(l, &ep), -EISCONN);
	assert_int_equal(get(l, &c, 1, 0), -ENOTCONN);
	assert_int_equal(put(l, "x"), -EPIPE);
	sock_new(n->st[0], AF_INET, SOCK_STREAM, 0, &so);
	assert_int_equal(get(so, &c, 1, 0), -ENOTCONN);
	assert_int_equal(sock_shutdown(so, SHUT_WR), -ENOTCONN);
	assert_int_equal(sock_accept(so, &s[0]), -EINVAL);
	assert_int_equal(sock_connect(so, &group), -ENETUNREACH);
	assert_int_equal(sock_connect(so, &ep), -EINPROGRESS);
	assert_int_equal(sock_listen(so, 1), -EINVAL);
	assert_int_equal(sock_shutdown(so, SHUT_WR), 0);	/* ends the attempt */
	assert_int_equal(tcpc_of(so)->state, TCP_CLOSE);
	sock_close(so);
	assert_int_equal(sock_shutdown(l, SHUT_WR), 0);
	assert_int_equal(tcpc_of(l)->state, TCP_LISTEN);
	assert_int_equal(sock_shutdown(l, SHUT_RD), 0);
	assert_int_equal(tcpc_of(l)->state, TCP_CLOSE);
	sock_close(l);
	net_run(n, USEC_PER_SEC);
	net_free(n);
}

/* Shut before the handshake of a simultaneous open is over: FIN follows it. */
static void shut_while_opening(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	char c;

	for (int i = 0; i < 2; i++) {
		struct endpoint peer = net_ep(!i, 1000, false);

		s[i] = bound(n, i, 1000);
		assert_int_equal(sock_connect(s[i], &peer), -EINPROGRESS);
	}
	while (tcpc_of(s[0])->state != TCP_SYN_RECV)
		assert_true(net_step(n, n->now + USEC_PER_SEC));
	assert_int_equal(sock_shutdown(s[0], SHUT_WR), 0);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(get(s[1], &c, 1, 0), 0);
	assert_int_equal(tcpc_of(s[0])->state, TCP_FIN_WAIT2);
	sock_close(s[1]);
	sock_close(s[0]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

static void negative_linger2_waits_for_nobody(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	int v = -1;

	net_pair(n, false, s);
	sock_setopt(s[0], IPPROTO_TCP, TCP_LINGER2, &v, sizeof(v));
	sock_close(s[0]);
	net_run(n, USEC_PER_SEC);
	assert_null(sock_next(n->st[0], NULL));
	assert_int_equal(s[1]->error, EPIPE);
	sock_close(s[1]);
	net_free(n);
}

static void stream_bytes_may_be_discarded(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	char buf[8];

	net_pair(n, false, s);
	put(s[0], "abcdef");
	net_run(n, USEC_PER_SEC);
	assert_int_equal(get(s[1], NULL, 4, MSG_TRUNC), 4);
	assert_int_equal(get(s[1], buf, sizeof(buf), 0), 2);
	assert_memory_equal(buf, "ef", 2);
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 100 * USEC_PER_SEC);
	net_free(n);
}

/* An ICMP error about our SYN-ACK ends the request, if it quotes it right. */
static void unreachable_client_is_forgotten(void **state)
{
	struct net *n = net_new(1);
	struct sock *l = net_listen(n, 1, 80, false), *a;
	struct icmp_note note = {
		.src = net_ep(1, 0, false).addr, .dst = net_ep(0, 0, false).addr,
		.src_port = 80, .error = EHOSTUNREACH, .hard = true,
	};

	a = net_connect(n, 0, 80, false);
	note.dst_port = a->local.port;
	while (!n->st[1]->tcp->reqs.count)
		assert_true(net_step(n, n->now + USEC_PER_SEC));
	note.seq = SEQ(tcp_isn(n->st[1], &a->remote, &a->local) + 12345);
	tcp_icmp(n->st[1], &note);
	assert_int_equal(n->st[1]->tcp->reqs.count, 1);
	note.seq = SEQ(tcp_isn(n->st[1], &a->remote, &a->local));
	tcp_icmp(n->st[1], &note);
	assert_int_equal(n->st[1]->tcp->reqs.count, 0);
	sock_close(a);
	sock_close(l);
	net_run(n, 10 * USEC_PER_SEC);
	net_free(n);
}

/* An arena that gives less than it is asked for. */
struct crumbs {
	struct arena	a;
	struct arena	*heap;
};

static struct chunk *crumb(struct arena *a, uint32_t want)
{
	struct arena *heap = container_of(a, struct crumbs, a)->heap;

	return heap->alloc(heap, MIN(want, 1000));
}

static void memory_in_small_pieces(void **state)
{
	struct net *n = net_new(1);
	struct crumbs c = { { crumb, NULL }, arena_heap_new(1 << 20) };
	struct sock *s[2];
	struct flood fl;

	n->cut = false;
	n->nif[0]->arena = &c.a;
	net_pair(n, false, s);
	fl = (struct flood){ .from = s[0], .to = s[1], .total = 3000000, .unit = 60000 };
	net_flood(n, &fl, 1, 100 * USEC_PER_SEC);
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 100 * USEC_PER_SEC);
	assert_int_equal(arena_heap_used(c.heap), 0);
	net_free(n);
	arena_heap_unref(c.heap);
}

/* The peer resets while the user writes into reserved memory. */
static void reset_between_reserve_and_commit(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct iovec iov[4];
	int k = 4;

	net_pair(n, false, s);
	s[1]->linger_on = true;
	assert_true(sock_reserve(s[0], iov, &k) > 0);
	sock_close(s[1]);
	net_run(n, USEC_PER_SEC);
	assert_int_equal(tcpc_of(s[0])->state, TCP_CLOSE);
	for (int i = 0; i < k; i++)
		memset(iov[i].iov_base, 1, iov[i].iov_len);
	sock_commit(s[0], iov[0].iov_len);
	assert_int_equal(arena_heap_used(n->st[0]->heap), 0);
	k = 4;
	assert_int_equal(sock_reserve(s[0], iov, &k), 0);
	assert_int_equal(k, 0);
	sock_close(s[0]);
	net_free(n);
}

/* What 10 ms paths of 600 Mb/s carry in a second when all wake only each so many us. */
static uint64_t woken_each(usec by)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct flood fl = { .total = UINT64_MAX / 2, .unit = 65536 };
	usec end;

	n->delay = 10 * USEC_PER_MSEC;
	n->rate = 75000;
	net_pair(n, false, s);
	fl.from = s[0];
	fl.to = s[1];
	fl.buf = xmalloc(fl.unit);
	end = n->now + USEC_PER_SEC;
	flood_send(&fl);
	while (n->now < end) {
		n->now = MAX(n->now, (net_deadline(n) + by - 1) / by * by);
		net_turn(n);
		flood_send(&fl);
		flood_recv(&fl);
	}
	free(fl.buf);
	for (int i = 0; i < 2; i++) {
		sock_abort(s[i]);
		sock_close(s[i]);
	}
	net_run(n, USEC_PER_SEC);
	net_free(n);
	return fl.got;
}

/* A pace that is made up for: else what is late is lost. */
static void late_timers_do_not_slow(void **state)
{
	assert_true(woken_each(2 * USEC_PER_MSEC) > woken_each(1) / 4 * 3);
}

#define CROWD	24

/* A queue that is full loses what is given to it. */
static bool full(struct net *n, int from, struct pkt *pkt)
{
	return n->room && net_count(n, !from) >= n->room;
}

/* Many connections, and fewer places than ACKs that are due at the same time: each waits
 * for its place instead of being lost, so nobody is sent anything twice. */
static void acks_wait_for_room(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[CROWD][2];
	static char b[40000];
	struct iovec iov = { b, sizeof(b) };
	size_t got = 0;

	for (int i = 0; i < CROWD; i++)
		net_pair(n, i % 2, s[i]);
	n->cut = false;
	n->room = 3;
	n->tap = full;
	for (int i = 0; i < CROWD; i++)
		assert_int_equal(sock_send(s[i][0], &iov, 1, 0, NULL), sizeof(b));
	for (int turns = 0; turns < 1000; turns++) {
		net_run(n, USEC_PER_MSEC);
		for (int i = 0; i < CROWD; i++) {
			ssize_t r = sock_recv(s[i][1], &iov, 1, 0, NULL);

			got += r > 0 ? (size_t)r : 0;
		}
	}
	assert_int_equal(got, CROWD * sizeof(b));
	assert_int_equal(n->lost, 0);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(tcpc_of(s[i][0])->total_retrans, 0);
		assert_true(seq_eq(tcpc_of(s[i][0])->snd_una, tcpc_of(s[i][0])->snd_end));
	}
	n->room = 0;
	for (int i = 0; i < CROWD; i++) {
		for (int k = 0; k < 2; k++) {
			sock_abort(s[i][k]);
			sock_close(s[i][k]);
		}
		net_run(n, USEC_PER_MSEC);
	}
	net_run(n, USEC_PER_SEC);
	net_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_waits_are_bounded),
		cmocka_unit_test(merged_frames_are_answered),
		cmocka_unit_test(super_frames_that_come_at_once_get_one_ack),
		cmocka_unit_test(who_owes_an_ack_hears_of_room),
		cmocka_unit_test(merged_frames_are_answered_twice_where_one_is_dear),
		cmocka_unit_test(bound_port_survives_refusal),
		cmocka_unit_test(calls_at_the_wrong_moment),
		cmocka_unit_test(shut_while_opening),
		cmocka_unit_test(negative_linger2_waits_for_nobody),
		cmocka_unit_test(stream_bytes_may_be_discarded),
		cmocka_unit_test(unreachable_client_is_forgotten),
		cmocka_unit_test(memory_in_small_pieces),
		cmocka_unit_test(reset_between_reserve_and_commit),
		cmocka_unit_test(late_timers_do_not_slow),
		cmocka_unit_test(acks_wait_for_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
