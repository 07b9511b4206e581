/* icmp.c - the head that all ICMP messages share (RFC 792, RFC 4443)
 *
 * What the second four bytes mean depends on the type; the tables below are
 * only for people. Errors may carry more than the packet they quote (RFC 4884):
 * a header of four bytes, and objects that begin with their length.
 */
#include "base/sum.h"
#include "proto/print.h"
#include "proto/proto.h"

bool icmp_parse(struct rd *r, struct icmp *h)
{
	h->type = rd_u8(r);
	h->code = rd_u8(r);
	h->sum = rd_u16(r);
	h->rest = rd_u32(r);
	return !r->fail;
}

void icmp_emit(struct wr *w, const struct icmp *h)
{
	wr_u8(w, h->type);
	wr_u8(w, h->code);
	wr_u16(w, h->sum);
	wr_u32(w, h->rest);
}

uint32_t icmp_quoted(bool v4, const struct icmp *h)
{
	if (v4 && (h->type == ICMP4_UNREACH || h->type == ICMP4_TIME_EXCEEDED ||
		   h->type == ICMP4_PARAM))
		return (h->rest >> 16 & 0xff) * 4;
	if (!v4 && (h->type == ICMP6_UNREACH || h->type == ICMP6_TIME_EXCEEDED))
		return (h->rest >> 24) * 8;
	return 0;
}

/* RFC 4884 7: a sum of 0 was not computed. Another version is the reader's own affair,
 * as in Linux: there is nothing that could be checked. */
bool icmp_ext_ok(struct rd r)
{
	struct sum s = { 0 };
	const uint8_t *h;

	sum_add(&s, r.p, rd_left(&r));
	h = rd_bytes(&r, ICMP_EXT_LEN);
	if (!h)
		return false;
	if (h[0] >> 4 != ICMP_EXT_VERSION)
		return true;
	if (get_u16(h + 2) && sum_end(&s))
		return false;
	while (rd_left(&r)) {
		uint16_t len = rd_u16(&r);	/* its own four bytes, too (RFC 4884 8) */

		if (len < 4)
			return false;
		rd_bytes(&r, len - sizeof(len));
	}
	return !r.fail;
}

static const char *const unreach4[] = {
	[ICMP4_NET] = "net", [ICMP4_HOST] = "host", [ICMP4_PROTO] = "protocol",
	[ICMP4_PORT] = "port", [ICMP4_FRAG] = "need to frag",
	[ICMP4_ADMIN] = "admin prohibited",
};

static const char *const unreach6[] = {
	[ICMP6_NOROUTE] = "no route", [ICMP6_ADMIN] = "admin prohibited",
	[ICMP6_SCOPE] = "beyond scope", [ICMP6_ADDR] = "address",
	[ICMP6_PORT] = "port",
};

static void unreach_print(struct text *t, const char *const *name, size_t n, uint8_t code)
{
	if (code < n && name[code])
		text_add(t, "unreachable %s", name[code]);
	else
		text_add(t, "unreachable code %u", code);
}

static void echo_print(struct text *t, const char *what, const struct icmp *h)
{
	text_add(t, "echo %s id %u seq %u", what, h->rest >> 16, h->rest & 0xffff);
}

void icmp4_print(struct text *t, const struct icmp *h)
{
	text_add(t, "icmp ");
	switch (h->type) {
	case ICMP4_ECHO:
		echo_print(t, "request", h);
		break;
	case ICMP4_ECHO_REPLY:
		echo_print(t, "reply", h);
		break;
	case ICMP4_UNREACH:
		unreach_print(t, unreach4, ARRAY_LEN(unreach4), h->code);
		if (h->code == ICMP4_FRAG)	/* RFC 1191 4 */
			text_add(t, " mtu %u", h->rest & 0xffff);
		break;
	case ICMP4_TIME_EXCEEDED:
		text_add(t, "time exceeded %s", h->code ? "in reassembly" : "in transit");
		break;
	case ICMP4_PARAM:
		text_add(t, "parameter problem at %u", h->rest >> 24);
		break;
	default:
		text_add(t, "type %u code %u", h->type, h->code);
	}
}

void icmp6_print(struct text *t, const struct icmp *h)
{
	text_add(t, "icmp6 ");
	switch (h->type) {
	case ICMP6_ECHO:
		echo_print(t, "request", h);
		break;
	case ICMP6_ECHO_REPLY:
		echo_print(t, "reply", h);
		break;
	case ICMP6_UNREACH:
		unreach_print(t, unreach6, ARRAY_LEN(unreach6), h->code);
		break;
	case ICMP6_TOO_BIG:
		text_add(t, "too big mtu %u", h->rest);
		break;
	case ICMP6_TIME_EXCEEDED:
		text_add(t, "time exceeded %s", h->code ? "in reassembly" : "in transit");
		break;
	case ICMP6_PARAM:
		text_add(t, "parameter problem code %u at %u", h->code, h->rest);
		break;
	case MLD_QUERY:
		text_add(t, "mld query");
		break;
	case MLD1_REPORT:
		text_add(t, "mld report");
		break;
	case MLD1_DONE:
		text_add(t, "mld done");
		break;
	case MLD2_REPORT:
		text_add(t, "mld2 report");
		break;
	default:
		text_add(t, "type %u code %u", h->type, h->code);
	}
}

void igmp_print(struct text *t, uint8_t type)
{
	static const struct { uint8_t type; const char *name; } names[] = {
		{ IGMP_QUERY, "query" }, { IGMP1_REPORT, "1 report" }, { IGMP2_REPORT, "2 report" },
		{ IGMP2_LEAVE, "2 leave" }, { IGMP3_REPORT, "3 report" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].type == type) {
			text_add(t, "igmp %s", names[i].name);
			return;
		}
	}
	text_add(t, "igmp type %u", type);
}
