/* fill.c - the peer as a sender without mercy: it uses up our receive window
 *
 *	fill N			segments of N bytes until the window we offer is used up
 *	fill N TOTAL		or TOTAL bytes are sent
 *	overfill N		N bytes beyond the window: they must not be taken
 *	drain			reads all there is, verified
 *	expect window A~B	bytes offered now; A alone: exactly
 *	expect update		an ACK that offers more than before, at once
 *
 * Every ACK that comes meanwhile must acknowledge no more than was sent, and the
 * right edge of the window must never move left (RFC 9293 3.8.6, SHOULD-14). A
 * segment within the window must be taken, whatever memory it costs us.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "seg.h"

#define ACK_WAIT	(300 * USEC_PER_MSEC)	/* longer than any delayed ACK */
#define FILL_LIMIT	(64u << 20)

/* What each segment the stack sends says of its window. */
void window_note(struct world *w, struct conn *c, const struct tcp *h)
{
	uint32_t ack = h->ack.v - c->irs;
	uint8_t scale = h->flags & TCP_SYN || !c->wscale_in ? 0 : c->scale;
	uint32_t edge = ack + ((uint32_t)h->win << scale);

	if (h->flags & TCP_SYN)
		c->scale = h->o.has_wscale ? h->o.wscale : 0;
	if (!(h->flags & TCP_ACK) || h->flags & TCP_RST)
		return;
	if (!(h->flags & TCP_SYN) && c->acked && (int32_t)(edge - c->edge) + (1 << scale) <= 0)
		fail(w, "the window was taken back: its edge was %u and is %u", c->edge, edge);
	c->acked = ack;
	c->edge = edge;
}

static bool take_ack(struct world *w, struct conn *c, usec wait)
{
	struct frame *f = world_await(w, w->now + wait);
	struct rd r;
	struct tcp h;

	if (!f)
		return false;
	r = rd_of(f->l4, f->l4_len);
	if (!f->ip || f->proto != IPPROTO_TCP || !tcp_parse(&r, &h) || rd_left(&r) || f->bad)
		fail(w, "a pure ACK was expected\n\tseen: %s", frame_text(f->b, f->len));
	if (h.o.has_ts)
		c->ts_last = h.o.ts_val;
	window_note(w, c, &h);
	if ((int32_t)(c->acked - c->nxt) > 0)
		fail(w, "%u bytes were sent, %u are acknowledged", c->nxt, c->acked);
	frame_free(f);
	return true;
}

static void send_data(struct world *w, struct conn *c, uint32_t len)
{
	char line[128];
	struct words ws;

	snprintf(line, sizeof(line), "%u:%u(%u) ack %u", c->nxt, c->nxt + len, len,
		 c->written + 1);
	words_cut(w, &ws, line);
	seg_in(w, c, ".", &ws);
	c->nxt += len;
}

static void fill(struct world *w, struct conn *c, struct words *ws)
{
	uint32_t n = number_need(w, ws, "bytes"), sent = 0;
	uint32_t total = word_peek(ws) ? number(w, word_next(ws)) : FILL_LIMIT;
	int32_t room;

	while (sent < total) {
		room = (int32_t)(c->edge - c->nxt);
		if (room <= 0 && !take_ack(w, c, ACK_WAIT))
			break;
		if (room <= 0)
			continue;
		room = MIN(room, (int32_t)MIN(n, total - sent));
		send_data(w, c, (uint32_t)room);
		sent += (uint32_t)room;
		while (take_ack(w, c, 0))
			;
	}
	while (c->acked != c->nxt && take_ack(w, c, ACK_WAIT))
		;
	if (sent >= FILL_LIMIT)
		fail(w, "the window has no end");
	if (c->acked != c->nxt)
		fail(w, "bytes within the window were not taken: %u sent, %u acknowledged",
		     c->nxt, c->acked);
}

static void overfill(struct world *w, struct conn *c, struct words *ws)
{
	uint32_t n = number_need(w, ws, "bytes"), nxt = c->nxt;

	if (c->edge != c->nxt)
		fail(w, "script: the window is open: %u", c->edge - c->nxt);
	send_data(w, c, n);
	c->nxt = nxt;
	if (!take_ack(w, c, 0))
		fail(w, "expected: an ACK for what lies beyond the window\n\tseen:     none");
}

static void drain(struct world *w, struct conn *c)
{
	static uint8_t buf[65536];
	struct iovec iov = { buf, sizeof(buf) };
	struct msg m = { .ttl = -1 };
	ssize_t r;

	if (!c->so)
		fail(w, "script: the socket is not open");
	while ((r = sock_recv(c->so, &iov, 1, 0, &m)) > 0) {
		for (ssize_t i = 0; i < r; i++)
			if (buf[i] != pattern(c->nread + (uint32_t)i))
				fail(w, "byte %u of the stream is wrong",
				     c->nread + (uint32_t)i);
		c->nread += (uint32_t)r;
	}
	world_settle(w);
	if (c->nread != c->acked - 1)
		fail(w, "%u bytes were acknowledged, %u could be read", c->acked - 1, c->nread);
}

bool fill_event(struct world *w, struct conn *c, const char *name, struct words *ws)
{
	if (!strcmp(name, "fill"))
		fill(w, c, ws);
	else if (!strcmp(name, "overfill"))
		overfill(w, c, ws);
	else if (!strcmp(name, "drain"))
		drain(w, c);
	else
		return false;
	return true;
}

void expect_window(struct world *w, struct conn *c, const char *range)
{
	uint32_t from, to, got = c->edge - c->nxt;

	if (sscanf(range, "%u~%u", &from, &to) != 2)
		from = to = number(w, range);
	if (got < from || got > to)
		fail(w, "expected: a window of %s\n\tseen:     %u", range, got);
}

void expect_update(struct world *w, struct conn *c)
{
	uint32_t before = c->edge;

	if (!take_ack(w, c, 0))
		fail(w, "expected: a window update\n\tseen:     none");
	while (take_ack(w, c, 0))
		;
	if (c->edge == before)
		fail(w, "the ACK offers no more than before");
}
