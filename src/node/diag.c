/* diag.c - NETLINK_SOCK_DIAG: the stack's sockets, as ss(8) asks for them
 *
 * Requests of version 2 (struct inet_diag_req_v2): a dump by family, protocol and
 * state; one socket by its two ends; and its end (SOCK_DESTROY). A filter in
 * byte code is left to the asker, who applies it again in any case. Sockets of
 * other families than the Internet's are not the stack's: there are none.
 */
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/rtnl_in.h"
#include "node/vsock.h"
#include "stack/tcp.h"
#include "stack/tcp_req.h"

/* Raw sockets have their own, whatever they carry. */
static int proto_of(const struct sock *so)
{
	return so->type == SOCK_RAW ? IPPROTO_RAW : so->proto;
}

static uint8_t state_of(const struct sock *so)
{
	if (so->type == SOCK_STREAM)
		return tcpc_of(so)->state;
	return so->connected ? TCP_ESTABLISHED : TCP_CLOSE;
}

/* The number by which getsockopt(SO_COOKIE) knows the program's end, else one
 * that no other socket has. */
static uint64_t cookie_of(const struct sock *so)
{
	const struct vsock *vs = so->user;

	return vs ? vs->cookie : hash64(&so->st->secret, &so, sizeof(so));
}

static struct seen seen_sock(struct sock *so)
{
	return (struct seen){
		.so = so, .local = so->local, .remote = so->remote, .family = so->family,
		.state = state_of(so), .cookie = cookie_of(so),
	};
}

static struct seen seen_small(const struct stack *st, uint8_t state, const struct endpoint *l,
			      const struct endpoint *r)
{
	struct { struct endpoint l, r; } ends = { *l, *r };

	return (struct seen){
		.local = *l, .remote = *r, .family = ip_is_v4(&l->addr) ? AF_INET : AF_INET6,
		.state = state, .cookie = hash64(&st->secret, &ends, sizeof(ends)),
	};
}

/* --- a row --- */

static void put_end(const struct endpoint *ep, int family, __be16 *port, __be32 addr[4])
{
	*port = htons(ep->port);
	if (family == AF_INET6)
		memcpy(addr, ep->addr.b, 16);
	else if (ip_is_v4(&ep->addr))
		memcpy(addr, ip_v4(&ep->addr), 4);
}

static void put_id(struct inet_diag_sockid *id, const struct seen *s)
{
	put_end(&s->local, s->family, &id->idiag_sport, id->idiag_src);
	put_end(&s->remote, s->family, &id->idiag_dport, id->idiag_dst);
	id->idiag_if = s->so ? s->so->flow.ifindex : 0;
	id->idiag_cookie[0] = (uint32_t)s->cookie;
	id->idiag_cookie[1] = (uint32_t)(s->cookie >> 32);
}

static void put_queues(struct inet_diag_msg *m, struct sock *so)
{
	struct sock_queues q = sock_queues(so);

	m->idiag_rqueue = q.in;
	m->idiag_wqueue = q.out;
}

/* Linux's numbers for the timer that is under way. */
static void put_timer(struct inet_diag_msg *m, const struct tcpc *tc)
{
	static const struct { uint8_t ours, theirs; } shown[] = {
		{ TCP_T_RTX, 1 }, { TCP_T_PERSIST, 4 }, { TCP_T_KEEP, 2 },
	};
	usec now = tc->so.st->now;

	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		usec at = tc->at[shown[i].ours];

		if (at == NEVER || !at)
			continue;
		m->idiag_timer = shown[i].theirs;
		m->idiag_retrans = shown[i].ours == TCP_T_KEEP ? tc->probes : tc->backoff;
		m->idiag_expires = (uint32_t)((MAX(at, now) - now) / USEC_PER_MSEC);
		return;
	}
}

static void put_memory(struct nlmsghdr *nlh, const struct sock *so, uint8_t ext)
{
	struct sock_queues q = sock_queues(so);
	uint32_t all[SK_MEMINFO_VARS] = {
		[SK_MEMINFO_RMEM_ALLOC] = q.in, [SK_MEMINFO_RCVBUF] = so->rcvbuf,
		[SK_MEMINFO_WMEM_QUEUED] = q.out, [SK_MEMINFO_SNDBUF] = so->sndbuf,
	};
	struct inet_diag_meminfo m = { .idiag_rmem = q.in, .idiag_wmem = q.out };

	if (ext & 1 << (INET_DIAG_MEMINFO - 1))
		mnl_attr_put(nlh, INET_DIAG_MEMINFO, sizeof(m), &m);
	if (ext & 1 << (INET_DIAG_SKMEMINFO - 1))
		mnl_attr_put(nlh, INET_DIAG_SKMEMINFO, sizeof(all), all);
}

static void put_tcp(struct nlmsghdr *nlh, struct sock *so, uint8_t ext)
{
	uint8_t ti[TCP_INFO_MAX];
	socklen_t len = sizeof(ti);
	char name[16];

	if (ext & 1 << (INET_DIAG_INFO - 1) &&
	    sock_getopt(so, IPPROTO_TCP, TCP_INFO, ti, &len) == 0)
		mnl_attr_put(nlh, INET_DIAG_INFO, len, ti);
	len = sizeof(name);
	if (ext & 1 << (INET_DIAG_CONG - 1) &&
	    sock_getopt(so, IPPROTO_TCP, TCP_CONGESTION, name, &len) == 0)
		mnl_attr_put_strz(nlh, INET_DIAG_CONG, name);
}

uint32_t diag_inode(const struct sock *so)
{
	const struct vsock *vs = so->user;

	return vs ? vs->inode : 0;
}

static void put_sock(struct nlmsghdr *nlh, struct sock *so, uint8_t ext)
{
	struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);

	m->idiag_uid = getuid();
	m->idiag_inode = diag_inode(so);
	put_queues(m, so);
	if (so->type == SOCK_STREAM && !so->listening)
		put_timer(m, tcpc_of(so));
	put_memory(nlh, so, ext);
	mnl_attr_put_u8(nlh, INET_DIAG_SHUTDOWN,
			so->type == SOCK_STREAM ? tcpc_of(so)->shut : 0);
	if (ext & 1 << (INET_DIAG_TOS - 1))
		mnl_attr_put_u8(nlh, INET_DIAG_TOS, so->asked->ip[0].tos);
	if (so->family == AF_INET6 && ext & 1 << (INET_DIAG_TCLASS - 1))
		mnl_attr_put_u8(nlh, INET_DIAG_TCLASS, so->asked->ip[1].tos);
	if (so->family == AF_INET6 && (so->listening || m->idiag_state == TCP_CLOSE))
		mnl_attr_put_u8(nlh, INET_DIAG_SKV6ONLY, so->v6only);
	if (so->flow.mark)
		mnl_attr_put_u32(nlh, INET_DIAG_MARK, so->flow.mark);
	if (so->type == SOCK_STREAM)
		put_tcp(nlh, so, ext);
}

static void put_small(struct inet_diag_msg *m, const struct seen *s, usec now)
{
	m->idiag_timer = s->timer;
	m->idiag_retrans = s->retries;
	m->idiag_expires = (uint32_t)((MAX(s->until, now) - now) / USEC_PER_MSEC);
	if (s->state == TCP_SYN_RECV)
		m->idiag_uid = getuid();
}

static void put_seen(struct nlreq *r, const struct seen *s, uint16_t flags)
{
	const struct inet_diag_req_v2 *req = r->body;
	struct nlmsghdr *nlh = row(r->out, SOCK_DIAG_BY_FAMILY, flags, sizeof(struct inet_diag_msg));
	struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);

	m->idiag_family = (uint8_t)s->family;
	m->idiag_state = s->state;
	put_id(&m->id, s);
	if (s->so)
		put_sock(nlh, s->so, req->idiag_ext);
	else
		put_small(m, s, r->st->now);
	row_end(r->out, nlh);
}

/* --- dumps --- */

static bool asked_for(const struct inet_diag_req_v2 *req, const struct seen *s)
{
	return (req->sdiag_family == AF_UNSPEC || req->sdiag_family == s->family) &&
	       req->idiag_states >> s->state & 1 &&
	       (!req->id.idiag_sport || ntohs(req->id.idiag_sport) == s->local.port) &&
	       (!req->id.idiag_dport || ntohs(req->id.idiag_dport) == s->remote.port);
}

/* Linux shows no socket that was never bound, connected or listening. */
static bool unborn(const struct sock *so)
{
	return so->family == AF_PACKET || (!so->port && so->type != SOCK_RAW);
}

static void walk_tw(struct stack *st, void (*each)(void *ctx, const struct seen *s), void *ctx)
{
	struct endpoint l, e;

	for (const struct tcp_tw *tw = NULL; (tw = tcp_tw_next(st, tw, &l, &e));) {
		struct seen s = seen_small(st, TCP_TIME_WAIT, &l, &e);

		s.timer = 3;
		s.until = tcp_tw_until(tw);
		each(ctx, &s);
	}
}

/* Half-open connections; their listener's timer says when something is due. */
static void walk_reqs(const struct sock *lis, void (*each)(void *ctx, const struct seen *s),
		      void *ctx)
{
	struct tcp_listen *t = tcpc_of(lis)->lis;
	struct endpoint l, e;

	for (int i = 0; i < TCP_REQ_LEVELS; i++) {
		list_for(k, &t->reqs[i]) {
			const struct tcp_req *rq = container_of(k, struct tcp_req, link);
			struct seen s;

			tcp_req_ends(rq, &l, &e);
			s = seen_small(lis->st, TCP_SYN_RECV, &l, &e);
			s.family = lis->family;
			s.timer = 1;
			s.retries = rq->retries;
			s.until = t->timer.t.at;
			each(ctx, &s);
		}
	}
}

void diag_walk(struct stack *st, int proto, void (*each)(void *ctx, const struct seen *s), void *ctx)
{
	for (struct sock *so = NULL; (so = sock_next(st, so));) {
		struct seen s = seen_sock(so);

		if (proto_of(so) == proto && !unborn(so))
			each(ctx, &s);
		if (so->listening && so->type == SOCK_STREAM && proto == IPPROTO_TCP)
			walk_reqs(so, each, ctx);
	}
	if (proto == IPPROTO_TCP)
		walk_tw(st, each, ctx);
}

static void dump_one(void *ctx, const struct seen *s)
{
	struct nlreq *r = ctx;

	if (asked_for(r->body, s))
		put_seen(r, s, NLM_F_MULTI);
}

static int check(struct nlreq *r)
{
	const struct inet_diag_req_v2 *req = r->body;

	if (req->sdiag_family != AF_INET && req->sdiag_family != AF_INET6)
		return -ENOENT;
	return req->sdiag_protocol == IPPROTO_TCP || req->sdiag_protocol == IPPROTO_UDP ||
	       req->sdiag_protocol == IPPROTO_RAW ? 0 : -ENOENT;
}

int diag_dump(struct nlreq *r)
{
	const struct inet_diag_req_v2 *req = r->body;
	int e = check(r);

	if (e)
		return e;
	diag_walk(r->st, req->sdiag_protocol, dump_one, r);
	return 0;
}

/* --- one socket --- */

static struct endpoint read_end(const struct inet_diag_req_v2 *req, const __be32 addr[4],
				__be16 port)
{
	const uint8_t *b = (const uint8_t *)addr;

	return (struct endpoint){
		.addr = req->sdiag_family == AF_INET ? ip_from_v4(b) : ip_from_v6(b),
		.port = ntohs(port),
	};
}

static bool cookie_agrees(const struct inet_diag_req_v2 *req, const struct sock *so)
{
	const uint32_t *c = req->id.idiag_cookie;
	uint64_t cookie = cookie_of(so);

	return (c[0] == INET_DIAG_NOCOOKIE && c[1] == INET_DIAG_NOCOOKIE) ||
	       (c[0] == (uint32_t)cookie && c[1] == (uint32_t)(cookie >> 32));
}

static bool same_end(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port &&
	       (ip_eq(&a->addr, &b->addr) || (ip_is_any(&a->addr) && ip_is_any(&b->addr)));
}

/* The kernel's src is our local end. */
static struct sock *find(struct nlreq *r)
{
	const struct inet_diag_req_v2 *req = r->body;
	struct endpoint l = read_end(req, req->id.idiag_src, req->id.idiag_sport);
	struct endpoint e = read_end(req, req->id.idiag_dst, req->id.idiag_dport);

	for (struct sock *so = NULL; (so = sock_next(r->st, so));) {
		if (proto_of(so) == req->sdiag_protocol && !unborn(so) &&
		    same_end(&so->local, &l) && same_end(&so->remote, &e) &&
		    cookie_agrees(req, so))
			return so;
	}
	return NULL;
}

int diag_get(struct nlreq *r)
{
	int e = check(r);
	struct sock *so = e ? NULL : find(r);
	struct seen s;

	if (!so)
		return -ENOENT;
	s = seen_sock(so);
	put_seen(r, &s, 0);
	return 0;
}

int diag_destroy(struct nlreq *r)
{
	int e = check(r);
	struct sock *so = e ? NULL : find(r);

	return so ? sock_abort(so) : -ENOENT;
}
