/* vlan.h - VLANs of a switch (IEEE 802.1Q), as vde_switch's console sets them
 *
 * A port has one untagged VLAN or none, and any number of tagged ones. VLAN 0
 * is there at first, as every port's untagged one. All return 0 or -errno:
 *	-EINVAL	no such number	-ENXIO	not created	-EEXIST	created before
 */
#ifndef SWITCH_VLAN_H
#define SWITCH_VLAN_H

#include "switch/core.h"

struct vlan_ports {
	uint64_t	*member;	/* bitmaps: all its ports */
	uint64_t	*tagged;	/* those whose frames have its tag */
};

int vlan_create(struct core *c, uint16_t vid);
int vlan_remove(struct core *c, uint16_t vid);	/* -EADDRINUSE: a port is in it */
int vlan_add_port(struct core *c, uint16_t vid, uint32_t port);	/* tagged; -EINVAL: untagged */
int vlan_del_port(struct core *c, uint16_t vid, uint32_t port);	/* -EINVAL: untagged */
int vlan_set_untagged(struct core *c, uint32_t port, uint16_t vid);	/* VLAN_NONE: none */

static inline bool vlan_exists(const struct core *c, uint16_t vid)
{
	return vid < VLAN_NONE && c->vlan[vid];
}

static inline bool vlan_has(const struct core *c, uint16_t vid, uint32_t port)
{
	return vlan_exists(c, vid) && bit_get(c->vlan[vid]->member, port);
}

static inline bool vlan_is_tagged(const struct core *c, uint16_t vid, uint32_t port)
{
	return vlan_exists(c, vid) && bit_get(c->vlan[vid]->tagged, port);
}

/* The core's: all of a new one, of one that ends. */
void vlan_init(struct core *c);
void vlan_fini(struct core *c);
bool vlan_has_tag(const uint8_t *p);	/* a frame's first 14 bytes */
/* Reads the frame's tag, if it has one, and finds its VLAN. */
enum core_drop vlan_classify(struct pass *s, const struct core_port *p);

/* tag.c: the frame as it leaves, with a tag or without; valid until tag_done. NULL:
 * there is no memory, or no room in its headers. */
const struct frame *tag_frame(struct pass *s, bool tagged);
void tag_done(struct pass *s);
/* The bytes of a frame as a packet of ours; NULL: there is no memory. */
struct pkt *tag_copy(struct arena *a, const struct frame *f);

#endif
