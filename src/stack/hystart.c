/* hystart.c - when slow start should end, by the round trips it sees (RFC 9406)
 *
 * A round is a window's worth of acknowledgments. If its shortest round trip is
 * longer than that of the round before by an eighth (at least 4 ms, so that a
 * scheduler's jitter on a local path is none, at most 16 ms), a queue is
 * building up somewhere: conservative slow start (CSS) grows a quarter as fast for five
 * rounds. If the round trips become short again meanwhile it was a false alarm,
 * else slow start is over.
 *
 * The RFC wants eight samples a round before it believes them, for an ACK every
 * second segment. One ACK may stand for a super-frame; it counts for as many pairs
 * of segments as it acknowledges, but no round is judged by fewer than two.
 */
#include "stack/hystart.h"

#define SAMPLES		8u
#define LEAST_US	4000u
#define MOST_US		16000u
#define CSS_SHARE	4u
#define CSS_ROUNDS	5u

void hystart_begin(struct hystart *h, struct seq nxt)
{
	*h = (struct hystart){ .end = nxt };
}

static bool next_round(struct hystart *h, struct seq nxt)
{
	h->end = nxt;
	h->last_min = h->min;
	h->min = 0;
	h->samples = 0;
	return h->css && --h->css == 0;
}

static void sample(struct hystart *h, const struct hystart_ack *a)
{
	uint32_t pairs = CLAMP(a->acked / (2 * a->mss), 1, SAMPLES / 2);

	h->min = h->min ? MIN(h->min, a->rtt) : a->rtt;
	h->samples = (uint8_t)MIN(h->samples + pairs, SAMPLES);
}

static void judge(struct hystart *h)
{
	if (h->css) {
		if (h->min < h->base)	/* RFC 9406 4.2: back to slow start */
			h->css = 0;
	} else if (h->last_min &&
		   h->min >= h->last_min + CLAMP(h->last_min / 8, LEAST_US, MOST_US)) {
		h->base = h->min;
		h->css = CSS_ROUNDS;
	}
}

bool hystart_in(struct hystart *h, const struct hystart_ack *a)
{
	if (seq_ge(a->una, h->end) && next_round(h, a->nxt))
		return true;
	if (!a->rtt)
		return false;
	sample(h, a);
	if (h->samples == SAMPLES)
		judge(h);
	return false;
}

uint32_t hystart_growth(const struct hystart *h, uint32_t acked)
{
	return h->css ? acked / CSS_SHARE : acked;
}
