/* edges.c - cases: epoll's edges, sets of sets, and select's three sets */
#include "conform.h"

CASE(epoll_mod_tells_again)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int c, s, ep;

	pair(&c, &s);
	ep = ep_new(s, EPOLLIN | EPOLLET);
	put(c, "x");
	EQ(ep_for(ep, 3000), EPOLLIN);
	EQ(ep_for(ep, 30), 0);
	OK(epoll_ctl(ep, EPOLL_CTL_MOD, s, &ev));
	EQ(ep_for(ep, 0), EPOLLIN);
}

CASE(epoll_partial_read_is_no_edge)
{
	int c, s, ep;

	pair(&c, &s);
	ep = ep_new(s, EPOLLIN | EPOLLET);
	put(c, "abcd");
	EQ(ep_for(ep, 3000), EPOLLIN);
	want(s, "ab");
	EQ(ep_for(ep, 30), 0);
	want(s, "cd");
}

CASE(epoll_rdhup_alone)
{
	int c, s, ep;

	pair(&c, &s);
	ep = ep_new(s, EPOLLRDHUP);
	put(c, "x");
	EQ(ep_for(ep, 30), 0);
	OK(shutdown(c, SHUT_WR));
	EQ(ep_for(ep, 3000), EPOLLRDHUP);
}

CASE(epoll_errors_unasked)
{
	int c, s, ep;

	pair(&c, &s);
	ep = ep_new(s, 0);
	rude_close(c);
	EQ(ep_for(ep, 3000), EPOLLERR | EPOLLHUP);
}

CASE(epoll_of_epoll)
{
	int c, s, inner, outer;

	pair(&c, &s);
	inner = ep_new(s, EPOLLIN);
	outer = ep_new(inner, EPOLLIN);
	EQ(ep_for(outer, 0), 0);
	put(c, "x");
	EQ(ep_for(outer, 3000), EPOLLIN);
	EQ(poll_for(inner, POLLIN, 0), POLLIN);
	want(s, "x");
	EQ(ep_for(outer, 0), 0);
}

CASE(epoll_gives_each_a_turn)
{
	enum { N = 10 };
	struct epoll_event ev = { .events = EPOLLIN };
	int x[N], y[N], ep = OK(epoll_create1(0));
	bool seen[N] = { 0 };

	for (int i = 0; i < N; i++) {
		udp_pair(&x[i], &y[i]);
		ev.data.u32 = i;
		OK(epoll_ctl(ep, EPOLL_CTL_ADD, y[i], &ev));
		put(x[i], "x");
		poll_until(y[i], POLLIN, POLLIN);
	}
	for (int i = 0; i < N; i++) {		/* one at a time, in turn */
		EQ(epoll_wait(ep, &ev, 1, 3000), 1);
		NEED(!seen[ev.data.u32]);
		seen[ev.data.u32] = true;
	}
}

CASE(epoll_timeout)
{
	int c, s, ep;
	int64_t start = now_ms();

	pair(&c, &s);
	ep = ep_new(s, EPOLLIN);
	EQ(ep_for(ep, 150), 0);
	NEED(now_ms() - start >= 145);
}

CASE(epoll_dup_is_another)
{
	struct epoll_event ev = { .events = EPOLLIN }, got[4];
	int c, s, d, ep;

	pair(&c, &s);
	d = OK(dup(s));
	ep = ep_new(s, EPOLLIN);
	OK(epoll_ctl(ep, EPOLL_CTL_ADD, d, &ev));
	put(c, "x");
	poll_until(s, POLLIN, POLLIN);
	EQ(epoll_wait(ep, got, 4, 3000), 2);
}

CASE(epoll_edge_end)
{
	int c, s, ep;

	pair(&c, &s);
	ep = ep_new(s, EPOLLIN | EPOLLET);
	OK(shutdown(c, SHUT_WR));
	NEED(ep_for(ep, 3000) & EPOLLIN);
	want_eof(s);
	EQ(ep_for(ep, 30), 0);
}

CASE(select_three_sets)
{
	struct timeval tv = { 5, 0 };
	fd_set in, out, except;
	int c, s;

	pair(&c, &s);
	EQ(send(c, "!", 1, MSG_OOB), 1);
	poll_until(s, POLLPRI, POLLPRI);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(c, &out);
	FD_SET(s, &except);
	EQ(select((c > s ? c : s) + 1, &in, &out, &except, &tv), 2);
	NEED(FD_ISSET(c, &out));
	NEED(FD_ISSET(s, &except));
}

CASE(select_times_out)
{
	struct timeval tv = { 0, 150000 };
	int64_t start = now_ms();
	fd_set in;
	int c, s;

	pair(&c, &s);
	FD_ZERO(&in);
	FD_SET(s, &in);
	EQ(select(s + 1, &in, NULL, NULL, &tv), 0);
	NEED(!FD_ISSET(s, &in));
	NEED(now_ms() - start >= 145);
}

CASE(poll_asks_for_nothing)
{
	int c, s;

	pair(&c, &s);
	put(c, "x");
	poll_until(s, POLLIN, POLLIN);
	EQ(poll_for(s, 0, 0), 0);
	rude_close(c);
	poll_until(s, 0, POLLERR | POLLHUP);
}

CASE(poll_normal_and_band)
{
	int c, s;

	pair(&c, &s);
	EQ(poll_for(s, POLLWRNORM | POLLRDNORM, 0), POLLWRNORM);
	put(c, "x");
	poll_until(s, POLLRDNORM, POLLRDNORM);
}
