/* view.h - a frame as the modules of the switch see it
 *
 * What they judge by is private: a peer that shares its memory could change a
 * header between the check and the delivery, so the first bytes of a packet are
 * copied to its head before anybody looks.
 */
#ifndef SWITCH_VIEW_H
#define SWITCH_VIEW_H

#include "proto/proto.h"
#include "switch/core.h"

#define VIEW_NEAR	192	/* bytes of a packet that are made private */

struct view {
	const struct frame *f;
	struct eth	eth;		/* type: behind one tag, if there is one */
	uint16_t	vlan;		/* where the switch has put it */
	uint32_t	at;		/* where in the frame p is */
	const uint8_t	*p;		/* what follows the type */
	uint32_t	len;		/* how much of it lies there */
	uint32_t	all;		/* how much there is */
};

/* Makes the first bytes private: how many lie in one piece, and of how many. */
uint32_t view_near(const struct frame *f, uint32_t *all);
/* The frame has a link header. */
void view_of(struct view *v, const struct frame *f, uint16_t vlan);
/* What follows the type, all of it: where it lies, or (parts) copied to buf. */
struct rd view_all(const struct view *v, void *buf, uint32_t size);

struct view_ip {
	struct ip_addr	src, dst;
	uint8_t		proto;		/* behind IPv6's extension headers */
	uint8_t		hops;
	bool		frag;		/* one of several */
	bool		later;		/* and not the first: no header of proto in it */
	uint32_t	len;		/* of proto's message, as the IP header says */
	struct rd	body;		/* what of it lies at hand */
};

enum view_is {
	VIEW_IP,
	VIEW_OTHER,		/* another protocol than IP */
	VIEW_BAD,		/* a header that no host would accept */
	VIEW_HIDDEN,		/* headers reach further than we see */
};

/* r: what follows the type. */
enum view_is view_ip(uint16_t type, struct rd r, struct view_ip *ip);
/* Of ICMPv6 (v6) or IGMP, all of it in body. */
bool view_sum_ok(const struct view_ip *ip, bool v6);

#endif
