/* dhcp6_msg.c - DHCPv6 messages (RFC 8415 8, 21; RFC 3646; RFC 4704)
 *
 * Options hold options: one walk serves a message, an IA_NA and an address, each
 * with a table of its own. Of several of a kind the first counts. An option that
 * is cut or too short spoils the message; an unknown one is skipped.
 */
#include "name/dhcp6.h"

#include <stdio.h>

#include "proto/label.h"

enum {
	OPT_CLIENTID = 1, OPT_SERVERID = 2, OPT_IA_NA = 3, OPT_IAADDR = 5, OPT_ORO = 6,
	OPT_PREFERENCE = 7, OPT_ELAPSED = 8, OPT_STATUS = 13, OPT_RAPID = 14, OPT_DNS = 23,
	OPT_DOMAINS = 24, OPT_REFRESH = 32, OPT_FQDN = 39, OPT_SOL_MAX_RT = 82,
	OPT_INF_MAX_RT = 83,
};

struct row {
	uint16_t	code;
	void		(*get)(struct rd *r, struct dhcp6_msg *m);
};

/* The options that are left in r; false: malformed. */
static bool walk(struct rd *r, struct dhcp6_msg *m, const struct row *rows, size_t n)
{
	uint64_t seen = 0;

	while (rd_left(r)) {
		uint16_t code = rd_u16(r), len = rd_u16(r);
		struct rd value = rd_sub(r, len);

		for (size_t i = 0; i < n && !r->fail; i++) {
			if (rows[i].code != code || seen >> i & 1)
				continue;
			seen |= 1ull << i;
			rows[i].get(&value, m);
		}
		r->fail = r->fail || value.fail;
	}
	return !r->fail;
}

/* --- readers --- */

static void get_duid(struct rd *r, struct dhcp6_duid *d)
{
	size_t n = rd_left(r);

	if (n < 3 || n > sizeof(d->b)) {	/* RFC 8415 11.1 */
		r->fail = true;
		return;
	}
	d->n = (uint8_t)n;
	rd_copy(r, d->b, n);
}

static void get_client(struct rd *r, struct dhcp6_msg *m) { get_duid(r, &m->client); }
static void get_server(struct rd *r, struct dhcp6_msg *m) { get_duid(r, &m->server); }
static void get_preference(struct rd *r, struct dhcp6_msg *m) { m->preference = rd_u8(r); }
static void get_rapid(struct rd *r, struct dhcp6_msg *m) { m->rapid = true; }
static void get_status(struct rd *r, struct dhcp6_msg *m) { m->status = rd_u16(r); }
static void get_ia_status(struct rd *r, struct dhcp6_msg *m) { m->ia_status = rd_u16(r); }
static void get_refresh(struct rd *r, struct dhcp6_msg *m) { m->refresh = rd_u32(r); }

static void get_elapsed(struct rd *r, struct dhcp6_msg *m)
{
	m->elapsed = rd_u16(r);
	m->has_elapsed = true;
}

static void get_ask(struct rd *r, struct dhcp6_msg *m)
{
	while (rd_left(r) >= 2 && m->n_ask < ARRAY_LEN(m->ask))
		m->ask[m->n_ask++] = rd_u16(r);
}

/* RFC 8415 21.24, 21.25: what is out of bounds is not there. */
static uint32_t get_max_rt(struct rd *r)
{
	uint32_t v = rd_u32(r);

	return v >= 60 && v <= 86400 ? v : 0;
}

static void get_sol_max_rt(struct rd *r, struct dhcp6_msg *m) { m->sol_max_rt = get_max_rt(r); }
static void get_inf_max_rt(struct rd *r, struct dhcp6_msg *m) { m->inf_max_rt = get_max_rt(r); }

static bool usable(const struct ip_addr *a)
{
	return !ip_is_any(a) && !ip_is_multicast(a) && !ip_is_loopback(a) && !ip_is_v4(a);
}

static void get_dns(struct rd *r, struct dhcp6_msg *m)
{
	while (rd_left(r) >= 16 && m->n_dns < ARRAY_LEN(m->dns)) {
		rd_copy(r, &m->dns[m->n_dns], 16);
		m->n_dns += usable(&m->dns[m->n_dns]);
	}
}

static void get_search(struct rd *r, struct dhcp6_msg *m)
{
	label_list_parse(r, NULL, m->search, sizeof(m->search));
}

/* RFC 4704 4.2: a part of a name has no end; it is of no use to us. */
static void get_fqdn(struct rd *r, struct dhcp6_msg *m)
{
	struct text t = text_of(m->fqdn, sizeof(m->fqdn));
	struct rd name;

	rd_u8(r);			/* flags: nothing to learn from */
	name = *r;
	if (!label_parse(&name, NULL, &t))
		m->fqdn[0] = 0;
}

/* RFC 8415 21.6: one with odd lifetimes does not count. */
static void get_addr(struct rd *r, struct dhcp6_msg *m)
{
	struct ip_addr a;

	rd_copy(r, &a, 16);
	m->preferred = rd_u32(r);
	m->valid = rd_u32(r);
	if (r->fail || m->preferred > m->valid || !usable(&a) || ip_is_linklocal(&a))
		return;
	m->addr = a;
	m->has_addr = true;
}

static void get_ia(struct rd *r, struct dhcp6_msg *m)
{
	static const struct row rows[] = {
		{ OPT_IAADDR,	get_addr },
		{ OPT_STATUS,	get_ia_status },
	};

	m->iaid = rd_u32(r);
	m->t1 = rd_u32(r);
	m->t2 = rd_u32(r);
	m->has_ia = !(m->t1 && m->t2 && m->t1 > m->t2);	/* RFC 8415 21.4 */
	if (!walk(r, m, rows, ARRAY_LEN(rows)))
		m->has_ia = false;
}

bool dhcp6_parse(struct rd *r, struct dhcp6_msg *m)
{
	static const struct row rows[] = {
		{ OPT_CLIENTID,	get_client },
		{ OPT_SERVERID,	get_server },
		{ OPT_IA_NA,	get_ia },
		{ OPT_ORO,	get_ask },
		{ OPT_PREFERENCE, get_preference },
		{ OPT_ELAPSED,	get_elapsed },
		{ OPT_STATUS,	get_status },
		{ OPT_RAPID,	get_rapid },
		{ OPT_DNS,	get_dns },
		{ OPT_DOMAINS,	get_search },
		{ OPT_REFRESH,	get_refresh },
		{ OPT_FQDN,	get_fqdn },
		{ OPT_SOL_MAX_RT, get_sol_max_rt },
		{ OPT_INF_MAX_RT, get_inf_max_rt },
	};
	uint32_t head = rd_u32(r);

	*m = (struct dhcp6_msg){ .type = (uint8_t)(head >> 24), .xid = head & 0xffffff };
	if (m->type < DHCP6_SOLICIT || m->type > DHCP6_INFORMATION)
		return false;
	return walk(r, m, rows, ARRAY_LEN(rows)) && !r->fail;
}

/* --- writers --- */

/* Where an option's length is, to be filled in by end. */
static uint8_t *begin(struct wr *w, uint16_t code)
{
	wr_u16(w, code);
	return wr_room(w, 2);
}

static void end(struct wr *w, uint8_t *len)
{
	if (!w->fail)
		put_u16(len, (uint16_t)(w->p - len - 2));
}

static void put_u32_option(struct wr *w, uint16_t code, uint32_t v)
{
	if (!v)
		return;
	wr_u16(w, code);
	wr_u16(w, 4);
	wr_u32(w, v);
}

static void put_bytes(struct wr *w, uint16_t code, const void *p, size_t n)
{
	if (!n)
		return;
	wr_u16(w, code);
	wr_u16(w, (uint16_t)n);
	wr_bytes(w, p, n);
}

static void put_status(struct wr *w, uint16_t status)
{
	be16 b = be16_put(status);

	if (status)
		put_bytes(w, OPT_STATUS, &b, 2);
}

static void put_ia(struct wr *w, const struct dhcp6_msg *m)
{
	uint8_t *ia, *addr;

	if (!m->has_ia)
		return;
	ia = begin(w, OPT_IA_NA);
	wr_u32(w, m->iaid);
	wr_u32(w, m->t1);
	wr_u32(w, m->t2);
	if (m->has_addr) {
		addr = begin(w, OPT_IAADDR);
		wr_bytes(w, &m->addr, 16);
		wr_u32(w, m->preferred);
		wr_u32(w, m->valid);
		end(w, addr);
	}
	put_status(w, m->ia_status);
	end(w, ia);
}

static void put_ask(struct wr *w, const struct dhcp6_msg *m)
{
	uint8_t *len;

	if (!m->n_ask)
		return;
	len = begin(w, OPT_ORO);
	for (unsigned i = 0; i < m->n_ask; i++)
		wr_u16(w, m->ask[i]);
	end(w, len);
}

static void put_fqdn(struct wr *w, const struct dhcp6_msg *m)
{
	uint8_t *len;

	if (!m->fqdn[0])
		return;
	len = begin(w, OPT_FQDN);
	wr_u8(w, 1);			/* RFC 4704 4.1: the server updates the DNS */
	label_emit(w, m->fqdn);
	end(w, len);
}

static void put_search(struct wr *w, const struct dhcp6_msg *m)
{
	uint8_t *len;

	if (!m->search[0])
		return;
	len = begin(w, OPT_DOMAINS);
	label_list_emit(w, m->search);
	end(w, len);
}

void dhcp6_emit(struct wr *w, const struct dhcp6_msg *m)
{
	be16 elapsed = be16_put(m->elapsed);

	wr_u32(w, (uint32_t)m->type << 24 | (m->xid & 0xffffff));
	put_bytes(w, OPT_CLIENTID, m->client.b, m->client.n);
	put_bytes(w, OPT_SERVERID, m->server.b, m->server.n);
	if (m->has_elapsed)
		put_bytes(w, OPT_ELAPSED, &elapsed, 2);
	if (m->rapid) {
		wr_u16(w, OPT_RAPID);
		wr_u16(w, 0);
	}
	put_ask(w, m);
	put_ia(w, m);
	put_fqdn(w, m);
	put_bytes(w, OPT_PREFERENCE, &m->preference, m->preference > 0);
	put_status(w, m->status);
	put_bytes(w, OPT_DNS, m->dns, m->n_dns * sizeof(m->dns[0]));
	put_search(w, m);
	put_u32_option(w, OPT_REFRESH, m->refresh);
	put_u32_option(w, OPT_SOL_MAX_RT, m->sol_max_rt);
	put_u32_option(w, OPT_INF_MAX_RT, m->inf_max_rt);
}
