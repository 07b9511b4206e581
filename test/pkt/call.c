/* call.c - socket calls
 *
 *	socket [udp]		bind [PORT]	listen [N]	accept
 *	connect [PORT] [to ADDR]		disconnect
 *	fastopen N		sendto with MSG_FASTOPEN to the peer's port 80
 *	write N [oob] [more] [eor]	read N [peek] [oob]		sendto N [to ADDR]
 *	shutdown RD|WR|RDWR	close
 *	setsockopt NAME VALUE	getsockopt NAME = VALUE		poll = IN|OUT|...
 *
 * "= RESULT" follows a call; without it the call must do all that was asked.
 * listen makes the socket number 0; accept takes a connection from it. The
 * bytes written and read are those of pattern(), and reading verifies them.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "world.h"

struct sockopt_row {
	const char	*name;
	int		level, opt, opt6;	/* opt6: at IPPROTO_IPV6 in that run */
};

#define SOL(o)	{ #o, SOL_SOCKET, o, 0 }
#define TCPO(o)	{ #o, IPPROTO_TCP, o, 0 }

static const struct sockopt_row sockopts[] = {
	SOL(SO_RCVBUF), SOL(SO_SNDBUF), SOL(SO_KEEPALIVE), SOL(SO_REUSEADDR),
	SOL(SO_REUSEPORT), SOL(SO_OOBINLINE), SOL(SO_ERROR), SOL(SO_LINGER),
	SOL(SO_MAX_PACING_RATE), SOL(SO_TYPE), SOL(SO_ACCEPTCONN), SOL(SO_BROADCAST), SOL(SO_RCVLOWAT),
	TCPO(TCP_NODELAY), TCPO(TCP_CORK), TCPO(TCP_MAXSEG), TCPO(TCP_KEEPIDLE),
	TCPO(TCP_KEEPINTVL), TCPO(TCP_KEEPCNT), TCPO(TCP_SYNCNT), TCPO(TCP_LINGER2),
	TCPO(TCP_DEFER_ACCEPT), TCPO(TCP_WINDOW_CLAMP), TCPO(TCP_QUICKACK),
	TCPO(TCP_USER_TIMEOUT), TCPO(TCP_NOTSENT_LOWAT), TCPO(TCP_FASTOPEN), TCPO(TCP_FASTOPEN_CONNECT),
	TCPO(TCP_FASTOPEN_NO_COOKIE), TCPO(TCP_THIN_LINEAR_TIMEOUTS),
	{ "MINTTL", IPPROTO_IP, IP_MINTTL, IPV6_MINHOPCOUNT },
	{ "TTL", IPPROTO_IP, IP_TTL, IPV6_UNICAST_HOPS },
	{ "TOS", IPPROTO_IP, IP_TOS, IPV6_TCLASS },
	{ "MTU", IPPROTO_IP, IP_MTU, IPV6_MTU },
	{ "MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER },
	{ "RECVERR", IPPROTO_IP, IP_RECVERR, IPV6_RECVERR },
};

static const struct { const char *name; uint32_t bit; } events[] = {
	{ "IN", EV_IN }, { "OUT", EV_OUT }, { "HUP", EV_HUP }, { "ERR", EV_ERR },
	{ "RDHUP", EV_RDHUP }, { "PRI", EV_PRI },
};

/* The value after =; dflt if there is none. */
static long wanted(struct world *w, struct words *ws, long dflt)
{
	const char *s;

	if (!word_is(ws, "="))
		return dflt;
	s = word_need(w, ws, "a result");
	if (s[0] == '-' && s[1] == 'E')
		return -errno_named(w, s + 1);
	if (s[0] == 'E')
		return errno_named(w, s);
	return s[0] == '-' ? -(long)number(w, s + 1) : (long)number(w, s);
}

static void result(struct world *w, struct words *ws, long got, long dflt)
{
	long want = wanted(w, ws, dflt);
	char a[32];

	if (got == want)
		return;
	snprintf(a, sizeof(a), "%s", errno_text(want));
	fail(w, "expected: %s\n\tseen:     %s", a, errno_text(got));
}

struct sock *sock_of(struct world *w, int n)
{
	if (!w->conn[n].so)
		fail(w, "script: no socket %d", n);
	return w->conn[n].so;
}

static int family(const struct world *w)
{
	return w->v6 ? AF_INET6 : AF_INET;
}

static long do_socket(struct world *w, int n, struct words *ws)
{
	bool udp = word_is(ws, "udp");
	int r;

	if (w->conn[n].so)
		fail(w, "script: socket %d is open already", n);
	r = sock_new(w->st, family(w), udp ? SOCK_DGRAM : SOCK_STREAM, 0, &w->conn[n].so);
	if (r < 0)
		w->conn[n].so = NULL;
	return r;
}

static long do_bind(struct world *w, int n, struct words *ws)
{
	struct endpoint ep = { .addr = w->v6 ? IP6_ANY : IP4_ANY, .port = 80 };
	const char *p = word_peek(ws);
	long r;

	if (p && p[0] >= '0' && p[0] <= '9')
		ep.port = (uint16_t)number_need(w, ws, "port");
	if (word_is(ws, "to") && !ip_parse_text(word_need(w, ws, "ADDR"), &ep.addr))
		fail(w, "script: not an address");
	r = sock_bind(sock_of(w, n), &ep);
	if (r == 0) {
		sock_local(w->conn[n].so, &ep);
		w->conn[n].lport = ep.port;
	}
	return r;
}

static long do_listen(struct world *w, int n, struct words *ws)
{
	const char *p = word_peek(ws);
	int backlog = p && p[0] != '=' ? (int)number_need(w, ws, "backlog") : 100;
	long r = sock_listen(sock_of(w, n), backlog);

	if (r == 0 && n) {
		w->conn[0].so = w->conn[n].so;
		w->conn[0].lport = w->conn[n].lport;
		w->conn[n].so = NULL;
	}
	return r;
}

static long do_accept(struct world *w, int n, struct words *ws)
{
	if (w->conn[n].so)
		fail(w, "script: socket %d is open already", n);
	return sock_accept(sock_of(w, 0), &w->conn[n].so);
}

static void to_words(struct world *w, struct words *ws, struct endpoint *ep)
{
	const char *p = word_peek(ws);

	if (p && p[0] >= '0' && p[0] <= '9')
		ep->port = (uint16_t)number_need(w, ws, "port");
	if (word_is(ws, "to") && !ip_parse_text(word_need(w, ws, "ADDR"), &ep->addr))
		fail(w, "script: not an address");
}

/* What the peer and its port are to the packets of this connection. */
static void follow(struct conn *c, const struct endpoint *to)
{
	struct endpoint ep;

	c->raddr = to->addr;
	c->rport = to->port;
	if (c->so && sock_local(c->so, &ep) == 0)
		c->lport = ep.port;
}

static long do_connect(struct world *w, int n, struct words *ws)
{
	struct conn *c = &w->conn[n];
	struct endpoint ep = { .addr = w->peer, .port = 80 };
	struct sock *so = sock_of(w, n);
	long r;

	to_words(w, ws, &ep);
	r = sock_connect(so, &ep);
	if (r == 0 || r == -EINPROGRESS)
		follow(c, &ep);
	if (r == -EINPROGRESS) {
		c->iss_known = c->ts_in = c->ts_out = c->ts_off_known = false;
		c->iss = 0;
	}
	return r;
}

static long do_disconnect(struct world *w, int n, struct words *ws)
{
	return sock_disconnect(sock_of(w, n));
}

static uint8_t *pattern_new(uint32_t from, uint32_t len)
{
	uint8_t *p = xmalloc(len + 1);

	for (uint32_t i = 0; i < len; i++)
		p[i] = pattern(from + i);
	return p;
}

static int send_flags(struct words *ws)
{
	int flags = MSG_NOSIGNAL;

	for (;;) {
		if (word_is(ws, "oob"))
			flags |= MSG_OOB;
		else if (word_is(ws, "more"))
			flags |= MSG_MORE;
		else if (word_is(ws, "eor"))
			flags |= MSG_EOR;
		else
			return flags;
	}
}

static long do_write(struct world *w, int n, struct words *ws)
{
	struct conn *c = &w->conn[n];
	uint32_t len = number_need(w, ws, "bytes");
	bool udp = sock_of(w, n)->type == SOCK_DGRAM;
	uint8_t *p = pattern_new(udp ? 0 : c->written, len);
	struct iovec iov = { p, len };
	struct msg m = { .ttl = -1, .tos = -1 };
	long r = sock_send(c->so, &iov, 1, send_flags(ws), &m);

	free(p);
	if (r > 0 && !udp)
		c->written += (uint32_t)r;
	return r;
}

static long do_sendto(struct world *w, int n, struct words *ws)
{
	struct conn *c = &w->conn[n];
	uint32_t len = number_need(w, ws, "bytes");
	struct msg m = { .peer = { c->raddr, c->rport, 0 }, .has_peer = true,
			 .ttl = -1, .tos = -1 };
	uint8_t *p = pattern_new(0, len);
	struct iovec iov = { p, len };
	long r;

	to_words(w, ws, &m.peer);
	r = sock_send(sock_of(w, n), &iov, 1, 0, &m);
	free(p);
	if (r >= 0)
		follow(c, &m.peer);
	return r;
}

/* Connects, and sends what may go with the SYN. */
static long do_fastopen(struct world *w, int n, struct words *ws)
{
	struct conn *c = &w->conn[n];
	struct msg m = { .peer = { w->peer, 80, 0 }, .has_peer = true, .ttl = -1, .tos = -1 };
	uint32_t len = number_need(w, ws, "bytes");
	uint8_t *p = pattern_new(0, len);
	struct iovec iov = { p, len };
	long r = sock_send(sock_of(w, n), &iov, 1, MSG_FASTOPEN, &m);

	free(p);
	follow(c, &m.peer);
	c->iss_known = c->ts_in = c->ts_out = c->ts_off_known = false;
	c->iss = 0;
	c->written = r > 0 ? (uint32_t)r : 0;
	return r;
}

static void read_check(struct world *w, const uint8_t *p, uint32_t from, long len)
{
	for (long i = 0; i < len; i++) {
		if (p[i] != pattern(from + (uint32_t)i))
			fail(w, "byte %ld of the stream is wrong: expected 0x%02x, seen 0x%02x",
			     from + i, pattern(from + (uint32_t)i), p[i]);
	}
}

static void sender_check(struct world *w, const struct conn *c, const struct msg *m)
{
	struct endpoint want = { c->raddr, c->rport, 0 };
	char a[EP_STRLEN], b[EP_STRLEN];

	if (!ip_eq(&m->peer.addr, &want.addr) || m->peer.port != want.port)
		fail(w, "expected: a datagram from %s\n\tseen:     from %s",
		     ep_text(&want, a), ep_text(&m->peer, b));
}

static long do_read(struct world *w, int n, struct words *ws)
{
	struct conn *c = &w->conn[n];
	uint32_t len = number_need(w, ws, "bytes");
	bool udp = sock_of(w, n)->type == SOCK_DGRAM;
	bool peek = word_is(ws, "peek"), oob = word_is(ws, "oob");
	int flags = (peek ? MSG_PEEK : 0) | (oob ? MSG_OOB : 0);
	uint8_t *p = xmalloc(len + 1);
	struct iovec iov = { p, len };
	struct msg m = { .ttl = -1 };
	long r = sock_recv(c->so, &iov, 1, flags, &m);

	if (r > 0 && !oob)
		read_check(w, p, udp ? 0 : c->nread, r);
	if (r >= 0 && udp)
		sender_check(w, c, &m);
	if (r > 0 && !peek && !oob && !udp)
		c->nread += (uint32_t)r;
	free(p);
	return r;
}

static long do_shutdown(struct world *w, int n, struct words *ws)
{
	struct sock *so = sock_of(w, n);

	if (word_is(ws, "RD"))
		return sock_shutdown(so, SHUT_RD);
	if (word_is(ws, "WR"))
		return sock_shutdown(so, SHUT_WR);
	if (word_is(ws, "RDWR"))
		return sock_shutdown(so, SHUT_RDWR);
	fail(w, "script: RD, WR or RDWR");
}

static long do_close(struct world *w, int n, struct words *ws)
{
	sock_close(sock_of(w, n));
	w->conn[n].so = NULL;
	return 0;
}

static const struct sockopt_row *sockopt_need(struct world *w, struct words *ws,
					      int *level, int *opt)
{
	const char *name = word_need(w, ws, "an option");

	for (size_t i = 0; i < ARRAY_LEN(sockopts); i++) {
		const struct sockopt_row *o = &sockopts[i];

		if (strcmp(o->name, name) == 0) {
			*level = w->v6 && o->opt6 ? IPPROTO_IPV6 : o->level;
			*opt = w->v6 && o->opt6 ? o->opt6 : o->opt;
			return o;
		}
	}
	fail(w, "script: '%s' is not a socket option", name);
}

/* SO_LINGER takes "off" or seconds; the others a number. */
static long do_setsockopt(struct world *w, int n, struct words *ws)
{
	int level, opt, v;
	struct linger lg = { 0, 0 };

	sockopt_need(w, ws, &level, &opt);
	if (level != SOL_SOCKET || opt != SO_LINGER) {
		v = (int)number_need(w, ws, "a value");
		return sock_setopt(sock_of(w, n), level, opt, &v, sizeof(v));
	}
	if (!word_is(ws, "off"))
		lg = (struct linger){ 1, (int)number_need(w, ws, "seconds") };
	return sock_setopt(sock_of(w, n), level, opt, &lg, sizeof(lg));
}

/* The value, or the error, is what = names. */
static long do_getsockopt(struct world *w, int n, struct words *ws)
{
	int level, opt, v = 0, r;
	socklen_t len = sizeof(v);

	sockopt_need(w, ws, &level, &opt);
	r = sock_getopt(sock_of(w, n), level, opt, &v, &len);
	return r < 0 ? r : v;
}

static uint32_t events_read(struct world *w, char *s)
{
	uint32_t bits = 0;

	if (!strcmp(s, "0"))
		return 0;
	for (char *p = strtok(s, "|"); p; p = strtok(NULL, "|")) {
		size_t i = 0;

		while (i < ARRAY_LEN(events) && strcmp(events[i].name, p) != 0)
			i++;
		if (i == ARRAY_LEN(events))
			fail(w, "script: '%s' is not an event of poll", p);
		bits |= events[i].bit;
	}
	return bits;
}

static const char *events_text(uint32_t bits, char *buf, size_t size)
{
	struct text t = text_of(buf, size);

	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (bits & events[i].bit)
			text_add(&t, "%s%s", t.len ? "|" : "", events[i].name);
	return t.len ? buf : "0";
}

static void poll_event(struct world *w, int n, struct words *ws)
{
	uint32_t want, got = sock_events(sock_of(w, n));
	char a[64], b[64];

	if (!word_is(ws, "="))
		fail(w, "script: poll = EVENTS");
	want = events_read(w, (char *)word_need(w, ws, "events"));
	if (got != want)
		fail(w, "expected: %s\n\tseen:     %s", events_text(want, a, sizeof(a)),
		     events_text(got, b, sizeof(b)));
}

enum { ALL = -1, ANY = -2 };

static const struct call {
	const char	*name;
	long		(*fn)(struct world *w, int n, struct words *ws);
	long		dflt;		/* result; ALL: the number asked for */
} calls[] = {
	{ "socket",	do_socket,	0 },
	{ "bind",	do_bind,	0 },
	{ "listen",	do_listen,	0 },
	{ "accept",	do_accept,	0 },
	{ "connect",	do_connect,	0 },
	{ "disconnect",	do_disconnect,	0 },
	{ "fastopen",	do_fastopen,	0 },
	{ "write",	do_write,	ALL },
	{ "sendto",	do_sendto,	ALL },
	{ "read",	do_read,	ALL },
	{ "shutdown",	do_shutdown,	0 },
	{ "close",	do_close,	0 },
	{ "setsockopt",	do_setsockopt,	0 },
	{ "getsockopt",	do_getsockopt,	ANY },
};

bool call_event(struct world *w, const char *name, int n, struct words *ws)
{
	if (!strcmp(name, "poll")) {
		poll_event(w, n, ws);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		const char *arg = word_peek(ws);
		long dflt, got;

		if (strcmp(calls[i].name, name) != 0)
			continue;
		dflt = calls[i].dflt == ALL && arg ? (long)number(w, arg) : calls[i].dflt;
		got = calls[i].fn(w, n, ws);
		world_settle(w);
		result(w, ws, got, dflt);
		return true;
	}
	return false;
}
