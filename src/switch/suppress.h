/* suppress.h - the switch answers ARP requests and neighbour solicitations
 *
 * What it knows it has heard from the owner itself a short time ago; what it does
 * not know goes to all as ever.
 */
#ifndef SWITCH_SUPPRESS_H
#define SWITCH_SUPPRESS_H

#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "switch/view.h"

#define SUPPRESS_FRESH	(30 * USEC_PER_SEC)	/* RFC 4861 10: REACHABLE_TIME */
#define SUPPRESS_PORT_MAX	1024		/* addresses behind one port */
#define SUPPRESS_ANSWER	(ETH_LEN + IP6_LEN + 32)

struct suppress_entry {
	struct map_node	node;
	struct list	link, all;	/* its port's, and those of all; longest unheard first */
	struct ip_addr	ip;
	struct mac	mac;
	uint16_t	vlan;
	bool		router;		/* as it says in its advertisements */
	uint32_t	port;
	usec		heard;		/* from the owner */
	usec		disputed;	/* before then nobody is answered for it */
};

struct suppress {
	struct hash_key	key;
	struct map	map;
	struct list	all;
	usec		fresh;		/* how long what was heard is good for answers */
	uint32_t	n_ports;
	const uint64_t	*isolated;	/* bitmap: ports that give each other nothing (the core's) */
	uint64_t	answers;	/* given */
	struct suppress_port {
		struct list	entries;
		uint32_t	count;
	} *port;
};

void suppress_init(struct suppress *s, uint32_t n_ports, const struct hash_key *key, usec fresh);
void suppress_fini(struct suppress *s);
/* A frame that came in at port: learns from it. Not 0: it asks for what is known, and
 * a frame of that length in answer is what the port gets instead of anyone the
 * question. */
uint32_t suppress_in(struct suppress *s, uint32_t port, const struct view *v, usec now,
		     uint8_t answer[SUPPRESS_ANSWER]);
/* VLAN_NONE: of all VLANs */
void suppress_flush(struct suppress *s, uint32_t port, uint16_t vlan);
/* Forgets what is too old; returns when to be called again, NEVER if empty. */
usec suppress_age(struct suppress *s, usec now);

#endif
