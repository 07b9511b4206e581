/* util.c - the small steps cases are made of
 *
 * Each step checks itself: a step that does not go as Linux goes ends the case.
 * A listener that is "full" has a backlog of 0 and the one connection that fits, so
 * Linux ignores further SYNs: connects to it stay pending without any frame loss.
 */
#include "conform.h"

#include <time.h>

void *volatile nowhere = (void *)8;
volatile sig_atomic_t caught;

struct addr at(int port)
{
	struct addr a = target;

	a.in4.sin_port = htons(port);	/* same place in both families */
	return a;
}

struct addr any(int fam, int port)
{
	struct addr a = { 0 };

	a.ss.ss_family = fam;
	a.len = fam == AF_INET ? sizeof(a.in4) : sizeof(a.in6);
	a.in4.sin_port = htons(port);
	return a;
}

struct addr addr_of(const char *text, int port)
{
	struct addr a = any(strchr(text, ':') ? AF_INET6 : AF_INET, port);

	if (a.ss.ss_family == AF_INET)
		EQ(inet_pton(AF_INET, text, &a.in4.sin_addr), 1);
	else
		EQ(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	return a;
}

struct addr local_name(int fd)
{
	struct addr a = { .len = sizeof(a.ss) };

	OK(getsockname(fd, &a.sa, &a.len));
	return a;
}

struct addr peer_name(int fd)
{
	struct addr a = { .len = sizeof(a.ss) };

	OK(getpeername(fd, &a.sa, &a.len));
	return a;
}

int port_of(const struct addr *a)
{
	return ntohs(a->in4.sin_port);
}

bool same(const struct addr *a, const struct addr *b)
{
	if (a->len != b->len || a->ss.ss_family != b->ss.ss_family ||
	    a->in4.sin_port != b->in4.sin_port)
		return false;
	if (a->ss.ss_family == AF_INET)
		return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
	return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16) == 0;
}

int tcp(void)
{
	return OK(socket(family, SOCK_STREAM, 0));
}

int udp(void)
{
	return OK(socket(family, SOCK_DGRAM, 0));
}

int bound(int type, struct addr *a)
{
	int fd = OK(socket(family, type, 0));

	*a = at(0);
	OK(bind(fd, &a->sa, a->len));
	*a = local_name(fd);
	return fd;
}

int listener(struct addr *a)
{
	int fd = bound(SOCK_STREAM, a);

	OK(listen(fd, 16));
	return fd;
}

int full_listener(struct addr *a, int *filler)
{
	int fd = bound(SOCK_STREAM, a);

	OK(listen(fd, 0));
	*filler = dial(a);
	poll_until(fd, POLLIN, POLLIN);
	return fd;
}

int dial(const struct addr *a)
{
	int fd = tcp();

	OK(connect(fd, &a->sa, a->len));
	return fd;
}

int accept_from(int l)
{
	return OK(accept(l, NULL, NULL));
}

void pair(int *client, int *server)
{
	struct addr a;
	int l = listener(&a);

	*client = dial(&a);
	*server = accept_from(l);
	OK(close(l));
}

void udp_pair(int *a, int *b)
{
	struct addr na, nb;

	*a = bound(SOCK_DGRAM, &na);
	*b = bound(SOCK_DGRAM, &nb);
	OK(connect(*a, &nb.sa, nb.len));
	OK(connect(*b, &na.sa, na.len));
}

int begin_connect(int fd, const struct addr *a)
{
	nonblock(fd);
	ERR(connect(fd, &a->sa, a->len), EINPROGRESS);
	return fd;
}

void connects_later(int l, const struct addr *a)
{
	int fd = begin_connect(tcp(), a);

	poll_until(fd, POLLIN | POLLOUT, POLLOUT);
	EQ(get_opt(fd, SOL_SOCKET, SO_ERROR), 0);
	put(fd, "x");
	want(accept_from(l), "x");
}

/* Over a connection of its own. */
void exchange(void)
{
	int c, s;

	pair(&c, &s);
	put(c, "x");
	want(s, "x");
	OK(close(c));
	OK(close(s));
}

/* Full is what stays so once the stack was run, which it may not have been for a while. */
void fill(int fd)
{
	static const char much[65536];

	nonblock(fd);
	do {
		while (send(fd, much, sizeof(much), MSG_NOSIGNAL) > 0)
			;
		EQ(errno, EAGAIN);
		poll_for(fd, POLLOUT, 200);
		exchange();
	} while (poll_for(fd, POLLOUT, 200));
}

void rude_close(int fd)
{
	struct linger li = { .l_onoff = 1 };

	OK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &li, sizeof(li)));
	OK(close(fd));
}

int get_opt(int fd, int level, int name)
{
	int value = -12345;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, name, &value, &len) < 0)
		fail("getsockopt(%d, %d): %s", level, name, strerrorname_np(errno));
	EQ(len, sizeof(value));
	return value;
}

void set_opt(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		fail("setsockopt(%d, %d, %d): %s", level, name, value, strerrorname_np(errno));
}

void timeout_opt(int fd, int name, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	OK(setsockopt(fd, SOL_SOCKET, name, &tv, sizeof(tv)));
}

void nonblock(int fd)
{
	OK(fcntl(fd, F_SETFL, OK(fcntl(fd, F_GETFL)) | O_NONBLOCK));
}

void put(int fd, const char *text)
{
	EQ(write(fd, text, strlen(text)), strlen(text));
}

void want_urgent(int from, int to)
{
	char b;

	EQ(send(from, "ab!", 3, MSG_OOB), 3);
	poll_until(to, POLLIN | POLLPRI, POLLIN | POLLPRI);
	EQ(recv(to, &b, 1, MSG_OOB), 1);
	EQ(b, '!');
	want(to, "ab");
}

void want(int fd, const char *text)
{
	char got[256];
	size_t n = strlen(text), have = 0;

	while (have < n) {
		ssize_t r = OK(read(fd, got + have, n - have));

		if (r == 0)
			fail("end of stream before \"%s\"", text);
		have += r;
	}
	if (memcmp(got, text, n) != 0)
		fail("read \"%.*s\", not \"%s\"", (int)n, got, text);
}

void want_eof(int fd)
{
	char c;

	EQ(read(fd, &c, 1), 0);
}

ssize_t recv_from(int fd, void *buf, size_t n, struct addr *from)
{
	from->len = sizeof(from->ss);
	return recvfrom(fd, buf, n, 0, &from->sa, &from->len);
}

static uint8_t pat(size_t i)
{
	return (i * 2654435761u) >> 13;
}

void pat_fill(uint8_t *p, size_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = pat(from + i);
}

void pat_check(const uint8_t *p, size_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != pat(from + i))
			fail("byte %zu of the stream is wrong", from + i);
}

void pat_send(int fd, size_t from, size_t to)
{
	uint8_t buf[16384];

	while (from < to) {
		size_t n = to - from < sizeof(buf) ? to - from : sizeof(buf);

		pat_fill(buf, from, n);
		from += OK(send(fd, buf, n, MSG_NOSIGNAL));
	}
}

void pat_recv(int fd, size_t from, size_t to)
{
	uint8_t buf[20000];

	while (from < to) {
		size_t n = to - from < sizeof(buf) ? to - from : sizeof(buf);
		ssize_t r = OK(read(fd, buf, n));

		if (r == 0)
			fail("end of stream at byte %zu of %zu", from, to);
		pat_check(buf, from, r);
		from += r;
	}
}

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

void nap(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) < 0)
		;
}

int poll_for(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	OK(poll(&p, 1, ms));
	return p.revents;
}

/* Delivery is not instant, so a state is polled for; what may not come is looked
 * for with poll_for and a short time. */
void poll_until(int fd, int events, int exact)
{
	int64_t end = now_ms() + 20000;
	int got;

	while ((got = poll_for(fd, events, 0)) != exact) {
		if (now_ms() > end)
			fail("poll for %#x gives %#x, not %#x", events, got, exact);
		nap(2);
	}
}

int ep_new(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };
	int ep = OK(epoll_create1(EPOLL_CLOEXEC));

	OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	return ep;
}

int ep_for(int ep, int ms)
{
	struct epoll_event ev[4];
	int n = OK(epoll_wait(ep, ev, 4, ms));

	NEED(n <= 1);
	return n ? ev[0].events : 0;
}

static void on_signal(int sig)
{
	caught++;
}

void catch_signal(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	OK(sigaction(sig, &sa, NULL));
}

void until_caught(int times)
{
	while (caught < times)
		nap(5);
}

struct shot {
	pthread_t to;
	pid_t tid;
	int ms, sig;
};

/* Does it wait in a call? On a busy machine it may not have come so far. */
static bool sleeps(pid_t tid)
{
	char path[64], line[256] = "", *end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "r");
	if (!f)
		return true;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	end = strrchr(line, ')');
	return !end || strncmp(end, ") S", 3) == 0;
}

static void *shoot(void *arg)
{
	struct shot *s = arg;

	nap(s->ms);
	while (!sleeps(s->tid))
		nap(1);
	pthread_kill(s->to, s->sig);
	free(s);
	return NULL;
}

void signal_after(int ms, int sig)
{
	struct shot *s = malloc(sizeof(*s));

	*s = (struct shot){ pthread_self(), gettid(), ms, sig };
	pthread_detach(thread(shoot, s));
}

void alarm_each_second(void)
{
	struct itimerval second = { { 1, 0 }, { 1, 0 } };

	OK(setitimer(ITIMER_REAL, &second, NULL));
}

pid_t child(void (*run)(int), int arg)
{
	pid_t pid = OK(fork());

	if (pid > 0)
		return pid;
	run(arg);
	_exit(0);
}

void reap(pid_t pid)
{
	int status;

	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
}

pthread_t thread(void *(*run)(void *), void *arg)
{
	pthread_t t;

	EQ(pthread_create(&t, NULL, run, arg), 0);
	return t;
}

void *joined(pthread_t t)
{
	void *result;

	EQ(pthread_join(t, &result), 0);
	return result;
}

union fd_cmsg {
	struct cmsghdr h;
	char room[CMSG_SPACE(sizeof(int))];
};

void send_fd(int via, int fd)
{
	union fd_cmsg c = { 0 };
	struct iovec io = { "f", 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &c,
			    .msg_controllen = sizeof(c) };

	c.h.cmsg_level = SOL_SOCKET;
	c.h.cmsg_type = SCM_RIGHTS;
	c.h.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	EQ(sendmsg(via, &m, 0), 1);
}

int recv_fd(int via)
{
	union fd_cmsg c = { 0 };
	char byte;
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &c,
			    .msg_controllen = sizeof(c) };
	int fd;

	EQ(recvmsg(via, &m, 0), 1);
	EQ(byte, 'f');
	EQ(c.h.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&c.h), sizeof(fd));
	return fd;
}
