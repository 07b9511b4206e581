/* line.c - the lines of a script
 *
 *	[ip4|ip6] [+TIME] EVENT			# comment
 *
 * ip4 or ip6 in front restricts a line to that run. TIME is in seconds since
 * the event before; none is +0; for what is expected of the stack it may be a
 * range (+0.2~0.4) or * (any time). An expectation holds within 1 ms.
 *
 *	only ip4			set NAME VALUE		mtu 1400
 *	gso on				neigh manual		isn NUMBER
 *	tcp established [client] [mss N] [win N] [wscale N] [sack] [ts] [ecn] [rtt S]
 *	socket, bind, listen ...	call.c
 *	expect nothing SECONDS		expect packets FROM~TO (now, whatever is in them)
 *	expect ...			expect.c
 *	< S 0:0(0) win 1000 <mss 1000>	seg.c: a segment in
 *	> S. 0:0(0) ack 1 <...>		seg.c: a segment out
 *	< udp 100, > icmp ...		datagram.c
 *	addr add|del ADDR/LEN
 *	route, rule, link, expect way	router.c
 *	groups manual, filter		group.c
 *	fill, overfill, drain		fill.c
 *	forget				number 0 of this side will be learnt anew
 *	skip N				the next N bytes of the stream are not read
 *	options HEX			IPv4's options or IPv6's destination options of the socket
 *
 * A digit after the first word (write2, >2) is the connection; none is 1.
 */
#include <ctype.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

#define LINE_MAX_LEN	512
#define ANY_TIME	(3600 * USEC_PER_SEC)

struct macro {
	bool		client, sack, ts, ecn;
	uint32_t	mss, win, wscale;
	const char	*rtt;
};

static struct when when_read(struct world *w, const char *s)
{
	struct when t = { 0, 0, false };
	char buf[64], *to;

	if (s[0] == '*')
		return (struct when){ 0, ANY_TIME, true };
	snprintf(buf, sizeof(buf), "%s", s + 1);
	to = strchr(buf, '~');
	if (to)
		*to++ = 0;
	t.from = seconds(w, buf);
	t.to = to ? seconds(w, to) : t.from;
	return t;
}

/* Cuts the digit off "write2" or ">2". */
static int number_cut(char *word)
{
	size_t n = strlen(word);
	char digit;

	if (n < 2 || !isdigit((unsigned char)word[n - 1]))
		return 1;
	digit = word[n - 1];
	word[n - 1] = 0;
	return digit - '0';
}

static void macro_words(struct world *w, struct words *ws, struct macro *m)
{
	if (!word_is(ws, "established"))
		fail(w, "script: tcp what?");
	while (word_peek(ws)) {
		if (word_is(ws, "client"))
			m->client = true;
		else if (word_is(ws, "server"))
			m->client = false;
		else if (word_is(ws, "sack"))
			m->sack = true;
		else if (word_is(ws, "ts"))
			m->ts = true;
		else if (word_is(ws, "ecn"))
			m->ecn = true;
		else if (word_is(ws, "mss"))
			m->mss = number_need(w, ws, "mss");
		else if (word_is(ws, "win"))
			m->win = number_need(w, ws, "win");
		else if (word_is(ws, "wscale"))
			m->wscale = number_need(w, ws, "wscale");
		else if (word_is(ws, "rtt"))
			m->rtt = word_need(w, ws, "rtt");
		else
			words_end(w, ws);
	}
}

static void macro_opts(const struct macro *m, char *buf, size_t size)
{
	struct text t = text_of(buf, size);

	text_add(&t, "mss %u", m->mss);
	if (m->sack || m->ts)
		text_add(&t, "%s%s%s", m->ts && m->sack ? "" : ",nop,nop",
			 m->sack ? ",sackOK" : "", m->ts ? ",TS val auto ecr auto" : "");
	if (m->wscale != UINT32_MAX)
		text_add(&t, ",nop,wscale %u", m->wscale);
}

static PRINTF(2, 3) void run_text(struct world *w, const char *fmt, ...)
{
	char buf[LINE_MAX_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	line_run(w, buf);
}

static void macro_client(struct world *w, int n, const struct macro *m, const char *opts)
{
	run_text(w, "socket%d", n);
	run_text(w, "connect%d = -EINPROGRESS", n);
	run_text(w, ">%d S%s 0:0(0) <...>", n, m->ecn ? "EW" : "");
	run_text(w, "+%s <%d S%s. 0:0(0) ack 1 win %u <%s>", m->rtt, n, m->ecn ? "E" : "", m->win,
		 opts);
	run_text(w, ">%d . 1:1(0) ack 1", n);
	run_text(w, "expect%d state ESTABLISHED", n);
}

static void macro_server(struct world *w, int n, const struct macro *m, const char *opts)
{
	if (!w->conn[0].so) {
		run_text(w, "socket%d", n);
		run_text(w, "bind%d 80", n);
		run_text(w, "listen%d 100", n);
	}
	run_text(w, "<%d S%s 0:0(0) win %u <%s>", n, m->ecn ? "EW" : "", m->win, opts);
	run_text(w, ">%d S%s. 0:0(0) ack 1 <...>", n, m->ecn ? "E" : "");
	run_text(w, "+%s <%d . 1:1(0) ack 1", m->rtt, n);
	run_text(w, "accept%d = 0", n);
}

static void macro_run(struct world *w, int n, struct words *ws)
{
	struct macro m = { .mss = 1000, .win = 65535, .wscale = UINT32_MAX, .rtt = "0" };
	const char *text = w->text;
	char opts[128];

	macro_words(w, ws, &m);
	macro_opts(&m, opts, sizeof(opts));
	(m.client ? macro_client : macro_server)(w, n, &m, opts);
	w->text = text;
}

static void only(struct world *w, struct words *ws)
{
	const char *f = word_need(w, ws, "ip4 or ip6");

	if (strcmp(f, w->v6 ? "ip6" : "ip4") != 0)
		exit(77);	/* not for this run */
}

static void set(struct world *w, struct words *ws)
{
	const char *name = word_need(w, ws, "a parameter");
	char value[128];
	struct text t = text_of(value, sizeof(value));
	int r;

	for (const char *p; (p = word_next(ws));)
		text_add(&t, "%s%s", t.len ? " " : "", p);
	world_start(w);
	r = stack_set(w->st, name, value);
	if (r < 0)
		fail(w, "set: %s", errno_text(r));
}

static void options(struct world *w, struct sock *so, struct words *ws)
{
	uint8_t b[256] = { 0 };
	socklen_t n = w->v6 ? 2 + ext6_need(w, ws, b + 2) : opts4_need(w, ws, b);
	int r;

	b[1] = w->v6 ? (uint8_t)(n / 8 - 1) : b[1];
	r = sock_setopt(so, w->v6 ? IPPROTO_IPV6 : IPPROTO_IP, w->v6 ? IPV6_DSTOPTS : IP_OPTIONS,
			b, n);
	if (r < 0)
		fail(w, "options: %s", errno_text(r));
}

static void addr(struct world *w, struct words *ws)
{
	bool add = word_is(ws, "add");
	struct ip_addr a;
	unsigned len;
	int r;

	if (!add && !word_is(ws, "del"))
		fail(w, "script: addr add or del");
	if (!ip_prefix_parse_text(word_need(w, ws, "ADDR/LEN"), &a, &len))
		fail(w, "script: not an address with /LEN");
	r = (add ? netif_addr_add : netif_addr_del)(w->nif, &a, len);
	if (r < 0)
		fail(w, "addr: %s", errno_text(r));
	world_settle(w);
}

/* Words that describe the world; most must come before anything happens. */
static bool head_event(struct world *w, const char *name, struct words *ws)
{
	if (!strcmp(name, "only"))
		only(w, ws);
	else if (!strcmp(name, "set"))
		set(w, ws);
	else if (!strcmp(name, "mtu"))
		w->mtu = number_need(w, ws, "bytes");
	else if (!strcmp(name, "gso"))
		w->gso = word_is(ws, "on");
	else if (!strcmp(name, "neigh"))
		w->manual = word_is(ws, "manual");
	else if (!strcmp(name, "groups"))
		w->reports = word_is(ws, "manual");
	else
		return false;
	return true;
}

static bool world_event(struct world *w, const char *name, int n, struct words *ws)
{
	struct conn *c = &w->conn[n];

	if (!strcmp(name, "addr")) {
		addr(w, ws);
	} else if (!strcmp(name, "options")) {
		options(w, c->so, ws);
	} else if (!strcmp(name, "forget")) {
		c->iss_known = c->ts_in = c->ts_out = c->ts_off_known = false;
		c->iss = c->written = c->nread = 0;
	} else if (!strcmp(name, "isn")) {
		c->irs = number_need(w, ws, "a sequence number");
	} else if (!strcmp(name, "skip")) {
		c->nread += number_need(w, ws, "bytes");
	} else if (!strcmp(name, "tcp")) {
		macro_run(w, n, ws);
	} else if (!router_event(w, name, ws) && !group_event(w, name, n, ws)) {
		return fill_event(w, c, name, ws);
	}
	return true;
}

static void expect_nothing(struct world *w, usec span)
{
	struct frame *f = world_await(w, w->now + span);

	if (f)
		fail(w, "nothing was expected\n\tseen at +%.6f: %s",
		     (double)(f->at - START) / 1e6, frame_text(f->b, f->len));
}

static void expect_packets(struct world *w, const char *range)
{
	unsigned from, to, n = 0;
	struct frame *f;

	if (sscanf(range, "%u~%u", &from, &to) != 2)
		fail(w, "script: '%s' is not FROM~TO", range);
	for (; (f = world_await(w, w->now)); n++)
		frame_free(f);
	if (n < from || n > to)
		fail(w, "expected: %u to %u packets\n\tseen:     %u", from, to, n);
}

static void expect(struct world *w, int n, struct words *ws, struct when when)
{
	if (word_is(ws, "nothing")) {
		world_no_frames(w);
		expect_nothing(w, when.to + seconds(w, word_need(w, ws, "seconds")));
		return;
	}
	world_advance(w, w->now + when.from);
	if (word_is(ws, "packets"))
		expect_packets(w, word_need(w, ws, "FROM~TO"));
	else
		expect_event(w, n, ws);
}

static void packet_out(struct world *w, int n, struct words *ws, struct when when)
{
	const char *kind = word_need(w, ws, "a packet");

	if (frame_kind(kind))
		frame_expect(w, &w->conn[n], kind, ws, when);
	else
		seg_expect(w, &w->conn[n], kind, ws, when);
}

static void packet_in(struct world *w, int n, struct words *ws)
{
	const char *kind = word_need(w, ws, "a packet");

	if (frame_kind(kind))
		frame_in(w, &w->conn[n], kind, ws);
	else
		seg_in(w, &w->conn[n], kind, ws);
}

static void action(struct world *w, const char *name, int n, struct words *ws, struct when when)
{
	if (when.from != when.to)
		fail(w, "script: an action needs an exact time");
	world_advance(w, w->now + when.from);
	world_no_frames(w);
	if (!strcmp(name, "<"))
		packet_in(w, n, ws);
	else if (!call_event(w, name, n, ws) && !world_event(w, name, n, ws))
		fail(w, "script: '%s' is not an event", name);
}

void line_run(struct world *w, char *line)
{
	struct when when = { 0, 0, false };
	char copy[LINE_MAX_LEN];
	struct words ws;
	char *name;
	int n;

	snprintf(copy, sizeof(copy), "%s", line);
	w->text = copy;
	words_cut(w, &ws, line);
	if (word_peek(&ws) && (!strcmp(word_peek(&ws), "ip4") || !strcmp(word_peek(&ws), "ip6")) &&
	    strcmp(word_next(&ws), w->v6 ? "ip6" : "ip4") != 0)
		return;
	if (word_peek(&ws) && strchr("+*", word_peek(&ws)[0]))
		when = when_read(w, word_next(&ws));
	name = (char *)word_next(&ws);
	if (!name)
		return;
	n = number_cut(name);
	if (!head_event(w, name, &ws)) {
		world_start(w);
		if (!strcmp(name, ">"))
			packet_out(w, n, &ws, when);
		else if (!strcmp(name, "expect"))
			expect(w, n, &ws, when);
		else
			action(w, name, n, &ws, when);
	}
	words_end(w, &ws);
	w->text = "";
}

void script_run(struct world *w)
{
	char line[LINE_MAX_LEN];
	FILE *fp = fopen(w->path, "r");

	if (!fp)
		fail(w, "cannot open: %m");
	while (fgets(line, sizeof(line), fp)) {
		w->line++;
		line[strcspn(line, "#\n")] = 0;
		line_run(w, line);
	}
	fclose(fp);
	w->text = "end of the script";
	world_finish(w);
}
