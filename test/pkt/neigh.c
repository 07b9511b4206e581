/* neigh.c - the peer's side of ARP and neighbour discovery
 *
 * Unless the script says "neigh manual" the peer and the router answer for
 * themselves and the script sees nothing of it. Both families have one set of
 * words, since the engine has one neighbour machine:
 *
 *	> neigh request [unicast|blind] [for A]	who has A (default: the peer); blind: asked of
 *						it alone, without our link address (IPv6)
 *	> neigh reply [for A]			our answer to the peer
 *	> neigh dad A				is A taken (probe, RFC 5227 2.1.1, RFC 4862 5.4)
 *	> neigh announce A			gratuitous ARP, unsolicited NA
 *	< neigh request [for A]			the peer asks for us
 *	< neigh reply [mac N] [for A] [unsolicited] [keep]
 *						mac: last byte; keep: no override flag
 *	< neigh dad A				another node probes A
 *
 * Multicast reports and router solicitations are swallowed in any case.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/sum.h"
#include "world.h"

struct question {
	bool		reply, unicast, dad, self, blind;
	struct ip_addr	target, src;
	struct mac	ll;
};

static bool arp_read(const struct frame *f, struct question *q)
{
	struct rd r = rd_of(f->b + ETH_LEN, f->len - ETH_LEN);
	struct arp a;

	if (f->eth.type != ETHERTYPE_ARP || !arp_parse(&r, &a))
		return false;
	*q = (struct question){ .reply = a.op == ARP_REPLY, .target = a.tpa, .src = a.spa,
				.unicast = !mac_is_group(&f->eth.dst), .ll = a.sha,
				.dad = ip_is_any(&a.spa), .self = ip_eq(&a.spa, &a.tpa) };
	return true;
}

static bool nd_read(const struct frame *f, struct question *q)
{
	struct rd r = rd_of(f->l4, f->l4_len);
	uint8_t type;
	struct nd_ns ns;
	struct nd_na na;

	if (!f->ip || f->proto != IPPROTO_ICMPV6 || f->l4_len < 4)
		return false;
	type = rd_u8(&r);
	rd_bytes(&r, 3);
	*q = (struct question){ .unicast = !mac_is_group(&f->eth.dst), .src = f->src };
	if (type == ND_NS && nd_ns_parse(&r, &ns)) {
		q->target = ns.target;
		q->dad = ip_is_any(&f->src);
		q->blind = !q->dad && !ns.o.has_src && ip_eq(&f->dst, &ns.target);
		return true;
	}
	if (type == ND_NA && nd_na_parse(&r, &na)) {
		q->reply = true;
		q->target = na.target;
		q->ll = na.o.dst_ll;
		q->self = !(na.flags & ND_NA_SOLICITED);
		return true;
	}
	return false;
}

static bool question_read(const struct frame *f, struct question *q)
{
	return arp_read(f, q) || nd_read(f, q);
}

/* Router solicitations, MLD reports, IGMP: never a script's business. */
static bool is_report(const struct world *w, const struct frame *f)
{
	uint8_t type;

	if (!f->ip)
		return false;
	if (group_is_report(f))
		return !w->reports || f->v6 != w->v6;
	type = f->proto == IPPROTO_ICMPV6 && f->l4_len ? f->l4[0] : 0;
	return type == ND_RS;
}

bool neigh_swallow(struct world *w, struct frame *f)
{
	struct question q;

	if (!w->ready || is_report(w, f))
		return true;
	return !w->manual && question_read(f, &q);
}

static const struct mac *owner(struct world *w, const struct ip_addr *a)
{
	if (ip_eq(a, &w->peer))
		return &w->peer_mac;
	return ip_eq(a, &w->router) ? &w->router_mac : NULL;
}

static void arp_send(struct world *w, uint16_t op, struct mac from, const struct ip_addr *spa,
		     struct mac to, const struct ip_addr *tpa)
{
	struct eth e = { .dst = mac_is_zero(&to) ? MAC_BROADCAST : to, .src = from,
			 .type = ETHERTYPE_ARP };
	struct arp a = { .op = op, .sha = from, .spa = *spa, .tha = to, .tpa = *tpa };
	uint8_t b[ETH_MIN] = { 0 };
	struct wr o = wr_of(b, sizeof(b));

	eth_emit(&o, &e);
	arp_emit(&o, &a);
	world_inject(w, b, sizeof(b));
}

void nd_inject(struct world *w, uint8_t *msg, size_t len, struct mac from,
	       const struct ip_addr *src, const struct ip_addr *dst)
{
	struct eth e = { .dst = ip_is_multicast(dst) ? mac_of_multicast(dst) : w->us_mac,
			 .src = from, .type = ETHERTYPE_IP6 };
	struct ip6 h = { .plen = (uint16_t)len, .next = IPPROTO_ICMPV6, .hops = 255,
			 .src = *src, .dst = *dst };
	uint8_t b[1400];
	struct wr o = wr_of(b, sizeof(b));
	struct sum s = { 0 };
	be16 v;

	sum_pseudo(&s, src, dst, IPPROTO_ICMPV6, (uint32_t)len);
	sum_add(&s, msg, len);
	v = be16_put(sum_end(&s));
	memcpy(msg + 2, &v, 2);
	eth_emit(&o, &e);
	ip6_emit(&o, &h);
	wr_bytes(&o, msg, len);
	world_inject(w, b, wr_len(&o));
}

struct reply {
	struct ip_addr	target, to;
	struct mac	ll;
	bool		solicited, override;
};

static void na_send(struct world *w, const struct reply *p)
{
	struct nd_na m = { .target = p->target, .o = { .has_dst = true, .dst_ll = p->ll } };
	uint8_t b[128];
	struct wr o = wr_of(b, sizeof(b));

	m.flags = (uint8_t)((p->solicited ? ND_NA_SOLICITED : 0) |
			    (p->override ? ND_NA_OVERRIDE : 0));
	nd_na_emit(&o, &m);
	nd_inject(w, b, wr_len(&o), p->ll, &p->target, &p->to);
}

static void reply_send(struct world *w, const struct reply *p)
{
	if (ip_is_v4(&p->target))
		arp_send(w, ARP_REPLY, p->ll, &p->target, w->us_mac, &p->to);
	else
		na_send(w, p);
}

/* The oldest question that waits is answered, if it is for one of us. */
void neigh_answer(struct world *w)
{
	struct frame *f = container_of(list_pop(&w->asked), struct frame, link);
	const struct mac *ll;
	struct question q;

	if (question_read(f, &q) && !q.reply && !q.dad && w->ready &&
	    (ll = owner(w, &q.target))) {
		struct reply p = { q.target, q.src, *ll, true, true };

		reply_send(w, &p);
	}
	frame_free(f);
}

static struct ip_addr address(struct world *w, struct words *ws)
{
	const char *s = word_need(w, ws, "an address");
	struct ip_addr a;

	if (!ip_parse_text(s, &a))
		fail(w, "script: '%s' is not an address", s);
	return a;
}

static void request_in(struct world *w, const struct ip_addr *a)
{
	struct nd_ns m = { .target = *a, .o = { .has_src = true, .src_ll = w->peer_mac } };
	struct ip_addr group = ip6_solicited_node(a);
	uint8_t b[128];
	struct wr o = wr_of(b, sizeof(b));

	if (!w->v6) {
		arp_send(w, ARP_REQUEST, w->peer_mac, &w->peer, (struct mac){ { 0 } }, a);
		return;
	}
	nd_ns_emit(&o, &m);
	nd_inject(w, b, wr_len(&o), w->peer_mac, &w->peer, &group);
}

static void dad_in(struct world *w, const struct ip_addr *a)
{
	struct nd_ns m = { .target = *a };
	struct ip_addr group = ip6_solicited_node(a);
	uint8_t b[128];
	struct wr o = wr_of(b, sizeof(b));

	if (!w->v6) {
		arp_send(w, ARP_REQUEST, w->peer_mac, &IP4_ANY, (struct mac){ { 0 } }, a);
		return;
	}
	nd_ns_emit(&o, &m);
	nd_inject(w, b, wr_len(&o), w->peer_mac, &IP6_ANY, &group);
}

static void reply_in(struct world *w, struct words *ws)
{
	struct reply p = { w->peer, w->us, w->peer_mac, true, true };

	for (;;) {
		if (word_is(ws, "mac"))
			p.ll.b[5] = (uint8_t)number_need(w, ws, "mac");
		else if (word_is(ws, "for"))
			p.target = address(w, ws);
		else if (word_is(ws, "unsolicited"))
			p.solicited = false;
		else if (word_is(ws, "keep"))
			p.override = false;
		else
			break;
	}
	words_end(w, ws);
	reply_send(w, &p);
}

void neigh_in(struct world *w, struct words *ws)
{
	struct ip_addr a;

	if (word_is(ws, "request")) {
		a = word_is(ws, "for") ? address(w, ws) : w->us;
		words_end(w, ws);
		request_in(w, &a);
	} else if (word_is(ws, "dad")) {
		a = address(w, ws);
		words_end(w, ws);
		dad_in(w, &a);
	} else if (word_is(ws, "reply")) {
		reply_in(w, ws);
	} else {
		fail(w, "script: neigh request, reply or dad");
	}
}

static void want_words(struct world *w, struct words *ws, struct question *q)
{
	q->target = w->peer;
	if (word_is(ws, "reply")) {
		q->reply = true;
		q->target = w->v6 ? w->us : w->peer;
		q->unicast = true;
		if (word_is(ws, "for"))
			q->target = address(w, ws);
	} else if (word_is(ws, "dad")) {
		q->dad = true;
		q->target = address(w, ws);
	} else if (word_is(ws, "announce")) {
		q->self = true;
		q->reply = w->v6;
		q->target = address(w, ws);
	} else if (word_is(ws, "request")) {
		q->unicast = word_is(ws, "unicast");
		q->blind = word_is(ws, "blind");
		if (word_is(ws, "for"))
			q->target = address(w, ws);
	} else {
		fail(w, "script: neigh request, reply, dad or announce");
	}
	words_end(w, ws);
}

void neigh_expect(struct world *w, struct words *ws, struct when when)
{
	struct question want = { .reply = false }, got;
	struct frame *f;

	want_words(w, ws, &want);
	f = expect_frame(w, when);
	if (f->bad)
		fail(w, "the stack sent %s", f->bad);
	if (!question_read(f, &got) || got.reply != want.reply || got.dad != want.dad ||
	    got.unicast != want.unicast || got.self != want.self || got.blind != want.blind ||
	    !ip_eq(&got.target, &want.target))
		fail(w, "the neighbour message differs\n\tseen at +%.6f: %s",
		     (double)(f->at - START) / 1e6, frame_text(f->b, f->len));
	if (want.reply && !mac_eq(&got.ll, &w->us_mac))
		fail(w, "the address told is not ours: %s", frame_text(f->b, f->len));
	frame_free(f);
}
