/* tcp_sack.c - selective acknowledgment, both ends (RFC 2018, 2883, 6675)
 *
 * Sender: the scoreboard is a sorted array of disjoint ranges above snd_una,
 * allocated with the first SACK. "Lost" is an edge, not a property of each
 * segment: RFC 6675 IsLost(S) looks only at what was SACKed above S, so it is
 * true for all unSACKed octets below one sequence number (tcp_sb_lost).
 *
 * Receiver: at most four blocks, the most recently changed first (RFC 2018 4);
 * a duplicate is reported once, before them (RFC 2883).
 */
#include "stack/tcp.h"

#include <stdlib.h>

#include "base/mem.h"

#define SB_FIRST	8
#define SB_MAX		1024	/* ranges; more are ignored: SACK is advice */
#define DUP_THRESH	3	/* RFC 6675 2 */

static struct tcp_sb *sb_room(struct tcp_sb *sb)
{
	uint32_t size = sb ? sb->size * 2 : SB_FIRST;

	if (sb && sb->n < sb->size)
		return sb;
	if (size > SB_MAX)
		return NULL;
	sb = xrealloc(sb, sizeof(*sb) + size * sizeof(sb->r[0]));
	if (size == SB_FIRST)
		sb->n = 0;
	sb->size = size;
	return sb;
}

/* First range that ends at or after seq. */
static uint32_t sb_find(const struct tcp_sb *sb, struct seq seq)
{
	uint32_t lo = 0, hi = sb ? sb->n : 0;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_lt(sb->r[mid].to, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void sb_remove(struct tcp_sb *sb, uint32_t at, uint32_t n)
{
	memmove(&sb->r[at], &sb->r[at + n], (sb->n - at - n) * sizeof(sb->r[0]));
	sb->n -= n;
}

static bool sb_insert(struct tcp_sb **sbp, uint32_t at, struct seq from, struct seq to)
{
	struct tcp_sb *sb = sb_room(*sbp);

	if (!sb)
		return false;
	*sbp = sb;
	memmove(&sb->r[at + 1], &sb->r[at], (sb->n - at) * sizeof(sb->r[0]));
	sb->r[at] = (struct tcp_sack){ from, to };
	sb->n++;
	return true;
}

/* Ranges at .. that touch [from, to) become one with it. */
uint32_t tcp_sb_add(struct tcp_sb **sbp, struct seq from, struct seq to)
{
	struct tcp_sb *sb = *sbp;
	uint32_t at = sb_find(sb, from), n = 0, had = 0;

	while (sb && at + n < sb->n && seq_le(sb->r[at + n].from, to)) {
		struct tcp_sack *r = &sb->r[at + n++];

		had += (uint32_t)seq_diff(r->to, r->from);
		from = seq_min(from, r->from);
		to = seq_max(to, r->to);
	}
	if (n) {
		sb->r[at] = (struct tcp_sack){ from, to };
		sb_remove(sb, at + 1, n - 1);
	} else if (!sb_insert(sbp, at, from, to)) {
		return 0;
	}
	return (uint32_t)seq_diff(to, from) - had;
}

void tcp_sb_ack(struct tcp_sb *sb, struct seq una)
{
	uint32_t n = 0;

	if (!sb)
		return;
	while (n < sb->n && seq_le(sb->r[n].to, una))
		n++;
	sb_remove(sb, 0, n);
	if (sb->n && seq_lt(sb->r[0].from, una))
		sb->r[0].from = una;
}

uint32_t tcp_sb_bytes(const struct tcp_sb *sb, struct seq from, struct seq to)
{
	uint32_t sum = 0;

	for (uint32_t i = sb_find(sb, from); sb && i < sb->n; i++) {
		struct seq a = seq_max(sb->r[i].from, from), b = seq_min(sb->r[i].to, to);

		if (seq_ge(sb->r[i].from, to))
			break;
		if (seq_gt(b, a))
			sum += (uint32_t)seq_diff(b, a);
	}
	return sum;
}

bool tcp_sb_hole(const struct tcp_sb *sb, struct seq from, struct seq limit, struct tcp_sack *hole)
{
	uint32_t i = sb_find(sb, from);

	if (sb && i < sb->n && seq_le(sb->r[i].from, from))
		from = sb->r[i++].to;
	if (seq_ge(from, limit))
		return false;
	*hole = (struct tcp_sack){ from, limit };
	if (sb && i < sb->n)
		hole->to = seq_min(limit, sb->r[i].from);
	return true;
}

/* RFC 6675 4, IsLost: three ranges, or more than two full segments, above. */
struct seq tcp_sb_lost(const struct tcp_sb *sb, struct seq una, uint32_t mss)
{
	uint32_t above = 0, ranges = 0;

	for (uint32_t i = sb ? sb->n : 0; i-- > 0;) {
		above += (uint32_t)seq_diff(sb->r[i].to, sb->r[i].from);
		if (++ranges >= DUP_THRESH || above > (DUP_THRESH - 1) * mss)
			return sb->r[i].from;
	}
	return una;
}

/* Blocks that touch the new one are absorbed by it; it goes first. */
void tcp_sack_note(struct tcpc *tc, struct seq from, struct seq to)
{
	struct tcp_sack new = { from, to };
	unsigned n = 0;

	for (unsigned i = 0; i < tc->n_sacks; i++) {
		struct tcp_sack s = tc->sacks[i];

		if (seq_le(s.from, new.to) && seq_le(new.from, s.to)) {
			new.from = seq_min(new.from, s.from);
			new.to = seq_max(new.to, s.to);
		} else {
			tc->sacks[n++] = s;
		}
	}
	n = MIN(n, TCP_MAX_SACK - 1);
	memmove(&tc->sacks[1], &tc->sacks[0], n * sizeof(new));
	tc->sacks[0] = new;
	tc->n_sacks = (uint8_t)(n + 1);
}

void tcp_sack_advance(struct tcpc *tc)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tc->n_sacks; i++) {
		if (seq_gt(tc->sacks[i].to, tc->rcv_nxt))
			tc->sacks[n++] = tc->sacks[i];
	}
	tc->n_sacks = (uint8_t)n;
}

void tcp_dsack_note(struct tcpc *tc, struct seq from, struct seq to)
{
	if (tc->sack_ok)
		tc->dsack = (struct tcp_sack){ from, to };
}

void tcp_sack_fill(struct tcpc *tc, struct tcp_opts *o)
{
	if (!tc->sack_ok)
		return;
	if (!seq_eq(tc->dsack.from, tc->dsack.to))
		o->sack[o->n_sack++] = tc->dsack;
	for (unsigned i = 0; i < tc->n_sacks && o->n_sack < TCP_MAX_SACK; i++)
		o->sack[o->n_sack++] = tc->sacks[i];
}
