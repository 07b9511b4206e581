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
#include "stack/budget.h"
#include "stack/drop.h"
#include "stack/mib.h"
#include "stack/param.h"
#include "stack/pkt.h"

struct frag_table;
struct icmp_limit;
struct label_table;
struct pmtu_table;
struct neigh_table;
struct route_table;
struct rule_table;
struct sock_table;
struct tcp_stack;
struct tcpc;

/* The kinds of object that on_change tells of: struct netif, netif_addr, route,
 * neigh, rule; the address list of resolvers of a struct netif. */
enum change {
	CHANGE_LINK, CHANGE_ADDR, CHANGE_ROUTE, CHANGE_NEIGH, CHANGE_RULE, CHANGE_RDNSS,
};

struct stack {
	usec		now;
	struct heap	timers;
	struct hash_key	secret;		/* ISN, ports, tables */
	struct hash_key	quick;		/* of hash_quick: tables */
	struct rng	rng;
	struct param	param;
	struct list	netifs;
	uint32_t	last_ifindex;
	struct netif	*lo;
	struct arena	*heap;		/* for packets that have no plug's arena */
	struct neigh_table *neigh;
	struct route_table *routes;
	struct rule_table *rules;
	struct label_table *labels;	/* addr_label.c; NULL: as they were */
	struct frag_table *frags;
	struct sock_table *socks;
	struct tcp_stack *tcp;
	uint64_t	drops[N_DROPS], drops6[N_DROPS];	/* all; of them IPv6 */
	struct mib	mib;
	struct budget	budget[N_BUDGETS];
	struct icmp_limit *icmp;	/* icmp.c: error rate limit */
	struct pmtu_table *pmtu;	/* pmtu.c */
	struct delays	*delays;	/* delay.c; NULL: nothing ever was */
	uint32_t	route_gen;	/* changes with routes, addresses, path MTUs; never 0 */
	bool		is_router;	/* forward.c: in the routers' groups */
	uint32_t	udp_gro;	/* sockets with UDP_GRO */
	uint64_t	forwarded;	/* packets for others */
	/* addr.c: what stack_addr found, by hash of the address */
	struct addr_memo {
		struct ip_addr	addr;
		struct netif_addr *found;
		bool	broadcast;	/* of some interface */
		uint8_t	kind;		/* enum addr_kind */
		uint32_t	gen;	/* valid while it is route_gen */
	} addr_memo[16];
	uint16_t	ip_ids[64];	/* ip4.c: counters by hash of the two ends */
	/* Called on each drop before the packet is freed, for traces; may be NULL. */
	void		(*on_drop)(struct stack *st, const struct pkt *pkt, enum drop why);
	/* The state of a connection has changed, for traces; may be NULL. */
	void		(*on_state)(const struct tcpc *tc, int old, const char *why);
	/* What the tables hold has changed, for rtnetlink; may be NULL. The object
	 * is read during the call only; gone: it is about to be freed. */
	void		(*on_change)(struct stack *st, enum change what, bool gone,
				     const void *object);
	void		*user;		/* the node or the simulator */
};

static inline void count_ip(struct stack *st, bool v4, enum ip_count what, uint64_t n)
{
	st->mib.ip[v4][what] += n;
}

static inline void count_tcp(struct stack *st, enum tcp_count_of what)
{
	st->mib.tcp[what]++;
}

static inline void stack_tell(struct stack *st, enum change what, bool gone, const void *object)
{
	if (st->on_change)
		st->on_change(st, what, gone, object);
}

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

/* A router was heard; addresses, or all but them, are to be had by DHCP. Numbers as
 * IF_RA_*. */
enum { RA_HEARD = 0x20, RA_MANAGED = 0x40, RA_OTHER = 0x80 };

struct netif_ops {
	/* Sends a frame: Ethernet header at cur. Takes pkt. Super-frames
	 * (gso_size) and PARTIAL sums may come; the plug segments and sums if
	 * what is below cannot. */
	void		(*out)(struct netif *nif, struct pkt *pkt);
	/* Wire frames that would be taken now without loss; TCP asks before it
	 * sends and is resumed by netif_ready. NULL: no limit. */
	uint32_t	(*room)(struct netif *nif);
	/* The same, and the memory for payload, of frames to one next hop. NULL:
	 * they are as all others. */
	uint32_t	(*room_to)(struct netif *nif, const struct ip_addr *hop);
	struct arena	*(*arena_to)(struct netif *nif, const struct ip_addr *hop);
};

/* Numbers as IFA_F_*. */
enum { ADDR_TEMPORARY = 1, ADDR_NODAD = 2, ADDR_MANAGETEMP = 0x100, ADDR_NOPREFIXROUTE = 0x200 };

enum { ADDRPROTO_RA = 2, ADDRPROTO_LINKLOCAL = 3 };	/* as IFAPROT_KERNEL_* */

struct netif_addr {
	struct list	link;
	struct netif	*nif;
	struct ip_addr	addr;
	struct ip_addr	broadcast;	/* of the subnet; IP_NONE: has none */
	uint8_t		len;		/* prefix bits within the family */
	enum { ADDR_TENTATIVE, ADDR_OPTIMISTIC, ADDR_OK, ADDR_DUPLICATE } state;
	uint32_t	flags;		/* ADDR_* below */
	struct ip_addr	peer;		/* of a point-to-point pair; IP_NONE: none */
	uint8_t		protocol;	/* IFAPROT_*; 0: by hand */
	uint8_t		scope;		/* RT_SCOPE_* of IPv4, for show */
	bool		quiet_brd;	/* broadcast is not shown: nobody gave it */
	char		label[16];	/* IPv4's alias; "": the interface's name */
	usec		created, updated;
	uint8_t		dad_left;
	usec		defended;	/* IPv4: last (RFC 5227 2.4); 0: never */
	uint8_t		nonce[6];	/* of this test (RFC 7527) */
	uint8_t		counter;	/* how many before it were somebody's (RFC 7217) */
	bool		slaac;		/* by a router's prefix; brings no route */
	struct ip_addr	router;		/* the one that told the prefix last */
	struct stimer	dad;
	usec		valid_until, preferred_until;
	/* Temporary addresses: their own end, when the next one is due (0: not). */
	usec		valid_most, preferred_most, regen_at;
	struct stimer	life;		/* the next of the three */
};

/* What one family says about groups on an interface (mld.c). */
struct group_talk {
	struct netif	*nif;
	bool		v4;
	uint8_t		robust;		/* told by the querier; 0: not */
	usec		interval;	/* between its queries */
	struct stimer	general;	/* it waits for all our groups */
	struct stimer	change;		/* changes are told again */
	struct stimer	elder[2];	/* a querier of version 1, 2 is there */
};

struct netif {
	struct list	link;
	struct stack	*st;
	uint32_t	index;
	char		name[16];
	struct mac	mac;
	uint32_t	mtu;		/* IP bytes; >= 1280 for IPv6 */
	uint32_t	mtu_max;	/* the largest it may be set to */
	uint32_t	flags;
	const struct netif_ops *ops;
	void		*ctx;		/* the plug's */
	struct arena	*arena;		/* where send buffers come from; NULL: st->heap */
	struct list	addrs;
	struct list	stalled;	/* sockets waiting for room (sock.stall) */
	struct list	loop;		/* loopback only: frames under way */
	uint32_t	looped;		/* how many */
	uint32_t	promisc;	/* packet sockets that want others' frames */
	struct list	groups;
	struct group_talk talk[2];	/* mld.c: IPv4, IPv6 */
	struct list	learned;	/* router.c: routes with a lifetime */
	struct list	told;		/* rdnss.c: resolvers, domains */
	struct stimer	rs;		/* solicit.c: next router solicitation */
	usec		rs_wait;
	/* Told by a router; 0: nothing yet. */
	uint8_t		hops;
	uint32_t	mtu6;		/* IPv6's MTU */
	uint32_t	reachable_ms, retrans_ms;
	uint8_t		ra_flags;	/* RA_* */
	struct ip_addr	token;		/* the host half of stable addresses; IP_NONE: made */
	uint64_t	rx_frames, rx_bytes, tx_frames, tx_bytes;
};

/* flags without UP; then netif_up. Owned by the stack. */
struct netif *netif_add(struct stack *st, const char *name, struct mac mac, uint32_t mtu,
			uint32_t flags, const struct netif_ops *ops, void *ctx);
void netif_remove(struct netif *nif);
void netif_up(struct netif *nif);	/* link-local address, DAD, MLD/ARP announcements */
void netif_down(struct netif *nif);	/* silent; learnt routes and neighbours are forgotten */
void netif_changed(struct netif *nif);	/* name, mtu, mac or flags were set from outside */
int netif_set_mtu(struct netif *nif, uint32_t mtu);	/* 0, -EINVAL */
int netif_set_mac(struct netif *nif, struct mac mac);	/* 0, -EADDRNOTAVAIL, -EOPNOTSUPP */
/* One that follows from the MAC address, where Linux keeps the old one until the link has been
 * down; routers are asked again from there. */
void netif_new_linklocal(struct netif *nif);
int netif_rename(struct netif *nif, const char *name);	/* 0, -EINVAL, -EEXIST */
/* The lower half of addresses from routers' prefixes, also of those that are there
 * already (ip token); IP_NONE: as addr_gen_mode says. */
void netif_set_token(struct netif *nif, const struct ip_addr *token);
void netif_ready(struct netif *nif);	/* room again: resumes stalled sockets */
/* Adds the address, its connected route; starts DAD. 0, -EEXIST, -EINVAL. */
int netif_addr_add(struct netif *nif, const struct ip_addr *a, unsigned len);
/* With all that rtnetlink can say. len and addr are read from want, also flags, peer,
 * broadcast (IP_NONE: the subnet's), protocol, scope, quiet_brd, label,
 * valid_until, preferred_until; no more. replace: one that is there takes
 * lifetimes and flags. */
int netif_addr_put(struct netif *nif, const struct netif_addr *want, bool replace);
/* What netif_addr_put would say without doing it, if the address gone were not there
 * (NULL: none goes). */
int netif_addr_check(const struct netif *nif, const struct netif_addr *want,
		     const struct netif_addr *gone);
int netif_addr_del(struct netif *nif, const struct ip_addr *a, unsigned len);
struct netif_addr *netif_addr_find(const struct netif *nif, const struct ip_addr *a);
/* Resolvers and search domains told by routers (RFC 8106), in the order they came. */
bool stack_rdnss_at(struct stack *st, unsigned i, struct endpoint *out);
const char *stack_dnssl_at(struct stack *st, unsigned i);	/* NULL past the end */
struct netif *netif_by_index(struct stack *st, uint32_t index);
struct netif *netif_by_name(struct stack *st, const char *name);
/* Groups the stack itself needs: counted, the first join is announced. */
void netif_join(struct netif *nif, const struct ip_addr *group);
void netif_leave(struct netif *nif, const struct ip_addr *group);
bool netif_joined(const struct netif *nif, const struct ip_addr *group);

/* Who listens to a group on an interface, and to whom in it (RFC 3376 2): the
 * interface receives what the union of its members wants. Belongs to its user (a
 * socket); zeroed before the first call. */
struct netif_member {
	struct list	link;
	struct netif	*nif;		/* NULL: in no group, or the interface is gone */
	struct ip_addr	group;
	bool		exclude;	/* all but src; else only src */
	uint16_t	n;
	struct ip_addr	*src;
};
/* Joins, or changes the filter; include nobody is to leave. 0, -ENOBUFS (too many
 * groups, or sources: igmp_max_msf, mld_max_msf), -EINVAL. */
int netif_filter(struct netif *nif, const struct ip_addr *group, struct netif_member *m,
		 bool exclude, const struct ip_addr *src, unsigned n);
bool member_wants(const struct netif_member *m, const struct ip_addr *src);
/* Does anybody here want what src sends to the group? */
bool netif_group_wants(const struct netif *nif, const struct ip_addr *group,
		       const struct ip_addr *src);
/* Is this address ours (any interface, usable)? NULL if not. */
struct netif_addr *stack_addr(struct stack *st, const struct ip_addr *a);
/* Most packets come from somebody's unicast address and go to one of ours; what is
 * loopback, group, broadcast of an interface, reserved or none is special. */
enum addr_kind { ADDR_SPECIAL, ADDR_OURS, ADDR_OTHERS };
enum addr_kind stack_addr_kind(struct stack *st, const struct ip_addr *a);

/* --- routes (route.c) --- */

/* Numbers as in rtnetlink: RT_TABLE_*, RTN_*, RTPROT_*, RT_SCOPE_*, RFC 4191 2.1. */
enum { TABLE_DEFAULT = 253, TABLE_MAIN = 254, TABLE_LOCAL = 255 };
enum route_type {
	ROUTE_UNICAST = 1, ROUTE_BLACKHOLE = 6, ROUTE_UNREACHABLE = 7, ROUTE_PROHIBIT = 8,
	ROUTE_THROW = 9,
};
enum { PROTO_REDIRECT = 1, PROTO_KERNEL = 2, PROTO_BOOT = 3, PROTO_STATIC = 4, PROTO_RA = 9 };
enum { SCOPE_UNIVERSE = 0, SCOPE_ON_LINK = 253 };
enum { PREF_MEDIUM = 0, PREF_HIGH = 1, PREF_LOW = 3 };

struct route {
	struct list	link;
	struct ip_addr	dst;		/* prefix; IP4_ANY/0, IP6_ANY/0: default */
	uint8_t		len;
	struct ip_addr	gw;		/* IP_NONE: on link */
	struct ip_addr	src;		/* preferred source, IP_NONE: choose */
	struct netif	*nif;		/* NULL: not unicast */
	uint32_t	metric;
	uint32_t	table;		/* 0: main */
	uint8_t		type;		/* 0: unicast */
	uint8_t		protocol;	/* who made it; 0: boot */
	uint8_t		scope;
	uint8_t		pref;		/* RFC 4191; among equal metrics */
	bool		avoid;		/* the next hop does not answer (RFC 4191 3.2) */
	bool		onlink;		/* for show: the gateway was believed to be there */
	uint32_t	mtu;		/* 0: the link's */
	usec		expires;	/* for show: by a router; 0: never */
	uint32_t	group;		/* of next hops (route_hops.c); 0: it has one */
	uint8_t		weight;		/* of this one among them, less one */
};

/* Copied; 0, -EEXIST, -EINVAL, -ENOSPC. */
int route_add(struct stack *st, const struct route *r);
/* The one of the same place: table, prefix, metric, type, interface, gateway. */
int route_del(struct stack *st, const struct route *r);
/* Another in the very place of old: same table, prefix, metric. 0, -EINVAL, -EEXIST. */
int route_replace(struct stack *st, const struct route *old, const struct route *r);
/* Has, or had, the table a route of the family? */
bool route_table_known(struct stack *st, uint32_t id, bool v4);
/* By the rules, as if nothing but the destination were known; unicast only.
 * ifindex 0: any interface. */
const struct route *route_find(struct stack *st, const struct ip_addr *dst, uint32_t ifindex);
/* All routes of an interface that goes down; only6: that IPv6 leaves. */
void route_flush(struct netif *nif, bool only6);
static inline void route_changed(struct stack *st) { st->route_gen += st->route_gen + 1 ? 1 : 2; }
/* Walks those of all tables: NULL starts. */
const struct route *route_next(const struct stack *st, const struct route *r);

const char *route_type_name(uint8_t type);	/* "unicast" */

/* --- rules (rule.c): which table for which packet --- */

/* Numbers as FR_ACT_*. */
enum rule_action {
	RULE_TABLE = 1, RULE_GOTO = 2, RULE_NOP = 3, RULE_BLACKHOLE = 6, RULE_UNREACHABLE = 7,
	RULE_PROHIBIT = 8,
};

struct rule {
	struct list	link;
	uint32_t	priority;
	bool		v4, invert;
	uint8_t		action, protocol;
	uint32_t	table;		/* of RULE_TABLE */
	uint32_t	target;		/* priority, of RULE_GOTO */
	struct ip_addr	src, dst;
	uint8_t		src_len, dst_len;	/* 0: any */
	uint8_t		tos;			/* 0: any */
	uint8_t		ipproto;		/* 0: any */
	uint32_t	mark, mark_mask;	/* mask 0: any */
	char		iif[16], oif[16];	/* empty: any; iif "lo": what we send */
	uint16_t	sport[2], dport[2];	/* from, to; to 0: any */
	bool		has_uid;
	uint32_t	uid[2];
	bool		suppress;	/* ignore answers no longer than suppress_len */
	uint8_t		suppress_len;
};

/* Every stack begins with Linux's: 0 local, 32766 main, 32767 default (IPv4).
 * Addresses of ours are found before any rule is asked. */
int rule_add(struct stack *st, const struct rule *r);	/* 0, -EEXIST, -EINVAL, -ENOSPC */
/* Compares all fields. 0, -ENOENT. */
int rule_del(struct stack *st, const struct rule *r);
const struct rule *rule_at(struct stack *st, unsigned i);	/* by family, priority */
uint32_t rule_free_priority(struct stack *st, bool v4);	/* as Linux chooses when told none */

/* What rules and routes may ask about a packet. */
struct route_key {
	struct ip_addr	dst, src;	/* src IP_NONE: not chosen yet */
	uint32_t	oif, iif;	/* 0: any; our own */
	uint32_t	mark, uid;
	uint16_t	sport, dport;
	uint8_t		proto, tos;
};
/* 0 and a unicast route, or -ENETUNREACH, -EHOSTUNREACH (unreachable), -EACCES
 * (prohibit), -EINVAL (blackhole). */
int route_lookup(struct stack *st, const struct route_key *k, const struct route **out);

#endif
