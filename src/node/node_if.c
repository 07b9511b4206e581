/* node_if.c - interfaces of a node: a plug, and the netif it is for the stack
 *
 * in:   iface_ready -> iface_recv -> plug_recv -> iface_deliver -> stack_input
 * out:  stack -> iface_out -> plug_send, then once per settling iface_flush
 *
 * When the other side of a plug goes, the interface stays without it.
 */
#include "node/node_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "plug/ifname.h"
#include "stack/neigh.h"
#include "stack/sock_table.h"

#define RECV_BATCH	64

static void iface_out(struct netif *nif, struct pkt *pkt)
{
	struct iface *ifc = nif->ctx;

	if (!ifc->plug) {
		drop(nif->st, pkt, DROP_NETIF_DOWN);
		return;
	}
	ifc->queued = true;
	plug_send(ifc->plug, pkt);
}

static uint32_t iface_room(struct netif *nif)
{
	struct iface *ifc = nif->ctx;

	return ifc->plug ? plug_room(ifc->plug) : UINT32_MAX;
}

/* The link address of a next hop; not known: any that nobody has. */
static const struct mac *mac_of(struct netif *nif, const struct ip_addr *hop)
{
	static const struct mac nobody = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	const struct neigh *n = neigh_find(nif, hop);

	return n && n->state != NEIGH_INCOMPLETE && n->state != NEIGH_FAILED ? &n->mac : &nobody;
}

static uint32_t iface_room_to(struct netif *nif, const struct ip_addr *hop)
{
	struct iface *ifc = nif->ctx;

	if (!ifc->plug || !ifc->plug->ops->room_to)
		return iface_room(nif);
	return ifc->plug->ops->room_to(ifc->plug, mac_of(nif, hop));
}

static struct arena *iface_arena_to(struct netif *nif, const struct ip_addr *hop)
{
	struct iface *ifc = nif->ctx;

	if (!ifc->plug || !ifc->plug->ops->arena_to)
		return nif->arena;
	return ifc->plug->ops->arena_to(ifc->plug, mac_of(nif, hop));
}

static const struct netif_ops iface_ops = {
	.out = iface_out, .room = iface_room, .room_to = iface_room_to,
	.arena_to = iface_arena_to,
};

static void iface_deliver(struct plug *p, struct pkt *pkt)
{
	struct iface *ifc = p->user;

	ifc->node->hold = false;
	stack_input(ifc->node->st, ifc->nif, pkt);
	p->hold |= ifc->node->hold;
}

/* The other side has gone: the node lives on without this interface. */
static void iface_lost(struct iface *ifc, int error)
{
	struct node *n = ifc->node;

	err("%s: the network has gone (%s); what needs it will time out",
	    ifc->nif->name, strerror(-error));
	loop_unwatch(n->loop, &ifc->w);
	loop_unwatch(n->loop, &ifc->hup);
	ifc->nif->arena = NULL;		/* the plug's */
	plug_close(ifc->plug);
	ifc->plug = NULL;
}

void iface_flush(struct iface *ifc)
{
	int ret = plug_flush(ifc->plug);
	uint32_t want = EPOLLIN;

	ifc->queued = false;
	if (ret < 0 && ret != -EAGAIN) {
		iface_lost(ifc, ret);
		return;
	}
	if (ifc->plug->want_write)
		want |= EPOLLOUT;
	if (ifc->plug->fd >= 0 && want != ifc->w.events)
		loop_watch(ifc->node->loop, &ifc->w, want);
}

void iface_recv(struct iface *ifc)
{
	int ret;

	/* Who looks for long comes here often: an ACK of what he sent meanwhile is later. */
	stack_now(ifc->node->st, now_mono());
	ifc->plug->join_udp = ifc->node->st->udp_gro;
	ifc->plug->join_rows = !sock_onlookers(ifc->node->st);
	ret = plug_recv(ifc->plug, RECV_BATCH);

	if (ret < 0 && ret != -EAGAIN)
		iface_lost(ifc, ret);
	else if (ifc->plug->more)
		ifc->woken = true;
}

static void iface_ready(struct watch *w, uint32_t events)
{
	struct iface *ifc = container_of(w, struct iface, w);

	if (events & EPOLLOUT) {
		iface_flush(ifc);
		if (ifc->plug && plug_room(ifc->plug))
			netif_ready(ifc->nif);
	}
	if (ifc->plug && events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
		ifc->plug->rung = true;
		iface_recv(ifc);
	}
}

static void iface_hup(struct watch *w, uint32_t events)
{
	struct iface *ifc = container_of(w, struct iface, hup);
	char byte;
	ssize_t n = recv(w->fd, &byte, 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		iface_lost(ifc, -EPIPE);
}

/* A plug without fd has frames; called from any thread. */
static void iface_wake(struct plug *p)
{
	struct iface *ifc = p->user;

	__atomic_store_n(&ifc->woken, true, __ATOMIC_RELEASE);
	node_kick(ifc->node);
}

/* --- more of a plug's descriptors --- */

struct bell {
	struct list	link;
	struct watch	w;
	struct iface	*ifc;
};

static void bell_ready(struct watch *w, uint32_t events)
{
	struct iface *ifc = container_of(w, struct bell, w)->ifc;

	ifc->plug->rung = true;
	iface_recv(ifc);
}

static void bell_off(struct bell *b)
{
	loop_unwatch(b->ifc->node->loop, &b->w);
	list_del(&b->link);
	free(b);
}

static bool bell_on(struct iface *ifc, int fd)
{
	struct bell *b = xzalloc(sizeof(*b));

	*b = (struct bell){ .w = { .fd = fd, .ready = bell_ready, .bell = true }, .ifc = ifc };
	list_add_tail(&ifc->bells, &b->link);
	if (loop_watch(ifc->node->loop, &b->w, EPOLLIN) == 0)
		return true;
	bell_off(b);
	return false;
}

static bool iface_bell(struct plug *p, int fd, bool on)
{
	struct iface *ifc = p->user;

	if (on)
		return bell_on(ifc, fd);
	list_for_safe(l, &ifc->bells) {
		struct bell *b = container_of(l, struct bell, link);

		if (b->w.fd == fd)
			bell_off(b);
	}
	return true;
}

static struct mac mac_choose(void)
{
	struct mac m;
	struct hash_key k;

	hash_key_system(&k);
	memcpy(m.b, k.b, sizeof(m.b));
	m.b[0] = (uint8_t)((m.b[0] & 0xfc) | 0x02);	/* local, unicast */
	return m;
}

struct iface *iface_add(struct node *n, const struct if_conf *c, const char *of, char **why)
{
	struct plug_conf pc = { .now = n->st->now, .introduce = true, .bell = iface_bell };
	struct iface *ifc = xzalloc(sizeof(*ifc));
	char name[16];
	char *descr = xasprintf("ioth%s%s user=%u pid=%d", of ? " " : "",
				of ? of : "", getuid(), getpid());

	pc.descr = descr;
	ifc->node = n;
	list_init(&ifc->bells);
	ifc->plug = plug_open(c->locator, &pc, why);
	free(descr);
	if (!ifc->plug) {
		free(ifc);
		return NULL;
	}
	ifc->plug->user = ifc;
	ifc->plug->deliver = iface_deliver;
	ifc->plug->wake = iface_wake;
	if (c->name[0])
		memcpy(name, c->name, sizeof(name));
	else
		snprintf(name, sizeof(name), "eth%d", n->n_if);
	ifc->nif = netif_add(n->st, name,
			     mac_is_zero(&c->mac) ? mac_choose() : c->mac,
			     c->mtu ? c->mtu : ifc->plug->mtu, 0, &iface_ops, ifc);
	ifc->nif->mtu_max = MAX(ifc->nif->mtu, ifc->plug->mtu);
	ifc->nif->arena = ifc->plug->arena;
	ifc->w = (struct watch){ .fd = ifc->plug->fd, .ready = iface_ready, .bell = true };
	if (ifc->w.fd >= 0)
		loop_watch(n->loop, &ifc->w, EPOLLIN);
	ifc->hup = (struct watch){ .fd = ifc->plug->hup_fd, .ready = iface_hup, .bell = true };
	if (ifc->hup.fd >= 0)
		loop_watch(n->loop, &ifc->hup, EPOLLIN | EPOLLRDHUP);
	n->ifs[n->n_if++] = ifc;
	return ifc;
}

int node_if_add(struct node *n, const struct if_conf *c, struct netif **nif)
{
	struct iface *ifc;
	char *why;

	if (netif_by_name(n->st, c->name))
		return -EEXIST;
	if (n->n_if == NODE_IFS)
		return -ENOSPC;
	ifc = iface_add(n, c, NULL, &why);
	if (!ifc) {
		err("%s", why);
		free(why);
		return -ENOENT;
	}
	*nif = ifc->nif;
	return 0;
}

static void iface_end(struct iface *ifc)
{
	struct node *n = ifc->node;

	if (ifc->plug) {
		plug_flush(ifc->plug);
		loop_unwatch(n->loop, &ifc->w);
		loop_unwatch(n->loop, &ifc->hup);
	}
	ifc->nif->arena = NULL;
	netif_remove(ifc->nif);
	plug_close(ifc->plug);
	free(ifc);
}

int node_if_del(struct node *n, struct netif *nif)
{
	for (int i = 0; i < n->n_if; i++) {
		if (n->ifs[i]->nif != nif)
			continue;
		iface_end(n->ifs[i]);
		n->n_if--;
		memmove(&n->ifs[i], &n->ifs[i + 1], (size_t)(n->n_if - i) * sizeof(n->ifs[0]));
		return 0;
	}
	return -EOPNOTSUPP;
}
