/* name_dhcp4.c - DHCP for IPv4: any message, and a client that hears any of them
 *
 * The first byte says in which state the client is; then messages follow, each
 * behind two bytes of length, with what the client looks at set right, and time
 * passes. What was parsed is written and read again as itself; the client never
 * talks without a pause, and has a lease or has not.
 */
#include "fuzz.h"
#include "name/dhcp4.h"
#include "proto/label.h"

static const struct mac mac = { { 2, 0, 0, 0, 0, 7 } };

static void check_text(const char *s, size_t size)
{
	CHECK(strnlen(s, size) < size);
	for (; *s; s++)
		CHECK(*s >= ' ' && *s <= '~');
}

static void check_msg(const struct dhcp4_msg *m)
{
	uint8_t buf[8192];
	struct wr w = wr_of(buf, sizeof(buf));
	struct dhcp4_msg back;
	struct rd r;

	CHECK(m->prefix <= 32 && m->n_route <= DHCP4_ROUTES && m->dns.n <= DHCP4_ADDRS);
	check_text(m->search, sizeof(m->search));
	check_text(m->note, sizeof(m->note));
	CHECK(!m->domain[0] || label_text_ok(m->domain));
	CHECK(!m->fqdn[0] || label_text_ok(m->fqdn));
	dhcp4_emit(&w, m);
	CHECK(!w.fail);
	r = rd_of(buf, wr_len(&w));
	CHECK(dhcp4_parse(&r, &back));
	back.has_routes = m->has_routes;	/* of one malformed this alone stays */
	CHECK(back.type == m->type && back.n_route == m->n_route);
	CHECK(memcmp(&back.route, &m->route, m->n_route * sizeof(m->route[0])) == 0);
	CHECK(strcmp(back.search, m->search) == 0 && strcmp(back.fqdn, m->fqdn) == 0);
	CHECK(back.lease == m->lease && ip_eq(&back.server, &m->server));
	CHECK(back.dns.n == m->dns.n && back.prefix == m->prefix && back.id_len == m->id_len);
}

/* All that is due; then the next thing is later. */
static void run(struct dhcp4 *c, usec now)
{
	uint8_t buf[DHCP4_MAX];
	struct dhcp4_dest to;
	struct dhcp4_msg m;
	struct rd r;
	size_t n;

	for (int i = 0; (n = dhcp4_run(c, now, buf, sizeof(buf), &to)); i++) {
		CHECK(i < 3);
		r = rd_of(buf, n);
		CHECK(dhcp4_parse(&r, &m) && !m.reply && m.type && mac_eq(&m.mac, &mac));
		CHECK(ip_eq(&to.to, &IP4_BROADCAST) == ip_is_any(&to.from));
	}
	CHECK(dhcp4_deadline(c) > now);
	CHECK(!dhcp4_bound(c) || (c->t1 <= c->t2 && c->t2 <= c->expires && now < c->expires));
}

static void start(struct dhcp4 *c, uint8_t how, usec now)
{
	struct dhcp4_conf conf = { .mac = mac, .fqdn = "a.b", .wish = IP4(10, 0, 0, 1),
				   .reboot = how & 1 };
	struct rng rng;

	rng_seed(&rng, how);
	dhcp4_init(c, &conf, &rng);
	dhcp4_start(c, now);
	run(c, now);
}

/* The fields that make a message an answer. */
static void make_answer(const struct dhcp4 *c, uint8_t *p, size_t n)
{
	if (n < 34)
		return;
	memcpy(p, "\2\1\6", 3);
	put_u32(p + 4, c->xid);
	memcpy(p + 28, mac.b, sizeof(mac.b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size), r;
	usec now = USEC_PER_SEC;
	struct dhcp4_msg m;
	struct dhcp4 c;

	r = in;
	if (dhcp4_parse(&r, &m))
		check_msg(&m);
	start(&c, rd_u8(&in), now);
	while (rd_left(&in)) {
		size_t n;
		uint8_t *copy = next_piece(&in, &n);

		make_answer(&c, copy, n);
		r = rd_of(copy, n);
		dhcp4_input(&c, &r, now);
		run(&c, now + 1);
		if (dhcp4_event(&c) == DHCP4_CHECK)
			dhcp4_checked(&c, n & 1, now);
		run(&c, now + 1);
		now = n & 2 && dhcp4_deadline(&c) != NEVER ? dhcp4_deadline(&c) : now + 1;
		free(copy);
	}
	dhcp4_stop(&c);
	run(&c, now + 1);
	return 0;
}
