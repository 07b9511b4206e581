/* inject.c - the program's sockets are real ones of a kernel stack (ioth run --stack kernel)
 *
 * socket() is answered with a socket that was made in the stack's namespace, and that is
 * all: whatever the program does with it then, and with what accept() gives, it does in
 * the kernel without us. Only what names no such socket, and would yet tell of the machine's
 * network, comes here besides:
 *
 *   connect   of an AF_UNIX socket, to a resolver (resolv.c); an address that is not longer than
 *             an IPv6 one cannot name such
 *   ioctl     about interfaces, on an AF_UNIX socket: if_nametoindex() asks so
 *   open      with --proc-net: of /proc/net and /proc/sys/net
 *
 * A socket that the stack is asked for costs waking its process. So of what a program asks for
 * again some are made at once: such that are nothing to Linux before they are bound.
 *
 * AF_UNIX sockets, abstract ones too, are the machine's, and so are families and netlink
 * protocols that are about it and no network.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "ioth.h"
#include "node/kernel.h"
#include "node/rtnl.h"
#include "run/enter.h"
#include "run/inject.h"

#define CONF_MAX	(1u << 16)	/* of SIOCGIFCONF */

/* Sockets of what was asked for lately, which nobody has yet. */
struct stock {
	int		domain, type, protocol;
	int		n, fds[KERNEL_BATCH];
	unsigned	asked;		/* the clock when it last was; 0: never */
};

struct inject {
	struct stock	stocks[4];
	unsigned	clock;
	struct ioth	*s;
	struct kstack	*k;
	int		any;		/* a socket of the stack's, to ask on */
};

const struct trap inject_traps[] = {
	{ .nr = SYS_socket, .when = { { 0, TRAP_NOT, AF_UNIX } } },
	{ .nr = SYS_connect, .when = { { 2, TRAP_ABOVE, sizeof(struct sockaddr_in6) } } },
	{ .nr = SYS_ioctl, .when = { { 1, TRAP_BYTE1, 0x89 } } },
#ifdef SYS_open
	{ .nr = SYS_open, .when = { { 1, TRAP_READS, 0 } } },
#endif
	{ .nr = SYS_openat, .when = { { 2, TRAP_READS, 0 } } },
	{ .nr = -1 },
};

static struct inject *inject_of(const struct call *c)
{
	return container_of(c->of, struct runner, calls)->inject;
}

/* --- socket --- */

static bool is_machines(int domain, int protocol)
{
	switch (domain) {
	case AF_UNIX:
	case AF_ALG:
	case AF_VSOCK:
		return true;
	case AF_NETLINK:
		return protocol != NETLINK_ROUTE && protocol != NETLINK_SOCK_DIAG &&
		       protocol != NETLINK_GENERIC && protocol != NETLINK_NETFILTER &&
		       protocol != NETLINK_XFRM && protocol != NETLINK_FIB_LOOKUP;
	}
	return false;
}

static void forget(struct stock *st)
{
	while (st->n)
		close(st->fds[--st->n]);
	*st = (struct stock){ .n = 0 };
}

/* Its own, or the one that was not used for longest. */
static struct stock *stock_of(struct inject *in, int domain, int type, int protocol)
{
	struct stock *oldest = in->stocks;

	for (size_t i = 0; i < ARRAY_LEN(in->stocks); i++) {
		struct stock *st = &in->stocks[i];

		if (st->asked && st->domain == domain && st->type == type &&
		    st->protocol == protocol)
			return st;
		if (st->asked < oldest->asked)
			oldest = st;
	}
	forget(oldest);
	oldest->domain = domain;
	oldest->type = type;
	oldest->protocol = protocol;
	return oldest;
}

static bool can_wait(int domain, int type, int protocol)
{
	int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);

	return (domain == AF_INET || domain == AF_INET6) &&
	       (kind == SOCK_STREAM || kind == SOCK_DGRAM) &&
	       (!protocol || protocol == IPPROTO_TCP || protocol == IPPROTO_UDP);
}

/* One when it is asked for the first time, more when it is again. -1 with errno. */
static int take(struct inject *in, int domain, int type, int protocol)
{
	struct stock *st;
	int n;

	if (!can_wait(domain, type, protocol))
		return kernel_socket(in->k, domain, type, protocol);
	st = stock_of(in, domain, type, protocol);
	if (!st->n) {
		n = kernel_sockets(in->k, domain, type, protocol, st->fds,
				   st->asked ? KERNEL_BATCH : 1);
		st->n = MAX(n, 0);
	}
	st->asked = ++in->clock;
	return st->n ? st->fds[--st->n] : -1;
}

static long do_socket(struct call *c)
{
	int domain = (int)ARG(c, 0), type = (int)ARG(c, 1), protocol = (int)ARG(c, 2), fd;

	if (is_machines(domain, protocol))
		return CALL_CONTINUE;
	fd = take(inject_of(c), domain, type | SOCK_CLOEXEC, protocol);
	return fd < 0 ? -errno : notify_hand_over(c, fd, type & SOCK_CLOEXEC);
}

/* --- ioctl --- */

static bool is_unix(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_UNIX;
}

static long about_interface(struct call *c, uint32_t cmd)
{
	struct ifreq r;
	int ret = call_read(c, ARG(c, 2), &r, sizeof(r));

	if (ret < 0 || ioctl(inject_of(c)->any, cmd, &r) < 0)
		return ret < 0 ? ret : -errno;
	return node_ioctl_answers(cmd) ? call_write(c, ARG(c, 2), &r, sizeof(r)) : 0;
}

static long list_interfaces(struct call *c)
{
	struct ifconf ic;
	uint64_t to;
	long ret = call_read(c, ARG(c, 2), &ic, sizeof(ic));
	char *buf;

	if (ret < 0)
		return ret;
	to = (uintptr_t)ic.ifc_buf;
	ic.ifc_len = MIN(MAX(ic.ifc_len, 0), (int)CONF_MAX);
	buf = to ? xmalloc(CONF_MAX) : NULL;	/* without one it tells the size */
	ic.ifc_buf = buf;
	if (ioctl(inject_of(c)->any, SIOCGIFCONF, &ic) < 0)
		ret = -errno;
	else if (buf)
		ret = call_write(c, to, buf, (size_t)ic.ifc_len);
	free(buf);
	ic.ifc_buf = (char *)(uintptr_t)to;
	return ret < 0 ? ret : call_write(c, ARG(c, 2), &ic, sizeof(ic));
}

/* What is below SIOCADDRT or from SIOCPROTOPRIVATE on is about the socket itself. */
static long do_ioctl(struct call *c)
{
	uint32_t cmd = (uint32_t)ARG(c, 1);

	c->app = call_fd(c, (int)ARG(c, 0));
	if (!is_unix(c->app) || cmd < SIOCADDRT || cmd >= SIOCPROTOPRIVATE)
		return CALL_CONTINUE;
	if (cmd == SIOCGIFCONF)
		return list_interfaces(c);
	if (node_ioctl_size(cmd, AF_INET) == sizeof(struct ifreq))
		return about_interface(c, cmd);
	return -EOPNOTSUPP;		/* would be about the machine's */
}

/* --- open --- */

static long open_named(struct call *c, uint64_t at, uint64_t flags)
{
	char name[CALL_NAME], below[CALL_NAME + 8];
	const char *net;
	int fd;

	if (!call_read_name(c, at, name))
		return CALL_CONTINUE;
	net = call_proc_net(name);
	if (net)
		snprintf(below, sizeof(below), "net/%s", net);
	else if (strncmp(name, "/proc/sys/net/", 14) == 0)
		snprintf(below, sizeof(below), "%s", name + 6);
	else
		return CALL_CONTINUE;
	fd = kernel_file(inject_of(c)->k, below);
	return fd < 0 ? -errno : notify_hand_over(c, fd, flags & O_CLOEXEC);
}

long inject_call(struct call *c)
{
	switch (c->nr) {
	case SYS_socket:
		return do_socket(c);
	case SYS_ioctl:
		return do_ioctl(c);
	case SYS_openat:
		return open_named(c, ARG(c, 1), ARG(c, 2));
#ifdef SYS_open
	case SYS_open:
		return open_named(c, ARG(c, 0), ARG(c, 1));
#endif
	case SYS_connect:		/* resolv.c sees to it */
		c->app = call_fd(c, (int)ARG(c, 0));
	}
	return CALL_CONTINUE;
}

/* --- the stack --- */

struct inject *inject_open(const struct node_conf *conf)
{
	struct ioth *s = kernel_node(conf);
	struct inject *in;

	if (!s)
		return NULL;
	in = xzalloc(sizeof(*in));
	in->s = s;
	in->k = kernel_of(s);
	in->any = kernel_socket(in->k, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return in;
}

int inject_resolv(const struct inject *in, const struct node_conf *conf, char text[RESOLV_MAX])
{
	enter_resolv(in->s, conf, text);
	return *text ? kernel_process(in->k) : -1;
}

struct kstack *inject_stack(const struct inject *in)
{
	return in->k;
}

void inject_close(struct inject *in)
{
	if (!in)
		return;
	if (in->any >= 0)
		close(in->any);
	for (size_t i = 0; i < ARRAY_LEN(in->stocks); i++)
		forget(&in->stocks[i]);
	ioth_delstack(in->s);
	free(in);
}
