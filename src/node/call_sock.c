/* call_sock.c - calls that make, name and join sockets
 *
 * A handler runs with the node's lock. It may run again for the same call after
 * CALL_PARK, so what must happen once is guarded by c->started or by the state
 * of the vsock.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "node/call.h"

/* The program's end, app, which is closed here; -1: the socket has none (vbare.c). */
static long give(struct call *c, struct vsock *vs, int app, int flags)
{
	long ret;

	vs->nonblock = flags & SOCK_NONBLOCK;
	if (vs->nonblock && app >= 0)
		fcntl(app, F_SETFL, O_NONBLOCK);
	ret = call_give_fd(c, vs, app, flags & SOCK_CLOEXEC);
	if (app >= 0)
		close(app);
	return ret;
}

long call_socket(struct call *c)
{
	int domain = (int)ARG(c, 0), type = (int)ARG(c, 1), proto = (int)ARG(c, 2);
	struct vsock *vs;
	long ret;
	int app;

	if (domain == AF_NETLINK)
		return netlink_socket(c);
	if (type & ~(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC) ||
	    (domain != AF_PACKET && (proto < 0 || proto > 262)))
		return -EINVAL;
	if (c->plain && (domain == AF_PACKET || (type & 0xf) == SOCK_RAW))
		return -EPERM;
	ret = vsock_new(c->of->node, domain, type & 0xf, proto, &vs, &app);
	if (ret == -EMFILE) {	/* what was closed before counts no more */
		node_poll(c->of->node);
		ret = vsock_new(c->of->node, domain, type & 0xf, proto, &vs, &app);
	}
	if (ret == -EMFILE) {
		info("descriptor limit of the supervisor reached; raise ulimit -Hn");
		return ret;
	}
	if (ret < 0)
		return ret;
	vs->cloexec = type & SOCK_CLOEXEC;
	ret = give(c, vs, app, type);
	if (ret < 0 && ret != CALL_ANSWERED)
		vsock_drop(vs);
	return ret;
}

/* The sockaddr argument of bind and connect. */
static int read_addr(struct call *c, struct sockaddr_storage *ss, socklen_t *len)
{
	int32_t n = (int32_t)ARG(c, 2);

	if (n < 0 || n > (int32_t)sizeof(*ss))
		return -EINVAL;
	memset(ss, 0, sizeof(*ss));
	*len = (socklen_t)n;
	return call_read(c, ARG(c, 1), ss, (size_t)n);
}

long call_bind(struct call *c)
{
	struct sockaddr_storage ss;
	struct endpoint ep;
	socklen_t len;
	long ret = call_vsock_now(c);

	if (ret)
		return ret;
	ret = read_addr(c, &ss, &len);
	if (ret < 0)
		return ret;
	if (len < (c->vs->family == AF_INET ? 16 : c->vs->family == AF_INET6 ? 24 : 2))
		return -EINVAL;
	if (ss.ss_family == AF_UNSPEC && c->vs->family == AF_INET)
		ss.ss_family = AF_INET;	/* as Linux: INADDR_ANY only, below */
	if (ss.ss_family != c->vs->family)
		return -EAFNOSUPPORT;
	ret = vname_bind(c->vs, (struct sockaddr *)&ss, len, &ep);
	if (ret == 0)
		ret = vsock_bind(c->vs, &ep);
	if (ret == -EADDRINUSE && c->lent) {	/* by one that close(2) ended? */
		node_poll(c->of->node);
		ret = vsock_bind(c->vs, &ep);
	}
	return ret;
}

long call_listen(struct call *c)
{
	long ret = call_vsock_now(c);

	if (ret)
		return ret;
	return vsock_listen(c->vs, (int)ARG(c, 1), c->app);
}

/* --- connect --- */

static bool has_ip6(struct stack *st)
{
	list_for(l, &st->netifs) {
		struct netif *nif = container_of(l, struct netif, link);

		list_for(k, &nif->addrs) {
			const struct ip_addr *a = &container_of(k, struct netif_addr, link)->addr;

			if (!ip_is_v4(a) && !ip_is_linklocal(a) && !ip_is_loopback(a))
				return true;
		}
	}
	return false;
}

/* getaddrinfo probes each wildcard address by connecting a datagram socket to
 * it, and finds 0.0.0.0 better than :: because 127.0.0.1 has its label and ::1
 * has not (RFC 6724 rule 5). A server that binds the first answer would then be
 * deaf to IPv6. On a node with IPv6 the probe of 0.0.0.0 fails, so :: comes
 * first, which serves both. Streams to 0.0.0.0 reach this node as ever. */
static bool wildcard_probe(const struct call *c, const struct endpoint *ep)
{
	return c->vs->type == SOCK_DGRAM && ip_is_v4(&ep->addr) && ip_is_any(&ep->addr) &&
	       has_ip6(c->of->node->st);
}

static long connect_first(struct call *c, bool nonblock)
{
	struct sockaddr_storage ss;
	struct endpoint ep;
	socklen_t len;
	long ret = read_addr(c, &ss, &len);

	if (ret >= 0)
		ret = call_catch_up(c);
	if (ret < 0)
		return ret;
	if (len < 2)
		return -EINVAL;
	if (ss.ss_family == AF_UNSPEC)
		return vsock_disconnect(c->vs, c->app);
	if (c->vs->family == AF_PACKET)
		return -EOPNOTSUPP;
	ret = ep_from_sockaddr((struct sockaddr *)&ss, len, &ep);
	if (ret < 0)
		return ret;
	if (ss.ss_family != c->vs->family &&
	    (ss.ss_family != AF_INET || c->vs->type == SOCK_STREAM))
		return -EAFNOSUPPORT;
	if (wildcard_probe(c, &ep))
		return -ENETUNREACH;
	if (c->vs->so)
		sock_flowinfo(c->vs->so, vname_flowinfo((struct sockaddr *)&ss, len));
	return vsock_connect(c->vs, &ep, c->of->front->inside && !nonblock ? -1 : c->app);
}

long call_connect(struct call *c)
{
	long ret = call_vsock(c);

	if (ret)
		return ret;
	if (!c->started) {
		bool nonblock = call_nonblock(c);

		ret = connect_first(c, nonblock);
		if (nonblock || (ret != -EINPROGRESS && ret != -EALREADY))
			return ret;
		c->late = (int)-ret;
	}
	ret = vsock_connect_result(c->vs);
	return ret == -EINPROGRESS ? call_wait(c, SO_SNDTIMEO, c->late) : ret;
}

/* --- accept --- */

/* While it waited, close(2) may have ended a caller's own descriptor. */
static bool is_the_same(const struct call *c)
{
	return !c->lent || (c->vs->tokens && vsock_of_fd(c->of->node, c->app) == c->vs);
}

long call_accept(struct call *c)
{
	int flags = c->nr == SYS_accept4 ? (int)ARG(c, 3) : 0;
	struct vsock *nv;
	long ret = call_vsock(c);
	int app, bad;

	if (ret)
		return ret;
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return -EINVAL;
	if (c->vs->type != SOCK_STREAM)
		return -EOPNOTSUPP;
	ret = vsock_accept(c->vs, &nv, &app);
	if (ret == -EAGAIN && !call_nonblock(c))
		return call_wait(c, SO_RCVTIMEO, EAGAIN);
	if (ret < 0)
		return ret;
	if (!c->lent || c->vs->keeps)
		vsock_inherit(c->app, app);
	if (is_the_same(c))
		vsock_accepted(c->vs, c->app);	/* before the program goes on */
	ret = call_valid(c) ? 0 : -EINTR;
	bad = ret == 0 ? call_put_addr(c, ARG(c, 1), ARG(c, 2), &nv->so->remote, c->vs->family) : 0;
	if (ret == 0 && bad == 0)
		ret = give(c, nv, app, flags);
	else if (app >= 0)
		close(app);
	if (bad < 0)
		vsock_drop(nv);			/* as Linux: lost with a bad address */
	else if (ret != CALL_ANSWERED)
		vsock_unaccept(c->vs, nv);	/* no descriptor left, or killed: it waits on */
	return bad < 0 ? bad : ret;
}

/* As Linux: one that is not connected is shut all the same. */
static long shut_dgram(struct call *c, int how)
{
	struct endpoint peer;

	vsock_pump(c->vs);		/* what was written before goes out */
	if (!c->vs->so)
		return CALL_CONTINUE;
	if (how != SHUT_RD)
		sock_shutdown(c->vs->so, SHUT_WR);
	return vsock_peer(c->vs, &peer) == 0 ? CALL_CONTINUE : -ENOTCONN;
}

/* The pair carries a shutdown by itself; only where there is nothing to shut is the
 * answer ours. */
long call_shutdown(struct call *c)
{
	int how = (int)ARG(c, 1);
	long ret = call_vsock(c);

	if (ret)
		return ret;
	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if (!c->vs->so)
		return CALL_CONTINUE;
	if (c->vs->listening)		/* it writes nothing */
		return how == SHUT_WR ? 0 : vsock_unlisten(c->vs, c->app);
	if (c->vs->type == SOCK_STREAM && !c->vs->connected && !c->vs->connecting)
		return -ENOTCONN;
	if (c->vs->type != SOCK_STREAM)
		return shut_dgram(c, how);
	c->vs->told |= c->vs->connected;	/* connect() again: EISCONN */
	if (!c->vs->bare || c->vs->near)
		return CALL_CONTINUE;
	vlocal_shut(c->vs, how);	/* before another thread makes it a pair */
	return 0;
}

/* --- names --- */

long call_getsockname(struct call *c)
{
	struct sockaddr_storage ss;
	socklen_t len;
	long ret = call_vsock(c);

	if (ret)
		return ret;
	ret = vname_local(c->vs, &ss, &len);
	return ret < 0 ? ret : call_put_name(c, ARG(c, 1), ARG(c, 2), &ss, len);
}

long call_getpeername(struct call *c)
{
	struct sockaddr_storage ss;
	socklen_t len;
	long ret = call_vsock(c);

	if (ret)
		return ret;
	ret = vname_peer(c->vs, &ss, &len);
	return ret < 0 ? ret : call_put_name(c, ARG(c, 1), ARG(c, 2), &ss, len);
}
