/* make.c - a program of socket calls, from a number
 *
 * It is made before it runs and depends on the number alone, so that any step can be
 * left out. What is likely to be where (made[]) only leads to calls that mean something
 * more often; one in seven goes to any slot.
 */
#include "walk/walk.h"

#include <stdio.h>
#include <string.h>

enum guess { NOTHING, FRESH, NAMED, LISTENS, JOINED, DGRAM, GUESSES };

struct maker {
	struct play *p;
	uint64_t rng;
	enum guess made[SLOTS];
	bool risky;
};

static uint32_t roll(struct maker *m, uint32_t n)
{
	m->rng ^= m->rng << 13;
	m->rng ^= m->rng >> 7;
	m->rng ^= m->rng << 17;
	return (uint32_t)((m->rng * 0x2545f4914f6cdd1dull) >> 33) % n;
}

static struct step *add(struct maker *m, enum op op, int s)
{
	struct play *p = m->p;
	struct step *st = &p->step[p->n < MAX_STEPS ? p->n++ : MAX_STEPS - 1];

	*st = (struct step){ .op = op, .s = s, .t = roll(m, SLOTS), .a = roll(m, 1 << 30),
			     .b = roll(m, 1 << 30), .c = roll(m, 1 << 30), .d = roll(m, 1 << 30) };
	return st;
}

/* One that is said to be of a kind (bits), if there is any and the dice like it */
static int pick(struct maker *m, unsigned kinds)
{
	int first = roll(m, SLOTS);

	if (roll(m, 7) == 0)
		return first;
	for (int i = 0; i < SLOTS; i++)
		if (kinds >> m->made[(first + i) % SLOTS] & 1)
			return (first + i) % SLOTS;
	return first;
}

static const struct {
	uint8_t op, weight, kinds;
} ways[] = {
#define OF(kind) (1 << (kind))
#define STREAMS (OF(FRESH) | OF(NAMED) | OF(LISTENS) | OF(JOINED))
#define ALL (STREAMS | OF(DGRAM))
	{ OP_SOCKET, 14, OF(NOTHING) },
	{ OP_BIND, 14, OF(FRESH) | OF(DGRAM) },
	{ OP_LISTEN, 9, OF(NAMED) | OF(LISTENS) },
	{ OP_CONNECT, 8, OF(FRESH) | OF(NAMED) | OF(DGRAM) },
	{ OP_DIAL, 18, OF(FRESH) | OF(NAMED) | OF(DGRAM) },
	{ OP_ACCEPT, 14, OF(NOTHING) },
	{ OP_SEND, 26, OF(JOINED) | OF(DGRAM) },
	{ OP_SENDTO, 14, OF(DGRAM) },
	{ OP_RECV, 30, OF(JOINED) | OF(DGRAM) },
	{ OP_SHUTDOWN, 9, OF(JOINED) | OF(DGRAM) | OF(LISTENS) },
	{ OP_CLOSE, 9, ALL },
	{ OP_DUP, 3, OF(NOTHING) },
	{ OP_SETOPT, 14, ALL },
	{ OP_GETOPT, 12, ALL },
	{ OP_NAMES, 8, ALL },
	{ OP_ERROR, 5, ALL },
	{ OP_IOCTL, 5, ALL },
	{ OP_LINGER, 3, OF(JOINED) },
	{ OP_BLOCKING, 4, ALL },
	{ OP_EPCTL, 9, ALL },
	{ OP_EPWAIT, 10, ALL },
	{ OP_SELECT, 3, ALL },
};

static void note(struct maker *m, const struct step *st)
{
	enum guess *g = &m->made[st->s];

	if (st->op == OP_SOCKET)
		*g = st->b % 5 < 3 ? FRESH : DGRAM;
	else if (st->op == OP_CLOSE)
		*g = NOTHING;
	else if (st->op == OP_ACCEPT)
		*g = JOINED;
	else if (st->op == OP_BIND && *g == FRESH)
		*g = NAMED;
	else if (st->op == OP_LISTEN && *g == NAMED)
		*g = LISTENS;
	else if ((st->op == OP_CONNECT || st->op == OP_DIAL) && (*g == FRESH || *g == NAMED))
		*g = JOINED;
	else if (st->op == OP_DUP && *g == NOTHING)
		*g = m->made[st->t];
}

/* Who takes part beside the slot s */
static int partner(struct maker *m, enum op op)
{
	if (op == OP_DIAL)
		return pick(m, OF(LISTENS) | OF(DGRAM));
	if (op == OP_ACCEPT)
		return pick(m, OF(LISTENS));
	return pick(m, ALL);
}

static void random_step(struct maker *m)
{
	unsigned sum = 0, at;
	size_t i = 0;
	struct step *st;

	for (size_t k = 0; k < sizeof(ways) / sizeof(*ways); k++)
		sum += ways[k].weight;
	for (at = roll(m, sum); at >= ways[i].weight; i++)
		at -= ways[i].weight;
	st = add(m, ways[i].op, pick(m, ways[i].kinds));
	st->t = partner(m, st->op);
	if (st->op == OP_LISTEN && !m->risky)
		st->a = 4;		/* room for all */
	note(m, st);
}

/* A listener, who dials it and what is accepted; or two sockets of datagrams */
static void begin(struct maker *m)
{
	uint32_t family = roll(m, 4), kind = roll(m, 4), address = roll(m, 5);

	for (int i = 0; i < 2; i++) {
		struct step *st = add(m, OP_SOCKET, i);

		st->a = family;
		st->b = kind ? 0 : 3;
		note(m, st);
	}
	for (int i = 0; i < (kind ? 1 : 2); i++) {
		struct step *st = add(m, OP_BIND, i);

		st->a = address;
		st->b = 1 + i;
		note(m, st);
	}
	if (kind) {
		struct step *st = add(m, OP_LISTEN, 0);

		st->a = 4;
		note(m, st);
	}
	for (int i = kind ? 1 : 0; i < 2; i++) {
		struct step *st = add(m, OP_DIAL, i);

		st->t = !i;
		note(m, st);
	}
	if (kind) {
		struct step *st = add(m, OP_ACCEPT, 2);

		st->t = 0;
		note(m, st);
	}
}

/* Without risk no queue of connections is full, which only a retransmission after a
 * second would end. */
void walk_make(struct play *p, uint64_t seed, uint32_t n, bool risky)
{
	struct maker m = { .p = p, .rng = (seed + 1) * 0x9e3779b97f4a7c15ull, .risky = risky };

	memset(p, 0, sizeof(*p));
	p->seed = seed;
	for (int i = 0; i < 8; i++)
		roll(&m, 2);
	p->plain = roll(&m, 2);
	if (roll(&m, 4))
		begin(&m);
	while (p->n < n && p->n < MAX_STEPS)
		random_step(&m);
}
