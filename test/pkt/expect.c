/* expect.c - what is expected of sockets and counters
 *
 *	expect state NAME	of the connection, closed by the user or not
 *	expect error NAME	pending error of the socket, cleared; 0: none
 *	expect drop NAME N	packets dropped so far for the reason (drop.h)
 *	expect count NAME N	so often it was counted (mib.h, TCP's)
 *	expect sockets N	all that the stack holds
 *	expect info NAME N [to M]		info.c
 *	expect window, expect update		fill.c
 */
#include <stdio.h>

#include "stack/tcp_tw.h"
#include "world.h"

static struct sock *find_tuple(struct world *w, const struct conn *c)
{
	for (struct sock *so = NULL; (so = sock_next(w->st, so));) {
		if (so->remote.port == c->rport && so->local.port == c->lport &&
		    ip_eq(&so->remote.addr, &c->raddr))
			return so;
	}
	return NULL;
}

/* FIN_WAIT1, FIN-WAIT-1: one spelling each. */
static void plain(const char *s, char *out, size_t size)
{
	size_t n = 0;

	for (; *s && n + 1 < size; s++)
		if (*s != '-' && *s != '_')
			out[n++] = *s;
	out[n] = 0;
}

/* A connection in TIME-WAIT has no socket. */
static bool waits(struct world *w, const struct conn *c)
{
	struct endpoint l, r;

	for (const struct tcp_tw *tw = NULL; (tw = tcp_tw_next(w->st, tw, &l, &r)); ) {
		if (r.port == c->rport && l.port == c->lport && ip_eq(&r.addr, &c->raddr))
			return true;
	}
	return false;
}

static void expect_state(struct world *w, int n, const char *want)
{
	struct conn *c = &w->conn[n];
	struct sock *so = c->so ? c->so : find_tuple(w, c);
	const char *got = waits(w, c) ? "TIME-WAIT" : so ? sock_state_name(so) : "CLOSED";
	char a[32], b[32];

	plain(want, a, sizeof(a));
	plain(got, b, sizeof(b));
	if (strcmp(a, b) != 0)
		fail(w, "expected: %s\n\tseen:     %s", want, got);
}

static void expect_drop(struct world *w, const char *name, uint32_t want)
{
	for (int d = 1; d < N_DROPS; d++) {
		if (strcmp(drop_name((enum drop)d), name) != 0)
			continue;
		if (w->st->drops[d] != want)
			fail(w, "expected: %u drops %s\n\tseen:     %lu", want, name,
			     (unsigned long)w->st->drops[d]);
		return;
	}
	fail(w, "script: '%s' is not the name of a drop", name);
}

static void expect_count(struct world *w, const char *name, uint32_t want)
{
#define X(c)	#c,
	static const char *const names[N_TCP_COUNTS] = { TCP_COUNTS(X) TCP_MORE_COUNTS(X) };
#undef X

	for (int i = 0; i < N_TCP_COUNTS; i++) {
		if (strcmp(names[i], name) != 0)
			continue;
		if (w->st->mib.tcp[i] != want)
			fail(w, "expected: %s %u\n\tseen:     %lu", name, want,
			     (unsigned long)w->st->mib.tcp[i]);
		return;
	}
	fail(w, "script: nothing is counted as '%s'", name);
}

static void expect_error(struct world *w, int n, const char *name)
{
	int want = strcmp(name, "0") ? errno_named(w, name) : 0;
	int got = sock_take_error(sock_of(w, n));

	if (got != want)
		fail(w, "expected: %s\n\tseen:     %s", name, errno_text(-got));
}

static void expect_sockets(struct world *w, uint32_t want)
{
	uint32_t got = 0;

	for (struct sock *so = NULL; (so = sock_next(w->st, so));)
		got++;
	if (got != want)
		fail(w, "expected: %u sockets\n\tseen:     %u", want, got);
}

void expect_event(struct world *w, int n, struct words *ws)
{
	if (word_is(ws, "state")) {
		expect_state(w, n, word_need(w, ws, "a state"));
	} else if (word_is(ws, "drop")) {
		const char *name = word_need(w, ws, "a drop");

		expect_drop(w, name, number_need(w, ws, "a count"));
	} else if (word_is(ws, "count")) {
		const char *name = word_need(w, ws, "a name");

		expect_count(w, name, number_need(w, ws, "a count"));
	} else if (word_is(ws, "error")) {
		expect_error(w, n, word_need(w, ws, "an error"));
	} else if (word_is(ws, "info")) {
		expect_info(w, n, ws);
	} else if (word_is(ws, "window")) {
		expect_window(w, &w->conn[n], word_need(w, ws, "bytes"));
	} else if (word_is(ws, "update")) {
		expect_update(w, &w->conn[n]);
	} else if (word_is(ws, "sockets")) {
		expect_sockets(w, number_need(w, ws, "a count"));
	} else if (!router_expect(w, ws) && !group_wants_expect(w, ws)) {
		fail(w, "script: expect what?");
	}
}
