/* dhcp4_msg.c - DHCP messages (RFC 2131 2, RFC 2132)
 *
 * An option may come in pieces that are joined (RFC 3396), and may lie in the
 * fields for file and server names (option 52), so each is gathered before it is
 * read. A table has one row an option: code, reader, writer. A reader that fails
 * leaves its field as it was: the option is as if it had not been sent.
 *
 * Texts go to files and to people: what is not a host name, or not printable, is
 * not taken.
 */
#include "name/dhcp4.h"

#include <stdio.h>

#include "proto/label.h"

#define COOKIE		0x63825363u	/* RFC 1497 */
#define BOOTP_MIN	300		/* RFC 1542 2.1 */
#define SNAME_LEN	64
#define FILE_LEN	128

enum { OPT_PAD = 0, OPT_OVERLOAD = 52, OPT_END = 255 };

/* --- readers and writers of values --- */

static struct ip_addr rd_ip4(struct rd *r)
{
	uint8_t b[4];

	rd_copy(r, b, sizeof(b));
	return ip_from_v4(b);
}

static void wr_ip4(struct wr *w, const struct ip_addr *a)
{
	wr_bytes(w, ip_v4(a), 4);
}

static bool get_ip(struct rd *r, struct ip_addr *out)
{
	struct ip_addr a = rd_ip4(r);

	if (!r->fail)
		*out = a;
	return !r->fail;
}

/* One a host can have, or be reached by. */
static bool is_host(const struct ip_addr *a)
{
	return !ip_is_any(a) && !ip_is_multicast(a) && !ip_is_loopback(a) && ip_v4(a)[0] < 240 &&
	       ip_v4(a)[0];
}

static void get_addrs(struct rd *r, struct dhcp4_addrs *out)
{
	while (rd_left(r) >= 4 && out->n < DHCP4_ADDRS) {
		struct ip_addr a = rd_ip4(r);

		if (is_host(&a))
			out->a[out->n++] = a;
	}
}

static void put_addrs(struct wr *w, const struct dhcp4_addrs *a)
{
	for (unsigned i = 0; i < a->n; i++)
		wr_ip4(w, &a->a[i]);
}

/* Servers may close a text with zeros (RFC 2132 2). */
static void get_text(struct rd *r, char *out, size_t size)
{
	size_t n = strnlen((const char *)r->p, rd_left(r));

	if (n >= size)
		return;
	for (size_t i = 0; i < n; i++) {
		if (r->p[i] < ' ' || r->p[i] > '~')
			return;
	}
	memcpy(out, r->p, n);
	out[n] = 0;
}

static void get_name(struct rd *r, char *out, size_t size)
{
	char name[256] = "";
	size_t n;

	get_text(r, name, sizeof(name));
	n = strlen(name);
	if (n && name[n - 1] == '.')
		name[n - 1] = 0;
	if (label_text_ok(name))
		snprintf(out, size, "%s", name);
}

static void put_text(struct wr *w, const char *s)
{
	wr_bytes(w, s, strlen(s));
}

static uint32_t get_time(struct rd *r)
{
	return rd_left(r) == 4 ? rd_u32(r) : 0;
}

/* --- options, each with its row below --- */

static void get_mask(struct rd *r, struct dhcp4_msg *m)
{
	uint32_t mask = rd_u32(r);
	unsigned len = mask ? 32 - (unsigned)__builtin_ctz(mask) : 0;

	if (len && mask == UINT32_MAX << (32 - len))
		m->prefix = (uint8_t)len;
}

static void put_mask(struct wr *w, const struct dhcp4_msg *m)
{
	if (m->prefix)
		wr_u32(w, UINT32_MAX << (32 - m->prefix));
}

static void get_routers(struct rd *r, struct dhcp4_msg *m) { get_addrs(r, &m->router); }
static void put_routers(struct wr *w, const struct dhcp4_msg *m) { put_addrs(w, &m->router); }
static void get_dns(struct rd *r, struct dhcp4_msg *m) { get_addrs(r, &m->dns); }
static void put_dns(struct wr *w, const struct dhcp4_msg *m) { put_addrs(w, &m->dns); }
static void get_ntp(struct rd *r, struct dhcp4_msg *m) { get_addrs(r, &m->ntp); }
static void put_ntp(struct wr *w, const struct dhcp4_msg *m) { put_addrs(w, &m->ntp); }

static void get_host(struct rd *r, struct dhcp4_msg *m)
{
	get_name(r, m->host, sizeof(m->host));
}
static void put_host(struct wr *w, const struct dhcp4_msg *m) { put_text(w, m->host); }

static void get_domain(struct rd *r, struct dhcp4_msg *m)
{
	get_name(r, m->domain, sizeof(m->domain));
}
static void put_domain(struct wr *w, const struct dhcp4_msg *m) { put_text(w, m->domain); }

static void get_mtu(struct rd *r, struct dhcp4_msg *m)
{
	uint16_t mtu = rd_u16(r);

	if (mtu >= 68)			/* RFC 2132 5.1 */
		m->mtu = mtu;
}

static void put_mtu(struct wr *w, const struct dhcp4_msg *m)
{
	if (m->mtu)
		wr_u16(w, m->mtu);
}

static void get_broadcast(struct rd *r, struct dhcp4_msg *m) { get_ip(r, &m->subnet_broadcast); }
static void put_broadcast(struct wr *w, const struct dhcp4_msg *m)
{
	if (!ip_is_any(&m->subnet_broadcast))
		wr_ip4(w, &m->subnet_broadcast);
}

static void get_wish(struct rd *r, struct dhcp4_msg *m) { get_ip(r, &m->wish); }
static void put_wish(struct wr *w, const struct dhcp4_msg *m)
{
	if (!ip_is_any(&m->wish))
		wr_ip4(w, &m->wish);
}

static void get_lease(struct rd *r, struct dhcp4_msg *m) { m->lease = get_time(r); }
static void get_t1(struct rd *r, struct dhcp4_msg *m) { m->t1 = get_time(r); }
static void get_t2(struct rd *r, struct dhcp4_msg *m) { m->t2 = get_time(r); }
static void put_lease(struct wr *w, const struct dhcp4_msg *m)
{
	if (m->lease)
		wr_u32(w, m->lease);
}
static void put_t1(struct wr *w, const struct dhcp4_msg *m)
{
	if (m->t1)
		wr_u32(w, m->t1);
}
static void put_t2(struct wr *w, const struct dhcp4_msg *m)
{
	if (m->t2)
		wr_u32(w, m->t2);
}

static void get_type(struct rd *r, struct dhcp4_msg *m)
{
	uint8_t type = rd_u8(r);

	if (type >= DHCP4_DISCOVER && type <= DHCP4_INFORM)
		m->type = type;
}
static void put_type(struct wr *w, const struct dhcp4_msg *m)
{
	if (m->type)
		wr_u8(w, m->type);
}

static void get_server(struct rd *r, struct dhcp4_msg *m) { get_ip(r, &m->server); }
static void put_server(struct wr *w, const struct dhcp4_msg *m)
{
	if (!ip_is_any(&m->server))
		wr_ip4(w, &m->server);
}

static void get_ask(struct rd *r, struct dhcp4_msg *m)
{
	m->n_ask = (uint8_t)MIN(rd_left(r), sizeof(m->ask));
	rd_copy(r, m->ask, m->n_ask);
}
static void put_ask(struct wr *w, const struct dhcp4_msg *m) { wr_bytes(w, m->ask, m->n_ask); }

static void get_note(struct rd *r, struct dhcp4_msg *m)
{
	get_text(r, m->note, sizeof(m->note));
}
static void put_note(struct wr *w, const struct dhcp4_msg *m) { put_text(w, m->note); }

static void get_max_size(struct rd *r, struct dhcp4_msg *m) { m->max_size = rd_u16(r); }
static void put_max_size(struct wr *w, const struct dhcp4_msg *m)
{
	if (m->max_size)
		wr_u16(w, m->max_size);
}

static void get_id(struct rd *r, struct dhcp4_msg *m)
{
	if (rd_left(r) > sizeof(m->id))
		return;
	m->id_len = (uint8_t)rd_left(r);
	rd_copy(r, m->id, m->id_len);
}
static void put_id(struct wr *w, const struct dhcp4_msg *m) { wr_bytes(w, m->id, m->id_len); }

/* RFC 4039 3: a flag, without a value; writers of it are asked apart. */
static void get_rapid(struct rd *r, struct dhcp4_msg *m) { m->rapid = rd_left(r) == 0; }

enum { FQDN_SERVER_UPDATES = 1, FQDN_ENCODED = 4 };	/* RFC 4702 2.1 */

static void get_fqdn(struct rd *r, struct dhcp4_msg *m)
{
	uint8_t flags = rd_u8(r);
	struct text t = text_of(m->fqdn, sizeof(m->fqdn));

	rd_u16(r);			/* RFC 4702 2.2: nothing to learn from */
	if (!(flags & FQDN_ENCODED))
		get_name(r, m->fqdn, sizeof(m->fqdn));
	else if (!label_parse(r, NULL, &t))
		m->fqdn[0] = 0;
}

static void put_fqdn(struct wr *w, const struct dhcp4_msg *m)
{
	if (!m->fqdn[0])
		return;
	wr_u8(w, FQDN_SERVER_UPDATES | FQDN_ENCODED);
	wr_u16(w, 0);
	label_emit(w, m->fqdn);
}

/* RFC 3397: names that share their ends. */
static void get_search(struct rd *r, struct dhcp4_msg *m)
{
	const struct rd whole = *r;

	label_list_parse(r, &whole, m->search, sizeof(m->search));
}

static void put_search(struct wr *w, const struct dhcp4_msg *m)
{
	label_list_emit(w, m->search);
}

/* RFC 3442: destinations by as many bytes as their prefix fills. */
static void get_routes(struct rd *r, struct dhcp4_msg *m)
{
	m->has_routes = rd_left(r) > 0;
	while (rd_left(r) && !r->fail && m->n_route < DHCP4_ROUTES) {
		struct dhcp4_route *to = &m->route[m->n_route];
		uint8_t b[4] = { 0 };

		to->len = rd_u8(r);
		rd_copy(r, b, MIN((to->len + 7u) / 8, 4u));
		to->dst = ip_from_v4(b);
		to->gw = rd_ip4(r);
		if (r->fail || to->len > 32)
			break;
		to->dst = ip_mask(&to->dst, to->len);
		m->n_route++;
	}
}

static void put_routes(struct wr *w, const struct dhcp4_msg *m)
{
	for (unsigned i = 0; i < m->n_route; i++) {
		wr_u8(w, m->route[i].len);
		wr_bytes(w, ip_v4(&m->route[i].dst), (m->route[i].len + 7u) / 8);
		wr_ip4(w, &m->route[i].gw);
	}
}

/* In the order they are written: the type first, as all clients do. */
static const struct row {
	uint8_t	code;
	void	(*get)(struct rd *r, struct dhcp4_msg *m);
	void	(*put)(struct wr *w, const struct dhcp4_msg *m);	/* nothing: not there */
} rows[] = {
	{ 53,	get_type,	put_type },
	{ 54,	get_server,	put_server },
	{ 50,	get_wish,	put_wish },
	{ 51,	get_lease,	put_lease },
	{ 58,	get_t1,		put_t1 },
	{ 59,	get_t2,		put_t2 },
	{ 61,	get_id,		put_id },
	{ 57,	get_max_size,	put_max_size },
	{ 55,	get_ask,	put_ask },
	{ 81,	get_fqdn,	put_fqdn },
	{ 80,	get_rapid,	NULL },
	{ 1,	get_mask,	put_mask },
	{ 28,	get_broadcast,	put_broadcast },
	{ 121,	get_routes,	put_routes },
	{ 3,	get_routers,	put_routers },	/* behind 121 (RFC 3442) */
	{ 6,	get_dns,	put_dns },
	{ 12,	get_host,	put_host },
	{ 15,	get_domain,	put_domain },
	{ 26,	get_mtu,	put_mtu },
	{ 42,	get_ntp,	put_ntp },
	{ 119,	get_search,	put_search },
	{ 56,	get_note,	put_note },
};

/* --- the message --- */

/* The fields that may hold options, in the order of RFC 2131 4.1. */
struct areas { struct rd rd[3]; unsigned n; };

/* The next option of an area; false: its end, or r->fail. */
static bool next_option(struct rd *r, uint8_t *code, struct rd *value)
{
	uint8_t len;

	do {
		if (!rd_left(r))
			return false;
		*code = rd_u8(r);
	} while (*code == OPT_PAD);
	if (*code == OPT_END)
		return false;
	len = rd_u8(r);
	*value = rd_sub(r, len);
	return !r->fail;
}

static bool well_formed(struct rd r)
{
	struct rd value;
	uint8_t code;

	while (next_option(&r, &code, &value))
		;
	return !r.fail;
}

/* The pieces of an option, joined; -1: it is not there. */
static ssize_t gather(const struct areas *as, uint8_t want, uint8_t *buf, size_t size)
{
	struct wr w = wr_of(buf, size);
	bool found = false;

	for (unsigned i = 0; i < as->n; i++) {
		struct rd r = as->rd[i], value;
		uint8_t code;

		while (next_option(&r, &code, &value)) {
			if (code != want)
				continue;
			found = true;
			wr_bytes(&w, value.p, rd_left(&value));
		}
	}
	return found && !w.fail ? (ssize_t)wr_len(&w) : -1;
}

/* Option 52 tells which other fields are options, too. */
static bool areas_of(struct areas *as, struct rd options, const uint8_t *sname,
		     const uint8_t *file)
{
	uint8_t more[4];

	*as = (struct areas){ { options }, 1 };
	if (!well_formed(options))
		return false;
	if (gather(as, OPT_OVERLOAD, more, sizeof(more)) != 1)
		return true;
	if (more[0] & 1)
		as->rd[as->n++] = rd_of(file, FILE_LEN);
	if (more[0] & 2)
		as->rd[as->n++] = rd_of(sname, SNAME_LEN);
	for (unsigned i = 1; i < as->n; i++) {
		if (!well_formed(as->rd[i]))
			return false;
	}
	return true;
}

static const struct dhcp4_msg nothing = {
	.client = IP4_ANY, .yours = IP4_ANY, .next = IP4_ANY, .relay = IP4_ANY,
	.wish = IP4_ANY, .server = IP4_ANY, .subnet_broadcast = IP4_ANY,
};

/* The fields before the options; false: not BOOTP for Ethernet. */
static bool fixed_parse(struct rd *r, struct dhcp4_msg *m, const uint8_t **sname,
			const uint8_t **file)
{
	uint8_t op = rd_u8(r), htype = rd_u8(r), hlen = rd_u8(r);

	rd_u8(r);			/* hops */
	m->reply = op == 2;
	m->xid = rd_u32(r);
	m->secs = rd_u16(r);
	m->broadcast = rd_u16(r) & 0x8000;
	m->client = rd_ip4(r);
	m->yours = rd_ip4(r);
	m->next = rd_ip4(r);
	m->relay = rd_ip4(r);
	rd_copy(r, m->mac.b, sizeof(m->mac.b));
	rd_bytes(r, 10);
	*sname = rd_bytes(r, SNAME_LEN);
	*file = rd_bytes(r, FILE_LEN);
	return rd_u32(r) == COOKIE && !r->fail && (op == 1 || op == 2) && htype == 1 && hlen == 6;
}

bool dhcp4_parse(struct rd *r, struct dhcp4_msg *m)
{
	const uint8_t *sname, *file;
	uint8_t buf[DHCP4_MAX];
	struct areas as;

	*m = nothing;
	if (!fixed_parse(r, m, &sname, &file) || !areas_of(&as, *r, sname, file))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ssize_t n = gather(&as, rows[i].code, buf, sizeof(buf));
		struct rd value = rd_of(buf, n < 0 ? 0 : (size_t)n);

		if (n >= 0)
			rows[i].get(&value, m);
	}
	return true;
}

/* In pieces of 255 bytes (RFC 3396 5). */
static void option_emit(struct wr *w, uint8_t code, const uint8_t *p, size_t n)
{
	do {
		size_t part = MIN(n, 255u);

		wr_u8(w, code);
		wr_u8(w, (uint8_t)part);
		wr_bytes(w, p, part);
		p += part;
		n -= part;
	} while (n);
}

static void fixed_emit(struct wr *w, const struct dhcp4_msg *m)
{
	wr_u8(w, m->reply ? 2 : 1);
	wr_u8(w, 1);			/* Ethernet */
	wr_u8(w, 6);
	wr_u8(w, 0);
	wr_u32(w, m->xid);
	wr_u16(w, m->secs);
	wr_u16(w, m->broadcast ? 0x8000 : 0);
	wr_ip4(w, &m->client);
	wr_ip4(w, &m->yours);
	wr_ip4(w, &m->next);
	wr_ip4(w, &m->relay);
	wr_bytes(w, m->mac.b, sizeof(m->mac.b));
	wr_zero(w, 10 + SNAME_LEN + FILE_LEN);
	wr_u32(w, COOKIE);
}

void dhcp4_emit(struct wr *w, const struct dhcp4_msg *m)
{
	size_t before = wr_len(w);

	fixed_emit(w, m);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t buf[1024];
		struct wr value = wr_of(buf, sizeof(buf));

		if (rows[i].put)
			rows[i].put(&value, m);
		if (wr_len(&value) || (rows[i].get == get_rapid && m->rapid))
			option_emit(w, rows[i].code, buf, wr_len(&value));
	}
	wr_u8(w, OPT_END);
	if (wr_len(w) - before < BOOTP_MIN)
		wr_zero(w, BOOTP_MIN - (wr_len(w) - before));
}
