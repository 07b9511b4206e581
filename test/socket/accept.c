/* accept.c - cases: listening and accepting
 *
 * accept blocks, so it must wake for connections, signals, timeouts and shutdown,
 * and must not keep other threads of the program from the same socket.
 */
#include "conform.h"

static void *dial_later(void *arg)
{
	nap(150);
	return (void *)(intptr_t)dial(arg);
}

CASE(listen_unbound)
{
	struct addr a, here = at(0);
	int l = tcp();

	OK(listen(l, 4));
	a = local_name(l);
	NEED(port_of(&a) >= 1024);
	here.in4.sin_port = a.in4.sin_port;
	put(dial(&here), "hi");
	want(accept_from(l), "hi");
}

CASE(listen_again)
{
	struct addr a;
	int l = listener(&a);

	OK(listen(l, 2));
	put(dial(&a), "hi");
	want(accept_from(l), "hi");
}

CASE(listen_connected)
{
	struct addr a;

	listener(&a);
	ERR(listen(dial(&a), 4), EINVAL);
}

CASE(listen_udp)
{
	ERR(listen(udp(), 4), EOPNOTSUPP);
}

CASE(listen_same_port_twice)
{
	struct addr a = any(family, 0), b;
	int x = tcp(), y = tcp();

	OK(bind(x, &a.sa, a.len));
	OK(listen(x, 4));
	b = local_name(x);
	ERR(bind(y, &b.sa, b.len), EADDRINUSE);
}

CASE(listen_backlog)
{
	struct addr a;
	int l = bound(SOCK_STREAM, &a), fd[50];

	OK(listen(l, 64));
	for (int i = 0; i < 50; i++) {
		fd[i] = dial(&a);
		EQ(write(fd[i], &i, sizeof(i)), sizeof(i));
	}
	for (int i = 0; i < 50; i++) {
		int got;

		EQ(read(accept_from(l), &got, sizeof(got)), sizeof(got));
		EQ(got, i);	/* in order */
	}
}

CASE(listen_close_resets)
{
	struct addr a;
	int l = listener(&a), fd = dial(&a);
	char c;

	poll_until(l, POLLIN, POLLIN);
	OK(close(l));
	ERR(read(fd, &c, 1), ECONNRESET);
	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);
}

static void *try_accept(void *arg)
{
	int r = accept(*(int *)arg, NULL, NULL);

	return (void *)(intptr_t)(r < 0 ? -errno : r);
}

CASE(listen_shutdown_wakes_accept)
{
	struct addr a;
	int l = listener(&a);
	pthread_t t = thread(try_accept, &l);

	nap(100);
	OK(shutdown(l, SHUT_RDWR));
	EQ((intptr_t)joined(t), -EINVAL);
	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);
	OK(listen(l, 4));	/* Linux lets it listen anew, on a port it chooses */
	a = local_name(l);
	put(dial(&a), "up");
	want(accept_from(l), "up");
}

CASE(accept_names)
{
	struct addr a, p = { .len = sizeof(p.ss) }, c;
	int l = listener(&a), fd = dial(&a), s;

	s = OK(accept(l, &p.sa, &p.len));
	c = local_name(fd);
	NEED(same(&p, &c));
	p = local_name(s);
	NEED(same(&p, &a));
}

CASE(accept_name_truncated)
{
	struct addr a, p, c;
	int l = listener(&a), fd = dial(&a);

	c = local_name(fd);
	memset(&p, 0x5a, sizeof(p));
	p.len = 6;
	OK(accept(l, &p.sa, &p.len));
	EQ(p.len, c.len);
	EQ(memcmp(&p, &c, 6), 0);
	EQ(((uint8_t *)&p)[6], 0x5a);
	dial(&a);
	p.len = 0;
	OK(accept(l, &p.sa, &p.len));
	EQ(p.len, c.len);
}

CASE(accept_name_bad)
{
	struct addr a, p = { .len = -1 };
	int l = listener(&a);

	dial(&a);
	ERR(accept(l, &p.sa, &p.len), EINVAL);
	put(dial(&a), "fine");	/* that one is lost, the socket is not */
	want(accept_from(l), "fine");
}

CASE(accept_bad_pointer)
{
	struct addr a;
	int l = listener(&a);

	dial(&a);
	ERR(accept(l, nowhere, &(socklen_t){ sizeof(a.ss) }), EFAULT);
	put(dial(&a), "fine");
	want(accept_from(l), "fine");
}

CASE(accept4_flags)
{
	struct addr a;
	int l = listener(&a), s;

	dial(&a);
	s = OK(accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	NEED(fcntl(s, F_GETFL) & O_NONBLOCK);
	EQ(fcntl(s, F_GETFD), FD_CLOEXEC);
	dial(&a);
	s = OK(accept4(l, NULL, NULL, 0));
	NEED(!(fcntl(s, F_GETFL) & O_NONBLOCK));
	EQ(fcntl(s, F_GETFD), 0);
	ERR(accept4(l, NULL, NULL, 0x10), EINVAL);
}

CASE(accept_does_not_inherit_nonblock)
{
	struct addr a;
	int l = listener(&a), s;

	nonblock(l);
	dial(&a);
	poll_until(l, POLLIN, POLLIN);
	s = accept_from(l);
	NEED(!(fcntl(s, F_GETFL) & O_NONBLOCK));
	EQ(fcntl(s, F_GETFL) & O_ACCMODE, O_RDWR);
}

CASE(accept_nonblock)
{
	struct addr a;
	int l = listener(&a);

	nonblock(l);
	ERR(accept(l, NULL, NULL), EAGAIN);
	dial(&a);
	poll_until(l, POLLIN, POLLIN);
	accept_from(l);
	ERR(accept(l, NULL, NULL), EAGAIN);
	EQ(poll_for(l, POLLIN, 0), 0);
}

CASE(accept_nonblock_set_later)
{
	struct addr a;
	int l = listener(&a), on = 1;

	OK(ioctl(l, FIONBIO, &on));
	ERR(accept(l, NULL, NULL), EAGAIN);
	on = 0;
	OK(ioctl(l, FIONBIO, &on));
	thread(dial_later, &a);
	accept_from(l);
}

CASE(accept_blocks)
{
	struct addr a;
	int l = listener(&a);
	int64_t start = now_ms();
	pthread_t t = thread(dial_later, &a);

	accept_from(l);
	NEED(now_ms() - start >= 140);
	joined(t);
}

CASE(accept_rcvtimeo)
{
	struct addr a;
	int l = listener(&a);
	int64_t start = now_ms();

	timeout_opt(l, SO_RCVTIMEO, 200);
	ERR(accept(l, NULL, NULL), EAGAIN);
	NEED(now_ms() - start >= 190);
	NEED(now_ms() - start < 20000);
	dial(&a);
	accept_from(l);
}

CASE(accept_not_listening)
{
	struct addr a;
	int fd = tcp();

	ERR(accept(fd, NULL, NULL), EINVAL);
	bound(SOCK_STREAM, &a);
	listener(&a);
	ERR(accept(dial(&a), NULL, NULL), EINVAL);
	ERR(accept(udp(), NULL, NULL), EOPNOTSUPP);
}

CASE(accept_leaves_names_alone)
{
	struct addr a, b;
	int l = listener(&a);
	pthread_t t = thread(try_accept, &l);

	nap(100);
	b = local_name(l);	/* while the other thread is in accept */
	NEED(same(&a, &b));
	EQ(get_opt(l, SOL_SOCKET, SO_ACCEPTCONN), 1);
	OK(close(tcp()));
	dial(&a);
	NEED((intptr_t)joined(t) > 0);
}

CASE(accept_in_threads)
{
	enum { N = 8 };
	struct addr a;
	int l = listener(&a);
	pthread_t t[N];
	bool seen[1024] = { 0 };

	for (int i = 0; i < N; i++)
		t[i] = thread(try_accept, &l);
	nap(100);
	for (int i = 0; i < N; i++)
		put(dial(&a), "x");
	for (int i = 0; i < N; i++) {
		intptr_t s = (intptr_t)joined(t[i]);

		NEED(s > 0 && s < 1024 && !seen[s]);
		seen[s] = true;
		want(s, "x");
	}
}

CASE(accept_eintr)
{
	struct addr a;
	int l = listener(&a);

	catch_signal(SIGUSR1, 0);
	signal_after(100, SIGUSR1);
	ERR(accept(l, NULL, NULL), EINTR);
	EQ(caught, 1);
	dial(&a);
	accept_from(l);
}

static void *dial_when_caught(void *arg)
{
	until_caught(1);
	return (void *)(intptr_t)dial(arg);
}

static void *dial_when_caught_often(void *arg)
{
	until_caught(20);
	return (void *)(intptr_t)dial(arg);
}

CASE(accept_restart)
{
	struct addr a;
	int l = listener(&a);
	pthread_t t = thread(dial_when_caught, &a);

	catch_signal(SIGUSR1, SA_RESTART);
	signal_after(50, SIGUSR1);
	accept_from(l);
	EQ(caught, 1);
	joined(t);
}

CASE(accept_restart_often)
{
	struct addr a;
	int l = listener(&a);
	pthread_t t;
	struct itimerval every = { { 0, 5000 }, { 0, 5000 } };

	catch_signal(SIGALRM, SA_RESTART);
	t = thread(dial_when_caught_often, &a);
	OK(setitimer(ITIMER_REAL, &every, NULL));
	accept_from(l);
	NEED(caught >= 20);
	every = (struct itimerval){ 0 };
	OK(setitimer(ITIMER_REAL, &every, NULL));
	joined(t);
}

CASE(accept_restart_with_timeout)
{
	struct addr a;
	int l = listener(&a);

	timeout_opt(l, SO_RCVTIMEO, 3000);
	catch_signal(SIGUSR1, SA_RESTART);
	signal_after(100, SIGUSR1);
	ERR(accept(l, NULL, NULL), EINTR);	/* signal(7): never restarted */
}

CASE(accept_alarm)
{
	struct addr a;
	int l = listener(&a);

	catch_signal(SIGALRM, 0);
	alarm_each_second();
	ERR(accept(l, NULL, NULL), EINTR);
	NEED(caught > 0);
}

static void just_accept(int l)
{
	accept(l, NULL, NULL);
	_exit(3);
}

static void killed_in_accept(int sig)
{
	struct addr a;
	int l = listener(&a), status;
	pid_t pid = child(just_accept, l);

	nap(100);
	OK(kill(pid, sig));
	EQ(waitpid(pid, &status, 0), pid);
	NEED(WIFSIGNALED(status));
	EQ(WTERMSIG(status), sig);
	put(dial(&a), "alive");
	want(accept_from(l), "alive");
}

CASE(accept_sigterm)
{
	killed_in_accept(SIGTERM);
}

CASE(accept_sigkill)
{
	killed_in_accept(SIGKILL);
}

CASE(accept_ignored_signal)
{
	struct addr a;
	int l = listener(&a);
	pthread_t t = thread(dial_later, &a);

	signal(SIGUSR1, SIG_IGN);
	signal_after(50, SIGUSR1);
	accept_from(l);
	joined(t);
}

CASE(accept_blocked_signal)
{
	struct addr a;
	int l = listener(&a);
	sigset_t set;
	pthread_t t = thread(dial_later, &a);

	catch_signal(SIGUSR1, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	accept_from(l);
	EQ(caught, 0);
	joined(t);
}

CASE(accept_stopped_and_continued)
{
	struct addr a;
	int l = listener(&a), status;
	pid_t pid = OK(fork());

	if (pid == 0) {
		put(accept_from(l), "back");
		_exit(0);
	}
	nap(50);
	OK(kill(pid, SIGSTOP));
	EQ(waitpid(pid, &status, WUNTRACED), pid);
	NEED(WIFSTOPPED(status));
	OK(kill(pid, SIGCONT));
	nap(50);
	want(dial(&a), "back");
	reap(pid);
}

CASE(accept_after_close)
{
	struct addr a;
	int l = listener(&a), fd = dial(&a), s;

	put(fd, "bye");
	OK(close(fd));
	nap(50);
	s = accept_from(l);
	want(s, "bye");
	want_eof(s);
}

CASE(accept_after_reset)
{
	struct addr a;
	int l = listener(&a), fd = dial(&a), s;
	char c;

	poll_until(l, POLLIN, POLLIN);
	rude_close(fd);
	nap(50);
	s = accept_from(l);
	ERR(read(s, &c, 1), ECONNRESET);
}

CASE(accept_inherits_options)
{
	struct addr a;
	int l = listener(&a), s;

	set_opt(l, IPPROTO_TCP, TCP_NODELAY, 1);
	set_opt(l, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_opt(l, IPPROTO_TCP, TCP_KEEPIDLE, 77);
	dial(&a);
	s = accept_from(l);
	EQ(get_opt(s, IPPROTO_TCP, TCP_NODELAY), 1);
	EQ(get_opt(s, SOL_SOCKET, SO_KEEPALIVE), 1);
	EQ(get_opt(s, IPPROTO_TCP, TCP_KEEPIDLE), 77);
	EQ(get_opt(s, SOL_SOCKET, SO_ACCEPTCONN), 0);
}

CASE(accept_inherits_oobinline)
{
	struct addr a;
	int l = listener(&a), fd, s;
	char b[3] = "";

	set_opt(l, SOL_SOCKET, SO_OOBINLINE, 1);
	fd = dial(&a);
	s = accept_from(l);
	EQ(get_opt(s, SOL_SOCKET, SO_OOBINLINE), 1);
	EQ(send(fd, "a", 1, 0), 1);
	EQ(send(fd, "b", 1, MSG_OOB), 1);
	poll_until(s, POLLIN | POLLPRI, POLLIN | POLLPRI);
	EQ(read(s, b, 1), 1);
	EQ(read(s, b + 1, 1), 1);
	EQ(b[0], 'a');
	EQ(b[1], 'b');
}

CASE(accept_inherits_timeouts)
{
	struct timeval tv = { 3, 0 }, got = { 0, 0 };
	socklen_t len = sizeof(got);
	struct addr a;
	int l = listener(&a), s;

	OK(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	dial(&a);
	s = accept_from(l);
	OK(getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &got, &len));
	EQ(got.tv_sec, 3);
}
