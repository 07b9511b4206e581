/* play.c - plays a walk's program on the stack of this process
 *
 * A stack may take its time: another thread or process may have to run before a peer has
 * what was sent. So nothing is compared in the middle. Without an oracle (the host's
 * kernel, which delivers on loopback before a call returns) each step ends when two looks
 * at all sockets are alike. With an oracle's outcomes (follow) it ends when all
 * sockets look as the oracle's did, and a call that can be repeated is repeated until
 * it answers as the oracle's; what is still different when patience is over is a difference.
 */
#include "walk/player.h"

#include <linux/sockios.h>

#include "walk/walk.h"

const struct seen *walk_last(const struct player *w, int slot)
{
	static const struct seen none = { .revents = -1 };
	const struct outcome *of = w->p->follow ? w->p->want : w->p->got;

	return w->at ? &of[w->at - 1].at[slot] : &none;
}

const struct outcome *walk_hope(struct player *w)
{
	return w->p->follow && now_ms() < w->end ? &w->p->want[w->at] : NULL;
}

int walk_done(struct outcome *o, int64_t ret)
{
	o->err = ret < 0 ? errno : 0;
	o->ret = ret;
	return 1;
}

bool walk_blocks(const struct player *w, int slot)
{
	int fl = fcntl(w->fd[slot], F_GETFL);

	return fl >= 0 && !(fl & O_NONBLOCK);
}

/* A stream that was never to be joined polls HUP on Linux, and not here (known.txt). */
static bool fresh(const struct player *w, int slot)
{
	return !w->dgram[slot] && !w->dialled[slot] && walk_last(w, slot)->revents & POLLHUP;
}

bool walk_spent(const struct player *w, int slot)
{
	return !w->dgram[slot] && w->dialled[slot] && walk_last(w, slot)->revents & POLLHUP;
}

static int shut(struct player *w, const struct step *st, struct outcome *o)
{
	int how = st->a % 20 ? st->a % 3 : 3;

	if (w->fd[st->s] < 0 || fresh(w, st->s) || walk_spent(w, st->s))
		return 0;
	if (how < SHUT_RDWR + 1)	/* the other ways differ in what comes later */
		how = SHUT_WR;
	walk_call(o, "shutdown(%d, %d)", st->s, how);
	return walk_done(o, shutdown(w->fd[st->s], how));
}

static int close_it(struct player *w, const struct step *st, struct outcome *o)
{
	if (w->fd[st->s] < 0)
		return 0;
	walk_call(o, "close(%d)", st->s);
	walk_done(o, close(w->fd[st->s]));
	w->fd[st->s] = -1;
	return 1;
}

static int dup_it(struct player *w, const struct step *st, struct outcome *o)
{
	int fd;

	if (w->fd[st->s] >= 0 || w->fd[st->t] < 0)
		return 0;
	walk_call(o, "%d = dup(%d)", st->s, st->t);
	fd = fcntl(w->fd[st->t], F_DUPFD_CLOEXEC, 0);
	walk_done(o, fd < 0 ? -1 : 0);
	w->fd[st->s] = fd;
	w->dgram[st->s] = w->dgram[st->t];
	w->dialled[st->s] = w->dialled[st->t];
	w->accepted[st->s] = w->accepted[st->t];
	return 1;
}

/* One that the socket knows, seven times of eight */
static const struct walk_opt *opt_of(const struct player *w, const struct step *st)
{
	size_t i = st->a % walk_n_opts;
	int type = w->dgram[st->s] ? 2 : 1;

	while (st->d % 8 && !(walk_opts[i].type & type))
		i = (i + 1) % walk_n_opts;
	return &walk_opts[i];
}

static int getopt_it(struct player *w, const struct step *st, struct outcome *o)
{
	static const socklen_t lens[] = { 1, 0, 8 };
	const struct walk_opt *opt = opt_of(w, st);
	socklen_t len = st->c % 20 < ARRAY_LEN(lens) ? lens[st->c % 20] : sizeof(int);
	int value[2] = { 0x5a5a5a5a, 0x5a5a5a5a };

	if (w->fd[st->s] < 0)
		return 0;
	if (walk_spent(w, st->s))
		return 0;
	walk_call(o, "getsockopt(%d, %s, /%u)", st->s, opt->text, len);
	walk_done(o, getsockopt(w->fd[st->s], opt->level, opt->name, value, &len));
	if (o->ret == 0)
		walk_say(o, " %#x %#x/%u", value[0], value[1], len);
	return 1;
}

static int setopt_it(struct player *w, const struct step *st, struct outcome *o)
{
	static const socklen_t lens[] = { 1, 3, 8, 0, 2 };
	const struct walk_opt *opt = opt_of(w, st);
	socklen_t len = st->c % 30 < ARRAY_LEN(lens) ? lens[st->c % 30] : sizeof(int);
	int value[2] = { walk_values[st->b % walk_n_values], 0 };

	if (w->fd[st->s] < 0 || walk_spent(w, st->s) || opt->get_only)
		return getopt_it(w, st, o);
	walk_call(o, "setsockopt(%d, %s, %d/%u)", st->s, opt->text, value[0], len);
	return walk_done(o, setsockopt(w->fd[st->s], opt->level, opt->name, value, len));
}

static int names(struct player *w, const struct step *st, struct outcome *o)
{
	struct addr a = { .len = st->b % 10 ? sizeof(a.ss) : st->b / 10 % 30 };
	bool cut = st->b % 10 == 0;

	if (w->fd[st->s] < 0)
		return 0;
	walk_call(o, "%s(%d, /%u)", st->a % 2 ? "getsockname" : "getpeername", st->s, a.len);
	memset(&a.ss, 0, sizeof(a.ss));
	if (st->a % 2)
		walk_done(o, getsockname(w->fd[st->s], &a.sa, &a.len));
	else
		walk_done(o, getpeername(w->fd[st->s], &a.sa, &a.len));
	if (o->ret == 0 && cut)
		walk_say(o, " /%u", a.len);
	else if (o->ret == 0)
		walk_say_name(w, o, &a);
	return 1;
}

static int error(struct player *w, const struct step *st, struct outcome *o)
{
	int e = 0;
	socklen_t len = sizeof(e);

	if (w->fd[st->s] < 0)
		return 0;
	walk_call(o, "getsockopt(%d, SO_ERROR)", st->s);
	walk_done(o, getsockopt(w->fd[st->s], SOL_SOCKET, SO_ERROR, &e, &len));
	if (o->ret == 0)
		walk_say(o, " %s", e ? strerrorname_np(e) : "none");
	return 1;
}

static int ioctl_it(struct player *w, const struct step *st, struct outcome *o)
{
	int value = -1;

	if (w->fd[st->s] < 0)
		return 0;
	walk_call(o, "ioctl(%d, %s)", st->s, st->a % 2 ? "SIOCATMARK" : "SIOCINQ");
	walk_done(o, ioctl(w->fd[st->s], st->a % 2 ? SIOCATMARK : SIOCINQ, &value));
	if (o->ret == 0)
		walk_say(o, " %d", value);
	return 1;
}

static int linger(struct player *w, const struct step *st, struct outcome *o)
{
	struct linger li = { .l_onoff = st->a % 3 != 0 };

	if (w->fd[st->s] < 0)
		return 0;
	walk_call(o, "setsockopt(%d, SO_LINGER, { %d, 0 })", st->s, li.l_onoff);
	return walk_done(o, setsockopt(w->fd[st->s], SOL_SOCKET, SO_LINGER, &li, sizeof(li)));
}

static int blocking(struct player *w, const struct step *st, struct outcome *o)
{
	int fl;

	if (w->fd[st->s] < 0)
		return 0;
	fl = fcntl(w->fd[st->s], F_GETFL);
	fl = st->a % 4 ? fl | O_NONBLOCK : fl & ~O_NONBLOCK;
	walk_call(o, "fcntl(%d, %s)", st->s, fl & O_NONBLOCK ? "nonblock" : "block");
	return walk_done(o, fcntl(w->fd[st->s], F_SETFL, fl));
}

static int epctl(struct player *w, const struct step *st, struct outcome *o)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
	static const char *const op_names[] = { "ADD", "ADD", "MOD", "DEL" };
	static const uint32_t masks[] = { EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT, 0 };
	struct epoll_event ev = { .events = masks[st->c % ARRAY_LEN(masks)], .data.u32 = st->s };
	int *set = &w->set[st->a % SETS];

	if (w->fd[st->s] < 0 || fresh(w, st->s))
		return 0;
	if (*set < 0)
		*set = epoll_create1(EPOLL_CLOEXEC);
	if (st->d % 4 == 0)
		ev.events |= EPOLLET;
	if (st->d / 4 % 6 == 0)
		ev.events |= EPOLLONESHOT;
	walk_call(o, "epoll_ctl(set%d, %s, %d, %#x)", st->a % SETS, op_names[st->b % 4], st->s, ev.events);
	return walk_done(o, epoll_ctl(*set, ops[st->b % 4], w->fd[st->s], &ev));
}

/* What is told once may come in pieces. */
static int epwait(struct player *w, const struct step *st, struct outcome *o)
{
	const struct outcome *hope;
	uint32_t all[SLOTS] = { 0 };
	struct epoll_event ev[2 * SLOTS];
	int set = w->set[st->a % SETS], n;

	if (set < 0)
		return 0;
	walk_call(o, "epoll_wait(set%d)", st->a % SETS);
	do {
		n = epoll_wait(set, ev, ARRAY_LEN(ev), 0);
		walk_done(o, n < 0 ? -1 : 0);
		for (int i = 0; i < n; i++)
			all[ev[i].data.u32 % SLOTS] |= ev[i].events;
		o->more[0] = 0;
		for (int i = 0; i < SLOTS; i++) {
			if (w->fd[i] >= 0 && fresh(w, i))
				all[i] = 0;
			if (all[i])
				walk_say(o, " %d:%#x", i, all[i]);
		}
		hope = walk_hope(w);
		if (hope && strcmp(hope->more, o->more) != 0)
			nap(1);
	} while (hope && strcmp(hope->more, o->more) != 0);
	return 1;
}

static int select_it(struct player *w, const struct step *st, struct outcome *o)
{
	struct timeval tv = { 0 };
	fd_set r, wr, x;
	int n = 0;

	FD_ZERO(&r);
	FD_ZERO(&wr);
	FD_ZERO(&x);
	for (int i = 0; i < SLOTS; i++) {
		if (w->fd[i] < 0 || fresh(w, i))
			continue;
		FD_SET(w->fd[i], &r);
		FD_SET(w->fd[i], &wr);
		FD_SET(w->fd[i], &x);
		if (w->fd[i] >= n)
			n = w->fd[i] + 1;
	}
	walk_call(o, "select()");
	walk_done(o, select(n, &r, &wr, &x, &tv));
	for (int i = 0; o->ret > 0 && i < SLOTS; i++)
		if (w->fd[i] >= 0 && !fresh(w, i))
			walk_say(o, " %d:%s%s%s", i, FD_ISSET(w->fd[i], &r) ? "r" : "",
				 FD_ISSET(w->fd[i], &wr) ? "w" : "", FD_ISSET(w->fd[i], &x) ? "x" : "");
	return 1;
}

static int (*const deeds[OPS])(struct player *w, const struct step *st, struct outcome *o) = {
	[OP_SOCKET] = walk_socket, [OP_BIND] = walk_bind, [OP_LISTEN] = walk_listen,
	[OP_CONNECT] = walk_connect, [OP_DIAL] = walk_dial, [OP_ACCEPT] = walk_accept,
	[OP_SEND] = walk_send, [OP_SENDTO] = walk_sendto, [OP_RECV] = walk_recv,
	[OP_SHUTDOWN] = shut, [OP_CLOSE] = close_it, [OP_DUP] = dup_it,
	[OP_SETOPT] = setopt_it, [OP_GETOPT] = getopt_it, [OP_NAMES] = names, [OP_ERROR] = error,
	[OP_IOCTL] = ioctl_it, [OP_LINGER] = linger, [OP_BLOCKING] = blocking,
	[OP_EPCTL] = epctl, [OP_EPWAIT] = epwait, [OP_SELECT] = select_it,
};

/* --- looking --- */

/* States between which only the time of an ACK lies are one. */
static int state_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return -1;
	switch (info.tcpi_state) {
	case TCP_FIN_WAIT1:
		return TCP_FIN_WAIT2;
	case TCP_TIME_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		return TCP_CLOSE;
	default:
		return info.tcpi_state;
	}
}

static void look(const struct player *w, struct seen *at)
{
	struct pollfd p[SLOTS];

	for (int i = 0; i < SLOTS; i++)
		p[i] = (struct pollfd){ w->fd[i], POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0 };
	poll(p, SLOTS, 0);
	for (int i = 0; i < SLOTS; i++) {
		int n = 0;

		at[i] = (struct seen){ .revents = -1, .state = -1 };
		if (w->fd[i] < 0)
			continue;
		at[i].revents = p[i].revents;
		at[i].queued = ioctl(w->fd[i], SIOCINQ, &n) < 0 ? -errno : n;
		at[i].dialled = w->dialled[i];
		if (!w->p->plain && !w->dgram[i])
			at[i].state = state_of(w->fd[i]);
	}
}

static bool seen_same(const struct seen *a, const struct seen *b)
{
	int16_t not = 0;

	if (a->revents < 0 || b->revents < 0)
		return a->revents == b->revents;
	if (!a->dialled)
		not |= POLLHUP;		/* known.txt: poll_fresh */
	if (a->queued > 0 && b->queued > 0)
		/* what ends a stream is shown when all before it was read */
		not |= POLLRDHUP | POLLHUP | POLLERR;

	return (a->revents | not) == (b->revents | not) && a->state == b->state && a->queued == b->queued;
}

static bool all_seen_same(const struct seen *a, const struct seen *b)
{
	for (int i = 0; i < SLOTS; i++)
		if (!seen_same(&a[i], &b[i]))
			return false;
	return true;
}

static bool same_result(const struct outcome *a, const struct outcome *b)
{
	return a->ret == b->ret && a->err == b->err && a->sum == b->sum && strcmp(a->more, b->more) == 0;
}

bool walk_same(const struct outcome *got, const struct outcome *want)
{
	return same_result(got, want) && all_seen_same(got->at, want->at);
}

static void settle(struct player *w, struct outcome *o)
{
	struct seen before[SLOTS];

	look(w, o->at);
	if (w->p->follow) {
		while (!all_seen_same(o->at, w->p->want[w->at].at) && now_ms() < w->end) {
			nap(1);
			look(w, o->at);
		}
		return;
	}
	do {
		memcpy(before, o->at, sizeof(before));
		usleep(100);
		look(w, o->at);
	} while (!all_seen_same(before, o->at));
}

/* Those that change nothing, and those that had nothing to give */
static bool repeatable(const struct step *st, const struct outcome *o)
{
	switch (st->op) {
	case OP_GETOPT: case OP_NAMES: case OP_IOCTL: case OP_SELECT:
		return true;
	case OP_ERROR:
		return strcmp(o->more, " none") == 0;
	case OP_RECV:
		return (o->ret < 0 && o->err == EAGAIN);
	case OP_ACCEPT:
		return o->ret < 0 && o->err == EAGAIN;
	default:
		return false;
	}
}

static void play_step(struct player *w)
{
	struct play *p = w->p;
	const struct step *st = &p->step[w->at];
	struct outcome *o = &p->got[w->at];

	w->end = now_ms() + p->patience;
	for (;;) {
		memset(o, 0, sizeof(*o));
		if (!deeds[st->op](w, st, o)) {
			walk_say(o, " -");
			break;
		}
		if (!walk_hope(w) || same_result(o, &p->want[w->at]) || !repeatable(st, o))
			break;
		nap(1);
	}
	settle(w, o);
}

void walk_play(struct play *p)
{
	struct player w = { .p = p };

	signal(SIGPIPE, SIG_IGN);
	memset(w.fd, -1, sizeof(w.fd));
	memset(w.set, -1, sizeof(w.set));
	for (p->done = 0; p->done < (int)p->n; p->done++) {
		w.at = p->done;
		if (p->step[w.at].off) {		/* as it was */
			if (w.at)
				memcpy(p->got[w.at].at, p->got[w.at - 1].at, sizeof(p->got[0].at));
			else
				look(&w, p->got[0].at);
			continue;
		}
		play_step(&w);
		if (p->follow && !walk_same(&p->got[w.at], &p->want[w.at]))
			return;
	}
}
