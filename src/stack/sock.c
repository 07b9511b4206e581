/* sock.c - sockets, whatever the protocol
 *
 * What POSIX says of all sockets is here; what a protocol makes of it is behind
 * its ops. A socket is in the stack's list from sock_init to sock_fini, which the
 * protocol calls: it may outlive its user (TCP does).
 */
#include "proto/proto.h"
#include "stack/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/ip_extra.h"
#include "stack/netif.h"
#include "stack/sock_opt.h"
#include "stack/sock_table.h"

#define MAX_SOCKS	(1u << 18)	/* of one stack */
#define SOCK_SIZE	1024u		/* what one is counted as, of any protocol */

static const struct kind {
	int	family;			/* 0: either */
	int	type, proto;		/* 0: any but 0 */
	struct sock *(*make)(struct stack *st);
	const struct sock_ops *ops;
} kinds[] = {
	{ 0, SOCK_STREAM, IPPROTO_TCP, tcp_sock_new, &tcp_ops },
	{ 0, SOCK_DGRAM, IPPROTO_UDP, udp_sock_new, &udp_ops },
	{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP, ping_sock_new, &ping_ops },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, ping_sock_new, &ping_ops },
	{ 0, SOCK_RAW, 0, raw_sock_new, &raw_ops },
};

/* Linux's order of complaints: no such type, then not that protocol. */
static int kind_find(int family, int type, int proto, const struct kind **out)
{
	int e = -ESOCKTNOSUPPORT;

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].type != type || (kinds[i].family && kinds[i].family != family))
			continue;
		e = -EPROTONOSUPPORT;
		*out = &kinds[i];
		if (kinds[i].proto ? !proto || kinds[i].proto == proto : proto)
			return 0;
	}
	return e;
}

int sock_new(struct stack *st, int family, int type, int proto, struct sock **out)
{
	const struct kind *k = NULL;
	int e;

	if (st->socks->count >= MAX_SOCKS)
		return -EMFILE;
	if (!budget_room(st, BUDGET_ALL, SOCK_SIZE))
		return -ENOBUFS;
	if (family == AF_PACKET)
		return packet_sock_new(st, type, proto, out);
	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	e = kind_find(family, type, proto, &k);
	if (e)
		return e;
	*out = k->make(st);
	sock_init(*out, st, k->ops, family, k->type, k->proto ? k->proto : proto);
	return 0;
}

static struct ip_addr any_of(int family)
{
	return family == AF_INET ? IP4_ANY : IP6_ANY;
}

/* Most sockets never say anything else. */
#define IP_DEFAULT { .mtu_discover = IP_PMTUDISC_WANT, .group_ttl = 1, .group_loop = true, \
		     .group_all = true }
static const struct sock_asked defaults = { .ip = { IP_DEFAULT, IP_DEFAULT }, .rcvlowat = 1 };

struct sock_asked *sock_asked_own(struct sock *so)
{
	if (so->asked == &defaults) {
		struct sock_asked *own = xmalloc(sizeof(*own));

		*own = defaults;
		so->asked = own;
	}
	return (struct sock_asked *)(uintptr_t)so->asked;
}

void sock_init(struct sock *so, struct stack *st, const struct sock_ops *ops,
	       int family, int type, int proto)
{
	so->st = st;
	so->ops = ops;
	so->family = (uint8_t)family;
	so->type = (uint8_t)type;
	so->proto = (uint16_t)proto;
	so->local.addr = so->remote.addr = any_of(family);
	so->asked = &defaults;
	so->v6only = family == AF_INET6 && st->param.bindv6only;
	so->flow.proto = (uint8_t)proto;
	if (!so->rcvbuf)
		so->rcvbuf = st->param.rmem_default;
	if (!so->sndbuf)
		so->sndbuf = st->param.wmem_default;
	list_init(&so->port_link);
	list_init(&so->stall);
	list_add_tail(&st->socks->all, &so->link);
	st->socks->count++;
	budget_take(st, BUDGET_ALL, SOCK_SIZE);
}

void sock_inherit(struct sock *so, const struct sock *from)
{
	so->v6only = from->v6only;
	so->reuseaddr = from->reuseaddr;
	so->reuseport = from->reuseport;
	so->broadcast = from->broadcast;
	so->keepalive = from->keepalive;
	so->oobinline = from->oobinline;
	so->linger_on = from->linger_on;
	so->rcvbuf = from->rcvbuf;
	so->sndbuf = from->sndbuf;
	so->rcvbuf_locked = from->rcvbuf_locked;
	so->sndbuf_locked = from->sndbuf_locked;
	so->flow.mark = from->flow.mark;
	so->freebind = from->freebind;
	so->dontroute = from->dontroute;
	so->stamp = from->stamp;
	so->stamp_new = from->stamp_new;
	if (from->asked != &defaults) {
		*sock_asked_own(so) = *from->asked;
		sock_asked_own(so)->extra = ip_extra_copy(from->asked->extra);
	}
	so->flow.ifindex = from->flow.ifindex;
}

void sock_fini(struct sock *so)
{
	sock_table_remove(so);
	sock_groups_leave(so, NULL);
	list_del(&so->stall);
	list_del(&so->link);
	so->st->socks->count--;
	budget_give(so->st, BUDGET_ALL, SOCK_SIZE);
	if (so->asked != &defaults) {
		free(so->asked->extra);
		free((void *)(uintptr_t)so->asked);
	}
	so->asked = &defaults;
}

void sock_close(struct sock *so)
{
	so->user = NULL;
	so->wake = NULL;
	so->ops->close(so);
}

int sock_bind(struct sock *so, const struct endpoint *ep)
{
	int e;

	if (so->bound || so->addr_locked)
		return -EINVAL;
	e = so->ops->bind(so, ep);
	if (e)
		return e;
	so->addr_locked = !ip_is_any(&ep->addr);
	so->port_locked = ep->port != 0;
	return 0;
}

/* To nobody means to ourselves, as BSD had it: by the family that the socket has bound. */
static void any_to_loopback(const struct sock *so, struct ip_addr *a)
{
	if (ip_eq(a, &IP4_ANY) || (ip_eq(a, &IP6_ANY) && ip_is_v4(&so->local.addr)))
		*a = IP4(127, 0, 0, 1);
	else if (ip_eq(a, &IP6_ANY))
		a->b[15] = 1;
}

int sock_dst_check(struct sock *so, struct endpoint *ep)
{
	uint32_t dev = so->flow.ifindex;

	if (so->family == AF_INET && !ip_is_v4(&ep->addr))
		return -EAFNOSUPPORT;
	if (so->family == AF_INET6 && ip_is_v4(&ep->addr) && so->v6only)
		return -ENETUNREACH;
	any_to_loopback(so, &ep->addr);
	if (ip_is_v4(&ep->addr) || !ip_is_linklocal(&ep->addr)) {
		ep->ifindex = ip_is_multicast(&ep->addr) ? ep->ifindex : 0;
		return 0;
	}
	if (!ep->ifindex)
		ep->ifindex = dev;
	return !ep->ifindex || (dev && dev != ep->ifindex) ? -EINVAL : 0;
}

int sock_connect(struct sock *so, const struct endpoint *ep)
{
	struct endpoint to = *ep;
	int e = sock_dst_check(so, &to);

	return e ? e : so->ops->connect(so, &to);
}

/* Once it is on its way a stream's does not change. */
void sock_flowinfo(struct sock *so, uint32_t flowinfo)
{
	if (!(so->asked->ip[1].want & WANT_FLOW_SEND))
		flowinfo = 0;
	if (flowinfo != so->asked->flowinfo && (so->type != SOCK_STREAM || !so->connected))
		sock_asked_own(so)->flowinfo = flowinfo & FLOWINFO_MASK;
}

uint32_t sock_peer_flowinfo(const struct sock *so)
{
	return so->asked->ip[1].want & WANT_FLOW_SEND ? so->asked->flowinfo : 0;
}

/* What bind chose stays, what connect chose goes. */
int sock_disconnect(struct sock *so)
{
	int e = so->ops->disconnect ? so->ops->disconnect(so) : 0;

	sock_table_unconnect(so);
	if (so->asked->flowinfo)
		sock_asked_own(so)->flowinfo = 0;
	so->remote = (struct endpoint){ any_of(so->family), 0, 0 };
	so->flow.gen = 0;
	if (!so->port_locked) {
		sock_table_remove(so);
		so->local.port = 0;
	}
	if (!so->addr_locked)
		so->local.addr = any_of(so->family);
	return e;
}

int sock_route(struct sock *so)
{
	struct flow *f = &so->flow;
	const struct sock_ip *ip = sock_ip(so, &so->remote.addr);
	bool group = ip_is_multicast(&so->remote.addr);
	bool choose = ip_is_any(&so->local.addr) || ip_is_multicast(&so->local.addr);
	int e;

	f->src = choose ? IP_NONE : so->local.addr;
	f->dst = so->remote.addr;
	f->proto = (uint8_t)so->proto;
	f->ttl = group ? MAX(ip->group_ttl, 1) : ip->ttl;
	f->tos = ip->tos;
	f->df = ip->mtu_discover != IP_PMTUDISC_DONT;
	f->any_src = sock_any_addr(so);
	f->label = ip_is_v4(&f->dst) ? 0 : so->asked->flowinfo & IP6_LABEL_MASK;
	f->no_label = ip->want & WANT_NO_LABEL;
	f->sport = so->local.port;
	f->dport = so->remote.port;
	if (group && !f->ifindex)
		f->ifindex = ip->group_if;
	if (so->remote.ifindex)
		f->ifindex = so->remote.ifindex;
	e = ip_route(so->st, f);
	if (e)
		return e;
	if (choose)
		so->local.addr = f->src;
	return 0;
}

int sock_listen(struct sock *so, int backlog)
{
	struct endpoint any = { so->local.addr, 0, 0 };
	bool late = so->late_port;
	int e = 0;

	if (!so->ops->listen)
		return -EOPNOTSUPP;
	so->late_port = false;		/* a listener needs its port now */
	if (!so->bound)
		e = so->ops->bind(so, &any);
	so->late_port = late;
	if (!e && !so->listening && !so->connected && !sock_listen_ok(so))
		e = -EADDRINUSE;
	if (!e)
		e = so->ops->listen(so, backlog);
	if (!e)
		so->listening = true;
	return e;
}

int sock_accept(struct sock *so, struct sock **out)
{
	return so->ops->accept ? so->ops->accept(so, out) : -EOPNOTSUPP;
}

ssize_t sock_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	return so->ops->send(so, iov, n, flags, m);
}

ssize_t sock_recv(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	return so->ops->recv(so, iov, n, flags, m);
}

size_t sock_reserve(struct sock *so, struct iovec *iov, int *n)
{
	if (so->ops->reserve)
		return so->ops->reserve(so, iov, n);
	*n = 0;
	return 0;
}

void sock_commit(struct sock *so, size_t len)
{
	if (so->ops->commit)
		so->ops->commit(so, len);
}

size_t sock_peek(struct sock *so, struct iovec *iov, int *n)
{
	if (so->ops->peek)
		return so->ops->peek(so, iov, n);
	*n = 0;
	return 0;
}

void sock_consume(struct sock *so, size_t len)
{
	if (so->ops->consume)
		so->ops->consume(so, len);
}

bool sock_at_mark(const struct sock *so)
{
	return so->ops->at_mark && so->ops->at_mark(so);
}

bool sock_syn_waits(const struct sock *so)
{
	return so->ops->syn_waits && so->ops->syn_waits(so);
}

int sock_shutdown(struct sock *so, int how)
{
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return -EINVAL;
	return so->ops->shutdown(so, how);
}

uint32_t sock_events(struct sock *so)
{
	return so->ops->events(so);
}

int sock_take_error(struct sock *so)
{
	int e = so->error;

	so->error = 0;
	return e;
}

int sock_local(const struct sock *so, struct endpoint *ep)
{
	*ep = so->local;
	return 0;
}

int sock_peer(const struct sock *so, struct endpoint *ep)
{
	if (!so->connected)
		return -ENOTCONN;
	*ep = so->remote;
	return 0;
}

void sock_wake(struct sock *so)
{
	if (so->wake)
		so->wake(so);
}

void sock_set_error(struct sock *so, int error)
{
	so->error = error;
	sock_wake(so);
}

void sock_stall(struct sock *so, struct netif *nif)
{
	if (list_empty(&so->stall))
		list_add_tail(&nif->stalled, &so->stall);
}

struct sock *sock_next(struct stack *st, struct sock *so)
{
	struct list *l = so ? so->link.next : st->socks->all.next;

	return l == &st->socks->all ? NULL : container_of(l, struct sock, link);
}

const char *sock_state_name(const struct sock *so)
{
	if (so->ops->state)
		return so->ops->state(so);
	return so->connected ? "ESTAB" : "UNCONN";
}

void sock_netif_gone(struct netif *nif)
{
	for (struct sock *so = sock_next(nif->st, NULL); so; so = sock_next(nif->st, so)) {
		sock_groups_leave(so, nif);
		if (so->flow.nif != nif)
			continue;
		so->flow.nif = NULL;
		so->flow.gen = 0;
	}
}
