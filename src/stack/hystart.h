/* hystart.h - when slow start should end, by the round trips it sees (RFC 9406) */
#ifndef STACK_HYSTART_H
#define STACK_HYSTART_H

#include "base/base.h"

struct hystart {
	struct seq	end;		/* of the round: snd_nxt when it began */
	uint32_t	last_min, min;	/* us: round trips of the last round and this; 0: none */
	uint32_t	base;		/* us: of the round that looked too slow */
	uint8_t		samples;	/* of this round */
	uint8_t		css;		/* rounds left in conservative slow start; 0: not in it */
};

/* An acknowledgment of acked bytes up to una, with a round trip in us (0: none). True:
 * slow start is over. */
struct hystart_ack {
	struct seq	una, nxt;
	uint32_t	acked, mss, rtt;
};
void hystart_begin(struct hystart *h, struct seq nxt);
bool hystart_in(struct hystart *h, const struct hystart_ack *a);
/* What cwnd may grow by. */
uint32_t hystart_growth(const struct hystart *h, uint32_t acked);

#endif
