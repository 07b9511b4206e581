/* serve_pack.c - a system call as a message to a stack server
 *
 * The memory that the arguments point to is copied, one piece behind the other:
 * first what the call reads, which goes along, then what it only writes, which
 * takes no place in the message. Arguments and the pointers inside (struct msghdr,
 * filters, names of interfaces) become addresses in that copy. On the way back the
 * pieces that were written go where they came from.
 */
#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/sockios.h>

#include "node/serve_pack.h"

#define IFREQS		64

/* A place in the copy, aligned as any struct wants it. -ENOBUFS: there is none. */
static int64_t place(struct serve_pack *p, size_t len)
{
	uint32_t at = (p->ask.room + 7) & ~7u;

	if (len > SERVE_ROOM || at + len > SERVE_ROOM)
		return -ENOBUFS;
	p->ask.room = at + (uint32_t)len;
	return at;
}

/* len bytes that the call reads; the address in the copy, or -errno. All of them come
 * before the first of out(). */
static int64_t in(struct serve_pack *p, const struct serve_mem *m, uint64_t from, size_t len)
{
	int64_t at = place(p, len);

	if (at < 0)
		return at;
	memset(p->mem + p->len, 0, (size_t)at - p->len);
	if (m->read(m, from, p->mem + at, len) < 0)
		return -EFAULT;
	p->len = (uint32_t)at + (uint32_t)len;
	return (int64_t)serve_at((uint32_t)at);
}

static int64_t out(struct serve_pack *p, size_t len)
{
	int64_t at = place(p, len);

	return at < 0 ? at : (int64_t)serve_at((uint32_t)at);
}

/* An argument that points to what is read, NULL staying NULL. 0 or -errno. */
static int arg_in(struct serve_pack *p, const struct serve_mem *m, int i, size_t len)
{
	int64_t at = p->args[i] ? in(p, m, p->args[i], len) : 0;

	p->ask.args[i] = (uint64_t)at;
	return at < 0 ? (int)at : 0;
}

/* One that must not be NULL: what it points to is looked at here. */
static int arg_seen(struct serve_pack *p, const struct serve_mem *m, int i, void *seen, size_t len)
{
	int ret = p->args[i] ? arg_in(p, m, i, len) : -EFAULT;

	if (ret == 0)
		memcpy(seen, p->mem + p->ask.args[i] - SERVE_MEM, len);
	return ret;
}

static int arg_out(struct serve_pack *p, int i, size_t len)
{
	int64_t at = p->args[i] ? out(p, len) : 0;

	p->ask.args[i] = (uint64_t)at;
	return at < 0 ? (int)at : 0;
}

/* A name or value with its value-result length; read: the value is, too. */
static int arg_sized(struct serve_pack *p, const struct serve_mem *m, int i, size_t most, bool read)
{
	int32_t room = 0;
	int ret = 0;

	if (p->args[i] && m->read(m, p->args[i + 1], &room, sizeof(room)) < 0) {
		p->ask.args[i + 1] = 0;		/* it matters if the call comes that far */
		return 0;
	}
	if (p->args[i])
		ret = arg_in(p, m, i + 1, sizeof(room));
	p->room = room < 0 ? 0 : MIN((size_t)room, most);
	if (ret < 0 || room < 0)
		return ret;
	return read ? arg_in(p, m, i, MIN((size_t)room, most)) :
		      arg_out(p, i, MIN((size_t)room, most));
}

/* --- options and ioctls --- */

#define OPT_MAX	16384

static int pack_filter(struct serve_pack *p, const struct serve_mem *m)
{
	struct sock_fprog prog;
	int64_t code;

	if (p->args[4] != sizeof(prog))
		return arg_in(p, m, 3, MIN(p->args[4], OPT_MAX));
	if (arg_seen(p, m, 3, &prog, sizeof(prog)) < 0)
		return -EFAULT;
	if (prog.len > BPF_MAXINSNS)
		return 0;		/* the server says how wrong that is */
	code = in(p, m, (uintptr_t)prog.filter, prog.len * sizeof(*prog.filter));
	if (code < 0)
		return (int)code;
	prog.filter = (struct sock_filter *)(uintptr_t)code;
	memcpy(p->mem + p->ask.args[3] - SERVE_MEM, &prog, sizeof(prog));
	return 0;
}

static int pack_setsockopt(struct serve_pack *p, const struct serve_mem *m)
{
	int32_t len = (int32_t)p->args[4];

	if (p->args[1] == SOL_SOCKET && p->args[2] == SO_ATTACH_FILTER)
		return pack_filter(p, m);
	if (len < 0)
		return 0;
	p->ask.args[4] = (uint64_t)MIN(len, OPT_MAX);
	if (len && !p->args[3])
		return -EFAULT;
	return arg_in(p, m, 3, (size_t)MIN(len, OPT_MAX));
}

/* The name of a route's interface is a string elsewhere. */
static int pack_rtentry(struct serve_pack *p, const struct serve_mem *m)
{
	char name[IFNAMSIZ] = "";
	struct rtentry rt;
	int64_t dev;

	if (arg_seen(p, m, 2, &rt, sizeof(rt)) < 0)
		return -EFAULT;
	if (!rt.rt_dev)
		return 0;
	for (unsigned i = 0; i < sizeof(name) - 1; i++) {
		if (m->read(m, (uintptr_t)rt.rt_dev + i, name + i, 1) < 0)
			return -EFAULT;
		if (!name[i])
			break;
	}
	dev = place(p, sizeof(name));
	if (dev < 0)
		return (int)dev;
	memset(p->mem + p->len, 0, (size_t)dev - p->len);
	memcpy(p->mem + dev, name, sizeof(name));
	p->len = (uint32_t)dev + sizeof(name);
	rt.rt_dev = (char *)(uintptr_t)serve_at((uint32_t)dev);
	memcpy(p->mem + p->ask.args[2] - SERVE_MEM, &rt, sizeof(rt));
	return 0;
}

static int pack_ifconf(struct serve_pack *p, const struct serve_mem *m)
{
	struct ifconf ifc;
	int64_t at;

	if (arg_seen(p, m, 2, &ifc, sizeof(ifc)) < 0)
		return -EFAULT;
	if (!ifc.ifc_req)
		return 0;
	ifc.ifc_len = MIN(ifc.ifc_len, IFREQS * (int)sizeof(struct ifreq));
	at = out(p, (size_t)MAX(ifc.ifc_len, 0));
	if (at < 0)
		return (int)at;
	ifc.ifc_req = (struct ifreq *)(uintptr_t)at;
	memcpy(p->mem + p->ask.args[2] - SERVE_MEM, &ifc, sizeof(ifc));
	return 0;
}

static int pack_ioctl(struct serve_pack *p, const struct serve_mem *m)
{
	uint32_t cmd = (uint32_t)p->args[1];
	size_t size = node_ioctl_size(cmd, AF_INET);

	if (cmd == SIOCGIFCONF)
		return pack_ifconf(p, m);
	if (cmd == FIONREAD || cmd == SIOCOUTQ || cmd == SIOCOUTQNSD)
		return arg_in(p, m, 2, sizeof(int));
	if (cmd == SIOCATMARK)
		return 0;		/* what has none says so; else the pair knows */
	if (!size)
		return CALL_CONTINUE;
	size = MAX(size, node_ioctl_size(cmd, AF_INET6));
	/* The families' structs differ; the larger may reach beyond what there is. */
	if (cmd == SIOCADDRT || cmd == SIOCDELRT)
		return pack_rtentry(p, m);
	return arg_in(p, m, 2, size) < 0 ? arg_in(p, m, 2, node_ioctl_size(cmd, AF_INET)) : 0;
}

static int pack_sendto(struct serve_pack *p, const struct serve_mem *m)
{
	int ret = 0;

	if (p->args[4] && (uint32_t)p->args[5] > NAME_MAX_LEN)
		return -EINVAL;
	if (p->args[4])
		ret = arg_in(p, m, 4, (uint32_t)p->args[5]);
	if (ret == 0)
		ret = arg_in(p, m, 1, p->args[2]);
	return ret == -ENOBUFS ? -EMSGSIZE : ret;
}

static int pack_recvfrom(struct serve_pack *p, const struct serve_mem *m)
{
	int ret = arg_sized(p, m, 4, NAME_MAX_LEN, false);

	if (ret < 0)
		return ret;
	p->ask.args[2] = MIN(p->args[2], DGRAM_MAX);
	return arg_out(p, 1, p->ask.args[2]);
}

/* bind, connect */
static int pack_address(struct serve_pack *p, const struct serve_mem *m)
{
	int32_t len = (int32_t)p->args[2];

	if (len < 0 || len > NAME_MAX_LEN)
		return -EINVAL;
	if (len && !p->args[1])
		return -EFAULT;
	return arg_in(p, m, 1, (size_t)len);
}

static int pack_name(struct serve_pack *p, const struct serve_mem *m)
{
	return arg_sized(p, m, 1, NAME_MAX_LEN, false);
}

static int pack_getsockopt(struct serve_pack *p, const struct serve_mem *m)
{
	return p->args[3] ? arg_sized(p, m, 3, OPT_MAX, true) : -EFAULT;
}

static int pack_nothing(struct serve_pack *p, const struct serve_mem *m)
{
	return 0;
}

/* --- and back --- */

/* What of these len bytes was written. */
int serve_back(const struct serve_pack *p, const struct serve_mem *m, uint64_t to, uint32_t at,
	       size_t len)
{
	uint32_t from = MAX(at, p->lo), end = (uint32_t)MIN((size_t)at + len, p->hi);

	return from < end ? m->write(m, to + (from - at), p->mem + from, end - from) : 0;
}

/* A name or value, and how long it is in truth. */
static int back_sized(struct serve_pack *p, const struct serve_mem *m, int i)
{
	int32_t len;

	if (!p->args[i] || !p->ask.args[i + 1])
		return 0;
	memcpy(&len, p->mem + p->ask.args[i + 1] - SERVE_MEM, sizeof(len));
	if (serve_back(p, m, p->args[i], (uint32_t)(p->ask.args[i] - SERVE_MEM),
		     MIN(p->room, (size_t)MAX(len, 0))) < 0)
		return -EFAULT;
	return serve_back(p, m, p->args[i + 1], (uint32_t)(p->ask.args[i + 1] - SERVE_MEM),
			  sizeof(len));
}

/* No more was sent than there was. */
static int back_sendto(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	return (uint64_t)ret > p->args[2] ? -EPROTO : 0;
}

static int back_name(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	return back_sized(p, m, 1);
}

static int back_getsockopt(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	return back_sized(p, m, 3);
}

static int back_recvfrom(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	size_t len = MIN((size_t)ret, p->ask.args[2]);

	if ((size_t)ret > len && !(p->args[3] & MSG_TRUNC))
		return -EPROTO;
	if (p->args[1] &&
	    serve_back(p, m, p->args[1], (uint32_t)(p->ask.args[1] - SERVE_MEM), len) < 0)
		return -EFAULT;
	return back_sized(p, m, 4);
}

static int back_ifconf(struct serve_pack *p, const struct serve_mem *m)
{
	uint32_t at = (uint32_t)(p->ask.args[2] - SERVE_MEM);
	uint32_t from = serve_aligned(at + sizeof(struct ifconf)), end = p->ask.room;
	struct ifconf ifc, got;

	if (m->read(m, p->args[2], &ifc, sizeof(ifc)) < 0)
		return -EFAULT;
	memcpy(&got, p->mem + at, sizeof(got));
	ifc.ifc_len = got.ifc_len;
	if (ifc.ifc_req && from < end && got.ifc_len > 0 &&
	    m->write(m, (uintptr_t)ifc.ifc_req, p->mem + from,
		     MIN((uint32_t)got.ifc_len, end - from)) < 0)
		return -EFAULT;
	return m->write(m, p->args[2], &ifc, sizeof(ifc));
}

static int back_ioctl(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	uint32_t cmd = (uint32_t)p->args[1];
	size_t size = node_ioctl_size(cmd, AF_INET);

	if (cmd == SIOCGIFCONF)
		return back_ifconf(p, m);
	if (cmd == FIONREAD || cmd == SIOCOUTQ || cmd == SIOCOUTQNSD)
		size = sizeof(int);
	else if (!node_ioctl_answers(cmd))
		return 0;
	if (!p->args[2])
		return -EFAULT;
	return m->write(m, p->args[2], p->mem + p->ask.args[2] - SERVE_MEM, size);
}

/* --- the table --- */

static const struct packer {
	int	nr;
	int	(*pack)(struct serve_pack *p, const struct serve_mem *m);
	int	(*back)(struct serve_pack *p, const struct serve_mem *m, int64_t ret);
} packers[] = {
	{ SYS_socket,		pack_nothing, NULL },
	{ SYS_bind,		pack_address, NULL },
	{ SYS_connect,		pack_address, NULL },
	{ SYS_listen,		pack_nothing, NULL },
	{ SYS_accept,		pack_name, back_name },
	{ SYS_accept4,		pack_name, back_name },
	{ SYS_shutdown,		pack_nothing, NULL },
	{ SYS_getsockname,	pack_name, back_name },
	{ SYS_getpeername,	pack_name, back_name },
	{ SYS_setsockopt,	pack_setsockopt, NULL },
	{ SYS_getsockopt,	pack_getsockopt, back_getsockopt },
	{ SYS_ioctl,		pack_ioctl, back_ioctl },
	{ SYS_sendto,		pack_sendto, back_sendto },
	{ SYS_recvfrom,		pack_recvfrom, back_recvfrom },
	{ SYS_sendmsg,		serve_pack_sendmsg, NULL },
	{ SYS_recvmsg,		serve_pack_recvmsg, serve_back_recvmsg },
	{ SYS_sendmmsg,		serve_pack_sendmmsg, serve_back_sendmmsg },
	{ SYS_recvmmsg,		serve_pack_recvmmsg, serve_back_recvmmsg },
};

static const struct packer *packer_of(int nr)
{
	for (size_t i = 0; i < ARRAY_LEN(packers); i++) {
		if (packers[i].nr == nr)
			return &packers[i];
	}
	return NULL;
}

int serve_pack(struct serve_pack *p, const struct serve_mem *m, int nr, const uint64_t args[6])
{
	const struct packer *pk = call_trapped(nr, args) ? packer_of(nr) : NULL;

	*p = (struct serve_pack){ .ask = { .magic = SERVE_MAGIC, .nr = nr, .pid = m->pid },
				  .mem = p->mem, .ahead = -1 };
	if (!pk)
		return CALL_CONTINUE;
	memcpy(p->args, args, sizeof(p->args));
	memcpy(p->ask.args, args, sizeof(p->args));
	return pk->pack(p, m);
}

int serve_unpack(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	const struct packer *pk = packer_of(p->ask.nr);

	return ret >= 0 && pk->back ? pk->back(p, m, ret) : 0;
}
