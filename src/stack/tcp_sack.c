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
	struct tcp_ooo *o = tcp_ooo_get(tc);
	struct tcp_sack new = { from, to };
	unsigned n = 0;

	for (unsigned i = 0; i < o->n_sacks; i++) {
		struct tcp_sack s = o->sacks[i];

		if (seq_le(s.from, new.to) && seq_le(new.from, s.to)) {
			new.from = seq_min(new.from, s.from);
			new.to = seq_max(new.to, s.to);
		} else {
			o->sacks[n++] = s;
		}
	}
	n = MIN(n, TCP_MAX_SACK - 1);
	memmove(&o->sacks[1], &o->sacks[0], n * sizeof(new));
	o->sacks[0] = new;
	o->n_sacks = (uint8_t)(n + 1);
}

void tcp_sack_advance(struct tcpc *tc)
{
	struct tcp_ooo *o = tc->ooo;
	unsigned n = 0;

	if (!o)
		return;
	for (unsigned i = 0; i < o->n_sacks; i++) {
		if (seq_gt(o->sacks[i].to, tc->rcv_nxt))
			o->sacks[n++] = o->sacks[i];
	}
	o->n_sacks = (uint8_t)n;
}

void tcp_dsack_note(struct tcpc *tc, struct seq from, struct seq to)
{
	if (!tc->sack_ok || !tc->so.st->param.tcp_dsack)
		return;
	count_tcp(tc->so.st, TCP_TCPDSACKOldSent);
	tcp_ooo_get(tc)->dsack = (struct tcp_sack){ from, to };
}

static bool has_dsack(const struct tcp_ooo *o)
{
	return !seq_eq(o->dsack.from, o->dsack.to);
}

unsigned tcp_sack_blocks(const struct tcpc *tc)
{
	const struct tcp_ooo *o = tc->sack_ok ? tc->ooo : NULL;

	return o ? o->n_sacks + has_dsack(o) : 0;
}

void tcp_sack_fill(struct tcpc *tc, struct tcp_opts *o)
{
	const struct tcp_ooo *oo = tc->sack_ok ? tc->ooo : NULL;

	if (!oo)
		return;
	if (has_dsack(oo))
		o->sack[o->n_sack++] = oo->dsack;
	for (unsigned i = 0; i < oo->n_sacks && o->n_sack < TCP_MAX_SACK; i++)
		o->sack[o->n_sack++] = oo->sacks[i];
}
