/* plug_wire.c - one side of a wire writes what it likes, when it likes
 *
 * Input: steps of the liar (bytes into its file's head or ring, indices) and of the
 * honest side (take, pass on, put, free). What comes out of the wire is cut as for a classic port and
 * read to its last byte. The honest side must neither crash nor hold what it let go.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "base/cursor.h"
#include "fuzz.h"
#include "plug/plug.h"
#include "plug/wire.h"

#define KEPT 8

struct run {
	struct wire	*liar, *w;
	struct arena	*arena;
	struct pkt	*kept[KEPT];
	unsigned	at;
	uint32_t	bytes;
};

static void cut(void *ctx, struct pkt *pkt)
{
	uint8_t b[2048];
	struct run *run = ctx;

	CHECK(pkt->sum != PKT_SUM_PARTIAL && pkt->gso_size == 0);
	run->bytes += pkt_copy(pkt, 0, b, sizeof(b));
	pkt_free(pkt);
}

/* Writes into the liar's own file: its lines, its ring or the first of its arena. */
static void scribble(struct run *run, struct rd *r)
{
	static const size_t base[] = {
		0, offsetof(struct wire_file, back), offsetof(struct wire_file, ring),
		offsetof(struct wire_file, arena),
	};
	uint8_t where = rd_u8(r);
	size_t len = MIN((size_t)rd_u8(r), rd_left(r));
	const uint8_t *p = rd_bytes(r, len);

	if (p)
		memcpy((uint8_t *)run->liar->own + base[where & 3] + (where >> 2) * 16u, p, len);
}

/* A record that could be true, so that the deep checks are met. */
static void record(struct run *run, struct rd *r)
{
	struct wire_file *f = run->liar->own;
	uint32_t at = atomic_load(&f->sent);
	struct wire_rec rec = {
		.n_ext = rd_u8(r) % 4, .head_len = rd_u8(r), .sum = rd_u8(r) % 3,
		.sum_start = rd_u8(r), .sum_off = rd_u8(r) % 32, .gso_size = rd_u16(r),
		.gso_hlen = rd_u8(r), .number = rd_u8(r),
	};
	uint8_t *p = f->ring + at % WIRE_RING;

	rec.len = (uint16_t)((sizeof(rec) + rec.n_ext * sizeof(struct wire_span) + rec.head_len + 15) &
			     ~15u);
	if (at % 16 || at % WIRE_RING + rec.len > WIRE_RING)
		return;
	memcpy(p, &rec, sizeof(rec));
	for (unsigned i = 0; i < rec.n_ext; i++) {
		struct wire_span span = { rd_u16(r) * 600u, rd_u16(r) };

		memcpy(p + sizeof(rec) + i * sizeof(span), &span, sizeof(span));
	}
	atomic_store(&f->sent, at + rec.len);
}

static void set_index(struct run *run, struct rd *r)
{
	struct wire_file *f = run->liar->own;
	atomic_uint *at[] = { &f->sent, &f->taken, &f->returned, &f->asleep };
	uint8_t which = rd_u8(r);
	uint32_t v = rd_u32(r);

	if (which & 4)
		v = atomic_load(at[which & 3]) + (v & 0xff);
	atomic_store(at[which & 3], v);
}

static void take(struct run *run, bool keep)
{
	struct pkt *pkt = wire_take(run->w);

	wire_took(run->w);
	if (!pkt)
		return;
	CHECK(!run->w->why && pkt_len(pkt) >= 14 && pkt->n_ext <= PKT_EXTS);
	if (!keep) {
		offload_out(pkt, cut, run);
		return;
	}
	pkt_free(run->kept[run->at]);
	run->kept[run->at] = pkt;
	run->at = (run->at + 1) % KEPT;
}

/* Datagrams of one flow, but for an octet of one of them. */
static void datagrams(struct run *run, struct rd *r)
{
	static const uint8_t head[64] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, 0, 36, 0, 0, 0x40, 0, 64, 17, 0x26, 0xc7, 10, 0, 0, 1, 10, 0, 0, 2,
		1, 2, 3, 4, 0, 16, 9, 9,
	};
	const struct wire_rec rec = { .len = 80, .head_len = 50, .sum = PKT_SUM_PARTIAL,
				      .sum_start = 34, .sum_off = 6 };
	unsigned n = rd_u8(r) % 8, other = rd_u8(r) % 8, at = rd_u8(r) % rec.len;
	struct wire_file *f = run->liar->own;
	uint32_t sent = atomic_load(&f->sent);

	for (unsigned i = 0; i < n; i++, sent += rec.len) {
		uint8_t *p = f->ring + sent % WIRE_RING;

		if (sent % 16 || sent % WIRE_RING + rec.len > WIRE_RING)
			return;
		memcpy(p, &rec, sizeof(rec));
		memcpy(p + sizeof(rec), head, sizeof(head));
		p[at] ^= i == other ? rd_u8(r) : 0;
		atomic_store(&f->sent, sent + rec.len);
	}
}

static void take_row(struct run *run, struct rd *r)
{
	struct pkt *pkt = wire_take_row(run->w, rd_u8(r));

	wire_took(run->w);
	if (!pkt)
		return;
	CHECK(!run->w->why && pkt->gso_size && pkt->paylen % pkt->gso_size == 0);
	CHECK(pkt->paylen / pkt->gso_size >= 2 && pkt->paylen / pkt->gso_size <= WIRE_ROW);
	offload_out(pkt, cut, run);
}

/* What a switch does with small frames: here they go back to where they came from. */
static void pass(struct run *run)
{
	struct wire_small s;
	struct pkt *pkt;

	memset(&s, 0xaa, sizeof(s));
	if (!wire_take_small(run->w, &s))
		return;
	CHECK(!run->w->why && s.rec.head_len >= 14 && s.rec.head_len <= sizeof(s.b));
	pkt = wire_small_pkt(&s);
	CHECK(pkt_len(pkt) == s.rec.head_len);
	offload_out(pkt, cut, run);
	wire_put_small(run->w, &s);
	wire_ring(run->w);
}

static void put(struct run *run, struct rd *r)
{
	static const uint8_t bytes[65535];
	struct pkt *pkt = pkt_new();
	uint32_t len = 14u + rd_u16(r) % 65000;

	CHECK(pkt_append(pkt, run->arena, bytes, len));
	if (!wire_put(run->w, pkt))
		pkt_free(pkt);
	wire_ring(run->w);
}

static void step(struct run *run, struct rd *r)
{
	switch (rd_u8(r) % 11) {
	case 0: scribble(run, r); break;
	case 1: case 2: record(run, r); break;
	case 3: set_index(run, r); break;
	case 4: take(run, true); break;
	case 5: take(run, false); break;
	case 6: put(run, r); break;
	case 7: pass(run); break;
	case 8: datagrams(run, r); break;
	case 9: take_row(run, r); break;
	default: wire_sleep(run->w, rd_u8(r) & 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .liar = wire_new(), .w = wire_new(), .arena = arena_heap_new(16 << 20) };
	struct rd r = rd_of(data, size);
	int sock[2];

	CHECK(run.liar && run.w && socketpair(AF_UNIX, SOCK_STREAM, 0, sock) == 0);
	CHECK(!wire_join(run.w, run.liar->fd, sock[0]));
	while (rd_left(&r))
		step(&run, &r);
	for (int i = 0; i < KEPT; i++)
		pkt_free(run.kept[i]);
	CHECK(run.w->held == 0 && run.w->held_frames == 0);
	wire_close(run.w);
	wire_close(run.liar);
	CHECK(arena_heap_used(run.arena) == 0);
	arena_heap_unref(run.arena);
	close(sock[0]);
	close(sock[1]);
	return 0;
}
