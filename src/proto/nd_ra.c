/* nd_ra.c - options that only routers send: more specific routes (RFC 4191 2.3),
 * resolvers and search domains (RFC 8106 5)
 *
 * Addresses and names are kept one by one, each with its lifetime; a name that is
 * not made of host name characters is skipped. What does not fit is not kept.
 */
#include "proto/nd_ra.h"

#include "proto/label.h"

void nd_route_parse(struct rd *r, struct nd_opts *o)
{
	struct nd_route *n = &o->route[o->n_route];
	uint8_t pref;
	size_t room;

	if (o->n_route == ARRAY_LEN(o->route))
		return;
	*n = (struct nd_route){ .len = rd_u8(r) };
	pref = rd_u8(r) >> 3 & 3;
	n->life = rd_u32(r);
	n->pref = pref;
	room = rd_left(r);
	if (room > 16 || room % 8 || n->len > room * 8 || !rd_copy(r, &n->prefix, room))
		return;
	if (pref == 2 || ip_is_v4(&n->prefix))		/* RFC 4191 2.3: reserved */
		return;
	n->prefix = ip_mask(&n->prefix, n->len);
	o->n_route++;
}

void nd_rdnss_parse(struct rd *r, struct nd_opts *o)
{
	uint32_t life;

	rd_u16(r);
	life = rd_u32(r);
	while (rd_left(r) >= 16 && o->n_dns < ARRAY_LEN(o->dns)) {
		struct nd_dns *d = &o->dns[o->n_dns];

		d->life = life;
		rd_copy(r, &d->addr, 16);
		if (!ip_is_v4(&d->addr) && !ip_is_multicast(&d->addr) && !ip_is_any(&d->addr))
			o->n_dns++;
	}
}

void nd_dnssl_parse(struct rd *r, struct nd_opts *o)
{
	uint32_t life;

	rd_u16(r);
	life = rd_u32(r);
	while (rd_left(r) && !r->fail && o->n_search < ARRAY_LEN(o->search)) {
		struct nd_search *s = &o->search[o->n_search];
		struct text t = text_of(s->name, sizeof(s->name));

		s->life = life;
		if (label_parse(r, NULL, &t))
			o->n_search++;
	}
}

static void head(struct wr *w, uint8_t type, size_t units)
{
	wr_u8(w, type);
	wr_u8(w, (uint8_t)units);
}

static void route_emit(struct wr *w, const struct nd_route *n)
{
	unsigned words = (n->len + 63u) / 64;

	head(w, ND_OPT_ROUTE, 1 + words);
	wr_u8(w, n->len);
	wr_u8(w, (uint8_t)(n->pref << 3));
	wr_u32(w, n->life);
	wr_bytes(w, &n->prefix, words * 8);
}

static void search_emit(struct wr *w, const struct nd_search *s)
{
	size_t len = strlen(s->name) + 2, padded = (len + 7) & ~(size_t)7;

	head(w, ND_OPT_DNSSL, 1 + padded / 8);
	wr_u16(w, 0);
	wr_u32(w, s->life);
	label_emit(w, s->name);
	wr_zero(w, padded - len);
}

void nd_ra_opts_emit(struct wr *w, const struct nd_opts *o)
{
	for (unsigned i = 0; i < o->n_route; i++)
		route_emit(w, &o->route[i]);
	for (unsigned i = 0; i < o->n_dns; i++) {
		head(w, ND_OPT_RDNSS, 3);
		wr_u16(w, 0);
		wr_u32(w, o->dns[i].life);
		wr_bytes(w, &o->dns[i].addr, 16);
	}
	for (unsigned i = 0; i < o->n_search; i++)
		search_emit(w, &o->search[i]);
}

void nd_ra_opts_print(struct text *t, const struct nd_opts *o)
{
	char ip[IP_STRLEN];

	for (unsigned i = 0; i < o->n_route; i++)
		text_add(t, " route %s/%u life %u", ip_text(&o->route[i].prefix, ip),
			 o->route[i].len, o->route[i].life);
	for (unsigned i = 0; i < o->n_dns; i++)
		text_add(t, " dns %s life %u", ip_text(&o->dns[i].addr, ip), o->dns[i].life);
	for (unsigned i = 0; i < o->n_search; i++)
		text_add(t, " search %s life %u", o->search[i].name, o->search[i].life);
}
