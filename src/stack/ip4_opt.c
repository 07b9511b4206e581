/* ip4_opt.c - the options of IPv4's header (RFC 791 3.1, RFC 1122 3.2.1.8)
 *
 * A host looks at two: record route and timestamp, in which each one that a packet
 * passes notes that it was there. All others are carried as they are. What is wrong
 * with options is the same whether they come from a user or with a packet, and is what
 * Linux finds wrong.
 */
#include "stack/ip_extra.h"

enum {
	OPT_END = 0, OPT_NOP = 1, OPT_RR = 7, OPT_TS = 68, OPT_LSRR = 131, OPT_SSRR = 137,
	OPT_ALERT = 148,
};
enum { TS_ONLY = 0, TS_ADDR = 1, TS_GIVEN = 3 };	/* what a timestamp option notes */

#define OPT_COPIED	0x80	/* of the type: goes into each fragment */
#define TS_NOT_UT	0x80000000u	/* RFC 791: not since midnight UT */

/* The length of the next option from *at on, where *at then stands; 0: there is none. */
static unsigned next_opt(const uint8_t *o, unsigned n, unsigned *at)
{
	unsigned len;

	while (*at < n && o[*at] == OPT_NOP)
		++*at;
	if (n - *at < 2 || o[*at] == OPT_END)
		return 0;
	len = o[*at + 1];
	return len < 2 || len > n - *at ? 0 : len;
}

/* The byte of a timestamp option that is wrong; 0: none. */
static unsigned ts_fault(const uint8_t *p)
{
	unsigned kind = p[3] & 15;

	if (p[1] < 4)
		return 1;
	if (p[2] < 5)
		return 2;
	if (p[2] > p[1])
		return kind != TS_GIVEN && p[3] >> 4 == 15 ? 3 : 0;
	if (p[2] + (kind == TS_ONLY ? 3u : 7u) > p[1])
		return 2;
	return 0;
}

static unsigned rr_fault(const uint8_t *p)
{
	if (p[1] < 3)
		return 1;
	if (p[2] < 4 || (p[2] <= p[1] && p[2] + 3u > p[1]))
		return 2;
	return 0;
}

/* Where the fault is, from the option on; -1: nowhere. Once a packet. */
static int opt_fault(const uint8_t *p, unsigned *seen)
{
	unsigned bit = p[0] == OPT_RR ? 1 : p[0] == OPT_TS ? 2 : 0, bad;

	if (*seen & bit)
		return 0;
	*seen |= bit;
	if (bit)
		bad = bit == 1 ? rr_fault(p) : ts_fault(p);
	else
		bad = p[0] == OPT_ALERT && p[1] < 4;
	return bad ? (int)bad : -1;
}

int ip4_opt_fault(const uint8_t *o, unsigned n)
{
	unsigned seen = 0, at = 0;

	while (at < n && o[at] != OPT_END) {
		int bad = 0;

		if (o[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (n - at >= 2 && o[at + 1] >= 2 && o[at + 1] <= n - at)
			bad = opt_fault(o + at, &seen);
		if (bad >= 0)
			return (int)at + bad;
		at += o[at + 1];
	}
	return -1;
}

bool ip4_opt_source_route(const uint8_t *o, unsigned n)
{
	for (unsigned at = 0, len; (len = next_opt(o, n, &at)); at += len) {
		if (o[at] == OPT_LSRR || o[at] == OPT_SSRR)
			return true;
	}
	return false;
}

/* --- notes --- */

static void put_time(struct stack *st, uint8_t *p)
{
	be32 v = be32_put((uint32_t)(st->now / USEC_PER_MSEC) | TS_NOT_UT);

	memcpy(p, &v, sizeof(v));
}

static void note_rr(uint8_t *p, const struct ip_addr *self)
{
	if (rr_fault(p) || p[2] > p[1])
		return;
	memcpy(p + p[2] - 1, ip_v4(self), 4);
	p[2] += 4;
}

/* No room is noted, too. */
static void note_ts(struct stack *st, uint8_t *p, const struct ip_addr *self)
{
	unsigned kind = p[1] < 4 ? 15 : p[3] & 15;
	uint8_t *to = p + p[2] - 1;
	struct ip_addr given;

	if (ts_fault(p) || (kind != TS_ONLY && kind != TS_ADDR && kind != TS_GIVEN))
		return;
	if (p[2] > p[1]) {
		p[3] += kind != TS_GIVEN ? 16 : 0;
		return;
	}
	if (kind == TS_ONLY) {
		put_time(st, to);
		p[2] += 4;
		return;
	}
	given = ip_from_v4(to);
	if (kind == TS_GIVEN && !stack_addr(st, &given))
		return;
	if (kind == TS_ADDR)
		memcpy(to, ip_v4(self), 4);
	put_time(st, to + 4);
	p[2] += 8;
}

void ip4_opt_note(struct stack *st, uint8_t *o, unsigned n, const struct ip_addr *self)
{
	for (unsigned at = 0, len; (len = next_opt(o, n, &at)); at += len) {
		if (o[at] == OPT_RR && len >= 3)
			note_rr(o + at, self);
		else if (o[at] == OPT_TS && len >= 4)
			note_ts(st, o + at, self);
	}
}

void ip4_opt_later(uint8_t *o, unsigned n)
{
	for (unsigned at = 0, len; (len = next_opt(o, n, &at)); at += len) {
		if (!(o[at] & OPT_COPIED))
			memset(o + at, OPT_NOP, len);
	}
}

void ip4_opt_echo(struct ip_extra *x, const uint8_t *o, unsigned n)
{
	x->n4 = 0;
	for (unsigned at = 0, len; (len = next_opt(o, n, &at)); at += len) {
		if (o[at] != OPT_RR && o[at] != OPT_TS)
			continue;
		memcpy(x->v4 + x->n4, o + at, len);
		x->n4 = (uint8_t)(x->n4 + len);
	}
	while (x->n4 % 4)
		x->v4[x->n4++] = OPT_END;
}
