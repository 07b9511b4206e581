/* stack_neigh.c - the neighbour machine, through ARP and through ND */
#include "unit.h"

#include "stack_frame.h"

static struct pair *p;
static bool v4;

static struct ip_addr addr(uint8_t n)
{
	return v4 ? v4_of(n) : v6_of(n);
}

static int start4(void **state)
{
	v4 = true;
	p = pair_ready(1500);
	return 0;
}

static int start6(void **state)
{
	v4 = false;
	p = pair_ready(1500);
	return 0;
}

static int end(void **state)
{
	pair_free(p);
	return 0;
}

static struct neigh *of(uint8_t n)
{
	struct ip_addr a = addr(n);

	return neigh_find(p->a.nif, &a);
}

static void send_to(uint8_t n)
{
	struct flow f = { .dst = addr(n), .proto = 99 };

	assert_int_equal(ip_out(p->a.st, pkt_new(), &f), DROP_NONE);
}

static void assert_state(uint8_t n, enum neigh_state s)
{
	assert_non_null(of(n));
	assert_string_equal(neigh_state_name(of(n)->state), neigh_state_name(s));
}

/* The sender learns by the answer, who answers by the question. */
static void answer_makes_reachable(void **state)
{
	struct ip_addr us = addr(1);

	assert_null(of(2));
	send_to(2);
	assert_state(2, NEIGH_INCOMPLETE);
	assert_int_equal(of(2)->queued, 1);
	pair_settle(p);
	assert_state(2, NEIGH_REACHABLE);
	assert_int_equal(of(2)->queued, 0);
	assert_true(mac_eq(&of(2)->mac, &p->b.nif->mac));
	assert_non_null(neigh_find(p->b.nif, &us));
	/* STALE, and in use: it complained about our protocol. */
	assert_int_equal(neigh_find(p->b.nif, &us)->state, NEIGH_DELAY);
}

static void goes_stale_delay_probe_reachable(void **state)
{
	unsigned sent;

	send_to(2);
	pair_run(p, 60 * USEC_PER_SEC);
	assert_state(2, NEIGH_STALE);
	send_to(2);
	assert_state(2, NEIGH_DELAY);
	pair_run(p, 4 * USEC_PER_SEC);
	assert_state(2, NEIGH_DELAY);
	sent = p->a.sent;
	pair_run(p, 2 * USEC_PER_SEC);
	assert_state(2, NEIGH_REACHABLE);
	assert_int_equal(p->a.sent, sent + 2);		/* a question, an answer */
}

static void probe_is_unicast(void **state)
{
	const uint8_t *eth;

	send_to(2);
	pair_run(p, 60 * USEC_PER_SEC);
	send_to(2);
	pair_settle(p);
	p->now += 5 * USEC_PER_SEC;
	stack_now(p->a.st, p->now);
	stack_run(p->a.st);
	assert_state(2, NEIGH_PROBE);
	eth = last_out(&p->a)->head + last_out(&p->a)->start;
	assert_memory_equal(eth, &p->b.nif->mac, 6);
}

static void silence_fails_and_tells(void **state)
{
	struct sock *so;
	struct endpoint to = ep_of(addr(9), 9);
	struct iovec iov = { (void *)"x", 1 };
	int on = 1;

	assert_int_equal(sock_new(p->a.st, v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0, &so), 0);
	assert_int_equal(sock_connect(so, &to), 0);
	if (v4)
		sock_setopt(so, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else
		sock_setopt(so, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	assert_int_equal(sock_send(so, &iov, 1, 0, NULL), 1);
	pair_run(p, 2900 * USEC_PER_MSEC);
	assert_state(9, NEIGH_INCOMPLETE);
	pair_run(p, 200 * USEC_PER_MSEC);
	assert_state(9, NEIGH_FAILED);
	assert_int_equal(p->a.st->drops[DROP_NEIGH_FAILED], 1);
	assert_int_equal(sock_take_error(so), EHOSTUNREACH);
	assert_int_equal(sock_send(so, &iov, 1, 0, NULL), 1);	/* asks anew */
	assert_state(9, NEIGH_INCOMPLETE);
}

/* connect(2) says so after the three questions, as on Linux. */
static void silence_ends_a_connect(void **state)
{
	struct endpoint to = ep_of(addr(9), 9);
	struct sock *so;

	assert_int_equal(sock_new(p->a.st, v4 ? AF_INET : AF_INET6, SOCK_STREAM, 0, &so), 0);
	assert_int_equal(sock_connect(so, &to), -EINPROGRESS);
	pair_run(p, 2900 * USEC_PER_MSEC);
	assert_int_equal(so->error, 0);
	pair_run(p, 200 * USEC_PER_MSEC);
	assert_int_equal(sock_take_error(so), EHOSTUNREACH);
}

static void unanswered_probes_fail(void **state)
{
	send_to(2);
	pair_run(p, 60 * USEC_PER_SEC);
	p->b.nif->flags &= ~(uint32_t)NETIF_UP;
	send_to(2);
	pair_run(p, 5 * USEC_PER_SEC);
	assert_state(2, NEIGH_PROBE);
	pair_run(p, 3 * USEC_PER_SEC);
	assert_state(2, NEIGH_FAILED);
}

static void confirmation_keeps_it_reachable(void **state)
{
	struct flow f = { .dst = addr(2), .proto = 99 };

	send_to(2);
	pair_settle(p);
	assert_int_equal(ip_route(p->a.st, &f), 0);
	for (int i = 0; i < 20; i++) {
		pair_run(p, 10 * USEC_PER_SEC);
		neigh_confirm(p->a.st, &f);
	}
	assert_state(2, NEIGH_REACHABLE);
	pair_run(p, 60 * USEC_PER_SEC);
	assert_state(2, NEIGH_STALE);
	neigh_confirm(p->a.st, &f);
	assert_state(2, NEIGH_REACHABLE);
}

/* RFC 4861 7.2.5, the cases a stranger may try. */
static void advertisements(void **state)
{
	const struct mac other = { { 2, 9, 9, 9, 9, 9 } };
	struct ip_addr a = addr(2), unknown = addr(50);

	neigh_advert(p->a.nif, &unknown, &other, ADV_SOLICITED | ADV_OVERRIDE);
	assert_null(of(50));				/* nobody asked */
	send_to(2);
	pair_settle(p);
	neigh_advert(p->a.nif, &a, &other, 0);		/* no override: doubt, no change */
	assert_state(2, NEIGH_STALE);
	assert_true(mac_eq(&of(2)->mac, &p->b.nif->mac));
	neigh_advert(p->a.nif, &a, &p->b.nif->mac, ADV_SOLICITED);
	assert_state(2, NEIGH_REACHABLE);
	neigh_advert(p->a.nif, &a, &other, ADV_OVERRIDE);	/* moved */
	assert_state(2, NEIGH_STALE);
	assert_true(mac_eq(&of(2)->mac, &other));
	neigh_advert(p->a.nif, &a, NULL, ADV_SOLICITED);
	assert_state(2, NEIGH_REACHABLE);
	neigh_advert(p->a.nif, &a, &(struct mac){ { 1 } }, ADV_OVERRIDE);
	assert_true(mac_eq(&of(2)->mac, &other));	/* no station is a group */
}

static void queue_keeps_the_newest(void **state)
{
	p->b.nif->flags &= ~(uint32_t)NETIF_UP;
	for (int i = 0; i < 40; i++)
		send_to(2);
	assert_int_equal(of(2)->queued, 32);
	assert_int_equal(p->a.st->drops[DROP_NEIGH_FULL], 8);
}

static void table_is_bounded(void **state)
{
	unsigned n = 0;

	assert_int_equal(stack_set(p->a.st, "gc_thresh3", "8"), 0);
	send_to(2);
	pair_settle(p);
	for (uint8_t i = 10; i < 60; i++) {
		send_to(i);
		send_to(2);		/* in use: stays */
	}
	for (struct neigh *e = neigh_next(p->a.st, NULL); e; e = neigh_next(p->a.st, e))
		n++;
	assert_int_equal(n, 8);
	assert_state(2, NEIGH_REACHABLE);
	assert_null(of(10));
	assert_non_null(of(59));
}

static void goes_with_its_interface(void **state)
{
	send_to(2);
	send_to(30);
	cable_clear(&p->a);
	netif_remove(p->a.nif);
	assert_null(neigh_next(p->a.st, NULL));
	p->a.nif = NULL;
}

/* A probe of RFC 5227 asks without an address: nothing is learned of it. */
static void arp_probe_is_answered(void **state)
{
	struct arp a = { .op = ARP_REQUEST, .sha = p->b.nif->mac, .spa = IP4_ANY, .tpa = v4_of(1) };
	struct frame f;
	struct wr w = wr_of(f.b + ETH_LEN, ARP_LEN);
	unsigned sent = p->a.sent;

	put_eth(&f, &p->a, ETHERTYPE_ARP);
	arp_emit(&w, &a);
	f.n += ARP_LEN;
	assert_int_equal(arrive(&p->a, &f), DROP_NONE);
	assert_int_equal(p->a.sent, sent + 1);
	assert_null(neigh_next(p->a.st, NULL));
}

/* Somebody says our address is his: we do not learn to send to him. */
static void own_address_is_not_learned(void **state)
{
	struct arp a = { .op = ARP_REPLY, .sha = p->b.nif->mac, .spa = v4_of(1), .tpa = v4_of(1) };
	struct frame f;
	struct wr w = wr_of(f.b + ETH_LEN, ARP_LEN);

	put_eth(&f, &p->a, ETHERTYPE_ARP);
	arp_emit(&w, &a);
	f.n += ARP_LEN;
	assert_int_equal(arrive(&p->a, &f), DROP_ARP_CONFLICT);
	assert_null(of(1));
}

#define BOTH(t) \
	{ #t " (ARP)", t, start4, end, NULL }, \
	{ #t " (ND)", t, start6, end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(answer_makes_reachable),
		BOTH(goes_stale_delay_probe_reachable),
		BOTH(probe_is_unicast),
		BOTH(silence_fails_and_tells),
		BOTH(silence_ends_a_connect),
		BOTH(unanswered_probes_fail),
		BOTH(confirmation_keeps_it_reachable),
		BOTH(advertisements),
		BOTH(queue_keeps_the_newest),
		BOTH(table_is_bounded),
		BOTH(goes_with_its_interface),
		cmocka_unit_test_setup_teardown(arp_probe_is_answered, start4, end),
		cmocka_unit_test_setup_teardown(own_address_is_not_learned, start4, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
