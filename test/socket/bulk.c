/* bulk.c - cases: many bytes and many connections; every byte is checked */
#include "conform.h"

struct half {
	int fd;
	size_t n;
};

static void *sender(void *arg)
{
	struct half *h = arg;

	pat_send(h->fd, 0, h->n);
	OK(shutdown(h->fd, SHUT_WR));
	return NULL;
}

static void *receiver(void *arg)
{
	struct half *h = arg;

	pat_recv(h->fd, 0, h->n);
	want_eof(h->fd);
	return NULL;
}

static void both_ways(size_t n)
{
	struct half c = { .n = n }, s = { .n = n };
	pthread_t t[4];

	pair(&c.fd, &s.fd);
	t[0] = thread(sender, &c);
	t[1] = thread(receiver, &c);
	t[2] = thread(sender, &s);
	t[3] = thread(receiver, &s);
	for (int i = 0; i < 4; i++)
		joined(t[i]);
}

CASE(bulk_both_ways)
{
	both_ways(10 << 20);
}

CASE(bulk_many_threads)
{
	pthread_t t[16];
	struct half h[16];

	for (int i = 0; i < 16; i += 2) {
		pair(&h[i].fd, &h[i + 1].fd);
		h[i].n = h[i + 1].n = 300000;
		t[i] = thread(sender, &h[i]);
		t[i + 1] = thread(receiver, &h[i + 1]);
	}
	for (int i = 0; i < 16; i++)
		joined(t[i]);
}

/* Writes until told EAGAIN, reads a little, resumes: nothing lost or doubled. */
CASE(bulk_nonblock_resume)
{
	enum { N = 6 << 20 };
	uint8_t buf[70000];
	size_t sent = 0, got = 0;
	int c, s, again = 0;

	pair(&c, &s);
	nonblock(c);
	nonblock(s);
	while (got < N) {
		while (sent < N) {
			size_t n = N - sent < sizeof(buf) ? N - sent : sizeof(buf);
			ssize_t w;

			pat_fill(buf, sent, n);
			w = send(c, buf, n, 0);
			if (w < 0) {
				EQ(errno, EAGAIN);
				again++;
				break;
			}
			sent += w;
		}
		NEED(poll_for(s, POLLIN, 5000) & POLLIN);
		for (ssize_t r; (r = read(s, buf, sizeof(buf))) > 0; got += r)
			pat_check(buf, got, r);
		EQ(errno, EAGAIN);
	}
	EQ(got, N);
	NEED(again > 0);
}

CASE(bulk_slow_reader)
{
	enum { N = 1 << 20 };
	struct half c = { .n = N };
	pthread_t t;
	int s;

	pair(&c.fd, &s);
	t = thread(sender, &c);
	nap(300);	/* the window closes meanwhile */
	pat_recv(s, 0, 1000);
	nap(300);
	pat_recv(s, 1000, N);
	want_eof(s);
	joined(t);
}

CASE(bulk_small_buffers)
{
	struct half c = { .n = 200000 };
	struct addr a;
	int l = listener(&a), s;
	pthread_t t;

	set_opt(l, SOL_SOCKET, SO_RCVBUF, 4096);
	c.fd = tcp();
	set_opt(c.fd, SOL_SOCKET, SO_SNDBUF, 4096);
	OK(connect(c.fd, &a.sa, a.len));
	s = accept_from(l);
	t = thread(sender, &c);
	pat_recv(s, 0, c.n);
	want_eof(s);
	joined(t);
}

CASE(bulk_one_byte_writes)
{
	int c, s;

	pair(&c, &s);
	set_opt(c, IPPROTO_TCP, TCP_NODELAY, 1);
	for (size_t i = 0; i < 3000; i++)
		pat_send(c, i, i + 1);
	pat_recv(s, 0, 3000);
}

CASE(ping_pong)
{
	int c, s;

	pair(&c, &s);
	for (size_t i = 0; i < 500; i++) {
		pat_send(c, i, i + 1);
		pat_recv(s, i, i + 1);
		pat_send(s, i, i + 1);
		pat_recv(c, i, i + 1);
	}
}

CASE(many_connections)
{
	enum { N = 200 };
	struct addr a;
	int l = bound(SOCK_STREAM, &a), c[N], s[N];

	OK(listen(l, N));
	for (int i = 0; i < N; i++) {
		c[i] = dial(&a);
		s[i] = accept_from(l);
	}
	for (int i = 0; i < N; i++)
		pat_send(c[i], i, i + 1000);
	for (int i = N; i--;)
		pat_recv(s[i], i, i + 1000);
	for (int i = 0; i < N; i++)
		OK(close(i % 2 ? c[i] : s[i]));
	for (int i = 0; i < N; i++)
		want_eof(i % 2 ? s[i] : c[i]);
}

CASE(many_in_sequence)
{
	struct addr a;
	int l = listener(&a);

	for (int i = 0; i < 300; i++) {
		int c = dial(&a), s = accept_from(l);

		put(c, "request");
		want(s, "request");
		OK(close(s));
		want_eof(c);
		OK(close(c));
	}
}

CASE(many_pending_at_once)
{
	enum { N = 100 };
	struct addr a;
	int l = bound(SOCK_STREAM, &a), c[N];

	OK(listen(l, 2 * N));
	for (int i = 0; i < N; i++)
		c[i] = begin_connect(tcp(), &a);
	for (int i = 0; i < N; i++) {
		poll_until(c[i], POLLOUT, POLLOUT);
		EQ(get_opt(c[i], SOL_SOCKET, SO_ERROR), 0);
	}
	for (int i = 0; i < N; i++)
		accept_from(l);
}
