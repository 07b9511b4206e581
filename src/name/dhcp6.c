/* dhcp6.c - the client of DHCP for IPv6 (RFC 8415 18.2)
 *
 *	OFF -> SOLICITING -> REQUESTING -> CHECKING -> BOUND -> RENEWING -> REBINDING
 *	           |  rapid commit ---------^  |         ^---------'-----------'
 *	           ^----------- DECLINING <----'
 *	OFF -> ASKING <-> INFORMED		(stateless: no address)
 *
 * Advertisements are gathered for the first second, then the best is taken, or at
 * once where a server says 255 or takes the short cut of rapid commit. The first
 * message is not held back (RFC 8415 18.2.1 wants up to a second): nodes start one
 * by one, and somebody waits.
 *
 * Every state that talks is a row of a table: what it says, how long it waits for an
 * answer, how often it tries (RFC 8415 7.6, 15). dhcp6_run is the clock.
 */
#include "name/dhcp6.h"

#include <assert.h>
#include <stdio.h>

#include "name/duid.h"

#define S		USEC_PER_SEC
#define MAX_RT		3600		/* seconds, unless a server says otherwise */
#define REFRESH		86400		/* RFC 8415 21.23: default and least */
#define REFRESH_LEAST	600
#define FOREVER		UINT32_MAX
#define PREFER_NOW	255
#define REFUSED_WAIT	(10 * S)

static const char *const names[] = {
	[DHCP6_OFF] = "off", [DHCP6_SOLICITING] = "soliciting",
	[DHCP6_REQUESTING] = "requesting", [DHCP6_DECLINING] = "declining",
	[DHCP6_ASKING] = "asking", [DHCP6_INFORMED] = "informed",
	[DHCP6_CHECKING] = "checking", [DHCP6_BOUND] = "bound",
	[DHCP6_RENEWING] = "renewing", [DHCP6_REBINDING] = "rebinding",
};
static_assert(ARRAY_LEN(names) == DHCP6_N_STATES, "every state has a name");

const char *dhcp6_state_name(const struct dhcp6 *c)
{
	return names[c->state];
}

void dhcp6_init(struct dhcp6 *c, const struct dhcp6_conf *conf, const struct rng *rng)
{
	*c = (struct dhcp6){ .conf = *conf, .rng = *rng, .at = NEVER,
			     .sol_max_rt = MAX_RT, .inf_max_rt = MAX_RT };
}

/* Every exchange has a number of its own (RFC 8415 16.1). */
static void begin(struct dhcp6 *c, enum dhcp6_state state, usec at)
{
	c->state = state;
	c->xid = (uint32_t)rng_u64(&c->rng) & 0xffffff;
	c->began = at;
	c->at = at;
	c->wait = 0;
	c->tries = 0;
}

static void solicit(struct dhcp6 *c, usec at)
{
	c->advertised = false;
	begin(c, DHCP6_SOLICITING, at);
}

void dhcp6_start(struct dhcp6 *c, usec now)
{
	if (c->conf.stateless)
		begin(c, DHCP6_ASKING, now);
	else
		solicit(c, now);
}

/* At once the first time, then ever later. */
static void again(struct dhcp6 *c, usec now)
{
	usec wait = c->refused ? REFUSED_WAIT << MIN(c->refused - 1, 5u) : 0;

	c->refused++;
	solicit(c, now + wait);
}

static void lose(struct dhcp6 *c, usec now)
{
	c->event = DHCP6_LOST;
	solicit(c, now);
}

/* --- messages out --- */

static void own_duid(const struct dhcp6 *c, struct dhcp6_duid *d)
{
	struct wr w = wr_of(d->b, sizeof(d->b));

	duid_emit(&w, c->conf.mac);
	d->n = (uint8_t)wr_len(&w);
}

static struct dhcp6_msg message(const struct dhcp6 *c, enum dhcp6_type type, usec now)
{
	struct dhcp6_msg m = {
		.type = (uint8_t)type, .xid = c->xid, .has_elapsed = true,
		.elapsed = (uint16_t)MIN((now - c->began) / (S / 100), UINT16_MAX),
	};

	own_duid(c, &m.client);
	return m;
}

static void add_ask(const struct dhcp6 *c, struct dhcp6_msg *m)
{
	static const uint16_t always[] = { 23, 24, 39 };

	memcpy(m->ask, always, sizeof(always));
	m->n_ask = ARRAY_LEN(always);
	if (m->type == DHCP6_SOLICIT)		/* RFC 8415 21.24 */
		m->ask[m->n_ask++] = 82;
	if (m->type == DHCP6_INFORMATION) {	/* 21.23, 21.25 */
		m->ask[m->n_ask++] = 32;
		m->ask[m->n_ask++] = 83;
	} else {
		snprintf(m->fqdn, sizeof(m->fqdn), "%s", c->conf.fqdn);
	}
}

/* The address is named where one is held or was offered; its times are the server's
 * to say (RFC 8415 18.2.4). */
static void add_ia(const struct dhcp6 *c, struct dhcp6_msg *m)
{
	m->has_ia = true;
	m->iaid = duid_iaid(c->conf.mac);
	m->has_addr = m->type != DHCP6_SOLICIT;
	m->addr = c->lease.addr;
}

enum { SAYS_ASK = 1, SAYS_IA = 2, SAYS_SERVER = 4, SAYS_RAPID = 8 };

static size_t put(const struct dhcp6 *c, enum dhcp6_type type, unsigned says, usec now,
		  void *buf, size_t size)
{
	struct dhcp6_msg m = message(c, type, now);
	struct wr w = wr_of(buf, size);

	if (says & SAYS_ASK)
		add_ask(c, &m);
	if (says & SAYS_IA)
		add_ia(c, &m);
	if (says & SAYS_SERVER)
		m.server = c->lease.server;
	m.rapid = says & SAYS_RAPID;
	dhcp6_emit(&w, &m);
	return w.fail ? 0 : wr_len(&w);
}

/* --- time --- */

static const struct talk {
	uint8_t		type;		/* 0: this state is silent */
	unsigned	says;
	usec		first, most;	/* RFC 8415 7.6: IRT, MRT; most 0: the server's word */
	unsigned	times;		/* MRC; 0: as long as it takes */
} talks[] = {
	[DHCP6_SOLICITING] = { DHCP6_SOLICIT, SAYS_ASK | SAYS_IA | SAYS_RAPID, S, 0, 0 },
	[DHCP6_REQUESTING] = { DHCP6_REQUEST, SAYS_ASK | SAYS_IA | SAYS_SERVER, S, 30 * S, 10 },
	[DHCP6_DECLINING]  = { DHCP6_DECLINE, SAYS_IA | SAYS_SERVER, S, S, 4 },
	[DHCP6_ASKING]	   = { DHCP6_INFORMATION, SAYS_ASK, S, 0, 0 },
	[DHCP6_RENEWING]   = { DHCP6_RENEW, SAYS_ASK | SAYS_IA | SAYS_SERVER, 10 * S, 600 * S, 0 },
	[DHCP6_REBINDING]  = { DHCP6_REBIND, SAYS_ASK | SAYS_IA, 10 * S, 600 * S, 0 },
};
static_assert(ARRAY_LEN(talks) == DHCP6_N_STATES, "every state has its row");

/* RAND of RFC 8415 15: a tenth more or less. */
static usec tenth(struct dhcp6 *c, usec of)
{
	return (usec)((rng_double(&c->rng) * 2 - 1) * (double)of / 10);
}

static usec longest(const struct dhcp6 *c)
{
	if (c->state == DHCP6_SOLICITING)
		return c->sol_max_rt * S;
	return c->state == DHCP6_ASKING ? c->inf_max_rt * S : talks[c->state].most;
}

static usec next_wait(struct dhcp6 *c)
{
	usec rand = tenth(c, c->wait ? c->wait : talks[c->state].first);
	usec most = longest(c), wait;

	if (!c->wait && c->state == DHCP6_SOLICITING && rand <= 0)
		rand = 1 - rand;		/* RFC 8415 18.2.1: more than IRT */
	wait = c->wait ? 2 * c->wait + rand : talks[c->state].first + rand;
	return wait > most ? most + tenth(c, most) : wait;
}

/* When a state that talks gives up, or must be left. */
static usec state_end(const struct dhcp6 *c)
{
	if (c->state == DHCP6_RENEWING)
		return c->t2;
	return c->state == DHCP6_REBINDING ? c->expires : NEVER;
}

/* The state is over: true. */
static bool leave(struct dhcp6 *c, usec now)
{
	const struct talk *t = &talks[c->state];

	if (c->state == DHCP6_BOUND) {
		begin(c, DHCP6_RENEWING, now);
	} else if (c->state == DHCP6_INFORMED) {
		begin(c, DHCP6_ASKING, now);
	} else if (c->state == DHCP6_SOLICITING && c->advertised) {
		begin(c, DHCP6_REQUESTING, now);
	} else if (t->times && c->tries == t->times) {
		solicit(c, now);
	} else if (now >= state_end(c)) {
		if (c->state == DHCP6_RENEWING)
			begin(c, DHCP6_REBINDING, now);
		else
			lose(c, now);
	} else {
		return false;
	}
	return true;
}

size_t dhcp6_run(struct dhcp6 *c, usec now, void *buf, size_t size)
{
	const struct talk *t;

	if (c->farewell) {
		c->farewell = false;
		return put(c, DHCP6_RELEASE, SAYS_IA | SAYS_SERVER, now, buf, size);
	}
	do {
		if (now < c->at)
			return 0;
	} while (leave(c, now));
	t = &talks[c->state];
	if (!c->tries++)
		c->began = now;			/* RFC 8415 21.9: 0 in the first */
	c->wait = next_wait(c);
	c->at = MIN(usec_add(now, c->wait), state_end(c));
	return put(c, t->type, t->says, now, buf, size);
}

usec dhcp6_deadline(const struct dhcp6 *c)
{
	return c->farewell ? 0 : c->at;
}

enum dhcp6_event dhcp6_event(struct dhcp6 *c)
{
	enum dhcp6_event e = c->event;

	c->event = DHCP6_NOTHING;
	return e;
}

/* --- messages in --- */

static bool same_duid(const struct dhcp6_duid *a, const struct dhcp6_duid *b)
{
	return a->n == b->n && memcmp(a->b, b->b, a->n) == 0;
}

static bool has_lease(const struct dhcp6 *c, const struct dhcp6_msg *m)
{
	return m->status == DHCP6_SUCCESS && m->has_ia && m->ia_status == DHCP6_SUCCESS &&
	       m->iaid == duid_iaid(c->conf.mac) && m->has_addr && m->valid;
}

static void advertise_in(struct dhcp6 *c, const struct dhcp6_msg *m, usec now)
{
	if (!has_lease(c, m))			/* RFC 8415 18.2.9 */
		return;
	if (!c->advertised || m->preference > c->lease.preference)
		c->lease = *m;
	c->advertised = true;
	if (c->lease.preference == PREFER_NOW || c->tries > 1)
		begin(c, DHCP6_REQUESTING, now);
}

static usec after(usec now, uint32_t seconds)
{
	return seconds == FOREVER ? NEVER : now + seconds * S;
}

static uint32_t part(uint32_t seconds, unsigned tenths)
{
	return seconds == FOREVER ? FOREVER : seconds - seconds / 10 * (10 - tenths);
}

/* RFC 8415 21.4: 0 leaves the choice to us, half and four fifths. */
static void take_times(struct dhcp6 *c, const struct dhcp6_msg *m, usec now)
{
	uint32_t base = m->preferred ? m->preferred : m->valid;
	uint32_t t2 = m->t2 ? m->t2 : MAX(part(base, 8), m->t1);
	uint32_t t1 = m->t1 ? m->t1 : MIN(part(base, 5), t2);

	c->expires = after(now, m->valid);
	c->t2 = MIN(after(now, MAX(t2, 1u)), c->expires);
	c->t1 = MIN(after(now, MAX(t1, 1u)), c->t2);
}

/* To be silent until then; nobody is waited for. */
static void rest(struct dhcp6 *c, enum dhcp6_state state, usec until)
{
	c->state = state;
	c->at = until;
	c->tries = 0;
	c->wait = 0;
}

static void take_lease(struct dhcp6 *c, const struct dhcp6_msg *m, usec now)
{
	bool renewal = dhcp6_bound(c);
	bool same = ip_eq(&m->addr, &c->lease.addr);

	if (renewal && !same) {			/* ours was not given again */
		lose(c, now);
		return;
	}
	c->lease = *m;
	take_times(c, m, now);
	rest(c, renewal ? DHCP6_BOUND : DHCP6_CHECKING, renewal ? c->t1 : NEVER);
	c->event = renewal ? DHCP6_RENEWED : DHCP6_CHECK;
}

static void reply_in(struct dhcp6 *c, const struct dhcp6_msg *m, usec now)
{
	bool renewal = dhcp6_bound(c);

	if (c->state == DHCP6_SOLICITING && !m->rapid)	/* RFC 8415 18.2.10 */
		return;
	if (has_lease(c, m)) {
		take_lease(c, m, now);
	} else if (m->status == DHCP6_UNSPEC || m->ia_status == DHCP6_UNSPEC) {
		return;				/* 18.2.10.1: tried again at its time */
	} else if (renewal && m->ia_status == DHCP6_NO_BINDING) {
		c->lease.server = m->server;
		c->event = DHCP6_LOST;
		begin(c, DHCP6_REQUESTING, now);	/* 18.2.10.1 */
	} else if (renewal && m->has_addr && !m->valid) {
		lose(c, now);
	} else if (!renewal) {
		again(c, now);
	}
}

static void declined_in(struct dhcp6 *c, const struct dhcp6_msg *m, usec now)
{
	again(c, now);
}

static void information_in(struct dhcp6 *c, const struct dhcp6_msg *m, usec now)
{
	uint32_t life = m->refresh ? MAX(m->refresh, REFRESH_LEAST) : REFRESH;

	c->lease = *m;
	c->event = DHCP6_LEARNT;
	rest(c, DHCP6_INFORMED, after(now, life));
}

static void (*const reply_to[])(struct dhcp6 *c, const struct dhcp6_msg *m, usec now) = {
	[DHCP6_SOLICITING] = reply_in, [DHCP6_REQUESTING] = reply_in,
	[DHCP6_DECLINING] = declined_in, [DHCP6_ASKING] = information_in,
	[DHCP6_RENEWING] = reply_in, [DHCP6_REBINDING] = reply_in,
};
static_assert(ARRAY_LEN(reply_to) == DHCP6_N_STATES, "every state has its row");

/* RFC 8415 16: what is for us, and an answer to what we said last. Before anything
 * was said there is nothing to answer. */
static bool for_us(const struct dhcp6 *c, const struct dhcp6_msg *m)
{
	struct dhcp6_duid own;

	own_duid(c, &own);
	if (m->xid != c->xid || !c->tries || !m->server.n || !same_duid(&m->client, &own))
		return false;
	return !(talks[c->state].says & SAYS_SERVER) || same_duid(&m->server, &c->lease.server);
}

void dhcp6_input(struct dhcp6 *c, struct rd *r, usec now)
{
	struct dhcp6_msg m;

	if (!dhcp6_parse(r, &m) || !for_us(c, &m))
		return;
	if (m.sol_max_rt)			/* RFC 8415 18.2.9: from whomever */
		c->sol_max_rt = m.sol_max_rt;
	if (m.inf_max_rt)
		c->inf_max_rt = m.inf_max_rt;
	if (m.type == DHCP6_ADVERTISE && c->state == DHCP6_SOLICITING)
		advertise_in(c, &m, now);
	else if (m.type == DHCP6_REPLY && reply_to[c->state])
		reply_to[c->state](c, &m, now);
}

void dhcp6_checked(struct dhcp6 *c, bool free, usec now)
{
	if (c->state != DHCP6_CHECKING)
		return;
	if (free) {
		c->refused = 0;
		rest(c, DHCP6_BOUND, c->t1);
	} else {
		begin(c, DHCP6_DECLINING, now);		/* RFC 8415 18.2.8 */
	}
}

void dhcp6_stop(struct dhcp6 *c)
{
	c->farewell = c->state >= DHCP6_CHECKING;
	begin(c, DHCP6_OFF, NEVER);
	c->event = DHCP6_NOTHING;
}
