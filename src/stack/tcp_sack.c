/* tcp_sack.c - selective acknowledgment, the receiver's end (RFC 2018, 2883)
 *
 * At most four blocks, the most recently changed first (RFC 2018 4); a duplicate is
 * reported once, before them (RFC 2883). What a sender makes of them is in
 * tcp_ack.c and tcp_sent.c.
 */
#include "stack/tcp.h"

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
