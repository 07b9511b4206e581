/* switch_core.c - a forwarding core driven by any bytes
 *
 * Each step is a byte: a port that goes up or down, time that passes, or a frame
 * with addresses out of a few. Whatever happens, a frame goes to no port twice,
 * not back to where it came from and to no port that is down; and the table
 * stays within its limits.
 */
#include "base/cursor.h"
#include "fuzz.h"
#include "switch/core.h"

#define PORTS 6

struct world {
	struct core	core;
	uint32_t	from;
	unsigned	got;		/* a bit for each port */
	usec		now;
};

static void out(void *ctx, uint32_t port, const struct frame *f)
{
	struct world *w = ctx;

	CHECK(port < PORTS && port != w->from && w->core.port[port].up);
	CHECK(!(w->got >> port & 1));
	w->got |= 1u << port;
}

static void input(struct world *w, struct rd *r)
{
	uint8_t b[64] = { 2, [6] = 2 };
	uint8_t len = rd_u8(r) % 80;
	struct frame f = { .p = b, .len = len < sizeof(b) ? len : FRAME_MAX + 1u };
	uint32_t learned = w->core.fdb.map.count;
	enum core_drop d;

	rd_copy(r, b + 4, 2);
	rd_copy(r, b + 10, 2);
	if (rd_u8(r) & 1)
		b[0] = rd_u8(r), b[6] = rd_u8(r);
	w->from = rd_u8(r) % PORTS;
	w->got = 0;
	d = core_input(&w->core, w->from, &f, w->now);
	CHECK(d < N_CORE_DROPS && core_drop_text(d));
	CHECK(d == CORE_TAKEN || !w->got);
	CHECK(w->core.fdb.map.count <= learned + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hash_key key = { { 3 } };
	struct rd r = rd_of(data, size);
	struct world w = { .now = 0 };

	core_init(&w.core, PORTS, &key, out, &w);
	while (rd_left(&r)) {
		uint8_t step = rd_u8(&r);
		uint32_t port = (step >> 3) % PORTS;

		if (step % 8 == 0 && !w.core.port[port].up)
			core_port_up(&w.core, port);
		else if (step % 8 == 1 && w.core.port[port].up)
			core_port_down(&w.core, port);
		else if (step % 8 == 2)
			w.now += USEC_PER_SEC * (step >> 3);
		else if (step % 8 == 3)
			core_age(&w.core, w.now);
		else if (step % 8 == 4)
			w.core.hub = step & 8;
		else
			input(&w, &r);
	}
	core_fini(&w.core);
	return 0;
}
