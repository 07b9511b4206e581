/* data.c - the steps that move bytes
 *
 * What a stream brings may come in pieces: a call that got less than the oracle's goes
 * on for the rest while there is patience.
 */
#include "walk/player.h"

enum { ROOM = 70000 };

static uint8_t buf[ROOM];

/* Small: queues of any stack hold all that a walk sends. */
static size_t size_of(const struct player *w, const struct step *st, int slot)
{
	static const size_t usual[] = { 1, 2, 3, 10, 100, 500, 1000, 1400, 1460, 3000 };
	static const size_t large[] = { 0, 1472, 1473, 4000, 9000, 65507, 65508 };

	if (st->a % 20)
		return usual[st->a % ARRAY_LEN(usual)];
	return large[st->a / 20 % (w->dgram[slot] ? ARRAY_LEN(large) : 5)];
}

static void fill_in(const struct step *st, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = (st->c + i * 2654435761u) >> 11;
}

static ssize_t send_by(int way, int fd, size_t n, int flags, const struct addr *to)
{
	struct iovec v[2] = { { buf, n / 3 }, { buf + n / 3, n - n / 3 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2, .msg_name = to ? (void *)&to->sa : NULL,
			    .msg_namelen = to ? to->len : 0 };

	if (way == 0 && !flags && !to)
		return write(fd, buf, n);
	if (way == 1 && !flags && !to)
		return writev(fd, v, 2);
	if (way == 2)
		return sendmsg(fd, &m, flags | MSG_NOSIGNAL);
	if (way == 3 || to)
		return sendto(fd, buf, n, flags | MSG_NOSIGNAL, to ? &to->sa : NULL, to ? to->len : 0);
	return send(fd, buf, n, flags | MSG_NOSIGNAL);
}

static int flags_of(const struct player *w, const struct step *st)
{
	if (st->b % 30 == 1)
		return MSG_DONTROUTE;
	return st->b % 30 < 6 ? MSG_DONTWAIT : 0;
}

static const char *const ways[] = { "write", "writev", "sendmsg", "sendto", "send" };

int walk_send(struct player *w, const struct step *st, struct outcome *o)
{
	size_t n = size_of(w, st, st->s);

	if (w->fd[st->s] < 0)
		return 0;
	/* Of a datagram's errors a send tells by some ways only. */
	if (w->dgram[st->s] && walk_last(w, st->s)->revents & POLLERR)
		return 0;
	fill_in(st, n);
	walk_call(o, "%s(%d, %zu, %#x)", ways[st->d % 5], st->s, n, flags_of(w, st));
	return walk_done(o, send_by(st->d % 5, w->fd[st->s], n, flags_of(w, st), NULL));
}

/* A mapped address, and a socket that has a name of IPv6: Linux looks at whether it was bound. */
static bool mixed(const struct player *w, int slot, const struct addr *to)
{
	struct addr name = { .len = sizeof(name.ss) };

	getsockname(w->fd[slot], &name.sa, &name.len);
	return to->ss.ss_family == AF_INET6 && name.ss.ss_family == AF_INET6 &&
	       !IN6_IS_ADDR_UNSPECIFIED(&name.in6.sin6_addr) &&
	       IN6_IS_ADDR_V4MAPPED(&to->in6.sin6_addr) != IN6_IS_ADDR_V4MAPPED(&name.in6.sin6_addr);
}

int walk_sendto(struct player *w, const struct step *st, struct outcome *o)
{
	size_t n = size_of(w, st, st->s);
	struct addr a;

	if (w->fd[st->s] < 0 || w->fd[st->t] < 0)
		return 0;
	if (walk_last(w, st->s)->revents & POLLERR && w->dgram[st->s])
		return 0;
	if (walk_family(w->fd[st->s]) == AF_INET && walk_family(w->fd[st->t]) == AF_INET6)
		return 0;
	fill_in(st, n);
	if (st->d / 8 % 3)
		a = walk_name_of(w, st);
	else
		a = walk_address(w, st->s, &(struct step){ .a = st->b, .c = st->d / 16, .d = st->b },
				 FIRST_PORT + st->c % (PORTS + 1));
	if (mixed(w, st->s, &a))
		return 0;
	walk_call(o, "%s(%d, %zu, %#x,", st->d % 2 ? "sendto" : "sendmsg", st->s, n, flags_of(w, st));
	walk_call_name(w, o, &a);
	return walk_done(o, send_by(2 + st->d % 2, w->fd[st->s], n, flags_of(w, st), &a));
}

struct got {
	int way, flags;
	size_t n;
	struct addr from;
	int msg_flags;
	char control[200];
	size_t control_len;
};

static ssize_t recv_by(struct got *g, int fd, size_t at)
{
	struct iovec v[2] = { { buf + at, (g->n - at) / 3 }, { buf + at + (g->n - at) / 3, g->n - at - (g->n - at) / 3 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2, .msg_name = &g->from.ss,
			    .msg_namelen = sizeof(g->from.ss), .msg_control = g->control,
			    .msg_controllen = sizeof(g->control) };
	ssize_t r;

	g->from.len = sizeof(g->from.ss);
	g->control_len = 0;
	g->msg_flags = 0;
	if (g->way == 0 && !g->flags)
		return read(fd, buf + at, g->n - at);
	if (g->way == 1 && !g->flags)
		return readv(fd, v, 2);
	if (g->way == 3)
		return recvfrom(fd, buf + at, g->n - at, g->flags, &g->from.sa, &g->from.len);
	if (g->way != 2)
		return recv(fd, buf + at, g->n - at, g->flags);
	r = recvmsg(fd, &m, g->flags);
	g->from.len = m.msg_namelen;
	g->msg_flags = m.msg_flags;
	g->control_len = m.msg_controllen;
	return r;
}

/* Times, and which interface it was, are not compared. */
static void say_control(struct outcome *o, struct got *g)
{
	struct msghdr m = { .msg_control = g->control, .msg_controllen = g->control_len };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		int value = 0;

		if (c->cmsg_len == CMSG_LEN(sizeof(int)))
			memcpy(&value, CMSG_DATA(c), sizeof(value));
		else if (c->cmsg_len == CMSG_LEN(1))
			value = *CMSG_DATA(c);
		walk_say(o, " c%d.%d/%zu=%d", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len, value);
	}
}

static void say_got(struct player *w, const struct step *st, struct outcome *o, struct got *g)
{
	size_t n = o->ret > (int64_t)g->n ? g->n : (size_t)o->ret;

	o->sum = 2166136261u;
	if (g->flags & MSG_TRUNC && !w->dgram[st->s])
		n = 0;				/* bytes that were thrown away */
	for (size_t i = 0; i < n; i++)
		o->sum = (o->sum ^ buf[i]) * 16777619u;
	if (g->way == 2) {
		walk_say(o, " flags %#x", g->msg_flags);
		say_control(o, g);
	}
	if (w->dgram[st->s] && g->way >= 2 && g->way <= 3)
		walk_say_name(w, o, &g->from);
}

static int recv_flags(const struct player *w, const struct step *st)
{
	static const int flags[] = { MSG_PEEK, MSG_PEEK, MSG_PEEK, MSG_PEEK, MSG_WAITALL, MSG_WAITALL,
				     MSG_TRUNC, MSG_TRUNC, MSG_TRUNC | MSG_PEEK, MSG_OOB, MSG_ERRQUEUE,
				     MSG_PEEK | MSG_WAITALL };
	int f = st->b % 30 < ARRAY_LEN(flags) ? flags[st->b % 30] : 0;

	if (walk_last(w, st->s)->revents & POLLERR)	/* poll may show it no more (WAITALL) */
		f &= ~MSG_WAITALL;
	if (f & MSG_ERRQUEUE && !w->dgram[st->s])
		f = 0;
	if (f & MSG_WAITALL || (walk_blocks(w, st->s) && !(walk_last(w, st->s)->revents & POLLIN)))
		f |= MSG_DONTWAIT;
	return f;
}

static const char *const recv_ways[] = { "read", "readv", "recvmsg", "recvfrom", "recv" };

int walk_recv(struct player *w, const struct step *st, struct outcome *o)
{
	static const size_t sizes[] = { 1, 3, 10, 100, 500, 2000, 65536, 65536, 65536 };
	struct got g = { .way = st->c % 5, .n = st->a % 40 ? sizes[st->a % ARRAY_LEN(sizes)] : 0 };
	const struct outcome *hope;
	ssize_t r, more;

	if (w->fd[st->s] < 0)
		return 0;
	if (!g.n && (!w->dgram[st->s] || g.way < 2))	/* 0 at once (known.txt) */
		return 0;
	g.flags = recv_flags(w, st);
	walk_call(o, "%s(%d, %zu, %#x)", recv_ways[g.way], st->s, g.n, g.flags);
	r = recv_by(&g, w->fd[st->s], 0);
	walk_done(o, r);
	while (r > 0 && !w->dgram[st->s] && !(g.flags & (MSG_PEEK | MSG_OOB)) &&
	       (hope = walk_hope(w)) && r < hope->ret) {
		more = recv_by(&g, w->fd[st->s], r);
		if (more > 0)
			o->ret = r += more;
		else
			nap(1);
	}
	if (r >= 0)
		say_got(w, st, o, &g);
	return 1;
}
