/* rtnl_in.h - what the files of netlink share */
#ifndef NODE_RTNL_IN_H
#define NODE_RTNL_IN_H

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "node/node.h"
#include "node/rtnl.h"

#define RTNL_ATTRS	80	/* no object has this many kinds of attribute */
#define ROW_MAX		2048	/* a message of ours is surely shorter */

/* Messages being written, to one peer or to all of a group. */
struct nlout {
	struct node	*n;
	struct nlpeer	*to;		/* NULL: the group's */
	unsigned	group;		/* RTNLGRP_* */
	uint32_t	seq, pid;
	size_t		len;
	union { struct nlmsghdr align; uint8_t b[RTNL_BUF]; } buf;
};

/* A request, parsed. */
struct nlreq {
	struct nlpeer	*peer;
	struct node	*n;
	struct stack	*st;
	const struct nlmsghdr *nlh;
	const void	*body;		/* the type's header */
	const struct nlattr *tb[RTNL_ATTRS];
	const char	*why;		/* for NLMSGERR_ATTR_MSG */
	struct nlout	*out;
};

struct nlmsghdr *row(struct nlout *o, uint16_t type, uint16_t flags, size_t head);
void row_end(struct nlout *o, const struct nlmsghdr *nlh);
void out_flush(struct nlout *o);
/* Without NLA_F_NESTED, as the kernel writes them and iproute2 wants them. */
struct nlattr *nest_start(struct nlmsghdr *nlh, uint16_t type);
void put_ip(struct nlmsghdr *nlh, uint16_t type, const struct ip_addr *addr);


static inline int refuse(struct nlreq *r, int error, const char *why)
{
	r->why = why;
	return error;
}

static inline uint16_t req_flags(const struct nlreq *r) { return r->nlh->nlmsg_flags; }
static inline bool req_dump(const struct nlreq *r)
{
	return (req_flags(r) & NLM_F_DUMP) == NLM_F_DUMP;
}
static inline uint8_t req_family(const struct nlreq *r)
{
	return ((const struct rtgenmsg *)r->body)->rtgen_family;
}

/* The attribute at *at, which moves on; NULL at the end or at nonsense. */
const struct nlattr *attr_take(const void *base, size_t len, size_t *at);

/* Attributes by value; absent: the default. False or -errno when malformed. */
uint32_t req_u32(const struct nlreq *r, unsigned type, uint32_t absent);
uint8_t req_u8(const struct nlreq *r, unsigned type, uint8_t absent);
const char *req_str(const struct nlreq *r, unsigned type);	/* NULL: none */
/* Of the request's family; IP_NONE when absent. -EINVAL: of another length. */
int req_ip(const struct nlreq *r, unsigned type, uint8_t family, struct ip_addr *out);

/* The families a dump is about. */
static inline bool wanted(uint8_t family, const struct ip_addr *addr)
{
	return family == AF_UNSPEC || family == (ip_is_v4(addr) ? AF_INET : AF_INET6);
}

/* rtnl_link_new.c */
int link_make(struct nlreq *r);
int link_end(struct nlreq *r, struct netif *nif);

/* rtnl_link.c */
int dumplink(struct nlreq *r);
int getlink(struct nlreq *r);
int newlink(struct nlreq *r);
int setlink(struct nlreq *r);
int dellink(struct nlreq *r);
void put_link(struct nlout *o, const struct netif *nif, uint16_t type, uint16_t flags);

/* rtnl_addr.c */
int dumpaddr(struct nlreq *r);
int newaddr(struct nlreq *r);
int deladdr(struct nlreq *r);
void put_addr(struct nlout *o, const struct netif_addr *a, uint16_t type, uint16_t flags);

/* rtnl_neigh.c */
struct neigh;
int dumpneigh(struct nlreq *r);
int getneigh(struct nlreq *r);
int newneigh(struct nlreq *r);
int delneigh(struct nlreq *r);
void put_neigh(struct nlout *o, const struct neigh *n, uint16_t type, uint16_t flags);

/* rtnl_route.c, rtnl_route_set.c, rtnl_route_get.c */
int dumproute(struct nlreq *r);
int getroute(struct nlreq *r);
int newroute(struct nlreq *r);
int delroute(struct nlreq *r);
/* Of the three the kernel always has, or with a route in it. */
bool route_table_exists(struct stack *st, uint32_t table, bool v4);
void put_route(struct nlout *o, const struct route *rt, uint16_t type, uint16_t flags);

/* rtnl_route_hops.c */
#define HOPS_MAX	64	/* they fit into a message */
void put_hops(struct nlmsghdr *nlh, const struct stack *st, const struct route *first);
/* How many, or -errno. rt: what they have in common. */
int read_hops(struct nlreq *r, const struct route *rt, struct route hops[HOPS_MAX]);

/* rtnl_rule.c */
struct rule;
int dumprule(struct nlreq *r);
int newrule(struct nlreq *r);
int delrule(struct nlreq *r);
void put_rule(struct nlout *o, const struct rule *rule, uint16_t type, uint16_t flags);

/* rtnl_label.c */
int dumplabel(struct nlreq *r);
int getlabel(struct nlreq *r);
int newlabel(struct nlreq *r);
int dellabel(struct nlreq *r);

uint32_t addr_flags(const struct netif_addr *a, usec now);	/* IFA_F_* */

/* diag.c */
/* A row of what there is: a socket, what is left of one, or what may become one. */
struct seen {
	struct sock	*so;		/* NULL: TIME-WAIT, SYN-RECEIVED */
	struct endpoint	local, remote;
	int		family;
	uint8_t		state;
	uint64_t	cookie;
	uint8_t		timer, retries;	/* without a socket */
	usec		until;
};
/* All that ss would show of a protocol (IPPROTO_RAW: any raw socket). */
void diag_walk(struct stack *st, int proto, void (*each)(void *ctx, const struct seen *s),
	       void *ctx);
uint32_t diag_inode(const struct sock *so);
int diag_dump(struct nlreq *r);
int diag_get(struct nlreq *r);
int diag_destroy(struct nlreq *r);

#endif
