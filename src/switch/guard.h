/* guard.h - the addresses that whoever sits at a port may use, and what it may be
 *
 * No MAC given: any; no IP address or prefix given: any. One guard a port.
 */
#ifndef SWITCH_GUARD_H
#define SWITCH_GUARD_H

#include "switch/view.h"

#define GUARD_MAX	64		/* MACs, and as many prefixes */

enum guard_drop {
	GUARD_OK,
	GUARD_MAC,		/* the frame's source */
	GUARD_IP,		/* the IP packet's source */
	GUARD_ARP,		/* the sender, by ARP's fields */
	GUARD_ND,		/* the sender, by neighbour discovery's fields */
	GUARD_HIDDEN,		/* what it is cannot be seen */
	GUARD_ROUTER,		/* what only routers say */
	GUARD_DHCP,		/* what only DHCP's servers and relays say */
	N_GUARD_DROPS
};

struct guard_net {
	struct ip_addr	addr;
	uint8_t		len;		/* within its family */
};

struct guard {
	uint32_t	n_mac, n_net;
	struct mac	mac[GUARD_MAX];
	struct guard_net net[GUARD_MAX];
	bool		no_router, no_dhcp;	/* there is none behind the port */
	uint64_t	drops[N_GUARD_DROPS];	/* counted by who asks */
};

enum guard_drop guard_check(const struct guard *g, const struct view *v);
enum guard_drop guard_check_role(const struct guard *g, const struct view *v);
const char *guard_drop_text(enum guard_drop why);

/* 0; -EEXIST, -ENOSPC; -EINVAL: a group address, or no address at all. */
int guard_add_mac(struct guard *g, const struct mac *mac);
int guard_add_net(struct guard *g, const struct ip_addr *addr, unsigned len);
int guard_del_mac(struct guard *g, const struct mac *mac);	/* -ENOENT */
int guard_del_net(struct guard *g, const struct ip_addr *addr, unsigned len);
/* A MAC, an address or a prefix as text: adds it, or takes it away. */
int guard_word(struct guard *g, const char *word, bool add);
static inline bool guard_has_role(const struct guard *g) { return g->no_router || g->no_dhcp; }
static inline bool guard_any_address(const struct guard *g) { return !g->n_mac && !g->n_net; }
static inline bool guard_empty(const struct guard *g)
{
	return guard_any_address(g) && !guard_has_role(g);
}

#endif
