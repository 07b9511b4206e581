/* scene.c - a connection in each of the states
 *
 * A scene begins with two fresh stacks and stops with the subject in the state its
 * name says, by holding or losing what the two send each other. Both ends are
 * stacks of ours; what the subject may do is judged by what goes over the wire and
 * by what the peer really has (struct view), not by what the subject believes.
 */
#include "scene.h"

#include <netinet/tcp.h>
#include <stdio.h>

#include "stack/tcp_req.h"

#define CLIENT	40000	/* the port of whoever connects */

/* --- ways --- */

static struct end *us(struct pair *p) { return &p->e[SUBJECT]; }
static struct end *peer(struct pair *p) { return &p->e[PEER]; }

static void connect_out(struct pair *p)
{
	end_listen(peer(p));
	end_connect(us(p), CLIENT);
}

static void connect_in(struct pair *p)
{
	end_listen(us(p));
	end_connect(peer(p), CLIENT);
}

static void established(struct pair *p)
{
	connect_out(p);
	pair_settle(p);
}

static void say(struct end *e, uint32_t n)
{
	e->goal += n;
	pair_settle(e->pair);
}

static void shut(struct end *e)
{
	e->want_shut = true;
	pair_settle(e->pair);
}

static void small_buffer(struct end *e)
{
	stack_set(e->st, "tcp_rmem", "4096 4096 4096");
	e->deaf = true;
}

/* --- the states --- */

static void no_state(struct pair *p) { }
static void listening(struct pair *p) { end_listen(us(p)); }

static void listening_full(struct pair *p)
{
	end_listen(us(p));
	sock_listen(us(p)->listener, 0);
	stack_set(us(p)->st, "tcp_syncookies", "0");
}

static void syn_sent(struct pair *p)
{
	us(p)->hold = true;
	connect_out(p);
	pair_settle(p);
}

static void syn_sent_again(struct pair *p)
{
	peer(p)->drop = 1;
	us(p)->hold = true;
	connect_out(p);
	pair_pass(p, 3 * USEC_PER_SEC / 2, NULL);
}

static void request(struct pair *p)
{
	connect_in(p);
	us(p)->drop = 2;	/* its SYN comes, its ACK does not */
	pair_settle(p);
	us(p)->drop = 0;
}

static void request_cookie(struct pair *p)
{
	stack_set(us(p)->st, "tcp_syncookies", "2");
	request(p);
}

static void request_deferred(struct pair *p)
{
	int s = 5;

	end_listen(us(p));
	sock_setopt(us(p)->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &s, sizeof(s));
	end_connect(peer(p), CLIENT);
	pair_settle(p);
}

/* Each connects to the other; our SYN has not arrived yet. */
static void simultaneous(struct pair *p)
{
	us(p)->hold = peer(p)->hold = true;
	end_connect(us(p), PORT);
	end_connect(peer(p), PORT);
	us(p)->hold = false;
	pair_settle(p);
}

static void idle_passive(struct pair *p)
{
	connect_in(p);
	pair_settle(p);
	say(peer(p), 3000);
	say(us(p), 3000);
}

static void in_flight(struct pair *p)
{
	established(p);
	peer(p)->hold = true;
	say(us(p), 4000);
}

static void in_flight_lost(struct pair *p)
{
	in_flight(p);
	frames_drop(&peer(p)->q);
}

static void out_of_order(struct pair *p)
{
	established(p);
	us(p)->drop = 1 | 4;
	say(peer(p), 6000);
	us(p)->drop = 0;
}

static void recovery(struct pair *p)
{
	established(p);
	peer(p)->hold = true;
	say(us(p), 7000);
	peer(p)->drop = 1;
	peer(p)->hold = false;
	us(p)->hold = true;
	pair_settle(p);		/* the peer's duplicates wait */
	peer(p)->hold = true;
	us(p)->hold = false;
	pair_pass(p, 5000, NULL);	/* taken; what is sent again does not arrive */
	frames_drop(&peer(p)->q);
}

static void timeout(struct pair *p)
{
	in_flight_lost(p);
	pair_pass(p, USEC_PER_SEC, NULL);
	frames_drop(&peer(p)->q);
}

static void window_closed(struct pair *p)
{
	small_buffer(peer(p));
	established(p);
	say(us(p), 8000);
	pair_pass(p, USEC_PER_SEC, NULL);
}

static void window_full(struct pair *p)
{
	small_buffer(us(p));
	established(p);
	say(peer(p), 8000);
	pair_pass(p, USEC_PER_SEC, NULL);
}

static void fin_wait1(struct pair *p)
{
	established(p);
	peer(p)->hold = true;
	shut(us(p));
}

static void fin_wait1_data(struct pair *p)
{
	in_flight(p);
	shut(us(p));
}

static void fin_wait2(struct pair *p)
{
	established(p);
	shut(us(p));
	pair_pass(p, USEC_PER_SEC, NULL);
}

static void fin_wait2_ahead(struct pair *p)
{
	fin_wait2(p);
	us(p)->drop = 1;
	say(peer(p), 3000);
	us(p)->drop = 0;
}

static void close_wait(struct pair *p)
{
	established(p);
	shut(peer(p));
}

static void close_wait_data(struct pair *p)
{
	close_wait(p);
	peer(p)->hold = true;
	say(us(p), 4000);
}

/* Both have closed; each FIN but not the ACK of ours has arrived here. */
static void closing(struct pair *p)
{
	established(p);
	us(p)->hold = peer(p)->hold = true;
	shut(us(p));
	shut(peer(p));
	us(p)->hold = false;
	pair_settle(p);
}

static void last_ack(struct pair *p)
{
	close_wait(p);
	peer(p)->hold = true;
	shut(us(p));
}

static void last_ack_data(struct pair *p)
{
	close_wait_data(p);
	shut(us(p));
}

static void time_wait(struct pair *p)
{
	fin_wait2(p);
	shut(peer(p));
}

const struct scene scenes[] = {
	{ "CLOSED", no_state, 0, 0 },
	{ "LISTEN", listening, TCP_LISTEN, 0 },
	{ "LISTEN, backlog 0", listening_full, TCP_LISTEN, 0 },
	{ "SYN-SENT", syn_sent, TCP_SYN_SENT, 0 },
	{ "SYN-SENT, sent again", syn_sent_again, TCP_SYN_SENT, 0 },
	{ "SYN-RECEIVED, request", request, TCP_SYN_RECV, SC_REQUEST },
	{ "SYN-RECEIVED, cookie", request_cookie, TCP_SYN_RECV, SC_REQUEST | SC_COOKIE },
	{ "SYN-RECEIVED, deferred", request_deferred, TCP_SYN_RECV, SC_REQUEST },
	{ "SYN-RECEIVED, simultaneous", simultaneous, TCP_SYN_RECV, 0 },
	{ "ESTABLISHED, idle", established, TCP_ESTABLISHED, 0 },
	{ "ESTABLISHED, passive", idle_passive, TCP_ESTABLISHED, 0 },
	{ "ESTABLISHED, in flight", in_flight, TCP_ESTABLISHED, 0 },
	{ "ESTABLISHED, lost", in_flight_lost, TCP_ESTABLISHED, 0 },
	{ "ESTABLISHED, out of order", out_of_order, TCP_ESTABLISHED, 0 },
	{ "ESTABLISHED, recovery", recovery, TCP_ESTABLISHED, 0 },
	{ "ESTABLISHED, timeout", timeout, TCP_ESTABLISHED, 0 },
	{ "ESTABLISHED, zero window", window_closed, TCP_ESTABLISHED, 0 },
	{ "ESTABLISHED, own window full", window_full, TCP_ESTABLISHED, 0 },
	{ "FIN-WAIT-1", fin_wait1, TCP_FIN_WAIT1, 0 },
	{ "FIN-WAIT-1, in flight", fin_wait1_data, TCP_FIN_WAIT1, 0 },
	{ "FIN-WAIT-2", fin_wait2, TCP_FIN_WAIT2, 0 },
	{ "FIN-WAIT-2, out of order", fin_wait2_ahead, TCP_FIN_WAIT2, 0 },
	{ "CLOSE-WAIT", close_wait, TCP_CLOSE_WAIT, 0 },
	{ "CLOSE-WAIT, in flight", close_wait_data, TCP_CLOSE_WAIT, 0 },
	{ "CLOSING", closing, TCP_CLOSING, 0 },
	{ "LAST-ACK", last_ack, TCP_LAST_ACK, 0 },
	{ "LAST-ACK, in flight", last_ack_data, TCP_LAST_ACK, 0 },
	{ "TIME-WAIT", time_wait, TCP_CLOSE, SC_OVER },
};
const unsigned n_scenes = ARRAY_LEN(scenes);

/* --- what it looks like --- */

static void must_be(const struct scene *sc, struct pair *p)
{
	const struct sock *so = us(p)->so ? us(p)->so : us(p)->listener;
	int state = so ? tcpc_of(so)->state : 0;

	if (!(sc->kind & SC_REQUEST) && sc->state != state)
		broken("the scene ends in %s", state ? tcp_state_name(state) : "no state");
	if ((sc->kind & SC_REQUEST) &&
	    (state != TCP_LISTEN || tcpc_of(peer(p)->so)->state != TCP_ESTABLISHED))
		broken("the scene is no half-open connection");
}

void scene_start(const struct scene *sc, struct pair *p, bool v6, bool plain)
{
	pair_init(p, v6);
	for (unsigned i = 0; i < 2; i++) {
		/* Answers are not held back: each case asks for the first. */
		stack_set(p->e[i].st, "tcp_invalid_ratelimit", "0");
		if (!plain)
			continue;
		stack_set(p->e[i].st, "tcp_sack", "0");
		stack_set(p->e[i].st, "tcp_timestamps", "0");
		stack_set(p->e[i].st, "tcp_window_scaling", "0");
	}
	sc->set(p);
	must_be(sc, p);
}

/* What the peer knows is the truth about its own stream. */
static void peer_view(const struct tcpc *pc, struct view *v)
{
	v->peer_ts = tcp_ts_now(pc);
	v->true_ack = pc->rcv_nxt.v;
	v->true_nxt = pc->snd_nxt.v;
	v->has_fin = pc->fin_sent;
	v->true_fin = pc->snd_end.v;
	v->stream = pc->iss.v + 1;
}

/* It will have our SYN, which is on its way. */
static void crossing_view(struct view *v)
{
	v->true_ack = v->nxt;
}

static void request_view(const struct tcpc *pc, struct view *v)
{
	v->passive = true;
	v->una = pc->rcv_nxt.v - 1;
	v->nxt = pc->rcv_nxt.v;
	v->max_wnd = 65535;
	v->rcv = v->wup = pc->snd_una.v;
	v->right = v->rcv + pc->snd_wnd;
	v->ts_ok = pc->ts_ok;
	v->ts_recent = v->peer_ts;
}

static void subject_view(const struct tcpc *tc, struct view *v)
{
	v->orphan = tc->orphan;
	v->una = tc->snd_una.v;
	v->nxt = tc->snd_nxt.v;
	v->max_wnd = (uint32_t)MIN((uint64_t)tc->max_wnd, tc->bytes_acked);
	v->rcv = tc->rcv_nxt.v;
	v->wup = tc->rcv_wup.v;
	v->right = tc->rcv_nxt.v + tcp_rcv_window(tc);
	v->ts_ok = tc->ts_ok;
	v->ts_recent = tc->ts_recent;
}

void scene_view(const struct scene *sc, struct pair *p, struct view *v)
{
	const struct end *e = us(p);

	*v = (struct view){ .state = sc->state, .nxt = 1000, .rcv = 5000, .right = 70000,
			    .wup = 5000, .max_wnd = 65535, .una = 1000, .true_nxt = 5000 };
	if (peer(p)->so)
		peer_view(tcpc_of(peer(p)->so), v);
	if (sc->kind & SC_REQUEST)
		request_view(tcpc_of(peer(p)->so), v);
	else if (e->so)
		subject_view(tcpc_of(e->so), v);
	if (e->so && peer(p)->so && tcpc_of(peer(p)->so)->state == TCP_SYN_SENT)
		crossing_view(v);
	if (sc->kind & SC_OVER)
		v->state = TCP_TIME_WAIT;
}

/* The oldest frame that waits for the subject. */
static bool base_waiting(struct pair *p, struct mseg *m)
{
	struct frame *f = list_first(&us(p)->q, struct frame, link);

	return f && seg_parse(f->b, f->len, m);
}

static void base_ack(const struct tcpc *pc, const struct view *v, struct mseg *m)
{
	*m = (struct mseg){ .from_port = pc->so.local.port, .to_port = pc->so.remote.port,
			    .seq = v->true_nxt, .ack = v->true_ack, .doff = -1, .flags = TCP_ACK,
			    .win = (uint16_t)MIN(pc->rcv_wnd >> pc->rcv_wscale, 65535u) };
	if (pc->ts_ok) {
		be32 val = be32_put(v->peer_ts), ecr = be32_put(pc->ts_recent);

		memcpy(m->opts, "\1\1\x8\xa", 4);
		memcpy(m->opts + 4, &val, 4);
		memcpy(m->opts + 8, &ecr, 4);
		m->n_opts = 12;
	}
}

void scene_base(const struct scene *sc, struct pair *p, const struct view *v, struct mseg *m)
{
	const struct sock *so = peer(p)->so;

	if (sc->state == TCP_SYN_SENT && base_waiting(p, m)) {
		/* the peer's SYN-ACK */
	} else if (so) {
		base_ack(tcpc_of(so), v, m);
	} else {
		*m = (struct mseg){ .from_port = CLIENT + 1, .to_port = PORT, .seq = v->rcv,
				    .ack = v->nxt, .doff = -1, .flags = TCP_SYN, .win = 65535 };
	}
}
