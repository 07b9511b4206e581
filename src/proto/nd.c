/* nd.c - neighbour discovery messages (RFC 4861 4)
 *
 * All four messages end in the same list of options, so there is one reader and
 * one writer of options and each message adds its few fixed bytes. An option
 * that is unknown, of the wrong size, or a repetition is skipped (RFC 4861 4.6,
 * 9); one of length 0 or past the end spoils the message (RFC 4861 7.1).
 *
 * Whether a message may be believed (hop limit, checksum, who sent it to whom)
 * is the stack's business.
 */
#include "proto/nd_ra.h"

enum { PREFIX_ON_LINK = 0x80, PREFIX_AUTONOMOUS = 0x40 };
enum { RA_MANAGED = 0x80, RA_OTHER = 0x40 };
enum { NA_FLAGS = ND_NA_ROUTER | ND_NA_SOLICITED | ND_NA_OVERRIDE };

static void ll_parse(struct rd *r, bool *has, struct mac *ll)
{
	if (*has || rd_left(r) != 6)
		return;
	*has = rd_copy(r, ll, 6);
}

static void mtu_parse(struct rd *r, struct nd_opts *o)
{
	if (o->has_mtu || rd_left(r) != 6)
		return;
	rd_u16(r);
	o->mtu = rd_u32(r);
	o->has_mtu = true;
}

static void nonce_parse(struct rd *r, struct nd_opts *o)
{
	if (o->has_nonce || rd_left(r) != 6)
		return;
	o->has_nonce = rd_copy(r, o->nonce, 6);
}

static void prefix_parse(struct rd *r, struct nd_opts *o)
{
	struct nd_prefix *p = &o->prefix[o->n_prefix];
	uint8_t flags;

	if (o->n_prefix == ARRAY_LEN(o->prefix) || rd_left(r) != 30)
		return;
	p->len = rd_u8(r);
	flags = rd_u8(r);
	p->on_link = flags & PREFIX_ON_LINK;
	p->autonomous = flags & PREFIX_AUTONOMOUS;
	p->valid = rd_u32(r);
	p->preferred = rd_u32(r);
	rd_u32(r);
	rd_copy(r, &p->prefix, 16);
	if (p->len <= 128 && !ip_is_v4(&p->prefix))
		o->n_prefix++;
}

static void opt_parse(struct rd *r, uint8_t type, struct nd_opts *o)
{
	switch (type) {
	case ND_OPT_SRC_LL:
		ll_parse(r, &o->has_src, &o->src_ll);
		break;
	case ND_OPT_DST_LL:
		ll_parse(r, &o->has_dst, &o->dst_ll);
		break;
	case ND_OPT_PREFIX:
		prefix_parse(r, o);
		break;
	case ND_OPT_MTU:
		mtu_parse(r, o);
		break;
	case ND_OPT_NONCE:
		nonce_parse(r, o);
		break;
	case ND_OPT_ROUTE:
		nd_route_parse(r, o);
		break;
	case ND_OPT_RDNSS:
		nd_rdnss_parse(r, o);
		break;
	case ND_OPT_DNSSL:
		nd_dnssl_parse(r, o);
		break;
	}
}

static bool opts_parse(struct rd *r, struct nd_opts *o)
{
	*o = (struct nd_opts){ 0 };
	while (rd_left(r)) {
		uint8_t type = rd_u8(r), units = rd_u8(r);
		struct rd body;

		if (!units)
			return false;
		body = rd_sub(r, units * 8u - 2);
		if (r->fail)
			return false;
		opt_parse(&body, type, o);
	}
	return !r->fail;
}

/* The target is an address of IPv6: see ip6.c about mapped ones. */
static bool target_parse(struct rd *r, struct ip_addr *target)
{
	return rd_copy(r, target, 16) && !ip_is_v4(target);
}

bool nd_ns_parse(struct rd *r, struct nd_ns *m)
{
	rd_u32(r);
	return target_parse(r, &m->target) && opts_parse(r, &m->o);
}

bool nd_na_parse(struct rd *r, struct nd_na *m)
{
	m->flags = rd_u8(r) & NA_FLAGS;
	rd_bytes(r, 3);
	return target_parse(r, &m->target) && opts_parse(r, &m->o);
}

bool nd_ra_parse(struct rd *r, struct nd_ra *m)
{
	uint8_t flags;

	m->hops = rd_u8(r);
	flags = rd_u8(r);
	m->managed = flags & RA_MANAGED;
	m->other = flags & RA_OTHER;
	m->pref = flags >> 3 & 3;
	if (m->pref == 2)
		m->pref = 0;		/* RFC 4191 2.2 */
	m->lifetime = rd_u16(r);
	m->reachable = rd_u32(r);
	m->retrans = rd_u32(r);
	return opts_parse(r, &m->o) && !r->fail;
}

bool nd_rs_parse(struct rd *r, struct nd_opts *o)
{
	rd_u32(r);
	return opts_parse(r, o) && !r->fail;
}

bool nd_redirect_parse(struct rd *r, struct nd_redirect *m)
{
	rd_u32(r);
	return target_parse(r, &m->target) && target_parse(r, &m->dst) &&
	       opts_parse(r, &m->o);
}

static void head_emit(struct wr *w, uint8_t type)
{
	wr_u8(w, type);
	wr_zero(w, 3);
}

static void opt_head(struct wr *w, uint8_t type, uint8_t units)
{
	wr_u8(w, type);
	wr_u8(w, units);
}

static void prefix_emit(struct wr *w, const struct nd_prefix *p)
{
	opt_head(w, ND_OPT_PREFIX, 4);
	wr_u8(w, p->len);
	wr_u8(w, (p->on_link ? PREFIX_ON_LINK : 0) |
		 (p->autonomous ? PREFIX_AUTONOMOUS : 0));
	wr_u32(w, p->valid);
	wr_u32(w, p->preferred);
	wr_u32(w, 0);
	wr_bytes(w, p->prefix.b, 16);
}

static void opts_emit(struct wr *w, const struct nd_opts *o)
{
	if (o->has_src) {
		opt_head(w, ND_OPT_SRC_LL, 1);
		wr_bytes(w, &o->src_ll, 6);
	}
	if (o->has_dst) {
		opt_head(w, ND_OPT_DST_LL, 1);
		wr_bytes(w, &o->dst_ll, 6);
	}
	if (o->has_mtu) {
		opt_head(w, ND_OPT_MTU, 1);
		wr_u16(w, 0);
		wr_u32(w, o->mtu);
	}
	if (o->has_nonce) {
		opt_head(w, ND_OPT_NONCE, 1);
		wr_bytes(w, o->nonce, 6);
	}
	for (unsigned i = 0; i < o->n_prefix; i++)
		prefix_emit(w, &o->prefix[i]);
	nd_ra_opts_emit(w, o);
}

void nd_ns_emit(struct wr *w, const struct nd_ns *m)
{
	head_emit(w, ND_NS);
	wr_u32(w, 0);
	wr_bytes(w, m->target.b, 16);
	opts_emit(w, &m->o);
}

void nd_na_emit(struct wr *w, const struct nd_na *m)
{
	head_emit(w, ND_NA);
	wr_u32(w, (uint32_t)(m->flags & NA_FLAGS) << 24);
	wr_bytes(w, m->target.b, 16);
	opts_emit(w, &m->o);
}

void nd_ra_emit(struct wr *w, const struct nd_ra *m)
{
	head_emit(w, ND_RA);
	wr_u8(w, m->hops);
	wr_u8(w, (uint8_t)((m->managed ? RA_MANAGED : 0) | (m->other ? RA_OTHER : 0) |
			   m->pref << 3));
	wr_u16(w, m->lifetime);
	wr_u32(w, m->reachable);
	wr_u32(w, m->retrans);
	opts_emit(w, &m->o);
}

void nd_rs_emit(struct wr *w, const struct nd_opts *o)
{
	head_emit(w, ND_RS);
	wr_u32(w, 0);
	opts_emit(w, o);
}

void nd_redirect_emit(struct wr *w, const struct nd_redirect *m)
{
	head_emit(w, ND_REDIRECT);
	wr_u32(w, 0);
	wr_bytes(w, m->target.b, 16);
	wr_bytes(w, m->dst.b, 16);
	opts_emit(w, &m->o);
}

static void prefix_print(struct text *t, const struct nd_prefix *p)
{
	char ip[IP_STRLEN];

	text_add(t, " prefix %s/%u%s%s valid %u preferred %u",
		 ip_text(&p->prefix, ip), p->len, p->on_link ? " on-link" : "",
		 p->autonomous ? " auto" : "", p->valid, p->preferred);
}

static void opts_print(struct text *t, const struct nd_opts *o)
{
	char ll[MAC_STRLEN];

	if (o->has_src)
		text_add(t, " src-ll %s", mac_text(&o->src_ll, ll));
	if (o->has_dst)
		text_add(t, " dst-ll %s", mac_text(&o->dst_ll, ll));
	if (o->has_mtu)
		text_add(t, " mtu %u", o->mtu);
	for (unsigned i = 0; i < o->n_prefix; i++)
		prefix_print(t, &o->prefix[i]);
	nd_ra_opts_print(t, o);
}

void nd_ns_print(struct text *t, const struct nd_ns *m)
{
	char ip[IP_STRLEN];

	text_add(t, "icmp6 neighbour solicitation who-has %s", ip_text(&m->target, ip));
	opts_print(t, &m->o);
}

void nd_na_print(struct text *t, const struct nd_na *m)
{
	char ip[IP_STRLEN];

	text_add(t, "icmp6 neighbour advertisement %s%s%s%s",
		 ip_text(&m->target, ip),
		 m->flags & ND_NA_ROUTER ? " router" : "",
		 m->flags & ND_NA_SOLICITED ? " solicited" : "",
		 m->flags & ND_NA_OVERRIDE ? " override" : "");
	opts_print(t, &m->o);
}

void nd_ra_print(struct text *t, const struct nd_ra *m)
{
	text_add(t, "icmp6 router advertisement lifetime %u hops %u%s%s",
		 m->lifetime, m->hops, m->managed ? " managed" : "",
		 m->other ? " other" : "");
	opts_print(t, &m->o);
}
