/* config_node.c - how a native stack is configured
 *
 * The ways out are sockets of the stack itself, without descriptors. They, and news of
 * links and addresses (as of a netlink socket), set an alarm of the node; its driver
 * then runs the configuration. Who waits for it sleeps on the node's condition.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/config_in.h"
#include "node/config_node.h"
#include "proto/proto.h"
#include "stack/netif.h"
#include "stack/sock.h"

#define DHCP_METRIC	1024

static struct node *node_of(struct node_config *nc)
{
	return nc->n;
}

static void look(struct node_config *nc)
{
	nc->alarm.at = 0;
}

static struct netif *netif_at(void *ctx, unsigned ifindex)
{
	return netif_by_index(node_of(ctx)->st, ifindex);
}

/* --- links and addresses --- */

/* The first is the first that is not the loopback. Programs of VirtualSquare say
 * vde0 for it. */
static unsigned op_find(void *ctx, const char *name)
{
	struct stack *st = node_of(ctx)->st;
	struct netif *nif = name ? netif_by_name(st, name) : NULL;
	char eth[16];
	struct text t = text_of(eth, sizeof(eth));

	if (!name)
		text_add(&t, "eth0");
	else if (strncmp(name, "vde", 3) == 0)
		text_add(&t, "eth%s", name + 3);
	if (!nif && t.len)
		nif = netif_by_name(st, eth);
	list_for(l, &st->netifs) {
		if (!nif && !name && !netif_is_lo(container_of(l, struct netif, link)))
			nif = container_of(l, struct netif, link);
	}
	return nif ? nif->index : 0;
}

static int op_link(void *ctx, unsigned ifindex, struct conf_link *out)
{
	struct netif *nif = netif_at(ctx, ifindex);
	const struct netif_addr *ll = nif ? netif_linklocal(nif) : NULL;

	if (!nif)
		return -ENODEV;
	*out = (struct conf_link){ nif->mac, netif_is_up(nif), nif->ra_flags,
				   ll ? ll->addr : IP_NONE };
	return 0;
}

static int op_set_mac(void *ctx, unsigned ifindex, struct mac mac)
{
	struct netif *nif = netif_at(ctx, ifindex);
	int e = netif_set_mac(nif, mac);

	if (e == 0 && netif_is_up(nif))
		netif_new_linklocal(nif);
	return e;
}

static int op_set_mtu(void *ctx, unsigned ifindex, uint32_t mtu)
{
	struct netif *nif = netif_at(ctx, ifindex);

	return mtu == nif->mtu ? 0 : netif_set_mtu(nif, mtu);
}

static int op_set_up(void *ctx, unsigned ifindex, bool up)
{
	struct netif *nif = netif_at(ctx, ifindex);

	if (up && !netif_is_up(nif))
		netif_up(nif);
	else if (!up && netif_is_up(nif))
		netif_down(nif);
	return 0;
}

static void op_set_token(void *ctx, unsigned ifindex, const struct ip_addr *token)
{
	netif_set_token(netif_at(ctx, ifindex), token);
}

static usec until(void *ctx, uint32_t seconds)
{
	return seconds == LIFE_FOREVER ? NEVER :
					 node_of(ctx)->st->now + seconds * USEC_PER_SEC;
}

static int op_addr_put(void *ctx, unsigned ifindex, const struct ip_addr *a, unsigned len,
		       uint32_t valid, uint32_t preferred)
{
	struct netif_addr want = {
		.addr = *a, .len = (uint8_t)len, .valid_until = until(ctx, valid),
		.preferred_until = until(ctx, preferred),
	};

	return netif_addr_put(netif_at(ctx, ifindex), &want, true);
}

static int op_addr_del(void *ctx, unsigned ifindex, const struct ip_addr *a, unsigned len)
{
	struct netif *nif = netif_at(ctx, ifindex);

	return nif ? netif_addr_del(nif, a, len) : -ENODEV;
}

static enum conf_state op_addr_state(void *ctx, unsigned ifindex, const struct ip_addr *a)
{
	static const enum conf_state states[] = {
		[ADDR_TENTATIVE] = CONF_TENTATIVE, [ADDR_OPTIMISTIC] = CONF_OPTIMISTIC,
		[ADDR_OK] = CONF_OK, [ADDR_DUPLICATE] = CONF_DUPLICATE,
	};
	struct netif *nif = netif_at(ctx, ifindex);
	struct netif_addr *na = nif ? netif_addr_find(nif, a) : NULL;

	return na ? states[na->state] : CONF_ABSENT;
}

static int op_route(void *ctx, unsigned ifindex, bool add, const struct dhcp4_route *r,
		    uint8_t protocol)
{
	struct stack *st = node_of(ctx)->st;
	struct route want = {
		.dst = r->dst, .len = r->len, .gw = r->gw, .nif = netif_at(ctx, ifindex),
		.metric = DHCP_METRIC, .protocol = protocol,
	};
	int e;

	if (!want.nif)
		return -ENODEV;
	e = add ? route_add(st, &want) : route_del(st, &want);
	return e == -EEXIST || e == -ENOENT || e == -ESRCH ? 0 : e;
}

static unsigned op_told(void *ctx, unsigned ifindex, struct endpoint *servers, unsigned max,
			struct text *domains)
{
	struct stack *st = node_of(ctx)->st;
	const char *name;
	unsigned n = 0;

	while (n < max && stack_rdnss_at(st, n, &servers[n]))
		n++;
	for (unsigned i = 0; (name = stack_dnssl_at(st, i)); i++)
		text_add(domains, " %s", name);
	return n;
}

/* --- ways out --- */

struct conf_sock {
	struct sock	*so;
	struct sock	*quiet;		/* DHCP4: takes what comes to the port, so that
					 * nobody is told that it is closed */
	unsigned	ifindex;
	enum conf_way	way;
};

static void woken(struct sock *so)
{
	look(so->user);
}

static void owned_by(struct sock *so, struct node_config *nc)
{
	so->user = nc;
	so->wake = nc ? woken : NULL;
}

static void end_sock(struct sock *so)
{
	if (!so)
		return;
	owned_by(so, NULL);
	sock_close(so);
}

static void yes(struct sock *so, int level, int name)
{
	int one = 1;

	sock_setopt(so, level, name, &one, sizeof(one));
}

/* A UDP socket at a port, for one interface; NULL: somebody has it. */
static struct sock *udp_open(struct node_config *nc, int family, unsigned ifindex, uint16_t port)
{
	struct netif *nif = netif_at(nc, ifindex);
	struct endpoint ep = { family == AF_INET ? IP4_ANY : IP6_ANY, port, 0 };
	struct sock *so;

	if (sock_new(nc->n->st, family, SOCK_DGRAM, 0, &so) < 0)
		return NULL;
	yes(so, SOL_SOCKET, SO_REUSEADDR);
	if (family == AF_INET6)
		yes(so, IPPROTO_IPV6, IPV6_V6ONLY);
	sock_setopt(so, SOL_SOCKET, SO_BINDTODEVICE, nif->name, sizeof(nif->name));
	if (sock_bind(so, &ep) < 0) {
		end_sock(so);
		return NULL;
	}
	return so;
}

static struct sock *frames_open(struct node_config *nc, unsigned ifindex, uint16_t type)
{
	struct endpoint ep = { IP_NONE, 0, ifindex };
	struct sock *so;

	if (sock_new(nc->n->st, AF_PACKET, SOCK_RAW, htons(type), &so) < 0)
		return NULL;
	if (type == ETHERTYPE_IP4)
		sock_setopt(so, SOL_SOCKET, SO_ATTACH_FILTER, &conf_dhcp4_only,
			    sizeof(conf_dhcp4_only));
	sock_bind(so, &ep);
	return so;
}

static struct conf_sock *op_open(void *ctx, unsigned ifindex, enum conf_way way)
{
	struct node_config *nc = ctx;
	struct conf_sock *s;

	if (!netif_at(nc, ifindex))	/* it was deleted, and is looked at for the last time */
		return NULL;
	s = xzalloc(sizeof(*s));
	s->ifindex = ifindex;
	s->way = way;
	if (way == WAY_DHCP6)
		s->so = udp_open(nc, AF_INET6, ifindex, DHCP6_CLIENT_PORT);
	else
		s->so = frames_open(nc, ifindex, way == WAY_ARP ? ETHERTYPE_ARP : ETHERTYPE_IP4);
	if (way == WAY_DHCP4)
		s->quiet = udp_open(nc, AF_INET, ifindex, DHCP4_CLIENT_PORT);
	if (s->so) {
		owned_by(s->so, nc);
		return s;
	}
	end_sock(s->quiet);
	free(s);
	return NULL;
}

static void op_close(struct conf_sock *s)
{
	end_sock(s->so);
	end_sock(s->quiet);
	free(s);
}

static void op_send(struct conf_sock *s, const void *p, size_t n)
{
	struct iovec iov = { (void *)p, n };
	struct msg m = { .ttl = -1, .tos = -1 };

	if (s->way == WAY_DHCP6) {
		m.has_peer = true;
		m.peer = (struct endpoint){ DHCP6_SERVERS, DHCP6_SERVER_PORT, s->ifindex };
		m.ifindex = s->ifindex;
	}
	sock_send(s->so, &iov, 1, MSG_DONTWAIT, &m);
}

static size_t op_recv(struct conf_sock *s, void *p, size_t size)
{
	struct iovec iov = { p, size };
	struct msg m;
	ssize_t n;

	do
		n = sock_recv(s->so, &iov, 1, MSG_DONTWAIT, &m);
	while (n == 0);
	return n > 0 ? (size_t)n : 0;
}

static void op_ran(void *ctx)
{
	struct node_config *nc = ctx;
	struct node *n = nc->n;

	nc->alarm.at = MIN(nc->alarm.at, config_deadline(nc->config));
	if (!config_done(nc->config, n->st->now))
		nc->alarm.at = MIN(nc->alarm.at, config_patience(nc->config, n->st->now));
	if (nc->rules_dns)
		n->n_dns = (int)config_servers(nc->config, n->dns, NODE_DNS);
	pthread_cond_broadcast(&nc->ran);
}

static const struct config_ops node_ops = {
	.find = op_find, .link = op_link, .set_mac = op_set_mac, .set_mtu = op_set_mtu,
	.set_up = op_set_up, .set_token = op_set_token, .addr_put = op_addr_put,
	.addr_del = op_addr_del, .addr_state = op_addr_state, .route = op_route,
	.told = op_told, .open = op_open, .close = op_close, .send = op_send,
	.recv = op_recv, .ran = op_ran,
};

/* --- its life --- */

static void ring(struct node *n, struct node_alarm *a)
{
	config_run(container_of(a, struct node_config, alarm)->config, n->st->now);
}

/* What is told does not matter here: everything is looked at anew. */
static void heard_news(struct nlpeer *p, const void *buf, size_t len, bool news)
{
	look(container_of(p, struct node_config, peer));
}

struct node_config *node_config(struct node *n)
{
	struct node_config *nc = n->config;
	pthread_condattr_t attr;

	if (nc)
		return nc;
	nc = xzalloc(sizeof(*nc));
	nc->n = n;
	nc->config = config_new(&node_ops, nc);
	nc->alarm = (struct node_alarm){ .at = NEVER, .ring = ring };
	list_add_tail(&n->alarms, &nc->alarm.link);
	nc->peer = (struct nlpeer){ .n = n, .proto = NETLINK_ROUTE, .emit = heard_news };
	rtnl_open(&nc->peer, 0);
	rtnl_bind(&nc->peer, nc->peer.pid, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
	nc->rules_dns = !n->n_dns;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&nc->ran, &attr);
	pthread_condattr_destroy(&attr);
	n->config = nc;
	return nc;
}

static char *drive_done(struct node *n, const char *string, const struct words *w)
{
	struct config *c = n->config->config;
	bool done = false;
	unsigned got = 0;

	while (!done) {
		node_drive(n);
		node_lock(n);
		done = config_done(c, n->st->now);
		got = config_got(c);
		node_unlock(n);
	}
	if (!words_unanswered(w, got))
		return NULL;
	return xasprintf("--config %s: nobody on the network answered; is there a server or "
			 "router?", string);
}

char *node_configure(struct node *n, const char *string)
{
	struct words w;
	char *why = words_parse(string, &w);
	unsigned mask;
	int e;

	if (why)
		return why;
	node_lock(n);
	e = config_apply(node_config(n)->config, &w, &mask, n->st->now);
	config_run(n->config->config, n->st->now);
	node_unlock(n);
	if (e < 0)
		why = xasprintf("--config %s: %s", string, strerror(-e));
	else
		why = drive_done(n, string, &w);
	words_free(&w);
	return why;
}

void node_config_free(struct node *n)
{
	struct node_config *nc = n->config;

	if (!nc)
		return;
	n->config = NULL;
	config_free(nc->config);
	rtnl_close(&nc->peer);
	list_del(&nc->alarm.link);
	pthread_cond_destroy(&nc->ran);
	free(nc->last);
	free(nc);
}
