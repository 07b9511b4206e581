/* switch_core.c - a forwarding core driven by any bytes, beside a naive one
 *
 * Each step is a byte: a port that goes up or down, time, a setting of VLANs, mirrors,
 * rates, limits, or a frame, as bytes or as a packet with any notes of offload. What a
 * naive model of 802.1Q says decides who may get the frame and with which tag:
 * nobody twice (but by a mirror), not who sent it, no port that is down, and with
 * the payload it came with. Notes stay such as a wire accepts. The table of
 * addresses stays within its limits.
 */
#include "base/cursor.h"
#include "fuzz.h"
#include "plug/wire.h"
#include "proto/proto.h"
#include "switch/rules.h"
#include "switch/vlan.h"

#define PORTS 6
#define VIDS 4			/* 0 and three more */

struct world {
	struct core	core;
	usec		now;
	bool		created[VIDS], tagged[VIDS][PORTS];
	uint16_t	untagged[PORTS];
	/* the frame under way */
	uint32_t	from;
	const uint8_t	*b;
	uint32_t	len;
	bool		in_tag;
	uint16_t	in_vid;
	uint32_t	got[PORTS];
};

/* The frame's VLAN, or VLAN_NONE. */
static uint16_t model_vlan(const struct world *w)
{
	if (!w->in_tag || (!w->in_vid && !w->tagged[0][w->from]))
		return w->untagged[w->from];
	if (w->in_vid >= VIDS || !w->created[w->in_vid])
		return VLAN_NONE;
	return w->untagged[w->from] == w->in_vid || w->tagged[w->in_vid][w->from] ? w->in_vid :
	       VLAN_NONE;
}

/* Of a frame that was not mirrored here. */
static void check_tag(const struct world *w, uint32_t port, const uint8_t *b)
{
	uint16_t vlan = model_vlan(w);
	bool tagged = vlan_has_tag(b);

	CHECK(vlan != VLAN_NONE);
	CHECK(w->untagged[port] == vlan || w->tagged[vlan][port]);
	if (w->untagged[port] == vlan)		/* perhaps another one was below */
		CHECK(!tagged || (w->in_tag ? vlan_has_tag(w->b + 4) : false));
	else
		CHECK(tagged && (get_u16(b + 14) & 0xfff) == vlan);
}

/* What wire_ring.c asks of a record. */
static void check_notes(const struct pkt *pkt)
{
	uint32_t in_head = (uint32_t)(pkt->end - pkt->cur);

	CHECK(pkt->cur == pkt->start && pkt->end <= PKT_HEAD && in_head >= FRAME_MIN);
	if (pkt->sum == PKT_SUM_PARTIAL)
		CHECK(pkt->sum_start >= FRAME_MIN &&
		      (uint32_t)pkt->sum_start + pkt->sum_off + 2 <= in_head);
	CHECK(!pkt->gso_size || (pkt->gso_hlen > FRAME_MIN && pkt->gso_hlen <= in_head));
}

static void out(void *ctx, uint32_t port, const struct frame *f)
{
	struct world *w = ctx;
	const struct rules *r = w->core.port[port].rules;
	uint32_t n = frame_size(f), skip, skipped;
	uint8_t b[600];

	CHECK(port < PORTS && w->core.port[port].up && n <= sizeof(b));
	if (f->pkt) {
		CHECK(pkt_copy(f->pkt, 0, b, n) == n);
		check_notes(f->pkt);
	} else {
		memcpy(b, f->p, n);
	}
	CHECK(memcmp(b, w->b, 12) == 0 && memcmp(b, f->p, FRAME_MIN) == 0);
	w->got[port]++;
	if (r && r->mirrored)
		return;
	CHECK(port != w->from && w->got[port] == 1);
	if (w->core.hub) {
		CHECK(n == w->len && memcmp(b, w->b, n) == 0);
		return;
	}
	check_tag(w, port, b);
	skipped = w->in_tag ? 16 : 12;
	skip = w->untagged[port] == model_vlan(w) ? 12 : 16;
	CHECK(n - skip == w->len - skipped && memcmp(b + skip, w->b + skipped, n - skip) == 0);
}

/* A packet whose bytes are b, with any notes that a wire accepts. */
static struct pkt *packet_of(struct rd *r, struct arena *a, const uint8_t *b, uint32_t len)
{
	uint32_t in_head = rd_u8(r) + 1u, kind = rd_u8(r), x = rd_u8(r), y = rd_u8(r);
	struct pkt *pkt = pkt_new();

	in_head = CLAMP(in_head, FRAME_MIN, MIN(len, PKT_HEAD));
	pkt->start = pkt->cur = in_head <= PKT_HEAD - 2 ? 2 : 0;
	pkt->end = (uint16_t)(pkt->start + in_head);
	memcpy(pkt->head + pkt->start, b, in_head);
	CHECK(pkt_append(pkt, a, b + in_head, len - in_head));
	if (kind & 1 && x >= FRAME_MIN && x + y + 2 <= in_head) {
		pkt->sum = PKT_SUM_PARTIAL;
		pkt->sum_start = (uint16_t)x;
		pkt->sum_off = (uint16_t)y;
	}
	if (kind & 2 && x > FRAME_MIN && x <= in_head) {
		pkt->gso_size = (uint16_t)(1 + y);
		pkt->gso_hlen = (uint16_t)x;
	}
	return pkt;
}

static struct wire_small small_of(struct rd *r, const uint8_t *b, uint32_t len)
{
	uint32_t x = rd_u8(r), y = rd_u8(r);
	struct wire_small s;

	wire_small_set(&s, b, len);
	if (x >= FRAME_MIN && x + y + 2 <= len) {
		s.rec.sum = PKT_SUM_PARTIAL;
		s.rec.sum_start = (uint16_t)x;
		s.rec.sum_off = (uint16_t)y;
	}
	return s;
}

static void input(struct world *w, struct rd *r)
{
	uint8_t b[512] = { 2, [6] = 2 }, kind = rd_u8(r);
	struct frame f = { .p = b, .len = rd_u8(r) * 2u };
	struct wire_small small;
	uint32_t learned = w->core.fdb.map.count;
	struct arena *a = arena_heap_new(1 << 20);
	enum core_drop d;

	rd_copy(r, b + 5, 1);
	rd_copy(r, b + 11, 1);
	b[5] %= 8, b[11] %= 8;
	if (kind & 1)
		b[0] = rd_u8(r), b[6] = rd_u8(r);
	if (kind & 2)
		put_u32(b + 12, 0x81000000u | (kind & 0x80u) << 8 | rd_u8(r) % (VIDS + 1));
	for (unsigned i = kind & 2 ? 16 : 12; i < sizeof(b); i++)
		b[i] = (uint8_t)(i * 3);
	if (kind & 4)
		put_u16(b + 16, ETHERTYPE_VLAN);
	w->from = rd_u8(r) % PORTS;
	w->b = b;
	w->len = f.len;
	w->in_tag = vlan_has_tag(b);
	w->in_vid = get_u16(b + 14) & 0xfff;
	memset(w->got, 0, sizeof(w->got));
	if (kind & 16 && f.len >= FRAME_MIN && f.len <= WIRE_INLINE) {
		small = small_of(r, b, f.len);
		f.p = small.b;
		f.small = &small;
	} else if (kind & 8 && f.len >= FRAME_MIN) {
		f.pkt = packet_of(r, a, b, f.len);
		f.p = f.pkt->head + f.pkt->cur;
		f.len = pkt_wire_len(f.pkt);
	}
	d = core_input(&w->core, w->from, &f, w->now);
	CHECK(d < N_CORE_DROPS && core_drop_text(d));
	CHECK(w->core.fdb.map.count <= learned + 1);
	CHECK(arena_heap_used(w->core.arena) == 0);
	pkt_free(f.pkt);
	arena_heap_unref(a);
}

static void set_vlan(struct world *w, struct rd *r)
{
	uint16_t vid = rd_u8(r) % VIDS, what = rd_u8(r);
	uint32_t port = rd_u8(r) % PORTS;

	if (what % 5 == 0)
		w->created[vid] |= vlan_create(&w->core, vid) == 0;
	else if (what % 5 == 1 && vlan_remove(&w->core, vid) == 0)
		w->created[vid] = false;
	else if (what % 5 == 2 && vlan_add_port(&w->core, vid, port) == 0)
		w->tagged[vid][port] = true;
	else if (what % 5 == 3 && vlan_del_port(&w->core, vid, port) == 0)
		w->tagged[vid][port] = false;
	else if (what % 5 == 4) {
		vid = what & 0x80 ? VLAN_NONE : vid;
		if (vlan_set_untagged(&w->core, port, vid) == 0) {
			w->untagged[port] = vid;
			if (vid != VLAN_NONE)
				w->tagged[vid][port] = false;
		}
	}
	for (vid = 0; vid < VIDS; vid++)
		CHECK(vlan_exists(&w->core, vid) == w->created[vid]);
}

static void set_rule(struct world *w, struct rd *r)
{
	uint32_t port = rd_u8(r) % PORTS, to = rd_u8(r) % (PORTS + 1), what = rd_u8(r);
	struct mac m = { { 2, [5] = (uint8_t)(to % 8) } };
	struct core *c = &w->core;

	switch (what % 8) {
	case 0: rules_set_mirror(c, port, to == PORTS ? NO_PORT : to, what & 8, what & 16); break;
	case 1: rules_set_talk(c, port, what & 8); break;
	case 2: rules_set_storm(c, port, to % N_STORMS, what & 8 ? 0 : to + 1, 0); break;
	case 3: rules_set_rate(c, port, what & 8, to * 100, what & 16 ? 1 : 0); break;
	case 4: rules_set_mtu(c, port, what & 8 ? 0 : 68 + to * 50); break;
	case 5: core_limit_addresses(c, port, to, what & 8); break;
	case 6: core_fix_address(c, (what >> 3) % VIDS, &m, port); break;
	case 7: core_forget_address(c, (what >> 3) % VIDS, &m); break;
	}
	for (port = 0; port < PORTS; port++)
		core_plain(c, port, to % PORTS);
}

static void step(struct world *w, struct rd *r)
{
	uint8_t what = rd_u8(r);
	uint32_t port = (what >> 3) % PORTS;

	if (what % 8 == 0 && !w->core.port[port].up)
		core_port_up(&w->core, port);
	else if (what % 8 == 1 && w->core.port[port].up)
		core_port_down(&w->core, port);
	else if (what % 8 == 2)
		w->now += USEC_PER_SEC * (what >> 3) / 4;
	else if (what == 3)
		w->core.hub = !w->core.hub;
	else if (what % 8 == 3)
		core_age(&w->core, w->now);
	else if (what % 8 == 4)
		set_vlan(w, r);
	else if (what % 8 == 5)
		set_rule(w, r);
	else
		input(w, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key key = { { 3 } };
	struct rd r = rd_of(data, size);
	struct world w = { .created = { true } };

	core_init(&w.core, PORTS, &key, out, &w);
	while (rd_left(&r))
		step(&w, &r);
	core_fini(&w.core);
	return 0;
}
