/* spoil.c - a good frame, its fields, and what they should not be
 *
 * Headers of IP are taken byte by byte, what follows as bytes, as words and as long
 * words, the last 24 as bytes, addresses as a whole. A value is an edge of its width, or beside what was
 * there; an address is one of each kind.
 */
#include "spoil.h"

#include <netinet/in.h>

/* --- fields --- */

static void place(struct frame_case *f, const char *part, uint32_t at, uint8_t width)
{
	if (f->n < MOST_PLACES && at + width <= f->len)
		f->place[f->n++] = (struct place){ part, (uint16_t)at, width };
}

static void row(struct frame_case *f, const char *part, uint32_t from, uint32_t to, uint8_t width)
{
	for (uint32_t at = from; at + width <= to; at += width)
		place(f, part, at, width);
}

/* Headers of IP byte by byte; what follows as bytes at first, then as words, too. */
static void find_places(struct frame_case *f)
{
	uint32_t body = f->arp ? ETH_LEN : ETH_LEN + (f->v4 ? IP4_LEN : IP6_LEN);
	uint32_t end = MIN(f->len, body + 96);

	place(f, "eth", 12, 2);
	if (!f->arp) {
		row(f, "ip", ETH_LEN, ETH_LEN + (f->v4 ? 12 : 8), 1);
		row(f, "ip", ETH_LEN + 2, ETH_LEN + (f->v4 ? 12 : 8), 2);
		row(f, "addr", ETH_LEN + (f->v4 ? 12 : 8), body, f->v4 ? 4 : 16);
	}
	row(f, "body", body, MIN(end, body + 24), 1);
	row(f, "body", body, end, 2);
	row(f, "body", body, end, 4);
	row(f, "tail", MAX(end, f->len - 24), f->len, 1);
}

static const uint32_t edges[] = { 0, 1, 0xff, 0x80, 0x7f, 2, 0xfe, 0x40, 4, 8, 16 };
#define N_EDGES		(ARRAY_LEN(edges) + 3)

static const struct ip_addr addrs4[] = {
	IP4(0, 0, 0, 0), IP4(10, 0, 0, 1), IP4(10, 0, 0, 255), IP4(255, 255, 255, 255),
	IP4(127, 0, 0, 1), IP4(224, 0, 0, 1), IP4(224, 0, 0, 251), IP4(240, 0, 0, 1),
	IP4(10, 0, 0, 3), IP4(192, 0, 2, 1), IP4(169, 254, 1, 1), IP4(10, 0, 0, 0),
};
static const struct ip_addr addrs6[] = {
	{ { 0 } }, { { [15] = 1 } }, { { 0xfd, [15] = 1 } }, { { 0xff, 2, [15] = 1 } },
	{ { 0xff, 2, [15] = 2 } }, { { 0xff, 2, [11] = 1, [12] = 0xff, [15] = 1 } },
	{ { 0xff, 5, [15] = 9 } }, { { 0xfe, 0x80, [15] = 9 } }, { { 0xfd, [15] = 9 } },
	{ { 0x20, 1, [15] = 1 } }, { { [10] = 0xff, 0xff, 10, 0, 0, 1 } }, { { 0xfd } },
	{ { 0xff, 1, [15] = 1 } },
};

unsigned place_values(const struct place *p)
{
	if (p->width == 16)
		return ARRAY_LEN(addrs6);
	return !strcmp(p->part, "addr") ? ARRAY_LEN(addrs4) : N_EDGES;
}

static void store(uint8_t *b, unsigned width, uint32_t v)
{
	for (unsigned i = width; i--; v >>= 8)
		b[i] = (uint8_t)v;
}

/* Edges of one byte, spread so that they are those of wider numbers, too: 0xff is
 * the largest, 0x80 the sign, 0x7f the largest positive. */
static uint32_t widen(uint32_t v, unsigned width)
{
	unsigned shift = 8 * (width - 1);

	if (v < 0x40 || width == 1)
		return v;
	return v << shift | (v & 1 ? (1u << shift) - 1 : 0);
}

void place_set(struct frame_case *f, const struct place *p, unsigned i)
{
	uint8_t *b = f->b + p->at;
	uint32_t old;

	if (p->width == 16) {
		memcpy(b, addrs6[i].b, 16);
		return;
	}
	if (!strcmp(p->part, "addr")) {
		memcpy(b, addrs4[i].b + 12, 4);
		return;
	}
	old = load(b, p->width);
	if (i < ARRAY_LEN(edges))
		store(b, p->width, widen(edges[i], p->width));
	else
		store(b, p->width, (uint32_t[]){ old + 1, old - 1, ~old }[i - ARRAY_LEN(edges)]);
}

/* --- sums --- */

void frame_mend(struct frame_case *f, const struct place *const *p, unsigned n, bool *bad)
{
	bool ip = !f->arp, upper = !f->arp;
	uint32_t place = 0;
	uint8_t proto = 0, before[2];
	uint32_t at = upper_at(f->b, f->len, &proto);

	place = at ? sum_place(proto, f->b[ETH_LEN] >> 4 == 4) : 0;
	place += place ? at : 0;
	for (unsigned i = 0; i < n; i++) {
		if (f->v4 && p[i]->at <= ETH_LEN + 11 && p[i]->at + p[i]->width > ETH_LEN + 10)
			ip = false;
		if (place && p[i]->at <= place + 1 && p[i]->at + p[i]->width > place)
			upper = false;
	}
	sums_fill(f->b, f->len, ip, upper);
	*bad = false;
	if (f->arp || (ip && upper))
		return;
	/* Does it differ from the right one? IPv4's, and UDP's and ICMP's above. */
	if (!ip) {
		memcpy(before, f->b + ETH_LEN + 10, 2);
		sums_fill(f->b, f->len, true, false);
		*bad = memcmp(before, f->b + ETH_LEN + 10, 2) != 0 && load(before, 2) != 0xffff;
		memcpy(f->b + ETH_LEN + 10, before, 2);
	} else if (place && place + 2 <= f->len && (f->v4 || load(f->b + place, 2))) {
		memcpy(before, f->b + place, 2);
		sums_fill(f->b, f->len, false, true);
		*bad = memcmp(before, f->b + place, 2) != 0 && load(before, 2) != 0xffff &&
		       !(proto == IPPROTO_UDP && !load(before, 2));
		memcpy(f->b + place, before, 2);
	}
}

void frame_load(const struct templ *t, const struct lan *l, struct frame_case *f)
{
	uint8_t proto;

	memset(f, 0, sizeof(*f));
	f->len = t->make(l, f->b);
	f->arp = load(f->b + 12, 2) == ETHERTYPE_ARP;
	f->v4 = load(f->b + 12, 2) == ETHERTYPE_IP4;
	f->upper = upper_at(f->b, f->len, &proto);
	find_places(f);
}
