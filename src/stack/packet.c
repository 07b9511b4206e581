/* packet.c - packet sockets: frames as they pass an interface (packet(7))
 *
 * in:   eth_in, eth_send -> packet_taps -> dg_queue	a copy each, if the filter wants it
 * out:  sock_send -> packet_send -> eth_send
 *
 * SOCK_RAW has the Ethernet header, SOCK_DGRAM has not. Who asks for every
 * protocol (ETH_P_ALL) also hears what this stack sends. A super-frame is one
 * frame here, with its checksum still wanted; everything else is shown as it is
 * on the wire. Frames for other stations are shown while somebody asks for them
 * (PACKET_MR_PROMISC): a switch that floods brings them anyhow.
 */
#include "stack/packet.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <stdlib.h>

#include "base/bpf.h"
#include "base/mem.h"
#include "proto/proto.h"
#include "stack/dgram.h"
#include "stack/ip.h"
#include "stack/netif.h"
#include "stack/sock_opt.h"

enum { TYPE_ALL = 3, TYPE_802_2 = 4, TYPE_LEAST = 0x600 };	/* of linux/if_ether.h */
enum { MEMBERS_MAX = 64 };

struct member {
	struct list	link;
	struct packet_mreq want;
	unsigned	count;
};

struct packet {
	struct dgram	d;		/* first */
	struct list	link;		/* sock_table.taps */
	struct list	members;
	bool		no_outgoing;	/* PACKET_IGNORE_OUTGOING */
	bool		auxdata, origdev, bypass;	/* kept to be told */
	uint32_t	packets, drops;	/* since they were asked for last */
};

static const struct sock_ops packet_ops;

static struct packet *packet_of(const struct sock *so)
{
	return container_of(dg_of(so), struct packet, d);
}

static bool cooked(const struct packet *p)
{
	return p->d.so.type == SOCK_DGRAM;
}

static uint16_t swap16(uint16_t v)
{
	be16 b = be16_put(v);

	memcpy(&v, &b, sizeof(v));
	return v;
}

int packet_sock_new(struct stack *st, int type, int proto, struct sock **out)
{
	struct packet *p;

	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	p = xzalloc(sizeof(*p));
	dg_init(&p->d);
	list_init(&p->members);
	sock_init(&p->d.so, st, &packet_ops, AF_PACKET, type, proto);
	p->d.so.local.port = swap16((uint16_t)proto);
	list_add_tail(&st->socks->taps, &p->link);
	*out = &p->d.so;
	return 0;
}

/* --- in --- */

static bool wants(const struct packet *p, const struct netif *nif, const struct frame_note *f)
{
	const struct endpoint *at = &p->d.so.local;
	bool out = f->pkttype == PACKET_OUTGOING;

	if (at->ifindex && at->ifindex != nif->index)
		return false;
	if (at->port == TYPE_ALL)
		return !out || !p->no_outgoing;
	return at->port && at->port == f->proto && !out;
}

static uint8_t type_in(const struct netif *nif, const struct mac *dst)
{
	if (mac_eq(dst, &MAC_BROADCAST))
		return PACKET_BROADCAST;
	if (mac_is_group(dst))
		return PACKET_MULTICAST;
	return netif_is_lo(nif) || mac_eq(dst, &nif->mac) ? PACKET_HOST : PACKET_OTHERHOST;
}

static uint16_t hatype(const struct netif *nif)
{
	return netif_is_lo(nif) ? ARPHRD_LOOPBACK : ARPHRD_ETHER;
}

/* False: not a frame. */
static bool note_frame(const struct netif *nif, const struct pkt *pkt, bool out,
		       struct frame_note *f)
{
	uint8_t b[ETH_LEN];
	struct rd r = rd_of(b, pkt_copy(pkt, 0, b, sizeof(b)));
	struct eth e;

	if (!eth_parse(&r, &e))
		return false;
	*f = (struct frame_note){
		.proto = e.type >= TYPE_LEAST ? e.type : TYPE_802_2, .hatype = hatype(nif),
		.pkttype = out ? PACKET_OUTGOING : type_in(nif, &e.dst),
		.halen = sizeof(e.src), .ifindex = nif->index, .len = pkt_len(pkt),
		.sum_wanted = pkt->gso_size && pkt->sum == PKT_SUM_PARTIAL,
	};
	memcpy(f->addr, &e.src, sizeof(e.src));
	return true;
}

/* Bytes of the frame, or 0. */
static uint32_t filter(const struct packet *p, const struct pkt *pkt, const struct frame_note *f)
{
	struct bpf_pkt b = {
		.data = cooked(p) ? ETH_LEN : 0, .net = ETH_LEN, .proto = f->proto,
		.pkttype = f->pkttype, .hatype = f->hatype, .ifindex = f->ifindex,
		.rng = &p->d.so.st->rng,
	};
	uint32_t keep = p->d.filter ? dg_filter(p->d.filter, &b, pkt) : UINT32_MAX;

	return keep > UINT32_MAX - b.data ? keep : keep ? keep + b.data : 0;
}

static struct pkt *copy_of(const struct pkt *pkt)
{
	struct pkt *c = pkt_clone(pkt);

	if (c->sum == PKT_SUM_PARTIAL && !c->gso_size) {
		pkt_pull(c, MIN(pkt_len(c), (uint32_t)c->sum_start + c->sum_off + 2));
		pkt_sum_finish(c);
	}
	return c;
}

static void give(struct packet *p, const struct pkt *pkt, const struct frame_note *f)
{
	uint32_t keep = filter(p, pkt, f), head = cooked(p) ? ETH_LEN : 0;
	struct frame_note note = *f;
	struct pkt *c;

	if (!keep)
		return;
	c = copy_of(pkt);
	pkt_trim_to(c, keep);
	pkt_trim_front(c, head);
	note.len -= head;
	note.net = (uint16_t)(ETH_LEN - head);
	memcpy(c->cb, &note, sizeof(note));
	c->gso_size = 0;
	p->packets++;
	p->drops += dg_queue(&p->d, c) != DROP_NONE;
}

void packet_taps(struct netif *nif, const struct pkt *pkt, bool out, const struct sock *from)
{
	struct frame_note f;

	/* Our own copy of what we send to a group was seen as it left. */
	if (!out && pkt->note == PKT_LOOPED && !netif_is_lo(nif))
		return;
	if (!note_frame(nif, pkt, out, &f) || (f.pkttype == PACKET_OTHERHOST && !nif->promisc))
		return;
	list_for_safe(l, &nif->st->socks->taps) {
		struct packet *p = container_of(l, struct packet, link);

		if (&p->d.so != from && wants(p, nif, &f))
			give(p, pkt, &f);
	}
}

void packet_netif_down(struct netif *nif)
{
	list_for_safe(l, &nif->st->socks->taps) {
		struct packet *p = container_of(l, struct packet, link);

		if (p->d.so.local.ifindex == nif->index)
			sock_set_error(&p->d.so, ENETDOWN);
	}
}

/* --- names --- */

static int packet_bind(struct sock *so, const struct endpoint *ep)
{
	struct netif *nif = netif_by_index(so->st, ep->ifindex);

	if (ep->ifindex && !nif)
		return -ENODEV;
	so->local.ifindex = ep->ifindex;
	if (ep->port)			/* 0: as the socket was made */
		so->local.port = ep->port;
	so->proto = swap16(so->local.port);
	if (nif && !netif_is_up(nif))
		sock_set_error(so, ENETDOWN);
	return 0;
}

void packet_name(const struct sock *so, struct frame_note *out)
{
	struct netif *nif = netif_by_index(so->st, so->local.ifindex);

	*out = (struct frame_note){ .proto = so->local.port, .ifindex = so->local.ifindex };
	if (!nif)
		return;
	out->hatype = hatype(nif);
	out->halen = sizeof(nif->mac);
	memcpy(out->addr, nif->mac.b, sizeof(nif->mac.b));
}

static int packet_connect(struct sock *so, const struct endpoint *ep)
{
	return -EOPNOTSUPP;
}

static int packet_shutdown(struct sock *so, int how)
{
	return -EOPNOTSUPP;
}

/* --- out --- */

/* The header that the program made, or ours in front of what it gave. */
static int header(const struct packet *p, struct pkt *pkt, const struct netif *nif,
		  const struct frame_note *to)
{
	struct eth e = { .src = nif->mac, .type = to ? to->proto : p->d.so.local.port };
	uint8_t b[ETH_LEN];
	struct wr w = wr_of(b, sizeof(b));

	if (cooked(p)) {
		if (to && to->halen < sizeof(e.dst))
			return -EINVAL;
		if (to)
			memcpy(&e.dst, to->addr, sizeof(e.dst));
		eth_emit(&w, &e);
	} else {
		if (pkt_copy(pkt, 0, b, ETH_LEN) != ETH_LEN)
			return -EINVAL;
		pkt_trim_front(pkt, ETH_LEN);
	}
	memcpy(pkt_push(pkt, ETH_LEN), b, ETH_LEN);
	return 0;
}

/* A tag may come on top of what the link takes. */
static bool too_large(const struct packet *p, const struct pkt *pkt, const struct netif *nif)
{
	uint8_t type[2] = { 0, 0 };
	uint32_t most = nif->mtu + ETH_LEN;

	pkt_copy(pkt, 12, type, sizeof(type));
	if (type[0] << 8 == (ETHERTYPE_VLAN & 0xff00) && type[1] == (ETHERTYPE_VLAN & 0xff))
		most += VLAN_LEN;
	return pkt_len(pkt) > most;
}

static ssize_t packet_send(struct sock *so, const struct iovec *iov, int n, int flags,
			   struct msg *m)
{
	const struct frame_note *to = m && m->has_peer ? &m->frame : NULL;
	struct flow f = { .nif = netif_by_index(so->st, to ? to->ifindex : so->local.ifindex) };
	struct packet *p = packet_of(so);
	struct pkt *pkt;
	int e;

	if (flags & MSG_OOB)
		return -EINVAL;
	if (!f.nif)
		return -ENXIO;
	if (!netif_is_up(f.nif))
		return -ENETDOWN;
	if (iov_total(iov, n) > f.nif->mtu + ETH_LEN + VLAN_LEN)
		return -EMSGSIZE;
	e = dg_gather(so, &f, iov, n, &pkt);
	if (e)
		return e;
	e = header(p, pkt, f.nif, to);
	if (!e && too_large(p, pkt, f.nif))
		e = -EMSGSIZE;
	if (e) {
		pkt_free(pkt);
		return e;
	}
	eth_send(f.nif, pkt, so);
	return (ssize_t)iov_total(iov, n);
}

/* --- options --- */

static struct member *member_find(struct packet *p, const struct packet_mreq *want)
{
	list_for(l, &p->members) {
		struct member *m = container_of(l, struct member, link);

		if (m->want.mr_ifindex == want->mr_ifindex && m->want.mr_type == want->mr_type &&
		    m->want.mr_alen == want->mr_alen &&
		    memcmp(m->want.mr_address, want->mr_address, want->mr_alen) == 0)
			return m;
	}
	return NULL;
}

/* Another station's address is one of the frames that are for others. */
static bool others(const struct member *m)
{
	return m->want.mr_type == PACKET_MR_PROMISC || m->want.mr_type == PACKET_MR_UNICAST;
}

static void member_end(struct packet *p, struct member *m)
{
	struct netif *nif = netif_by_index(p->d.so.st, (uint32_t)m->want.mr_ifindex);

	if (nif && others(m))
		nif->promisc--;
	list_del(&m->link);
	free(m);
}

static int member_add(struct packet *p, const struct packet_mreq *want)
{
	struct netif *nif = netif_by_index(p->d.so.st, (uint32_t)want->mr_ifindex);
	struct member *m = member_find(p, want);
	unsigned n = 0;

	if (!nif)
		return -ENODEV;
	if (want->mr_type > PACKET_MR_UNICAST || want->mr_alen > sizeof(struct mac))
		return -EINVAL;
	if (m) {
		m->count++;
		return 0;
	}
	list_for(l, &p->members)
		n++;
	if (n >= MEMBERS_MAX)
		return -ENOBUFS;
	m = xzalloc(sizeof(*m));
	m->want = *want;
	m->count = 1;
	list_add_tail(&p->members, &m->link);
	nif->promisc += others(m);
	return 0;
}

static int set_member(struct packet *p, bool add, const void *v, socklen_t len)
{
	struct packet_mreq want = { .mr_ifindex = 0 };
	struct member *m;

	if (len < sizeof(want))
		return -EINVAL;
	memcpy(&want, v, sizeof(want));
	want.mr_alen = MIN(want.mr_alen, (unsigned short)sizeof(want.mr_address));
	if (add)
		return member_add(p, &want);
	m = member_find(p, &want);
	if (!m)
		return -EADDRNOTAVAIL;
	if (!--m->count)
		member_end(p, m);
	return 0;
}

static bool *flag_of(struct packet *p, int name)
{
	switch (name) {
	case PACKET_AUXDATA:
		return &p->auxdata;
	case PACKET_ORIGDEV:
		return &p->origdev;
	case PACKET_QDISC_BYPASS:
		return &p->bypass;
	case PACKET_IGNORE_OUTGOING:
		return &p->no_outgoing;
	}
	return NULL;
}

static int packet_setopt(struct sock *so, int level, int name, const void *v, socklen_t len)
{
	struct packet *p = packet_of(so);
	bool *flag = flag_of(p, name);
	int n, e;

	if (level != SOL_PACKET)
		return dg_setopt(so, level, name, v, len);
	if (name == PACKET_ADD_MEMBERSHIP || name == PACKET_DROP_MEMBERSHIP)
		return set_member(p, name == PACKET_ADD_MEMBERSHIP, v, len);
	if (!flag)
		return -ENOPROTOOPT;
	e = opt_take_int(level, v, len, &n);
	if (!e)
		*flag = n != 0;
	return e;
}

/* Counted from one time it is asked to the next. */
static int get_stats(struct packet *p, void *v, socklen_t *len)
{
	struct tpacket_stats s = { p->packets, p->drops };

	p->packets = p->drops = 0;
	return opt_put(v, len, &s, sizeof(s));
}

static int packet_getopt(struct sock *so, int level, int name, void *v, socklen_t *len)
{
	struct packet *p = packet_of(so);

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	if (name == PACKET_STATISTICS)
		return get_stats(p, v, len);
	return flag_of(p, name) ? opt_put_int(v, len, *flag_of(p, name)) : -ENOPROTOOPT;
}

static void packet_destroy(struct sock *so)
{
	struct packet *p = packet_of(so);

	while (!list_empty(&p->members))
		member_end(p, list_first(&p->members, struct member, link));
	list_del(&p->link);
	dg_free(&p->d);
}

static const struct sock_ops packet_ops = {
	.bind = packet_bind,
	.connect = packet_connect,
	.send = packet_send,
	.recv = dg_recv,
	.shutdown = packet_shutdown,
	.close = packet_destroy,
	.events = dg_events,
	.setopt = packet_setopt,
	.getopt = packet_getopt,
	.resume = sock_wake,
	.destroy = packet_destroy,
};
