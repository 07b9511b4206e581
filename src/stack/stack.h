/* stack.h - the TCP/IP engine: bytes and time in, bytes and a deadline out
 *
 * No fd, no thread, no clock, no global. The caller serialises all calls on
 * one stack (a node's lock) and says what time it is. The packet's way:
 *
 *   in:  stack_input -> eth_in -> ip4_in | ip6_in | arp_in
 *        -> udp_in | tcp_in | icmp4_in | icmp6_in (-> nd_in)
 *   out: tcp_out | udp_out | icmp_out -> ip_out -> neigh_out -> eth_out -> netif ops
 */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include "base/addr.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "stack/drop.h"
#include "stack/param.h"
#include "stack/pkt.h"

struct frag_table;
struct icmp_limit;
struct pmtu_table;
struct neigh_table;
struct route_table;
struct sock_table;
struct tcp_stack;

struct stack {
	usec		now;
	struct heap	timers;
	struct hash_key	secret;		/* ISN, ports, tables */
	struct rng	rng;
	struct param	param;
	struct list	netifs;
	uint32_t	last_ifindex;
	struct netif	*lo;
	struct arena	*heap;		/* for packets that have no plug's arena */
	struct neigh_table *neigh;
	struct route_table *routes;
	struct frag_table *frags;
	struct sock_table *socks;
	struct tcp_stack *tcp;
	uint64_t	drops[N_DROPS];
	struct icmp_limit *icmp;	/* icmp.c: error rate limit */
	struct pmtu_table *pmtu;	/* pmtu.c */
	uint32_t	route_gen;	/* changes with routes, addresses, path MTUs; never 0 */
	uint16_t	ip_ids[64];	/* ip4.c: counters by hash of the two ends */
	/* Called on each drop before the packet is freed, for traces; may be NULL. */
	void		(*on_drop)(struct stack *st, const struct pkt *pkt, enum drop why);
	void		*user;		/* the node or the simulator */
};

/* seed: 0 takes the system's randomness, else everything is repeatable. */
struct stack *stack_new(uint64_t seed, usec now);
/* Sockets still open are destroyed silently (no segment is sent). */
void stack_free(struct stack *st);

/* The time of the calls that follow; never goes back. */
static inline void stack_now(struct stack *st, usec now)
{
	if (now > st->now)
		st->now = now;
}

/* A frame arrived: Ethernet header at the cursor. Takes pkt. */
enum drop stack_input(struct stack *st, struct netif *nif, struct pkt *pkt);
/* Fires what is due, delivers loopback. Call after input, after socket calls
 * and at the deadline. */
void stack_run(struct stack *st);
usec stack_deadline(const struct stack *st);	/* NEVER: nothing pending */
int stack_set(struct stack *st, const char *name, const char *value);

/* A timer of the stack; fire may free its owner. */
struct stimer {
	struct timer	t;
	void		(*fire)(struct stack *st, struct stimer *tm);
};

static inline void stimer_init(struct stimer *tm, void (*fire)(struct stack *, struct stimer *))
{
	*tm = (struct stimer){ TIMER_OFF, fire };
}
static inline void stimer_set(struct stack *st, struct stimer *tm, usec at)
{
	timer_set(&st->timers, &tm->t, at);
}
static inline bool stimer_armed(const struct stimer *tm) { return tm->t.at != NEVER; }

/* --- interfaces (netif.c) --- */

enum { NETIF_UP = 1, NETIF_LOOPBACK = 2, NETIF_NOARP = 4 };

struct netif_ops {
	/* Sends a frame: Ethernet header at cur. Takes pkt. Super-frames
	 * (gso_size) and PARTIAL sums may come; the plug segments and sums if
	 * what is below cannot. */
	void		(*out)(struct netif *nif, struct pkt *pkt);
	/* Wire frames that would be taken now without loss; TCP asks before it
	 * sends and is resumed by netif_ready. NULL: no limit. */
	uint32_t	(*room)(struct netif *nif);
};

struct netif_addr {
	struct list	link;
	struct netif	*nif;
	struct ip_addr	addr;
	struct ip_addr	broadcast;	/* of the subnet; IP_NONE: has none */
	uint8_t		len;		/* prefix bits within the family */
	enum { ADDR_TENTATIVE, ADDR_OPTIMISTIC, ADDR_OK, ADDR_DUPLICATE } state;
	uint8_t		dad_left;
	bool		slaac;		/* by a router's prefix; brings no route */
	struct stimer	dad;
	usec		valid_until, preferred_until;
	struct stimer	life;		/* at valid_until */
};

/* A multicast group this interface receives (group.c). */
struct netif_group {
	struct list	link;
	struct ip_addr	addr;
	uint32_t	users;
};

struct netif {
	struct list	link;
	struct stack	*st;
	uint32_t	index;
	char		name[16];
	struct mac	mac;
	uint32_t	mtu;		/* IP bytes; >= 1280 for IPv6 */
	uint32_t	flags;
	const struct netif_ops *ops;
	void		*ctx;		/* the plug's */
	struct arena	*arena;		/* where send buffers come from; NULL: st->heap */
	struct list	addrs;
	struct list	stalled;	/* sockets waiting for room (sock.stall) */
	struct list	loop;		/* loopback only: frames under way */
	uint32_t	looped;		/* how many */
	struct list	groups;
	struct stimer	report;		/* group.c: a querier waits for our groups */
	struct list	learned;	/* nd.c: routes with a lifetime */
	struct stimer	rs;		/* nd.c: next router solicitation */
	uint8_t		rs_left;
	uint8_t		hops;		/* hop limit told by a router; 0: none */
	uint32_t	mtu6;		/* IPv6's MTU told by a router; 0: mtu */
	uint64_t	rx_frames, rx_bytes, tx_frames, tx_bytes;
};

/* flags without UP; then netif_up. Owned by the stack. */
struct netif *netif_add(struct stack *st, const char *name, struct mac mac, uint32_t mtu,
			uint32_t flags, const struct netif_ops *ops, void *ctx);
void netif_remove(struct netif *nif);
void netif_up(struct netif *nif);	/* link-local address, DAD, MLD/ARP announcements */
void netif_ready(struct netif *nif);	/* room again: resumes stalled sockets */
/* Adds the address, its connected route; starts DAD. 0, -EEXIST, -EINVAL. */
int netif_addr_add(struct netif *nif, const struct ip_addr *a, unsigned len);
int netif_addr_del(struct netif *nif, const struct ip_addr *a, unsigned len);
struct netif_addr *netif_addr_find(const struct netif *nif, const struct ip_addr *a);
struct netif *netif_by_index(struct stack *st, uint32_t index);
struct netif *netif_by_name(struct stack *st, const char *name);
/* Groups: counted, the first join is announced. 0 or -ENOBUFS. */
int netif_join(struct netif *nif, const struct ip_addr *group);
void netif_leave(struct netif *nif, const struct ip_addr *group);
bool netif_joined(const struct netif *nif, const struct ip_addr *group);
/* Is this address ours (any interface, usable)? NULL if not. */
struct netif_addr *stack_addr(struct stack *st, const struct ip_addr *a);

/* --- routes (route.c) --- */

struct route {
	struct list	link;
	struct ip_addr	dst;		/* prefix; IP4_ANY/0, IP6_ANY/0: default */
	uint8_t		len;
	struct ip_addr	gw;		/* IP_NONE: on link */
	struct ip_addr	src;		/* preferred source, IP_NONE: choose */
	struct netif	*nif;
	uint32_t	metric;
};

int route_add(struct stack *st, const struct route *r);	/* copied; 0, -EEXIST, -EINVAL */
int route_del(struct stack *st, const struct route *r);
/* Longest prefix, then lowest metric; ifindex 0: any interface. */
const struct route *route_find(struct stack *st, const struct ip_addr *dst, uint32_t ifindex);
/* All routes of an interface that is going away. */
void route_flush(struct netif *nif);
static inline void route_changed(struct stack *st) { st->route_gen += st->route_gen + 1 ? 1 : 2; }
/* The i-th, for show; NULL past the end. */
const struct route *route_at(struct stack *st, unsigned i);

#endif
