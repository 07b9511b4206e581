/* name_dhcp4.c - DHCP for IPv4: options, and the client on a virtual clock
 *
 * The server is this file: it reads what the client sends and answers by hand.
 */
#include <stdio.h>

#include "name/dhcp4.h"
#include "unit.h"

#define S	USEC_PER_SEC

static const struct mac mac = { { 2, 0, 0, 0, 0, 7 } };
static const struct ip_addr server = IP4(10, 0, 2, 2), other = IP4(10, 0, 2, 9);
static const struct ip_addr ours = IP4(10, 0, 2, 15);

static struct dhcp4 c;
static usec now;
static struct dhcp4_dest to;

static bool eq(struct ip_addr a, struct ip_addr b)
{
	return ip_eq(&a, &b);
}

static struct dhcp4_msg parsed(const void *p, size_t n)
{
	struct rd r = rd_of(p, n);
	struct dhcp4_msg m;

	assert_true(dhcp4_parse(&r, &m));
	return m;
}

/* What it says now; type 0: nothing. */
static struct dhcp4_msg said(void)
{
	uint8_t buf[DHCP4_MAX];
	size_t n = dhcp4_run(&c, now, buf, sizeof(buf), &to);

	if (!n)
		return (struct dhcp4_msg){ .type = 0 };
	assert_true(n >= 300);
	return parsed(buf, n);
}

/* What it says next, whenever that is. */
static struct dhcp4_msg next(void)
{
	assert_int_equal(said().type, 0);
	assert_true(dhcp4_deadline(&c) > now && dhcp4_deadline(&c) != NEVER);
	now = dhcp4_deadline(&c);
	return said();
}

static struct dhcp4_msg answer_to(const struct dhcp4_msg *m, enum dhcp4_type type)
{
	return (struct dhcp4_msg){
		.reply = true, .type = type, .xid = m->xid, .mac = m->mac,
		.client = IP4_ANY, .yours = ours, .next = IP4_ANY, .relay = IP4_ANY,
		.wish = IP4_ANY, .server = server, .subnet_broadcast = IP4_ANY,
		.lease = 3600, .prefix = 24, .router = { 1, { server } },
	};
}

static void tell(const struct dhcp4_msg *m)
{
	uint8_t buf[DHCP4_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	dhcp4_emit(&w, m);
	assert_false(w.fail);
	r = rd_of(buf, wr_len(&w));
	dhcp4_input(&c, &r, now);
}

static void answer(const struct dhcp4_msg *m, enum dhcp4_type type)
{
	struct dhcp4_msg a = answer_to(m, type);

	tell(&a);
}

static void start(const struct dhcp4_conf *conf)
{
	struct rng rng;

	rng_seed(&rng, 1);
	now = 100 * S;
	dhcp4_init(&c, conf, &rng);
	assert_int_equal(dhcp4_deadline(&c), NEVER);
	dhcp4_start(&c, now);
}

static void plain(void)
{
	start(&(struct dhcp4_conf){ .mac = mac, .fqdn = "web.home" });
}

static void be_bound(uint32_t lease, uint32_t t1, uint32_t t2)
{
	struct dhcp4_msg m, a;

	plain();
	m = said();
	answer(&m, DHCP4_OFFER);
	m = said();
	a = answer_to(&m, DHCP4_ACK);
	a.lease = lease;
	a.t1 = t1;
	a.t2 = t2;
	tell(&a);
	assert_int_equal(dhcp4_event(&c), DHCP4_CHECK);
	dhcp4_checked(&c, true, now);
	assert_int_equal(c.state, DHCP4_BOUND);
}

static bool asks(const struct dhcp4_msg *m, uint8_t code)
{
	return memchr(m->ask, code, m->n_ask);
}

static void four_messages(void **state)
{
	struct dhcp4_msg m;

	plain();
	m = said();
	assert_int_equal(m.type, DHCP4_DISCOVER);
	assert_true(eq(to.to, IP4_BROADCAST) && eq(to.from, IP4_ANY));
	assert_true(m.rapid && m.broadcast && !m.reply && mac_eq(&m.mac, &mac) && m.max_size == 1500);
	assert_string_equal(m.fqdn, "web.home");
	assert_int_equal(m.id_len, 15);		/* RFC 4361 */
	assert_memory_equal(m.id, "\xff\0\0\0\7\0\3\0\1\2\0\0\0\0\7", 15);
	assert_true(asks(&m, 1) && asks(&m, 3) && asks(&m, 6) && asks(&m, 15) && asks(&m, 121));
	assert_int_equal(said().type, 0);
	answer(&m, DHCP4_OFFER);
	m = said();
	assert_int_equal(m.type, DHCP4_REQUEST);
	assert_true(eq(m.wish, ours) && eq(m.server, server) && eq(m.client, IP4_ANY));
	assert_true(eq(to.to, IP4_BROADCAST));
	answer(&m, DHCP4_ACK);
	assert_int_equal(dhcp4_event(&c), DHCP4_CHECK);
	assert_int_equal(dhcp4_event(&c), DHCP4_NOTHING);
	assert_int_equal(dhcp4_deadline(&c), NEVER);
	assert_false(dhcp4_bound(&c));
	dhcp4_checked(&c, true, now);
	assert_true(dhcp4_bound(&c) && c.lease.prefix == 24 && eq(c.lease.router.a[0], server));
}

static void two_messages(void **state)
{
	struct dhcp4_msg m, a;

	plain();
	m = said();
	answer(&m, DHCP4_ACK);			/* not asked for without option 80 */
	assert_int_equal(c.state, DHCP4_SELECTING);
	a = answer_to(&m, DHCP4_ACK);
	a.rapid = true;
	tell(&a);
	assert_int_equal(dhcp4_event(&c), DHCP4_CHECK);
}

/* RFC 2131 4.1: 4, 8, 16, 32, 64, 64 seconds, each one more or less. */
static void backs_off(void **state)
{
	static const usec waits[] = { 4, 8, 16, 32, 64, 64, 64 };
	bool differs = false;
	uint32_t xid;

	plain();
	xid = said().xid;
	for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
		usec was = now;
		struct dhcp4_msg m = next();

		assert_int_equal(m.type, DHCP4_DISCOVER);
		assert_int_equal(m.xid, xid);
		assert_int_equal(m.secs, (now - 100 * S) / S);
		assert_in_range(now - was, (waits[i] - 1) * S, (waits[i] + 1) * S);
		differs = differs || now - was != waits[i] * S;
	}
	assert_true(differs);
}

static void request_without_answer(void **state)
{
	struct dhcp4_msg m;
	uint32_t xid;

	plain();
	m = said();
	xid = m.xid;
	answer(&m, DHCP4_OFFER);
	assert_int_equal(said().type, DHCP4_REQUEST);
	for (int i = 0; i < 3; i++)
		assert_int_equal(next().type, DHCP4_REQUEST);
	m = next();
	assert_int_equal(m.type, DHCP4_DISCOVER);
	assert_true(m.xid != xid);
}

static void only_what_is_meant(void **state)
{
	struct dhcp4_msg m, a;

	plain();
	m = said();
	a = answer_to(&m, DHCP4_OFFER);
	a.xid++;
	tell(&a);
	a = answer_to(&m, DHCP4_OFFER);
	a.mac.b[5]++;
	tell(&a);
	a = answer_to(&m, DHCP4_OFFER);
	a.server = IP4_ANY;
	tell(&a);
	a = answer_to(&m, DHCP4_OFFER);
	a.yours = IP4(224, 0, 0, 1);
	tell(&a);
	a.yours = IP4(0, 0, 0, 9);
	tell(&a);
	a = answer_to(&m, DHCP4_OFFER);
	a.reply = false;
	tell(&a);
	answer(&m, DHCP4_NAK);
	assert_int_equal(c.state, DHCP4_SELECTING);
	answer(&m, DHCP4_OFFER);
	m = said();
	a = answer_to(&m, DHCP4_ACK);
	a.server = other;
	tell(&a);
	a = answer_to(&m, DHCP4_NAK);
	a.server = other;
	tell(&a);
	a = answer_to(&m, DHCP4_ACK);
	a.lease = 0;
	tell(&a);
	assert_int_equal(c.state, DHCP4_REQUESTING);
}

/* Refused again and again: at once, then with ever longer pauses. */
static void refused(void **state)
{
	usec was, wait = 0;

	plain();
	for (int i = 0; i < 7; i++) {
		struct dhcp4_msg m = i ? next() : said();

		answer(&m, DHCP4_OFFER);
		m = said();
		answer(&m, DHCP4_NAK);
		assert_int_equal(c.state, DHCP4_PAUSE);
		was = now;
		assert_true(dhcp4_deadline(&c) - was >= wait);
		wait = dhcp4_deadline(&c) - was;
		if (i == 0) {
			assert_int_equal(wait, 0);
			now++;
			assert_int_equal(said().type, DHCP4_DISCOVER);
		}
	}
	assert_int_equal(wait, 64 * S);
}

static void somebody_has_it(void **state)
{
	struct dhcp4_msg m;
	usec was;

	plain();
	m = said();
	answer(&m, DHCP4_OFFER);
	m = said();
	answer(&m, DHCP4_ACK);
	dhcp4_checked(&c, false, now);
	was = now;
	m = said();
	assert_int_equal(m.type, DHCP4_DECLINE);
	assert_true(eq(m.wish, ours) && eq(m.server, server) && eq(m.client, IP4_ANY));
	assert_true(eq(to.to, IP4_BROADCAST) && !m.n_ask && m.id_len);
	m = next();
	assert_int_equal(m.type, DHCP4_DISCOVER);
	assert_true(eq(m.wish, IP4_ANY));
	assert_true(now - was >= 10 * S);	/* RFC 2131 3.1.5 */
}

static void somebody_takes_it(void **state)
{
	be_bound(3600, 0, 0);
	dhcp4_checked(&c, true, now);
	assert_int_equal(c.state, DHCP4_BOUND);
	dhcp4_checked(&c, false, now);
	assert_int_equal(said().type, DHCP4_DECLINE);
	assert_int_equal(next().type, DHCP4_DISCOVER);
}

static void renews(void **state)
{
	struct dhcp4_msg m;
	usec bound;

	be_bound(3600, 0, 0);
	bound = now;
	m = next();
	assert_int_equal(m.type, DHCP4_REQUEST);
	assert_in_range(now - bound, 1687 * S, 1800 * S);
	assert_true(eq(to.to, server) && eq(to.from, ours));
	assert_true(eq(m.client, ours) && eq(m.wish, IP4_ANY) && eq(m.server, IP4_ANY));
	assert_false(m.broadcast);
	answer(&m, DHCP4_ACK);
	assert_int_equal(dhcp4_event(&c), DHCP4_RENEWED);
	assert_int_equal(c.expires, now + 3600 * S);
	assert_int_equal(c.state, DHCP4_BOUND);
}

static void rebinds_then_loses_it(void **state)
{
	struct dhcp4_msg m;
	usec bound;
	int n = 0;

	be_bound(3600, 1000, 2000);
	bound = now;
	for (m = next(); c.state == DHCP4_RENEWING; m = next(), n++)
		assert_true(eq(to.to, server));
	assert_int_equal(now, bound + 2000 * S);
	assert_in_range(n, 3, 12);		/* halves, not less than a minute */
	for (n = 0; dhcp4_bound(&c); m = next(), n++) {
		assert_true(eq(to.to, IP4_BROADCAST) && eq(m.client, ours));
		assert_int_equal(m.type, DHCP4_REQUEST);
	}
	assert_in_range(n, 3, 12);
	assert_int_equal(now, bound + 3600 * S);
	assert_int_equal(dhcp4_event(&c), DHCP4_LOST);
	assert_int_equal(m.type, DHCP4_DISCOVER);
	assert_true(eq(m.wish, ours));
}

static void another_server_renews(void **state)
{
	struct dhcp4_msg m, a;

	be_bound(3600, 1000, 2000);
	do
		m = next();
	while (c.state != DHCP4_REBINDING);
	a = answer_to(&m, DHCP4_ACK);
	a.server = other;
	tell(&a);
	assert_int_equal(dhcp4_event(&c), DHCP4_RENEWED);
	assert_true(eq(c.lease.server, other));
}

static void refused_when_renewing(void **state)
{
	struct dhcp4_msg m;

	be_bound(3600, 0, 0);
	m = next();
	answer(&m, DHCP4_NAK);
	assert_int_equal(dhcp4_event(&c), DHCP4_LOST);
	m = said();
	assert_int_equal(m.type, DHCP4_DISCOVER);
	assert_true(eq(m.wish, IP4_ANY));
}

static void for_ever(void **state)
{
	be_bound(UINT32_MAX, 0, 0);
	assert_int_equal(dhcp4_deadline(&c), NEVER);
	now += 1000000 * S;
	assert_int_equal(said().type, 0);
}

/* Times that make no sense are ours instead. */
static void odd_times(void **state)
{
	be_bound(1000, 900, 800);
	assert_int_equal(c.t2 - now, 875 * S);
	assert_in_range(c.t1 - now, 468 * S, 500 * S);
	be_bound(1, 0, 0);
	assert_true(c.t1 > now && c.t1 <= c.t2 && c.t2 <= c.expires);
	while (dhcp4_bound(&c))
		next();
	assert_int_equal(dhcp4_event(&c), DHCP4_LOST);
}

static void init_reboot(void **state)
{
	struct dhcp4_conf conf = { .mac = mac, .wish = ours, .reboot = true };
	struct dhcp4_msg m;

	start(&conf);
	m = said();
	assert_int_equal(m.type, DHCP4_REQUEST);
	assert_true(eq(m.wish, ours) && eq(m.server, IP4_ANY) && eq(m.client, IP4_ANY));
	answer(&m, DHCP4_ACK);
	assert_int_equal(dhcp4_event(&c), DHCP4_CHECK);

	start(&conf);
	m = said();
	answer(&m, DHCP4_NAK);
	now++;
	assert_int_equal(said().type, DHCP4_DISCOVER);

	start(&conf);
	assert_int_equal(said().type, DHCP4_REQUEST);
	assert_int_equal(next().type, DHCP4_REQUEST);
	m = next();
	assert_int_equal(m.type, DHCP4_DISCOVER);
	assert_true(eq(m.wish, ours));
}

static void gives_it_back(void **state)
{
	struct dhcp4_msg m;

	be_bound(3600, 0, 0);
	dhcp4_stop(&c);
	assert_int_equal(dhcp4_deadline(&c), 0);
	m = said();
	assert_int_equal(m.type, DHCP4_RELEASE);
	assert_true(eq(to.to, server) && eq(to.from, ours) && eq(m.client, ours));
	assert_int_equal(said().type, 0);
	assert_int_equal(dhcp4_deadline(&c), NEVER);
	plain();
	dhcp4_stop(&c);
	assert_int_equal(said().type, 0);
}

/* --- options --- */

static struct dhcp4_msg full(void)
{
	struct dhcp4_msg m = answer_to(&(struct dhcp4_msg){ .xid = 7, .mac = mac }, DHCP4_ACK);

	m.rapid = m.broadcast = m.has_routes = true;
	m.t1 = 1;
	m.t2 = 2;
	m.mtu = 1400;
	m.subnet_broadcast = IP4(10, 0, 2, 255);
	m.dns = (struct dhcp4_addrs){ 2, { server, other } };
	m.ntp = (struct dhcp4_addrs){ 1, { other } };
	m.n_route = 3;
	m.route[0] = (struct dhcp4_route){ IP4_ANY, server, 0 };
	m.route[1] = (struct dhcp4_route){ IP4(192, 168, 0, 0), other, 17 };
	m.route[2] = (struct dhcp4_route){ IP4(192, 0, 2, 1), IP4_ANY, 32 };
	strcpy(m.host, "web");
	strcpy(m.domain, "home.example");
	strcpy(m.fqdn, "web.home.example");
	strcpy(m.note, "no more");
	for (int i = 0; i < 10; i++)		/* longer than one option can be */
		sprintf(m.search + strlen(m.search), "%sa-rather-long-name-%d.home.example",
			i ? " " : "", i);
	return m;
}

static void there_and_back(void **state)
{
	struct dhcp4_msg m = full(), back;
	uint8_t buf[DHCP4_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	dhcp4_emit(&w, &m);
	assert_false(w.fail);
	back = parsed(buf, wr_len(&w));
	assert_memory_equal(&back.route, &m.route, sizeof(m.route));
	assert_string_equal(back.search, m.search);
	assert_memory_equal(&back, &m, sizeof(m));
}

/* The options of a message, by hand, behind the fixed part. */
static bool with_options(const void *opts, size_t n, struct dhcp4_msg *m)
{
	struct dhcp4_msg plain_msg = answer_to(&(struct dhcp4_msg){ .mac = mac }, DHCP4_ACK);
	uint8_t buf[DHCP4_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	dhcp4_emit(&w, &plain_msg);
	memcpy(buf + 240, opts, n);
	r = rd_of(buf, 240 + n);
	return dhcp4_parse(&r, m);
}
#define OPTIONS(s, m) with_options(s, sizeof(s) - 1, m)

static void odd_options(void **state)
{
	struct dhcp4_msg m;

	assert_true(OPTIONS("", &m) && m.type == 0);
	assert_true(OPTIONS("\x35\1\5", &m) && m.type == DHCP4_ACK);	/* without an end */
	assert_false(OPTIONS("\x35", &m));
	assert_false(OPTIONS("\x35\5\5", &m));
	assert_true(OPTIONS("\x35\1\x63\xff", &m) && m.type == 0);
	assert_true(OPTIONS("\1\4\xff\0\xff\0\xff", &m) && m.prefix == 0);	/* with a hole */
	assert_true(OPTIONS("\1\4\xff\xff\xff\xfe\xff", &m) && m.prefix == 31);
	assert_true(OPTIONS("\3\7\x0a\0\2\2\x0a\0\2\xff", &m) && m.router.n == 1);
	assert_true(OPTIONS("\3\x8\0\0\0\0\x7f\0\0\1\xff", &m) && m.router.n == 0);
	assert_true(OPTIONS("\x0f\x4home\xff", &m));
	assert_string_equal(m.domain, "home");
	assert_true(OPTIONS("\x0f\x6home.\0\xff", &m));
	assert_string_equal(m.domain, "home");
	assert_true(OPTIONS("\x0f\x9" "ho me\nxyz\xff", &m));
	assert_string_equal(m.domain, "");
	assert_true(OPTIONS("\x1a\2\0\x43\xff", &m) && m.mtu == 0);
	assert_true(OPTIONS("\x0f\2ho\0\0\x0f\2me\xff", &m));		/* RFC 3396 */
	assert_string_equal(m.domain, "home");
	assert_true(OPTIONS("\x79\2\x21\1\xff", &m) && m.has_routes && m.n_route == 0);
}

static void compressed_domains(void **state)
{
	struct dhcp4_msg m;

	assert_true(OPTIONS("\x77\x10\4home\0\3lab\xc0\0\3web\xff", &m));
	assert_string_equal(m.search, "home lab.home");	/* cut at the third */
	assert_true(OPTIONS("\x77\x12\4home\0\3lab\xc0\0\3web\xc0\6\xff", &m));
	assert_string_equal(m.search, "home lab.home web.lab.home");
	assert_true(OPTIONS("\x77\4\1a\xc0\0\xff", &m));		/* of itself */
	assert_string_equal(m.search, "");
	assert_true(OPTIONS("\x77\2\xc0\0\xff", &m));
	assert_string_equal(m.search, "");
	assert_true(OPTIONS("\x77\4\xc0\2\xc0\0\xff", &m));		/* forwards */
	assert_string_equal(m.search, "");
}

/* Options where file and server names are (option 52). */
static void overloaded(void **state)
{
	struct dhcp4_msg first = answer_to(&(struct dhcp4_msg){ .mac = mac }, DHCP4_ACK), m;
	uint8_t buf[DHCP4_MAX];
	struct wr w = wr_of(buf, sizeof(buf));
	struct rd r;

	dhcp4_emit(&w, &first);
	memcpy(buf + 44, "\x0f\4ware\xff", 7);		/* sname */
	memcpy(buf + 108, "\x0f\4hard\xff", 7);		/* file */
	memcpy(buf + 240, "\x35\1\5\x34\1\3\xff", 7);
	r = rd_of(buf, wr_len(&w));
	assert_true(dhcp4_parse(&r, &m));
	assert_string_equal(m.domain, "hardware");
	buf[245] = 2;
	r = rd_of(buf, wr_len(&w));
	assert_true(dhcp4_parse(&r, &m));
	assert_string_equal(m.domain, "ware");
	memcpy(buf + 44, "\x0f\x3fware", 6);
	r = rd_of(buf, wr_len(&w));
	assert_false(dhcp4_parse(&r, &m));
}

static void cut_short(void **state)
{
	struct dhcp4_msg m = full();
	uint8_t buf[DHCP4_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	dhcp4_emit(&w, &m);
	for (size_t n = 0; n < 240; n++) {
		struct rd r = rd_of(buf, n);

		assert_false(dhcp4_parse(&r, &m));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_messages),
		cmocka_unit_test(two_messages),
		cmocka_unit_test(backs_off),
		cmocka_unit_test(request_without_answer),
		cmocka_unit_test(only_what_is_meant),
		cmocka_unit_test(refused),
		cmocka_unit_test(somebody_has_it),
		cmocka_unit_test(somebody_takes_it),
		cmocka_unit_test(renews),
		cmocka_unit_test(rebinds_then_loses_it),
		cmocka_unit_test(another_server_renews),
		cmocka_unit_test(refused_when_renewing),
		cmocka_unit_test(for_ever),
		cmocka_unit_test(odd_times),
		cmocka_unit_test(init_reboot),
		cmocka_unit_test(gives_it_back),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(odd_options),
		cmocka_unit_test(compressed_domains),
		cmocka_unit_test(overloaded),
		cmocka_unit_test(cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
