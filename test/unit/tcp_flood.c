/* tcp_flood.c - floods: what strangers send does not stop those who are served
 *
 * While bytes go from a to b, each frame of a's brings a hundred of a stranger's
 * with it: SYNs for b's listener, ACKs that guess at the connection, fragments of
 * nothing. The bytes arrive, a client that comes in the middle is served, memory
 * stays bounded and the counters tell why things were dropped.
 */
#include "proto/proto.h"
#include "tcp_net.h"

#define PER_FRAME	100
#define TOTAL		(1u << 20)

struct storm {
	/* The i-th frame, from its IP header on; returns its length. */
	size_t		(*make)(struct storm *s, uint8_t *p, uint32_t i);
	uint32_t	n;
	uint16_t	port;		/* the client's, of the transfer */
	struct sock	*late;		/* a client that comes during the flood */
};

/* Somebody else, different each time. */
static struct ip_addr stranger(uint32_t i)
{
	return IP4(172, 16 + (i >> 16 & 15), i >> 8 & 255, i & 255);
}

static size_t ip_make(uint8_t *p, struct ip4 ip, size_t len)
{
	struct wr w = wr_of(p, IP4_LEN);

	ip.hlen = IP4_LEN;
	ip.ttl = 64;
	ip.dst = IP4(10, 0, 0, 2);
	ip.len = (uint16_t)(IP4_LEN + len);
	ip4_emit(&w, &ip);
	return IP4_LEN + len;
}

static size_t seg_make(uint8_t *p, struct ip_addr src, const struct tcp *h)
{
	struct wr w = wr_of(p + IP4_LEN, TCP_MAXLEN);

	tcp_emit(&w, h);
	return ip_make(p, (struct ip4){ .src = src, .proto = IPPROTO_TCP }, tcp_hlen(&h->o));
}

static size_t make_syn(struct storm *s, uint8_t *p, uint32_t i)
{
	struct tcp h = { .src_port = (uint16_t)(1024 + i % 60000), .dst_port = 81,
			 .seq = SEQ(i * 7919), .flags = TCP_SYN, .win = 1000 };

	return seg_make(p, stranger(i), &h);
}

/* Every second one as if from the connection's peer. */
static size_t make_ack(struct storm *s, uint8_t *p, uint32_t i)
{
	struct tcp h = { .src_port = s->port, .dst_port = 80, .seq = SEQ(i * 2654435761u),
			 .ack = SEQ(i * 40503u), .flags = TCP_ACK, .win = 1000 };

	return seg_make(p, i & 1 ? IP4(10, 0, 0, 1) : stranger(i), &h);
}

static size_t make_frag(struct storm *s, uint8_t *p, uint32_t i)
{
	struct ip4 ip = { .src = stranger(i), .proto = IPPROTO_UDP, .id = (uint16_t)i,
			  .flags = IP4_MF };

	memset(p + IP4_LEN, 0, 1400);
	return ip_make(p, ip, 1400);
}

static void strike(struct net *n, struct storm *s)
{
	uint8_t b[2048];
	struct eth eth = { n->nif[1]->mac, n->nif[0]->mac, ETHERTYPE_IP4 };

	for (int i = 0; i < PER_FRAME; i++) {
		struct pkt *pkt = pkt_new();
		struct wr w = wr_of(b, ETH_LEN);
		size_t len = s->make(s, b + ETH_LEN, s->n++);

		eth_emit(&w, &eth);
		assert_true(pkt_append(pkt, n->st[0]->heap, b, (uint32_t)(ETH_LEN + len)));
		pkt->sum = PKT_SUM_OK;
		stack_input(n->st[1], n->nif[1], pkt);
	}
}

/* Before each full frame of a's; b is not at work then. */
static bool tap(struct net *n, int from, struct pkt *pkt)
{
	struct storm *s = n->user;

	if (from == 0 && pkt_len(pkt) > 1000)
		strike(n, s);
	return false;
}

static void route_back(struct net *n)
{
	struct route r = { .dst = IP4_ANY, .gw = IP4(10, 0, 0, 1), .nif = n->nif[1] };

	assert_int_equal(route_add(n->st[1], &r), 0);
}

/* A transfer under the storm; the late client is served before it ends. */
static struct net *storm_run(struct storm *s, void (*tune)(struct net *n))
{
	struct net *n = net_new(1);
	struct flood fl = { .total = TOTAL, .unit = 20000 };
	struct sock *c[2], *l, *b = NULL;

	route_back(n);
	if (tune)
		tune(n);
	net_pair(n, false, c);
	fl.from = c[0];
	fl.to = c[1];
	s->port = c[0]->local.port;
	l = net_listen(n, 1, 81, false);
	n->user = s;
	n->tap = tap;
	net_flood(n, &fl, 1, 10 * USEC_PER_SEC);
	s->late = net_connect(n, 0, 81, false);
	fl.total *= 2;
	net_flood(n, &fl, 1, 10 * USEC_PER_SEC);
	n->tap = NULL;
	net_run(n, 10 * USEC_PER_SEC);
	assert_int_equal(tcpc_of(s->late)->state, TCP_ESTABLISHED);
	assert_int_equal(sock_accept(l, &b), 0);
	assert_int_equal(b->remote.port, s->late->local.port);
	assert_true(n->st[1]->tcp->reqs.count <= n->st[1]->param.tcp_max_syn_backlog);
	sock_close(b);
	sock_close(s->late);
	sock_close(l);
	sock_close(c[0]);
	sock_close(c[1]);
	net_run(n, 200 * USEC_PER_SEC);
	return n;
}

static uint64_t dropped(struct net *n, enum drop why)
{
	return n->st[1]->drops[why];
}

static void syns(void **state)
{
	struct storm s = { .make = make_syn };
	struct net *n = storm_run(&s, NULL);

	assert_true(s.n > 100000);
	assert_int_equal(dropped(n, DROP_TCP_SYN_FULL), 0);	/* cookies */
	net_free(n);
}

static void no_cookies(struct net *n)
{
	n->st[1]->param.tcp_syncookies = 0;
}

/* Without cookies the late client must try again, until old requests give way. */
static void syns_without_cookies(void **state)
{
	struct storm s = { .make = make_syn };
	struct net *n = storm_run(&s, no_cookies);

	assert_true(dropped(n, DROP_TCP_SYN_FULL) > 100000);
	net_free(n);
}

static void acks(void **state)
{
	struct storm s = { .make = make_ack };
	struct net *n = storm_run(&s, NULL);

	assert_true(dropped(n, DROP_TCP_WINDOW) > 10000);
	assert_true(dropped(n, DROP_TCP_STATE) + dropped(n, DROP_TCP_NO_SOCK) > 10000);
	net_free(n);
}

static void fragments(void **state)
{
	struct storm s = { .make = make_frag };
	struct net *n = storm_run(&s, NULL);

	assert_true(dropped(n, DROP_FRAG_FULL) > 10000);
	net_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syns), cmocka_unit_test(syns_without_cookies),
		cmocka_unit_test(acks), cmocka_unit_test(fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
