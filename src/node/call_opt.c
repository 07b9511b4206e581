/* call_opt.c - trapped socket options and interface ioctls
 *
 * The levels and names in the table go to the stack's socket; every other
 * option (timeouts, credentials) stays with the descriptor in the kernel, which
 * honours it on the data path. A low-water mark is for both.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "node/vring.h"
#include "node/call.h"
#include "stack/dgram.h"

#define OPT_MAX	16384	/* 64 sources of a group */

/* The program is named by a pointer: a copy of our own is given. */
static long attach_filter(struct call *c, const void *v, socklen_t len)
{
	struct sock_fprog prog;
	struct sock_filter *code;
	long ret;

	if (len != sizeof(prog))
		return -EINVAL;
	memcpy(&prog, v, sizeof(prog));
	if (prog.len > BPF_MAXINSNS)
		return -EINVAL;
	code = xmalloc((prog.len + 1u) * sizeof(*code));
	ret = call_read(c, (uintptr_t)prog.filter, code, prog.len * sizeof(*code));
	prog.filter = code;
	if (ret == 0)
		ret = sock_setopt(c->vs->so, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
	free(code);
	return ret;
}

/* recv() waits for it in the descriptor, poll() by us. */
static long set_lowat(struct call *c, const void *v, size_t len)
{
	int mark;

	if (len >= sizeof(mark) && c->vs->type == SOCK_STREAM) {
		memcpy(&mark, v, sizeof(mark));
		vlowat_set(c->vs, mark);
	}
	return CALL_CONTINUE;
}

long call_setsockopt(struct call *c)
{
	uint8_t value[OPT_MAX];
	int32_t len = (int32_t)ARG(c, 4);
	long ret = call_vsock(c);

	if (ret)
		return ret;
	if (len < 0)
		return -EINVAL;
	len = MIN(len, OPT_MAX);
	ret = call_read(c, ARG(c, 3), value, (size_t)len);
	if (ret < 0)
		return ret;
	if (!c->vs->so)
		return 0;	/* reset already: as the kernel, nothing to tell */
	if ((int)ARG(c, 1) == SOL_SOCKET && (int)ARG(c, 2) == SO_RCVLOWAT)
		return set_lowat(c, value, (size_t)len);
	if ((int)ARG(c, 1) == SOL_SOCKET && (int)ARG(c, 2) == SO_ATTACH_FILTER)
		return attach_filter(c, value, (socklen_t)len);
	if ((int)ARG(c, 1) == SOL_PACKET && vring_opt((int)ARG(c, 2)))
		return ring_setopt(c, value, (socklen_t)len);
	return sock_setopt(c->vs->so, (int)ARG(c, 1), (int)ARG(c, 2), value, (socklen_t)len);
}

/* A socket whose connection was reset still knows what it is. */
static int getopt_gone(const struct vsock *vs, int level, int name, void *v, socklen_t *len)
{
	int value = 0;

	if (level == SOL_SOCKET && name == SO_TYPE)
		value = vs->type;
	else if (level == SOL_SOCKET && name == SO_DOMAIN)
		value = vs->family;
	else if (level == SOL_SOCKET && name == SO_PROTOCOL)
		value = vs->proto;
	else if (level == IPPROTO_TCP && name == TCP_INFO)
		value = TCP_CLOSE;	/* tcpi_state is the first byte */
	memset(v, 0, *len);
	if (*len > 256)
		*len = sizeof(value);
	memcpy(v, &value, MIN(*len, sizeof(value)));
	return 0;
}

/* Of which group? The buffer says it. */
static bool asks_in_buffer(int level, int name)
{
	return (level == IPPROTO_IP || level == IPPROTO_IPV6) &&
	       (name == IP_MSFILTER || name == MCAST_MSFILTER);
}

long call_getsockopt(struct call *c)
{
	int level = (int)ARG(c, 1), name = (int)ARG(c, 2);
	const struct ucred nobody = { 0, (uid_t)-1, (gid_t)-1 };	/* only AF_UNIX knows */
	uint8_t value[OPT_MAX];
	int32_t room;
	socklen_t len;
	long ret = call_vsock(c);

	if (ret)
		return ret;
	if (call_read(c, ARG(c, 4), &room, sizeof(room)) < 0)
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	len = (socklen_t)MIN(room, OPT_MAX);
	if (asks_in_buffer(level, name) && call_read(c, ARG(c, 3), value, len) < 0)
		return -EFAULT;
	if (level == SOL_SOCKET && name == SO_PEERCRED) {
		len = MIN(len, sizeof(nobody));
		memcpy(value, &nobody, len);
	} else if (level == SOL_SOCKET && name == SO_ERROR) {
		int error = vsock_take_error(c->vs, c->app);

		len = MIN(len, sizeof(error));
		memcpy(value, &error, len);
	} else if (level == SOL_PACKET && vring_opt(name)) {
		if (call_read(c, ARG(c, 3), value, len) < 0)
			return -EFAULT;
		ret = vring_getopt(c->vs, name, value, &len);
	} else if (c->vs->so) {
		ret = sock_getopt(c->vs->so, level, name, value, &len);
	} else {
		ret = getopt_gone(c->vs, level, name, value, &len);
	}
	if (ret < 0)
		return ret;
	if (call_write(c, ARG(c, 3), value, len) < 0)
		return -EFAULT;
	return call_write(c, ARG(c, 4), &len, sizeof(len));
}

/* --- ioctl: the node's interfaces and routes, as programs of old ask for them --- */

static const struct netif_addr *first_v4(const struct netif *nif)
{
	list_for(l, &nif->addrs) {
		const struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (ip_is_v4(&a->addr))
			return a;
	}
	return NULL;
}

static bool ifconf_row(const struct netif *nif, struct ifreq *ifr)
{
	const struct netif_addr *a = first_v4(nif);
	struct sockaddr_in sin = { .sin_family = AF_INET };

	if (!a)
		return false;
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, nif->name, sizeof(ifr->ifr_name));
	memcpy(&sin.sin_addr, ip_v4(&a->addr), 4);
	memcpy(&ifr->ifr_addr, &sin, sizeof(sin));
	return true;
}

static long ioctl_ifconf(struct call *c)
{
	struct stack *st = c->of->node->st;
	struct ifconf ifc;
	int room, n = 0;

	if (call_read(c, ARG(c, 2), &ifc, sizeof(ifc)) < 0)
		return -EFAULT;
	room = ifc.ifc_req ? ifc.ifc_len / (int)sizeof(struct ifreq) : INT32_MAX;
	list_for(l, &st->netifs) {
		struct ifreq ifr;

		if (n == room || !ifconf_row(container_of(l, struct netif, link), &ifr))
			continue;
		if (ifc.ifc_req && call_write(c, (uintptr_t)(ifc.ifc_req + n), &ifr, sizeof(ifr)) < 0)
			return -EFAULT;
		n++;
	}
	ifc.ifc_len = n * (int)sizeof(struct ifreq);
	return call_write(c, ARG(c, 2), &ifc, sizeof(ifc));
}

/* FIONREAD: of a stream's bytes or of the first datagram, in the stack or in the program's
 * end. There may be but a sign of it in the end (vlocal.c), and SEQPACKET counts all. */
static long ioctl_inq(struct call *c)
{
	long ret = call_vsock(c);
	const struct vsock *vs = c->vs;
	bool stream;
	int len;

	if (ret)
		return ret;
	if (vs->listening)
		return -EINVAL;
	stream = vs->type == SOCK_STREAM;
	if (vs->so && (vs->bare || vs->is_local))
		len = (int)(stream ? sock_queues(vs->so).in : dg_first_len(vs->so));
	else if (vs->so && vs->drains && stream && ioctl(c->app, FIONREAD, &len) == 0)
		len += (int)sock_queues(vs->so).in;
	else if (stream || vs->wd)
		return CALL_CONTINUE;
	else
		len = (int)recv(c->app, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	len = MAX(len, 0);
	return call_write(c, ARG(c, 2), &len, sizeof(len));
}

/* SIOCOUTQ and SIOCOUTQNSD of TCP: what waits in the program's end has not been sent. */
static long ioctl_outq(struct call *c, uint32_t cmd)
{
	long ret = call_vsock(c);
	struct sock_queues q;
	int len = 0;

	if (ret == 0 && (c->vs->type != SOCK_STREAM || !c->vs->so || c->vs->wd))
		ret = CALL_CONTINUE;
	if (ret)
		return ret;
	if (c->vs->so->listening)
		return -EINVAL;
	ioctl(c->vs->w.fd, FIONREAD, &len);
	len -= (int)MIN(c->vs->fill, (size_t)len);
	q = sock_queues(c->vs->so);
	len += (int)(cmd == SIOCOUTQ ? q.out : q.unsent);
	return call_write(c, ARG(c, 2), &len, sizeof(len));
}

/* A route's interface is named by a pointer: its name comes after the struct. */
static int read_rtentry(struct call *c, void *arg)
{
	struct rtentry *rt = arg;
	char *dev = (char *)(rt + 1);

	if (call_read(c, ARG(c, 2), rt, sizeof(*rt)) < 0)
		return -EFAULT;
	for (int i = 0; rt->rt_dev && i < IFNAMSIZ - 1; i++) {
		if (call_read(c, (uintptr_t)rt->rt_dev + (unsigned)i, dev + i, 1) < 0)
			return -EFAULT;
		if (!dev[i])
			break;
	}
	return 0;
}

static int domain_of(const struct call *c)
{
	int domain;
	socklen_t len = sizeof(domain);

	if (c->vs)
		return c->vs->family;
	return getsockopt(c->app, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ? -1 : domain;
}

/* Asked on any socket, an AF_UNIX one too (if_nametoindex does). */
long call_ioctl(struct call *c)
{
	union { uint64_t align; uint8_t b[256]; } arg = { .align = 0 };
	uint32_t cmd = (uint32_t)ARG(c, 1);
	long ret = call_vsock(c);
	bool route4;
	size_t size;

	if (cmd == FIONREAD)
		return ioctl_inq(c);
	if (cmd == SIOCOUTQ || cmd == SIOCOUTQNSD)
		return ioctl_outq(c, cmd);
	if (!c->vs && c->app < 0)
		return ret;
	if (cmd == SIOCATMARK && ret == 0 && c->vs->type != SOCK_STREAM)
		return -ENOTTY;
	if (cmd == SIOCGIFCONF)
		return ioctl_ifconf(c);
	if (domain_of(c) < 0 || cmd < SIOCADDRT)
		return CALL_CONTINUE;	/* no socket; the descriptor's own */
	size = node_ioctl_size(cmd, domain_of(c));
	if (!size || size > sizeof(arg))
		return -EOPNOTSUPP;	/* would be about the machine's */
	if (c->plain && !node_ioctl_answers(cmd))
		return -EPERM;
	route4 = (cmd == SIOCADDRT || cmd == SIOCDELRT) && domain_of(c) != AF_INET6;
	ret = route4 ? read_rtentry(c, arg.b) : call_read(c, ARG(c, 2), arg.b, size);
	if (ret == 0)
		ret = node_ioctl(c->of->node, cmd, domain_of(c), arg.b);
	if (ret < 0 || !node_ioctl_answers(cmd))
		return ret;
	return call_write(c, ARG(c, 2), arg.b, size);
}
