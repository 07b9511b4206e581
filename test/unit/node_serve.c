/* node_serve.c - a stack as a file: msocket, clients of other users, many of them */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rights.h"
#include "ioth.h"
#include "node/serve.h"
#include "unit.h"

#define SERVER_UID	uid		/* whose rights a server has */
#define CLIENT_UID	(uid + 1)
#define NICE_UID	(uid + 2)
#define THREADS		48
#define ROUNDS		5

/* Three users who run nothing else: how many descriptors may be under way is for all that
 * a user runs on the machine. */
static uid_t uid;
static const char *self;
static char dir[] = "/tmp/serveXXXXXX", path[64];

/* A server in a process of its own, as a user without rights if we have any; 0: there is no
 * stack of that kind here. */
static pid_t serve(const struct serve_conf *conf, rlim_t fds)
{
	int ready[2];
	pid_t pid;
	char byte = 0;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		char *why;

		close(ready[0]);
		alarm(60);
		if (fds)
			setrlimit(RLIMIT_NOFILE, &(struct rlimit){ fds, fds });
		if (getuid() == 0 && (setresgid(SERVER_UID, SERVER_UID, SERVER_UID) < 0 ||
				      setresuid(SERVER_UID, SERVER_UID, SERVER_UID) < 0))
			_exit(2);
		if (!serve_start(conf, &why) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		waitpid(pid, NULL, 0);
	else
		byte = 1;
	close(ready[0]);
	return byte ? pid : 0;
}

static pid_t server(mode_t mode, unsigned max_sockets)
{
	struct serve_conf conf = { .path = path, .mode = mode, .gid = (gid_t)-1,
				   .max_sockets = max_sockets };
	pid_t pid = serve(&conf, 0);

	assert_true(pid > 0);
	return pid;
}

static void end_server(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

/* fn in a child, as another user if that can be had: an exit status. */
static pid_t start_elsewhere(uid_t who, int (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		if (who && (setresgid(who, who, who) < 0 || setresuid(who, who, who) < 0))
			_exit(99);
		_exit(fn());
	}
	return pid;
}

static int elsewhere(uid_t who, int (*fn)(void))
{
	pid_t pid = start_elsewhere(who, fn);
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 200;
}

static struct sockaddr_in at(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr = { htonl(INADDR_LOOPBACK) } };
}

static int listener(uint16_t *port)
{
	struct sockaddr_in sin = at(0);
	socklen_t len = sizeof(sin);
	int fd = msocket(path, AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(ioth_bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(ioth_listen(fd, THREADS), 0);
	assert_int_equal(ioth_getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

static int dial(uint16_t port)
{
	struct sockaddr_in sin = at(port);
	int fd = msocket(path, AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(ioth_connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void streams(void **state)
{
	pid_t pid = server(0, 0);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin), size = sizeof(int);
	struct linger lin = { 1, 0 };
	uint16_t port;
	int lis = listener(&port), fd = dial(port), new, type;
	char b[8];

	new = ioth_accept(lis, (struct sockaddr *)&sin, &len);
	assert_true(new >= 0);
	assert_int_equal(len, sizeof(sin));
	assert_int_equal(sin.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	assert_int_equal(write(fd, "hello", 5), 5);
	assert_int_equal(ioth_recv(new, b, sizeof(b), 0), 5);
	assert_memory_equal(b, "hello", 5);
	assert_int_equal(ioth_getsockopt(new, SOL_SOCKET, SO_TYPE, &type, &size), 0);
	assert_int_equal(type, SOCK_STREAM);
	assert_int_equal(ioth_getpeername(new, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(ioth_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(ioth_read(new, b, sizeof(b)), 0);
	assert_int_equal(ioth_setsockopt(new, SOL_SOCKET, SO_LINGER, &lin, sizeof(lin)), 0);
	assert_int_equal(ioth_close(new), 0);		/* a reset */
	assert_int_equal(ioth_read(fd, b, sizeof(b)), -1);
	assert_int_equal(errno, ECONNRESET);
	ioth_close(fd);
	ioth_close(lis);
	end_server(pid);
}

static void datagrams(void **state)
{
	pid_t pid = server(0, 0);
	struct sockaddr_in sin = at(5555), from;
	socklen_t len = sizeof(from);
	int fd = msocket(path, AF_INET, SOCK_DGRAM, 0), on = 1;
	char b[8], ctl[64];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr mh = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
			     .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof(ctl) };

	assert_int_equal(ioth_bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(ioth_setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on)), 0);
	assert_int_equal(ioth_sendto(fd, "one", 3, 0, (struct sockaddr *)&sin, sizeof(sin)), 3);
	memset(b, 'x', sizeof(b));
	assert_int_equal(ioth_recvfrom(fd, b, sizeof(b), 0, (struct sockaddr *)&from, &len), 3);
	assert_memory_equal(b, "onexxxxx", 8);
	assert_int_equal(ntohs(from.sin_port), 5555);
	assert_int_equal(ioth_sendto(fd, "three", 5, 0, (struct sockaddr *)&sin, sizeof(sin)), 5);
	assert_int_equal(ioth_recvmsg(fd, &mh, 0), 5);
	assert_int_equal(mh.msg_namelen, sizeof(from));
	assert_int_equal(CMSG_FIRSTHDR(&mh)->cmsg_type, IP_TTL);
	assert_int_equal(ioth_recvfrom(fd, b, sizeof(b), MSG_DONTWAIT, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	ioth_close(fd);
	end_server(pid);
}

/* A socket outlives who asked for it, where a child has it. */
static void children_have_it_too(void **state)
{
	pid_t pid = server(0, 0), kid;
	uint16_t port;
	int lis = listener(&port), fd, status;
	char b[8];

	kid = fork();
	if (kid == 0) {
		int new = ioth_accept(lis, NULL, NULL);

		_exit(new < 0 || write(new, "child", 5) != 5);
	}
	ioth_close(lis);
	fd = dial(port);
	assert_int_equal(ioth_read(fd, b, sizeof(b)), 5);
	assert_int_equal(waitpid(kid, &status, 0), kid);
	assert_int_equal(status, 0);
	ioth_close(fd);
	end_server(pid);
}

static struct sockaddr_in full, home;	/* a listener that takes no more; where one connects from */

/* Of a new socket: it has come so far that nobody answers. */
static int connecting(void)
{
	int fd = msocket(path, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	if (ioth_bind(fd, (struct sockaddr *)&home, sizeof(home)) < 0)
		return -1;
	if (ioth_connect(fd, (struct sockaddr *)&full, sizeof(full)) == 0 || errno != EINPROGRESS)
		return -1;
	return poll(&pfd, 1, 200) == 0 ? fd : -2;
}

/* A listener without room. */
static int full_listener(void)
{
	int lis = msocket(path, AF_INET, SOCK_STREAM, 0), fd;
	socklen_t len = sizeof(full);

	full = home = at(0);
	assert_int_equal(ioth_bind(lis, (struct sockaddr *)&full, sizeof(full)), 0);
	assert_int_equal(ioth_listen(lis, 0), 0);
	assert_int_equal(ioth_getsockname(lis, (struct sockaddr *)&full, &len), 0);
	while ((fd = connecting()) == -2)
		continue;
	assert_true(fd >= 0);
	ioth_close(fd);
	return lis;
}

static int is_killed(void)
{
	return connecting() < 0 || kill(getpid(), SIGKILL) < 0;
}

static bool has_port(void)
{
	int fd = msocket(path, AF_INET, SOCK_STREAM, 0);
	bool has = ioth_bind(fd, (struct sockaddr *)&home, sizeof(home)) == 0;

	ioth_close(fd);
	return has;
}

/* Its socket, and its port, are not kept until the stack gives up. */
static void who_dies_while_connecting_has_nothing(void **state)
{
	pid_t pid = server(0, 0);
	int lis = full_listener();

	home.sin_port = htons(4000);
	assert_int_equal(elsewhere(0, is_killed), 200);
	for (int i = 0; i < 200 && !has_port(); i++)
		usleep(10000);
	assert_true(has_port());
	ioth_close(lis);
	end_server(pid);
}

static int heir[2];

/* Its child goes on when the connection is there. */
static int leaves_a_child(void)
{
	int fd = connecting();
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	if (fd >= 0 && fork() == 0) {
		alarm(20);
		usleep(100000);
		if (write(heir[1], "", 1) == 1 && poll(&pfd, 1, 10000) == 1)
			write(fd, "child", 5);
		_exit(0);
	}
	return fd < 0;
}

static void who_inherits_a_connecting_socket_has_it(void **state)
{
	pid_t pid = server(0, 0);
	int lis = full_listener(), fd;
	struct pollfd pfd;
	ssize_t got = 0;
	char b[8];

	home.sin_port = htons(4000);
	assert_int_equal(pipe(heir), 0);
	assert_int_equal(elsewhere(0, leaves_a_child), 0);
	assert_int_equal(read(heir[0], b, 1), 1);
	pfd = (struct pollfd){ .fd = lis, .events = POLLIN };
	while (got != 5 && poll(&pfd, 1, 10000) == 1) {
		fd = ioth_accept(lis, NULL, NULL);
		pfd.fd = lis;
		got = poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 1000) == 1 ?
			ioth_read(fd, b, sizeof(b)) : 0;
		ioth_close(fd);
	}
	assert_int_equal(got, 5);
	close(heir[0]);
	close(heir[1]);
	ioth_close(lis);
	end_server(pid);
}

static atomic_bool poked;

static void nothing(int sig)
{
}

/* Until he says that a call ended: the first may come before he is in it. */
static void *poke(void *arg)
{
	const pthread_t *who = arg;

	do {
		usleep(50000);
		pthread_kill(*who, SIGUSR1);
	} while (!atomic_load(&poked));
	return NULL;
}

static void signals_interrupt(void **state)
{
	struct sigaction sa = { .sa_handler = nothing };
	pthread_t me = pthread_self(), t;
	pid_t pid = server(0, 0);
	uint16_t port;
	int lis = listener(&port), fd, new;

	sigaction(SIGUSR1, &sa, NULL);
	pthread_create(&t, NULL, poke, &me);
	assert_int_equal(ioth_accept(lis, NULL, NULL), -1);
	assert_int_equal(errno, EINTR);
	atomic_store(&poked, true);
	pthread_join(t, NULL);
	fd = dial(port);		/* the call that was ended took nothing */
	new = ioth_accept(lis, NULL, NULL);
	assert_true(new >= 0);
	ioth_close(new);
	ioth_close(fd);
	ioth_close(lis);
	end_server(pid);
}

static uint16_t the_port;

static void *talk(void *arg)
{
	char b[16], got[16] = "";

	for (int i = 0; i < ROUNDS; i++) {
		int fd = dial(the_port);
		int n = snprintf(b, sizeof(b), "%d.%d", (int)(intptr_t)arg, i);

		assert_int_equal(write(fd, b, (size_t)n), n);
		assert_int_equal(ioth_read(fd, got, sizeof(got)), n);
		assert_memory_equal(b, got, n);
		ioth_close(fd);
	}
	return NULL;
}

static void *echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char b[16];
	ssize_t n = ioth_read(fd, b, sizeof(b));

	assert_true(n > 0);
	assert_int_equal(write(fd, b, (size_t)n), n);
	ioth_close(fd);
	return NULL;
}

static void many_threads(void **state)
{
	pid_t pid = server(0, 0);
	int lis = listener(&the_port);
	pthread_t t[THREADS], e;

	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, talk, (void *)i), 0);
	for (int i = 0; i < THREADS * ROUNDS; i++) {
		intptr_t fd = ioth_accept(lis, NULL, NULL);

		assert_true(fd >= 0);
		pthread_create(&e, NULL, echo, (void *)fd);
		pthread_detach(e);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	ioth_close(lis);
	end_server(pid);
}

/* --- the default --- */

/* In a program that was executed: what ioth_socket() gives it. */
static int executed(const char *domain)
{
	int fd = ioth_socket(atoi(domain), SOCK_STREAM, 0);
	int real = 0;
	socklen_t len = sizeof(real);

	if (fd < 0)
		return 100 + errno;
	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &real, &len);
	return real == AF_UNIX ? 1 : real == atoi(domain) ? 2 : 3;
}

static int by_exec(int domain)
{
	char word[8];
	int status;
	pid_t pid = fork();

	snprintf(word, sizeof(word), "%d", domain);
	if (pid == 0) {
		execl(self, self, "socket", word, NULL);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void default_is_inherited(void **state)
{
	pid_t pid = server(0, 0);

	assert_int_equal(by_exec(AF_INET), 2);
	assert_int_equal(msocket(path, AF_INET, SOCK_DEFAULT, 0), 0);
	assert_int_equal(by_exec(AF_INET), 1);
	assert_int_equal(by_exec(AF_INET6), 2);
	assert_int_equal(msocket(path, PF_UNSPEC, SOCK_DEFAULT, 0), 0);
	assert_int_equal(by_exec(AF_INET6), 1);
	assert_int_equal(msocket("", AF_INET6, SOCK_DEFAULT, 0), 0);
	assert_int_equal(by_exec(AF_INET6), 2);
	assert_int_equal(by_exec(AF_INET), 1);
	end_server(pid);
	assert_int_equal(by_exec(AF_INET), 100 + ENOENT);	/* not the machine's instead */
	assert_int_equal(msocket(NULL, PF_UNSPEC, SOCK_DEFAULT, 0), 0);
	assert_int_equal(by_exec(AF_INET), 2);
	assert_int_equal(msocket(path, PF_UNSPEC, SOCK_DEFAULT, 0), -1);
	assert_int_equal(msocket(NULL, 12345, SOCK_DEFAULT, 0), -1);
	assert_int_equal(errno, EAFNOSUPPORT);
}

/* --- other users --- */

static int open_one(void)
{
	int fd = msocket(path, AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno : 0;
}

static int open_raw(void)
{
	int fd = msocket(path, AF_INET, SOCK_RAW, IPPROTO_ICMP);

	return fd < 0 ? errno : 0;
}

static int open_all(void)
{
	int n = 0;

	while (n < 100 && msocket(path, AF_INET, SOCK_STREAM, 0) >= 0)
		n++;
	return errno == EMFILE ? n : 200;
}

static int open_in_turn(void)
{
	int fd[7];

	for (int i = 0; i < 7; i++)
		fd[i] = msocket(path, AF_INET, SOCK_STREAM, 0);
	for (int n = 0; n < 200; n++) {
		close(fd[n % 7]);
		fd[n % 7] = msocket(path, AF_INET, SOCK_STREAM, 0);
		if (fd[n % 7] < 0)
			return errno;
	}
	return 0;
}

static void the_mode_decides(void **state)
{
	pid_t pid;

	if (getuid() != 0)
		skip();		/* there is no other user to be had */
	pid = server(0600, 0);
	assert_int_equal(elsewhere(SERVER_UID, open_one), 0);
	assert_int_equal(elsewhere(CLIENT_UID, open_one), EACCES);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(elsewhere(CLIENT_UID, open_one), 0);
	end_server(pid);
}

static void others_have_a_share(void **state)
{
	pid_t pid;

	if (getuid() != 0)
		skip();
	pid = server(0666, 7);
	assert_int_equal(elsewhere(CLIENT_UID, open_raw), EPERM);
	assert_int_equal(elsewhere(CLIENT_UID, open_all), 7);
	assert_int_equal(elsewhere(CLIENT_UID, open_all), 7);	/* those have ended */
	assert_int_equal(elsewhere(SERVER_UID, open_raw), 0);
	end_server(pid);
}

/* A server that is late sees both at once: that one was closed, and that one is asked for. */
static void what_was_closed_counts_no_more(void **state)
{
	pid_t pid, client;
	int status;

	if (getuid() != 0)
		skip();
	pid = server(0666, 7);
	client = start_elsewhere(CLIENT_UID, open_in_turn);
	while (waitpid(client, &status, WNOHANG) == 0) {
		kill(pid, SIGSTOP);
		usleep(500);
		kill(pid, SIGCONT);
		usleep(500);
	}
	assert_int_equal(status, 0);
	end_server(pid);
}

/* Linux takes AF_INET with SOCK_PACKET for AF_PACKET, which sees all frames. */
static int open_packet(void)
{
	return msocket(path, AF_INET, SOCK_PACKET, htons(ETH_P_ALL)) < 0 ? errno : 0;
}

static int open_dgram(void)
{
	return msocket(path, AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0) < 0 ? errno : 0;
}

static void others_see_no_frames(void **state)
{
	struct serve_conf conf = { .path = path, .mode = 0666, .gid = (gid_t)-1, .node.kernel = true };
	pid_t pid;

	if (getuid() != 0)
		skip();
	pid = serve(&conf, 0);
	if (!pid)
		skip();		/* no namespaces */
	assert_int_equal(elsewhere(CLIENT_UID, open_raw), EPERM);
	assert_int_equal(elsewhere(CLIENT_UID, open_packet), EPERM);
	assert_int_equal(elsewhere(CLIENT_UID, open_dgram), 0);
	assert_int_equal(elsewhere(SERVER_UID, open_packet), 0);
	end_server(pid);
}

/* --- a server that lies --- */

static int peek(const struct serve_mem *m, uint64_t addr, void *buf, size_t n)
{
	memcpy(buf, (void *)(uintptr_t)addr, n);
	return 0;
}

static int poke_at(const struct serve_mem *m, uint64_t addr, const void *buf, size_t n)
{
	memcpy((void *)(uintptr_t)addr, buf, n);
	return 0;
}

static int lied(int nr, uint64_t a1, uint64_t a2, uint64_t flags, int64_t ret)
{
	const struct serve_mem mem = { peek, poke_at, 0 };
	struct sockaddr_in sin = at(1);
	socklen_t len = sizeof(sin);
	uint64_t args[6] = { 0, a1, a2, flags, (uintptr_t)&sin, (uintptr_t)&len };
	struct serve_pack p = { .mem = xzalloc(SERVE_ROOM), .ahead = -1 };
	int e;

	if (nr == SYS_sendto)
		args[5] = sizeof(sin);
	assert_int_equal(serve_pack(&p, &mem, nr, args), 0);
	e = serve_unpack(&p, &mem, ret);
	serve_pack_end(&p);
	return e;
}

/* Who believed it would read beyond what he gave. */
static void no_more_than_there_was_room_for(void **state)
{
	char b[10];
	struct iovec iov = { b, sizeof(b) };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	assert_int_equal(lied(SYS_recvfrom, (uintptr_t)b, sizeof(b), 0, 10), 0);
	assert_int_equal(lied(SYS_recvfrom, (uintptr_t)b, sizeof(b), 0, 11), -EPROTO);
	assert_int_equal(lied(SYS_recvfrom, (uintptr_t)b, sizeof(b), MSG_TRUNC, 11), 0);
	assert_int_equal(lied(SYS_sendto, (uintptr_t)b, sizeof(b), 0, 11), -EPROTO);
	assert_int_equal(lied(SYS_recvmsg, (uintptr_t)&mh, 0, 0, 10), 0);
	assert_true(lied(SYS_recvmsg, (uintptr_t)&mh, 0, 0, 11) < 0);
	assert_int_equal(lied(SYS_recvmsg, (uintptr_t)&mh, MSG_TRUNC, 0, 11), 0);
}

/* NULL is told before anything is asked. */
static void nowhere_is_told(void **state)
{
	const struct serve_mem mem = { peek, poke_at, 0 };
	const uint64_t filter[6] = { 0, SOL_SOCKET, SO_ATTACH_FILTER, 0, sizeof(struct sock_fprog) };
	struct serve_pack p = { .mem = xzalloc(SERVE_ROOM), .ahead = -1 };

	assert_int_equal(serve_pack(&p, &mem, SYS_setsockopt, filter), -EFAULT);
	assert_int_equal(serve_pack(&p, &mem, SYS_ioctl, (uint64_t[6]){ 0, SIOCADDRT }), -EFAULT);
	assert_int_equal(serve_pack(&p, &mem, SYS_ioctl, (uint64_t[6]){ 0, SIOCGIFCONF }), -EFAULT);
	serve_pack_end(&p);
}

/* --- users who take all that they can get --- */

#define FDS	300		/* that the server may have */

static int ask(int conn, int nr, int fd, uint64_t a0, uint64_t a1)
{
	struct serve_pack p = { .ask = { .magic = SERVE_MAGIC, .nr = nr, .room = 64 } };

	memcpy(p.ask.args, (uint64_t[6]){ a0, a1, 64, MSG_TRUNC }, sizeof(p.ask.args));
	return serve_send(conn, &p, fd, MSG_DONTWAIT);
}

static int connection(void)
{
	struct ucred cred;

	return serve_connect(path, &cred);
}

/* Connections. */
static void take_connections(void)
{
	for (int i = 0; i < FDS; i++)
		connection();
}

/* Calls that wait. */
static void take_calls(void)
{
	int fd = msocket(path, AF_INET, SOCK_DGRAM, 0), conn = connection();

	for (int i = 0; i < FDS; i++) {
		while (ask(conn, SYS_recvfrom, fd, 0, SERVE_MEM) == -EAGAIN)
			usleep(1000);
	}
}

/* Descriptors, which nobody takes from where they are. */
static void take_sockets(void)
{
	for (int i = 0; i < 20; i++) {
		int conn = connection();

		for (int k = 0; k < FDS; k++)
			ask(conn, SYS_socket, -1, AF_INET, SOCK_DGRAM);
	}
}

/* Says so when the server has dealt with it, and keeps it. */
static pid_t greedy(void (*take)(void))
{
	int done[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		if (setresgid(CLIENT_UID, CLIENT_UID, CLIENT_UID) < 0 ||
		    setresuid(CLIENT_UID, CLIENT_UID, CLIENT_UID) < 0)
			_exit(1);
		alarm(60);
		take();
		usleep(300000);
		if (write(done[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	close(done[0]);
	return pid;
}

static void spares_others(void (*take)(void), bool kernel)
{
	struct serve_conf conf = { .path = path, .mode = 0666, .gid = (gid_t)-1,
				   .node.kernel = kernel };
	pid_t pid, taker;

	if (getuid() != 0)
		skip();
	pid = serve(&conf, FDS);
	if (!pid)
		skip();		/* no namespaces */
	taker = greedy(take);
	assert_int_equal(elsewhere(NICE_UID, open_one), 0);
	kill(taker, SIGKILL);
	waitpid(taker, NULL, 0);
	for (int i = 0; elsewhere(CLIENT_UID, open_one) != 0; i++) {
		assert_true(i < 500);	/* the server has yet to see that the taker is gone */
		usleep(20000);
	}
	end_server(pid);
}

/* The server's user has more descriptors under way than one of his processes may have open:
 * in another process, until that ends. */
static pid_t much_under_way(void)
{
	int ready[2], pair[2], fd[100];
	struct iovec iov = { "x", 1 };
	RIGHTS(100) ctl;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		setresuid(SERVER_UID, SERVER_UID, SERVER_UID);
		alarm(60);
		socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
		for (int i = 0; i < 100; i++)
			fd[i] = ready[0];
		for (int i = 0; i <= FDS; i += 100) {
			struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

			rights_put(&mh, &ctl, fd, 100);
			if (sendmsg(pair[0], &mh, 0) < 0)
				_exit(1);
		}
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &(char){ 0 }, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* He gives nothing then, and throws nobody out. */
static void nothing_more_can_be_sent(void **state)
{
	struct serve_conf conf = { .path = path, .gid = (gid_t)-1 };
	pid_t pid, other;
	uint16_t port;
	int lis, fd;

	if (getuid() != 0)
		skip();
	pid = serve(&conf, FDS);
	lis = listener(&port);
	fd = dial(port);
	other = much_under_way();
	assert_int_equal(msocket(path, AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(errno, ETOOMANYREFS);
	assert_int_equal(ioth_accept(lis, NULL, NULL), -1);
	assert_int_equal(errno, ETOOMANYREFS);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	ioth_close(ioth_accept(lis, NULL, NULL));
	ioth_close(fd);
	ioth_close(dial(port));
	ioth_close(lis);
	end_server(pid);
}

static void taker_of_connections(void **state)
{
	spares_others(take_connections, false);
}

static void taker_of_calls(void **state)
{
	spares_others(take_calls, false);
}

static void taker_of_sockets(void **state)
{
	spares_others(take_sockets, false);
}

static void taker_of_real_sockets(void **state)
{
	spares_others(take_sockets, true);
}

/* Of calls that wait, each with as much memory as one may have. */
static void memory_of_calls_has_a_limit(void **state)
{
	struct serve_conf conf = { .path = path, .gid = (gid_t)-1 };
	struct serve_pack p = { .ask = { .magic = SERVE_MAGIC, .nr = SYS_recvfrom, .room = SERVE_ROOM,
					 .args = { 0, SERVE_MEM, 64, MSG_TRUNC } },
				.mem = xzalloc(SERVE_ROOM), .len = SERVE_ROOM };
	struct serve_answer an = { .ret = 0 };
	pid_t pid = serve(&conf, 0);
	int fd = msocket(path, AF_INET, SOCK_DGRAM, 0), conn = connection(), n = 0;

	while (n < 1000 && recv(conn, &an, sizeof(an), MSG_DONTWAIT) < 0) {
		assert_int_equal(serve_send(conn, &p, fd, 0), 0);
		n++;
	}
	assert_int_equal(an.ret, -ENOBUFS);
	assert_in_range(n, (32 << 20) / SERVE_ROOM, 400);
	close(conn);
	for (int i = 0; (fd = msocket(path, AF_INET, SOCK_DGRAM, 0)) < 0; i++) {
		assert_true(i < 500);
		usleep(10000);
	}
	ioth_close(fd);
	free(p.mem);
	end_server(pid);
}

/* A supervisor that keeps to itself what became of the connections it was given. */
static void who_never_tells_is_shown_out(void **state)
{
	struct serve_conf conf = { .path = path, .gid = (gid_t)-1 };
	struct serve_pack p = { .ask = { .magic = SERVE_MAGIC, .nr = SYS_accept4,
					 .flags = SERVE_SUPERVISOR } };
	pid_t pid = serve(&conf, FDS);
	uint16_t port;
	int lis = listener(&port), conn = connection(), n = 0;
	ssize_t got;
	char b[64];

	do {
		int fd = dial(port);

		serve_send(conn, &p, lis, 0);
		got = recv(conn, b, sizeof(b), 0);
		ioth_close(fd);
	} while (got > 0 && ++n < FDS);
	assert_true(got <= 0 && n > 16);
	close(conn);
	ioth_close(dial(port));
	ioth_close(lis);
	end_server(pid);
}

/* --- a user who lets others send to his end of a socket's pair --- */

/* A connection whose end takes a thousand seconds, unless its peer ends. */
static void linger(int *fd, int *peer)
{
	struct sockaddr_in sin = at(0);
	socklen_t len = sizeof(sin);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	static char much[65536];

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(l, 1), 0);
	assert_int_equal(getsockname(l, (struct sockaddr *)&sin, &len), 0);
	assert_int_equal(connect(*fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	*peer = accept(l, NULL, NULL);
	close(l);
	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 1000 }, sizeof(struct linger));
	while (send(*fd, much, sizeof(much), MSG_DONTWAIT) > 0)
		;
}

/* A call waits with the socket; the other descriptor lies in its queue; and nobody but the
 * server has either any more. */
static void part_and_leave(int slow, int others_closed)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	struct iovec iov = { "x", 1 };
	struct msghdr mh = { .msg_name = &name, .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = msocket(path, AF_INET, SOCK_DGRAM, 0), conn = connection();
	RIGHTS(1) ctl;

	if (ask(conn, SYS_recvfrom, fd, 0, SERVE_MEM) < 0)
		_exit(4);
	usleep(100000);			/* until it waits */
	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0 ||
	    connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr)) < 0)
		_exit(1);
	mh.msg_namelen = len;
	rights_put(&mh, &ctl, &slow, 1);
	if (sendmsg(socket(AF_UNIX, SOCK_DGRAM, 0), &mh, 0) < 0)
		_exit(2);
	_exit(read(others_closed, &(char){ 0 }, 1) == 0 ? 0 : 3);
}

static void who_fills_his_end_stops_nobody(void **state)
{
	struct serve_conf conf = { .path = path, .mode = 0666, .gid = (gid_t)-1 };
	int slow, peer, closed[2], status;
	pid_t pid, rude;

	if (getuid() != 0)
		skip();
	pid = serve(&conf, 0);
	linger(&slow, &peer);
	assert_int_equal(pipe(closed), 0);
	rude = fork();
	if (rude == 0) {
		close(closed[1]);
		if (setresgid(CLIENT_UID, CLIENT_UID, CLIENT_UID) < 0 ||
		    setresuid(CLIENT_UID, CLIENT_UID, CLIENT_UID) < 0)
			_exit(99);
		part_and_leave(slow, closed[0]);
	}
	close(slow);
	close(closed[0]);
	close(closed[1]);
	assert_int_equal(waitpid(rude, &status, 0), rude);
	assert_int_equal(status, 0);
	usleep(100000);			/* it has seen that he left */
	alarm(30);
	assert_int_equal(elsewhere(NICE_UID, open_one), 0);
	alarm(0);
	end_server(pid);
	close(peer);
}

static int setup(void **state)
{
	if (!mkdtemp(dir) || chmod(dir, 0777) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/stack", dir);
	uid = 10000 + 3 * ((uid_t)getpid() % 10000);
	return 0;
}

static int teardown(void **state)
{
	return rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(children_have_it_too),
		cmocka_unit_test(who_dies_while_connecting_has_nothing),
		cmocka_unit_test(who_inherits_a_connecting_socket_has_it),
		cmocka_unit_test(signals_interrupt),
		cmocka_unit_test(many_threads),
		cmocka_unit_test(default_is_inherited),
		cmocka_unit_test(the_mode_decides),
		cmocka_unit_test(others_have_a_share),
		cmocka_unit_test(what_was_closed_counts_no_more),
		cmocka_unit_test(others_see_no_frames),
		cmocka_unit_test(no_more_than_there_was_room_for),
		cmocka_unit_test(nowhere_is_told),
		cmocka_unit_test(memory_of_calls_has_a_limit),
		cmocka_unit_test(who_never_tells_is_shown_out),
		cmocka_unit_test(nothing_more_can_be_sent),
		cmocka_unit_test(taker_of_connections),
		cmocka_unit_test(taker_of_calls),
		cmocka_unit_test(taker_of_sockets),
		cmocka_unit_test(taker_of_real_sockets),
		cmocka_unit_test(who_fills_his_end_stops_nobody),
	};

	self = argv[0];
	if (argc == 3)
		return executed(argv[2]);
	return cmocka_run_group_tests(tests, setup, teardown);
}
