/* app.c - what UDP carries on well-known ports, in a few words of a line
 *
 *	... udp len 300 dhcp offer 10.0.2.15
 *	... udp len 120 dhcp6 solicit
 *	... udp len 34 dns query AAAA www.example.org
 *	... udp len 50 dns answer A www.example.org 1 record
 *
 * Only as much is read as the words need (RFC 2131, RFC 8415, RFC 1035); what does not
 * parse says nothing, for a port is no promise. Names are what strangers sent: other
 * than letters, digits and a few marks each byte is shown as '?'.
 */
#include "proto/print.h"

#define DHCP_MAGIC	0x63825363u
#define DHCP_TYPE	53
#define DHCP_PAD	0
#define DHCP_END	255
#define LABELS_MAX	128
#define DNS_QR		0x8000

static const char *const dhcp_types[] = {
	"", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform",
};

static const char *const dhcp6_types[] = {
	"", "solicit", "advertise", "request", "confirm", "renew", "rebind", "reply", "release",
	"decline", "reconfigure", "information-request", "relay-forward", "relay-reply",
};

/* The type of the message, or 0. */
static uint8_t dhcp_type(struct rd *r)
{
	while (rd_left(r)) {
		uint8_t code = rd_u8(r), len;
		struct rd value;

		if (code == DHCP_PAD)
			continue;
		if (code == DHCP_END)
			return 0;
		len = rd_u8(r);
		value = rd_sub(r, len);
		if (code == DHCP_TYPE && len == 1)
			return rd_u8(&value);
	}
	return 0;
}

static void dhcp_words(struct text *t, struct rd r)
{
	struct ip_addr your;
	char addr[IP_STRLEN];
	const uint8_t *p;
	uint8_t type;

	rd_bytes(&r, 16);		/* op to ciaddr */
	p = rd_bytes(&r, 4);
	rd_bytes(&r, 4 + 4 + 16 + 64 + 128);
	if (rd_u32(&r) != DHCP_MAGIC || r.fail)
		return;
	type = dhcp_type(&r);
	if (!type || type >= ARRAY_LEN(dhcp_types))
		return;
	text_add(t, " dhcp %s", dhcp_types[type]);
	your = ip_from_v4(p);
	if (!ip_eq(&your, &IP4_ANY))
		text_add(t, " %s", ip_text(&your, addr));
}

static void dhcp6_words(struct text *t, struct rd r)
{
	uint8_t type = rd_u8(&r);

	if (type && type < ARRAY_LEN(dhcp6_types))
		text_add(t, " dhcp6 %s", dhcp6_types[type]);
}

static char shown(uint8_t c)
{
	bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

	return plain || c == '-' || c == '_' || c == '*' ? (char)c : '?';
}

/* Labels with dots between; false: not a name, or one that points elsewhere. */
static bool dns_name(struct text *t, struct rd *r)
{
	uint8_t len = rd_u8(r);

	if (!len)
		text_add(t, ".");
	for (int i = 0; len && i < LABELS_MAX; i++) {
		const uint8_t *p = len < 64 ? rd_bytes(r, len) : NULL;

		if (!p)
			return false;
		for (uint8_t k = 0; k < len; k++)
			text_add(t, "%c", shown(p[k]));
		len = rd_u8(r);
		if (len)
			text_add(t, ".");
	}
	return !r->fail && !len;
}

static void dns_type(struct text *t, uint16_t type)
{
	static const struct { uint16_t type; const char *name; } names[] = {
		{ 1, "A" }, { 2, "NS" }, { 5, "CNAME" }, { 6, "SOA" }, { 12, "PTR" }, { 15, "MX" },
		{ 16, "TXT" }, { 28, "AAAA" }, { 33, "SRV" }, { 65, "HTTPS" }, { 255, "ANY" },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].type == type) {
			text_add(t, "%s", names[i].name);
			return;
		}
	}
	text_add(t, "type %u", type);
}

static void dns_words(struct text *t, struct rd r)
{
	char buf[300];
	struct text name = text_of(buf, sizeof(buf));
	uint16_t flags, questions, answers, type;

	rd_u16(&r);
	flags = rd_u16(&r);
	questions = rd_u16(&r);
	answers = rd_u16(&r);
	rd_u32(&r);
	if (r.fail || questions > 1)
		return;
	if (questions && !dns_name(&name, &r))
		return;
	type = questions ? rd_u16(&r) : 0;
	if (r.fail)
		return;
	text_add(t, " dns %s", flags & DNS_QR ? "answer" : "query");
	if (questions) {
		text_add(t, " ");
		dns_type(t, type);
		text_add(t, " %s", buf);
	}
	if (flags & DNS_QR && flags & 15)
		text_add(t, " error %u", flags & 15);
	else if (flags & DNS_QR)
		text_add(t, " %u record%s", answers, answers == 1 ? "" : "s");
}

void app_print(struct text *t, uint16_t sport, uint16_t dport, struct rd r)
{
	uint16_t port = MIN(sport, dport);

	if (port == 67 || port == 68)
		dhcp_words(t, r);
	else if (port == 546 || port == 547)
		dhcp6_words(t, r);
	else if (sport == 53 || dport == 53 || sport == 5353 || dport == 5353)
		dns_words(t, r);
}
