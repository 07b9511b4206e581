/* vlan.c - which VLAN a frame is in, and which ports are (IEEE 802.1Q 6.9, 8.6)
 *
 * Commands and their errors are vde_switch's. A frame without a tag, or with one
 * that gives only a priority (VID 0), is in its port's untagged VLAN; any other
 * tag must name a VLAN that the port is in, be it as the untagged one. (VLAN 0 can
 * be a port's tagged one, too, as vde_switch has it: then VID 0 means it.)
 *
 * Each VLAN that was created has two bitmaps of ports, so its members are walked
 * 64 at a time, and 10,000 ports cost it 2.5 KB.
 */
#include "switch/vlan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/mem.h"
#include "proto/proto.h"

static struct vlan_ports *ports_new(const struct core *c)
{
	struct vlan_ports *v = xzalloc(sizeof(*v));

	v->member = xzalloc(c->words * sizeof(v->member[0]));
	v->tagged = xzalloc(c->words * sizeof(v->tagged[0]));
	return v;
}

static void ports_free(struct vlan_ports *v)
{
	if (!v)
		return;
	free(v->member);
	free(v->tagged);
	free(v);
}

void vlan_init(struct core *c)
{
	struct vlan_ports *v = c->vlan[VLAN_DEFAULT] = ports_new(c);

	/* Ports, fresh, are zeros: so is their VLAN, and the pages of most stay untouched. */
	static_assert(VLAN_DEFAULT == 0, "a fresh port is in it");
	for (uint32_t i = 0; i < c->n_ports; i++)
		bit_set(v->member, i, true);
}

void vlan_fini(struct core *c)
{
	for (uint16_t i = 0; i < VLAN_NONE; i++)
		ports_free(c->vlan[i]);
}

int vlan_create(struct core *c, uint16_t vid)
{
	if (vid >= VLAN_NONE)
		return -EINVAL;
	if (c->vlan[vid])
		return -EEXIST;
	c->vlan[vid] = ports_new(c);
	return 0;
}

int vlan_remove(struct core *c, uint16_t vid)
{
	if (vid >= VLAN_NONE)
		return -EINVAL;
	if (!c->vlan[vid])
		return -ENXIO;
	for (uint32_t i = 0; i < c->words; i++) {
		if (c->vlan[vid]->member[i])
			return -EADDRINUSE;
	}
	ports_free(c->vlan[vid]);
	c->vlan[vid] = NULL;
	return 0;
}

/* What was learned there is so no more. */
static void leave(struct core *c, uint32_t port, uint16_t vid)
{
	fdb_flush_vlan(&c->fdb, port, vid);
	if (c->gone)
		c->gone(c->gone_ctx, port, vid);
}

static int set_tagged(struct core *c, uint16_t vid, uint32_t port, bool on)
{
	if (vid >= VLAN_NONE || port >= c->n_ports)
		return -EINVAL;
	if (!c->vlan[vid])
		return -ENXIO;
	if (c->port[port].untagged == vid)
		return -EINVAL;
	bit_set(c->vlan[vid]->member, port, on);
	bit_set(c->vlan[vid]->tagged, port, on);
	if (!on)
		leave(c, port, vid);
	c->changes++;
	return 0;
}

int vlan_add_port(struct core *c, uint16_t vid, uint32_t port)
{
	return set_tagged(c, vid, port, true);
}

int vlan_del_port(struct core *c, uint16_t vid, uint32_t port)
{
	return set_tagged(c, vid, port, false);
}

int vlan_set_untagged(struct core *c, uint32_t port, uint16_t vid)
{
	uint16_t old;

	if (vid > VLAN_NONE || port >= c->n_ports)
		return -EINVAL;
	if (vid != VLAN_NONE && !c->vlan[vid])
		return -ENXIO;
	old = c->port[port].untagged;
	if (old == vid)
		return 0;
	if (old != VLAN_NONE) {
		bit_set(c->vlan[old]->member, port, false);
		leave(c, port, old);
	}
	if (vid != VLAN_NONE) {
		bit_set(c->vlan[vid]->member, port, true);
		bit_set(c->vlan[vid]->tagged, port, false);
	}
	c->port[port].untagged = vid;
	c->changes++;
	return 0;
}

/* --- frames --- */

bool vlan_has_tag(const uint8_t *p)
{
	return get_u16(p + 12) == ETHERTYPE_VLAN;
}

static enum core_drop without_vid(struct pass *s, const struct core_port *p)
{
	s->vlan = p->untagged;
	return s->vlan == VLAN_NONE ? CORE_UNTAGGED : CORE_TAKEN;
}

static enum core_drop with_tag(struct pass *s, const struct core_port *p)
{
	const unsigned len = ETH_LEN + VLAN_LEN;

	if (s->f.pkt)
		s->f.p = pkt_pull(s->f.pkt, len);
	else if (s->f.len < len)
		s->f.p = NULL;
	if (!s->f.p)
		return CORE_SHORT;
	s->tagged = true;
	s->vlan = get_u16(s->f.p + ETH_LEN) & 0xfff;
	if (!s->vlan && !vlan_is_tagged(s->core, 0, s->from))
		return without_vid(s, p);	/* IEEE 802.1Q 6.9.1: a priority only */
	return vlan_has(s->core, s->vlan, s->from) ? CORE_TAKEN : CORE_VLAN;
}

enum core_drop vlan_classify(struct pass *s, const struct core_port *p)
{
	return vlan_has_tag(s->f.p) ? with_tag(s, p) : without_vid(s, p);
}
