/* Threads make stacks on one switch, talk to each other's and delete them: nothing that came for one
 * is found by the next, and nothing is left. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/base.h"
#include "base/log.h"
#include "ioth.h"
#include "switch_here.h"
#include "unit.h"

#define THREADS		4
#define LIVES		25	/* of each thread */
#define STEPS		30	/* of each life */
#define SOCKETS		5

static atomic_uint introduced;

enum { DGRAM, LISTENER, STREAM, NETLINK, PACKET };

static void heard(void *arg, const char *line)
{
	introduced += strstr(line, "introduction") && strstr(line, "joined");
}

static unsigned descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct sockaddr_in at(unsigned who)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(7),
				     .sin_addr.s_addr = htonl(0x0a000001 + who % THREADS) };
}

/* Questions whose answers nobody reads, and news. */
static void ask(int fd)
{
	struct {
		struct nlmsghdr h;
		struct rtgenmsg g;
	} q = { { sizeof(q), RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, 0, 0 }, { AF_UNSPEC } };
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_NEIGH };

	ioth_bind(fd, (struct sockaddr *)&nl, sizeof(nl));
	ioth_send(fd, &q, sizeof(q), 0);
}

static void open_all(struct ioth *s, unsigned me, int fd[SOCKETS])
{
	static const int kind[SOCKETS][3] = {
		[DGRAM] = { AF_INET, SOCK_DGRAM, 0 }, [LISTENER] = { AF_INET, SOCK_STREAM, 0 },
		[STREAM] = { AF_INET, SOCK_STREAM, 0 }, [NETLINK] = { AF_NETLINK, SOCK_RAW, NETLINK_ROUTE },
		[PACKET] = { AF_PACKET, SOCK_DGRAM, 0x300 /* ETH_P_ALL */ },
	};
	struct sockaddr_in own = at(me), next = at(me + 1);

	for (int i = 0; i < SOCKETS; i++) {
		fd[i] = ioth_msocket(s, kind[i][0], kind[i][1] | SOCK_NONBLOCK, kind[i][2]);
		assert_true(fd[i] >= 0);
	}
	assert_int_equal(ioth_bind(fd[DGRAM], (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(ioth_bind(fd[LISTENER], (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(ioth_listen(fd[LISTENER], 4), 0);
	ioth_connect(fd[STREAM], (struct sockaddr *)&next, sizeof(next));
	ask(fd[NETLINK]);
}

/* Enough that the switch introduces the two. */
static unsigned talk(const int fd[SOCKETS], unsigned me, unsigned step)
{
	static const char much[8000];
	struct sockaddr_in to = at(me + 1 + step % (THREADS - 1));
	struct pollfd p[SOCKETS];
	char buf[sizeof(much)];
	unsigned got = 0;
	int new;

	for (int i = 0; i < 4; i++)
		ioth_sendto(fd[DGRAM], much, 1000, 0, (struct sockaddr *)&to, sizeof(to));
	ioth_send(fd[STREAM], much, sizeof(much), MSG_NOSIGNAL);
	new = ioth_accept4(fd[LISTENER], NULL, NULL, SOCK_NONBLOCK);
	if (new >= 0) {
		got += ioth_recv(new, buf, sizeof(buf), 0) > 0;
		ioth_close(new);
	}
	for (int i = 0; i < SOCKETS; i++)
		p[i] = (struct pollfd){ fd[i], POLLIN, 0 };
	ioth_poll(p, SOCKETS, step % 3 == 0);
	for (int i = 0; i < 4; i++)
		got += ioth_recv(fd[DGRAM], buf, sizeof(buf), 0) > 0;
	return got;
}

/* By close(2) nobody is told. */
static void close_all(const int fd[SOCKETS], unsigned life)
{
	for (int i = 0; i < SOCKETS; i++) {
		if ((life + (unsigned)i) % 3)
			ioth_close(fd[i]);
		else
			close(fd[i]);
	}
}

static void end(struct ioth *s)
{
	for (int i = 0; ioth_delstack(s) < 0; i++) {
		assert_int_equal(errno, EBUSY);
		assert_true(i < 3000);
		usleep(1000);
	}
}

static struct ioth *begin(const char *locator, unsigned me)
{
	struct ioth *s = ioth_newstack("native", locator);
	struct in_addr a = at(me).sin_addr;

	assert_non_null(s);
	assert_int_equal(ioth_ipaddr_add(s, AF_INET, &a, 24, ioth_if_nametoindex(s, "eth0")), 0);
	return s;
}

static void *live(void *arg)
{
	unsigned me = (unsigned)(uintptr_t)arg;
	uintptr_t got = 0;
	int fd[SOCKETS];

	for (unsigned life = 0; life < LIVES; life++) {
		struct ioth *s = begin(path, me);

		open_all(s, me, fd);
		for (unsigned step = 0; step < STEPS; step++)
			got += talk(fd, me, step);
		close_all(fd, life);
		end(s);
	}
	return (void *)got;
}

static void *run_switch(void *stop)
{
	while (!atomic_load((atomic_bool *)stop)) {
		loop_wait(loop, now_mono() + USEC_PER_MSEC);
		switch_run(sw, now_mono());
	}
	return NULL;
}

/* How many times something came. */
static unsigned long all_live(void)
{
	pthread_t t[THREADS];
	unsigned long got = 0;
	void *some;

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, live, (void *)(uintptr_t)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], &some);
		got += (uintptr_t)some;
	}
	return got;
}

/* How many threads wait at once, who each need an eventfd that is kept, is chance; and beside others
 * who use the machine, whether they meet. */
static void lives_leave_nothing(void **state)
{
	unsigned long got = all_live();
	unsigned before = descriptors(), after;

	for (int i = 0; i < 30 && (i == 0 || !got || !introduced); i++)
		got += all_live();
	after = descriptors();
	assert_true(got > 0);
	assert_true(introduced > 0);
	assert_in_range(after, 1, before + THREADS);
}

/* The parent's set is closed in the child, who begins a new one. */
static void child_lives_alone(void **state)
{
	struct ioth *s = begin(path, 0);
	int fd[SOCKETS], status;
	pid_t pid;

	open_all(s, 0, fd);
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (pid == 0) {
			alarm(60);
			live((void *)1);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		talk(fd, 0, (unsigned)i);
	}
	close_all(fd, 1);
	end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives_leave_nothing),
		cmocka_unit_test(child_lives_alone),
	};
	atomic_bool stop = false;
	pthread_t t;
	int ret;

	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_DEBUG);
	log_to(heard, NULL);
	here_dir();
	here_start((struct switch_conf){ 0 });
	pthread_create(&t, NULL, run_switch, &stop);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	return ret + here_end();
}
