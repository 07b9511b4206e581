/* errq.c - errors that came for datagrams, in a queue beside the data
 *
 * ip(7), IP_RECVERR: whoever asks hears of every ICMP error, connected or not,
 * and of datagrams refused for their size; each entry tells what was sent (the
 * part the error quotes), to whom, and who complains. recv fails with the error
 * of the entry at the head once; MSG_ERRQUEUE reads it. Entries are charged to
 * the receive buffer, as Linux does. A stream has time stamps in such a queue
 * and nothing else (tcp_stamp.c).
 */
#include "stack/errq.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>

#include <linux/errqueue.h>	/* needs time.h */

#include "base/mem.h"
#include "proto/proto.h"

#define EXT_FROM	128	/* RFC 4884 4.1: the quoted packet is filled up to that */

struct err_entry {
	struct list	link;
	struct msg	m;		/* peer: to whom it was sent */
	uint32_t	len;
	uint8_t		data[];
};

static uint32_t size_of(const struct err_entry *e)
{
	return (uint32_t)sizeof(*e) + e->len;
}

static struct err_entry *first(const struct errq *q)
{
	return list_first(q->list, struct err_entry, link);
}

struct errq errq_of(struct dgram *d)
{
	return (struct errq){ &d->so, &d->errs, &d->queued, BUDGET_UDP };
}

static void put(const struct errq *q, const struct msg *m, struct rd data)
{
	uint32_t len = (uint32_t)rd_left(&data), size = (uint32_t)sizeof(struct err_entry) + len;
	struct stack *st = q->so->st;
	struct err_entry *e;

	if (*q->queued + size > q->so->rcvbuf || !budget_room(st, q->budget, size))
		return;
	e = xmalloc(size);
	e->m = *m;
	e->m.has_peer = m->err.origin != SO_EE_ORIGIN_TIMESTAMPING;
	e->m.flags = MSG_ERRQUEUE;
	e->m.when = st->now;
	e->len = len;
	if (len)
		memcpy(e->data, data.p, len);
	list_add_tail(q->list, &e->link);
	*q->queued += size;
	budget_take(st, q->budget, size);
	sock_wake(q->so);
}

static bool wants(const struct dgram *d, const struct ip_addr *dst)
{
	return sock_ip(&d->so, dst)->want & WANT_ERRORS;
}

/* RFC 4884: where in data the extensions begin, and whether they may be believed. Before
 * are at least 128 octets of the packet (4.1); data begins behind its headers. */
static uint32_t extended(const struct icmp_note *n, struct rd data)
{
	uint32_t head = (uint32_t)(data.p - n->all.p);
	union { struct sock_ee_data_rfc4884 e; uint32_t data; } u = { { 0 } };

	if (n->quoted < EXT_FROM || n->quoted < head ||
	    n->quoted - head + ICMP_EXT_LEN > rd_left(&data))
		return 0;
	u.e.len = (uint16_t)(n->quoted - head);
	rd_bytes(&data, u.e.len);
	if (!icmp_ext_ok(data))
		u.e.flags = SO_EE_RFC4884_FLAG_INVALID;
	return u.data;
}

/* Without IP_RECVERR only connected sockets hear, and what is final or about
 * the size (RFC 1122 4.1.3.3, as Linux). */
void errq_icmp(struct dgram *d, const struct icmp_note *n, struct rd data)
{
	struct msg m = {
		.peer = { n->dst, n->dst_port, n->ifindex }, .local = n->src,
		.ifindex = n->ifindex,
		.err = { .error = n->error, .origin = n->origin, .type = n->type,
			 .code = n->code, .info = n->mtu, .from = n->from },
	};
	const struct sock_ip *ip = sock_ip(&d->so, &n->dst);
	struct errq q = errq_of(d);

	if (n->mtu && ip->mtu_discover == IP_PMTUDISC_DONT)
		return;
	if (ip->want & WANT_EXT)
		m.err.data = extended(n, data);
	if (wants(d, &n->dst))
		put(&q, &m, data);
	else if (!d->so.connected || (!n->hard && !n->mtu))
		return;
	sock_set_error(&d->so, n->error);
}

void errq_local(struct dgram *d, int error, uint32_t info, const struct endpoint *to)
{
	struct msg m = {
		.peer = *to, .err = { .error = error, .origin = SO_EE_ORIGIN_LOCAL, .info = info },
	};
	struct errq q = errq_of(d);

	if (wants(d, &to->addr))
		put(&q, &m, rd_of(NULL, 0));
}

void errq_stamp(const struct errq *q, uint32_t which, uint32_t key, struct rd data)
{
	struct msg m = {
		.local = q->so->family == AF_INET ? IP4_ANY : IP6_ANY,
		.err = { .error = ENOMSG, .origin = SO_EE_ORIGIN_TIMESTAMPING, .info = which,
			 .data = key },
	};

	put(q, &m, data);
}

static bool is_icmp(const struct err_entry *e)
{
	return e->m.err.origin == SO_EE_ORIGIN_ICMP || e->m.err.origin == SO_EE_ORIGIN_ICMP6;
}

static size_t scatter(const struct err_entry *e, const struct iovec *iov, int n)
{
	size_t off = 0;

	for (int i = 0; i < n && off < e->len; i++) {
		size_t k = MIN(iov[i].iov_len, e->len - off);

		if (k)
			memcpy(iov[i].iov_base, e->data + off, k);
		off += k;
	}
	return off;
}

/* The error that recv tells is that of the next entry, if there is one. */
ssize_t errq_take(const struct errq *q, const struct iovec *iov, int n, struct msg *m)
{
	struct err_entry *e = first(q);
	size_t copied;

	if (!e)
		return -EAGAIN;
	copied = scatter(e, iov, n);
	if (m) {
		*m = e->m;
		m->len = e->len;
		m->flags |= copied < e->len ? MSG_TRUNC : 0;
	}
	list_del(&e->link);
	*q->queued -= size_of(e);
	budget_give(q->so->st, q->budget, size_of(e));
	if (is_icmp(e))
		q->so->error = 0;
	free(e);
	e = first(q);
	if (e && is_icmp(e))
		q->so->error = e->m.err.error;
	return (ssize_t)copied;
}

void errq_clear(const struct errq *q)
{
	struct list *l;

	while ((l = list_pop(q->list))) {
		struct err_entry *e = container_of(l, struct err_entry, link);

		*q->queued -= size_of(e);
		budget_give(q->so->st, q->budget, size_of(e));
		free(e);
	}
}

ssize_t errq_recv(struct dgram *d, const struct iovec *iov, int n, struct msg *m)
{
	struct errq q = errq_of(d);

	return errq_take(&q, iov, n, m);
}

void errq_free(struct dgram *d)
{
	struct errq q = errq_of(d);

	errq_clear(&q);
}
