/* name_dhcp6.c - DHCP for IPv6: options, and the client on a virtual clock
 *
 * The server is this file: it reads what the client sends and answers by hand.
 */
#include <stdio.h>

#include "name/dhcp6.h"
#include "unit.h"

#define S	USEC_PER_SEC

static const struct mac mac = { { 2, 0, 0, 0, 0, 7 } };
static const struct dhcp6_duid own = { 10, "\0\3\0\1\2\0\0\0\0\7" };
static const struct dhcp6_duid server = { 10, "\0\3\0\1\2\0\0\0\0\1" };
static const struct dhcp6_duid other = { 10, "\0\3\0\1\2\0\0\0\0\2" };
static const struct ip_addr ours = { { 0xfd, [15] = 7 } }, resolver = { { 0xfd, [15] = 3 } };

static struct dhcp6 c;
static usec now;

static struct dhcp6_msg parsed(const void *p, size_t n)
{
	struct rd r = rd_of(p, n);
	struct dhcp6_msg m;

	assert_true(dhcp6_parse(&r, &m));
	return m;
}

/* What it says now; type 0: nothing. */
static struct dhcp6_msg said(void)
{
	uint8_t buf[DHCP6_MAX];
	size_t n = dhcp6_run(&c, now, buf, sizeof(buf));
	struct dhcp6_msg m;

	if (!n)
		return (struct dhcp6_msg){ .type = 0 };
	m = parsed(buf, n);
	assert_true(m.has_elapsed);
	assert_memory_equal(&m.client, &own, sizeof(own));
	return m;
}

static struct dhcp6_msg next(void)
{
	assert_int_equal(said().type, 0);
	assert_true(dhcp6_deadline(&c) > now && dhcp6_deadline(&c) != NEVER);
	now = dhcp6_deadline(&c);
	return said();
}

static struct dhcp6_msg answer_to(const struct dhcp6_msg *m, enum dhcp6_type type)
{
	return (struct dhcp6_msg){
		.type = (uint8_t)type, .xid = m->xid, .client = m->client, .server = server,
		.has_ia = m->has_ia, .iaid = m->iaid, .has_addr = m->has_ia, .addr = ours,
		.preferred = 1000, .valid = 2000, .n_dns = 1, .dns = { resolver },
		.search = "home lab.home",
	};
}

static void tell(const struct dhcp6_msg *m)
{
	uint8_t buf[DHCP6_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	dhcp6_emit(&w, m);
	assert_false(w.fail);
	r = rd_of(buf, wr_len(&w));
	dhcp6_input(&c, &r, now);
}

static void answer(const struct dhcp6_msg *m, enum dhcp6_type type)
{
	struct dhcp6_msg a = answer_to(m, type);

	tell(&a);
}

static void start(bool stateless)
{
	struct dhcp6_conf conf = { .mac = mac, .fqdn = "web.home", .stateless = stateless };
	struct rng rng;

	rng_seed(&rng, 1);
	now = 100 * S;
	dhcp6_init(&c, &conf, &rng);
	assert_int_equal(dhcp6_deadline(&c), NEVER);
	dhcp6_start(&c, now);
}

static void be_bound(uint32_t preferred, uint32_t valid, uint32_t t1, uint32_t t2)
{
	struct dhcp6_msg m, a;

	start(false);
	m = said();
	a = answer_to(&m, DHCP6_REPLY);
	a.rapid = true;
	a.preferred = preferred;
	a.valid = valid;
	a.t1 = t1;
	a.t2 = t2;
	tell(&a);
	assert_int_equal(dhcp6_event(&c), DHCP6_CHECK);
	dhcp6_checked(&c, true, now);
	assert_int_equal(c.state, DHCP6_BOUND);
}

static bool asks(const struct dhcp6_msg *m, uint16_t code)
{
	for (unsigned i = 0; i < m->n_ask; i++) {
		if (m->ask[i] == code)
			return true;
	}
	return false;
}

static void four_messages(void **state)
{
	struct dhcp6_msg m;

	start(false);
	m = said();
	assert_int_equal(m.type, DHCP6_SOLICIT);
	assert_true(m.rapid && m.has_ia && m.iaid == 7 && !m.has_addr && !m.server.n);
	assert_true(asks(&m, 23) && asks(&m, 24) && asks(&m, 82) && m.elapsed == 0);
	assert_string_equal(m.fqdn, "web.home");
	answer(&m, DHCP6_ADVERTISE);
	m = next();				/* after the first second */
	assert_in_range(now, 101 * S + 1, 101 * S + S / 10);
	assert_int_equal(m.type, DHCP6_REQUEST);
	assert_memory_equal(&m.server, &server, sizeof(server));
	assert_true(m.has_addr && ip_eq(&m.addr, &ours) && !m.rapid && !asks(&m, 82));
	answer(&m, DHCP6_REPLY);
	assert_int_equal(dhcp6_event(&c), DHCP6_CHECK);
	assert_int_equal(dhcp6_deadline(&c), NEVER);
	assert_false(dhcp6_bound(&c));
	dhcp6_checked(&c, true, now);
	assert_true(dhcp6_bound(&c) && c.lease.n_dns == 1);
	assert_string_equal(c.lease.search, "home lab.home");
}

static void the_best_is_taken(void **state)
{
	struct dhcp6_msg m, a;

	start(false);
	m = said();
	answer(&m, DHCP6_ADVERTISE);
	a = answer_to(&m, DHCP6_ADVERTISE);
	a.server = other;
	a.preference = 7;
	tell(&a);
	answer(&m, DHCP6_ADVERTISE);
	m = next();
	assert_memory_equal(&m.server, &other, sizeof(other));

	start(false);
	m = said();
	a = answer_to(&m, DHCP6_ADVERTISE);
	a.preference = 255;
	tell(&a);
	assert_int_equal(said().type, DHCP6_REQUEST);	/* at once */

	start(false);
	said();
	m = next();
	answer(&m, DHCP6_ADVERTISE);		/* nobody in the first second */
	assert_int_equal(said().type, DHCP6_REQUEST);
}

static void no_addresses(void **state)
{
	struct dhcp6_msg m, a;

	start(false);
	m = said();
	a = answer_to(&m, DHCP6_ADVERTISE);
	a.status = DHCP6_NO_ADDRS;
	a.sol_max_rt = 60;
	tell(&a);
	a = answer_to(&m, DHCP6_ADVERTISE);
	a.ia_status = DHCP6_NO_ADDRS;
	tell(&a);
	a = answer_to(&m, DHCP6_ADVERTISE);
	a.has_addr = false;
	tell(&a);
	assert_false(c.advertised);
	assert_int_equal(c.sol_max_rt, 60);
	for (int i = 0; i < 20; i++)
		assert_int_equal(next().type, DHCP6_SOLICIT);
	assert_in_range(c.wait, 54 * S, 66 * S);
}

/* RFC 8415 15: doubled, a tenth more or less; the first longer than a second. */
static void backs_off(void **state)
{
	usec wait = 0;

	for (int i = 0; i < 3; i++) {
		start(false);
		said();
		assert_in_range(c.wait, S + 1, S + S / 10);
	}
	for (int i = 0; i < 14; i++) {
		wait = c.wait;
		assert_int_equal(next().type, DHCP6_SOLICIT);
		if (wait < 1600 * S)
			assert_in_range(c.wait, wait * 19 / 10, wait * 21 / 10);
	}
	assert_in_range(c.wait, 3240 * S, 3960 * S);
}

static void request_without_answer(void **state)
{
	struct dhcp6_msg m;
	int n = 1;

	start(false);
	m = said();
	answer(&m, DHCP6_ADVERTISE);
	next();
	while ((m = next()).type == DHCP6_REQUEST)
		n++;
	assert_int_equal(n, 10);
	assert_int_equal(m.type, DHCP6_SOLICIT);
}

static void only_what_is_meant(void **state)
{
	struct dhcp6_msg m, a;

	start(false);
	a = answer_to(&(struct dhcp6_msg){ .xid = c.xid, .client = own, .has_ia = true, .iaid = 7 },
		      DHCP6_REPLY);
	a.rapid = true;
	tell(&a);				/* before anything was asked */
	m = said();
	a = answer_to(&m, DHCP6_REPLY);		/* without rapid commit */
	tell(&a);
	a.rapid = true;
	a.xid ^= 1;
	tell(&a);
	a.xid ^= 1;
	a.client = other;
	tell(&a);
	a.client = own;
	a.server.n = 0;
	tell(&a);
	a.server = server;
	assert_int_equal(c.state, DHCP6_SOLICITING);
	assert_int_equal(dhcp6_event(&c), DHCP6_NOTHING);
	tell(&a);
	assert_int_equal(dhcp6_event(&c), DHCP6_CHECK);
}

static void somebody_has_it(void **state)
{
	struct dhcp6_msg m;

	start(false);
	m = said();
	answer(&m, DHCP6_ADVERTISE);
	m = next();
	answer(&m, DHCP6_REPLY);
	dhcp6_checked(&c, false, now);
	m = said();
	assert_int_equal(m.type, DHCP6_DECLINE);
	assert_true(m.has_addr && ip_eq(&m.addr, &ours));
	assert_memory_equal(&m.server, &server, sizeof(server));
	m = next();
	assert_int_equal(m.type, DHCP6_DECLINE);
	m.has_ia = false;
	answer(&m, DHCP6_REPLY);
	assert_int_equal(said().type, DHCP6_SOLICIT);
}

static void renews(void **state)
{
	struct dhcp6_msg m, a;

	be_bound(1000, 2000, 0, 0);
	m = next();
	assert_int_equal(now, 600 * S);		/* half of the preferred time */
	assert_int_equal(m.type, DHCP6_RENEW);
	assert_memory_equal(&m.server, &server, sizeof(server));
	assert_true(m.has_addr && ip_eq(&m.addr, &ours));
	a = answer_to(&m, DHCP6_REPLY);
	a.server = other;
	tell(&a);
	assert_int_equal(c.state, DHCP6_RENEWING);
	answer(&m, DHCP6_REPLY);
	assert_int_equal(dhcp6_event(&c), DHCP6_RENEWED);
	assert_int_equal(c.expires, now + 2000 * S);
}

static void rebinds_then_loses_it(void **state)
{
	struct dhcp6_msg m;
	int n = 0;

	be_bound(1000, 2000, 200, 300);
	for (m = next(); m.type == DHCP6_RENEW; m = next())
		n++;
	assert_int_equal(now, 400 * S);
	assert_in_range(n, 3, 5);		/* 10, 20, 40 ... */
	for (n = 0; m.type == DHCP6_REBIND; m = next(), n++)
		assert_int_equal(m.server.n, 0);
	assert_int_equal(now, 2100 * S);
	assert_in_range(n, 6, 10);
	assert_int_equal(dhcp6_event(&c), DHCP6_LOST);
	assert_int_equal(m.type, DHCP6_SOLICIT);
}

static void another_server_renews(void **state)
{
	struct dhcp6_msg m, a;

	be_bound(1000, 2000, 200, 300);
	do
		m = next();
	while (m.type != DHCP6_REBIND);
	a = answer_to(&m, DHCP6_REPLY);
	a.server = other;
	tell(&a);
	assert_int_equal(dhcp6_event(&c), DHCP6_RENEWED);
	assert_memory_equal(&c.lease.server, &other, sizeof(other));
}

static void forgotten_by_the_server(void **state)
{
	struct dhcp6_msg m, a;

	be_bound(1000, 2000, 0, 0);
	m = next();
	a = answer_to(&m, DHCP6_REPLY);
	a.has_addr = false;
	a.ia_status = DHCP6_NO_BINDING;
	tell(&a);
	assert_int_equal(dhcp6_event(&c), DHCP6_LOST);
	m = said();
	assert_int_equal(m.type, DHCP6_REQUEST);
	answer(&m, DHCP6_REPLY);
	assert_int_equal(dhcp6_event(&c), DHCP6_CHECK);
}

static void taken_back(void **state)
{
	struct dhcp6_msg m, a;

	be_bound(1000, 2000, 0, 0);
	m = next();
	a = answer_to(&m, DHCP6_REPLY);
	a.preferred = a.valid = 0;
	tell(&a);
	assert_int_equal(dhcp6_event(&c), DHCP6_LOST);
	assert_int_equal(said().type, DHCP6_SOLICIT);
}

/* Refused again and again: at once, then with ever longer pauses. */
static void refused(void **state)
{
	usec wait = 0;

	start(false);
	for (int i = 0; i < 6; i++) {
		struct dhcp6_msg m = i > 1 ? next() : said(), a = answer_to(&m, DHCP6_REPLY);

		assert_int_equal(m.type, DHCP6_SOLICIT);
		a.rapid = true;
		a.has_addr = false;
		a.ia_status = DHCP6_NO_ADDRS;
		tell(&a);
		assert_true(dhcp6_deadline(&c) - now >= wait);
		wait = dhcp6_deadline(&c) - now;
	}
	assert_int_equal(wait, 160 * S);
}

static void for_ever(void **state)
{
	be_bound(UINT32_MAX, UINT32_MAX, 0, 0);
	assert_int_equal(dhcp6_deadline(&c), NEVER);
}

static void odd_times(void **state)
{
	be_bound(1, 1, 0, 0);
	assert_true(c.t1 > now && c.t1 <= c.t2 && c.t2 <= c.expires);
	while (dhcp6_bound(&c))
		next();
	be_bound(0, 100, 0, 0);			/* deprecated from the beginning */
	assert_int_equal(c.t1, now + 50 * S);
	be_bound(10, 20, 500, 600);
	assert_int_equal(c.t1, c.expires);
}

static void stateless(void **state)
{
	struct dhcp6_msg m, a;
	usec told;

	start(true);
	m = said();
	assert_int_equal(m.type, DHCP6_INFORMATION);
	assert_true(asks(&m, 23) && asks(&m, 32) && asks(&m, 83) && !m.has_ia && !m.fqdn[0]);
	answer(&m, DHCP6_REPLY);
	assert_int_equal(dhcp6_event(&c), DHCP6_LEARNT);
	told = now;
	m = next();
	assert_int_equal(now - told, 86400 * S);
	a = answer_to(&m, DHCP6_REPLY);
	a.refresh = 5;
	tell(&a);
	assert_int_equal(dhcp6_deadline(&c), now + 600 * S);
	dhcp6_stop(&c);
	assert_int_equal(said().type, 0);
}

static void gives_it_back(void **state)
{
	struct dhcp6_msg m;

	be_bound(1000, 2000, 0, 0);
	dhcp6_stop(&c);
	assert_int_equal(dhcp6_deadline(&c), 0);
	m = said();
	assert_int_equal(m.type, DHCP6_RELEASE);
	assert_true(m.has_addr && ip_eq(&m.addr, &ours) && m.server.n);
	assert_int_equal(said().type, 0);
	assert_int_equal(dhcp6_deadline(&c), NEVER);
}

/* --- options --- */

static void there_and_back(void **state)
{
	struct dhcp6_msg m = answer_to(&(struct dhcp6_msg){ .xid = 0xabcdef, .client = own,
							    .has_ia = true, .iaid = 9 },
				       DHCP6_REPLY), back;
	uint8_t buf[DHCP6_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	m.rapid = m.has_elapsed = true;
	m.preference = 3;
	m.status = 1;
	m.ia_status = 2;
	m.elapsed = 17;
	m.t1 = 5;
	m.t2 = 6;
	m.n_ask = 2;
	m.ask[0] = 23;
	m.ask[1] = 999;
	m.sol_max_rt = 60;
	m.inf_max_rt = 86400;
	m.refresh = 7;
	strcpy(m.fqdn, "web.home");
	dhcp6_emit(&w, &m);
	assert_false(w.fail);
	back = parsed(buf, wr_len(&w));
	assert_memory_equal(&back, &m, sizeof(m));
	for (size_t n = 0; n < wr_len(&w); n++) {
		struct rd r = rd_of(buf, n);

		if (dhcp6_parse(&r, &back))	/* cut between two options */
			assert_true(n >= 4);
	}
}

static bool parses(const void *p, size_t n, struct dhcp6_msg *m)
{
	struct rd r = rd_of(p, n);

	return dhcp6_parse(&r, m);
}
#define PARSES(s, m) parses(s, sizeof(s) - 1, m)

static void odd_options(void **state)
{
	struct dhcp6_msg m;

	assert_true(PARSES("\7\0\0\1", &m));
	assert_false(PARSES("\7\0\0", &m));
	assert_false(PARSES("\x0c\0\0\1", &m));				/* a relay's */
	assert_false(PARSES("\7\0\0\1\0\1", &m));
	assert_false(PARSES("\7\0\0\1\0\1\0\5abc", &m));
	assert_false(PARSES("\7\0\0\1\0\1\0\2ab", &m));			/* a DUID of 2 */
	assert_true(PARSES("\7\0\0\1\xff\xff\0\2ab", &m));		/* unknown */
	assert_true(PARSES("\7\0\0\1\0\x27\0\3\0\1a", &m));		/* RFC 4704 4.2 */
	assert_string_equal(m.fqdn, "");
	assert_true(PARSES("\7\0\0\1\0\x27\0\4\0\1a\0", &m));
	assert_string_equal(m.fqdn, "a");
	assert_true(PARSES("\7\0\0\1\0\7\0\1\5\0\7\0\1\6", &m));
	assert_int_equal(m.preference, 5);				/* the first */
	assert_true(PARSES("\7\0\0\1\0\x52\0\4\0\0\0\x3b", &m));
	assert_int_equal(m.sol_max_rt, 0);				/* 59 */
	assert_false(PARSES("\7\0\0\1\0\x52\0\2\0\0", &m));
	assert_true(PARSES("\7\0\0\1\0\3\0\xc\0\0\0\1\0\0\0\2\0\0\0\1", &m));
	assert_false(m.has_ia);						/* T1 > T2 */
	assert_false(PARSES("\7\0\0\1\0\3\0\xe\0\0\0\1\0\0\0\0\0\0\0\0\0\5", &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_messages),
		cmocka_unit_test(the_best_is_taken),
		cmocka_unit_test(no_addresses),
		cmocka_unit_test(backs_off),
		cmocka_unit_test(request_without_answer),
		cmocka_unit_test(only_what_is_meant),
		cmocka_unit_test(somebody_has_it),
		cmocka_unit_test(renews),
		cmocka_unit_test(rebinds_then_loses_it),
		cmocka_unit_test(another_server_renews),
		cmocka_unit_test(forgotten_by_the_server),
		cmocka_unit_test(taken_back),
		cmocka_unit_test(refused),
		cmocka_unit_test(for_ever),
		cmocka_unit_test(odd_times),
		cmocka_unit_test(stateless),
		cmocka_unit_test(gives_it_back),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(odd_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
