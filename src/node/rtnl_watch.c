/* rtnl_watch.c - netlink sockets, their groups and options; news
 *
 * The stack says what changes in its tables while it changes (on_change): by a
 * request, a timer, a frame. The message is made there and then, as the object
 * may be about to go, and goes to all who joined the group. Who caused it is
 * told by the request's sequence number and address, as in the kernel.
 */
#include "node/rtnl_in.h"
#include "stack/neigh.h"

/* A group's message, if anybody listens: begin, rows, end. */
static bool news_begin(struct nlout *o, struct node *n, unsigned group)
{
	o->n = n;
	o->to = NULL;
	o->group = group;
	o->seq = n->rtnl.seq;
	o->pid = n->rtnl.pid;
	o->len = 0;
	if (n->rtnl.echo)
		return true;
	list_for(l, &n->rtnl.peers) {
		if (container_of(l, struct nlpeer, link)->groups >> (group - 1) & 1)
			return true;
	}
	return false;
}

static void news_link(struct nlout *o, struct node *n, bool gone, const void *object)
{
	if (news_begin(o, n, RTNLGRP_LINK))
		put_link(o, object, gone ? RTM_DELLINK : RTM_NEWLINK, 0);
}

static void news_addr(struct nlout *o, struct node *n, bool gone, const void *object)
{
	const struct netif_addr *a = object;

	if (news_begin(o, n, ip_is_v4(&a->addr) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR))
		put_addr(o, a, gone ? RTM_DELADDR : RTM_NEWADDR, 0);
}

static void news_route(struct nlout *o, struct node *n, bool gone, const void *object)
{
	const struct route *r = object;

	if (news_begin(o, n, ip_is_v4(&r->dst) ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE))
		put_route(o, r, gone ? RTM_DELROUTE : RTM_NEWROUTE, 0);
}

static void news_neigh(struct nlout *o, struct node *n, bool gone, const void *object)
{
	if (news_begin(o, n, RTNLGRP_NEIGH))
		put_neigh(o, object, gone ? RTM_DELNEIGH : RTM_NEWNEIGH, 0);
}

static void news_rule(struct nlout *o, struct node *n, bool gone, const void *object)
{
	const struct rule *r = object;

	if (news_begin(o, n, r->v4 ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE))
		put_rule(o, r, gone ? RTM_DELRULE : RTM_NEWRULE, 0);
}

static void (*const news[])(struct nlout *o, struct node *n, bool gone, const void *object) = {
	[CHANGE_LINK] = news_link, [CHANGE_ADDR] = news_addr, [CHANGE_ROUTE] = news_route,
	[CHANGE_NEIGH] = news_neigh, [CHANGE_RULE] = news_rule,
};

static void changed(struct stack *st, enum change what, bool gone, const void *object)
{
	struct node *n = st->user;
	struct nlout o;

	if (what >= ARRAY_LEN(news) || list_empty(&n->rtnl.peers))
		return;
	o.len = 0;
	news[what](&o, n, gone, object);
	if (o.len)
		out_flush(&o);
}

void rtnl_init(struct node *n)
{
	list_init(&n->rtnl.peers);
	n->st->on_change = changed;
}

/* --- sockets --- */

static bool pid_taken(const struct nlpeer *p, uint32_t pid)
{
	list_for(l, &p->n->rtnl.peers) {
		const struct nlpeer *o = container_of(l, struct nlpeer, link);

		if (o != p && o->proto == p->proto && o->pid == pid)
			return true;
	}
	return false;
}

/* The kernel's way: the process's number, then some below -4096. */
static uint32_t pid_choose(struct nlpeer *p, uint32_t want)
{
	while (!want || pid_taken(p, want))
		want = (uint32_t)-4097 - rng_below(&p->n->st->rng, 1u << 30);
	return want;
}

void rtnl_open(struct nlpeer *p, uint32_t want)
{
	list_init(&p->link);
	p->pid = pid_choose(p, want);
	list_add_tail(&p->n->rtnl.peers, &p->link);
}

void rtnl_close(struct nlpeer *p)
{
	list_del(&p->link);
}

int rtnl_bind(struct nlpeer *p, uint32_t pid, uint32_t groups)
{
	if (pid && pid != p->pid && pid_taken(p, pid))
		return -EADDRINUSE;
	if (pid)
		p->pid = pid;
	p->groups = (p->groups & ~(uint64_t)UINT32_MAX) | groups;
	return 0;
}

static int membership(struct nlpeer *p, uint32_t group, bool join)
{
	uint64_t bit;

	if (!group || group > 64)
		return -EINVAL;
	bit = (uint64_t)1 << (group - 1);
	p->groups = join ? p->groups | bit : p->groups & ~bit;
	return 0;
}

int rtnl_setopt(struct nlpeer *p, int name, const void *v, socklen_t len)
{
	uint32_t value;

	if (len < sizeof(value))
		return -EINVAL;
	memcpy(&value, v, sizeof(value));
	switch (name) {
	case NETLINK_ADD_MEMBERSHIP:
	case NETLINK_DROP_MEMBERSHIP:
		return membership(p, value, name == NETLINK_ADD_MEMBERSHIP);
	case NETLINK_EXT_ACK:
		p->ext_ack = value;
		return 0;
	case NETLINK_CAP_ACK:
		p->cap_ack = value;
		return 0;
	case NETLINK_GET_STRICT_CHK:
		p->strict = value;
		return 0;
	case NETLINK_PKTINFO:
	case NETLINK_BROADCAST_ERROR:
	case NETLINK_NO_ENOBUFS:
	case NETLINK_LISTEN_ALL_NSID:
		return 0;		/* nothing here depends on them */
	}
	return -ENOPROTOOPT;
}

static int flag(bool on, void *v, socklen_t *len)
{
	int value = on;

	if (*len < sizeof(value))
		return -EINVAL;
	*len = sizeof(value);
	memcpy(v, &value, sizeof(value));
	return 0;
}

int rtnl_getopt(struct nlpeer *p, int name, void *v, socklen_t *len)
{
	switch (name) {
	case NETLINK_EXT_ACK:
		return flag(p->ext_ack, v, len);
	case NETLINK_CAP_ACK:
		return flag(p->cap_ack, v, len);
	case NETLINK_GET_STRICT_CHK:
		return flag(p->strict, v, len);
	case NETLINK_LIST_MEMBERSHIPS:
		memcpy(v, &p->groups, MIN(*len, sizeof(p->groups)));
		*len = sizeof(p->groups);
		return 0;
	}
	return -ENOPROTOOPT;
}
