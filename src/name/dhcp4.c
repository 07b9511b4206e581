/* dhcp4.c - the client of DHCP for IPv4 (RFC 2131 4.4, figure 5)
 *
 *	OFF -> SELECTING -> REQUESTING -> CHECKING -> BOUND -> RENEWING -> REBINDING
 *	  \-> REBOOTING ------------------^    ^        ^---------'-----------'
 *	        SELECTING with rapid commit ---'
 *
 * The first offer is taken. Before an address is used its owner looks whether it is
 * somebody's (CHECKING, RFC 2131 3.1.5). Whatever is refused or runs out leads back
 * to SELECTING, after a PAUSE if that happens again and again. Unlike RFC 2131
 * 4.4.1 the first message is not held back for 1 to 10 seconds: nodes start one by
 * one, and somebody waits.
 *
 * Until it has an address it asks to be answered by broadcast (RFC 2131 4.1): to send
 * to who does not answer ARP yet takes a right that servers of virtual networks lack.
 *
 * dhcp4_run is the clock: what a state does when its time has come, one row of a
 * table a state. What is heard comes by dhcp4_input.
 */
#include "name/dhcp4.h"

#include <assert.h>
#include <stdio.h>

#include "name/duid.h"

#define FIRST_WAIT	(4 * USEC_PER_SEC)	/* RFC 2131 4.1 */
#define DOUBLINGS	4			/* up to 64 s */
#define JITTER		(1 * USEC_PER_SEC)
#define REQUESTS	4			/* RFC 2131 3.1.5: a minute, then anew */
#define REBOOTS		2			/* 12 s, then others are asked */
#define LEAST_WAIT	(60 * USEC_PER_SEC)	/* RFC 2131 4.4.5 */
#define DECLINE_PAUSE	(10 * USEC_PER_SEC)	/* RFC 2131 3.1.5 */
#define MAX_SIZE	1500			/* of an IP packet (RFC 2132 9.10) */
#define FOREVER		UINT32_MAX

static const char *const names[] = {
	[DHCP4_OFF] = "off", [DHCP4_PAUSE] = "pause", [DHCP4_SELECTING] = "selecting",
	[DHCP4_REQUESTING] = "requesting", [DHCP4_REBOOTING] = "rebooting",
	[DHCP4_CHECKING] = "checking", [DHCP4_BOUND] = "bound",
	[DHCP4_RENEWING] = "renewing", [DHCP4_REBINDING] = "rebinding",
};
static_assert(ARRAY_LEN(names) == DHCP4_N_STATES, "every state has a name");

const char *dhcp4_state_name(const struct dhcp4 *c)
{
	return names[c->state];
}

void dhcp4_init(struct dhcp4 *c, const struct dhcp4_conf *conf, const struct rng *rng)
{
	*c = (struct dhcp4){ .conf = *conf, .rng = *rng, .at = NEVER };
	if (!ip_is_v4(&c->conf.wish))
		c->conf.wish = IP4_ANY;
}

static void enter(struct dhcp4 *c, enum dhcp4_state state, usec at)
{
	c->state = state;
	c->tries = 0;
	c->at = at;
}

/* A new exchange: what answers an elder one does not count. */
static void begin(struct dhcp4 *c, enum dhcp4_state state, usec now)
{
	c->xid = (uint32_t)rng_u64(&c->rng);
	c->began = now;
	enter(c, state, now);
}

void dhcp4_start(struct dhcp4 *c, usec now)
{
	bool reboot = c->conf.reboot && !ip_is_any(&c->conf.wish);

	begin(c, reboot ? DHCP4_REBOOTING : DHCP4_SELECTING, now);
}

/* The first time at once, then ever later: two servers may refuse each other's
 * leases, or all addresses be somebody's. */
static void again(struct dhcp4 *c, usec least, usec now)
{
	usec wait = c->refused ? FIRST_WAIT << MIN(c->refused - 1, DOUBLINGS) : 0;

	c->refused++;
	c->conf.reboot = false;
	enter(c, DHCP4_PAUSE, now + MAX(least, wait));
}

static void lose(struct dhcp4 *c, usec now)
{
	c->event = DHCP4_LOST;
	c->conf.wish = c->lease.yours;	/* it may still be had */
	begin(c, DHCP4_SELECTING, now);
}

/* --- messages out --- */

static usec jitter(struct dhcp4 *c)
{
	return (usec)rng_below(&c->rng, 2 * JITTER + 1) - JITTER;
}

static struct dhcp4_msg message(const struct dhcp4 *c, enum dhcp4_type type, usec now)
{
	struct dhcp4_msg m = {
		.type = type, .xid = c->xid, .mac = c->conf.mac,
		.secs = (uint16_t)MIN((now - c->began) / USEC_PER_SEC, UINT16_MAX),
		.client = IP4_ANY, .yours = IP4_ANY, .next = IP4_ANY, .relay = IP4_ANY,
		.wish = IP4_ANY, .server = IP4_ANY, .subnet_broadcast = IP4_ANY,
	};
	struct wr w = wr_of(m.id, sizeof(m.id));

	wr_u8(&w, 255);				/* RFC 4361 6.1 */
	wr_u32(&w, duid_iaid(c->conf.mac));
	duid_emit(&w, c->conf.mac);
	m.id_len = (uint8_t)wr_len(&w);
	return m;
}

/* What DISCOVER and REQUEST have in common. */
static void ask(const struct dhcp4 *c, struct dhcp4_msg *m)
{
	/* 121 before 3 (RFC 3442); the rest is what Linux's clients ask for. */
	static const uint8_t wanted[] = { 1, 121, 3, 6, 12, 15, 26, 28, 42, 51, 58, 59, 119 };

	m->n_ask = sizeof(wanted);
	memcpy(m->ask, wanted, sizeof(wanted));
	m->max_size = MAX_SIZE;
	snprintf(m->fqdn, sizeof(m->fqdn), "%s", c->conf.fqdn);
}

/* RFC 2131 table 4: who says what in which state. */
static struct dhcp4_msg request(const struct dhcp4 *c, usec now)
{
	struct dhcp4_msg m = message(c, DHCP4_REQUEST, now);

	ask(c, &m);
	if (c->state == DHCP4_REQUESTING) {
		m.wish = c->lease.yours;
		m.server = c->lease.server;
	} else if (c->state == DHCP4_REBOOTING) {
		m.wish = c->conf.wish;
	} else {
		m.client = c->lease.yours;
	}
	m.broadcast = !dhcp4_bound(c);
	return m;
}

static struct dhcp4_msg discover(const struct dhcp4 *c, usec now)
{
	struct dhcp4_msg m = message(c, DHCP4_DISCOVER, now);

	ask(c, &m);
	m.rapid = m.broadcast = true;
	m.wish = c->conf.wish;
	return m;
}

static struct dhcp4_msg farewell(const struct dhcp4 *c, usec now)
{
	struct dhcp4_msg m = message(c, c->farewell, now);

	m.secs = 0;			/* RFC 2131 table 5 */
	m.server = c->lease.server;
	if (c->farewell == DHCP4_RELEASE)
		m.client = c->lease.yours;
	else
		m.wish = c->lease.yours;
	return m;
}

static size_t put(const struct dhcp4_msg *m, void *buf, size_t size)
{
	struct wr w = wr_of(buf, size);

	dhcp4_emit(&w, m);
	return w.fail ? 0 : wr_len(&w);
}

/* --- time --- */

/* Each of these does what is due in its state; true: that was to go to another. */

static bool after_pause(struct dhcp4 *c, usec now)
{
	begin(c, DHCP4_SELECTING, now);
	return true;
}

static bool back_off(struct dhcp4 *c, usec now)
{
	c->at = now + (FIRST_WAIT << MIN(c->tries, DOUBLINGS)) + jitter(c);
	c->tries++;
	return false;
}

static bool request_due(struct dhcp4 *c, usec now)
{
	if (c->tries == (c->state == DHCP4_REBOOTING ? REBOOTS : REQUESTS))
		return after_pause(c, now);
	return back_off(c, now);
}

static bool bound_due(struct dhcp4 *c, usec now)
{
	begin(c, DHCP4_RENEWING, now);
	return true;
}

/* RFC 2131 4.4.5: half of the time that is left, not less than a minute. */
static void wait_half(struct dhcp4 *c, usec until, usec now)
{
	c->at = MIN(until, now + MAX((until - now) / 2, LEAST_WAIT));
	c->tries++;
}

static bool renewing_due(struct dhcp4 *c, usec now)
{
	if (now >= c->t2) {
		enter(c, DHCP4_REBINDING, now);
		return true;
	}
	wait_half(c, c->t2, now);
	return false;
}

static bool rebinding_due(struct dhcp4 *c, usec now)
{
	if (now >= c->expires) {
		lose(c, now);
		return true;
	}
	wait_half(c, c->expires, now);
	return false;
}

static bool (*const due[])(struct dhcp4 *c, usec now) = {
	[DHCP4_PAUSE] = after_pause, [DHCP4_SELECTING] = back_off,
	[DHCP4_REQUESTING] = request_due, [DHCP4_REBOOTING] = request_due,
	[DHCP4_BOUND] = bound_due, [DHCP4_RENEWING] = renewing_due,
	[DHCP4_REBINDING] = rebinding_due,
};
static_assert(ARRAY_LEN(due) == DHCP4_N_STATES, "every state has its row");

/* Unicast is what RENEWING and RELEASE are (RFC 2131 4.4.4). */
static struct dhcp4_dest dest(const struct dhcp4 *c, enum dhcp4_type type)
{
	if (type == DHCP4_RELEASE || (type == DHCP4_REQUEST && c->state == DHCP4_RENEWING))
		return (struct dhcp4_dest){ c->lease.yours, c->lease.server };
	return (struct dhcp4_dest){ IP4_ANY, IP4_BROADCAST };
}

size_t dhcp4_run(struct dhcp4 *c, usec now, void *buf, size_t size, struct dhcp4_dest *to)
{
	struct dhcp4_msg m;

	if (c->farewell) {
		m = farewell(c, now);
		c->farewell = 0;
		*to = dest(c, m.type);
		return put(&m, buf, size);
	}
	do {
		if (now < c->at || !due[c->state])
			return 0;
	} while (due[c->state](c, now));
	m = c->state == DHCP4_SELECTING ? discover(c, now) : request(c, now);
	c->sent = now;
	*to = dest(c, m.type);
	return put(&m, buf, size);
}

usec dhcp4_deadline(const struct dhcp4 *c)
{
	return c->farewell ? 0 : c->at;
}

enum dhcp4_event dhcp4_event(struct dhcp4 *c)
{
	enum dhcp4_event e = c->event;

	c->event = DHCP4_NOTHING;
	return e;
}

/* --- messages in --- */

static bool has_address(const struct dhcp4_msg *m)
{
	uint8_t first = ip_v4(&m->yours)[0];

	return first && first < 240 && !ip_is_multicast(&m->yours) && !ip_is_loopback(&m->yours);
}

static bool same_server(const struct dhcp4 *c, const struct dhcp4_msg *m)
{
	return ip_is_any(&m->server) || ip_eq(&m->server, &c->lease.server);
}

static void offer_in(struct dhcp4 *c, const struct dhcp4_msg *m, usec now)
{
	if (!has_address(m) || ip_is_any(&m->server))
		return;
	c->lease = *m;
	enter(c, DHCP4_REQUESTING, now);
}

static usec after(usec from, uint32_t seconds)
{
	return seconds == FOREVER ? NEVER : from + seconds * USEC_PER_SEC;
}

/* RFC 2131 4.4.5: T1 and T2 as told, else half and seven eighths; T1 a little
 * earlier, that not all nodes of a morning ask at once. */
static void take_times(struct dhcp4 *c, const struct dhcp4_msg *m)
{
	bool told = m->t1 && m->t1 < m->t2 && m->t2 < m->lease;
	uint32_t t1 = MAX(told ? m->t1 : m->lease / 2, 1u);
	uint32_t t2 = MAX(told ? m->t2 : m->lease - m->lease / 8, t1);

	c->expires = after(c->sent, m->lease);
	c->t1 = c->t2 = NEVER;
	if (m->lease == FOREVER)
		return;
	c->t1 = after(c->sent, t1) - rng_below(&c->rng, t1 / 16 + 1) * USEC_PER_SEC;
	c->t2 = after(c->sent, t2);
}

static void take_lease(struct dhcp4 *c, const struct dhcp4_msg *m)
{
	struct ip_addr server = ip_is_any(&m->server) ? c->lease.server : m->server;

	c->lease = *m;
	c->lease.server = server;
	take_times(c, m);
}

static void ack_in(struct dhcp4 *c, const struct dhcp4_msg *m, usec now)
{
	bool renewal = c->state >= DHCP4_BOUND;

	if (c->state == DHCP4_SELECTING && !m->rapid)	/* RFC 4039 3.1 */
		return;
	if (!has_address(m) || !m->lease)
		return;
	if (renewal && !ip_eq(&m->yours, &c->lease.yours))
		return;
	if (c->state == DHCP4_REQUESTING && !same_server(c, m))
		return;
	if (ip_is_any(&m->server) && c->state != DHCP4_REQUESTING && !renewal)
		return;
	take_lease(c, m);
	if (!renewal) {
		enter(c, DHCP4_CHECKING, NEVER);
		c->event = DHCP4_CHECK;
		return;
	}
	enter(c, DHCP4_BOUND, c->t1);
	c->event = DHCP4_RENEWED;
}

static void nak_in(struct dhcp4 *c, const struct dhcp4_msg *m, usec now)
{
	if (c->state == DHCP4_REQUESTING && !same_server(c, m))
		return;
	if (c->state == DHCP4_RENEWING && !same_server(c, m))
		return;
	if (dhcp4_bound(c)) {
		lose(c, now);
		c->conf.wish = IP4_ANY;
	} else {
		c->conf.wish = IP4_ANY;
		again(c, 0, now);
	}
}

/* Which message is heard in which state. */
static void (*const heard[DHCP4_N_STATES][DHCP4_INFORM + 1])(struct dhcp4 *c,
					    const struct dhcp4_msg *m, usec now) = {
	[DHCP4_SELECTING]  = { [DHCP4_OFFER] = offer_in, [DHCP4_ACK] = ack_in },
	[DHCP4_REQUESTING] = { [DHCP4_ACK] = ack_in, [DHCP4_NAK] = nak_in },
	[DHCP4_REBOOTING]  = { [DHCP4_ACK] = ack_in, [DHCP4_NAK] = nak_in },
	[DHCP4_RENEWING]   = { [DHCP4_ACK] = ack_in, [DHCP4_NAK] = nak_in },
	[DHCP4_REBINDING]  = { [DHCP4_ACK] = ack_in, [DHCP4_NAK] = nak_in },
};

void dhcp4_input(struct dhcp4 *c, struct rd *r, usec now)
{
	struct dhcp4_msg m;

	if (!dhcp4_parse(r, &m) || !m.reply || m.xid != c->xid || !mac_eq(&m.mac, &c->conf.mac))
		return;
	if (heard[c->state][m.type])
		heard[c->state][m.type](c, &m, now);
}

void dhcp4_checked(struct dhcp4 *c, bool free, usec now)
{
	if (c->state < DHCP4_CHECKING)
		return;
	if (free && c->state == DHCP4_CHECKING) {
		c->refused = 0;
		enter(c, DHCP4_BOUND, c->t1);
	}
	if (free)
		return;
	c->farewell = DHCP4_DECLINE;
	c->conf.wish = IP4_ANY;
	again(c, DECLINE_PAUSE, now);
}

void dhcp4_stop(struct dhcp4 *c)
{
	c->farewell = dhcp4_bound(c) ? DHCP4_RELEASE : 0;
	enter(c, DHCP4_OFF, NEVER);
	c->event = DHCP4_NOTHING;
}
