/* fds.c - cases: sockets as descriptors: dup, fork, exec, passing, limits
 *
 * A program started by exec is this program with "--role ROLE ARG...": it finds its
 * socket by the number it is told.
 */
#include "conform.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int role_echo(int fd)
{
	char buf[64];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			return 1;
	return n < 0;
}

static int role_serve(int l)
{
	struct addr a = { .len = sizeof(a.ss) };
	int fd = accept(l, &a.sa, &a.len);

	return fd < 0 || a.len == 0 || write(fd, "exec", 4) != 4;
}

static int role_absent(int fd)
{
	return !(fcntl(fd, F_GETFD) < 0 && errno == EBADF);
}

/* Connects as a new program: argument is the port of 127.0.0.1 or ::1. */
static int role_dial(int fd)
{
	struct addr a = { .len = sizeof(a.ss) };
	int c;

	if (getsockname(fd, &a.sa, &a.len) < 0)
		return 1;
	c = socket(a.ss.ss_family, SOCK_STREAM, 0);
	return c < 0 || connect(c, &a.sa, a.len) < 0 || write(c, "dialled", 7) != 7;
}

static const struct {
	const char *name;
	int (*run)(int fd);
} roles[] = {
	{ "echo", role_echo }, { "serve", role_serve },
	{ "absent", role_absent }, { "dial", role_dial },
};

int role_main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < ARRAY_LEN(roles); i++)
		if (strcmp(argv[0], roles[i].name) == 0)
			return roles[i].run(atoi(argv[1]));
	return 2;
}

static void become(const char *role, int fd)
{
	char num[12];

	snprintf(num, sizeof(num), "%d", fd);
	execl(self, "conform", "--role", role, num, (char *)NULL);
	_exit(126);
}

static void as_echo(int fd)
{
	become("echo", fd);
}

static void as_server(int fd)
{
	become("serve", fd);
}

CASE(exec_inherits_connection)
{
	int c, s;
	pid_t pid;

	pair(&c, &s);
	pid = child(as_echo, s);
	put(c, "through exec");
	want(c, "through exec");
	OK(shutdown(c, SHUT_WR));
	reap(pid);
}

CASE(exec_inherits_listener)
{
	struct addr a;
	int l = listener(&a);
	pid_t pid = child(as_server, l);

	OK(close(l));
	want(dial(&a), "exec");
	reap(pid);
}

CASE(exec_cloexec)
{
	struct addr a;
	int fd = OK(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)), l = listener(&a);
	pid_t pid;

	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	pid = OK(fork());
	if (pid == 0)
		become("absent", fd);
	reap(pid);
	OK(fcntl(l, F_SETFD, FD_CLOEXEC));
	pid = OK(fork());
	if (pid == 0)
		become("absent", l);
	reap(pid);
	put(dial(&a), "kept");
	want(accept_from(l), "kept");
}

CASE(exec_then_dial)
{
	struct addr a;
	int l = listener(&a);
	pid_t pid = OK(fork());

	if (pid == 0)
		become("dial", l);
	NEED(poll_for(l, POLLIN, 20000));
	want(accept_from(l), "dialled");
	reap(pid);
}

CASE(exec_inetd)
{
	int c, s;
	pid_t pid;

	pair(&c, &s);
	pid = OK(fork());
	if (pid == 0) {
		for (int i = 0; i < 2; i++)
			OK(dup2(s, i));
		close(s);
		close(c);
		execlp("cat", "cat", (char *)NULL);
		_exit(126);
	}
	OK(close(s));
	put(c, "inetd style");
	want(c, "inetd style");
	OK(shutdown(c, SHUT_WR));
	want_eof(c);
	reap(pid);
}

CASE(vfork_exec)
{
	int c, s;
	pid_t pid;

	pair(&c, &s);
	pid = vfork();
	if (pid == 0)
		become("echo", s);
	OK(pid);
	put(c, "vfork");
	want(c, "vfork");
	OK(shutdown(c, SHUT_WR));
	reap(pid);
}

CASE(dup_shares)
{
	struct addr a;
	int l = listener(&a), fd = tcp(), d = OK(dup(fd)), e = OK(fcntl(fd, F_DUPFD_CLOEXEC, 50));

	OK(connect(d, &a.sa, a.len));	/* made before the connection */
	put(fd, "x");
	put(e, "y");
	want(accept_from(l), "xy");
	OK(close(fd));
	ERR(connect(d, &a.sa, a.len), EISCONN);
	nonblock(d);
	NEED(fcntl(e, F_GETFL) & O_NONBLOCK);
	EQ(e, 50);
}

CASE(dup2_replaces)
{
	int c, s, c2, s2;

	pair(&c, &s);
	pair(&c2, &s2);
	EQ(dup2(c2, c), c);	/* closes the first connection */
	want_eof(s);
	put(c, "second");
	want(s2, "second");
}

CASE(dup_listener)
{
	struct addr a;
	int l = listener(&a), d = OK(dup(l));

	OK(close(l));
	put(dial(&a), "x");
	want(accept_from(d), "x");
	OK(close(d));
	ERR(connect(tcp(), &a.sa, a.len), ECONNREFUSED);
}

CASE(close_delays_eof_until_last)
{
	int c, s, d;

	pair(&c, &s);
	d = OK(dup(c));
	OK(close(c));
	EQ(poll_for(s, POLLIN, 50), 0);
	OK(close(d));
	want_eof(s);
}

/* What open(2) would give. */
static int lowest(void)
{
	int fd = OK(open("/dev/null", O_RDONLY));

	OK(close(fd));
	return fd;
}

static int lowest_tcp(void)
{
	int free = lowest(), fd = tcp();

	EQ(fd, free);
	return fd;
}

CASE(lowest_fd)
{
	struct addr a;
	int x = lowest_tcp(), y = lowest_tcp(), z = lowest_tcp(), l;

	OK(close(y));
	EQ(tcp(), y);
	OK(close(x));
	l = listener(&a);
	EQ(l, x);
	OK(close(y));
	dial(&a);
	OK(close(z));
	EQ(accept_from(l), z);
}

CASE(fd_is_socket)
{
	struct stat st;
	char link[64], to[64] = "";
	int fd = tcp();

	OK(fstat(fd, &st));
	NEED(S_ISSOCK(st.st_mode));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	OK(readlink(link, to, sizeof(to) - 1));
	EQ(strncmp(to, "socket:[", 8), 0);
	EQ(fcntl(fd, F_GETFL), O_RDWR);
	EQ(fcntl(OK(socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0)), F_GETFL),
	   O_RDWR | O_NONBLOCK);
}

static void two_answers(int l)
{
	for (int i = 0; i < 2; i++) {
		int fd = accept_from(l);

		put(fd, "child");
		close(fd);
	}
}

CASE(fork_accepts_in_turn)
{
	struct addr a;
	int l = listener(&a), fd;
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		fd = dial(&a);
		put(accept_from(l), "mama!");
		want(fd, "mama!");
	}
	pid = child(two_answers, l);
	want(dial(&a), "child");
	want(dial(&a), "child");
	reap(pid);
	fd = dial(&a);
	put(accept_from(l), "mama!");
	want(fd, "mama!");
}

CASE(fork_prefork_server)
{
	struct addr a;
	int l = listener(&a);
	pid_t pid[4];

	for (int i = 0; i < 4; i++)
		pid[i] = child(two_answers, l);
	for (int i = 0; i < 8; i++) {
		int fd = dial(&a);

		want(fd, "child");
		want_eof(fd);
	}
	for (int i = 0; i < 4; i++)
		reap(pid[i]);
}

CASE(fork_per_connection)
{
	struct addr a;
	int l = listener(&a);

	for (int i = 0; i < 5; i++) {
		int fd = dial(&a), s = accept_from(l);
		pid_t pid = OK(fork());

		if (pid == 0)
			_exit(role_echo(s));
		OK(close(s));
		put(fd, "hello");
		want(fd, "hello");
		OK(shutdown(fd, SHUT_WR));
		want_eof(fd);
		reap(pid);
	}
}

static void closes_only(int fd)
{
	OK(close(fd));
}

CASE(fork_child_close_is_its_own)
{
	int c, s;

	pair(&c, &s);
	reap(child(closes_only, c));
	EQ(poll_for(s, POLLIN, 50), 0);
	put(c, "mine");
	want(s, "mine");
}

static int client;		/* not the child's to keep open */

static void reads_reset(int fd)
{
	char byte;

	close(client);
	ERR(read(fd, &byte, 1), ECONNRESET);
}

static int orphan[2];		/* says that it has */

static void orphan_reads_reset(int fd)
{
	reads_reset(fd);
	put(orphan[1], "reset");
}

static void leaves_orphan(int fd)
{
	child(orphan_reads_reset, fd);
}

CASE(fork_reset_reaches_child)
{
	int s;
	pid_t pid;

	pair(&client, &s);
	pid = child(reads_reset, s);
	close(s);
	rude_close(client);
	reap(pid);
}

CASE(fork_reset_reaches_orphan)
{
	int s;

	pair(&client, &s);
	OK(pipe(orphan));
	reap(child(leaves_orphan, s));
	close(s);
	rude_close(client);
	want(orphan[0], "reset");
}

static void listens(int fd)
{
	OK(listen(fd, 4));
}

CASE(fork_child_acts_on_socket)
{
	struct addr a;
	int fd = bound(SOCK_STREAM, &a);

	reap(child(listens, fd));
	EQ(get_opt(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
	put(dial(&a), "ours");
	want(accept_from(fd), "ours");
}

CASE(parent_exits_child_serves)
{
	struct addr a;
	int l = listener(&a), status;
	pid_t pid = OK(fork());

	if (pid == 0) {
		if (fork() == 0) {
			alarm(9);
			nap(100);
			put(accept_from(l), "orphan");
		}
		_exit(0);
	}
	OK(waitpid(pid, &status, 0));
	OK(close(l));
	want(dial(&a), "orphan");
}

/* Says its port over a pipe, as daemons write a pid file. */
static void daemon_main(int out)
{
	struct addr a, none = { .len = sizeof(none.ss) };
	int l, fd;

	if (setsid() < 0 || fork() != 0)
		_exit(0);
	alarm(9);
	l = listener(&a);
	EQ(write(out, &a, sizeof(a)), sizeof(a));
	for (int i = 0; i < 3; i++) {
		fd = OK(accept(l, &none.sa, &none.len));
		put(fd, "daemon");
		close(fd);
	}
}

CASE(daemon_serves)
{
	struct addr a;
	int p[2];

	OK(pipe(p));
	reap(child(daemon_main, p[1]));
	EQ(read(p[0], &a, sizeof(a)), sizeof(a));
	for (int i = 0; i < 3; i++)
		want(dial(&a), "daemon");
}

static void limit_fds(int n)
{
	struct rlimit rl = { n, n };

	OK(setrlimit(RLIMIT_NOFILE, &rl));
}

CASE(emfile_socket)
{
	struct addr a;
	int l = listener(&a), fd, last = -1;

	limit_fds(40);
	while ((fd = socket(family, SOCK_STREAM, 0)) >= 0)
		last = fd;
	EQ(errno, EMFILE);
	EQ(last, 39);
	ERR(socket(family, SOCK_DGRAM, 0), EMFILE);
	OK(connect(last, &a.sa, a.len));
	OK(close(last - 1));
	put(last, "fine");
	want(accept_from(l), "fine");
}

CASE(emfile_accept)
{
	struct addr a;
	int l = listener(&a), fd = dial(&a), spare;

	put(fd, "waits");
	limit_fds(30);
	while ((spare = dup(0)) >= 0)
		;
	EQ(errno, EMFILE);
	ERR(accept(l, NULL, NULL), EMFILE);
	OK(close(29));
	spare = accept(l, NULL, NULL);
	if (spare < 0)	/* Linux drops nothing: it takes the descriptor first */
		fail("accept after EMFILE: %s", strerrorname_np(errno));
	want(spare, "waits");
}

static void pass(int fd, const char *text)
{
	int via[2], got;
	pid_t pid;

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, via));
	pid = OK(fork());
	if (pid == 0) {
		close(fd);
		got = recv_fd(via[1]);
		put(got, text);
		_exit(0);
	}
	send_fd(via[0], fd);
	OK(close(fd));
	reap(pid);
}

CASE(pass_connection)
{
	int c, s;

	pair(&c, &s);
	pass(c, "passed");
	want(s, "passed");
	want_eof(s);
}

CASE(pass_udp)
{
	int a, b;

	udp_pair(&a, &b);
	pass(a, "passed");
	want(b, "passed");
}

CASE(pass_listener)
{
	struct addr a, b;
	int l = listener(&a), via[2], got;

	OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, via));
	send_fd(via[0], l);
	OK(close(l));
	dial(&a);	/* while it is only in the message */
	got = recv_fd(via[1]);
	b = local_name(got);
	NEED(same(&a, &b));
	accept_from(got);
	put(dial(&a), "x");
	want(accept_from(got), "x");
}

CASE(pass_fresh_socket)
{
	struct addr a;
	int l = listener(&a), via[2], fd = tcp(), got;

	OK(socketpair(AF_UNIX, SOCK_STREAM, 0, via));
	send_fd(via[0], fd);
	OK(close(fd));
	got = recv_fd(via[1]);
	EQ(get_opt(got, SOL_SOCKET, SO_DOMAIN), family);
	OK(connect(got, &a.sa, a.len));
	put(got, "x");
	want(accept_from(l), "x");
}

static void *churn(void *arg)
{
	struct addr *a = arg;

	for (int i = 0; i < 40; i++) {
		int fd = tcp(), u = udp();
		char c;

		OK(connect(fd, &a->sa, a->len));
		OK(close(u));
		EQ(read(fd, &c, 1), 1);
		OK(close(fd));
	}
	return NULL;
}

CASE(threads_churn)
{
	enum { N = 8 };
	struct addr a;
	int l = bound(SOCK_STREAM, &a);
	pthread_t t[N];

	OK(listen(l, 128));
	for (int i = 0; i < N; i++)
		t[i] = thread(churn, &a);
	for (int i = 0; i < N * 40; i++) {
		int fd = accept_from(l);

		put(fd, "!");
		OK(close(fd));
	}
	for (int i = 0; i < N; i++)
		joined(t[i]);
}

CASE(socket_close_many)
{
	for (int i = 0; i < 3000; i++)
		OK(close(i % 2 ? tcp() : udp()));
}

CASE(not_dumpable_still_works)
{
	struct addr a, b;
	int l, fd;

	OK(prctl(PR_SET_DUMPABLE, 0));	/* as ssh-agent does */
	l = listener(&a);
	fd = dial(&a);
	b = peer_name(fd);
	NEED(same(&a, &b));
	put(fd, "x");
	want(accept_from(l), "x");
}
