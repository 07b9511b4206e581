/* calls.c - the table of intercepted system calls
 *
 * Only calls that name a socket's control are here. Data moves in the kernel:
 * read, write, send and recv without an address, close, dup, fork and exec are
 * never trapped (facts/interposition.md 4.2, 4.3). sendmsg and recvmsg cannot be
 * told apart by registers; for all but datagram sockets of ours they go on.
 * The conditions look at register values only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/call.h"

#define EQ(n, v)	{ (n), TRAP_EQ, (uint32_t)(v) }
#define BITS(n, v)	{ (n), TRAP_BITS, (uint32_t)(v) }
#define NOT_NULL(n)	{ (n), TRAP_NOT_NULL, 0 }
#define READS(n)	{ (n), TRAP_READS, 0 }
#define ANY		{ 0, TRAP_ALWAYS, 0 }

#define ROW(call, ...)	{ SYS_##call, #call, call_##call, { __VA_ARGS__ } }
#define SOCKOPT(level, name) \
	{ SYS_setsockopt, "setsockopt", call_setsockopt, { EQ(1, level), EQ(2, name) } }, \
	{ SYS_getsockopt, "getsockopt", call_getsockopt, { EQ(1, level), EQ(2, name) } }
#define SOCKOPTS(level) \
	{ SYS_setsockopt, "setsockopt", call_setsockopt, { EQ(1, level) } }, \
	{ SYS_getsockopt, "getsockopt", call_getsockopt, { EQ(1, level) } }

const struct trap traps[] = {
	ROW(socket, EQ(0, AF_INET)),
	ROW(socket, EQ(0, AF_INET6)),
	ROW(socket, EQ(0, AF_PACKET)),
	ROW(socket, EQ(0, AF_NETLINK), EQ(2, NETLINK_ROUTE)),
	ROW(socket, EQ(0, AF_NETLINK), EQ(2, NETLINK_SOCK_DIAG)),
	ROW(bind, ANY),
	ROW(connect, ANY),
	ROW(listen, ANY),
	ROW(accept, ANY),
	{ SYS_accept4, "accept4", call_accept, { ANY } },
	ROW(getsockname, ANY),
	ROW(getpeername, ANY),
	SOCKOPTS(IPPROTO_TCP),
	SOCKOPTS(IPPROTO_IP),
	SOCKOPTS(IPPROTO_IPV6),
	SOCKOPTS(IPPROTO_UDP),
	SOCKOPTS(IPPROTO_ICMPV6),
	SOCKOPTS(SOL_RAW),
	SOCKOPTS(SOL_NETLINK),
	SOCKOPTS(SOL_PACKET),
	SOCKOPT(SOL_SOCKET, SO_DEBUG),
	SOCKOPT(SOL_SOCKET, SO_REUSEADDR),
	SOCKOPT(SOL_SOCKET, SO_TYPE),
	SOCKOPT(SOL_SOCKET, SO_ERROR),
	SOCKOPT(SOL_SOCKET, SO_DONTROUTE),
	SOCKOPT(SOL_SOCKET, SO_BROADCAST),
	SOCKOPT(SOL_SOCKET, SO_SNDBUF),
	SOCKOPT(SOL_SOCKET, SO_RCVBUF),
	SOCKOPT(SOL_SOCKET, SO_SNDBUFFORCE),
	SOCKOPT(SOL_SOCKET, SO_RCVBUFFORCE),
	SOCKOPT(SOL_SOCKET, SO_KEEPALIVE),
	SOCKOPT(SOL_SOCKET, SO_PRIORITY),
	SOCKOPT(SOL_SOCKET, SO_LINGER),
	{ SYS_setsockopt, "setsockopt", call_setsockopt, { EQ(1, SOL_SOCKET), EQ(2, SO_RCVLOWAT) } },
	SOCKOPT(SOL_SOCKET, SO_REUSEPORT),
	SOCKOPT(SOL_SOCKET, SO_BINDTODEVICE),
	SOCKOPT(SOL_SOCKET, SO_ACCEPTCONN),
	SOCKOPT(SOL_SOCKET, SO_MARK),
	SOCKOPT(SOL_SOCKET, SO_PROTOCOL),
	SOCKOPT(SOL_SOCKET, SO_DOMAIN),
	SOCKOPT(SOL_SOCKET, SO_PEERCRED),
	SOCKOPT(SOL_SOCKET, SO_PEERGROUPS),
	SOCKOPT(SOL_SOCKET, 77),	/* SO_PEERPIDFD */
	SOCKOPT(SOL_SOCKET, SO_TIMESTAMP_OLD),
	SOCKOPT(SOL_SOCKET, SO_TIMESTAMPNS_OLD),
	SOCKOPT(SOL_SOCKET, SO_TIMESTAMP_NEW),
	SOCKOPT(SOL_SOCKET, SO_TIMESTAMPNS_NEW),
	SOCKOPT(SOL_SOCKET, SO_TIMESTAMPING_OLD),
	SOCKOPT(SOL_SOCKET, SO_TIMESTAMPING_NEW),
	SOCKOPT(SOL_SOCKET, SO_RXQ_OVFL),
	SOCKOPT(SOL_SOCKET, SO_BINDTOIFINDEX),
	SOCKOPT(SOL_SOCKET, SO_ATTACH_FILTER),
	SOCKOPT(SOL_SOCKET, SO_DETACH_FILTER),
	SOCKOPT(SOL_SOCKET, SO_LOCK_FILTER),
	SOCKOPT(SOL_SOCKET, SO_BPF_EXTENSIONS),
	ROW(shutdown, ANY),
	ROW(ioctl, { 1, TRAP_BYTE1, 0x89 }),
	ROW(ioctl, EQ(1, FIONREAD)),
	ROW(ioctl, EQ(1, SIOCOUTQ)),
	ROW(sendto, NOT_NULL(4)),
	ROW(recvfrom, NOT_NULL(4)),
	ROW(recvfrom, BITS(3, MSG_TRUNC)),
	ROW(sendmsg, ANY),
	ROW(recvmsg, ANY),
	ROW(sendmmsg, ANY),
	ROW(recvmmsg, ANY),
#ifdef SYS_open
	{ SYS_open, "open", call_open, { READS(1) } },
#endif
	{ SYS_openat, "openat", call_openat, { READS(2) } },
	{ .nr = -1 },
};

static bool meets(const struct trap_if *t, uint64_t arg)
{
	switch (t->op) {
	case TRAP_NOT_NULL:
		return arg != 0;
	case TRAP_BITS:
		return (arg & t->value) == t->value;
	case TRAP_BYTE1:
		return (arg & 0xff00) == (uint64_t)t->value << 8;
	case TRAP_READS:
		return false;
	case TRAP_NOT:
		return (uint32_t)arg != t->value;
	case TRAP_ABOVE:
		return arg > t->value;
	case TRAP_EQ:
		return (uint32_t)arg == t->value;
	default:
		return true;
	}
}

bool call_trapped(int nr, const uint64_t args[6])
{
	for (const struct trap *t = traps; t->nr >= 0; t++) {
		if (t->nr == nr && meets(&t->when[0], args[t->when[0].arg]) &&
		    meets(&t->when[1], args[t->when[1].arg]))
			return true;
	}
	return false;
}

static bool is_known(struct call *c)
{
	const struct call_front *front = c->of->front;

	c->vs = front->known ? front->known(c, (int)ARG(c, 0)) : NULL;
	if (!c->vs)
		return false;
	c->app = (int)ARG(c, 0);
	c->lent = true;
	return true;
}

long call_vsock(struct call *c)
{
	if (c->vs || c->app >= 0)
		return c->vs ? 0 : CALL_CONTINUE;
	if (is_known(c))
		return 0;
	c->app = call_fd(c, (int)ARG(c, 0));
	if (c->app == -EMFILE || c->app == -ENFILE || c->app == -ENOMEM)
		return -ENOBUFS;	/* it may be one of ours */
	if (c->app < 0)
		return CALL_CONTINUE;	/* no such descriptor: the kernel says it best */
	c->vs = vsock_of_fd(c->of->node, c->app);
	if (!c->vs)
		c->vs = ring_end(c);
	return c->vs ? 0 : CALL_CONTINUE;
}

/* What happens meanwhile may free the socket: it is looked up anew. Only at the
 * first try: later ones are made while events are being handled. Nor if it is known:
 * such a caller's close() is a call as well. */
long call_catch_up(struct call *c)
{
	if (c->started || c->lent)
		return 0;
	node_poll(c->of->node);
	c->vs = vsock_of_fd(c->of->node, c->app);
	return c->vs ? 0 : CALL_CONTINUE;
}

long call_vsock_now(struct call *c)
{
	long ret = call_vsock(c);

	return ret ? ret : call_catch_up(c);
}

bool call_nonblock(const struct call *c)
{
	int flags;

	if (c->vs && c->vs->bare)
		return c->vs->nonblock;
	flags = fcntl(c->app, F_GETFL);
	return flags >= 0 && flags & O_NONBLOCK;
}

long call_wait(struct call *c, int option, int error)
{
	usec now = c->of->node->st->now;

	if (!c->started) {
		struct timeval tv = { 0, 0 };
		socklen_t len = sizeof(tv);

		if (c->vs && c->vs->bare)
			vbare_get_timeo(c->vs, option, &tv, &len);
		else
			getsockopt(c->app, SOL_SOCKET, option, &tv, &len);
		c->give_up = tv.tv_sec || tv.tv_usec ?
			     now + tv.tv_sec * USEC_PER_SEC + tv.tv_usec : NEVER;
		c->started = true;
	}
	return now >= c->give_up ? -error : CALL_PARK;
}
