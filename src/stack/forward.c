/* forward.c - packets for others (RFC 1812 5, RFC 8200): a stack as a router
 *
 * in:  ip4_in | ip6_in -> forward4 | forward6 -> neigh_out
 *
 * With ip_forward (IPv4) or forwarding (IPv6) a packet that is for somebody else
 * goes where the routes say, one hop older. Groups, broadcasts, link-local and
 * other addresses that mean nothing elsewhere stay on their link. Whoever sent it
 * learns why it cannot go on, or that there is a shorter way.
 */
#include "stack/forward.h"

#include <errno.h>
#include <netinet/in.h>

#include "base/sum.h"
#include "proto/proto.h"
#include "stack/icmp.h"
#include "stack/ip_extra.h"
#include "stack/nd.h"
#include "stack/netif.h"
#include "stack/route.h"

static const struct ip_addr router_groups[] = {
	{ { 0xff, 1, [15] = 2 } }, { { 0xff, 2, [15] = 2 } }, { { 0xff, 5, [15] = 2 } },
};

enum { TCP_SUM_AT = 16, UDP_SUM_AT = 6 };

/* One packet on its way through. */
struct transit {
	struct netif	*in;
	const struct route *route;
	struct ip_addr	src, dst, hop;
	uint32_t	len;		/* of the IP packet, or of its largest segment */
	uint32_t	mtu;
};

/* RFC 1812 5.3.4: sent to all of a link, it was not meant for a router. */
static bool to_our_mac(const struct netif *nif, const struct pkt *pkt)
{
	struct mac to;

	memcpy(&to, pkt->head + pkt->start, sizeof(to));
	return !netif_is_lo(nif) && pkt->note != PKT_LOOPED && mac_eq(&to, &nif->mac);
}

/* RFC 1812 5.3.7, RFC 4291 2.5.6 */
static bool may_cross(const struct ip_addr *a)
{
	if (ip_is_any(a) || ip_is_multicast(a) || ip_is_linklocal(a) || ip_is_loopback(a))
		return false;
	return !ip_is_v4(a) || (ip_v4(a)[0] && ip_v4(a)[0] < 240);
}

static void complain(struct stack *st, const struct pkt *pkt, int error)
{
	if (error == -EHOSTUNREACH)
		icmp_error(st, pkt, ICMP_ERR_HOST, 0);
	else if (error == -EACCES)
		icmp_error(st, pkt, ICMP_ERR_ADMIN, 0);
	else if (error == -ENETUNREACH)
		icmp_error(st, pkt, ICMP_ERR_NET, 0);
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

/* What it carries, if rules ask. Fragments have no ports, not even the first, so
 * that all of them go one way. */
static void carried(struct stack *st, const struct pkt *pkt, struct route_key *k)
{
	uint8_t b[128];
	struct quote q;

	if ((!rules_ask_ports(st) && st->param.fib_multipath_hash_policy != 1) ||
	    !quote_parse(rd_of(b, pkt_copy(pkt, 0, b, sizeof(b))), &q))
		return;
	k->proto = q.proto;
	if (q.piece || !has_ports(q.proto) || rd_left(&q.l4) < 4)
		return;
	k->sport = rd_u16(&q.l4);
	k->dport = rd_u16(&q.l4);
}

static enum drop find_way(struct stack *st, const struct pkt *pkt, struct transit *t, uint8_t tos)
{
	struct route_key k = { .dst = t->dst, .src = t->src, .iif = t->in->index, .tos = tos };
	int e;

	carried(st, pkt, &k);
	e = route_lookup(st, &k, &t->route);
	if (e) {
		complain(st, pkt, e);
		return DROP_IP_NO_ROUTE;
	}
	if (netif_is_lo(t->route->nif) || netif_is_broadcast(t->route->nif, &t->dst))
		return DROP_IP_NO_ROUTE;
	t->hop = ip_is_any(&t->route->gw) ? t->dst : t->route->gw;
	t->mtu = netif_mtu(t->route->nif, ip_is_v4(&t->dst));
	if (t->route->mtu)
		t->mtu = MIN(t->mtu, t->route->mtu);
	return DROP_NONE;
}

/* A super-frame is judged by the segments it will become. */
static uint32_t wire_len(const struct pkt *pkt, uint32_t hlen, uint8_t proto)
{
	const uint8_t *l4 = pkt->head + pkt->cur + hlen;

	if (!pkt->gso_size || pkt->cur + hlen + (proto == IPPROTO_UDP ? UDP_LEN : TCP_LEN) > pkt->end)
		return pkt_len(pkt);
	if (proto == IPPROTO_UDP)
		return MIN(pkt_len(pkt), hlen + UDP_LEN + pkt->gso_size);
	return MIN(pkt_len(pkt), hlen + (l4[12] >> 4) * 4u + pkt->gso_size);
}

/* RFC 1812 5.2.7.2, RFC 4861 8.2: it came from the link where it goes again, and
 * its sender could have done that alone. */
static bool has_shortcut(struct stack *st, const struct transit *t)
{
	const struct route *back;

	if (!st->param.send_redirects || t->route->nif != t->in)
		return false;
	back = route_find(st, &t->src, t->in->index);
	return back && ip_is_any(&back->gw);
}

static void redirect6(struct stack *st, const struct transit *t)
{
	struct nd_redirect m = { .target = t->hop, .dst = t->dst };
	struct netif_addr *a = netif_linklocal(t->in);
	uint8_t buf[64];
	struct wr w = wr_of(buf, sizeof(buf));

	if (!a || !icmp_limit_ok(st, &t->src) || (!ip_is_linklocal(&t->hop) && !ip_eq(&t->hop, &t->dst)))
		return;
	nd_redirect_emit(&w, &m);
	nd_send(t->in, &w, &a->addr, &t->src, NULL);
}

/* --- IPv4 --- */

static uint32_t v4_word(const struct ip_addr *a)
{
	be32 v;

	memcpy(&v, ip_v4(a), sizeof(v));
	return be32_get(v);
}

/* RFC 1812 4.2.2.9: one hop less; RFC 1624 for the sum. */
static void age4(struct pkt *pkt)
{
	uint8_t *h = pkt->head + pkt->cur;
	uint32_t sum = (uint32_t)(h[10] << 8 | h[11]) + 0x100;

	h[8]--;
	sum += sum >> 16;
	h[10] = (uint8_t)(sum >> 8);
	h[11] = (uint8_t)sum;
}

/* RFC 1812 5.2.4: record route and timestamp tell by which address it left. */
static void note_way(struct stack *st, struct pkt *pkt, const struct ip4 *h,
		     const struct transit *t)
{
	struct ip_addr self = ip_source(st, t->route->nif, &t->dst);
	uint8_t *p = pkt->head + pkt->cur;
	struct sum s = { 0 };
	be16 v;

	ip4_opt_note(st, p + IP4_LEN, h->hlen - IP4_LEN, &self);
	memset(p + 10, 0, sizeof(v));
	sum_add(&s, p, h->hlen);
	v = be16_put(sum_end(&s));
	memcpy(p + 10, &v, sizeof(v));
}

/* Pieces of what may itself be one; its options are not copied. */
static enum drop fragments4(struct pkt *pkt, struct ip4 h, const struct transit *t)
{
	uint32_t body = pkt_len(pkt) - h.hlen;
	uint16_t first = h.frag, more = h.flags & IP4_MF;
	enum drop why = DROP_NONE;

	pkt_sum_finish(pkt);
	pkt_skip(pkt, h.hlen);
	h.hlen = IP4_LEN;
	h.ttl--;
	for (uint32_t off = 0, n; off < body && !why; off += n) {
		uint32_t room = (t->mtu - h.hlen) & ~7u;
		struct pkt *part;
		struct wr w;

		n = MIN(room, body - off);
		part = pkt_slice(pkt, off, n);
		h.frag = (uint16_t)(first + off);
		h.flags = off + n < body ? IP4_MF : more;
		h.len = (uint16_t)(h.hlen + n);
		w = wr_of(pkt_push(part, h.hlen), h.hlen);
		ip4_emit(&w, &h);
		part->l3 = part->cur;
		why = neigh_out(t->route->nif, part, &t->hop);
	}
	pkt_free(pkt);
	return why;
}

/* What was joined is one segment from here on, and needs a sum of its own. */
static void sum_anew(struct pkt *pkt, const struct ip4 *h)
{
	uint8_t *field = pkt->head + pkt->cur + h->hlen + TCP_SUM_AT;
	struct sum s = { 0 };
	be16 v;

	sum_pseudo(&s, &h->src, &h->dst, h->proto, pkt_len(pkt) - h->hlen);
	v = be16_put(sum_partial(&s));
	memcpy(field, &v, sizeof(v));
	pkt->sum = PKT_SUM_PARTIAL;
	pkt->sum_start = (uint16_t)(pkt->cur + h->hlen - pkt->start);
	pkt->sum_off = TCP_SUM_AT;
}

/* One of the datagrams of a super-frame, behind an IP header without options. */
static struct pkt *datagram4(const struct pkt *pkt, struct ip4 *h, uint32_t off, uint32_t len)
{
	struct pkt *part = pkt_slice(pkt, h->hlen + UDP_LEN + off, len);
	struct rd r = rd_of(pkt->head + pkt->cur + h->hlen, UDP_LEN);
	struct sum s = { 0 };
	struct udp uh;
	struct wr w;

	udp_parse(&r, &uh);
	uh.len = (uint16_t)(UDP_LEN + len);
	sum_pseudo(&s, &h->src, &h->dst, IPPROTO_UDP, uh.len);
	uh.sum = sum_partial(&s);
	w = wr_of(pkt_push(part, UDP_LEN), UDP_LEN);
	udp_emit(&w, &uh);
	part->sum = PKT_SUM_PARTIAL;
	part->sum_off = UDP_SUM_AT;
	memset(pkt_push(part, IP4_LEN), 0, IP4_LEN);
	return part;
}

static enum drop cut4(struct pkt *pkt, struct ip4 h, const struct transit *t)
{
	uint32_t body = pkt_len(pkt) - h.hlen - UDP_LEN, size = pkt->gso_size;
	enum drop why = DROP_NONE;

	if (size && h.proto != IPPROTO_UDP)
		sum_anew(pkt, &h);
	if (!size || h.proto != IPPROTO_UDP)
		return fragments4(pkt, h, t);
	for (uint32_t off = 0; off < body && !why; off += size) {
		struct ip4 part = h;

		part.hlen = IP4_LEN;
		why = fragments4(datagram4(pkt, &h, off, MIN(size, body - off)), part, t);
		h.id++;
	}
	pkt_free(pkt);
	return why;
}

enum drop forward4(struct netif *nif, struct pkt *pkt, const struct ip4 *h)
{
	struct transit t = { .in = nif, .src = h->src, .dst = h->dst,
			     .len = wire_len(pkt, h->hlen, h->proto) };
	struct stack *st = nif->st;
	enum drop why = DROP_NONE;

	if (!to_our_mac(nif, pkt) || !may_cross(&h->src) || !may_cross(&h->dst))
		return drop(st, pkt, DROP_IP_NOT_OURS);
	if (h->ttl <= 1) {
		icmp_error(st, pkt, ICMP_ERR_TTL, 0);
		return drop(st, pkt, DROP_IP_TTL);
	}
	why = find_way(st, pkt, &t, h->tos & 0x1c);
	if (why)
		return drop(st, pkt, why);
	if (has_shortcut(st, &t))
		icmp_error(st, pkt, ICMP_ERR_REDIRECT, v4_word(&t.hop));
	if (t.len > t.mtu && h->flags & IP4_DF) {
		icmp_error(st, pkt, ICMP_ERR_TOO_BIG, t.mtu);
		return drop(st, pkt, DROP_IP_TOO_BIG);
	}
	st->forwarded++;
	count_ip(st, true, IP_ForwDatagrams, 1);
	if (t.len > t.mtu)
		return cut4(pkt, *h, &t);
	if (h->hlen > IP4_LEN)
		note_way(st, pkt, h, &t);
	age4(pkt);
	pkt_strip(pkt);
	return neigh_out(t.route->nif, pkt, &t.hop);
}

/* --- IPv6 --- */

enum drop forward6(struct netif *nif, struct pkt *pkt, const struct ip6 *h)
{
	struct transit t = { .in = nif, .src = h->src, .dst = h->dst };
	struct stack *st = nif->st;
	enum drop why;

	if (!to_our_mac(nif, pkt) || !may_cross(&h->src) || !may_cross(&h->dst))
		return drop(st, pkt, DROP_IP_NOT_OURS);
	pkt_trim_to(pkt, IP6_LEN + h->plen);
	t.len = wire_len(pkt, IP6_LEN, h->next);
	if (h->hops <= 1) {			/* RFC 4443 3.3 */
		icmp_error(st, pkt, ICMP_ERR_TTL, 0);
		return drop(st, pkt, DROP_IP_TTL);
	}
	why = find_way(st, pkt, &t, h->tclass & 0xfc);
	if (why)
		return drop(st, pkt, why);
	if (t.len > t.mtu) {			/* RFC 8200 5: only sources fragment */
		icmp_error(st, pkt, ICMP_ERR_TOO_BIG, t.mtu);
		return drop(st, pkt, DROP_IP_TOO_BIG);
	}
	if (has_shortcut(st, &t))
		redirect6(st, &t);
	st->forwarded++;
	count_ip(st, false, IP_ForwDatagrams, 1);
	pkt->head[pkt->cur + 7]--;
	pkt_strip(pkt);
	return neigh_out(t.route->nif, pkt, &t.hop);
}

/* --- with the parameters --- */

void forward_netif(struct netif *nif, bool on)
{
	for (size_t i = 0; i < ARRAY_LEN(router_groups); i++) {
		if (on)
			netif_join(nif, &router_groups[i]);
		else
			netif_leave(nif, &router_groups[i]);
	}
}

/* A router is in its groups, and asks no router (RFC 4861 6.2.2, RFC 4291 2.8). */
void forward_update(struct stack *st)
{
	bool on = st->param.forwarding;

	if (st->is_router == on)
		return;
	st->is_router = on;
	list_for(l, &st->netifs) {
		struct netif *nif = container_of(l, struct netif, link);

		forward_netif(nif, on);
		if (on && !nd_accepts_ra(st))
			nd_netif_down(nif);
	}
	route_changed(st);
}

/* RFC 3704 2: would we answer its source by where it came from (1), or at all (2)? */
bool forward_source_ok(struct netif *nif, const struct pkt *pkt, const struct ip4 *h)
{
	struct route_key came = { .proto = 0 }, back = { .dst = h->src, .tos = h->tos & 0x1c };
	uint32_t filter = nif->st->param.rp_filter;
	const struct route *r;

	if (!filter || netif_is_lo(nif) || ip_is_any(&h->src))
		return true;
	carried(nif->st, pkt, &came);
	back.proto = came.proto;
	back.sport = came.dport;
	back.dport = came.sport;
	if (!ip_is_multicast(&h->dst) && !netif_is_broadcast(nif, &h->dst))
		back.src = h->dst;
	return !route_lookup(nif->st, &back, &r) && (filter == 2 || r->nif == nif);
}
