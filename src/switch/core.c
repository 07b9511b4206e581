/* core.c - the forwarding core of a switch (IEEE 802.1D 7.7)
 *
 * in:   port.c reads a batch -> core_input for each frame
 * out:  core_input -> out for each port (port.c gathers, then sends)
 *
 * A frame goes to the port behind which its destination was learned, or to
 * all others. Tags are not looked at yet: every frame is in VLAN 0, the one
 * place where that is decided is vlan_of. Frames of spanning tree (to
 * 01:80:c2:00:00:00) are forwarded, as vde_switch does with its own off.
 */
#include "switch/core.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"

static const char *const drop_text[] = {
	[CORE_TAKEN]		= "taken",
	[CORE_SHORT]		= "shorter than an Ethernet header",
	[CORE_LONG]		= "longer than 9234 bytes",
	[CORE_BAD_SOURCE]	= "source is a group address",
	[CORE_LOCAL]		= "destination is behind the same port",
	[CORE_NO_PORT]		= "port is not up",
};

static_assert(ARRAY_LEN(drop_text) == N_CORE_DROPS, "each reason has its text");

const char *core_drop_text(enum core_drop why)
{
	return drop_text[why];
}

void core_init(struct core *c, uint32_t n_ports, const struct hash_key *key,
	       void (*out)(void *ctx, uint32_t port, const struct frame *f), void *ctx)
{
	*c = (struct core){ .n_ports = n_ports, .out = out, .ctx = ctx };
	c->port = xzalloc(n_ports * sizeof(c->port[0]));
	fdb_init(&c->fdb, n_ports, key);
}

void core_fini(struct core *c)
{
	fdb_fini(&c->fdb);
	free(c->port);
}

void core_port_up(struct core *c, uint32_t port)
{
	c->port[port] = (struct core_port){ .up = true };
	c->top = MAX(c->top, port + 1);
}

void core_port_down(struct core *c, uint32_t port)
{
	c->port[port].up = false;
	while (c->top && !c->port[c->top - 1].up)
		c->top--;
	fdb_flush_port(&c->fdb, port);
}

static uint16_t vlan_of(const struct core *c, uint32_t port, const struct frame *f)
{
	return 0;
}

static void send_to(struct core *c, uint32_t port, const struct frame *f)
{
	c->port[port].tx_frames++;
	c->port[port].tx_bytes += f->len;
	c->out(c->ctx, port, f);
}

static void flood(struct core *c, uint32_t from, const struct frame *f)
{
	for (uint32_t i = 0; i < c->top; i++) {
		if (i != from && c->port[i].up)
			send_to(c, i, f);
	}
}

static enum core_drop forward(struct core *c, uint32_t from, const struct frame *f, usec now)
{
	struct rd r = rd_of(f->p, f->len);
	uint16_t vlan = vlan_of(c, from, f);
	uint32_t to = FDB_NO_PORT;
	struct eth e;

	eth_parse(&r, &e);
	if (mac_is_group(&e.src))
		return CORE_BAD_SOURCE;
	if (!c->hub) {
		fdb_learn(&c->fdb, vlan, &e.src, from, now);
		if (!mac_is_group(&e.dst))
			to = fdb_find(&c->fdb, vlan, &e.dst, now);
	}
	if (to == from)
		return CORE_LOCAL;
	if (to == FDB_NO_PORT)
		flood(c, from, f);
	else
		send_to(c, to, f);
	return CORE_TAKEN;
}

static enum core_drop count(struct core_port *p, enum core_drop why)
{
	p->drops[why]++;
	return why;
}

enum core_drop core_input(struct core *c, uint32_t port, const struct frame *f, usec now)
{
	struct core_port *p = &c->port[port];

	p->rx_frames++;
	p->rx_bytes += f->len;
	if (!p->up)
		return count(p, CORE_NO_PORT);
	if (f->len < FRAME_MIN)
		return count(p, CORE_SHORT);
	if (f->len > FRAME_MAX)
		return count(p, CORE_LONG);
	return count(p, forward(c, port, f, now));
}
