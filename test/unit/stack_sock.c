/* stack_sock.c - ports, sharing them, finding sockets, options */
#include "unit.h"

#include "stack_pair.h"

static struct pair *p;

static int start(void **state)
{
	p = pair_ready(1500);
	return 0;
}

static int end(void **state)
{
	pair_free(p);
	return 0;
}

static struct sock *make(int family, int type)
{
	struct sock *so;

	assert_int_equal(sock_new(p->a.st, family, type, 0, &so), 0);
	return so;
}

static int bind_to(struct sock *so, struct ip_addr a, uint16_t port)
{
	struct endpoint ep = ep_of(a, port);

	return sock_bind(so, &ep);
}

static void set(struct sock *so, int level, int name, int v)
{
	assert_int_equal(sock_setopt(so, level, name, &v, sizeof(v)), 0);
}

static int get(struct sock *so, int level, int name)
{
	socklen_t len = sizeof(int);
	int v = -12345;

	assert_int_equal(sock_getopt(so, level, name, &v, &len), 0);
	assert_int_equal(len, sizeof(int));
	return v;
}

static void addresses_to_bind(void **state)
{
	static const struct ip_addr ll = { { 0xfe, 0x80, [15] = 0x77 } };
	struct endpoint ep = ep_of(ip6_linklocal_eui64(p->a.nif->mac), 5);

	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), v4_of(2), 5), -EADDRNOTAVAIL);
	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), v6_of(1), 5), -EAFNOSUPPORT);
	assert_int_equal(bind_to(make(AF_INET6, SOCK_DGRAM), v6_of(2), 5), -EADDRNOTAVAIL);
	assert_int_equal(bind_to(make(AF_INET6, SOCK_DGRAM), ll, 5), -EINVAL);
	assert_int_equal(sock_bind(make(AF_INET6, SOCK_DGRAM), &ep), -EINVAL);
	ep.ifindex = p->a.nif->index;
	assert_int_equal(sock_bind(make(AF_INET6, SOCK_DGRAM), &ep), 0);
	ep.addr = ll;				/* nobody's */
	assert_int_equal(sock_bind(make(AF_INET6, SOCK_DGRAM), &ep), -EADDRNOTAVAIL);
	ep.ifindex = 99;
	assert_int_equal(sock_bind(make(AF_INET6, SOCK_DGRAM), &ep), -ENODEV);
	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), v4_of(255), 5), 0);
	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), IP4(239, 0, 0, 1), 5), 0);
	assert_int_equal(bind_to(make(AF_INET, SOCK_STREAM), IP4(239, 0, 0, 1), 5), -EADDRNOTAVAIL);
	assert_int_equal(bind_to(make(AF_INET6, SOCK_DGRAM), v4_of(1), 6), 0);
}

static void bind_only_once(void **state)
{
	struct sock *so = make(AF_INET, SOCK_DGRAM);

	assert_int_equal(bind_to(so, IP4_ANY, 0), 0);
	assert_in_range(so->local.port, 32768, 60999);
	assert_int_equal(bind_to(so, IP4_ANY, 0), -EINVAL);
}

static void v6only_and_v4(void **state)
{
	struct sock *so = make(AF_INET6, SOCK_DGRAM);

	set(so, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	assert_int_equal(bind_to(so, v4_of(1), 5), -EINVAL);
	assert_int_equal(bind_to(so, IP6_ANY, 5), 0);
	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), IP4_ANY, 5), 0);
	assert_int_equal(sock_setopt(so, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int)), -EINVAL);
}

static void freebind(void **state)
{
	struct sock *so = make(AF_INET, SOCK_DGRAM);

	set(so, IPPROTO_IP, IP_FREEBIND, 1);
	assert_int_equal(bind_to(so, IP4(192, 0, 2, 1), 5), 0);
	assert_int_equal(udp_to(so, "x", 1, v4_of(2), 9), 1);
}

static void low_ports_may_be_kept(void **state)
{
	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), IP4_ANY, 80), 0);
	assert_int_equal(stack_set(p->a.st, "ip_unprivileged_port_start", "1024"), 0);
	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), IP4_ANY, 81), -EACCES);
	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), IP4_ANY, 1024), 0);
}

/* Two sockets of one type on one port: what Linux answers to the second. */
static void who_may_share_a_port(void **state)
{
	enum { NO, REUSE, PORT };
	const struct ip_addr any4 = IP4_ANY, any6 = IP6_ANY, one = v4_of(1), lo = IP4(127, 0, 0, 1);
	const struct {
		int type, fam1; struct ip_addr a1; int how1;
		int fam2; struct ip_addr a2; int how2, result;
	} t[] = {
		{ SOCK_DGRAM, AF_INET, any4, NO, AF_INET, any4, NO, -EADDRINUSE },
		{ SOCK_DGRAM, AF_INET, any4, NO, AF_INET, one, NO, -EADDRINUSE },
		{ SOCK_DGRAM, AF_INET, one, NO, AF_INET, any4, NO, -EADDRINUSE },
		{ SOCK_DGRAM, AF_INET, one, NO, AF_INET, lo, NO, 0 },
		{ SOCK_DGRAM, AF_INET, any4, NO, AF_INET6, any6, NO, -EADDRINUSE },
		{ SOCK_DGRAM, AF_INET6, any6, NO, AF_INET, one, NO, -EADDRINUSE },
		{ SOCK_DGRAM, AF_INET6, v6_of(1), NO, AF_INET, any4, NO, 0 },
		{ SOCK_DGRAM, AF_INET6, one, NO, AF_INET, one, NO, -EADDRINUSE },
		{ SOCK_DGRAM, AF_INET, any4, REUSE, AF_INET, any4, NO, -EADDRINUSE },
		{ SOCK_DGRAM, AF_INET, any4, REUSE, AF_INET, any4, REUSE, 0 },
		{ SOCK_DGRAM, AF_INET, any4, PORT, AF_INET, any4, PORT, 0 },
		{ SOCK_DGRAM, AF_INET, any4, PORT, AF_INET, any4, REUSE, -EADDRINUSE },
		{ SOCK_STREAM, AF_INET, any4, NO, AF_INET, any4, NO, -EADDRINUSE },
		{ SOCK_STREAM, AF_INET, any4, REUSE, AF_INET, any4, REUSE, 0 },
		{ SOCK_STREAM, AF_INET, any4, REUSE, AF_INET6, any6, REUSE, 0 },
		{ SOCK_STREAM, AF_INET, any4, PORT, AF_INET, one, PORT, 0 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		struct sock *a = make(t[i].fam1, t[i].type), *b = make(t[i].fam2, t[i].type);

		a->reuseaddr = t[i].how1 == REUSE;
		a->reuseport = t[i].how1 == PORT;
		b->reuseaddr = t[i].how2 == REUSE;
		b->reuseport = t[i].how2 == PORT;
		assert_int_equal(bind_to(a, t[i].a1, 7000), 0);
		assert_int_equal(bind_to(b, t[i].a2, 7000), t[i].result);
		sock_close(a);
		sock_close(b);
	}
}

static void one_listener(void **state)
{
	struct sock *a = make(AF_INET, SOCK_STREAM), *b = make(AF_INET, SOCK_STREAM);

	a->reuseaddr = b->reuseaddr = true;
	assert_int_equal(bind_to(a, IP4_ANY, 80), 0);
	assert_int_equal(bind_to(b, IP4_ANY, 80), 0);	/* nobody listens yet */
	assert_int_equal(sock_listen(a, 5), 0);
	assert_int_equal(get(a, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(sock_listen(b, 5), -EADDRINUSE);
	assert_int_equal(get(b, SOL_SOCKET, SO_ACCEPTCONN), 0);
	sock_close(b);
	b = make(AF_INET, SOCK_STREAM);
	b->reuseaddr = true;
	assert_int_equal(bind_to(b, IP4_ANY, 80), -EADDRINUSE);
}

static void other_devices_do_not_conflict(void **state)
{
	struct sock *a = make(AF_INET, SOCK_DGRAM), *b = make(AF_INET, SOCK_DGRAM);
	char name[16];
	socklen_t len = sizeof(name);

	assert_int_equal(sock_setopt(a, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5), 0);
	assert_int_equal(sock_setopt(b, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2), 0);
	assert_int_equal(sock_setopt(b, SOL_SOCKET, SO_BINDTODEVICE, "eth7", 5), -ENODEV);
	assert_int_equal(bind_to(a, IP4_ANY, 5000), 0);
	assert_int_equal(bind_to(b, IP4_ANY, 5000), 0);
	assert_int_equal(sock_getopt(a, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
	assert_string_equal(name, "eth0");
}

static void ports_run_out(void **state)
{
	assert_int_equal(stack_set(p->a.st, "ip_local_port_range", "40000 40003"), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), IP4_ANY, 0), 0);
	assert_int_equal(bind_to(make(AF_INET, SOCK_DGRAM), IP4_ANY, 0), -EADDRINUSE);
	assert_int_equal(bind_to(make(AF_INET, SOCK_STREAM), IP4_ANY, 0), 0);
}

/* Random ports: two stacks with other secrets do not choose alike. */
static void ports_are_not_guessed(void **state)
{
	uint16_t last = 0;
	int jumps = 0;

	for (int i = 0; i < 50; i++) {
		struct sock *so = make(AF_INET, SOCK_DGRAM);

		assert_int_equal(bind_to(so, IP4_ANY, 0), 0);
		jumps += abs(so->local.port - last) > 100;
		last = so->local.port;
	}
	assert_true(jumps > 40);
}

static void late_port(void **state)
{
	struct sock *so = make(AF_INET, SOCK_DGRAM);
	struct endpoint to = ep_of(v4_of(2), 9);

	set(so, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
	assert_int_equal(bind_to(so, v4_of(1), 0), 0);
	assert_int_equal(so->local.port, 0);
	assert_int_equal(sock_connect(so, &to), 0);
	assert_int_not_equal(so->local.port, 0);
}

/* Exact connection, exact address, wildcard; the native family first. */
static void best_match(void **state)
{
	struct sock *any6 = make(AF_INET6, SOCK_DGRAM), *any4 = make(AF_INET, SOCK_DGRAM);
	struct sock *one = make(AF_INET, SOCK_DGRAM), *conn = make(AF_INET, SOCK_DGRAM);
	struct endpoint to = ep_of(v4_of(2), 1000);
	struct ip ip = { .src = v4_of(2), .dst = v4_of(1), .v4 = true, .nif = p->a.nif };
	struct sock *all[] = { any6, any4, one, conn };

	for (unsigned i = 0; i < ARRAY_LEN(all); i++)
		all[i]->reuseaddr = true;
	assert_null(sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1000));
	assert_int_equal(bind_to(any6, IP6_ANY, 53), 0);
	assert_ptr_equal(sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1000), any6);
	assert_int_equal(bind_to(any4, IP4_ANY, 53), 0);
	assert_ptr_equal(sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1000), any4);
	assert_int_equal(bind_to(one, v4_of(1), 53), 0);
	assert_ptr_equal(sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1000), one);
	assert_int_equal(bind_to(conn, IP4_ANY, 53), 0);
	assert_int_equal(sock_connect(conn, &to), 0);
	assert_ptr_equal(sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1000), conn);
	assert_ptr_equal(sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1001), one);
	assert_null(sock_find(p->a.st, IPPROTO_TCP, &ip, 53, 1000));
	ip = (struct ip){ .src = v6_of(2), .dst = v6_of(1), .nif = p->a.nif };
	assert_ptr_equal(sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1000), any6);
}

static void reuseport_spreads_by_flow(void **state)
{
	struct sock *so[4], *first;
	unsigned hits[4] = { 0 };
	struct ip ip = { .src = v4_of(2), .dst = v4_of(1), .v4 = true, .nif = p->a.nif };

	for (int i = 0; i < 4; i++) {
		so[i] = make(AF_INET, SOCK_DGRAM);
		set(so[i], SOL_SOCKET, SO_REUSEPORT, 1);
		assert_int_equal(bind_to(so[i], IP4_ANY, 53), 0);
	}
	first = sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1);
	assert_ptr_equal(sock_find(p->a.st, IPPROTO_UDP, &ip, 53, 1), first);
	for (uint16_t port = 1; port <= 400; port++) {
		struct sock *hit = sock_find(p->a.st, IPPROTO_UDP, &ip, 53, port);

		for (int i = 0; i < 4; i++)
			hits[i] += hit == so[i];
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(hits[i], 50, 150);
}

static void disconnect_keeps_what_bind_chose(void **state)
{
	struct sock *so = make(AF_INET, SOCK_DGRAM), *fixed = make(AF_INET, SOCK_DGRAM);
	struct endpoint to = ep_of(v4_of(2), 9);

	assert_int_equal(sock_connect(so, &to), 0);
	assert_int_equal(sock_disconnect(so), 0);
	assert_int_equal(so->local.port, 0);
	assert_true(ip_is_any(&so->local.addr));
	assert_int_equal(bind_to(fixed, v4_of(1), 77), 0);
	assert_int_equal(sock_connect(fixed, &to), 0);
	assert_int_equal(sock_disconnect(fixed), 0);
	assert_int_equal(fixed->local.port, 77);
	assert_false(ip_is_any(&fixed->local.addr));
}

static void nobody_is_ourselves(void **state)
{
	struct sock *so = make(AF_INET, SOCK_STREAM), *so6 = make(AF_INET6, SOCK_DGRAM);
	struct endpoint to = ep_of(IP4_ANY, 9), to6 = ep_of(IP6_ANY, 9), peer;

	assert_int_equal(sock_connect(so, &to), -EINPROGRESS);
	assert_true(ip_is_loopback(&so->remote.addr) && ip_is_v4(&so->remote.addr));
	assert_int_equal(sock_connect(so6, &to6), 0);
	assert_int_equal(sock_peer(so6, &peer), 0);
	assert_true(ip_is_loopback(&peer.addr) && !ip_is_v4(&peer.addr));
}

static void what_a_socket_is(void **state)
{
	struct sock *so = make(AF_INET6, SOCK_STREAM);

	assert_int_equal(get(so, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	assert_int_equal(get(so, SOL_SOCKET, SO_DOMAIN), AF_INET6);
	assert_int_equal(get(so, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	assert_int_equal(get(so, SOL_SOCKET, SO_ERROR), 0);
	so->error = ECONNRESET;
	assert_int_equal(get(so, SOL_SOCKET, SO_ERROR), ECONNRESET);
	assert_int_equal(get(so, SOL_SOCKET, SO_ERROR), 0);
	assert_int_equal(sock_setopt(so, SOL_SOCKET, SO_TYPE, &(int){ 1 }, sizeof(int)), -ENOPROTOOPT);
}

static void flags_are_one_or_zero(void **state)
{
	static const struct { int level, name; } t[] = {
		{ SOL_SOCKET, SO_REUSEADDR }, { SOL_SOCKET, SO_REUSEPORT },
		{ SOL_SOCKET, SO_BROADCAST }, { SOL_SOCKET, SO_KEEPALIVE },
		{ SOL_SOCKET, SO_OOBINLINE }, { SOL_SOCKET, SO_DONTROUTE },
		{ SOL_SOCKET, SO_TIMESTAMP },
		{ IPPROTO_IP, IP_PKTINFO }, { IPPROTO_IP, IP_RECVTTL }, { IPPROTO_IP, IP_RECVTOS },
		{ IPPROTO_IP, IP_RECVERR }, { IPPROTO_IP, IP_FREEBIND },
		{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT },
		{ IPPROTO_IPV6, IPV6_V6ONLY }, { IPPROTO_IPV6, IPV6_RECVPKTINFO },
		{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT }, { IPPROTO_IPV6, IPV6_RECVTCLASS },
		{ IPPROTO_IPV6, IPV6_RECVERR },
	};

	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		struct sock *so = make(AF_INET6, SOCK_DGRAM);

		assert_int_equal(get(so, t[i].level, t[i].name), 0);
		set(so, t[i].level, t[i].name, 77);
		assert_int_equal(get(so, t[i].level, t[i].name), 1);
		set(so, t[i].level, t[i].name, 0);
		assert_int_equal(get(so, t[i].level, t[i].name), 0);
		assert_int_equal(sock_setopt(so, t[i].level, t[i].name, "", 0),
				 t[i].level == IPPROTO_IP && t[i].name != IP_FREEBIND ?
				 0 : -EINVAL);	/* as Linux */
	}
}

static void buffers_are_doubled(void **state)
{
	struct sock *so = make(AF_INET, SOCK_DGRAM);

	assert_int_equal(get(so, SOL_SOCKET, SO_RCVBUF), 212992);
	set(so, SOL_SOCKET, SO_RCVBUF, 10000);
	assert_int_equal(get(so, SOL_SOCKET, SO_RCVBUF), 20000);
	set(so, SOL_SOCKET, SO_RCVBUF, 1);
	assert_int_equal(get(so, SOL_SOCKET, SO_RCVBUF), 2304);
	set(so, SOL_SOCKET, SO_RCVBUF, 100000000);
	assert_int_equal(get(so, SOL_SOCKET, SO_RCVBUF), 425984);
	set(so, SOL_SOCKET, SO_RCVBUFFORCE, 1000000);
	assert_int_equal(get(so, SOL_SOCKET, SO_RCVBUF), 2000000);
	set(so, SOL_SOCKET, SO_SNDBUF, 1);
	assert_int_equal(get(so, SOL_SOCKET, SO_SNDBUF), 4608);
	set(so, SOL_SOCKET, SO_SNDBUF, -1);
	assert_int_equal(get(so, SOL_SOCKET, SO_SNDBUF), 425984);
}

static void linger(void **state)
{
	struct sock *so = make(AF_INET, SOCK_STREAM);
	struct linger l = { 1, 7 }, got = { 0 };
	socklen_t len = sizeof(got);

	assert_int_equal(sock_setopt(so, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	assert_int_equal(sock_getopt(so, SOL_SOCKET, SO_LINGER, &got, &len), 0);
	assert_memory_equal(&l, &got, sizeof(l));
	assert_int_equal(sock_setopt(so, SOL_SOCKET, SO_LINGER, &l, 4), -EINVAL);
}

static void ttl_and_tos(void **state)
{
	struct sock *a = make(AF_INET6, SOCK_DGRAM), *b = udp_open(&p->b, AF_INET6, IP6_ANY, 2000);
	char buf[1];
	struct msg m;

	assert_int_equal(get(a, IPPROTO_IP, IP_TTL), 64);
	assert_int_equal(get(a, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64);
	set(a, IPPROTO_IP, IP_TTL, 9);
	set(a, IPPROTO_IP, IP_TOS, 0x20);
	set(a, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 10);
	set(a, IPPROTO_IPV6, IPV6_TCLASS, 0x28);
	assert_int_equal(sock_setopt(a, IPPROTO_IP, IP_TTL, &(int){ 256 }, sizeof(int)), -EINVAL);
	assert_int_equal(sock_setopt(a, IPPROTO_IPV6, IPV6_TCLASS, &(int){ 256 }, sizeof(int)), -EINVAL);
	assert_int_equal(udp_to(a, "x", 1, v4_of(2), 2000), 1);
	assert_int_equal(udp_to(a, "x", 1, v6_of(2), 2000), 1);
	pair_settle(p);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(udp_from(b, buf, 1, &m), 1);
		assert_int_equal(m.ttl, ip_is_v4(&m.peer.addr) ? 9 : 10);
		assert_int_equal(m.tos, ip_is_v4(&m.peer.addr) ? 0x20 : 0x28);
	}
	set(a, IPPROTO_IP, IP_TTL, -1);
	assert_int_equal(get(a, IPPROTO_IP, IP_TTL), 64);
	assert_int_equal(sock_setopt(a, IPPROTO_IP, IP_TTL, &(uint8_t){ 3 }, 1), 0);	/* one byte */
	assert_int_equal(get(a, IPPROTO_IP, IP_TTL), 3);
}

/* Of one datagram only: what cmsgs carry. */
static void asked_for_one_datagram(void **state)
{
	struct sock *a = make(AF_INET, SOCK_DGRAM), *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	struct ip_addr second = v4_of(21);
	struct msg m = { .peer = ep_of(v4_of(2), 2000), .has_peer = true, .ttl = 5, .tos = 0x10,
			 .local = second };
	struct iovec iov = { (void *)"x", 1 };
	char buf[1];

	assert_int_equal(sock_send(a, &iov, 1, 0, &m), -EADDRNOTAVAIL);
	assert_int_equal(netif_addr_add(p->a.nif, &second, 24), 0);
	assert_int_equal(sock_send(a, &iov, 1, 0, &m), 1);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, 1, &m), 1);
	assert_int_equal(m.ttl, 5);
	assert_int_equal(m.tos, 0x10);
	assert_true(ip_eq(&m.peer.addr, &second));
}

/* IP_BIND_ADDRESS_NO_PORT leaves the port to connect; listen cannot wait. */
static void listen_without_port(void **state)
{
	struct sock *so = make(AF_INET, SOCK_STREAM);
	struct endpoint ep = { IP4(10, 0, 0, 1), 0, 0 };
	int on = 1;

	assert_int_equal(sock_setopt(so, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)), 0);
	assert_int_equal(sock_bind(so, &ep), 0);
	assert_int_equal(so->local.port, 0);
	assert_int_equal(sock_listen(so, 1), 0);
	assert_int_not_equal(so->local.port, 0);
}

/* A datagram that would fit the path leaves in pieces of IPV6_MTU. */
static void fragment_size(void **state)
{
	struct sock *so = make(AF_INET6, SOCK_DGRAM);
	int v = 1279;

	assert_int_equal(sock_setopt(so, IPPROTO_IPV6, IPV6_MTU, &v, sizeof(v)), -EINVAL);
	v = 1280;
	assert_int_equal(sock_setopt(so, IPPROTO_IPV6, IPV6_MTU, &v, sizeof(v)), 0);
	assert_int_equal(so->asked->ip[1].frag_size, 1280);
}

static void unknown_options(void **state)
{
	struct sock *so = make(AF_INET, SOCK_DGRAM);
	socklen_t len = sizeof(int);
	int v = 1;

	assert_int_equal(sock_setopt(so, SOL_SOCKET, 9999, &v, sizeof(v)), -ENOPROTOOPT);
	assert_int_equal(sock_getopt(so, IPPROTO_IP, 9999, &v, &len), -ENOPROTOOPT);
	assert_int_equal(sock_setopt(so, IPPROTO_IPV6, IPV6_V6ONLY, &v, sizeof(v)), -ENOPROTOOPT);
	assert_int_equal(sock_setopt(so, 12345, 1, &v, sizeof(v)), -ENOPROTOOPT);
	assert_int_equal(sock_getopt(so, IPPROTO_IP, IP_MTU, &v, &len), -ENOTCONN);
}

static void memberships(void **state)
{
	struct sock *so = make(AF_INET, SOCK_DGRAM), *so6 = make(AF_INET6, SOCK_DGRAM);
	struct ip_mreq m = { .imr_multiaddr = { htonl(0xe8000001) }, .imr_interface = { htonl(0x0a000001) } };
	struct ipv6_mreq m6 = { .ipv6mr_multiaddr = { { { 0xff, 5, [15] = 9 } } } };
	struct ip_addr g = IP4(232, 0, 0, 1), g6 = { { 0xff, 5, [15] = 9 } };
	struct group_req q = { .gr_interface = p->a.nif->index };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = m.imr_multiaddr };

	assert_int_equal(sock_setopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), 0);
	assert_true(netif_joined(p->a.nif, &g));
	assert_int_equal(sock_setopt(so, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)), 0);
	assert_false(netif_joined(p->a.nif, &g));
	assert_int_equal(sock_setopt(so, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)), -EADDRNOTAVAIL);
	m.imr_interface.s_addr = htonl(0x0a000063);
	assert_int_equal(sock_setopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), -ENODEV);
	m.imr_multiaddr.s_addr = htonl(0x0a000063);
	m.imr_interface.s_addr = 0;
	assert_int_equal(sock_setopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), -EINVAL);
	memcpy(&q.gr_group, &sin, sizeof(sin));
	assert_int_equal(sock_setopt(so, IPPROTO_IP, MCAST_JOIN_GROUP, &q, sizeof(q)), 0);
	assert_true(netif_joined(p->a.nif, &g));
	sock_close(so);
	assert_false(netif_joined(p->a.nif, &g));
	assert_int_equal(sock_setopt(so6, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)), 0);
	assert_true(netif_joined(p->a.nif, &g6));
	m6.ipv6mr_interface = 99;
	assert_int_equal(sock_setopt(so6, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)), -ENODEV);
}

static void interface_leaves_under_sockets(void **state)
{
	struct sock *so = make(AF_INET, SOCK_DGRAM);
	struct endpoint to = ep_of(v4_of(2), 9);
	struct ip_mreqn m = { .imr_multiaddr = { htonl(0xe8000001) } };
	struct iovec iov = { (void *)"x", 1 };

	assert_int_equal(sock_connect(so, &to), 0);
	assert_int_equal(sock_setopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), 0);
	p->a.room = 0;
	assert_int_equal(sock_send(so, &iov, 1, 0, NULL), -EAGAIN);
	netif_remove(p->a.nif);
	assert_true(sock_send(so, &iov, 1, 0, NULL) < 0);
	sock_close(so);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_to_bind), TEST(bind_only_once), TEST(v6only_and_v4),
		TEST(freebind), TEST(low_ports_may_be_kept), TEST(who_may_share_a_port),
		TEST(one_listener), TEST(other_devices_do_not_conflict), TEST(ports_run_out),
		TEST(ports_are_not_guessed), TEST(late_port), TEST(best_match),
		TEST(reuseport_spreads_by_flow), TEST(disconnect_keeps_what_bind_chose),
		TEST(nobody_is_ourselves), TEST(what_a_socket_is), TEST(flags_are_one_or_zero),
		TEST(buffers_are_doubled), TEST(linger), TEST(ttl_and_tos),
		TEST(asked_for_one_datagram), TEST(fragment_size), TEST(listen_without_port),
		TEST(unknown_options),
		TEST(memberships),
		TEST(interface_leaves_under_sockets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
