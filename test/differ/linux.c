/* linux.c - Linux's stack as a host: a network namespace, and AF_PACKET at the wire
 *
 * Two namespaces, made without privilege: in one the interface eth0 of a pair of veth
 * with Linux's addresses, in the other its twin far0, which has none and where a packet
 * socket sends and hears. A frame crosses by the backlog of the processor that sends
 * it, in order; this process stays on one. So all that came of a frame has been said when the
 * answer to an ARP request that was sent after it is there: nothing waits for a time.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>	/* needs time.h */

#include "base/mem.h"

#define WAIT_MS		10000	/* for an answer that must come; else the machine is ill */
#define START_MS	20	/* at first the link may not be up yet: asked again after that */
#define BARRIER_MAC	6	/* first octet of who asks */

struct linux_host {
	struct host	h;
	int		wire, netlink;
};

const struct setting settings[] = {
	{ "ipv4", "tcp_rmem", "4096 131072 6291456" },
	{ "ipv4", "tcp_wmem", "4096 16384 4194304" },
	{ "ipv4", "tcp_congestion_control", "reno" },
	{ "ipv4", "tcp_ecn", "2" },
	{ "ipv4", "tcp_syncookies", "1" },
	{ "ipv4", "tcp_fastopen", "1" },
	{ "ipv4", "tcp_early_retrans", "0" },
	{ "ipv4", "tcp_no_metrics_save", "1" },
	{ "ipv4", "tcp_rfc1337", "0" },
	{ "ipv4", "tcp_invalid_ratelimit", "0" },
	{ "ipv4", "tcp_challenge_ack_limit", "2147483647" },
	{ "ipv4", "icmp_ratelimit", "0" },
	{ "ipv4", "icmp_msgs_per_sec", "10000000" },
	{ "ipv4", "icmp_msgs_burst", "10000000" },
	{ "ipv6", "icmp/ratelimit", "0" },
	{ "ipv4", "ipfrag_high_thresh", "268435456" },
	{ "ipv6", "ip6frag_high_thresh", "268435456" },
	{ "ipv4", "ping_group_range", "0 0" },
	{ "ipv4/conf/all", "rp_filter", "0" },
	{ "ipv4/conf/eth0", "rp_filter", "0" },
	{ "ipv4/conf/all", "accept_redirects", "0" },
	{ "ipv4/conf/eth0", "accept_redirects", "0" },
	{ "ipv6/conf/eth0", "accept_redirects", "0" },
	{ "ipv6/conf/eth0", "accept_ra", "0" },
	{ "ipv6/conf/eth0", "autoconf", "0" },
	{ "ipv4/neigh/eth0", "mcast_solicit", "1" },
	{ "ipv4/neigh/eth0", "retrans_time_ms", "60000" },
	{ "ipv6/neigh/eth0", "mcast_solicit", "1" },
	{ "ipv6/neigh/eth0", "retrans_time_ms", "60000" },
};
const unsigned n_settings = ARRAY_LEN(settings);

static const struct ip_addr barrier = IP4(10, 0, 0, 250);

/* --- the wire --- */

static int wire_of(struct host *h) { return ((struct linux_host *)h)->wire; }

static void put(struct host *h, const uint8_t *b, uint32_t len)
{
	ssize_t r;

	do
		r = send(wire_of(h), b, len, 0);
	while (r < 0 && errno == ENOBUFS);
	if (r < 0) {
		printf("FAIL frame of %u to the wire: %s\n", len, strerror(errno));
		exit(1);
	}
}

/* The answer goes to the address that asked, which is the number of the request. */
static bool is_barrier(const uint8_t *b, ssize_t n, const struct mac *m)
{
	return n >= 42 && b[12] == 8 && b[13] == 6 && !memcmp(b + 32, m, 6);
}

/* False: the answer came, or nothing more for so long. */
static bool hear(struct host *h, const struct mac *m, int ms, bool *over)
{
	uint8_t b[70000];
	ssize_t n = recv(wire_of(h), b, sizeof(b), MSG_DONTWAIT);
	struct pollfd p = { .fd = wire_of(h), .events = POLLIN };

	*over = is_barrier(b, n, m);
	if (*over)
		return false;
	if (n >= 0 && h->said && b[0] != BARRIER_MAC)
		h->said(h->ctx, b, (uint32_t)n);
	return n >= 0 || errno != EAGAIN || poll(&p, 1, ms) > 0;
}

static bool ask(struct host *h, int ms)
{
	static uint32_t number;
	struct mac m = { { BARRIER_MAC, 0, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
			   (uint8_t)(number >> 8), (uint8_t)number } };
	uint8_t b[64];
	struct wr w = wr_of(b, sizeof(b));
	bool over;

	number++;
	eth_emit(&w, &(struct eth){ own_mac, peer_mac, ETHERTYPE_ARP });
	arp_emit(&w, &(struct arp){ ARP_REQUEST, m, { { 0 } }, barrier, own4 });
	put(h, b, (uint32_t)wr_len(&w));
	while (hear(h, &m, ms, &over))
		;
	return over;
}

static void settle(struct host *h)
{
	if (ask(h, WAIT_MS))
		return;
	printf("FAIL Linux does not answer an ARP request\n");
	exit(1);
}

static void input(struct host *h, const uint8_t *b, uint32_t len)
{
	put(h, b, len);
	settle(h);
}

/* --- sockets --- */

static socklen_t sockaddr_of(int s, const struct endpoint *ep, struct sockaddr_storage *ss)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ss;
	int family = 0;
	socklen_t n = sizeof(family);

	getsockopt(s, SOL_SOCKET, SO_DOMAIN, &family, &n);
	memset(ss, 0, sizeof(*ss));
	ss->ss_family = (sa_family_t)family;
	a4->sin_port = htons(ep->port);		/* in the same place in both */
	if (family == AF_INET) {
		memcpy(&a4->sin_addr, ip_v4(&ep->addr), 4);
		return sizeof(*a4);
	}
	memcpy(&a6->sin6_addr, &ep->addr, 16);
	return sizeof(*a6);
}

static int result(int r) { return r < 0 ? -errno : r; }

static int its_socket(struct host *h, int family, int type, int proto)
{
	return result(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto));
}

static int its_bind(struct host *h, int s, const struct endpoint *ep)
{
	struct sockaddr_storage ss;
	socklen_t n = sockaddr_of(s, ep, &ss);

	return result(bind(s, (struct sockaddr *)&ss, n));
}

static int its_connect(struct host *h, int s, const struct endpoint *ep)
{
	struct sockaddr_storage ss;
	socklen_t n = sockaddr_of(s, ep, &ss);

	return result(connect(s, (struct sockaddr *)&ss, n));
}

static int its_listen(struct host *h, int s, int backlog) { return result(listen(s, backlog)); }

static int its_accept(struct host *h, int s)
{
	return result(accept4(s, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

static ssize_t its_send(struct host *h, int s, const void *b, size_t n, int flags)
{
	ssize_t r = send(s, b, n, flags | MSG_NOSIGNAL);

	return r < 0 ? -errno : r;
}

static ssize_t its_recv(struct host *h, int s, void *b, size_t n, int flags)
{
	ssize_t r = recv(s, b, n, flags);

	return r < 0 ? -errno : r;
}

static ssize_t its_recv_error(struct host *h, int s, void *b, size_t n, uint32_t *ext)
{
	alignas(struct cmsghdr) uint8_t control[512];
	struct iovec iov = { b, n };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			     .msg_controllen = sizeof(control) };
	ssize_t r = recvmsg(s, &mh, MSG_ERRQUEUE);
	struct sock_extended_err ee;

	*ext = 0;
	for (struct cmsghdr *k = CMSG_FIRSTHDR(&mh); r >= 0 && k; k = CMSG_NXTHDR(&mh, k)) {
		if ((k->cmsg_level == IPPROTO_IP && k->cmsg_type == IP_RECVERR) ||
		    (k->cmsg_level == IPPROTO_IPV6 && k->cmsg_type == IPV6_RECVERR)) {
			memcpy(&ee, CMSG_DATA(k), sizeof(ee));
			*ext = ee.ee_data;
		}
	}
	return r < 0 ? -errno : r;
}

static int its_shutdown(struct host *h, int s) { return result(shutdown(s, SHUT_WR)); }
static void its_close(struct host *h, int s) { close(s); }

static int its_setopt(struct host *h, int s, int level, int name, const void *v, socklen_t n)
{
	return result(setsockopt(s, level, name, v, n));
}

static int its_getopt(struct host *h, int s, int level, int name, void *v, socklen_t *n)
{
	return result(getsockopt(s, level, name, v, n));
}

static unsigned its_events(struct host *h, int s)
{
	struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT | POLLRDHUP | POLLPRI };

	poll(&p, 1, 0);
	return (unsigned)p.revents;
}

/* --- neighbours --- */

static void forget(struct host *h, const struct ip_addr *a)
{
	bool v4 = ip_is_v4(a);
	socklen_t n = v4 ? 4 : 16;
	struct {
		struct nlmsghdr	h;
		struct ndmsg	m;
		struct rtattr	r;
		uint8_t		addr[16];
	} q = {
		.h = { .nlmsg_type = RTM_DELNEIGH, .nlmsg_flags = NLM_F_REQUEST,
		       .nlmsg_len = (uint32_t)offsetof(typeof(q), addr) + n },
		.m = { .ndm_family = v4 ? AF_INET : AF_INET6, .ndm_ifindex = (int)if_nametoindex("eth0") },
		.r = { .rta_type = NDA_DST, .rta_len = (uint16_t)RTA_LENGTH(n) },
	};
	uint8_t answer[256];
	int fd = ((struct linux_host *)h)->netlink;

	if (ip_eq(a, &peer4) || ip_eq(a, &peer6) || ip_eq(a, &barrier))
		return;
	memcpy(q.addr, v4 ? ip_v4(a) : a->b, n);
	send(fd, &q, q.h.nlmsg_len, 0);
	while (recv(fd, answer, sizeof(answer), MSG_DONTWAIT) >= 0)
		;	/* there may be none such */
}

/* --- namespaces --- */

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int own_user_namespace(void)
{
	unsigned uid = geteuid(), gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -errno;
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	return write_file("/proc/self/uid_map", map);
}

static int here(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int configure(void)
{
	char path[128];
	int r = 0;

	for (unsigned i = 0; i < n_settings && r == 0; i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/%s/%s", settings[i].dir,
			 settings[i].name);
		r = write_file(path, settings[i].value);
	}
	write_file("/proc/sys/net/ipv6/conf/eth0/accept_dad", "0");
	write_file("/proc/sys/net/ipv6/conf/eth0/router_solicitations", "0");
	return r;
}

/* Frames as they would be on a wire: no larger than it takes, their sums computed. */
static int no_offload(const char *ifname)
{
	static const uint32_t off[] = { ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

	for (unsigned i = 0; i < ARRAY_LEN(off); i++) {
		struct ethtool_value v = { off[i], 0 };
		struct ifreq ifr = { .ifr_data = (char *)&v };

		snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
		if (ioctl(s, SIOCETHTOOL, &ifr) < 0 && errno != EOPNOTSUPP)
			r = -errno;
	}
	close(s);
	return r;
}

static const char links[] =
	"ip link add eth0 address 02:00:00:00:00:01 type veth"
	" peer name far0 address 02:00:00:00:00:02 && ip link set far0 netns /proc/%d/fd/%d";
static const char addresses[] =
	"ip link set lo up && ip link set eth0 up && ip addr add 10.0.0.1/24 brd + dev eth0 && "
	"ip addr add fd00::1/64 dev eth0 nodad noprefixroute && "
	"ip route replace 10.0.0.0/24 dev eth0 src 10.0.0.1 quickack 1 && "
	"ip route add fd00::/64 dev eth0 quickack 1 && "
	"ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent && "
	"ip neigh add 10.0.0.250 lladdr 02:00:00:00:00:02 dev eth0 nud permanent && "
	"ip neigh add fd00::2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent";
static const char twin[] = "ip link set far0 up";

static int shell(const char *fmt, int x, int y)
{
	char s[512];
	int status;

	snprintf(s, sizeof(s), fmt, x, y);
	status = system(s);
	return status == 0 ? 0 : -ENOENT;
}

/* In the twin's namespace, which is entered and left. */
static int open_wire(int there)
{
	int back = here(), s = -1, one = 1;
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };

	if (setns(there, CLONE_NEWNET) == 0) {
		write_file("/proc/sys/net/ipv6/conf/far0/disable_ipv6", "1");
		if (shell(twin, 0, 0) == 0)
			s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
		ll.sll_ifindex = (int)if_nametoindex("far0");
	}
	if (s >= 0) {
		setsockopt(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
		if (bind(s, (struct sockaddr *)&ll, sizeof(ll)) < 0)
			s = -1;
	}
	if (setns(back, CLONE_NEWNET) < 0)
		abort();
	close(back);
	return s;
}

static int enter(struct linux_host *l)
{
	int r = own_user_namespace(), there;

	if (r < 0 && unshare(CLONE_NEWNET) < 0)
		return r;
	there = here();
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	r = shell(links, getpid(), there);
	if (r == 0)
		r = configure();
	if (r < 0)
		return r;
	l->wire = open_wire(there);
	close(there);
	if (l->wire < 0)
		return -errno;
	l->netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	r = no_offload("eth0");
	return r < 0 ? r : shell(addresses, 0, 0);
}

static void one_processor(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

struct host *linux_open(int *error)
{
	static const struct host_ops ops = {
		its_socket, its_bind, its_connect, its_listen, its_accept, its_send, its_recv,
		its_recv_error, its_shutdown, its_close, its_setopt, its_getopt, its_events, forget, input, settle,
	};
	struct linux_host *l = xzalloc(sizeof(*l));

	l->h = (struct host){ .ops = &ops, .name = "Linux" };
	one_processor();
	*error = enter(l);
	for (unsigned i = 0; *error == 0 && !ask(&l->h, START_MS); i++)
		if (i == WAIT_MS / START_MS)
			*error = -ETIMEDOUT;
	if (*error == 0)
		return &l->h;
	free(l);
	return NULL;
}
