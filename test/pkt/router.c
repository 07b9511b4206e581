/* router.c - routers, routes and addresses
 *
 *	< ra [life N] [hops N] [mtu N] [reach MS] [retrans MS] [high|low] [src A]
 *	     [prefix P/N [valid S] [preferred S] [offlink] [noauto]] ...
 *	     [route P/N LIFE [high|low]] ... [dns A LIFE] ... [search NAME LIFE] ...
 *	< redirect DST via A [from A]		"via" DST itself: on the link
 *	< probe A own|other			RFC 7527: with the nonce of the last probe or not
 *	route add|del P/N [via A] [metric N] [table N] [TYPE]
 *	route hops P/N [via A [weight N]] ...	several next hops
 *	rule add PRIORITY [from P/N] [to P/N] [iif lo] table N | TYPE
 *	link up|down|mtu N
 *	expect way DST [via A] [from A] [mtu N]		how a packet would leave
 *	expect way DST -ERRNO
 *	expect ways DST N via A [N via A]	of 100 flows to DST, which differ by port, how many
 *						at least go there
 *	expect addrs P/N N [preferred]		how many usable addresses lie in a prefix
 *	expect dns A, expect search NAME	the first of each; "none"
 *
 * Routers are at fe80::fe (MAC ...fe) unless said otherwise.
 */
#include <stdio.h>
#include <stdlib.h>

#include "stack/ip.h"
#include "stack/netif.h"
#include "stack/route.h"
#include "world.h"

static struct ip_addr addr_need(struct world *w, struct words *ws)
{
	const char *s = word_need(w, ws, "an address");
	struct ip_addr a;

	if (!ip_parse_text(s, &a))
		fail(w, "script: '%s' is not an address", s);
	return a;
}

static struct ip_addr prefix_need(struct world *w, struct words *ws, uint8_t *len)
{
	const char *s = word_need(w, ws, "a prefix");
	struct ip_addr a;
	unsigned n;

	if (!ip_prefix_parse_text(s, &a, &n))
		fail(w, "script: '%s' is not a prefix", s);
	*len = (uint8_t)n;
	return a;
}

static uint8_t pref_word(struct words *ws)
{
	if (word_is(ws, "high"))
		return PREF_HIGH;
	return word_is(ws, "low") ? PREF_LOW : PREF_MEDIUM;
}

static void prefix_words(struct world *w, struct words *ws, struct nd_opts *o)
{
	struct nd_prefix *p = &o->prefix[o->n_prefix++];

	*p = (struct nd_prefix){ .on_link = true, .autonomous = true, .valid = 86400,
				 .preferred = 14400 };
	p->prefix = prefix_need(w, ws, &p->len);
	for (;;) {
		if (word_is(ws, "valid"))
			p->valid = number_need(w, ws, "seconds");
		else if (word_is(ws, "preferred"))
			p->preferred = number_need(w, ws, "seconds");
		else if (word_is(ws, "offlink"))
			p->on_link = false;
		else if (word_is(ws, "noauto"))
			p->autonomous = false;
		else
			break;
	}
}

static void route_words(struct world *w, struct words *ws, struct nd_opts *o)
{
	struct nd_route *n = &o->route[o->n_route++];

	n->prefix = prefix_need(w, ws, &n->len);
	n->life = number_need(w, ws, "seconds");
	n->pref = pref_word(ws);
}

static void search_words(struct world *w, struct words *ws, struct nd_opts *o)
{
	struct nd_search *s = &o->search[o->n_search++];

	snprintf(s->name, sizeof(s->name), "%s", word_need(w, ws, "a name"));
	s->life = number_need(w, ws, "seconds");
}

static bool option_words(struct world *w, struct words *ws, struct nd_opts *o)
{
	if (word_is(ws, "mtu")) {
		o->has_mtu = true;
		o->mtu = number_need(w, ws, "bytes");
	} else if (word_is(ws, "prefix")) {
		prefix_words(w, ws, o);
	} else if (word_is(ws, "route")) {
		route_words(w, ws, o);
	} else if (word_is(ws, "dns")) {
		o->dns[o->n_dns].addr = addr_need(w, ws);
		o->dns[o->n_dns++].life = number_need(w, ws, "seconds");
	} else if (word_is(ws, "search")) {
		search_words(w, ws, o);
	} else {
		return false;
	}
	return true;
}

static struct ip_addr router_address(void)
{
	return (struct ip_addr){ { 0xfe, 0x80, [15] = 0xfe } };
}

/* The routers' MAC addresses end like their addresses. */
static struct mac mac_for(struct world *w, const struct ip_addr *a)
{
	struct mac m = w->router_mac;

	m.b[5] = a->b[15];
	return m;
}

static void ra_in(struct world *w, struct words *ws)
{
	static const struct ip_addr all = { { 0xff, 2, [15] = 1 } };
	struct nd_ra m = { .lifetime = 1800 };
	struct ip_addr src = router_address();
	uint8_t b[1200];
	struct wr o = wr_of(b, sizeof(b));

	while (word_peek(ws)) {
		if (word_is(ws, "life"))
			m.lifetime = (uint16_t)number_need(w, ws, "seconds");
		else if (word_is(ws, "hops"))
			m.hops = (uint8_t)number_need(w, ws, "hops");
		else if (word_is(ws, "reach"))
			m.reachable = number_need(w, ws, "ms");
		else if (word_is(ws, "retrans"))
			m.retrans = number_need(w, ws, "ms");
		else if (word_is(ws, "src"))
			src = addr_need(w, ws);
		else if (!option_words(w, ws, &m.o) && !(m.pref = pref_word(ws)))
			break;
	}
	words_end(w, ws);
	m.o.has_src = true;
	m.o.src_ll = mac_for(w, &src);
	nd_ra_emit(&o, &m);
	nd_inject(w, b, wr_len(&o), m.o.src_ll, &src, &all);
}

/* RFC 792: about a UDP datagram of ours. */
static void redirect4(struct world *w, const struct ip_addr *from, const struct ip_addr *dst,
		      const struct ip_addr *via)
{
	struct ip4 h = { .hlen = IP4_LEN, .len = IP4_LEN + UDP_LEN, .ttl = 64,
			 .proto = IPPROTO_UDP, .src = w->us, .dst = *dst };
	uint8_t b[ICMP_LEN + IP4_LEN + UDP_LEN] = { 5, 1 };
	struct wr o = wr_of(b + ICMP_LEN, IP4_LEN);
	struct over ov;

	memcpy(b + 4, ip_v4(via), 4);
	ip4_emit(&o, &h);
	over_init(w, &w->conn[1], &ov);
	ov.src = *from;
	ip_inject(w, &ov, IPPROTO_ICMP, b, sizeof(b), 2);
}

static void redirect_in(struct world *w, struct words *ws)
{
	struct nd_redirect m = { .dst = addr_need(w, ws) };
	struct ip_addr from = w->v6 ? router_address() : w->router;
	uint8_t b[256];
	struct wr o = wr_of(b, sizeof(b));

	if (word_is(ws, "via"))
		m.target = addr_need(w, ws);
	if (word_is(ws, "from"))
		from = addr_need(w, ws);
	words_end(w, ws);
	if (!w->v6) {
		redirect4(w, &from, &m.dst, &m.target);
		return;
	}
	m.o.has_dst = true;
	m.o.dst_ll = mac_for(w, &m.target);
	nd_redirect_emit(&o, &m);
	nd_inject(w, b, wr_len(&o), mac_for(w, &from), &from, &w->us);
}

/* Another node's probe, or our own that the link gave back. */
static void probe_in(struct world *w, struct words *ws)
{
	struct nd_ns m = { .target = addr_need(w, ws) };
	bool own = word_is(ws, "own");
	struct netif_addr *a = netif_addr_find(w->nif, &m.target);
	struct ip_addr group = ip6_solicited_node(&m.target);
	uint8_t b[128];
	struct wr o = wr_of(b, sizeof(b));

	if (!own && !word_is(ws, "other"))
		fail(w, "script: probe A own|other");
	words_end(w, ws);
	m.o.has_nonce = true;
	memset(m.o.nonce, 7, sizeof(m.o.nonce));
	if (a && own)
		memcpy(m.o.nonce, a->nonce, sizeof(m.o.nonce));
	nd_ns_emit(&o, &m);
	nd_inject(w, b, wr_len(&o), w->peer_mac, &IP6_ANY, &group);
}

bool router_in(struct world *w, const char *kind, struct words *ws)
{
	if (!strcmp(kind, "ra"))
		ra_in(w, ws);
	else if (!strcmp(kind, "redirect"))
		redirect_in(w, ws);
	else if (!strcmp(kind, "probe"))
		probe_in(w, ws);
	else
		return false;
	return true;
}

static const struct { const char *name; uint8_t type; } types[] = {
	{ "blackhole", ROUTE_BLACKHOLE }, { "unreachable", ROUTE_UNREACHABLE },
	{ "prohibit", ROUTE_PROHIBIT }, { "throw", ROUTE_THROW },
};

static uint8_t type_word(struct words *ws)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (word_is(ws, types[i].name))
			return types[i].type;
	}
	return 0;
}

static void hops_event(struct world *w, struct words *ws)
{
	struct route r = { .nif = w->nif }, hops[8];
	unsigned n = 0;
	int e;

	r.dst = prefix_need(w, ws, &r.len);
	while (n < ARRAY_LEN(hops) && word_is(ws, "via")) {
		r.gw = addr_need(w, ws);
		hops[n] = r;
		if (word_is(ws, "weight"))
			hops[n].weight = (uint8_t)(number_need(w, ws, "a weight") - 1);
		n++;
	}
	e = route_add_hops(w->st, hops, n);
	if (e < 0)
		fail(w, "route: %s", errno_text(e));
}

static void route_event(struct world *w, struct words *ws)
{
	bool add = word_is(ws, "add");
	struct route r = { .nif = w->nif };
	int e;

	if (word_is(ws, "hops")) {
		hops_event(w, ws);
		return;
	}
	if (!add && !word_is(ws, "del"))
		fail(w, "script: route add or del");
	r.dst = prefix_need(w, ws, &r.len);
	while (word_peek(ws)) {
		if (word_is(ws, "via"))
			r.gw = addr_need(w, ws);
		else if (word_is(ws, "metric"))
			r.metric = number_need(w, ws, "a metric");
		else if (word_is(ws, "mtu"))
			r.mtu = number_need(w, ws, "bytes");
		else if (word_is(ws, "table"))
			r.table = number_need(w, ws, "a table");
		else if ((r.type = type_word(ws)))
			r.nif = NULL;
		else
			break;
	}
	e = (add ? route_add : route_del)(w->st, &r);
	if (e < 0)
		fail(w, "route: %s", errno_text(e));
}

static void rule_event(struct world *w, struct words *ws)
{
	struct rule r = { .v4 = !w->v6, .action = RULE_TABLE };
	int e;

	if (!word_is(ws, "add"))
		fail(w, "script: rule add");
	r.priority = number_need(w, ws, "a priority");
	while (word_peek(ws)) {
		if (word_is(ws, "from"))
			r.src = prefix_need(w, ws, &r.src_len);
		else if (word_is(ws, "to"))
			r.dst = prefix_need(w, ws, &r.dst_len);
		else if (word_is(ws, "iif"))
			snprintf(r.iif, sizeof(r.iif), "%s", word_need(w, ws, "an interface"));
		else if (word_is(ws, "table"))
			r.table = number_need(w, ws, "a table");
		else if (!(r.action = type_word(ws)))
			break;
	}
	e = rule_add(w->st, &r);
	if (e < 0)
		fail(w, "rule: %s", errno_text(e));
}

static void link_event(struct world *w, struct words *ws)
{
	if (word_is(ws, "up"))
		netif_up(w->nif);
	else if (word_is(ws, "down"))
		netif_down(w->nif);
	else if (!word_is(ws, "mtu") || netif_set_mtu(w->nif, number_need(w, ws, "bytes")) < 0)
		fail(w, "script: link up, down or mtu");
	world_settle(w);
}

bool router_event(struct world *w, const char *name, struct words *ws)
{
	if (!strcmp(name, "route"))
		route_event(w, ws);
	else if (!strcmp(name, "rule"))
		rule_event(w, ws);
	else if (!strcmp(name, "link"))
		link_event(w, ws);
	else
		return false;
	return true;
}

static void same(struct world *w, const char *what, const struct ip_addr *want,
		 const struct ip_addr *got)
{
	char a[IP_STRLEN], b[IP_STRLEN];

	if (!ip_eq(want, got))
		fail(w, "%s\n\texpected: %s\n\tseen:     %s", what, ip_text(want, a),
		     ip_text(got, b));
}

static void expect_way(struct world *w, struct words *ws)
{
	struct flow f = { .dst = addr_need(w, ws), .proto = IPPROTO_UDP };
	const char *word = word_peek(ws);
	int e = ip_route(w->st, &f), want = 0;
	struct ip_addr a;

	if (word && word[0] == '-')
		want = -errno_named(w, word_next(ws) + 1);
	if (e != want)
		fail(w, "expected: %s\n\tseen:     %s", errno_text(want), errno_text(e));
	while (!e && word_peek(ws)) {
		if (word_is(ws, "via")) {
			a = addr_need(w, ws);
			same(w, "the next hop", &a, &f.hop);
		} else if (word_is(ws, "from")) {
			a = addr_need(w, ws);
			same(w, "the source", &a, &f.src);
		} else if (word_is(ws, "in")) {
			uint8_t len;

			a = prefix_need(w, ws, &len);
			if (!ip_in_prefix(&f.src, &a, len))
				same(w, "the source's prefix", &a, &f.src);
		} else if (word_is(ws, "mtu")) {
			uint32_t mtu = number_need(w, ws, "bytes");

			if (f.mtu != mtu)
				fail(w, "the MTU\n\texpected: %u\n\tseen:     %u", mtu, f.mtu);
		} else {
			break;
		}
	}
}

static void expect_ways(struct world *w, struct words *ws)
{
	struct ip_addr dst = addr_need(w, ws), hop[100], want;
	unsigned least, n;

	for (uint16_t i = 0; i < 100; i++) {
		struct flow f = { .dst = dst, .proto = IPPROTO_UDP, .sport = (uint16_t)(1000 + i),
				  .dport = 53 };
		int e = ip_route(w->st, &f);

		if (e)
			fail(w, "no way: %s", errno_text(e));
		hop[i] = f.hop;
	}
	while (word_peek(ws)) {
		least = number_need(w, ws, "a count");
		if (!word_is(ws, "via"))
			fail(w, "script: N via A");
		want = addr_need(w, ws);
		n = 0;
		for (unsigned i = 0; i < 100; i++)
			n += ip_eq(&hop[i], &want);
		if (n < least)
			fail(w, "expected: %u flows\n\tseen:     %u", least, n);
	}
}

static void expect_addrs(struct world *w, struct words *ws)
{
	uint8_t len;
	struct ip_addr net = prefix_need(w, ws, &len);
	uint32_t want = number_need(w, ws, "a count"), n = 0;
	bool preferred = word_is(ws, "preferred");

	list_for(l, &w->nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		n += addr_usable(a) && ip_in_prefix(&a->addr, &net, len) &&
		     (!preferred || a->preferred_until > w->now);
	}
	if (n != want)
		fail(w, "expected: %u addresses\n\tseen:     %u", want, n);
}

static void expect_text(struct world *w, const char *want, const char *got)
{
	if (strcmp(want, got) != 0)
		fail(w, "expected: %s\n\tseen:     %s", want, got);
}

bool router_expect(struct world *w, struct words *ws)
{
	struct endpoint ep;
	char buf[IP_STRLEN];
	const char *s;

	if (word_is(ws, "way")) {
		expect_way(w, ws);
	} else if (word_is(ws, "ways")) {
		expect_ways(w, ws);
	} else if (word_is(ws, "addrs")) {
		expect_addrs(w, ws);
	} else if (word_is(ws, "dns")) {
		s = stack_rdnss_at(w->st, 0, &ep) ? ip_text(&ep.addr, buf) : "none";
		expect_text(w, word_need(w, ws, "an address"), s);
	} else if (word_is(ws, "search")) {
		s = stack_dnssl_at(w->st, 0);
		expect_text(w, word_need(w, ws, "a name"), s ? s : "none");
	} else {
		return false;
	}
	return true;
}
