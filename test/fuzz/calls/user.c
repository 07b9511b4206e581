/* user.c - socket calls of every kind, in any order, with any arguments
 *
 * Whatever a call is given, it returns a count or an error that errno(3) knows.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "calls.h"

enum { OPT6_FLOWINFO_SEND = 33, OPT6_AUTOFLOWLABEL = 70 };	/* of linux/in6.h */

static uint8_t space[65536];

static int choose(struct world *w)
{
	int i = (int)below(w, SOCKS);

	w->used[i] = true;
	return i;
}

static void sane(ssize_t r, size_t most)
{
	CHECK(r > -134 && (r < 0 || (size_t)r <= most));
}

struct ip_addr any_addr(struct world *w)
{
	const struct ip_addr addrs[] = {
		peer4, peer6, own4, own6, IP4(127, 0, 0, 1), { { [15] = 1 } }, IP4_ANY, IP6_ANY,
		IP4(224, 0, 0, 251), { { 0xff, 2, [15] = 0xfb } }, IP4(10, 0, 0, 255),
		IP4(255, 255, 255, 255), IP4(10, 0, 0, 7), { { 0xfd, [15] = 7 } },
		IP4(192, 0, 2, 1), { { 0x20, 1, [15] = 1 } }, { { 0xfe, 0x80, [15] = 2 } },
		{ { 0xff, 5, [15] = 9 } }, IP4(127, 0, 0, 5), IP4(232, 1, 1, 1),
	};

	return addrs[below(w, ARRAY_LEN(addrs))];
}

static struct endpoint any_endpoint(struct world *w)
{
	static const uint16_t ports[] = { 0, 9, 53, 80, 1000, 1001, 1002, 4000, 4001 };
	struct endpoint ep = { any_addr(w), ports[below(w, ARRAY_LEN(ports))], 0 };

	if (ip_is_linklocal(&ep.addr) || ip_is_multicast(&ep.addr))
		ep.ifindex = below(w, 4);
	return ep;
}

/* --- their life --- */

static void do_socket(struct world *w)
{
	static const int families[] = { AF_INET, AF_INET6, AF_INET6, AF_PACKET };
	static const int types[] = { SOCK_STREAM, SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM, SOCK_RAW, 9 };
	static const int protos[] = { 0, 0, 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP,
				      IPPROTO_ICMPV6, IPPROTO_RAW, 0x0300, 253 };
	int f = families[below(w, ARRAY_LEN(families))], t = types[below(w, ARRAY_LEN(types))];
	int r, i = choose(w);
	struct sock *so;

	r = sock_new(w->l.st, f, t, protos[below(w, ARRAY_LEN(protos))], &so);
	sane(r, 0);
	if (r == 0)
		adopt(w, so, i);
}

static void do_bind(struct world *w)
{
	int i = choose(w);
	struct endpoint ep = any_endpoint(w);

	if (w->so[i])
		sane(sock_bind(w->so[i], &ep), 0);
}

static void do_connect(struct world *w)
{
	int i = choose(w);
	struct endpoint ep = any_endpoint(w);

	if (!w->so[i])
		return;
	sock_flowinfo(w->so[i], ep.port);
	sane(sock_connect(w->so[i], &ep), 0);
}

static void do_disconnect(struct world *w)
{
	int i = choose(w);

	if (w->so[i])
		sane(sock_disconnect(w->so[i]), 0);
}

static void do_listen(struct world *w)
{
	int i = choose(w);

	if (w->so[i])
		sane(sock_listen(w->so[i], (int)below(w, 6) - 1), 0);
}

static void do_accept(struct world *w)
{
	struct sock *so;
	int i = choose(w);

	if (!w->so[i])
		return;
	if (sock_accept(w->so[i], &so) == 0)
		adopt(w, so, -1);
}

static void do_shutdown(struct world *w)
{
	int i = choose(w);

	if (w->so[i])
		sane(sock_shutdown(w->so[i], (int)below(w, 4)), 0);
}

static void do_close(struct world *w)
{
	let_go(w, choose(w));
}

static void do_abort(struct world *w)
{
	int i = choose(w);

	if (w->so[i] && below(w, 4) == 1)	/* ss -K is rare */
		sane(sock_abort(w->so[i]), 0);
}

/* --- data --- */

static uint32_t some_length(struct world *w)
{
	uint32_t n = rd_u8(&w->rd);

	return (n & 3) == 3 ? n * 257 % sizeof(space) : (n & 3) == 2 ? n * 8 : n >> 2;
}

static void fill(struct world *w, struct msg *m)
{
	uint8_t which = rd_u8(&w->rd);

	*m = (struct msg){ .ttl = -1, .tos = -1, .local = IP_NONE };
	if (which & 1) {
		m->peer = any_endpoint(w);
		m->has_peer = true;
	}
	if (which & 2)
		m->local = any_addr(w);
	if (which & 4)
		m->ifindex = below(w, 4);
	if (which & 8)
		m->ttl = rd_u8(&w->rd);
	if (which & 16)
		m->tos = rd_u8(&w->rd);
	if (which & 32)
		m->segment = (uint16_t)(rd_u8(&w->rd) * 8);
	m->dontfrag = which & 64;
	m->flow = which & 128 ? m->peer.port : 0;
	m->frame = (struct frame_note){ .proto = ETHERTYPE_IP4, .halen = 6, .ifindex = below(w, 4),
					.addr = { 2, [5] = 2 } };
}

static int some_flags(struct world *w)
{
	static const int flags[] = { MSG_OOB, MSG_PEEK, MSG_DONTROUTE, MSG_TRUNC, MSG_MORE,
				     MSG_ERRQUEUE, MSG_WAITALL, MSG_FASTOPEN };
	uint8_t which = rd_u8(&w->rd);
	int f = MSG_DONTWAIT | MSG_NOSIGNAL;

	for (unsigned i = 0; i < ARRAY_LEN(flags); i++)
		if (which >> i & 1)
			f |= flags[i];
	return f;
}

static void do_send(struct world *w)
{
	int i = choose(w), flags = some_flags(w);
	size_t n = some_length(w), half = n / 2;
	struct iovec iov[2] = { { space, half }, { space + half, n - half } };
	struct msg m;

	fill(w, &m);
	if (!w->so[i])
		return;
	w->wild |= w->so[i]->type == SOCK_RAW || w->so[i]->family == AF_PACKET;
	sane(sock_send(w->so[i], iov, 2, flags, flip(w) ? &m : NULL), n);
}

static void do_recv(struct world *w)
{
	int i = choose(w), flags = some_flags(w);
	size_t n = some_length(w), half = n / 2;
	struct iovec iov[2] = { { space, half }, { space + half, n - half } };
	struct msg m = { .ttl = -1 };

	if (w->so[i])
		sane(sock_recv(w->so[i], iov, 2, flags, flip(w) ? &m : NULL),
		     flags & MSG_TRUNC ? INT32_MAX : n);
}

static void do_reserve(struct world *w)
{
	int n = 4, i = choose(w);
	struct iovec iov[4];
	size_t len;

	if (!w->so[i])
		return;
	len = sock_reserve(w->so[i], iov, &n);
	for (int k = 0; k < n; k++)
		memset(iov[k].iov_base, 1, iov[k].iov_len);
	if (flip(w))		/* the peer acts in between */
		peer_answers(w);
	sock_commit(w->so[i], len ? rd_u16(&w->rd) % (len + 1) : 0);
}

static void do_peek(struct world *w)
{
	int n = 4, i = choose(w);
	struct iovec iov[4];
	size_t len;

	if (!w->so[i])
		return;
	len = sock_peek(w->so[i], iov, &n);
	if (flip(w))
		peer_answers(w);
	for (int k = 0; k < n; k++)	/* what is lent can be read */
		memcpy(space, iov[k].iov_base, MIN(iov[k].iov_len, sizeof(space)));
	sock_consume(w->so[i], rd_u16(&w->rd) % (len + 1));
}

/* --- questions --- */

static void do_ask(struct world *w)
{
	struct endpoint ep;
	int i = choose(w);

	if (!w->so[i])
		return;
	sock_local(w->so[i], &ep);
	sock_peer(w->so[i], &ep);
	sock_queues(w->so[i]);
	sock_at_mark(w->so[i]);
	CHECK(sock_state_name(w->so[i])[0]);
	if (flip(w))
		sane(-sock_take_error(w->so[i]), 0);
}

/* --- options --- */

/* Every level and name; of SO_ATTACH_FILTER the value is a pointer: stack_bpf.c. */
static void do_option(struct world *w)
{
	static const int levels[] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP,
				      IPPROTO_ICMPV6, IPPROTO_RAW, SOL_PACKET };
	int i = choose(w), level = levels[below(w, ARRAY_LEN(levels))];
	int name = (int)below(w, 110);
	uint8_t v[136] = { 0 };
	socklen_t len = below(w, 4) ? sizeof(int) : (socklen_t)below(w, sizeof(v));
	size_t given = below(w, 16);
	const uint8_t *p = rd_bytes(&w->rd, MIN(given, rd_left(&w->rd)));

	if (p)
		memcpy(v, p, (size_t)(w->rd.p - p));
	if (!w->so[i] || (level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == 50 ||
						  name == SO_ATTACH_REUSEPORT_CBPF)))
		return;
	if (flip(w))
		sane(sock_setopt(w->so[i], level, name, v, len), 0);
	sane(sock_getopt(w->so[i], level, name, v, &len), 0);
	CHECK(len <= sizeof(v));
}

/* Those that change what happens, with values that make sense. */
static void do_known_option(struct world *w)
{
	static const struct { int level, name, most; } known[] = {
		{ SOL_SOCKET, SO_RCVBUF, 8192 }, { SOL_SOCKET, SO_SNDBUF, 8192 },
		{ SOL_SOCKET, SO_RCVLOWAT, 2000 }, { SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_SOCKET, SO_OOBINLINE, 1 }, { SOL_SOCKET, SO_REUSEADDR, 1 },
		{ SOL_SOCKET, SO_REUSEPORT, 1 }, { SOL_SOCKET, SO_BROADCAST, 1 },
		{ SOL_SOCKET, SO_BINDTOIFINDEX, 3 }, { SOL_SOCKET, SO_MARK, 3 },
		{ SOL_SOCKET, SO_MAX_PACING_RATE, 100000 }, { SOL_SOCKET, SO_RXQ_OVFL, 1 },
		{ IPPROTO_IP, IP_RECVERR, 1 }, { IPPROTO_IP, IP_MTU_DISCOVER, 5 },
		{ IPPROTO_IP, IP_MULTICAST_LOOP, 1 }, { IPPROTO_IP, IP_FREEBIND, 1 },
		{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1 }, { IPPROTO_IP, IP_HDRINCL, 1 },
		{ IPPROTO_IPV6, OPT6_FLOWINFO_SEND, 1 }, { IPPROTO_IPV6, OPT6_AUTOFLOWLABEL, 1 },
		{ IPPROTO_IPV6, IPV6_RECVPATHMTU, 1 }, { IPPROTO_IPV6, IPV6_DONTFRAG, 1 },
		{ IPPROTO_IP, IP_RECVERR_RFC4884, 1 }, { IPPROTO_IPV6, IPV6_RECVERR_RFC4884, 1 },
		{ IPPROTO_IP, IP_MINTTL, 255 }, { IPPROTO_IPV6, IPV6_RECVERR, 1 },
		{ IPPROTO_IPV6, IPV6_V6ONLY, 1 }, { IPPROTO_IPV6, IPV6_MTU_DISCOVER, 5 },
		{ IPPROTO_IPV6, IPV6_MTU, 1500 }, { IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1 },
		{ IPPROTO_IPV6, IPV6_MULTICAST_IF, 3 }, { IPPROTO_IPV6, IPV6_CHECKSUM, 8 },
		{ IPPROTO_TCP, TCP_NODELAY, 1 }, { IPPROTO_TCP, TCP_CORK, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 100 }, { IPPROTO_TCP, TCP_KEEPINTVL, 100 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 5 }, { IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 },
		{ IPPROTO_TCP, TCP_LINGER2, 60 }, { IPPROTO_TCP, TCP_DEFER_ACCEPT, 10 },
		{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 4000 }, { IPPROTO_TCP, TCP_MAXSEG, 1460 },
		{ IPPROTO_TCP, TCP_QUICKACK, 1 }, { IPPROTO_TCP, TCP_SYNCNT, 3 },
		{ IPPROTO_TCP, TCP_FASTOPEN, 4 }, { IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 3000 }, { IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1 },
		{ IPPROTO_UDP, UDP_CORK, 1 }, { IPPROTO_UDP, UDP_SEGMENT, 1400 },
		{ IPPROTO_UDP, UDP_GRO, 1 }, { SOL_PACKET, PACKET_AUXDATA, 1 },
	};
	int i = choose(w), k = (int)below(w, ARRAY_LEN(known));
	int v = flip(w) ? rd_u16(&w->rd) % (known[k].most + 1) : known[k].most;

	if (w->so[i])
		sane(sock_setopt(w->so[i], known[k].level, known[k].name, &v, sizeof(v)), 0);
}

static void do_linger(struct world *w)
{
	struct linger l = { flip(w), (int)below(w, 3) };
	int i = choose(w);

	if (w->so[i])
		sane(sock_setopt(w->so[i], SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
}

static void do_congestion(struct world *w)
{
	const char *name = flip(w) ? "reno" : "cubic";
	int i = choose(w);

	if (w->so[i])
		sane(sock_setopt(w->so[i], IPPROTO_TCP, TCP_CONGESTION, name,
				 (socklen_t)strlen(name)), 0);
}

/* --- groups --- */

static void put_addr(struct sockaddr_storage *ss, bool v4, uint8_t n)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	if (v4) {
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, (uint8_t[]){ 232, 1, 1, n }, 4);
		return;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_addr.s6_addr[0] = 0xff;
	in6->sin6_addr.s6_addr[1] = 5;
	in6->sin6_addr.s6_addr[15] = n;
}

static void source_of(struct sockaddr_storage *ss, bool v4, uint8_t n)
{
	put_addr(ss, v4, n);
	if (v4)
		memcpy(&((struct sockaddr_in *)(void *)ss)->sin_addr, (uint8_t[]){ 10, 0, 0, n }, 4);
	else
		((struct sockaddr_in6 *)(void *)ss)->sin6_addr.s6_addr[0] = 0xfd;
}

static void do_group(struct world *w)
{
	static const int names[] = {
		MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP, MCAST_JOIN_SOURCE_GROUP,
		MCAST_LEAVE_SOURCE_GROUP, MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE,
	};
	struct group_source_req gsr = { .gsr_interface = below(w, 4) };
	struct group_req gr = { .gr_interface = gsr.gsr_interface };
	int i = choose(w);
	unsigned k = below(w, ARRAY_LEN(names));
	bool v4 = flip(w);

	put_addr(&gsr.gsr_group, v4, (uint8_t)below(w, 3));
	source_of(&gsr.gsr_source, v4, (uint8_t)below(w, 5));
	gr.gr_group = gsr.gsr_group;
	if (w->so[i])
		sane(k < 2 ? sock_setopt(w->so[i], v4 ? IPPROTO_IP : IPPROTO_IPV6, names[k], &gr,
					 sizeof(gr)) :
			     sock_setopt(w->so[i], v4 ? IPPROTO_IP : IPPROTO_IPV6, names[k], &gsr,
					 sizeof(gsr)), 0);
}

static void do_filter(struct world *w)
{
	union {
		struct group_filter f;
		uint8_t room[GROUP_FILTER_SIZE(8)];
	} u = { .f = { .gf_interface = below(w, 4), .gf_fmode = below(w, 2),
		       .gf_numsrc = below(w, 8) } };
	int i = choose(w);
	bool v4 = flip(w);
	socklen_t len = GROUP_FILTER_SIZE(u.f.gf_numsrc);
	struct sockaddr_storage src = { 0 };

	put_addr(&u.f.gf_group, v4, (uint8_t)below(w, 3));
	for (unsigned k = 0; k < u.f.gf_numsrc; k++) {
		source_of(&src, v4, (uint8_t)below(w, 9));
		memcpy(u.room + GROUP_FILTER_SIZE(k), &src, sizeof(src));
	}
	if (w->so[i])
		sane(sock_setopt(w->so[i], v4 ? IPPROTO_IP : IPPROTO_IPV6, MCAST_MSFILTER, &u, len),
		     0);
}

step *const user_steps[] = {
	do_socket, do_bind, do_connect, do_listen, do_accept, do_accept, do_send, do_send, do_recv,
	do_recv, do_shutdown, do_close, do_disconnect, do_abort, do_reserve, do_peek, do_ask,
	do_option, do_known_option, do_linger, do_congestion, do_group, do_filter,
};
const unsigned n_user_steps = ARRAY_LEN(user_steps);
