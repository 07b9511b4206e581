/* plug_merge.c - any frames are merged, then cut again
 *
 * Input: a byte of flags and two of length before each frame. Sums are often
 * said to be right, since no fuzzer guesses them; the flags may also claim that
 * a frame is a super-frame to be cut.
 */
#include "base/mem.h"
#include "fuzz.h"
#include "plug/plug.h"
#include "base/cursor.h"

struct run {
	struct merge	*merge;
	uint32_t	in, out;	/* frames given, frames seen after cutting */
};

static void cut(void *ctx, struct pkt *pkt)
{
	struct run *r = ctx;

	CHECK(pkt->sum != PKT_SUM_PARTIAL && pkt->gso_size == 0);
	CHECK(pkt_len(pkt) > 0);
	r->out++;
	pkt_free(pkt);
}

static void merged(void *ctx, struct pkt *pkt)
{
	CHECK(pkt_len(pkt) <= 65535 + 14 || !pkt->gso_size);
	CHECK(pkt->n_ext <= PKT_EXTS);
	offload_out(pkt, cut, ctx);
}

static struct pkt *frame(struct arena *a, struct rd *r, uint8_t flags)
{
	uint16_t len = rd_u16(r) & 0x7ff;
	const uint8_t *p;
	struct pkt *pkt;

	len = (uint16_t)MIN(len, rd_left(r));
	p = rd_bytes(r, len);
	if (!len || !p)
		return NULL;
	pkt = pkt_new();
	CHECK(pkt_append(pkt, a, p, len));
	if (flags & 1)
		pkt->sum = PKT_SUM_OK;
	if (flags & 2) {
		pkt->gso_size = (uint16_t)(1 + (flags >> 2) * 7);
		pkt->gso_hlen = (uint16_t)(flags * 3);
	}
	return pkt;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	struct arena *a = arena_heap_new(16 << 20);
	struct run run = { 0 };

	run.merge = merge_new(merged, &run);
	while (rd_left(&r)) {
		uint8_t flags = rd_u8(&r);
		struct pkt *pkt = frame(a, &r, flags);

		if (!pkt)
			continue;
		run.in++;
		merge_udp(run.merge, flags & 0x40);
		merge_add(run.merge, pkt);
		if (flags & 0x80)
			merge_flush(run.merge);
	}
	merge_flush(run.merge);
	CHECK(run.out >= run.in);
	merge_free(run.merge);
	CHECK(arena_heap_used(a) == 0);
	arena_heap_unref(a);
	return 0;
}
