/* wire_row.c - small datagrams as rows: in a wire's ring, through the stack, in a socket's queue */
#include "unit.h"

#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stack_frame.h"

#include "plug/plug.h"
#include "plug/wire.h"
#include "stack/dgram.h"
#include "stack/lend.h"
#include "stack/mib.h"

enum { LEN = 64, AT_LEN = ETH_LEN + 2, AT_FLAGS = ETH_LEN + 6, AT_UDP = ETH_LEN + IP4_LEN };

struct ends {
	struct pair	*p;
	struct sock	*a, *b;
	struct wire	*w[2];
	int		sock[2];
};

static struct ip_addr to_b(bool v6)
{
	return v6 ? v6_of(2) : v4_of(2);
}

static struct ends begin(bool v6)
{
	int family = v6 ? AF_INET6 : AF_INET;
	struct ip_addr any = v6 ? IP6_ANY : IP4_ANY;
	struct ends e = { .p = pair_ready(1500), .w = { wire_new(), wire_new() } };
	uint8_t b[8];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, e.sock), 0);
	for (int i = 0; i < 2; i++)
		assert_null(wire_join(e.w[i], e.w[!i]->fd, e.sock[i]));
	e.a = udp_open(&e.p->a, family, any, 1000);
	e.b = udp_open(&e.p->b, family, any, 2000);
	udp_to(e.a, "x", 1, to_b(v6), 2000);		/* they know each other */
	pair_settle(e.p);
	assert_int_equal(udp_from(e.b, b, sizeof(b), NULL), 1);
	return e;
}

static void end(struct ends *e)
{
	pair_free(e->p);
	for (int i = 0; i < 2; i++) {
		wire_close(e->w[i]);
		close(e->sock[i]);
	}
}

/* The k-th datagram, of len octets. */
static void fill(uint8_t *b, unsigned k, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		b[i] = (uint8_t)(k * 31 + i);
}

static struct pkt *made(struct ends *e, bool v6, unsigned k, unsigned len)
{
	uint8_t b[1500];

	fill(b, k, len);
	assert_int_equal(udp_to(e->a, b, len, to_b(v6), 2000), len);
	stack_run(e->p->a.st);
	return container_of(list_pop(&e->p->a.out), struct pkt, link);
}

static void ring(struct ends *e, struct pkt *pkt)
{
	assert_true(wire_put(e->w[0], pkt));
	wire_ring(e->w[0]);
}

/* n datagrams behind each other, the first being the k-th. */
static void ring_some(struct ends *e, bool v6, unsigned k, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ring(e, made(e, v6, k + i, LEN));
}

static struct pkt *take(struct ends *e, unsigned max)
{
	struct pkt *pkt = wire_take_row(e->w[1], max);

	wire_took(e->w[1]);
	return pkt;
}

static struct pkt *row_of(struct ends *e, bool v6, unsigned k, unsigned n)
{
	ring_some(e, v6, k, n);
	return take(e, WIRE_ROW);
}

static void input(struct ends *e, struct pkt *pkt)
{
	stack_input(e->p->b.st, e->p->b.nif, pkt);
}

/* They are told one by one, and are the k-th and those that follow. */
static void reads(struct ends *e, unsigned k, unsigned n)
{
	uint8_t got[200], want[LEN];

	for (unsigned i = 0; i < n; i++) {
		struct msg m = { .segment = 1 };

		assert_int_equal(udp_from(e->b, got, sizeof(got), &m), LEN);
		fill(want, k + i, LEN);
		assert_memory_equal(got, want, LEN);
		assert_int_equal(m.segment, 0);
		assert_int_equal(m.len, LEN);
	}
	assert_int_equal(udp_from(e->b, got, sizeof(got), NULL), -EAGAIN);
	assert_int_equal(dg_of(e->b)->queued, 0);
}

static void a_row_is_one_packet_and_each_is_read(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct ends e = begin(v6);
		struct pkt *row = row_of(&e, v6, 0, 5);

		assert_non_null(row);
		assert_int_equal(row->gso_size, LEN);
		assert_int_equal(row->paylen, 5 * LEN);
		assert_null(take(&e, WIRE_ROW));
		input(&e, row);
		assert_int_equal(e.p->b.st->mib.ip[!v6][IP_UdpInDatagrams], 6);
		reads(&e, 0, 5);
		end(&e);
	}
}

static void verify(void *ctx, struct pkt *pkt)
{
	struct ends *e = ctx;

	assert_int_equal(pkt->sum, PKT_SUM_NONE);
	assert_int_equal(pkt->gso_size, 0);
	input(e, pkt);
}

/* The headers of all are as true as those of each: whole, and cut for others. */
static void sums_and_lengths_hold(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct ends e = begin(v6);
		struct pkt *row = row_of(&e, v6, 0, 7);

		pkt_sum_finish(row);
		assert_int_equal(row->sum, PKT_SUM_NONE);
		input(&e, row);
		reads(&e, 0, 7);
		offload_out(row_of(&e, v6, 7, 7), verify, &e);
		reads(&e, 7, 7);
		end(&e);
	}
}

static void no_more_than_asked_for(void **state)
{
	struct ends e = begin(false);

	ring_some(&e, false, 0, WIRE_ROW + 10);
	input(&e, take(&e, 3));
	assert_null(take(&e, 1));
	input(&e, take(&e, 1000));
	input(&e, take(&e, 1000));
	assert_null(take(&e, 1000));
	reads(&e, 0, WIRE_ROW + 10);
	end(&e);
}

/* Rows end with the ring, and nothing is lost or out of order there. */
static void round_the_ring(void **state)
{
	struct ends e = begin(false);

	for (unsigned k = 0; k < 3 * WIRE_RING / 100; k += 9) {
		unsigned left = 9;
		struct pkt *pkt;

		ring_some(&e, false, k, 9);
		while (left) {
			pkt = wire_take_row(e.w[1], WIRE_ROW);
			if (!pkt)
				pkt = wire_take(e.w[1]);
			assert_non_null(pkt);
			left -= pkt->gso_size ? pkt->paylen / LEN : 1;
			wire_took(e.w[1]);
			input(&e, pkt);
		}
		reads(&e, k, 9);
	}
	end(&e);
}

static void flip(struct pkt *pkt, unsigned at, uint8_t bits)
{
	uint8_t *h = pkt->head + pkt->cur, *sum = h + ETH_LEN + 10;
	struct sum s = { 0 };

	h[at] ^= bits;
	if (at < ETH_LEN || at >= AT_UDP || h + at == sum)
		return;
	memset(sum, 0, 2);
	sum_add(&s, h + ETH_LEN, IP4_LEN);
	sum[0] = (uint8_t)(sum_end(&s) >> 8);
	sum[1] = (uint8_t)sum_end(&s);
}

/* One octet of the second frame, or of both, is another. */
static void what_is_no_row(void **state)
{
	static const struct {
		unsigned	at;
		uint8_t		flip;
		bool		both;
	} c[] = {
		{ 0, 1, false },			/* to another station */
		{ 12, 1, true },			/* not IP */
		{ ETH_LEN, 3, true },			/* options */
		{ ETH_LEN + 1, 4, false },		/* another class */
		{ AT_LEN + 1, 1, true },		/* a length that lies */
		{ ETH_LEN + 4, 1, false },		/* an identification */
		{ AT_FLAGS, 0x40, true },		/* may be cut */
		{ AT_FLAGS, 0x20, true },		/* was cut */
		{ AT_FLAGS + 1, 1, true },
		{ ETH_LEN + 8, 1, false },		/* another TTL */
		{ ETH_LEN + 9, 1, true },		/* not UDP */
		{ ETH_LEN + 10, 1, true },		/* a wrong sum */
		{ ETH_LEN + 12, 1, false },		/* from elsewhere */
		{ AT_UDP, 1, false },			/* another port */
		{ AT_UDP + 2, 1, false },
		{ AT_UDP + 5, 1, true },		/* another length than IP's */
		{ AT_UDP + 6, 1, false },
	};
	struct ends e = begin(false);

	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		for (int k = 0; k < 2; k++) {
			struct pkt *pkt = made(&e, false, (unsigned)k, LEN);

			if (k || c[i].both)
				flip(pkt, c[i].at, c[i].flip);
			ring(&e, pkt);
		}
		assert_null(take(&e, WIRE_ROW));
		for (int k = 0; k < 2; k++)
			pkt_free(wire_take(e.w[1]));
		assert_null(wire_take(e.w[1]));
		assert_null(e.w[1]->why);
	}
	end(&e);
}

/* Nor are frames of other sizes, with whole sums, or with the place of the sum elsewhere. */
static void nor_is_what_is_noted_otherwise(void **state)
{
	struct ends e = begin(false);

	for (int i = 0; i < 6; i++) {
		for (int k = 0; k < 2; k++) {
			struct pkt *pkt = made(&e, false, 0, i == 0 && k ? LEN - 1 : LEN);

			if (i == 1)
				pkt_sum_finish(pkt);
			if (i == 2)
				pkt->sum_off = 4;
			if (i == 3)
				pkt->sum_start -= 2;
			if (i == 4 && k)
				pkt->sum = PKT_SUM_OK;
			if (i == 5) {		/* octets behind the datagram */
				flip(pkt, AT_LEN + 1, 1);
				flip(pkt, AT_UDP + 5, 1);
			}
			ring(&e, pkt);
		}
		assert_null(take(&e, WIRE_ROW));
		for (int k = 0; k < 2; k++)
			pkt_free(wire_take(e.w[1]));
	}
	end(&e);
}

/* One without octets, and one whose headers are said to be longer than it is. */
static void nothing_to_join(void **state)
{
	struct ends e = begin(true);

	for (int k = 0; k < 2; k++)
		ring(&e, made(&e, true, 0, 0));
	assert_null(take(&e, WIRE_ROW));
	for (int k = 0; k < 2; k++)
		pkt_free(wire_take(e.w[1]));
	for (int k = 0; k < 2; k++) {
		struct pkt *pkt = made(&e, true, 0, 0);

		pkt->end -= 2;
		ring(&e, pkt);
	}
	assert_null(take(&e, WIRE_ROW));
	assert_non_null(e.w[1]->why);
	end(&e);
}

/* A one's complement sum carries. */
static void the_sum_carries(void **state)
{
	struct ends e = begin(false);
	struct pkt *pkt;

	for (int k = 0; k < 2; k++) {
		pkt = made(&e, false, 0, LEN);
		pkt->head[pkt->cur + AT_UDP + 6] = 0xff;
		pkt->head[pkt->cur + AT_UDP + 7] = 0xf0;
		ring(&e, pkt);
	}
	pkt = take(&e, WIRE_ROW);
	assert_int_equal(pkt_peek(pkt, AT_UDP + 6), 0);
	assert_int_equal(pkt_peek(pkt, AT_UDP + 7), 0xf0 + LEN - 0xff);
	pkt_free(pkt);
	end(&e);
}

static void peeked_cut_short_and_lent(void **state)
{
	struct ends e = begin(false);
	uint8_t got[200], want[LEN];
	struct iovec iov = { got, 10 };
	struct lent l;
	struct msg m;

	input(&e, row_of(&e, false, 0, 4));
	for (int i = 0; i < 2; i++)
		assert_int_equal(sock_recv(e.b, &iov, 1, MSG_PEEK | MSG_TRUNC, &m), LEN);
	assert_int_equal(m.flags, MSG_TRUNC);
	assert_int_equal(sock_recv(e.b, &iov, 1, 0, &m), 10);		/* the rest of it is lost */
	assert_int_equal(m.flags, MSG_TRUNC);
	memset(&l, 0, sizeof(l));
	list_init(&l.pkts);
	assert_int_equal(sock_lend(e.b, UINT32_MAX, &l, &m), LEN);
	fill(want, 1, LEN);
	pkt_copy(list_first(&l.pkts, struct pkt, link), 0, got, sizeof(got));
	assert_memory_equal(got, want, LEN);
	assert_int_equal(dg_of(e.b)->lent, l.size);
	sock_lend_end(e.b, &l);
	pkt_free(container_of(list_pop(&l.pkts), struct pkt, link));
	reads(&e, 2, 2);
	end(&e);
}

/* A row that does not fit whole is queued as far as it does. */
static void a_queue_too_small(void **state)
{
	struct ends e = begin(false);
	unsigned n = 0;
	uint8_t b[LEN];

	e.b->rcvbuf = 3000;
	input(&e, row_of(&e, false, 0, WIRE_ROW));
	assert_true(dg_of(e.b)->queued <= 3000);
	while (udp_from(e.b, b, sizeof(b), NULL) == LEN)
		n++;
	assert_in_range(n, 1, 4);
	assert_int_equal(dg_of(e.b)->lost, WIRE_ROW - n);
	assert_int_equal(e.p->b.st->drops[DROP_SOCK_FULL], WIRE_ROW - n);
	end(&e);
}

/* A filter sees each, and cuts each. */
static void a_filter(void **state)
{
	struct sock_filter keep[] = { BPF_STMT(BPF_RET | BPF_K, UDP_LEN + 10) };
	struct sock_fprog prog = { 1, keep };
	struct ends e = begin(false);
	uint8_t b[LEN];

	assert_int_equal(sock_setopt(e.b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), 0);
	input(&e, row_of(&e, false, 0, 3));
	for (int i = 0; i < 3; i++)
		assert_int_equal(udp_from(e.b, b, sizeof(b), NULL), 10);
	assert_int_equal(udp_from(e.b, b, sizeof(b), NULL), -EAGAIN);
	end(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_one_packet_and_each_is_read),
		cmocka_unit_test(sums_and_lengths_hold),
		cmocka_unit_test(no_more_than_asked_for),
		cmocka_unit_test(round_the_ring),
		cmocka_unit_test(what_is_no_row),
		cmocka_unit_test(nor_is_what_is_noted_otherwise),
		cmocka_unit_test(nothing_to_join),
		cmocka_unit_test(the_sum_carries),
		cmocka_unit_test(peeked_cut_short_and_lent),
		cmocka_unit_test(a_queue_too_small),
		cmocka_unit_test(a_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
