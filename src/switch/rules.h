/* rules.h - what the frames of a port are subject to, and the settings of it
 *
 * Settings return 0 or -errno (-EINVAL: no such port, or a value out of range),
 * take effect with the next frame, and stay while nobody is at the port.
 */
#ifndef SWITCH_RULES_H
#define SWITCH_RULES_H

#include "switch/core.h"

/* What the port receives, sends, or both, goes to another port too; NO_PORT: no more.
 * The other port gets nothing else then and takes nothing in, unless it may talk. */
int rules_set_mirror(struct core *c, uint32_t port, uint32_t to, bool in, bool out);
int rules_set_talk(struct core *c, uint32_t port, bool talk);
bool rules_is_monitor(const struct core *c, uint32_t port);	/* a port is mirrored to it */
/* Of whatever is mirrored to that port. */
void rules_end_mirrors(struct core *c, uint32_t to);

/* Frames a second; 0: no limit. burst: how many at once; 0: those of 100 ms. */
int rules_set_storm(struct core *c, uint32_t port, enum storm what, uint64_t rate,
		    uint64_t burst);
/* Bytes a second that come in (out: that leave); 0: no limit. burst as above, and at
 * least 64 KiB: with less, TCP's super-frames leave half of the rate unused. What is more
 * is dropped. */
int rules_set_rate(struct core *c, uint32_t port, bool out, uint64_t rate, uint64_t burst);
/* Frames with more behind the link header are dropped; 0: none are. */
int rules_set_mtu(struct core *c, uint32_t port, uint32_t mtu);
/* Two ports that are isolated give each other nothing, whatever their VLAN. */
int rules_set_isolated(struct core *c, uint32_t port, bool isolated);

/* --- the core's --- */

/* Before its VLAN is known: mirrors it. */
enum core_drop rules_first(struct core *c, struct rules *r, const struct frame *f);
enum core_drop rules_in(struct pass *s, struct rules *r);
enum core_drop rules_out(struct pass *s, struct rules *r, uint32_t port, const struct frame *f);
enum core_drop rules_unknown(struct pass *s, struct rules *r);	/* will be flooded */
bool rules_are_plain(const struct rules *r);	/* NULL is */
bool rules_are_empty(const struct rules *r);

#endif
