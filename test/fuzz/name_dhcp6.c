/* name_dhcp6.c - DHCP for IPv6: any message, and a client that hears any of them
 *
 * As name_dhcp4.c. What makes a message an answer is set right: number and client.
 */
#include "fuzz.h"
#include "name/dhcp6.h"
#include "proto/label.h"

static const struct mac mac = { { 2, 0, 0, 0, 0, 7 } };
static const uint8_t own[14] = { 0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 7 };

static void check_msg(const struct dhcp6_msg *m)
{
	uint8_t buf[8192];
	struct wr w = wr_of(buf, sizeof(buf));
	struct dhcp6_msg back;
	struct rd r;

	CHECK(!m->fqdn[0] || label_text_ok(m->fqdn));
	dhcp6_emit(&w, m);
	CHECK(!w.fail);
	r = rd_of(buf, wr_len(&w));
	CHECK(dhcp6_parse(&r, &back));
	CHECK(back.type == m->type && back.xid == m->xid && back.has_ia == m->has_ia);
	CHECK(back.n_dns == m->n_dns && strcmp(back.search, m->search) == 0);
	CHECK(back.server.n == m->server.n && strcmp(back.fqdn, m->fqdn) == 0);
	CHECK(!m->has_ia || (back.has_addr == m->has_addr && back.ia_status == m->ia_status));
}

/* All that is due; then the next thing is later. */
static void run(struct dhcp6 *c, usec now)
{
	uint8_t buf[DHCP6_MAX];
	struct dhcp6_msg m;
	struct rd r;
	size_t n;

	for (int i = 0; (n = dhcp6_run(c, now, buf, sizeof(buf))); i++) {
		CHECK(i < 3);
		r = rd_of(buf, n);
		CHECK(dhcp6_parse(&r, &m) && m.client.n && m.has_elapsed);
	}
	CHECK(dhcp6_deadline(c) > now);
	CHECK(!dhcp6_bound(c) || (c->t1 <= c->t2 && c->t2 <= c->expires && now < c->expires));
}

/* The message and its first option. */
static void make_answer(const struct dhcp6 *c, uint8_t *p, size_t n)
{
	if (n < 4 + sizeof(own))
		return;
	put_u32(p, (uint32_t)p[0] << 24 | c->xid);
	memcpy(p + 4, own, sizeof(own));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size), r;
	struct dhcp6_conf conf = { .mac = mac, .fqdn = "a.b" };
	usec now = USEC_PER_SEC;
	struct dhcp6_msg m;
	struct dhcp6 c;
	struct rng rng;

	r = in;
	if (dhcp6_parse(&r, &m))
		check_msg(&m);
	rng_seed(&rng, rd_left(&in));
	conf.stateless = rd_u8(&in) & 1;
	dhcp6_init(&c, &conf, &rng);
	dhcp6_start(&c, now);
	run(&c, now);
	while (rd_left(&in)) {
		size_t n;
		uint8_t *copy = next_piece(&in, &n);

		make_answer(&c, copy, n);
		r = rd_of(copy, n);
		dhcp6_input(&c, &r, now);
		run(&c, now + 1);
		if (dhcp6_event(&c) == DHCP6_CHECK)
			dhcp6_checked(&c, n & 1, now);
		run(&c, now + 1);
		now = n & 2 && dhcp6_deadline(&c) != NEVER ? dhcp6_deadline(&c) : now + 1;
		free(copy);
	}
	dhcp6_stop(&c);
	run(&c, now + 1);
	return 0;
}
