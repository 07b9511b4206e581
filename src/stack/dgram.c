/* dgram.c - sockets of whole datagrams: the queue, names, ends and options
 *
 * in:   udp_in | ping_in | raw_in -> dg_put -> queue of the socket -> sock_wake
 *
 * The queue holds no more than rcvbuf, errors included. What recv tells beside
 * the bytes is noted in the queued packet. One with a gso_size is a row of datagrams,
 * which are read one by one.
 */
#include "stack/dgram.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/bpf.h"
#include "base/mem.h"
#include "proto/proto.h"
#include "stack/errq.h"
#include "stack/ip_extra.h"
#include "stack/sock_opt.h"
#include "stack/stamp.h"

/* In the queued packet's cb; the time of arrival is its note. */
struct dg_note {
	struct endpoint	peer;
	struct ip_addr	local;
	uint32_t	lost;
	uint8_t		ttl, tos;
	uint16_t	segment;	/* several datagrams of that many bytes each */
};
static_assert(sizeof(struct dg_note) <= sizeof(((struct pkt *)0)->cb), "fits the packet");
static_assert(sizeof(struct frame_note) <= sizeof(((struct pkt *)0)->cb), "so does packet.c's");

static struct dg_note *note_of(struct pkt *pkt)
{
	return (struct dg_note *)(void *)pkt->cb;
}

void dg_init(struct dgram *d)
{
	list_init(&d->queue);
	list_init(&d->errs);
}

/* --- in --- */

/* Datagrams often lie in a large chunk that others share: a small one is
 * copied out rather than hold all of it. */
static uint32_t charge(struct stack *st, struct pkt *pkt)
{
	uint32_t len = pkt_len(pkt), fair = 2 * ((uint32_t)sizeof(*pkt) + len);
	uint8_t buf[2048];

	if (pkt->truesize > fair && len <= sizeof(buf)) {
		pkt_copy(pkt, 0, buf, len);
		pkt_trim_front(pkt, len);
		if (len && !pkt_append(pkt, st->heap, buf, len))
			return UINT32_MAX;
	}
	return pkt->truesize;
}

enum drop dg_queue(struct dgram *d, struct pkt *pkt)
{
	struct stack *st = d->so.st;
	uint32_t size;

	size = charge(st, pkt);
	if (size == UINT32_MAX)
		return drop(st, pkt, DROP_NO_MEMORY);
	if (d->queued && d->queued + size > d->so.rcvbuf) {
		d->lost++;
		return drop(st, pkt, DROP_SOCK_FULL);
	}
	if (d->queued + size > st->param.udp_rmem_min && !budget_room(st, BUDGET_UDP, size)) {
		d->lost++;
		return drop(st, pkt, DROP_NO_MEMORY);
	}
	pkt->note = (uint64_t)st->now;
	list_add_tail(&d->queue, &pkt->link);
	d->queued += size;
	budget_take(st, BUDGET_UDP, size);
	sock_wake(&d->so);
	return DROP_NONE;
}

static uint32_t copy_from(const void *pkt, uint32_t off, void *to, uint32_t len)
{
	return pkt_copy(pkt, off, to, len);
}

uint32_t dg_filter(const struct bpf *b, struct bpf_pkt *p, const struct pkt *pkt)
{
	p->copy = copy_from;
	p->of = pkt;
	p->len = pkt_len(pkt);
	return bpf_run(b, p);
}

/* What the socket's filter leaves of it: UDP's sees the header, which stays. */
static bool filtered(struct dgram *d, struct pkt *pkt, const struct ip *ip)
{
	uint16_t cur = pkt->cur, back = d->so.ops == &udp_ops ? UDP_LEN : 0;
	struct bpf_pkt p = {
		.data = (uint32_t)(cur - back - pkt->l3), .hatype = ARPHRD_ETHER,
		.proto = ip->v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6, .ifindex = ip->nif->index,
		.rng = &d->so.st->rng,
	};
	uint32_t keep;

	if (!d->filter)
		return true;
	pkt->cur = pkt->l3;
	keep = dg_filter(d->filter, &p, pkt);
	pkt->cur = cur;
	if (keep)
		pkt_trim_to(pkt, MAX(keep, (uint32_t)back) - back);
	return keep;
}

enum drop dg_put(struct dgram *d, struct pkt *pkt, const struct ip *ip, uint16_t port)
{
	if (d->shut_rd)
		return drop(d->so.st, pkt, DROP_UDP_NO_SOCK);
	if (!filtered(d, pkt, ip))
		return drop(d->so.st, pkt, DROP_FILTER);
	*note_of(pkt) = (struct dg_note){
		.peer = { ip->src, port, ip->nif->index },
		.local = ip->dst, .lost = d->lost, .ttl = ip->ttl, .tos = ip->tos,
		.segment = d->whole && pkt_len(pkt) > pkt->gso_size ? pkt->gso_size : 0,
	};
	if (d->whole)
		pkt->gso_size = 0;
	return dg_queue(d, pkt);
}

/* Room for all of it, and nobody who looks at each datagram. */
bool dg_takes_row(const struct dgram *d, const struct pkt *pkt)
{
	return !d->filter && !d->shut_rd && d->queued + pkt->truesize <= d->so.rcvbuf &&
	       budget_room(d->so.st, BUDGET_UDP, pkt->truesize);
}

uint32_t dg_len(const struct pkt *pkt)
{
	uint32_t len = pkt_len(pkt);

	return pkt->gso_size ? MIN(pkt->gso_size, len) : len;
}

void dg_let_go(struct dgram *d, uint32_t size)
{
	d->queued -= size;
	budget_give(d->so.st, BUDGET_UDP, size);
}

/* The memory of those that are gone counts no more. */
void dg_row_next(struct dgram *d, struct pkt *row)
{
	uint32_t size = row->truesize;

	pkt_trim_front(row, row->gso_size);
	dg_let_go(d, size - row->truesize);
}

static struct pkt *queue_first(struct dgram *d)
{
	return list_first(&d->queue, struct pkt, link);
}

/* Copies as much of the first datagram as fits into the iovec. */
static size_t scatter(const struct pkt *pkt, const struct iovec *iov, int n)
{
	uint32_t off = 0, len = dg_len(pkt);

	for (int i = 0; i < n && off < len; i++)
		off += pkt_copy(pkt, off, iov[i].iov_base,
				(uint32_t)MIN(iov[i].iov_len, (size_t)(len - off)));
	return off;
}

/* The header is still in the packet's head. */
static uint8_t ip4_options(const struct pkt *pkt, uint8_t to[IP4_OPTS_MAX])
{
	const uint8_t *h = pkt->head + pkt->l3;
	uint8_t n = h[0] >> 4 == 4 ? (uint8_t)((h[0] & 15) * 4 - IP4_LEN) : 0;

	memcpy(to, h + IP4_LEN, n);
	return n;
}

/* So are IPv6's extension headers, up to where the transport's begins. */
static void tell_headers(struct msg *m, const struct pkt *pkt)
{
	unsigned from = pkt->l3 + IP6_LEN, at = from, len = 0;
	const uint8_t *h = pkt->head;
	be32 word;

	if (h[pkt->l3] >> 4 != 6)
		return;
	memcpy(&word, h + pkt->l3, sizeof(word));
	m->flow = be32_get(word) & FLOWINFO_MASK;
	m->next = h[pkt->l3 + 6];
	for (uint8_t next = m->next; ext6_next(&next, h + at, pkt->cur - at, &len); at += len)
		;
	m->n_opts = (uint8_t)MIN(at - from, sizeof(m->opts));
	memcpy(m->opts, h + from, m->n_opts);
}

static void tell_frame(struct msg *m, const struct pkt *pkt)
{
	memcpy(&m->frame, pkt->cb, sizeof(m->frame));
	m->when = (usec)pkt->note;
}

static void tell_ip(const struct sock *so, struct msg *m, struct pkt *pkt)
{
	const struct dg_note *u = note_of(pkt);
	bool scoped = !ip_is_v4(&u->peer.addr) && ip_is_linklocal(&u->peer.addr);

	m->peer = u->peer;
	m->has_peer = true;
	m->ifindex = u->peer.ifindex;
	m->peer.ifindex = scoped ? u->peer.ifindex : 0;
	m->local = u->local;
	m->segment = u->segment;
	m->ttl = u->ttl;
	m->tos = u->tos;
	m->when = stamp_wants_in(so) ? (usec)pkt->note : 0;
	m->lost = so->rxq_ovfl ? u->lost : 0;
	m->path_mtu = 0;
	m->n_opts = sock_wants(so, WANT_OPTIONS) ? ip4_options(pkt, m->opts) : 0;
	if (sock_wants(so, WANT_HEADERS))
		tell_headers(m, pkt);
}

void dg_tell(const struct sock *so, struct msg *m, struct pkt *pkt, size_t copied)
{
	if (so->family == AF_PACKET)
		tell_frame(m, pkt);
	else
		tell_ip(so, m, pkt);
	m->len = dg_len(pkt);
	m->flags = m->len > copied ? MSG_TRUNC : 0;
}

static bool tells_path(const struct dgram *d)
{
	return d->path_mtu && d->so.asked->ip[1].want & WANT_PATHMTU;
}

/* RFC 3542 11.3: an empty message with ancillary data. Once, also if it was only
 * peeked at (as Linux). */
static ssize_t recv_path(struct dgram *d, struct msg *m)
{
	if (m)
		*m = (struct msg){ .peer = d->path_to, .has_peer = true, .path_mtu = d->path_mtu };
	d->path_mtu = 0;
	return 0;
}

uint32_t dg_first_len(const struct sock *so)
{
	struct pkt *pkt = queue_first(dg_of(so));

	return pkt ? dg_len(pkt) : 0;
}

ssize_t dg_recv(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m)
{
	struct dgram *d = dg_of(so);
	struct pkt *pkt = queue_first(d);
	uint32_t whole;
	size_t len;
	ssize_t ret;

	if (flags & MSG_OOB && so->ops != &udp_ops)	/* as Linux: UDP's do not look */
		return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE)
		return errq_recv(d, iov, n, m);
	if (tells_path(d))
		return recv_path(d, m);
	if (so->error)
		return -sock_take_error(so);
	if (!pkt)
		return d->shut_rd ? 0 : -EAGAIN;
	len = scatter(pkt, iov, n);
	if (m)
		dg_tell(so, m, pkt, len);
	whole = dg_len(pkt);
	ret = flags & MSG_TRUNC ? (ssize_t)whole : (ssize_t)len;
	if (flags & MSG_PEEK)
		return ret;
	if (whole < pkt_len(pkt)) {
		dg_row_next(d, pkt);
		return ret;
	}
	list_del(&pkt->link);
	dg_let_go(d, pkt->truesize);
	pkt_free(pkt);
	return ret;
}

/* --- the rest --- */

int dg_bind(struct sock *so, const struct endpoint *ep)
{
	int e = sock_table_bind(so, ep);

	so->listening = so->bound;
	return e;
}

int dg_autobind(struct sock *so)
{
	struct endpoint any = { so->local.addr, 0, so->local.ifindex };
	bool late = so->late_port;
	int e;

	if (so->bound)
		return 0;
	so->late_port = false;
	e = dg_bind(so, &any);
	so->late_port = late;
	return e == -EADDRINUSE ? -EAGAIN : e;
}

int dg_connect(struct sock *so, const struct endpoint *ep)
{
	struct endpoint old = so->local, peer = so->remote;
	bool was = so->connected;
	int e = dg_autobind(so);

	if (e)
		return e;
	sock_table_unconnect(so);
	e = dg_route(so, ep);
	if (!e)
		e = sock_table_connect(so);
	if (!e)
		return 0;
	so->local.addr = old.addr;
	if (was && dg_route(so, &peer) == 0)	/* it stays with the one that it had */
		sock_table_connect(so);
	return e;
}

/* As Linux: also if it says that it could not. */
int dg_shutdown(struct sock *so, int how)
{
	dg_of(so)->shut_rd |= how != SHUT_WR;
	dg_of(so)->shut_wr |= how != SHUT_RD;
	sock_wake(so);
	return so->connected ? 0 : -ENOTCONN;
}

void dg_free(struct dgram *d)
{
	struct list *l;

	while ((l = list_pop(&d->queue))) {
		struct pkt *pkt = container_of(l, struct pkt, link);

		budget_give(d->so.st, BUDGET_UDP, pkt->truesize);
		pkt_free(pkt);
	}
	errq_free(d);
	bpf_free(d->filter);
	sock_fini(&d->so);
	free(d);
}

void dg_destroy(struct sock *so)
{
	dg_free(dg_of(so));
}

uint32_t dg_events(struct sock *so)
{
	const struct dgram *d = dg_of(so);
	uint32_t ev = 0;

	if (!list_empty(&d->queue) || d->shut_rd || tells_path(d))
		ev |= EV_IN;
	if (list_empty(&so->stall))
		ev |= EV_OUT;
	if (so->error || !list_empty(&d->errs))
		ev |= EV_ERR;
	if (d->shut_rd)
		ev |= EV_RDHUP;
	if (d->shut_rd && d->shut_wr)
		ev |= EV_HUP;
	return ev;
}

/* RFC 3542 6.2: the source and interface of every datagram until further notice. */
static int set_pktinfo6(struct dgram *d, const void *v, socklen_t len)
{
	struct in6_pktinfo pi;
	struct ip_addr a;

	if (len < sizeof(pi))
		return -EINVAL;
	memcpy(&pi, v, sizeof(pi));
	a = ip_from_v6(pi.ipi6_addr.s6_addr);
	if (d->so.flow.ifindex && pi.ipi6_ifindex && pi.ipi6_ifindex != d->so.flow.ifindex)
		return -EINVAL;
	if (!ip_eq(&a, &IP_NONE) && !sock_any_addr(&d->so) && !stack_addr(d->so.st, &a))
		return -EINVAL;
	d->sticky_src = a;
	d->sticky_if = pi.ipi6_ifindex;
	return 0;
}

static int set_filter(struct dgram *d, const void *v, socklen_t len)
{
	struct sock_fprog prog;
	struct bpf *b;
	int e;

	if (len != sizeof(prog))
		return -EINVAL;
	if (d->filter_locked)
		return -EPERM;
	memcpy(&prog, v, sizeof(prog));
	e = prog.filter ? bpf_new(prog.filter, prog.len, &b) : -EINVAL;
	if (e)
		return e;
	bpf_free(d->filter);
	d->filter = b;
	return 0;
}

static int filter_opt(struct dgram *d, int name, const void *v, socklen_t len)
{
	int n, e;

	switch (name) {
	case SO_ATTACH_FILTER:
		return set_filter(d, v, len);
	case SO_DETACH_FILTER:
		if (d->filter_locked)
			return -EPERM;
		if (!d->filter)
			return -ENOENT;
		bpf_free(d->filter);
		d->filter = NULL;
		return 0;
	case SO_LOCK_FILTER:
		e = opt_take_int(SOL_SOCKET, v, len, &n);
		if (!e && d->filter_locked && !n)
			return -EPERM;
		d->filter_locked |= !e && n;
		return e;
	}
	return -ENOPROTOOPT;
}

int dg_setopt(struct sock *so, int level, int name, const void *v, socklen_t len)
{
	if (level == SOL_SOCKET)
		return filter_opt(dg_of(so), name, v, len);
	if (level == IPPROTO_IPV6 && name == IPV6_PKTINFO && so->family == AF_INET6)
		return set_pktinfo6(dg_of(so), v, len);
	return -ENOPROTOOPT;
}
