/* tcp.c - each state of TCP x each field of a segment x the edges of its values
 *
 * A case: two fresh stacks, a scene (scene.c), the segment that the honest peer
 * would send with up to three fields changed (seg.c), and what RFC 9293 says of it
 * (oracle.c). Then: are the answers among those allowed, is a connection untouched
 * that must be, do the books balance, does the transfer finish with every octet in
 * its place unless a lie was believed, and is nothing left when all have closed.
 */
#include <netinet/tcp.h>
#include <stdio.h>

#include "../sim/books.h"
#include "mutate.h"
#include "oracle.h"

#define HOURS		(4 * 3600 * USEC_PER_SEC)

/* --- answers --- */

static unsigned kind_of(const struct mseg *a)
{
	if (a->flags & TCP_RST)
		return a->flags & TCP_ACK ? ANS_RST_ACK : ANS_RST;
	if (a->flags & TCP_SYN)
		return ANS_SYN_ACK;
	return a->paylen || a->flags & TCP_FIN ? ANS_DATA : ANS_ACK;
}

static bool numbers_right(const struct mseg *a, const struct view *v, const struct mseg *m,
			  const struct read_seg *r)
{
	switch (kind_of(a)) {
	case ANS_RST:
		return a->seq == m->ack;
	case ANS_RST_ACK:
		return a->seq == 0 && a->ack == m->seq + r->len;
	case ANS_ACK:
		return v->state == TCP_LISTEN || v->state == TCP_SYN_SENT ||
		       (a->seq == v->nxt && a->ack == v->rcv);
	case ANS_SYN_ACK:
		return a->flags & TCP_ACK;
	}
	return true;
}

static void judge_answers(struct pair *p, const struct expect *x, const struct view *v,
			  const struct mseg *m, const struct read_seg *r, const struct list *old)
{
	unsigned n = 0, bare = 0;

	for (struct list *l = old->next; l != &p->e[PEER].q; l = l->next, n++) {
		struct frame *f = container_of(l, struct frame, link);
		struct mseg a;

		if (!seg_parse(f->b, f->len, &a)) {
			broken("an answer that is no segment");
			continue;
		}
		if (!(kind_of(&a) & x->may))
			broken("answer %s is not allowed",
			       (const char *[]){ "ACK", "RST", "RST,ACK", "SYN,ACK", "data" }
				       [__builtin_ctz(kind_of(&a))]);
		if (x->verdict != TAKEN && !numbers_right(&a, v, m, r))
			broken("the answer has wrong numbers: flags %02x seq %u ack %u",
			       a.flags, a.seq - v->nxt, a.ack - v->rcv);
		bare += kind_of(&a) != ANS_DATA;
	}
	if (bare > 1 || (x->verdict != TAKEN && n > 1))
		broken("%u answers to one segment", n);
	if (x->must && !n)
		broken("no answer");
}

/* --- what must not change --- */

struct still {
	int	state, error;
	uint32_t una, nxt, rcv, snd_wnd, cwnd, ssthresh, ts_recent, waiting;
	uint8_t	rec;
};

static void look(const struct pair *p, struct still *s)
{
	const struct sock *so = p->e[SUBJECT].so;
	const struct tcpc *tc = so ? tcpc_of(so) : NULL;

	memset(s, 0, sizeof(*s));
	if (!tc)
		return;
	*s = (struct still){
		.state = tc->state, .error = so->error, .una = tc->snd_una.v, .nxt = tc->snd_nxt.v,
		.rcv = tc->rcv_nxt.v, .snd_wnd = tc->snd_wnd, .cwnd = tc->cwnd,
		.ssthresh = tc->ssthresh, .ts_recent = tc->ts_recent, .waiting = tc->rcv_bytes,
		.rec = tc->rec,
	};
}

static void judge_state(const struct pair *p, const struct expect *x, const struct still *before)
{
	struct still now;

	look(p, &now);
	if (x->verdict == NOTHING && memcmp(&now, before, sizeof(now)))
		broken("the connection has changed: %s una%+d nxt%+d rcv%+d wnd %u to %u",
		       tcp_state_name(now.state), (int)(now.una - before->una),
		       (int)(now.nxt - before->nxt), (int)(now.rcv - before->rcv),
		       before->snd_wnd, now.snd_wnd);
	if (x->verdict == OVER && before->state && now.state != TCP_CLOSE)
		broken("the connection lives on");
}

/* --- afterwards --- */

static bool done(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		if (p->e[i].error)
			return true;
		if (!p->e[i].so || !p->e[i].eof || !p->e[i].shut)
			return false;
	}
	return true;
}

static void release(struct end *e)
{
	stack_set(e->st, "tcp_invalid_ratelimit", "500");
	e->hold = e->deaf = false;
	e->drop = 0;
	if (!e->want_shut)
		e->goal = MAX(e->goal, TOTAL);
	e->want_shut = true;
}

/* Without a connection to go on with: a new one. */
static void begin_anew(const struct scene *sc, struct pair *p)
{
	struct end *us = &p->e[SUBJECT], *peer = &p->e[PEER];

	if (sc->state && !(sc->kind & SC_OVER) && sc->state != TCP_LISTEN)
		return;
	pair_settle(p);
	end_close(us);
	end_close(peer);
	for (unsigned i = 0; i < 2; i++) {
		p->e[i].goal = p->e[i].sent = p->e[i].recvd = 0;
		p->e[i].want_shut = p->e[i].shut = p->e[i].eof = p->e[i].wrong = false;
		p->e[i].error = 0;
	}
	if (sc->state == TCP_LISTEN) {
		end_connect(peer, 40007);
		return;
	}
	if (!peer->listener)
		end_listen(peer);
	end_connect(us, 40007);
}

static void must_finish(const struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct end *e = &p->e[i];

		if (e->error)
			broken("end %u: %s", i, strerror(e->error));
		else if (e->wrong || !e->eof || e->recvd != p->e[!i].goal)
			broken("end %u: %u of %u octets%s%s", i, e->recvd, p->e[!i].goal,
			       e->wrong ? ", not those that were sent" : "",
			       e->eof ? "" : ", no end");
	}
}

static bool gone(struct pair *p)
{
	return !sock_next(p->e[0].st, NULL) && !sock_next(p->e[1].st, NULL);
}

static void end_all(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++) {
		end_close(&p->e[i]);
		if (p->e[i].listener)
			sock_close(p->e[i].listener);
		p->e[i].listener = NULL;
	}
	pair_pass(p, HOURS, gone);
	if (!gone(p))
		broken("a socket is left");
	pair_fini(p);
}

/* --- a case --- */

static void one(const struct scene *sc, const struct variant *how, const struct edit *c,
		unsigned n, bool all)
{
	struct pair p;
	struct view v;
	struct mseg m;
	struct read_seg r;
	struct still before;
	struct expect x;
	struct list *last;
	uint8_t b[2048];
	int len = snprintf(trying, TRYING, "%s, %s: ", sc->name, how->name);

	scene_start(sc, &p, how->v6, how->plain);
	scene_view(sc, &p, &v);
	scene_base(sc, &p, &v, &m);
	for (unsigned i = 0; i < n; i++)
		field_set(c[i].field, c[i].value, all, &v, &m);
	m.place = m.seq - v.stream + ((m.flags & TCP_SYN) != 0);
	seg_print(&m, &v, trying + len, TRYING - (size_t)len);
	seg_read(&m, &r);
	x = oracle(sc, &v, &m, &r);
	look(&p, &before);
	last = p.e[PEER].q.prev;
	end_input(&p.e[SUBJECT], b, seg_emit(&p, &m, b, sizeof(b)));
	books_check(p.e[SUBJECT].st);
	judge_answers(&p, &x, &v, &m, &r, last);
	judge_state(&p, &x, &before);
	begin_anew(sc, &p);
	release(&p.e[SUBJECT]);
	release(&p.e[PEER]);
	pair_pass(&p, x.poison ? 300 * USEC_PER_SEC : HOURS, done);
	books_check(p.e[SUBJECT].st);
	books_check(p.e[PEER].st);
	if (!x.poison)
		must_finish(&p);
	end_all(&p);
}

/* --- all cases of a scene --- */

struct walk {
	const struct scene *sc;
	const struct variant *how;
	const struct strides *every;
	uint64_t	seen;
	uint64_t	cases[N_FIELDS];
	uint64_t	total;
};

static void visit(struct walk *w, const struct edit *c, unsigned n, uint64_t every, bool all)
{
	if (w->seen++ % every)
		return;
	one(w->sc, w->how, c, n, all);
	w->total++;
	for (unsigned i = 0; i < n; i++)
		w->cases[c[i].field]++;
}

static void values(struct walk *w, struct edit *c, unsigned n, unsigned i, uint64_t every)
{
	if (i == n) {
		visit(w, c, n, every, n == 1);
		return;
	}
	for (unsigned k = 0; k < field_count(c[i].field, n == 1); k++) {
		c[i].value = k;
		values(w, c, n, i + 1, every);
	}
}

static void fields(struct walk *w, struct edit *c, unsigned n, unsigned i, unsigned from,
		   uint64_t every)
{
	if (i == n) {
		values(w, c, n, 0, every);
		return;
	}
	for (unsigned f = from; f < N_FIELDS; f++) {
		c[i].field = f;
		fields(w, c, n, i + 1, f + 1, every);
	}
}

static void report(const struct walk *w)
{
	printf("%-28s %-10s %8lu", w->sc->name, w->how->name, (unsigned long)w->total);
	for (unsigned f = 0; f < N_FIELDS; f++)
		printf(" %7lu", (unsigned long)w->cases[f]);
	printf("\n");
}

void tcp_scene(unsigned i, const struct variant *how, const struct strides *s)
{
	struct walk w = { .sc = &scenes[i], .how = how, .every = s };
	struct edit c[3];
	const uint64_t every[] = { s->single, s->pair, s->triple };

	for (unsigned n = 1; n <= 3; n++) {
		w.seen = i;	/* another share in each scene */
		if (every[n - 1])
			fields(&w, c, n, 0, 0, every[n - 1]);
	}
	report(&w);
}

void tcp_head(void)
{
	printf("%-28s %-10s %8s", "state", "", "cases");
	for (unsigned f = 0; f < N_FIELDS; f++)
		printf(" %7.7s", field_names[f]);
	printf("\n");
}
