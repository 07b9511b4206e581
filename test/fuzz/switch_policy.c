/* switch_policy.c - guards, suppression, snooping and filters, driven by any bytes
 *
 * Each step is a byte: time, ports that come and go, settings, or a frame: one of
 * those the modules read (ARP, neighbour discovery, IGMP, MLD, others) of which any byte
 * may be changed, as bytes or as a packet cut anywhere. Whatever happens: no frame with a
 * foreign address gets past port 1's guard (told by a reader of its own here), nor what a
 * router or a DHCP server says past port 2's; an
 * answer goes to who asked and to nobody else; a frame goes to no port twice; what is
 * refused goes nowhere; the tables agree with the counts and stay within their limits.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "base/sum.h"
#include "fuzz.h"
#include "switch/policy.h"

#define PORTS	5
#define GUARDED	1
#define HOST	2
#define LEN	200

struct world {
	struct core	core;
	struct policy	policy;
	struct arena	*arena;
	uint32_t	from;
	unsigned	got;		/* a bit for each port */
	usec		now;
};

static void out(void *ctx, uint32_t port, const struct frame *f)
{
	struct world *w = ctx;

	CHECK(port < PORTS && w->core.port[port].up);
	CHECK(!(w->got >> port & 1));
	w->got |= 1u << port;
}

/* --- frames --- */

static const uint8_t templates[][80] = {
	/* ARP */
	"\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\x06\0\1\x08\0\6\4\0\1\2\0\0\0\0\1\x0a\0\0\1"
	"\0\0\0\0\0\0\x0a\0\0\2",
	/* NS, NA with an option */
	"\x33\x33\xff\0\0\2\2\0\0\0\0\1\x86\xdd\x60\0\0\0\0\x20\x3a\xff\xfe\x80\0\0\0\0\0\0\0\0\0\xff\xfe\0\0\1"
	"\xff\2\0\0\0\0\0\0\0\0\0\1\xff\0\0\2\x87\0\0\0\0\0\0\0",
	"\x33\x33\0\0\0\1\2\0\0\0\0\1\x86\xdd\x60\0\0\0\0\x20\x3a\xff\xfe\x80\0\0\0\0\0\0\0\0\0\xff\xfe\0\0\1"
	"\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x88\0\0\0\x60\0\0\0",
	/* UDP from 10.0.0.1, and from 0.0.0.0 */
	"\1\0\x5e\1\2\3\2\0\0\0\0\1\x08\0\x45\0\0\x20\0\0\0\0\x40\x11\0\0\x0a\0\0\1\xef\1\2\3\0\x44\0\x43\0\x0c",
	"\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\0\x45\0\0\x20\0\0\0\0\x40\x11\0\0\0\0\0\0\xff\xff\xff\xff\0\x44\0\x43\0\x0c",
	/* IGMP query, version 2 report, version 3 report */
	"\1\0\x5e\0\0\1\2\0\0\0\0\1\x08\0\x45\0\0\x20\0\0\0\0\1\2\0\0\x0a\0\0\1\xe0\0\0\1\x11\x0a\0\0\0\0\0\0\2\x7d",
	"\1\0\x5e\1\2\3\2\0\0\0\0\1\x08\0\x45\0\0\x1c\0\0\0\0\1\2\0\0\x0a\0\0\1\xef\1\2\3\x16\0\0\0\xef\1\2\3",
	"\1\0\x5e\0\0\x16\2\0\0\0\0\1\x08\0\x45\0\0\x24\0\0\0\0\1\2\0\0\x0a\0\0\1\xe0\0\0\x16\x22\0\0\0\0\0\0\1\4\0\0\0\xef\1\2\3",
	/* MLD query, behind a hop-by-hop header; a fragment */
	"\x33\x33\0\0\0\1\2\0\0\0\0\1\x86\xdd\x60\0\0\0\0\x20\0\1\xfe\x80\0\0\0\0\0\0\0\0\0\xff\xfe\0\0\1"
	"\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x3a\0\5\2\0\0\1\0\x82\0\0\0\0\x0a",
	"\x33\x33\0\0\0\1\2\0\0\0\0\1\x86\xdd\x60\0\0\0\0\x20\x2c\xff\xfe\x80\0\0\0\0\0\0\0\0\0\xff\xfe\0\0\1"
	"\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x3a\0\0\1\0\0\0\1\x88",
};

/* With a right checksum, so that what is behind it is tried, too. */
static void fix_sum(uint8_t *b, uint32_t len)
{
	struct rd r = rd_of(b + ETH_LEN, len - ETH_LEN);
	struct view_ip ip;
	struct sum s = { 0 };
	uint8_t *msg;

	if (view_ip(get_u16(b + 12), r, &ip) != VIEW_IP || rd_left(&ip.body) < 8)
		return;
	msg = b + (ip.body.p - b);
	put_u16(msg + 2, 0);
	if (get_u16(b + 12) == ETHERTYPE_IP6)
		sum_pseudo(&s, &ip.src, &ip.dst, IPPROTO_ICMPV6, (uint32_t)rd_left(&ip.body));
	sum_add(&s, msg, rd_left(&ip.body));
	put_u16(msg + 2, sum_end(&s));
}

static uint32_t make(struct rd *r, uint8_t *b)
{
	uint8_t how = rd_u8(r), n = rd_u8(r) & 7;
	uint32_t len = how & 32 ? FRAME_MIN + rd_u8(r) % (LEN - FRAME_MIN) : 90;

	memset(b, 0, LEN);
	memcpy(b, templates[how % ARRAY_LEN(templates)], sizeof(templates[0]));
	while (n--) {
		uint8_t at = rd_u8(r) % LEN;

		b[at] = rd_u8(r);
	}
	if (how & 64)
		fix_sum(b, len);
	return len;
}

/* --- what must hold --- */

static bool is_own4(const uint8_t *a)
{
	return get_u32(a) == 0x0a000001;
}

/* 2001:db8::1, or fe80::ff:fe00:1 */
static bool is_own6(const uint8_t *a)
{
	static const uint8_t own[2][16] = {
		{ 0x20, 1, 0x0d, 0xb8, [15] = 1 },
		{ 0xfe, 0x80, [11] = 0xff, 0xfe, 0, 0, 1 },
	};

	return memcmp(a, own[0], 16) == 0 || memcmp(a, own[1], 16) == 0;
}

static void check_guarded(const uint8_t *b)
{
	static const uint8_t own[6] = { 2, 0, 0, 0, 0, 1 }, none[16];
	uint16_t type = get_u16(b + 12);
	const uint8_t *p = b + ETH_LEN;

	CHECK(memcmp(b + 6, own, 6) == 0);
	if (type == ETHERTYPE_ARP)
		CHECK(memcmp(p + 8, own, 6) == 0 &&
		      (is_own4(p + 14) || (p[7] == 1 && memcmp(p + 14, none, 4) == 0)));
	if (type == ETHERTYPE_IP4)
		CHECK(is_own4(p + 12) || (memcmp(p + 12, none, 4) == 0 && (p[9] == 17 || p[9] == 2)));
	if (type == ETHERTYPE_IP6)
		CHECK(is_own6(p + 8) || memcmp(p + 8, none, 16) == 0);
	if (type == ETHERTYPE_IP6 && p[6] == IPPROTO_ICMPV6 && p[40] == ND_NA)
		CHECK(is_own6(p + 48) && get_u16(p + 4) >= 24);
	if (type == ETHERTYPE_IP6 && p[6] == IPPROTO_ICMPV6 && p[40] == ND_NS &&
	    memcmp(p + 8, none, 16) == 0)
		CHECK(is_own6(p + 48));
}

/* Where it lies plainly, in a packet that a host would take. */
static void check_host(const uint8_t *b, uint32_t len)
{
	const uint8_t *p = b + ETH_LEN;
	uint16_t type = get_u16(b + 12);
	uint32_t left = len - ETH_LEN, size = get_u16(p + (type == ETHERTYPE_IP4 ? 2 : 4));

	if (type == ETHERTYPE_IP4 && left >= IP4_LEN + UDP_LEN && size >= IP4_LEN + UDP_LEN &&
	    size <= left && p[0] == 0x45 && p[9] == IPPROTO_UDP && !(get_u16(p + 6) & 0x1fff))
		CHECK(get_u16(p + 22) != 68);
	if (type != ETHERTYPE_IP6 || p[0] >> 4 != 6 || size < UDP_LEN || left < IP6_LEN + size)
		return;
	if (p[6] == IPPROTO_ICMPV6)
		CHECK(p[40] != ND_RA && p[40] != ND_REDIRECT);
	if (p[6] == IPPROTO_UDP)
		CHECK(get_u16(p + 42) != 546);
}

static void check_tables(const struct world *w)
{
	const struct suppress *s = &w->policy.suppress;
	const struct snoop *m = &w->policy.snoop;
	uint32_t n = 0, members = 0, listed = 0;

	for (uint32_t i = 0; w->policy.suppressing && i < PORTS; i++) {
		n += s->port[i].count;
		CHECK(w->core.port[i].up || !s->port[i].count);
	}
	CHECK(!w->policy.suppressing || n == s->map.count);
	if (!w->policy.snooping)
		return;
	for (uint32_t i = 0; i < PORTS; i++) {
		members += m->port[i].count;
		CHECK(m->port[i].count <= SNOOP_PORT_MAX);
		CHECK(w->core.port[i].up || !m->port[i].count);
	}
	for (const struct snoop_group *g = NULL; (g = snoop_next(m, g));) {
		CHECK(g->routers || !list_empty(&g->members));
		list_for(l, &g->members)
			listed++;
	}
	CHECK(members == listed && m->timers.n == members);
}

/* --- steps --- */

static void input(struct world *w, struct rd *r)
{
	uint8_t b[LEN];
	uint32_t len = make(r, b);
	uint8_t cut = rd_u8(r);
	struct frame f = { .p = b, .len = len };
	bool guarded, up;
	enum core_drop d;

	w->from = rd_u8(r) % PORTS;
	w->got = 0;
	up = w->core.port[w->from].up;
	guarded = w->from == GUARDED && policy_guard_of(&w->policy, GUARDED);
	if (cut) {
		uint32_t n = MIN(cut % len, len);

		f.pkt = pkt_new();
		CHECK(!n || pkt_append(f.pkt, w->arena, b, n));
		CHECK(n == len || pkt_append(f.pkt, w->arena, b + n, len - n));
		if (cut & 1)
			pkt_begin(f.pkt);
		f.p = pkt_pull(f.pkt, FRAME_MIN);
	}
	d = core_input(&w->core, w->from, &f, w->now);
	pkt_free(f.pkt);
	CHECK(up || d == CORE_NO_PORT);
	CHECK(d != CORE_ANSWERED || w->got == 1u << w->from);
	CHECK(d == CORE_TAKEN || d == CORE_ANSWERED || !w->got);
	CHECK(d != CORE_TAKEN || !(w->got >> w->from & 1));
	if (guarded && (d == CORE_TAKEN || d == CORE_ANSWERED))
		check_guarded(b);
	if (w->from == HOST && (d == CORE_TAKEN || d == CORE_ANSWERED))
		check_host(b, len);
}

static void toggle_guard(struct world *w)
{
	if (policy_guard_of(&w->policy, GUARDED)) {
		policy_guard_clear(&w->policy, GUARDED);
		return;
	}
	CHECK(policy_guard(&w->policy, GUARDED, "02:00:00:00:00:01", true) == 0);
	CHECK(policy_guard(&w->policy, GUARDED, "10.0.0.1", true) == 0);
	CHECK(policy_guard(&w->policy, GUARDED, "2001:db8::1", true) == 0);
}

static void toggle_filter(struct world *w, uint32_t port, bool out_)
{
	if (policy_filter_of(&w->policy, port, out_))
		policy_filter_del(&w->policy, port, out_, 0);
	else
		free(policy_filter_add(&w->policy, port, out_, 0, true, "arp[7] = 2 or udp[0] = 0"));
}

static void step(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r);
	uint32_t port = (what >> 4) % PORTS;

	switch (what % 16) {
	case 0:
		(w->core.port[port].up ? core_port_down : core_port_up)(&w->core, port);
		break;
	case 1:
		w->now += USEC_PER_SEC << (what >> 4) / 2;
		break;
	case 2:
		CHECK(policy_age(&w->policy, w->now) > w->now);
		break;
	case 3:
		toggle_guard(w);
		break;
	case 4:
		if (what & 16)
			policy_set_suppress(&w->policy, what & 32);
		else if (what & 64)
			policy_set_snoop(&w->policy, what & 32);
		break;
	case 5:
		if (what < 64)
			toggle_filter(w, port, what & 16);
		break;
	default:
		input(w, r);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key key = { { 3 } };
	struct rd r = rd_of(data, size);
	struct world w = { .now = USEC_PER_SEC };

	core_init(&w.core, PORTS, &key, out, &w);
	policy_init(&w.policy, &w.core, &key);
	policy_set_suppress(&w.policy, true);
	w.arena = arena_heap_new(1 << 20);
	for (uint32_t i = 0; i < PORTS; i++)
		core_port_up(&w.core, i);
	toggle_guard(&w);
	policy_role(&w.policy, HOST, GUARD_ROUTER, false);
	policy_role(&w.policy, HOST, GUARD_DHCP, false);
	while (rd_left(&r)) {
		step(&w, &r);
		check_tables(&w);
	}
	policy_fini(&w.policy);
	core_fini(&w.core);
	arena_heap_unref(w.arena);
	return 0;
}
