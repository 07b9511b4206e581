/* view.c - a frame as the modules of the switch see it
 *
 * in: core.c makes a view of a frame some rule asks for; guard.c, suppress.c and
 *     snoop.c read it
 *
 * The way to the transport's header: IPv4's options are skipped, of IPv6 the
 * extension headers (RFC 8200 4), at most EXTS_MAX of them. Who hides a header
 * behind more, or behind the bytes at hand, gets VIEW_HIDDEN, and whoever asks
 * decides what that is worth (RFC 7113 3).
 */
#include "switch/view.h"

#include <netinet/in.h>

#include "base/sum.h"
#include "stack/pkt.h"

#define EXTS_MAX	8

/* Only what fits behind what is there: head stays where others point to it. */
uint32_t view_near(const struct frame *f, uint32_t *all)
{
	struct pkt *pkt = f->pkt;
	uint32_t room;

	if (!pkt) {
		*all = f->len;
		return f->len;
	}
	*all = pkt_len(pkt);
	room = MIN(PKT_HEAD - pkt->cur, VIEW_NEAR);
	pkt_pull(pkt, MIN(*all, room));
	return (uint32_t)(pkt->end - pkt->cur);
}

void view_of(struct view *v, const struct frame *f, uint16_t vlan)
{
	uint32_t all, near = view_near(f, &all);
	struct rd r = rd_of(f->pkt ? f->pkt->head + f->pkt->cur : f->p, near);
	struct rd inner;
	struct vlan tag;

	v->f = f;
	v->vlan = vlan;
	eth_parse(&r, &v->eth);
	inner = r;
	if (v->eth.type == ETHERTYPE_VLAN && vlan_parse(&inner, &tag)) {
		v->eth.type = tag.type;
		r = inner;
	}
	v->p = r.p;
	v->len = (uint32_t)rd_left(&r);
	v->at = near - v->len;
	v->all = all - v->at;
}

struct rd view_all(const struct view *v, void *buf, uint32_t size)
{
	if (v->len == v->all)
		return rd_of(v->p, v->len);
	return rd_of(buf, pkt_copy(v->f->pkt, v->at, buf, MIN(size, v->all)));
}

/* What lies behind the IP header's end is padding. */
static void clip(struct rd *r, uint32_t len)
{
	if (rd_left(r) > len)
		r->end = r->p + len;
}

static enum view_is parse4(struct rd r, struct view_ip *ip)
{
	struct ip4 h;

	if (!ip4_parse(&r, &h))
		return VIEW_BAD;
	*ip = (struct view_ip){
		.src = h.src, .dst = h.dst, .proto = h.proto, .hops = h.ttl,
		.frag = h.frag || h.flags & IP4_MF, .later = h.frag, .len = h.len - h.hlen,
	};
	clip(&r, ip->len);
	ip->body = r;
	return VIEW_IP;
}

static bool is_ext(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT;
}

static bool skip_ext(struct rd *r, struct view_ip *ip)
{
	struct ip6_frag f;
	struct ip6_ext e;

	if (ip->proto != IPPROTO_FRAGMENT) {
		if (!ip6_ext_parse(r, &e))
			return false;
		ip->proto = e.next;
		return true;
	}
	if (!ip6_frag_parse(r, &f))
		return false;
	ip->frag = true;
	ip->later = f.off;
	ip->proto = f.next;
	return true;
}

static enum view_is parse6(struct rd r, struct view_ip *ip)
{
	const uint8_t *body;
	struct ip6 h;
	unsigned n = 0;

	if (!ip6_parse(&r, &h))
		return VIEW_BAD;
	*ip = (struct view_ip){ .src = h.src, .dst = h.dst, .proto = h.next, .hops = h.hops };
	body = r.p;
	clip(&r, h.plen);
	while (is_ext(ip->proto) && !ip->later) {
		if (n++ == EXTS_MAX || !skip_ext(&r, ip))
			return VIEW_HIDDEN;
	}
	ip->len = h.plen - (uint32_t)(r.p - body);
	ip->body = r;
	return VIEW_IP;
}

enum view_is view_ip(uint16_t type, struct rd r, struct view_ip *ip)
{
	switch (type) {
	case ETHERTYPE_IP4:
		return parse4(r, ip);
	case ETHERTYPE_IP6:
		return parse6(r, ip);
	}
	return VIEW_OTHER;
}

bool view_sum_ok(const struct view_ip *ip, bool v6)
{
	struct sum s = { 0 };

	if (rd_left(&ip->body) != ip->len)
		return false;
	if (v6)
		sum_pseudo(&s, &ip->src, &ip->dst, IPPROTO_ICMPV6, ip->len);
	sum_add(&s, ip->body.p, ip->len);
	return sum_end(&s) == 0;
}
