/* Threads that share sockets do whatever comes to their minds; nothing hangs, and nothing is left. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"
#include "ioth.h"
#include "node/kind.h"
#include "open_sockets.h"
#include "unit.h"

#define THREADS	4
#define SLOTS	24
#define DEEDS	2000	/* of a thread */

static struct ioth *stacks[2];
static int slots[SLOTS];	/* atomic; -1: empty */
static int listeners[6];	/* of either stack, at each port */
static int payload;		/* a file */

static struct sockaddr_in at(unsigned r)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)(7 + r % 3)),
				     .sin_addr.s_addr = htonl(0x0a000001) };
}

static void put(int fd, unsigned r)
{
	int old = fd < 0 ? fd : __atomic_exchange_n(&slots[r % SLOTS], fd, __ATOMIC_SEQ_CST);

	if (old >= 0)
		ioth_close(old);
}

static void dial(int fd, unsigned r)
{
	struct sockaddr_in sin = at(r);

	ioth_connect(fd, (struct sockaddr *)&sin, sizeof(sin));
}

/* Who waits ends; accepted ones inherit it. */
static void be_patient(int fd, unsigned r)
{
	struct timeval tv = { 0, 1 + r % 3000 };

	ioth_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	ioth_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static void make(int fd, unsigned r)
{
	int type = r & 4 ? SOCK_DGRAM : SOCK_STREAM, new;

	new = ioth_msocket(stacks[r & 1], AF_INET, type | SOCK_NONBLOCK, 0);
	be_patient(new, r);
	dial(new, r >> 3);
	put(new, r >> 5);
}

static void name(int fd, unsigned r)
{
	struct sockaddr_in sin = at(r);

	if (ioth_bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 && r & 8)
		ioth_listen(fd, 4);
}

static void take(int fd, unsigned r)
{
	put(ioth_accept4(r & 7 ? listeners[r % 6] : fd, NULL, NULL, SOCK_NONBLOCK), r);
}

static void copy(int fd, unsigned r)
{
	put(ioth_fcntl(fd, F_DUPFD_CLOEXEC, 0), r);
}

static void finish(int fd, unsigned r)
{
	int old = __atomic_exchange_n(&slots[r % SLOTS], -1, __ATOMIC_SEQ_CST);

	if (old >= 0 && r & 64)
		ioth_setsockopt(old, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
				sizeof(struct linger));
	if (old >= 0)
		ioth_close(old);
}

static void send_some(int fd, unsigned r)
{
	static const char much[70000];

	ioth_send(fd, much, r & 8 ? sizeof(much) : r % 100, MSG_NOSIGNAL);
}

static void send_message(int fd, unsigned r)
{
	struct iovec v[2] = { { "some", 4 }, { "thing", r % 6 } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	ioth_sendmsg(fd, &m, MSG_NOSIGNAL);
}

static void send_file(int fd, unsigned r)
{
	ioth_sendfile(fd, payload, &(off_t){ 0 }, r % 5000);
}

static void receive(int fd, unsigned r)
{
	char buf[50000];

	ioth_recv(fd, buf, r % sizeof(buf), r & 16 ? MSG_PEEK : r & 32 ? MSG_TRUNC : 0);
}

static void receive_message(int fd, unsigned r)
{
	char buf[100], ctl[100];
	struct iovec v = { buf, r % sizeof(buf) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };

	ioth_recvmsg(fd, &m, 0);
}

/* Until the timeout. Others may wait in what they do meanwhile. */
static void receive_waiting(int fd, unsigned r)
{
	char c;

	ioth_fcntl(fd, F_SETFL, 0);
	ioth_recv(fd, &c, 1, 0);
	ioth_fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void look(int fd, unsigned r)
{
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);

	ioth_poll(&p, 1, (int)(r % 3));
	ioth_getpeername(fd, (struct sockaddr *)&sin, &len);
	ioth_getsockopt(fd, SOL_SOCKET, SO_ERROR, &(int){ 0 }, &(socklen_t){ sizeof(int) });
}

static void shut(int fd, unsigned r)
{
	ioth_shutdown(fd, (int)(r % 3));
}

static void *deeds(void *arg)
{
	static void (*const all[])(int fd, unsigned r) = {
		make, make, name, dial, take, take, copy, finish, send_some, send_some,
		send_message, send_file, receive, receive, receive_message, receive_waiting, look,
		shut,
	};
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < DEEDS; i++) {
		unsigned r = (unsigned)rand_r(&seed);
		int fd = __atomic_load_n(&slots[(unsigned)rand_r(&seed) % SLOTS], __ATOMIC_SEQ_CST);

		all[(unsigned)rand_r(&seed) % ARRAY_LEN(all)](fd, r);
	}
	return NULL;
}

static struct ioth *node(const char *kind)
{
	struct ioth *s = ioth_newstack(kind, "null://");
	struct in_addr a = { htonl(0x0a000001) };

	assert_non_null(s);
	assert_int_equal(ioth_ipaddr_add(s, AF_INET, &a, 24, ioth_if_nametoindex(s, "eth0")), 0);
	return s;
}

static int listener(struct ioth *s, unsigned port)
{
	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in sin = at(port);

	assert_int_equal(ioth_bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(ioth_listen(fd, 4), 0);
	be_patient(fd, 2000);
	return fd;
}

static void end(struct ioth *s)
{
	for (int i = 0; ioth_delstack(s) < 0; i++) {
		assert_true(i < 1000);
		usleep(10000);
	}
}

static void round_of_deeds(unsigned seed)
{
	pthread_t t[THREADS];

	for (int i = 0; i < SLOTS; i++)
		slots[i] = -1;
	stacks[0] = node("native");
	stacks[1] = node("native,plain=0");
	for (unsigned i = 0; i < ARRAY_LEN(listeners); i++)
		listeners[i] = listener(stacks[i % 2], i / 2);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, deeds, (void *)(uintptr_t)(seed + i));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (unsigned i = 0; i < SLOTS; i++)
		finish(-1, i);
	for (unsigned i = 0; i < ARRAY_LEN(listeners); i++)
		ioth_close(listeners[i]);
	end(stacks[0]);
	end(stacks[1]);
}

static void threads_do_anything(void **state)
{
	char file[] = "/tmp/stress.XXXXXX";
	unsigned before;

	signal(SIGPIPE, SIG_IGN);	/* sendfile's */
	payload = mkstemp(file);
	assert_int_equal(ftruncate(payload, 5000), 0);
	unlink(file);
	round_of_deeds(1);
	before = open_sockets();		/* what a process has once may stay */
	round_of_deeds(101);
	assert_int_equal(open_sockets(), before);
	close(payload);
}

static void *wait_there(void *arg)
{
	char c;

	return (void *)(intptr_t)(ioth_recv(*(int *)arg, &c, 1, 0) < 0 ? errno : 0);
}

/* Who waited at a descriptor that was closed reads nothing of what has its number next. */
static void number_is_not_anothers(void **state)
{
	int pair[2], fd[2], l;

	stacks[0] = node("native,plain=0");
	l = listener(stacks[0], 0);
	for (int i = 0; i < 300; i++) {
		char c = 0;
		void *why;
		pthread_t t;

		pair[0] = ioth_msocket(stacks[0], AF_INET, SOCK_STREAM, 0);
		dial(pair[0], 0);
		pair[1] = ioth_accept4(l, NULL, NULL, SOCK_NONBLOCK);
		ioth_fcntl(pair[1], F_SETFL, 0);
		be_patient(pair[1], 2999);
		pthread_create(&t, NULL, wait_there, &pair[0]);
		while (__atomic_load_n(&stacks[0]->calls, __ATOMIC_SEQ_CST) == 0)
			sched_yield();		/* later the number would be another's for him, too */
		usleep(200);
		ioth_close(pair[0]);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
		assert_int_equal(write(fd[0], "x", 1) + write(fd[1], "y", 1), 2);
		pthread_join(t, &why);
		assert_int_equal((intptr_t)why, EBADF);
		assert_int_equal(read(fd[0], &c, 1), 1);
		assert_int_equal(c, 'y');
		assert_int_equal(read(fd[1], &c, 1), 1);
		assert_int_equal(c, 'x');
		close(fd[0]);
		close(fd[1]);
		ioth_close(pair[1]);
	}
	ioth_close(l);
	end(stacks[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_do_anything),
		cmocka_unit_test(number_is_not_anothers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
