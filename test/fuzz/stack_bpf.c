/* stack_bpf.c - any filter, on any packet
 *
 * Input: a byte with the number of instructions, four bytes for each, then the
 * packet. A program that is accepted ends and reads nothing but the packet (the
 * sanitizers see that); with the same packet it gives the same answer unless it
 * asks for randomness.
 */
#include <linux/filter.h>

#include "base/bpf.h"
#include "base/cursor.h"
#include "base/rand.h"
#include "fuzz.h"
#include "stack/dgram.h"

/* Mostly instructions that mean something, and a return at the end. */
static unsigned read_code(struct rd *r, struct sock_filter *code)
{
	static const uint32_t from[] = {
		0, (uint32_t)SKF_AD_OFF, (uint32_t)SKF_NET_OFF, (uint32_t)SKF_LL_OFF,
		0x7fffff00, 0xffffff00,
	};
	unsigned n = rd_u8(r) & 63;

	for (unsigned i = 0; i < n; i++) {
		uint8_t which = rd_u8(r), jumps = rd_u8(r);

		code[i].code = rd_u8(r);
		code[i].jt = jumps & 15;
		code[i].jf = jumps >> 4;
		code[i].k = (which & 8 ? from[which % ARRAY_LEN(from)] : 0) + rd_u8(r);
	}
	if (n)
		code[n - 1] = (struct sock_filter){ .code = BPF_RET | BPF_A };
	return n;
}

static bool random_asked(const struct sock_filter *code, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (code[i].k == (uint32_t)SKF_AD_OFF + SKF_AD_RANDOM)
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	struct sock_filter code[64];
	unsigned n = read_code(&r, code);
	struct arena *a = arena_heap_new(1 << 20);
	struct pkt *pkt = pkt_new();
	struct rng rng;
	struct bpf_pkt p = { .data = n & 14, .net = 14, .rng = &rng };
	struct bpf *b;

	rng_seed(&rng, 1);
	CHECK(!rd_left(&r) || pkt_append(pkt, a, r.p, (uint32_t)MIN(rd_left(&r), 4000)));
	if (bpf_new(code, n, &b) == 0) {
		uint32_t keep = dg_filter(b, &p, pkt);

		CHECK(random_asked(code, n) || keep == dg_filter(b, &p, pkt));
		bpf_free(b);
	}
	pkt_free(pkt);
	arena_heap_unref(a);
	return 0;
}
