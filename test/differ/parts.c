/* parts.c - a datagram in two or three fragments that may not fit together
 *
 * Those of test/mutate/pieces.c, in any order, to a UDP socket. Steps of the line of words:
 * the answer to each fragment; what the socket reads.
 */
#include <netinet/in.h>
#include <stdio.h>

#include "../mutate/pieces.h"
#include "differ.h"
#include "words.h"

struct test {
	bool		v4;
	unsigned	n;
	const struct piece *p[3];
};

struct ear { struct text *log; };

static void heard(void *ctx, const uint8_t *b, uint32_t len)
{
	struct ear *e = ctx;

	if (len >= ETH_LEN)
		frame_words(e->log, b, len);
}

static int open_socket(struct host *h, bool v4)
{
	struct endpoint ep = { v4 ? IP4_ANY : IP6_ANY, 53, 0 };
	int s = h->ops->socket(h, v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);

	h->ops->bind(h, s, &ep);
	return s;
}

static void run(void *test, struct host *h, struct text *log)
{
	static uint16_t ids[2];
	uint16_t id = ++ids[h->name[0] == 'L'];
	struct ear e = { log };
	struct test *c = test;
	uint8_t b[FRAME_MAX];
	int s = open_socket(h, c->v4);
	ssize_t r;

	h->said = heard;
	h->ctx = &e;
	for (unsigned i = 0; i < c->n; i++) {
		h->ops->input(h, b, piece_frame(b, c->v4, c->p[i], id));
		text_add(log, "|");
	}
	while ((r = h->ops->recv(h, s, b, sizeof(b), 0)) >= 0)
		text_add(log, " reads %zd;", r);
	h->ops->close(h, s);
	h->ops->settle(h);
	h->said = NULL;
}

static void try(struct form *f, struct test *c)
{
	char name[256];
	struct text what = text_of(name, sizeof(name));

	text_add(&what, "fragments, %s:", c->v4 ? "IPv4" : "IPv6");
	for (unsigned i = 0; i < c->n; i++)
		text_add(&what, " %u:%u%s,", c->p[i]->off, c->p[i]->off + c->p[i]->len,
			 c->p[i]->more ? "+" : "");
	if (!strncmp(name, f->only, strlen(f->only)))
		compare(f, name, run, c);
}

/* Every pair; of three every twentieth, or all. */
void part_cases(struct form *f)
{
	unsigned pairs = N_PIECES * N_PIECES, every = f->full ? 1 : 20;

	for (unsigned v = 0; v < 2; v++) {
		struct test c = { .v4 = !v };

		for (unsigned x = 0; x < pairs * (N_PIECES + 1); x += x < pairs ? 1 : every) {
			c.p[0] = &pieces[x % N_PIECES];
			c.p[1] = &pieces[x / N_PIECES % N_PIECES];
			c.n = x < pairs ? 2 : 3;
			if (c.n == 3)
				c.p[2] = &pieces[x / pairs - 1];
			try(f, &c);
		}
	}
}
