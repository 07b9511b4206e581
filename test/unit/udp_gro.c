/* udp_gro.c - several datagrams as one: UDP_SEGMENT, the wire, UDP_GRO */
#include "unit.h"

#include <netinet/udp.h>

#include "stack_frame.h"

#include "plug/plug.h"

enum { SIZE = 1000, TOTAL = 4500 };	/* four datagrams and a half */

static uint8_t data[TOTAL], buf[65536];

struct two {
	struct pair	*p;
	struct sock	*a, *b;
};

static void set(struct sock *so, int name, int value)
{
	assert_int_equal(sock_setopt(so, IPPROTO_UDP, name, &value, sizeof(value)), 0);
}

static struct ip_addr to_b(bool v6)
{
	return v6 ? v6_of(2) : v4_of(2);
}

static struct two two_new(bool v6)
{
	int family = v6 ? AF_INET6 : AF_INET;
	struct ip_addr any = v6 ? IP6_ANY : IP4_ANY;
	struct two t = { .p = pair_ready(1500) };

	for (unsigned i = 0; i < TOTAL; i++)
		data[i] = (uint8_t)(i * 7 % 251);
	t.a = udp_open(&t.p->a, family, any, 1000);
	t.b = udp_open(&t.p->b, family, any, 2000);
	udp_to(t.a, "x", 1, to_b(v6), 2000);		/* they know each other */
	pair_settle(t.p);
	assert_int_equal(udp_from(t.b, buf, sizeof(buf), NULL), 1);
	set(t.a, UDP_SEGMENT, SIZE);
	return t;
}

/* Datagrams of their own, which together are the data. */
static void read_apart(struct sock *so)
{
	struct msg m;

	for (unsigned off = 0; off < TOTAL; off += SIZE) {
		unsigned n = MIN(SIZE, TOTAL - off);

		memset(&m, 0, sizeof(m));
		assert_int_equal(udp_from(so, buf, sizeof(buf), &m), n);
		assert_memory_equal(buf, data + off, n);
		assert_int_equal(m.segment, 0);
	}
	assert_int_equal(udp_from(so, buf, sizeof(buf), NULL), -EAGAIN);
}

static void read_as_one(struct sock *so)
{
	struct msg m;

	memset(&m, 0, sizeof(m));
	assert_int_equal(udp_from(so, buf, sizeof(buf), &m), TOTAL);
	assert_memory_equal(buf, data, TOTAL);
	assert_int_equal(m.segment, SIZE);
	assert_int_equal(udp_from(so, buf, sizeof(buf), NULL), -EAGAIN);
}

static void one_frame_between_our_own(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct two t = two_new(v6);
		unsigned sent = t.p->a.sent;

		assert_int_equal(udp_to(t.a, data, TOTAL, to_b(v6), 2000), TOTAL);
		assert_int_equal(t.p->a.sent, sent + 1);
		pair_settle(t.p);
		read_apart(t.b);
		set(t.b, UDP_GRO, 1);
		assert_int_equal(t.p->b.st->udp_gro, 1);
		udp_to(t.a, data, TOTAL, to_b(v6), 2000);
		pair_settle(t.p);
		read_as_one(t.b);
		sock_close(t.b);
		assert_int_equal(t.p->b.st->udp_gro, 0);
		pair_free(t.p);
	}
}

/* To ourselves, and to a group of which two are members. */
static void every_way_in(void **state)
{
	struct two t = two_new(false);
	struct sock *one = udp_open(&t.p->a, AF_INET, IP4_ANY, 3000);
	struct sock *two = udp_open(&t.p->a, AF_INET, IP4_ANY, 3001);
	struct ip_addr group = IP4(224, 0, 0, 1);

	set(two, UDP_GRO, 1);
	udp_to(t.a, data, TOTAL, IP4(127, 0, 0, 1), 3000);
	udp_to(t.a, data, TOTAL, v4_of(1), 3001);
	pair_settle(t.p);
	read_apart(one);
	read_as_one(two);
	udp_to(t.a, data, TOTAL, group, 2000);
	pair_settle(t.p);
	read_apart(t.b);
	pair_free(t.p);
}

/* --- over a wire that carries only what fits --- */

struct wire {
	struct merge	*merge;
	struct list	out;
	unsigned	cut;
};

static void to_merge(void *ctx, struct pkt *pkt)
{
	struct wire *w = ctx;
	struct pkt *in = pkt_new();
	uint32_t len = pkt_copy(pkt, 0, buf, sizeof(buf));

	assert_int_equal(pkt->sum, PKT_SUM_NONE);
	assert_true(len <= 1514);
	assert_true(pkt_append(in, pkt->ext[0].chunk->arena, buf, len));
	pkt_free(pkt);
	w->cut++;
	merge_add(w->merge, in);
}

static void collect(void *ctx, struct pkt *pkt)
{
	list_add_tail(&((struct wire *)ctx)->out, &pkt->link);
}

/* What a sent is cut, joined if asked for, and comes in at b. Frames that came. */
static unsigned carry(struct two *t, bool join)
{
	struct wire w = { .cut = 0 };
	unsigned n = 0;
	struct list *l;

	list_init(&w.out);
	w.merge = merge_new(collect, &w);
	merge_udp(w.merge, join);
	stack_run(t->p->a.st);
	while ((l = list_pop(&t->p->a.out)))
		offload_out(container_of(l, struct pkt, link), to_merge, &w);
	merge_flush(w.merge);
	merge_free(w.merge);
	for (; (l = list_pop(&w.out)); n++)
		stack_input(t->p->b.st, t->p->b.nif, container_of(l, struct pkt, link));
	assert_int_equal(w.cut, (TOTAL + SIZE - 1) / SIZE);
	return n;
}

static void cut_and_joined(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct two t = two_new(v6);

		udp_to(t.a, data, TOTAL, to_b(v6), 2000);
		assert_int_equal(carry(&t, false), 5);
		read_apart(t.b);		/* their sums were right */
		udp_to(t.a, data, TOTAL, to_b(v6), 2000);
		assert_int_equal(carry(&t, true), 1);
		read_apart(t.b);
		set(t.b, UDP_GRO, 1);
		udp_to(t.a, data, TOTAL, to_b(v6), 2000);
		assert_int_equal(carry(&t, true), 1);
		read_as_one(t.b);
		pair_free(t.p);
	}
}

/* --- what is joined --- */

static struct pkt *wire_frame(struct two *t, uint16_t from, unsigned len, bool sum)
{
	struct ip_addr src = v4_of(1), dst = v4_of(2);
	uint8_t body[2000];
	struct ip4 h = ip4_head(IPPROTO_UDP);
	struct frame f;
	size_t n = udp_make(body, &src, &dst, from, 2000, data, len);

	if (!sum)
		body[6] = body[7] = 0;
	h.src = src;
	h.dst = dst;
	put_ip4(&f, &t->p->b, h, body, n);
	return frame_pkt(&t->p->b, &f);
}

static void what_is_not_joined(void **state)
{
	static const struct {
		uint16_t	from[3];
		unsigned	len[3], out;
		bool		no_sum;
	} c[] = {
		{ { 1, 1, 1 }, { 500, 500, 500 }, 1, false },
		{ { 1, 1, 1 }, { 500, 500, 499 }, 1, false },
		{ { 1, 1, 1 }, { 500, 499, 500 }, 2, false },	/* a shorter one ends it */
		{ { 1, 1, 1 }, { 500, 501, 500 }, 2, false },	/* no longer one fits */
		{ { 1, 1, 1 }, { 500, 0, 500 }, 3, false },
		{ { 1, 2, 1 }, { 500, 500, 500 }, 2, false },	/* two flows */
		{ { 1, 1, 1 }, { 500, 500, 500 }, 3, true },	/* cannot be verified */
	};
	struct two t = two_new(false);

	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		struct wire w = { .cut = 0 };
		unsigned n = 0;
		struct list *l;

		list_init(&w.out);
		w.merge = merge_new(collect, &w);
		merge_udp(w.merge, true);
		for (int k = 0; k < 3; k++)
			merge_add(w.merge, wire_frame(&t, c[i].from[k], c[i].len[k], !c[i].no_sum));
		merge_flush(w.merge);
		for (; (l = list_pop(&w.out)); n++)
			pkt_free(container_of(l, struct pkt, link));
		assert_int_equal(n, c[i].out);
		merge_free(w.merge);
	}
	pair_free(t.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_frame_between_our_own),
		cmocka_unit_test(every_way_in),
		cmocka_unit_test(cut_and_joined),
		cmocka_unit_test(what_is_not_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
