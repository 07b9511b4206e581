/* drop.c - where packets end before delivery */
#include "stack/drop.h"

#include <assert.h>

#include "stack/stack.h"

static const char *const names[] = {
	[DROP_NONE] = "NONE",
#define X(name, text) [DROP_##name] = #name,
	DROP_REASONS(X)
#undef X
};

static const char *const texts[] = {
	[DROP_NONE] = "taken",
#define X(name, text) [DROP_##name] = text,
	DROP_REASONS(X)
#undef X
};

static_assert(ARRAY_LEN(names) == N_DROPS && ARRAY_LEN(texts) == N_DROPS,
	      "a row a reason");

const char *drop_name(enum drop d)
{
	return d < N_DROPS ? names[d] : "?";
}

const char *drop_text(enum drop d)
{
	return d < N_DROPS ? texts[d] : "?";
}

enum drop drop(struct stack *st, struct pkt *pkt, enum drop why)
{
	st->drops[why]++;
	st->drops6[why] += pkt->l3 && pkt->head[pkt->l3] >> 4 == 6;
	if (st->on_drop)
		st->on_drop(st, pkt, why);
	pkt_free(pkt);
	return why;
}
