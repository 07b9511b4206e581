/* procnet.c - the stack's tables as /proc/net shows those of Linux
 *
 * What net-tools read: interfaces, addresses, routes, neighbours and sockets, in
 * proc_net(5)'s columns; procnet_snmp.c has the counters. What is not here is not found:
 * to read the machine's would be worse.
 */
#include "node/procnet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "node/rtnl_in.h"
#include "stack/neigh.h"
#include "stack/netif.h"
#include "stack/route.h"

#define USER_HZ	100

/* --- interfaces and addresses --- */

static void put_dev(FILE *f, struct stack *st)
{
	fputs("Inter-|   Receive                                                |  Transmit\n"
	      " face |bytes    packets errs drop fifo frame compressed multicast|"
	      "bytes    packets errs drop fifo colls carrier compressed\n", f);
	list_for(l, &st->netifs) {
		const struct netif *nif = container_of(l, struct netif, link);

		fprintf(f, "%6s: %7llu %7llu    0    0    0     0          0         0 "
			   "%8llu %7llu    0    0    0     0       0          0\n", nif->name,
			(unsigned long long)nif->rx_bytes, (unsigned long long)nif->rx_frames,
			(unsigned long long)nif->tx_bytes, (unsigned long long)nif->tx_frames);
	}
}

static void put_hex(FILE *f, const struct ip_addr *a)
{
	for (unsigned i = 0; i < sizeof(a->b); i++)
		fprintf(f, "%02x", a->b[i]);
}

static unsigned scope6(const struct ip_addr *a)
{
	return ip_is_loopback(a) ? 0x10 : ip_is_linklocal(a) ? 0x20 : 0;
}

static void put_if_inet6(FILE *f, struct stack *st)
{
	list_for(n, &st->netifs) {
		const struct netif *nif = container_of(n, struct netif, link);

		list_for(l, &nif->addrs) {
			const struct netif_addr *a = container_of(l, struct netif_addr, link);

			if (ip_is_v4(&a->addr))
				continue;
			put_hex(f, &a->addr);
			fprintf(f, " %02x %02x %02x %02x %8s\n", nif->index, a->len,
				scope6(&a->addr), addr_flags(a, st->now) & 0xff, nif->name);
		}
	}
}

/* --- routes --- */

/* In the order of the wire, read as a number of this machine. */
static uint32_t word(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static unsigned route_flags(const struct route *r)
{
	bool host = r->len == (ip_is_v4(&r->dst) ? 32 : 128);

	return RTF_UP | (ip_is_any(&r->gw) ? 0 : RTF_GATEWAY) | (host ? RTF_HOST : 0) |
	       (r->type == ROUTE_UNICAST ? 0 : RTF_REJECT);
}

static void put_route4(FILE *f, struct stack *st)
{
	struct ip_addr ones = IP4_BROADCAST;

	fprintf(f, "%-127s\n", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU"
			       "\tWindow\tIRTT");
	for (const struct route *r = route_next(st, NULL); r; r = route_next(st, r)) {
		struct ip_addr mask = ip_mask(&ones, r->len);
		char row[128];

		if (!ip_is_v4(&r->dst) || r->table != TABLE_MAIN || (r->nif && netif_is_lo(r->nif)))
			continue;
		snprintf(row, sizeof(row), "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t%u\t0\t0",
			 r->nif ? r->nif->name : "*", word(ip_v4(&r->dst)),
			 ip_is_any(&r->gw) ? 0 : word(ip_v4(&r->gw)), route_flags(r), r->metric,
			 word(ip_v4(&mask)), r->mtu);
		fprintf(f, "%-127s\n", row);
	}
}

static void put_route6(FILE *f, struct stack *st)
{
	for (const struct route *r = route_next(st, NULL); r; r = route_next(st, r)) {
		if (ip_is_v4(&r->dst) || r->table != TABLE_MAIN)
			continue;
		put_hex(f, &r->dst);
		fprintf(f, " %02x ", r->len);
		put_hex(f, &IP6_ANY);
		fputs(" 00 ", f);
		put_hex(f, ip_is_any(&r->gw) ? &IP6_ANY : &r->gw);
		fprintf(f, " %08x 00000001 00000000 %08x %8s\n", r->metric, route_flags(r),
			r->nif ? r->nif->name : "lo");
	}
}

static void put_arp(FILE *f, struct stack *st)
{
	fputs("IP address       HW type     Flags       HW address            Mask     Device\n", f);
	for (struct neigh *n = neigh_next(st, NULL); n; n = neigh_next(st, n)) {
		unsigned flags = n->state == NEIGH_INCOMPLETE || n->state == NEIGH_FAILED ? 0 :
				 n->state == NEIGH_PERMANENT ? ATF_COM | ATF_PERM : ATF_COM;
		char ip[IP_STRLEN], mac[MAC_STRLEN];

		if (ip_is_v4(&n->addr))
			fprintf(f, "%-16s 0x%-10x0x%-10x%-17s     *        %s\n", ip_text(&n->addr, ip),
				ARPHRD_ETHER, flags, mac_text(&n->mac, mac), n->nif->name);
	}
}

/* --- sockets --- */

struct sheet {
	FILE		*f;
	usec		now;
	int		family, n;
	bool		is_tcp;
};

/* A raw socket's port is the protocol, as in Linux. */
static void put_end(const struct sheet *s, const struct endpoint *ep, uint16_t port)
{
	if (s->family == AF_INET)
		fprintf(s->f, " %08X", ip_is_v4(&ep->addr) ? word(ip_v4(&ep->addr)) : 0);
	else
		fprintf(s->f, " %08X%08X%08X%08X", word(ep->addr.b), word(ep->addr.b + 4),
			word(ep->addr.b + 8), word(ep->addr.b + 12));
	fprintf(s->f, ":%04X", port);
}

static void put_sock(void *ctx, const struct seen *seen)
{
	struct sheet *s = ctx;
	const struct sock *so = seen->so;
	struct sock_queues q = { 0 };
	usec left = seen->until > s->now ? seen->until - s->now : 0;

	if (seen->family != s->family)
		return;
	if (so)
		q = sock_queues(so);
	if (so && so->listening)
		q.out = 0;		/* netlink's place for the backlog */
	fprintf(s->f, "%4d:", s->n++);
	put_end(s, &seen->local, so && so->type == SOCK_RAW ? (uint16_t)so->proto : seen->local.port);
	put_end(s, &seen->remote, seen->remote.port);
	fprintf(s->f, " %02X %08X:%08X %02X:%08X %08X %5u        0 %u 1 0000000000000000%s\n",
		seen->state, q.out, q.in, so ? 0 : seen->timer,
		so ? 0 : (unsigned)(left * USER_HZ / USEC_PER_SEC), so ? 0 : seen->retries,
		so || seen->state == TCP_SYN_RECV ? getuid() : 0, so ? diag_inode(so) : 0,
		s->is_tcp ? " 100 0 0 10 0" : " 0");
}

static void put_socks(FILE *f, struct stack *st, int family, int proto)
{
	struct sheet s = { f, st->now, family, 0, proto == IPPROTO_TCP };

	fprintf(f, "  sl  local_address %sremote_address %sst tx_queue rx_queue tr tm->when retrnsmt   "
		   "uid  timeout inode%s\n", family == AF_INET6 ? "                        " : "",
		family == AF_INET6 ? "                       " : "",
		s.is_tcp ? "" : " ref pointer drops");
	diag_walk(st, proto, put_sock, &s);
}

/* --- the files --- */

static const struct file {
	const char	*name;
	void		(*put)(FILE *f, struct stack *st);
	int		family, proto;		/* of a list of sockets */
} files[] = {
	{ "dev", put_dev, 0, 0 },
	{ "if_inet6", put_if_inet6, 0, 0 },
	{ "route", put_route4, 0, 0 },
	{ "ipv6_route", put_route6, 0, 0 },
	{ "arp", put_arp, 0, 0 },
	{ "snmp", procnet_snmp, 0, 0 }, { "snmp6", procnet_snmp6, 0, 0 },
	{ "netstat", procnet_netstat, 0, 0 },
	{ "sockstat", procnet_sockstat, 0, 0 }, { "sockstat6", procnet_sockstat6, 0, 0 },
	{ "tcp", NULL, AF_INET, IPPROTO_TCP }, { "tcp6", NULL, AF_INET6, IPPROTO_TCP },
	{ "udp", NULL, AF_INET, IPPROTO_UDP }, { "udp6", NULL, AF_INET6, IPPROTO_UDP },
	{ "raw", NULL, AF_INET, IPPROTO_RAW }, { "raw6", NULL, AF_INET6, IPPROTO_RAW },
};

static int procnet_write(FILE *f, struct stack *st, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (strcmp(files[i].name, name))
			continue;
		if (files[i].put)
			files[i].put(f, st);
		else
			put_socks(f, st, files[i].family, files[i].proto);
		return 0;
	}
	return -ENOENT;
}

/* For reading only, though the memory was written: opened again. */
static int reopen(int fd)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, O_RDONLY | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

int procnet_open(struct stack *st, const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC), ret;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	ret = procnet_write(f, st, name);
	if (ret == 0)
		ret = fflush(f) ? -errno : reopen(fd);
	fclose(f);
	return ret;
}
