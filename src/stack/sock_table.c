/* sock_table.c - who has which port, who is connected to whom
 *
 * Every socket with a port is in that port's list: among the connected, which
 * are found by both ends in a table of their own, or among the others, of which
 * the best match takes what belongs to no connection. A busy server has
 * thousands of connections on one port and one listener; a packet for the
 * listener looks at the second list only.
 *
 * The rules for sharing a port are Linux's (inet_csk_bind_conflict,
 * udp_lib_lport_inuse); choosing one starts at a random place (RFC 6056 3.3.1).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/netif.h"
#include "stack/sock.h"
#include "stack/sock_table.h"
#include "stack/tcp_tw.h"

struct sock_port {
	struct map_node	node;
	struct list	bound, conns;
	uint32_t	held;		/* by connections in TIME-WAIT */
	uint16_t	num, proto;
};

struct sock_table *sock_table_new(struct stack *st)
{
	struct sock_table *t = xzalloc(sizeof(*t));

	map_init(&t->ports);
	map_init(&t->conns);
	list_init(&t->all);
	list_init(&t->raws);
	list_init(&t->taps);
	return t;
}

void sock_table_free(struct sock_table *t)
{
	map_fini(&t->ports);
	map_fini(&t->conns);
	free(t);
}

static struct sock *of_port(struct list *l)
{
	return container_of(l, struct sock, port_link);
}

/* Ports in use are ours to choose: no secret is needed. */
static uint32_t port_hash(int proto, uint16_t num)
{
	return ((uint32_t)proto << 16 | num) * 0x9e3779b1u >> 8;
}

static struct sock_port *port_find(struct stack *st, int proto, uint16_t num)
{
	struct map_node *m = map_find(&st->socks->ports, port_hash(proto, num));

	for (; m; m = map_find_next(m)) {
		struct sock_port *p = container_of(m, struct sock_port, node);

		if (p->num == num && p->proto == proto)
			return p;
	}
	return NULL;
}

static struct sock_port *port_get(struct stack *st, int proto, uint16_t num)
{
	struct sock_port *p = port_find(st, proto, num);

	if (p)
		return p;
	p = xzalloc(sizeof(*p));
	p->num = num;
	p->proto = (uint16_t)proto;
	list_init(&p->bound);
	list_init(&p->conns);
	map_insert(&st->socks->ports, &p->node, port_hash(proto, num));
	return p;
}

static void port_join(struct sock *so)
{
	so->port = port_get(so->st, so->proto, so->local.port);
	so->bound = true;
	list_add_head(&so->port->bound, &so->port_link);
}

static void port_unused(struct stack *st, struct sock_port *p)
{
	if (!list_empty(&p->bound) || !list_empty(&p->conns) || p->held)
		return;
	map_remove(&st->socks->ports, &p->node);
	free(p);
}

static void port_leave(struct sock *so)
{
	struct sock_port *p = so->port;

	if (!p)
		return;
	list_del(&so->port_link);
	so->port = NULL;
	so->bound = false;
	port_unused(so->st, p);
}

void sock_port_hold(struct stack *st, int proto, uint16_t num)
{
	port_get(st, proto, num)->held++;
}

void sock_port_release(struct stack *st, int proto, uint16_t num)
{
	struct sock_port *p = port_find(st, proto, num);

	p->held--;
	port_unused(st, p);
}

/* --- who may share --- */

static bool wild6(const struct ip_addr *a)
{
	return ip_eq(a, &IP6_ANY);
}

/* Does a wildcard of so take in an address of b's kind? */
static bool covers(const struct sock *so, const struct ip_addr *b)
{
	if (wild6(&so->local.addr))
		return !ip_is_v4(b) || !so->v6only;
	return ip_eq(&so->local.addr, &IP4_ANY) && ip_is_v4(b);
}

static bool overlap(const struct sock *a, const struct sock *b)
{
	uint32_t da = a->flow.ifindex, db = b->flow.ifindex;

	if (da && db && da != db)
		return false;
	return ip_eq(&a->local.addr, &b->local.addr) ||
	       covers(a, &b->local.addr) || covers(b, &a->local.addr);
}

static bool may_share(const struct sock *so, const struct sock *other)
{
	if (so->reuseport && other->reuseport)
		return true;
	return so->reuseaddr && other->reuseaddr &&
	       (so->type != SOCK_STREAM || !other->listening);
}

static bool in_way(const struct sock *so, const struct list *head, bool strict)
{
	list_for(l, head) {
		const struct sock *o = of_port(l);

		if (o != so && overlap(so, o) && (strict || !may_share(so, o)))
			return true;
	}
	return false;
}

/* strict: nobody else at all (a port we choose). */
static bool conflict(const struct sock *so, uint16_t num, bool strict)
{
	struct sock_port *p = port_find(so->st, so->proto, num);

	if (!p)
		return false;
	if (p->held && (strict || tcp_tw_in_way(so, num)))
		return true;
	return in_way(so, &p->bound, strict) || in_way(so, &p->conns, strict);
}

bool sock_listen_ok(const struct sock *so)
{
	list_for(l, &so->port->bound) {
		const struct sock *o = of_port(l);

		if (o != so && o->listening && overlap(so, o) &&
		    !(so->reuseport && o->reuseport))
			return false;
	}
	return true;
}

/* --- choosing a port --- */

static uint16_t port_choose(struct sock *so, bool (*free_for)(struct sock *, uint16_t))
{
	const uint32_t *range = so->st->param.ip_local_port_range;
	uint32_t n = range[1] - range[0] + 1, at = rng_below(&so->st->rng, n);

	for (uint32_t i = 0; i < n; i++) {
		uint16_t num = (uint16_t)(range[0] + (at + i) % n);

		if (free_for(so, num))
			return num;
	}
	return 0;
}

static bool free_to_bind(struct sock *so, uint16_t num)
{
	return !conflict(so, num, true);
}

/* RFC 4291: link-local means nothing without a link. */
static int linklocal_check(struct sock *so, const struct endpoint *ep)
{
	uint32_t index = ep->ifindex ? ep->ifindex : so->flow.ifindex;
	struct netif *nif = netif_by_index(so->st, index);
	struct netif_addr *a = nif ? netif_addr_find(nif, &ep->addr) : NULL;

	if (!index || (so->flow.ifindex && so->flow.ifindex != index))
		return -EINVAL;
	if (!nif)
		return -ENODEV;
	if (!sock_any_addr(so) && (!a || !addr_usable(a)))
		return -EADDRNOTAVAIL;
	so->flow.ifindex = index;
	return 0;
}

static bool is_broadcast(struct stack *st, const struct ip_addr *a)
{
	list_for(l, &st->netifs) {
		if (netif_is_broadcast(container_of(l, struct netif, link), a))
			return true;
	}
	return false;
}

int sock_table_address(struct sock *so, const struct endpoint *ep)
{
	const struct ip_addr *a = &ep->addr;
	bool v4 = ip_is_v4(a);

	if (so->family == AF_INET && !v4)
		return -EAFNOSUPPORT;
	if (v4 && so->family == AF_INET6 && so->v6only)
		return -EINVAL;
	if (ip_is_any(a))
		return 0;
	if (!v4 && ip_is_linklocal(a))
		return linklocal_check(so, ep);
	if (sock_any_addr(so) || stack_addr(so->st, a))
		return 0;
	if (so->type != SOCK_STREAM && (ip_is_multicast(a) || is_broadcast(so->st, a)))
		return 0;
	return -EADDRNOTAVAIL;
}

int sock_table_bind(struct sock *so, const struct endpoint *ep)
{
	struct endpoint old = so->local;
	uint16_t num = ep->port;
	int e = sock_table_address(so, ep);

	if (e)
		return e;
	if (num && num < so->st->param.ip_unprivileged_port_start)
		return -EACCES;
	so->local = *ep;
	if (!num && so->late_port)	/* connect will choose */
		return 0;
	if (!num)
		num = port_choose(so, free_to_bind);
	else if (conflict(so, num, false))
		num = 0;
	if (!num) {
		so->local = old;
		return -EADDRINUSE;
	}
	so->local.port = num;
	port_join(so);
	return 0;
}

/* --- connections --- */

/* Both ends of a connection; hashed as it is, so without holes. */
struct ends {
	struct ip_addr	l, r;
	uint16_t	lp, rp;
	int		proto;
};

static struct ends ends_of(int proto, const struct endpoint *l, const struct endpoint *r)
{
	return (struct ends){ l->addr, r->addr, l->port, r->port, proto };
}

static uint32_t ends_hash(struct stack *st, const struct ends *k)
{
	return hash_quick(&st->quick, k, sizeof(*k));
}

/* ifindex 0: on whatever link. */
static bool has_ends(const struct sock *so, const struct ends *k, uint32_t ifindex)
{
	return so->proto == k->proto && so->local.port == k->lp && so->remote.port == k->rp &&
	       ip_eq(&so->local.addr, &k->l) && ip_eq(&so->remote.addr, &k->r) &&
	       (!ifindex || !so->flow.ifindex || so->flow.ifindex == ifindex);
}

/* Packets come in bursts: the next is for the same connection as a rule. */
static struct sock *conn_find(struct stack *st, const struct ends *k, uint32_t ifindex)
{
	struct sock *so = st->socks->recent;
	struct map_node *m;

	if (so && has_ends(so, k, ifindex))
		return so;
	m = map_find(&st->socks->conns, ends_hash(st, k));
	for (; m; m = map_find_next(m)) {
		so = container_of(m, struct sock, node);
		if (has_ends(so, k, ifindex))
			return st->socks->recent = so;
	}
	return NULL;
}

struct sock *sock_find_connected(struct stack *st, int proto, const struct endpoint *local,
				 const struct endpoint *remote)
{
	struct ends k = ends_of(proto, local, remote);

	return conn_find(st, &k, 0);
}

static bool tuple_taken(struct sock *so, uint16_t num)
{
	struct endpoint local = so->local;
	struct ends k;
	struct sock *o;

	local.port = num;
	k = ends_of(so->proto, &local, &so->remote);
	o = conn_find(so->st, &k, so->flow.ifindex);
	if (o)
		return o != so;
	return so->type == SOCK_STREAM && tcp_tw_taken(so->st, &local, &so->remote);
}

/* Connections to different peers share a port; with who bound it they do not. */
static bool free_to_connect(struct sock *so, uint16_t num)
{
	struct sock_port *p = port_find(so->st, so->proto, num);

	if (so->type != SOCK_STREAM)
		return free_to_bind(so, num);
	if (num == so->remote.port)	/* to ourselves: a connection with itself */
		return false;
	return !p || (!in_way(so, &p->bound, true) && !tuple_taken(so, num));
}

int sock_table_connect(struct sock *so)
{
	struct ends k;

	if (so->type == SOCK_STREAM && so->local.port && tuple_taken(so, so->local.port))
		return -EADDRINUSE;
	if (!so->local.port)
		so->local.port = port_choose(so, free_to_connect);
	if (!so->local.port)
		return -EADDRNOTAVAIL;
	if (!so->port)
		port_join(so);
	list_del(&so->port_link);
	list_add_tail(&so->port->conns, &so->port_link);
	k = ends_of(so->proto, &so->local, &so->remote);
	map_insert(&so->st->socks->conns, &so->node, ends_hash(so->st, &k));
	if (so->type == SOCK_STREAM)
		tcp_tw_forget(so->st, &so->local, &so->remote);
	so->connected = true;
	return 0;
}

void sock_table_unconnect(struct sock *so)
{
	if (!so->connected)
		return;
	so->connected = false;
	if (!so->port)
		return;		/* raw: in no table */
	map_remove(&so->st->socks->conns, &so->node);
	if (so->st->socks->recent == so)
		so->st->socks->recent = NULL;
	list_del(&so->port_link);
	list_add_head(&so->port->bound, &so->port_link);
}

void sock_table_remove(struct sock *so)
{
	sock_table_unconnect(so);
	port_leave(so);
	so->listening = false;
}

/* --- looking up --- */

/* How well an unconnected socket suits; -1: not at all. */
static int score(const struct sock *so, const struct ip *ip)
{
	const struct ip_addr *a = &so->local.addr;
	int n = 0;

	if (!so->listening)
		return -1;
	if (so->flow.ifindex && so->flow.ifindex != ip->nif->index)
		return -1;
	if (!ip_eq(a, &ip->dst) && !covers(so, &ip->dst))
		return -1;
	n += ip_eq(a, &ip->dst) ? 4 : 0;
	n += so->flow.ifindex ? 2 : 0;
	n += so->family == (ip->v4 ? AF_INET : AF_INET6);
	return n;
}

/* Of equals who share by SO_REUSEPORT, the flow chooses, always the same. */
static struct sock *share(struct stack *st, const struct sock_port *p, const struct ip *ip,
			  int best, const struct ends *k)
{
	uint32_t n = 0, pick;

	list_for(l, &p->bound)
		n += of_port(l)->reuseport && score(of_port(l), ip) == best;
	pick = n ? ends_hash(st, k) % n : 0;
	list_for(l, &p->bound) {
		struct sock *so = of_port(l);

		if (so->reuseport && score(so, ip) == best && !pick--)
			return so;
	}
	return NULL;
}

static struct sock *bound_find(struct stack *st, const struct sock_port *p, const struct ip *ip,
			       const struct ends *k)
{
	struct sock *best = NULL;
	int top = -1;

	list_for(l, &p->bound) {
		int n = score(of_port(l), ip);

		if (n > top) {
			top = n;
			best = of_port(l);
		}
	}
	return best && best->reuseport ? share(st, p, ip, top, k) : best;
}

struct sock *sock_find(struct stack *st, int proto, const struct ip *ip,
		       uint16_t local_port, uint16_t remote_port)
{
	struct ends k = { ip->dst, ip->src, local_port, remote_port, proto };
	struct sock *so = conn_find(st, &k, ip->nif->index);
	struct sock_port *p;

	if (so)
		return so;
	p = port_find(st, proto, local_port);
	return p ? bound_find(st, p, ip, &k) : NULL;
}

void sock_find_all(struct stack *st, int proto, const struct ip *ip, uint16_t local_port,
		   uint16_t remote_port, void (*each)(void *ctx, struct sock *so), void *ctx)
{
	struct sock_port *p = port_find(st, proto, local_port);

	if (!p)
		return;
	list_for_safe(l, &p->bound) {
		if (score(of_port(l), ip) >= 0)
			each(ctx, of_port(l));
	}
	list_for_safe(l, &p->conns) {
		struct sock *so = of_port(l);

		if (so->remote.port == remote_port && ip_eq(&so->remote.addr, &ip->src) &&
		    score(so, ip) >= 0)
			each(ctx, so);
	}
}
