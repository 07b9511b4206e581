/* talk.c - an honest peer of one connection, and a record of what it hears
 *
 * Both hosts are given the same segments and calls. What they say and show is put
 * down in words without what is each one's own choice: sequence numbers count from the
 * first of each side, timestamps of the host are not told, of windows only whether
 * they are zero.
 */
#include "talk.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>

#include "../sim/wire.h"

#define HERE	80	/* the port of the host */

void ends_init(struct ends *e, bool v6)
{
	*e = (struct ends){ .pair = { .v6 = v6 } };
	for (unsigned i = 0; i < 2; i++) {
		e->nif[i].mac = i == SUBJECT ? own_mac : peer_mac;
		e->pair.e[i].nif = &e->nif[i];
		if (i == SUBJECT)
			e->pair.e[i].addr = v6 ? own6 : own4;
		else
			e->pair.e[i].addr = v6 ? peer6 : peer4;
	}
}

/* --- options --- */

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	be32 b = be32_put(v);

	memcpy(p, &b, 4);
}

/* The next option at or after *i that is no padding; its length in *n. */
static const uint8_t *option(const struct mseg *m, uint32_t *i, uint32_t *n)
{
	while (*i < m->n_opts && m->opts[*i] == 1)
		++*i;
	if (*i + 1 >= m->n_opts || !m->opts[*i])
		return NULL;
	*n = m->opts[*i + 1];
	if (*n < 2 || *i + *n > m->n_opts)
		return NULL;
	*i += *n;
	return m->opts + *i - *n;
}

static void say_option(struct talk *t, const uint8_t *o, uint32_t n)
{
	switch (o[0]) {
	case 2:
		text_add(t->log, " mss %u", o[2] << 8 | o[3]);
		break;
	case 3:
		text_add(t->log, " wscale %u", o[2]);
		break;
	case 4:
		text_add(t->log, " sackOK");
		break;
	case 5:
		text_add(t->log, " sack");
		for (uint32_t i = 2; i + 8 <= n; i += 8)
			text_add(t->log, " %d:%d", (int32_t)(get32(o + i) - PEER_ISS),
				 (int32_t)(get32(o + i + 4) - PEER_ISS));
		break;
	case 8:
		text_add(t->log, " ts ecr %d", (int32_t)(get32(o + 6) - PEER_CLOCK));
		break;
	default:
		text_add(t->log, " option %u", o[0]);
	}
}

/* --- what it hears --- */

static void say(struct talk *t, const struct mseg *m)
{
	bool rst = m->flags & TCP_RST;
	uint32_t i = 0, n;

	text_add(t->log, " >%s%s%s%s%s", m->flags & TCP_SYN ? "S" : "",
		 m->flags & TCP_FIN ? "F" : "", rst ? "R" : "", m->flags & 0x40 ? "E" : "",
		 m->flags & TCP_ACK ? "." : "");
	if (rst && !m->seq)
		text_add(t->log, " seq zero");
	else
		text_add(t->log, " seq %d", (int32_t)(m->seq - t->iss));
	if (m->flags & TCP_ACK)
		text_add(t->log, " ack %d", (int32_t)(m->ack - PEER_ISS));
	if (m->paylen)
		text_add(t->log, " len %u", m->paylen);
	if (m->flags & TCP_URG)
		text_add(t->log, " urg %u", m->urg);
	if (!rst && !m->win)
		text_add(t->log, " win 0");
	for (const uint8_t *o; (o = option(m, &i, &n)); )
		say_option(t, o, n);
	text_add(t->log, ";");
}

static void learn_options(struct talk *t, const struct mseg *m)
{
	uint32_t i = 0, n;

	for (const uint8_t *o; (o = option(m, &i, &n)); ) {
		if (o[0] == 3 && m->flags & TCP_SYN && !t->plain)
			t->wscale = o[2];
		if (o[0] != 8)
			continue;
		t->ts = get32(o + 2);
		t->ts_ok |= !!(m->flags & TCP_SYN);
	}
}

static void learn(struct talk *t, const struct mseg *m)
{
	uint32_t end = m->seq + m->paylen + !!(m->flags & TCP_SYN) + !!(m->flags & TCP_FIN);

	if (m->flags & TCP_RST)
		return;
	if (m->flags & TCP_SYN && (!t->syn_seen || m->seq != t->iss)) {
		t->una = t->nxt = t->iss = m->seq;
		t->syn_seen = true;
	}
	learn_options(t, m);
	if ((int32_t)(end - t->nxt) > 0)
		t->nxt = end;
	if (m->flags & TCP_ACK) {
		t->ack = m->ack;
		t->right = m->ack + ((uint32_t)m->win << (m->flags & TCP_SYN ? 0 : t->wscale));
	}
}

static void heard(void *ctx, const uint8_t *b, uint32_t len)
{
	struct talk *t = ctx;
	struct mseg m;

	if (len < ETH_LEN + 40 || (b[12] << 8 | b[13]) != (t->ends->pair.v6 ? ETHERTYPE_IP6 : ETHERTYPE_IP4) ||
	    !seg_parse(b, len, &m) || m.to_port != t->port)
		return;
	learn(t, &m);
	if (t->log)
		say(t, &m);
}

/* --- what is done --- */

void talk_begin(struct talk *t, struct host *h, const struct ends *ends, bool plain, uint16_t port)
{
	*t = (struct talk){ .h = h, .ends = ends, .plain = plain, .listener = -1, .s = -1,
			    .port = port, .snd = PEER_ISS, .ack = PEER_ISS,
			    .right = PEER_ISS + 64240 };
	h->said = heard;
	h->ctx = t;
}

static int new_socket(struct talk *t)
{
	struct endpoint ep = { t->ends->pair.v6 ? IP6_ANY : IP4_ANY, HERE, 0 };
	static const int one = 1;
	int s = t->h->ops->socket(t->h, t->ends->pair.v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);

	t->h->ops->setopt(t->h, s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	t->h->ops->setopt(t->h, s, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one));
	t->h->ops->bind(t->h, s, &ep);
	return s;
}

void talk_listen(struct talk *t)
{
	t->listener = new_socket(t);
	t->h->ops->listen(t->h, t->listener, 8);
}

void talk_connect(struct talk *t)
{
	struct endpoint ep = { t->ends->pair.e[PEER].addr, t->port, 0 };

	t->s = new_socket(t);
	t->h->ops->connect(t->h, t->s, &ep);
	t->h->ops->settle(t->h);
}

void talk_accept(struct talk *t)
{
	int s = t->h->ops->accept(t->h, t->listener);

	if (s >= 0)
		t->s = s;
}

static void result(struct talk *t, const char *what, ssize_t r)
{
	if (t->log && r < 0)
		text_add(t->log, " %s %s;", what, strerrorname_np((int)-r));
	else if (t->log)
		text_add(t->log, " %s %zd;", what, r);
}

void talk_send(struct talk *t, unsigned n)
{
	static const uint8_t zeros[4096];
	ssize_t r;

	if (t->s < 0)
		return;
	r = t->h->ops->send(t->h, t->s, zeros, n, 0);
	t->h->ops->settle(t->h);
	result(t, "send", r);
}

/* Of how many octets the peer has sent them, in order? */
static ssize_t as_sent(const struct talk *t, const uint8_t *b, ssize_t n)
{
	ssize_t i = 0;

	while (i < n && b[i] == pattern(100000 * PEER + t->read + (uint32_t)i))
		i++;
	return i;
}

void talk_read(struct talk *t)
{
	static uint8_t b[200000];
	ssize_t r;

	if (t->s < 0)
		return;
	r = t->h->ops->recv(t->h, t->s, b, sizeof(b), 0);
	t->h->ops->settle(t->h);
	result(t, "recv", r);
	if (r <= 0)
		return;
	if (t->log && as_sent(t, b, r) != r)
		text_add(t->log, " %zd as sent;", as_sent(t, b, r));
	t->read += (uint32_t)r;
}

void talk_shut(struct talk *t)
{
	if (t->s >= 0)
		t->h->ops->shutdown(t->h, t->s);
	t->h->ops->settle(t->h);
}

static void leave(struct talk *t, int *s)
{
	if (*s >= 0)
		t->h->ops->close(t->h, *s);
	*s = -1;
	t->h->ops->settle(t->h);
}

void talk_close(struct talk *t)
{
	leave(t, &t->s);
}

/* --- what its user can see --- */

static const char *const states[] = {
	[TCP_ESTABLISHED] = "ESTABLISHED", [TCP_SYN_SENT] = "SYN-SENT",
	[TCP_SYN_RECV] = "SYN-RECEIVED", [TCP_FIN_WAIT1] = "FIN-WAIT-1",
	[TCP_FIN_WAIT2] = "FIN-WAIT-2", [TCP_TIME_WAIT] = "TIME-WAIT", [TCP_CLOSE] = "CLOSED",
	[TCP_CLOSE_WAIT] = "CLOSE-WAIT", [TCP_LAST_ACK] = "LAST-ACK", [TCP_LISTEN] = "LISTEN",
	[TCP_CLOSING] = "CLOSING",
};

static const struct { unsigned bit; const char *name; } readiness[] = {
	{ POLLIN, "in" }, { POLLOUT, "out" }, { POLLHUP, "hup" }, { POLLERR, "err" },
	{ POLLRDHUP, "rdhup" }, { POLLPRI, "pri" },
};

void talk_look(struct talk *t)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info), en = sizeof(int);
	unsigned ev;
	int error = 0;

	if (t->s < 0 && t->listener >= 0)
		talk_accept(t);
	if (t->s < 0 || !t->log)
		return;
	ev = t->h->ops->events(t->h, t->s);
	t->h->ops->getopt(t->h, t->s, IPPROTO_TCP, TCP_INFO, &info, &n);
	t->h->ops->getopt(t->h, t->s, SOL_SOCKET, SO_ERROR, &error, &en);
	text_add(t->log, " %s", info.tcpi_state < ARRAY_LEN(states) && states[info.tcpi_state] ?
		 states[info.tcpi_state] : "?");
	if (error)
		text_add(t->log, " %s", strerrorname_np(error));
	for (unsigned i = 0; i < ARRAY_LEN(readiness); i++)
		if (ev & readiness[i].bit)
			text_add(t->log, " %s", readiness[i].name);
	text_add(t->log, ";");
}

/* The peer resets what its listener or user left behind. */
static void reset(struct talk *t)
{
	struct mseg m;

	talk_segment(t, TCP_RST, 0, &m);
	m.seq = t->ack;
	talk_input(t, &m);
}

void talk_end(struct talk *t)
{
	static const struct linger l = { 1, 0 };

	t->log = NULL;
	if (t->s >= 0)
		t->h->ops->setopt(t->h, t->s, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	leave(t, &t->s);
	leave(t, &t->listener);
	if (t->syn_seen)
		reset(t);
	t->h->said = NULL;
}

/* --- segments --- */

void talk_input(struct talk *t, const struct mseg *m)
{
	uint8_t b[4096];

	t->h->ops->input(t->h, b, seg_emit(&t->ends->pair, m, b, sizeof(b)));
}

static void stamp(const struct talk *t, struct mseg *m)
{
	memcpy(m->opts, "\1\1\x8\xa", 4);
	put32(m->opts + 4, PEER_CLOCK);
	put32(m->opts + 8, t->ts);
	m->n_opts = 12;
}

static void syn_options(const struct talk *t, struct mseg *m)
{
	bool answer = m->flags & TCP_ACK;

	memcpy(m->opts, "\2\4\5\xb4\4\2\x8\xa", 8);
	put32(m->opts + 8, PEER_CLOCK);
	put32(m->opts + 12, answer ? t->ts : 0);
	memcpy(m->opts + 16, "\1\3\3\7", 4);
	m->n_opts = 20;
}

void talk_segment(const struct talk *t, uint8_t flags, uint32_t paylen, struct mseg *m)
{
	*m = (struct mseg){ .from_port = t->port, .to_port = HERE, .seq = t->snd, .doff = -1,
			    .ack = flags & TCP_ACK ? t->una : 0, .flags = flags, .win = 500,
			    .paylen = paylen };
	if (t->plain)
		m->win = 64000;
	else if (flags & TCP_SYN)
		syn_options(t, m);
	else if (t->ts_ok)
		stamp(t, m);
	if (flags & TCP_SYN)
		m->win = 64240;
	m->place = m->seq - PEER_ISS - 1;
}
