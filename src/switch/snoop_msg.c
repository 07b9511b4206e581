/* snoop_msg.c - messages of IGMPv1-3 and MLDv1-2, as a switch reads them
 *
 * in: snoop_in -> snoop_read -> snoop_asked | snoop_joined
 *
 * RFC 1112, 2236, 3376; RFC 2710, 3810. A message that hosts would not believe (its
 * checksum, of MLD also hop limit 1 and a link-local source) is data like any other. Of
 * a report's records those count that leave somebody listening: what was left ends
 * when nobody answers for it.
 */
#include "switch/snoop_msg.h"

#include <netinet/in.h>

enum { IS_INCLUDE = 1, IS_EXCLUDE, TO_INCLUDE, TO_EXCLUDE, ALLOW, BLOCK };  /* RFC 3810 5.2.12 */

#define ROBUST		2				/* RFC 3376 8.1 */
#define INTERVAL	(125 * USEC_PER_SEC)		/* RFC 3376 8.2 */
#define IGMP1_RESP	(10 * USEC_PER_SEC)		/* RFC 2236 4 */

/* A message on its way through here. */
struct told {
	struct snoop	*s;
	uint32_t	port;
	uint16_t	vlan;
	usec		now;
	bool		v4;
	const struct view_ip *ip;
	struct rd	r;		/* behind type, code, checksum */
	uint8_t		code;
};

static struct ip_addr addr_read(struct told *t)
{
	uint8_t b[16];

	rd_copy(&t->r, b, t->v4 ? 4 : 16);
	return t->v4 ? ip_from_v4(b) : ip_from_v6(b);
}

/* RFC 3376 4.1.1, 4.1.7; RFC 3810 5.1.3, 5.1.9: bits mantissa bits below three of
 * exponent, and a one on top. */
static uint32_t code_value(uint32_t code, unsigned bits)
{
	uint32_t mant = code & ((1u << bits) - 1), exp = code >> bits & 7;

	if (code < 1u << (bits + 3))
		return code;
	return (mant | 1u << bits) << (exp + 3);
}

static void later_fields(struct told *t, struct snoop_query *q)
{
	uint8_t flags = rd_u8(&t->r), qqic = rd_u8(&t->r);
	uint16_t n = rd_u16(&t->r);

	if (t->r.fail)
		return;			/* an elder version: defaults */
	if (flags & 7)
		q->robust = flags & 7;
	if (qqic)
		q->interval = code_value(qqic, 4) * USEC_PER_SEC;
	q->ends = !(flags & 8) && !n;	/* RFC 3376 4.1.5 */
}

static usec max_resp4(const struct told *t)
{
	bool v3 = rd_left(&t->r) >= 8;

	if (!t->code && !v3)
		return IGMP1_RESP;
	return (v3 ? code_value(t->code, 4) : t->code) * (USEC_PER_SEC / 10);
}

static usec max_resp6(struct told *t)
{
	bool v2 = rd_left(&t->r) >= 24;
	uint16_t code = rd_u16(&t->r);

	rd_u16(&t->r);
	return (v2 ? code_value(code, 12) : code) * USEC_PER_MSEC;
}

static enum snoop_is query(struct told *t)
{
	struct snoop_query q = {
		.src = t->ip->src, .robust = ROBUST, .interval = INTERVAL, .ends = true,
	};

	q.max_resp = t->v4 ? max_resp4(t) : max_resp6(t);
	q.group = addr_read(t);
	if (t->r.fail || (!t->v4 && ip_is_any(&q.src)))
		return SNOOP_DATA;
	later_fields(t, &q);
	snoop_asked(t->s, t->port, t->vlan, &q, t->now);
	return SNOOP_QUERY;
}

static enum snoop_is report(struct told *t)
{
	struct ip_addr group;

	if (!t->v4)
		rd_u32(&t->r);
	group = addr_read(t);
	if (t->r.fail)
		return SNOOP_DATA;
	snoop_joined(t->s, t->port, t->vlan, &group, t->now);
	return SNOOP_REPORT;
}

static bool record(struct told *t)
{
	uint8_t type = rd_u8(&t->r), aux = rd_u8(&t->r);
	uint16_t n = rd_u16(&t->r);
	struct ip_addr group = addr_read(t);
	bool none = !n && (type == IS_INCLUDE || type == TO_INCLUDE || type == ALLOW);

	rd_bytes(&t->r, n * (t->v4 ? 4u : 16u) + aux * 4u);
	if (t->r.fail)
		return false;
	if (type >= IS_INCLUDE && type <= ALLOW && !none)
		snoop_joined(t->s, t->port, t->vlan, &group, t->now);
	return true;
}

static enum snoop_is records(struct told *t)
{
	uint16_t n;

	rd_u16(&t->r);
	n = rd_u16(&t->r);
	if (t->r.fail)
		return SNOOP_DATA;
	while (n-- && record(t))
		;
	return SNOOP_REPORT;
}

static enum snoop_is igmp(struct told *t, uint8_t type)
{
	switch (type) {
	case IGMP_QUERY:
		return query(t);
	case IGMP1_REPORT:
	case IGMP2_REPORT:
		return report(t);
	case IGMP3_REPORT:
		return records(t);
	case IGMP2_LEAVE:
		return SNOOP_REPORT;
	}
	return SNOOP_DATA;
}

/* RFC 3810 5: hop limit 1; 5.1.14, 5.2.13: from a link-local address, a report
 * also from ::. */
static enum snoop_is mld(struct told *t, uint8_t type)
{
	const struct ip_addr *src = &t->ip->src;

	if (t->ip->hops != 1 || !(ip_is_linklocal(src) || ip_is_any(src)))
		return SNOOP_DATA;
	switch (type) {
	case MLD_QUERY:
		return query(t);
	case MLD1_REPORT:
		return report(t);
	case MLD2_REPORT:
		return records(t);
	case MLD1_DONE:
		return SNOOP_REPORT;
	}
	return SNOOP_DATA;
}

enum snoop_is snoop_read(struct snoop *s, uint32_t port, const struct view *v, usec now)
{
	struct told t = { .s = s, .port = port, .vlan = v->vlan, .now = now };
	uint8_t buf[FRAME_MAX], type;
	struct view_ip ip;

	t.v4 = v->eth.type == ETHERTYPE_IP4;
	if (view_ip(v->eth.type, view_all(v, buf, sizeof(buf)), &ip) != VIEW_IP)
		return SNOOP_DATA;
	t.ip = &ip;
	t.r = ip.body;
	type = rd_u8(&t.r);
	t.code = rd_u8(&t.r);
	rd_u16(&t.r);
	if (ip.proto != (t.v4 ? IPPROTO_IGMP : IPPROTO_ICMPV6) || t.r.fail ||
	    !view_sum_ok(&ip, !t.v4))
		return SNOOP_DATA;
	return t.v4 ? igmp(&t, type) : mld(&t, type);
}
