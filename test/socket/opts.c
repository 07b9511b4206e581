/* opts.c - cases: socket options read back, and do what they say */
#include "conform.h"

CASE(opt_identity)
{
	int t = tcp(), u = udp();

	EQ(get_opt(t, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	EQ(get_opt(t, SOL_SOCKET, SO_DOMAIN), family);
	EQ(get_opt(t, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	EQ(get_opt(u, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	EQ(get_opt(u, SOL_SOCKET, SO_DOMAIN), family);
	EQ(get_opt(u, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
}

CASE(opt_identity_accepted)
{
	int c, s;

	pair(&c, &s);
	EQ(get_opt(s, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	EQ(get_opt(s, SOL_SOCKET, SO_DOMAIN), family);
	EQ(get_opt(s, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
}

static void round_trip(int fd, int level, const int *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (get_opt(fd, level, names[i]) != 0)
			fail("option %d/%d is not 0 at first", level, names[i]);
		set_opt(fd, level, names[i], 1);
		if (get_opt(fd, level, names[i]) != 1)
			fail("option %d/%d does not become 1", level, names[i]);
		set_opt(fd, level, names[i], 0);
		if (get_opt(fd, level, names[i]) != 0)
			fail("option %d/%d does not become 0", level, names[i]);
	}
}

CASE(opt_flags)
{
	static const int sol[] = { SO_REUSEADDR, SO_REUSEPORT, SO_KEEPALIVE, SO_BROADCAST,
				   SO_OOBINLINE, SO_DONTROUTE };
	static const int ipp[] = { TCP_NODELAY, TCP_CORK };
	static const int dgram[] = { SO_REUSEADDR, SO_REUSEPORT, SO_BROADCAST };

	round_trip(tcp(), SOL_SOCKET, sol, ARRAY_LEN(sol));
	round_trip(tcp(), IPPROTO_TCP, ipp, ARRAY_LEN(ipp));
	round_trip(udp(), SOL_SOCKET, dgram, ARRAY_LEN(dgram));
}

CASE(opt_flags_connected)
{
	int c, s;

	pair(&c, &s);
	for (int i = 0; i < 2; i++) {
		int fd = i ? c : s;

		set_opt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		set_opt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		EQ(get_opt(fd, IPPROTO_TCP, TCP_NODELAY), 1);
		EQ(get_opt(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	}
	put(c, "x");
	want(s, "x");
}

CASE(opt_buffers_double)
{
	int t = tcp(), u = udp();

	set_opt(t, SOL_SOCKET, SO_SNDBUF, 20000);
	EQ(get_opt(t, SOL_SOCKET, SO_SNDBUF), 40000);	/* socket(7) */
	set_opt(t, SOL_SOCKET, SO_RCVBUF, 30000);
	EQ(get_opt(t, SOL_SOCKET, SO_RCVBUF), 60000);
	set_opt(u, SOL_SOCKET, SO_SNDBUF, 20000);
	EQ(get_opt(u, SOL_SOCKET, SO_SNDBUF), 40000);
	set_opt(u, SOL_SOCKET, SO_RCVBUF, 30000);
	EQ(get_opt(u, SOL_SOCKET, SO_RCVBUF), 60000);
	set_opt(t, SOL_SOCKET, SO_RCVBUF, 1);
	NEED(get_opt(t, SOL_SOCKET, SO_RCVBUF) >= 2048);	/* the smallest */
	set_opt(t, SOL_SOCKET, SO_SNDBUF, 1);
	NEED(get_opt(t, SOL_SOCKET, SO_SNDBUF) >= 2048);
}

CASE(opt_buffers_default)
{
	NEED(get_opt(tcp(), SOL_SOCKET, SO_SNDBUF) >= 16384);
	NEED(get_opt(tcp(), SOL_SOCKET, SO_RCVBUF) >= 65536);
}

CASE(opt_keepalive_times)
{
	int fd = tcp();

	EQ(get_opt(fd, IPPROTO_TCP, TCP_KEEPIDLE), 7200);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_KEEPINTVL), 75);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_KEEPCNT), 9);
	set_opt(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
	set_opt(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
	set_opt(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
	ERR(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){ 0 }, sizeof(int)), EINVAL);
	ERR(setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){ 128 }, sizeof(int)), EINVAL);
}

CASE(opt_keepalive_keeps)
{
	int c, s;

	pair(&c, &s);
	set_opt(c, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_opt(c, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_opt(c, SOL_SOCKET, SO_KEEPALIVE, 1);
	nap(2500);	/* probes are answered: nothing happens */
	EQ(poll_for(c, POLLIN | POLLOUT, 0), POLLOUT);
	put(s, "x");
	want(c, "x");
}

CASE(opt_maxseg)
{
	int c, s, fd = tcp();

	pair(&c, &s);
	NEED(get_opt(c, IPPROTO_TCP, TCP_MAXSEG) >= 536);
	set_opt(fd, IPPROTO_TCP, TCP_MAXSEG, 1000);
	NEED(get_opt(fd, IPPROTO_TCP, TCP_MAXSEG) > 0);
	ERR(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &(int){ 10 }, sizeof(int)), EINVAL);
}

CASE(opt_maxseg_limits)
{
	struct addr a;
	int l = listener(&a), fd = tcp();

	set_opt(fd, IPPROTO_TCP, TCP_MAXSEG, 700);
	OK(connect(fd, &a.sa, a.len));
	NEED(get_opt(fd, IPPROTO_TCP, TCP_MAXSEG) <= 700);
	NEED(get_opt(accept_from(l), IPPROTO_TCP, TCP_MAXSEG) <= 700);
}

CASE(opt_tcp_misc)
{
	int fd = tcp();
	char cc[16] = "";
	socklen_t len = sizeof(cc);

	set_opt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 5000);
	set_opt(fd, IPPROTO_TCP, TCP_SYNCNT, 3);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_SYNCNT), 3);
	set_opt(fd, IPPROTO_TCP, TCP_LINGER2, 10);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_LINGER2), 10);
	set_opt(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
	set_opt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
	OK(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, &len));
	NEED(len >= 4 && strlen(cc) >= 3);
	OK(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	ERR(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nonsense", 8), ENOENT);
}

static int state(int fd)
{
	struct tcp_info ti;
	socklen_t len = sizeof(ti);

	OK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &ti, &len));
	NEED(len > 0);
	return ti.tcpi_state;
}

static void state_until(int fd, int wanted)
{
	int64_t end = now_ms() + 20000;

	while (state(fd) != wanted && now_ms() < end)
		nap(5);
	EQ(state(fd), wanted);
}

CASE(opt_tcp_info_state)
{
	struct addr a;
	int l = listener(&a), c, s;

	EQ(state(tcp()), TCP_CLOSE);
	EQ(state(l), TCP_LISTEN);
	c = dial(&a);
	s = accept_from(l);
	EQ(state(c), TCP_ESTABLISHED);
	EQ(state(s), TCP_ESTABLISHED);
	OK(shutdown(c, SHUT_WR));
	state_until(s, TCP_CLOSE_WAIT);
	state_until(c, TCP_FIN_WAIT2);
	OK(shutdown(s, SHUT_WR));
	state_until(s, TCP_CLOSE);
}

CASE(opt_tcp_info_pending)
{
	struct addr a;
	int filler;

	full_listener(&a, &filler);
	EQ(state(begin_connect(tcp(), &a)), TCP_SYN_SENT);
}

CASE(opt_tcp_info_numbers)
{
	struct tcp_info ti = { 0 };
	socklen_t len = sizeof(ti);
	int c, s;

	pair(&c, &s);
	pat_send(c, 0, 10000);
	pat_recv(s, 0, 10000);
	OK(getsockopt(c, IPPROTO_TCP, TCP_INFO, &ti, &len));
	NEED(ti.tcpi_snd_mss >= 500);
	NEED(ti.tcpi_snd_cwnd >= 1);
	NEED(ti.tcpi_rtt > 0);
	len = 1;
	OK(getsockopt(c, IPPROTO_TCP, TCP_INFO, &ti, &len));
	EQ(len, 1);
}

CASE(opt_acceptconn)
{
	struct addr a;
	int fd = bound(SOCK_STREAM, &a);

	EQ(get_opt(fd, SOL_SOCKET, SO_ACCEPTCONN), 0);
	OK(listen(fd, 4));
	EQ(get_opt(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	EQ(get_opt(udp(), SOL_SOCKET, SO_ACCEPTCONN), 0);
	ERR(setsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &(int){ 0 }, sizeof(int)), ENOPROTOOPT);
}

CASE(opt_linger)
{
	struct linger li = { 9, 9 };
	socklen_t len = sizeof(li);
	int fd = tcp();

	OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &li, &len));
	EQ(len, sizeof(li));
	EQ(li.l_onoff, 0);
	li = (struct linger){ 1, 7 };
	OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &li, len));
	li = (struct linger){ 0 };
	OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &li, &len));
	EQ(li.l_onoff, 1);
	EQ(li.l_linger, 7);
}

static void timeout_reads_back(int fd, int name)
{
	struct timeval tv = { 9, 9 };
	socklen_t len = sizeof(tv);

	OK(getsockopt(fd, SOL_SOCKET, name, &tv, &len));
	EQ(len, sizeof(tv));
	EQ(tv.tv_sec, 0);
	EQ(tv.tv_usec, 0);
	timeout_opt(fd, name, 1500);
	OK(getsockopt(fd, SOL_SOCKET, name, &tv, &len));
	EQ(tv.tv_sec, 1);
	EQ(tv.tv_usec, 500000);
	tv = (struct timeval){ 0, 1000000 };
	ERR(setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)), EDOM);
}

CASE(opt_timeouts)
{
	timeout_reads_back(tcp(), SO_RCVTIMEO);
	timeout_reads_back(tcp(), SO_SNDTIMEO);
	timeout_reads_back(udp(), SO_RCVTIMEO);
}

CASE(opt_ttl_tos)
{
	int t = OK(socket(AF_INET, SOCK_STREAM, 0));

	EQ(get_opt(t, IPPROTO_IP, IP_TTL), 64);
	set_opt(t, IPPROTO_IP, IP_TTL, 9);
	EQ(get_opt(t, IPPROTO_IP, IP_TTL), 9);
	ERR(setsockopt(t, IPPROTO_IP, IP_TTL, &(int){ 256 }, sizeof(int)), EINVAL);
	EQ(get_opt(t, IPPROTO_IP, IP_TOS), 0);
	set_opt(t, IPPROTO_IP, IP_TOS, 0x10);
	EQ(get_opt(t, IPPROTO_IP, IP_TOS), 0x10);
	set_opt(t, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	EQ(get_opt(t, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DO);
	set_opt(t, IPPROTO_IP, IP_RECVERR, 1);
}

CASE(opt_v6_hops_class)
{
	int t = OK(socket(AF_INET6, SOCK_STREAM, 0));

	EQ(get_opt(t, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64);
	set_opt(t, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 9);
	EQ(get_opt(t, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 9);
	EQ(get_opt(t, IPPROTO_IPV6, IPV6_TCLASS), 0);
	set_opt(t, IPPROTO_IPV6, IPV6_TCLASS, 0x20);
	EQ(get_opt(t, IPPROTO_IPV6, IPV6_TCLASS), 0x20);
	set_opt(t, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

CASE(opt_v6only)
{
	struct addr a = any(AF_INET6, 0);
	int t = OK(socket(AF_INET6, SOCK_STREAM, 0));

	EQ(get_opt(t, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	set_opt(t, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	EQ(get_opt(t, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	OK(bind(t, &a.sa, a.len));
	ERR(setsockopt(t, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int)), EINVAL);
}

CASE(opt_unknown)
{
	int fd = tcp(), v;
	socklen_t len = sizeof(v);

	ERR(setsockopt(fd, SOL_SOCKET, 9999, &(int){ 1 }, sizeof(int)), ENOPROTOOPT);
	ERR(getsockopt(fd, SOL_SOCKET, 9999, &v, &len), ENOPROTOOPT);
	ERR(setsockopt(fd, IPPROTO_TCP, 9999, &(int){ 1 }, sizeof(int)), ENOPROTOOPT);
	ERR(getsockopt(fd, IPPROTO_TCP, 9999, &v, &len), ENOPROTOOPT);
	ERR(getsockopt(udp(), IPPROTO_TCP, TCP_NODELAY, &v, &len),
	    family == AF_INET ? EOPNOTSUPP : ENOPROTOOPT);
}

CASE(opt_bad_arguments)
{
	int fd = tcp(), v = 1;
	socklen_t len = sizeof(v);

	ERR(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &v, 2), EINVAL);
	ERR(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &v, 3), EINVAL);
	len = -1;
	ERR(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len), EINVAL);
}

CASE(opt_bad_pointers)
{
	int fd = tcp(), v = 1;
	socklen_t len = sizeof(v);

	ERR(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, nowhere, sizeof(v)), EFAULT);
	ERR(getsockopt(fd, SOL_SOCKET, SO_TYPE, nowhere, &len), EFAULT);
	ERR(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, nowhere), EFAULT);
}

CASE(opt_short_result)
{
	int fd = tcp(), v = 0;
	socklen_t len = 1;

	OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len));
	EQ(len, 1);
	EQ(v, SOCK_STREAM);	/* little-endian */
	len = 100;
	OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len));
	EQ(len, sizeof(int));
}

CASE(opt_peercred)
{
	struct {
		int pid;
		unsigned int uid, gid;
	} cred = { 1, 2, 3 };
	socklen_t len = sizeof(cred);
	int c, s;

	pair(&c, &s);
	OK(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &cred, &len));
	EQ(cred.pid, 0);	/* nobody knows who is at the other end */
	EQ(cred.uid, (unsigned int)-1);
	EQ(cred.gid, (unsigned int)-1);
}

CASE(opt_set_by_child)
{
	int fd = tcp();
	pid_t pid = OK(fork());

	if (pid == 0) {
		set_opt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		_exit(0);
	}
	reap(pid);
	EQ(get_opt(fd, IPPROTO_TCP, TCP_NODELAY), 1);
}
