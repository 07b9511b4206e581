/* suppress.c - the switch answers ARP requests and neighbour solicitations
 *
 * in:  core_input -> suppress_in -> learn | answer
 *
 * With 10,000 ports a question to all is 10,000 frames. An entry says which MAC
 * an address has; it comes only from its owner: ARP's sender fields, an advertisement
 * with the override flag (so not that of a proxy or of an anycast address, RFC 4861
 * 7.2.4, and the router flag is known), where the frame has the same source.
 *
 * An answer must never be wrong after an address has moved, so a question is answered
 * only if the owner was heard less than 30 s ago (RFC 4861's reachable time; RFC 1122
 * 2.3.2.1 would allow a minute). Afterwards it goes to all, and the owner's
 * answer makes the entry fresh again: one flood a half minute and address, whatever
 * the number of those who ask. Whoever claims an address that another MAC had within
 * that time makes it disputed: no answers for 30 s, both hear the questions and
 * people see what they would see without us.
 *
 * Always pass: what is not to a group (probes of RFC 4861 7.3), from 0.0.0.0 or ::
 * (duplicate detection), about the sender itself (gratuitous), about an address behind
 * the same port. Each port has a limit of its own and pushes out only its own.
 */
#include "switch/suppress.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"
#include "switch/core.h"

#define ND_HOPS		255	/* nothing else comes from this link (RFC 4861 3.1) */

/* --- the table --- */

static uint32_t hash(const struct suppress *s, uint16_t vlan, const struct ip_addr *ip)
{
	uint8_t b[18] = { (uint8_t)(vlan >> 8), (uint8_t)vlan };

	memcpy(b + 2, ip->b, 16);
	return hash_quick(&s->key, b, sizeof(b));
}

void suppress_init(struct suppress *s, uint32_t n_ports, const struct hash_key *key, usec fresh)
{
	*s = (struct suppress){ .key = *key, .n_ports = n_ports, .fresh = fresh };
	s->port = xzalloc(n_ports * sizeof(s->port[0]));
	for (uint32_t i = 0; i < n_ports; i++)
		list_init(&s->port[i].entries);
	list_init(&s->all);
	map_init(&s->map);
}

static void forget(struct suppress *s, struct suppress_entry *e)
{
	map_remove(&s->map, &e->node);
	list_del(&e->link);
	list_del(&e->all);
	s->port[e->port].count--;
	free(e);
}

void suppress_flush(struct suppress *s, uint32_t port, uint16_t vlan)
{
	list_for_safe(l, &s->port[port].entries) {
		struct suppress_entry *e = container_of(l, struct suppress_entry, link);

		if (vlan == VLAN_NONE || e->vlan == vlan)
			forget(s, e);
	}
}

void suppress_fini(struct suppress *s)
{
	for (uint32_t i = 0; i < s->n_ports; i++)
		suppress_flush(s, i, VLAN_NONE);
	map_fini(&s->map);
	free(s->port);
}

static struct suppress_entry *find(const struct suppress *s, uint16_t vlan,
				   const struct ip_addr *ip)
{
	struct map_node *n;

	for (n = map_find(&s->map, hash(s, vlan, ip)); n; n = map_find_next(n)) {
		struct suppress_entry *e = container_of(n, struct suppress_entry, node);

		if (e->vlan == vlan && ip_eq(&e->ip, ip))
			return e;
	}
	return NULL;
}

/* The oldest of the port makes room. */
static void seat(struct suppress *s, struct suppress_entry *e, uint32_t port)
{
	struct suppress_port *p = &s->port[port];

	if (p->count == SUPPRESS_PORT_MAX)
		forget(s, list_first(&p->entries, struct suppress_entry, link));
	p->count++;
	e->port = port;
	list_add_tail(&p->entries, &e->link);
	list_add_tail(&s->all, &e->all);
}

static void unseat(struct suppress *s, struct suppress_entry *e)
{
	list_del(&e->link);
	list_del(&e->all);
	s->port[e->port].count--;
}

static struct suppress_entry *add(struct suppress *s, uint32_t port, uint16_t vlan,
				  const struct ip_addr *ip)
{
	struct suppress_entry *e = xzalloc(sizeof(*e));

	e->ip = *ip;
	e->vlan = vlan;
	list_init(&e->link);
	list_init(&e->all);
	seat(s, e, port);
	map_insert(&s->map, &e->node, hash(s, vlan, ip));
	return e;
}

/* --- learning --- */

static struct suppress_entry *learn(struct suppress *s, uint32_t port, const struct view *v,
				    const struct ip_addr *ip, usec now)
{
	struct suppress_entry *e = find(s, v->vlan, ip);

	if (!e) {
		e = add(s, port, v->vlan, ip);
	} else {
		if (!mac_eq(&e->mac, &v->eth.src) && now - e->heard < s->fresh)
			e->disputed = now + s->fresh;
		unseat(s, e);
		seat(s, e, port);
	}
	e->mac = v->eth.src;
	e->heard = now;
	return e;
}

/* The address is said to have that MAC, in a way that is not to be learned from. */
static void doubt(struct suppress *s, uint16_t vlan, const struct ip_addr *ip,
		  const struct mac *mac, usec now)
{
	struct suppress_entry *e = find(s, vlan, ip);

	if (e && !mac_eq(&e->mac, mac))
		e->disputed = now + s->fresh;
}

/* Who may be answered for: not what everybody may have, or nobody. */
static bool is_station(const struct ip_addr *ip)
{
	return !ip_is_any(ip) && !ip_is_multicast(ip) && !ip_is_loopback(ip) &&
	       !(ip_is_v4(ip) && ip_v4(ip)[0] >= 240);
}

static bool is_known(const struct suppress *s, const struct suppress_entry *e, uint32_t port,
		     usec now)
{
	return e && e->port != port && now - e->heard < s->fresh && now >= e->disputed &&
	       !(bit_get(s->isolated, port) && bit_get(s->isolated, e->port));
}

/* --- ARP --- */

static uint32_t answer_arp(const struct suppress_entry *e, const struct arp *q, uint8_t *answer)
{
	struct eth eth = { .dst = q->sha, .src = e->mac, .type = ETHERTYPE_ARP };
	struct arp a = {
		.op = ARP_REPLY, .sha = e->mac, .spa = e->ip, .tha = q->sha, .tpa = q->spa,
	};
	struct wr w = wr_of(answer, SUPPRESS_ANSWER);

	eth_emit(&w, &eth);
	arp_emit(&w, &a);
	wr_zero(&w, ETH_MIN - wr_len(&w));
	return ETH_MIN;
}

static uint32_t arp_in(struct suppress *s, uint32_t port, const struct view *v, usec now,
		       uint8_t *answer)
{
	struct rd r = rd_of(v->p, v->len);
	const struct suppress_entry *e;
	struct arp a;

	if (!arp_parse(&r, &a))
		return 0;
	if (!mac_eq(&a.sha, &v->eth.src)) {
		doubt(s, v->vlan, &a.spa, &a.sha, now);
		return 0;
	}
	if (is_station(&a.spa))
		learn(s, port, v, &a.spa, now);
	if (a.op != ARP_REQUEST || !mac_is_group(&v->eth.dst) || ip_is_any(&a.spa) ||
	    ip_eq(&a.spa, &a.tpa))
		return 0;
	e = find(s, v->vlan, &a.tpa);
	return is_known(s, e, port, now) ? answer_arp(e, &a, answer) : 0;
}

/* --- neighbour discovery --- */

static uint32_t answer_ns(const struct suppress_entry *e, const struct view *v,
			  const struct view_ip *q, uint8_t *answer)
{
	struct nd_na m = {
		.flags = ND_NA_SOLICITED | ND_NA_OVERRIDE | (e->router ? ND_NA_ROUTER : 0),
		.target = e->ip, .o = { .has_dst = true, .dst_ll = e->mac },
	};
	struct ip6 h = {
		.next = IPPROTO_ICMPV6, .hops = ND_HOPS, .src = e->ip, .dst = q->src,
		.plen = SUPPRESS_ANSWER - ETH_LEN - IP6_LEN,
	};
	struct eth eth = { .dst = v->eth.src, .src = e->mac, .type = ETHERTYPE_IP6 };
	struct wr w = wr_of(answer, SUPPRESS_ANSWER);
	struct sum sum = { 0 };
	uint8_t *icmp;

	eth_emit(&w, &eth);
	ip6_emit(&w, &h);
	icmp = w.p;
	nd_na_emit(&w, &m);
	sum_pseudo(&sum, &h.src, &h.dst, h.next, h.plen);
	sum_add(&sum, icmp, h.plen);
	put_u16(icmp + 2, sum_end(&sum));
	return SUPPRESS_ANSWER;
}

/* RFC 4861 7.1.1, 4.3: a question to a group says the MAC of who asks. */
static uint32_t ns_in(struct suppress *s, uint32_t port, const struct view *v,
		      const struct view_ip *ip, struct rd r, usec now, uint8_t *answer)
{
	const struct suppress_entry *e;
	struct nd_ns m;

	if (!nd_ns_parse(&r, &m) || ip_is_any(&ip->src) || !m.o.has_src)
		return 0;
	doubt(s, v->vlan, &ip->src, &m.o.src_ll, now);
	if (!mac_eq(&m.o.src_ll, &v->eth.src) || !mac_is_group(&v->eth.dst) || !ip_is_multicast(&ip->dst) || ip_eq(&ip->src, &m.target))
		return 0;
	e = find(s, v->vlan, &m.target);
	return is_known(s, e, port, now) ? answer_ns(e, v, ip, answer) : 0;
}

/* RFC 4861 7.1.2 */
static void na_in(struct suppress *s, uint32_t port, const struct view *v, struct rd r, usec now)
{
	struct suppress_entry *e;
	struct nd_na m;

	const struct mac *mac = &v->eth.src;

	if (!nd_na_parse(&r, &m) || !is_station(&m.target))
		return;
	if (m.o.has_dst)
		mac = &m.o.dst_ll;
	if (!(m.flags & ND_NA_OVERRIDE) || !mac_eq(mac, &v->eth.src)) {
		doubt(s, v->vlan, &m.target, mac, now);
		return;
	}
	e = learn(s, port, v, &m.target, now);
	e->router = m.flags & ND_NA_ROUTER;
}

/* Else hosts that we answer would take it from their default routers (RFC 4861 7.2.5). */
static void ra_in(struct suppress *s, const struct view *v, const struct view_ip *ip)
{
	struct suppress_entry *e = find(s, v->vlan, &ip->src);

	if (e && mac_eq(&e->mac, &v->eth.src))
		e->router = true;
}

static uint32_t nd_in(struct suppress *s, uint32_t port, const struct view *v, usec now,
		      uint8_t *answer)
{
	uint8_t type, code;
	struct view_ip ip;
	struct rd r;

	if (view_ip(v->eth.type, rd_of(v->p, v->len), &ip) != VIEW_IP ||
	    ip.proto != IPPROTO_ICMPV6 || ip.frag || ip.hops != ND_HOPS)
		return 0;
	r = ip.body;
	type = rd_u8(&r);
	code = rd_u8(&r);
	rd_u16(&r);
	if (type < ND_RA || type > ND_NA || code || !view_sum_ok(&ip, true))
		return 0;
	if (type == ND_NS)
		return ns_in(s, port, v, &ip, r, now, answer);
	if (type == ND_NA)
		na_in(s, port, v, r, now);
	else
		ra_in(s, v, &ip);
	return 0;
}

uint32_t suppress_in(struct suppress *s, uint32_t port, const struct view *v, usec now,
		     uint8_t answer[SUPPRESS_ANSWER])
{
	if (v->eth.type == ETHERTYPE_ARP)
		return arp_in(s, port, v, now, answer);
	if (v->eth.type == ETHERTYPE_IP6)
		return nd_in(s, port, v, now, answer);
	return 0;
}

usec suppress_age(struct suppress *s, usec now)
{
	struct suppress_entry *e;

	while ((e = list_first(&s->all, struct suppress_entry, all))) {
		if (now - e->heard < s->fresh)
			return e->heard + s->fresh;
		forget(s, e);
	}
	return NEVER;
}
