/* tcp.c - connections in each state, and segments that change it
 *
 * An honest peer (talk.c) brings a connection of the host into a state; then one to three
 * segments arrive, in each of which up to two fields are what they should not be
 * (test/mutate/seg.c); then the user looks, reads and writes. Steps of the line of words: the
 * answer to each segment, what the user sees, what reading and writing give.
 */
#include <netinet/tcp.h>
#include <stdio.h>

#include "base/rand.h"
#include "differ.h"
#include "talk.h"

#define MOST_SEGMENTS	3
#define MOST_EDITS	2

enum act {
	DONE, LISTEN, CONNECT, SYN, SYN_ACK, ACK, DATA, AHEAD, GAP, FIN, SEND, ACCEPT, SHUT, CLOSE,
	READ, ZERO,
};

static const struct scenario { const char *name; enum act act[12]; } scenarios[] = {
	{ "CLOSED", { DONE } },
	{ "LISTEN", { LISTEN } },
	{ "SYN-SENT", { CONNECT } },
	{ "SYN-RECEIVED", { LISTEN, SYN } },
	{ "SYN-RECEIVED, simultaneous", { CONNECT, SYN } },
	{ "ESTABLISHED, passive", { LISTEN, SYN, ACK, ACCEPT } },
	{ "ESTABLISHED, not accepted", { LISTEN, SYN, ACK } },
	{ "ESTABLISHED, active", { CONNECT, SYN_ACK } },
	{ "ESTABLISHED, data read", { CONNECT, SYN_ACK, DATA, READ, DATA, READ } },
	{ "ESTABLISHED, data unread", { CONNECT, SYN_ACK, DATA } },
	{ "ESTABLISHED, in flight", { CONNECT, SYN_ACK, SEND } },
	{ "ESTABLISHED, zero window", { CONNECT, SYN_ACK, ZERO, SEND } },
	{ "ESTABLISHED, out of order", { LISTEN, SYN, ACK, ACCEPT, AHEAD } },
	{ "ESTABLISHED, gaps", { LISTEN, SYN, ACK, ACCEPT, AHEAD, GAP } },
	{ "FIN-WAIT-1", { CONNECT, SYN_ACK, SHUT } },
	{ "FIN-WAIT-1, closed", { CONNECT, SYN_ACK, SEND, CLOSE } },
	{ "FIN-WAIT-2", { CONNECT, SYN_ACK, SHUT, ACK } },
	{ "FIN-WAIT-2, closed", { LISTEN, SYN, ACK, ACCEPT, CLOSE, ACK } },
	{ "CLOSE-WAIT", { CONNECT, SYN_ACK, FIN } },
	{ "CLOSE-WAIT, in flight", { CONNECT, SYN_ACK, FIN, SEND } },
	{ "CLOSING", { CONNECT, SYN_ACK, SHUT, FIN } },
	{ "LAST-ACK", { CONNECT, SYN_ACK, FIN, SHUT } },
	{ "LAST-ACK, closed", { CONNECT, SYN_ACK, FIN, CLOSE } },
	{ "TIME-WAIT", { CONNECT, SYN_ACK, SHUT, ACK, FIN } },
	{ "TIME-WAIT, closed", { CONNECT, SYN_ACK, CLOSE, ACK, FIN } },
};

static struct variant { const char *name; bool v6, plain; struct ends ends; } variants[] = {
	{ .name = "ip4" }, { .name = "ip6 plain", .v6 = true, .plain = true },
};

struct edit { unsigned field, value; bool all; };

struct test {
	const struct scenario *sc;
	const struct variant *how;
	unsigned	n, per;		/* segments, edits of each */
	struct edit	e[MOST_SEGMENTS][MOST_EDITS];
	struct text	*what;		/* how the case is printed: filled while it runs first */
};

/* --- scenarios --- */

static void peer_says(struct talk *t, uint8_t flags, uint32_t paylen, uint32_t ahead)
{
	struct mseg m;

	if (flags & TCP_ACK)
		t->una = t->nxt;
	talk_segment(t, flags, paylen, &m);
	m.seq += ahead;
	m.place += ahead;
	if (!ahead)
		t->snd += paylen + !!(flags & TCP_SYN);
	talk_input(t, &m);
}

/* Acknowledges no more than before: so two FINs cross. */
static void peer_fin(struct talk *t)
{
	struct mseg m;

	talk_segment(t, TCP_ACK | TCP_FIN, 0, &m);
	t->snd++;
	talk_input(t, &m);
}

static void peer_closes_window(struct talk *t)
{
	struct mseg m;

	talk_segment(t, TCP_ACK, 0, &m);
	m.win = 0;
	m.ack = t->una = t->nxt;
	talk_input(t, &m);
}

static void perform(struct talk *t, enum act a)
{
	switch (a) {
	case LISTEN:	talk_listen(t); break;
	case CONNECT:	talk_connect(t); break;
	case SYN:	peer_says(t, TCP_SYN, 0, 0); break;
	case SYN_ACK:	peer_says(t, TCP_SYN | TCP_ACK, 0, 0); break;
	case ACK:	peer_says(t, TCP_ACK, 0, 0); break;
	case DATA:	peer_says(t, TCP_ACK | TCP_PSH, 500, 0); break;
	case AHEAD:	peer_says(t, TCP_ACK | TCP_PSH, 500, 1000); break;
	case GAP:	peer_says(t, TCP_ACK | TCP_PSH, 500, 3000); break;
	case FIN:	peer_fin(t); break;
	case ZERO:	peer_closes_window(t); break;
	case SEND:	talk_send(t, 2000); break;
	case READ:	talk_read(t); break;
	case ACCEPT:	talk_accept(t); break;
	case SHUT:	talk_shut(t); break;
	case CLOSE:	talk_close(t); break;
	case DONE:	break;
	}
}

/* --- segments --- */

static void view_of(const struct talk *t, struct view *v)
{
	*v = (struct view){ .una = t->una, .nxt = t->nxt, .max_wnd = t->plain ? 64240 : 500u << 7,
			    .rcv = t->snd, .wup = t->ack, .right = t->right,
			    .ts_recent = PEER_CLOCK, .peer_ts = PEER_CLOCK, .true_nxt = t->snd,
			    .stream = PEER_ISS + 1, .ts_ok = t->ts_ok };
}

static uint8_t base_flags(const struct scenario *sc)
{
	if (sc->act[0] == DONE || (sc->act[0] == LISTEN && sc->act[1] == DONE))
		return TCP_SYN;
	return sc->act[0] == CONNECT && sc->act[1] == DONE ? TCP_SYN | TCP_ACK : TCP_ACK;
}

static void print_options(struct text *s, const struct mseg *m)
{
	bool stamp = m->n_opts == 12 && !memcmp(m->opts, "\1\1\x8\xa", 4);

	if (!m->n_opts)
		text_add(s, "none");
	text_hex(s, m->opts, stamp ? 8 : m->n_opts);
}

static void print(struct text *s, const struct edit *e, const struct view *v, const struct mseg *m)
{
	text_add(s, " %s ", field_names[e->field]);
	switch (e->field) {
	case F_SEQ:
		text_add(s, "rcv%+d", (int32_t)(m->seq - v->rcv));
		break;
	case F_ACK:
		text_add(s, "una%+d", (int32_t)(m->ack - v->una));
		break;
	case F_FLAGS:
		for (unsigned i = 0; i < 8; i++)
			if (m->flags >> i & 1)
				text_add(s, "%c", "FSRP.UEW"[i]);
		text_add(s, "%s", m->flags & 0xf00 ? "+" : "");
		break;
	case F_OPTS:
		print_options(s, m);
		break;
	default:
		text_add(s, "%d", e->field == F_DOFF ? m->doff : e->field == F_WIN ? m->win :
			 e->field == F_SUM ? m->sum_xor : e->field == F_URG ? m->urg :
			 (int)m->paylen);
	}
	text_add(s, ",");
}

/* Zero and the largest mean something else for each initial number: make them the same. */
static void same_place(struct mseg *m, const struct view *v)
{
	if (m->ack == 0)
		m->ack = v->una + 0x40000000;
	else if (m->ack == UINT32_MAX)
		m->ack = v->una - 0x40000000;
}

/* The window is the one before all of them: how it moves is each stack's own affair. */
static void disturb(struct talk *t, const struct test *c, unsigned i, uint32_t right)
{
	struct view v;
	struct mseg m;

	if (base_flags(c->sc) == (TCP_SYN | TCP_ACK))
		t->una = t->nxt;
	view_of(t, &v);
	v.right = right;
	talk_segment(t, base_flags(c->sc), 0, &m);
	m.ack = m.flags & TCP_ACK ? t->nxt : 0;
	for (unsigned k = 0; k < c->per; k++) {
		field_set(c->e[i][k].field, c->e[i][k].value, c->e[i][k].all, &v, &m);
		same_place(&m, &v);
		if (c->what)
			print(c->what, &c->e[i][k], &v, &m);
	}
	m.place = m.seq - v.stream;
	talk_input(t, &m);
}

static void run(void *test, struct host *h, struct text *log)
{
	static uint16_t ports[2] = { 1024, 1024 };
	struct test *c = test;
	struct talk t;
	uint32_t right;
	uint16_t *port = &ports[h->name[0] == 'L'];

	*port = *port == 65000 ? 1024 : *port + 1;
	talk_begin(&t, h, &c->how->ends, c->how->plain, *port);
	t.log = c->n ? NULL : log;
	for (const enum act *a = c->sc->act; *a != DONE; a++)
		perform(&t, *a);
	t.log = log;
	right = t.right;
	for (unsigned i = 0; i < c->n; i++) {
		disturb(&t, c, i, right);
		text_add(log, "|");
		if (c->what)
			text_add(c->what, i + 1 < c->n ? " then" : "");
	}
	c->what = NULL;
	talk_look(&t);
	text_add(log, "|");
	talk_read(&t);
	text_add(log, "|");
	talk_send(&t, 10);
	talk_end(&t);
}

/* --- which cases --- */

static void try(struct form *f, struct test *c)
{
	char name[512];
	struct text what = text_of(name, sizeof(name));

	text_add(&what, "%s, %s:", c->sc->name, c->how->name);
	c->what = &what;
	compare(f, name, run, c);
}

static void each_value(struct form *f, struct test *c)
{
	c->n = 0;
	try(f, c);
	c->n = c->per = 1;
	for (unsigned k = 0; k < N_FIELDS; k++)
		for (unsigned v = 0; v < field_count(k, true); v++) {
			c->e[0][0] = (struct edit){ k, v, true };
			try(f, c);
		}
}

static void by_chance(struct form *f, struct rng *rng)
{
	struct test c = { .sc = &scenarios[rng_below(rng, ARRAY_LEN(scenarios))],
			  .how = &variants[rng_below(rng, ARRAY_LEN(variants))],
			  .n = 1 + rng_below(rng, MOST_SEGMENTS), .per = 1 + rng_below(rng, MOST_EDITS) };

	for (unsigned i = 0; i < c.n; i++)
		for (unsigned k = 0; k < c.per; k++) {
			unsigned field = rng_below(rng, N_FIELDS);

			c.e[i][k] = (struct edit){ field, rng_below(rng, field_count(field, false)),
						   false };
		}
	if (!strncmp(c.sc->name, f->only, strlen(f->only)))
		try(f, &c);
}

void tcp_cases(struct form *f)
{
	struct rng rng;

	rng_seed(&rng, f->seed);
	for (unsigned k = 0; k < ARRAY_LEN(variants); k++) {
		ends_init(&variants[k].ends, variants[k].v6);
		for (unsigned i = 0; i < ARRAY_LEN(scenarios); i++) {
			struct test c = { .sc = &scenarios[i], .how = &variants[k] };

			if (!strncmp(c.sc->name, f->only, strlen(f->only)))
				each_value(f, &c);
		}
	}
	for (unsigned i = 0; i < f->n; i++)
		by_chance(f, &rng);
}
