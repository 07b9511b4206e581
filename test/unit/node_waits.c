/* node_waits.c - ioth_poll, ioth_ppoll, ioth_select: many descriptors, others among
 * them, masks
 *
 * That no system call is made is tested by threads that may make none (deny()).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node_here.h"

#define MANY	100

static void write_x(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

/* --- without system calls --- */

#define NR(nr)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1), \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)

/* The kernel tells this thread of no descriptor. */
static void deny(void)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_poll
		NR(SYS_poll), NR(SYS_select),
#endif
		NR(SYS_ppoll), NR(SYS_pselect6), NR(SYS_sendto), NR(SYS_recvfrom), NR(SYS_getsockopt),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(*code), code };

	assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	assert_int_equal(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog), 0);
}

struct many {
	struct here	h;
	int		fd[MANY][2];
	struct pollfd	p[MANY];
};

static void many_begin(struct many *m)
{
	m->h = here_begin();
	for (int i = 0; i < MANY; i++) {
		here_join(&m->h, m->fd[i]);
		m->p[i] = in(m->fd[i][1]);
	}
}

static void many_end(struct many *m)
{
	for (int i = 0; i < MANY; i++) {
		ioth_close(m->fd[i][0]);
		ioth_close(m->fd[i][1]);
	}
	here_end(&m->h);
}

static void select_one(int fd)
{
	fd_set out, set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	out = set;
	assert_int_equal(ioth_select(fd + 1, &set, &out, NULL, NULL), 2);
	assert_true(FD_ISSET(fd, &set) && FD_ISSET(fd, &out));
}

static void *denied(void *arg)
{
	struct timespec ts = { .tv_nsec = 999999999 };
	struct many *m = arg;
	sigset_t none;

	deny();
	sigemptyset(&none);
	for (int i = 0; i < MANY; i++) {
		put(m->fd[i][0], "x");
		assert_int_equal(ioth_poll(m->p, MANY, SOON), 1);
		assert_int_equal(m->p[i].revents, POLLIN);
		assert_int_equal(ioth_ppoll(m->p, MANY, &ts, NULL), 1);
		assert_int_equal(ioth_ppoll(m->p, MANY, NULL, &none), 1);	/* ready at once */
		select_one(m->fd[i][1]);
		get(m->fd[i][1], "x");
		assert_int_equal(ioth_poll(m->p, MANY, 0), 0);
	}
	return NULL;
}

static void no_system_call(void **state)
{
	struct many m;
	pthread_t t;

	many_begin(&m);
	for (int i = 0; i < MANY; i++)
		by_calls(m.fd[i][1]);
	assert_int_equal(ioth_poll(m.p, MANY, 0), 0);
	assert_int_equal(pthread_create(&t, NULL, denied, &m), 0);
	pthread_join(t, NULL);
	many_end(&m);
}

/* --- others among them --- */

static void one_of_many(void **state)
{
	struct pollfd p[MANY + 2];
	struct many m;
	struct late l;
	int pip[2];

	many_begin(&m);
	assert_int_equal(pipe(pip), 0);
	memcpy(p + 1, m.p, sizeof(m.p));
	p[0] = in(-1);
	p[MANY + 1] = in(pip[0]);
	for (int i = 0; i < MANY; i += 13) {
		later(&l, put_x, m.fd[i][0]);
		assert_int_equal(ioth_poll(p, MANY + 2, SOON), 1);
		assert_int_equal(p[1 + i].revents, POLLIN);
		pthread_join(l.thread, NULL);
		write_x(pip[1]);
		assert_int_equal(ioth_poll(p, MANY + 2, 0), 2);
		assert_int_equal(p[MANY + 1].revents, POLLIN);
		assert_int_equal(read(pip[0], &(char){ 0 }, 1), 1);
		get(m.fd[i][1], "x");
		assert_int_equal(ioth_poll(p, MANY + 2, 0), 0);
		later(&l, write_x, pip[1]);
		assert_int_equal(ioth_poll(p, MANY + 2, -1), 1);
		assert_int_equal(p[MANY + 1].revents, POLLIN);
		pthread_join(l.thread, NULL);
		assert_int_equal(read(pip[0], &(char){ 0 }, 1), 1);
	}
	close(pip[0]);
	close(pip[1]);
	p[MANY + 1] = in(pip[0]);		/* as poll(2): no error, but told of */
	assert_int_equal(ioth_poll(p, MANY + 2, SOON), 1);
	assert_int_equal(p[MANY + 1].revents, POLLNVAL);
	many_end(&m);
}

static void of_two_stacks(void **state)
{
	struct here a = here_begin(), b = here_begin();
	struct pollfd p[3] = { in(a.fd[1]), in(b.fd[1]), in(a.lis) };
	struct late l;

	by_calls(a.fd[1]);
	by_calls(b.fd[1]);
	assert_int_equal(ioth_poll(&p[0], 1, 0) + ioth_poll(&p[1], 1, 0), 0);
	assert_int_equal(ioth_poll(p, 3, 0), 0);
	put(b.fd[0], "x");
	assert_int_equal(ioth_poll(p, 3, 0), 1);	/* at once */
	assert_int_equal(p[1].revents, POLLIN);
	get(b.fd[1], "x");
	for (int i = 0; i < 4; i++) {
		later(&l, put_x, i % 2 ? a.fd[0] : b.fd[0]);
		assert_int_equal(ioth_poll(p, 3, SOON), 1);
		assert_int_equal(p[!(i % 2)].revents, POLLIN);
		pthread_join(l.thread, NULL);
		get(p[!(i % 2)].fd, "x");
		assert_int_equal(ioth_poll(p, 3, 1), 0);
	}
	here_end(&a);
	here_end(&b);
}

/* Its pair shows nothing of what is told of by calls, unless it is asked for by its name. */
static void of_a_copy(void **state)
{
	struct here h = here_begin();
	int copy = ioth_fcntl(h.fd[1], F_DUPFD, 0);
	struct pollfd p[2] = { in(copy), in(h.fd[1]) };

	assert_true(copy >= 0);
	by_calls(h.fd[1]);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ioth_poll(&p[1], 1, 0), 0);
		assert_int_equal(ioth_poll(p, 2, 0), 0);
		put(h.fd[0], "x");
		assert_int_equal(ioth_poll(&p[1], 1, SOON), 1);
		assert_int_equal(ioth_poll(p, 2, 0), 2);
		assert_int_equal(ioth_poll(p, 1, 0), 1);
		get(h.fd[1], "x");
	}
	ioth_close(copy);
	here_end(&h);
}

static void close_it(int fd)
{
	ioth_close(fd);
}

/* Who waits by calls for a socket that another thread closes is told. poll(2) is not, nor is who
 * waits in the kernel. */
static void closed_meanwhile(void **state)
{
	struct here h = here_begin();
	struct pollfd p = in(h.fd[1]);
	struct late l;

	by_calls(h.fd[1]);
	later(&l, close_it, h.fd[1]);
	assert_int_equal(ioth_poll(&p, 1, -1), 1);
	assert_int_equal(p.revents, POLLNVAL);
	pthread_join(l.thread, NULL);
	h.fd[1] = -1;
	here_end(&h);
}

/* --- masks --- */

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	caught = sig;
}

/* SIGUSR1 is caught, and waits. */
struct masked {
	struct sigaction was;
	sigset_t usr1, none;
};

static void mask_begin(struct masked *m, int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &sa, &m->was);
	sigemptyset(&m->none);
	sigemptyset(&m->usr1);
	sigaddset(&m->usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &m->usr1, NULL);
}

static void mask_end(struct masked *m)
{
	pthread_sigmask(SIG_UNBLOCK, &m->usr1, NULL);
	sigaction(SIGUSR1, &m->was, NULL);
}

static void masks(void **state)
{
	struct here h = here_begin();
	struct pollfd p = in(h.fd[1]);
	struct timespec no = { 0 }, soon = { SOON / 1000, 0 };
	struct masked m;

	by_calls(h.fd[1]);
	mask_begin(&m, SA_RESTART);
	assert_int_equal(ioth_ppoll(&p, 1, &no, &m.none), 0);
	raise(SIGUSR1);				/* it waits */
	put(h.fd[0], "x");
	assert_int_equal(ioth_ppoll(&p, 1, &soon, &m.usr1), 1);
	assert_int_equal(ioth_ppoll(&p, 1, &soon, &m.none), 1);	/* ppoll(2): what is ready comes first */
	assert_int_equal(caught, 0);
	get(h.fd[1], "x");
	assert_int_equal(ioth_ppoll(&p, 1, &no, NULL), 0);
	assert_int_equal(ioth_ppoll(&p, 1, &no, &m.usr1), 0);
	assert_int_equal(caught, 0);
	assert_int_equal(ioth_ppoll(&p, 1, &no, &m.none), -1);
	assert_int_equal(errno, EINTR);
	assert_int_equal(caught, SIGUSR1);
	mask_end(&m);
	here_end(&h);
}

static pthread_t waits;

static void signal_it(int sig)
{
	pthread_kill(waits, sig);
}

/* A signal that only the mask lets in ends a wait that has begun. */
static void signal_during_wait(void **state)
{
	struct here h = here_begin();
	struct pollfd p = in(h.fd[1]);
	struct masked m;
	struct late l;

	by_calls(h.fd[1]);
	mask_begin(&m, 0);
	waits = pthread_self();
	for (int i = 0; i < 5; i++) {
		caught = 0;
		later(&l, signal_it, SIGUSR1);
		assert_int_equal(ioth_ppoll(&p, 1, NULL, &m.none), -1);
		assert_int_equal(errno, EINTR);
		assert_int_equal(caught, SIGUSR1);
		pthread_join(l.thread, NULL);
	}
	mask_end(&m);
	here_end(&h);
}

/* --- time --- */

static void timeouts(void **state)
{
	struct here h = here_begin();
	struct pollfd p = in(h.fd[1]);
	struct timespec ts = { .tv_nsec = 20999 }, bad = { .tv_nsec = 1000000000 };
	struct timespec most = { .tv_sec = INT64_MAX, .tv_nsec = 999999999 };
	struct late l;

	by_calls(h.fd[1]);
	for (int i = 0; i < 300; i++) {
		int64_t t = now_ns();

		assert_int_equal(ioth_ppoll(&p, 1, &ts, NULL), 0);
		assert_true(now_ns() - t >= ts.tv_nsec);	/* not even a bit less */
		assert_int_equal(ts.tv_nsec, 20999);		/* as libc's */
	}
	assert_int_equal(ioth_ppoll(&p, 1, &bad, NULL), -1);
	assert_int_equal(errno, EINVAL);
	later(&l, put_x, h.fd[0]);
	assert_int_equal(ioth_ppoll(&p, 1, &most, NULL), 1);
	pthread_join(l.thread, NULL);
	assert_int_equal(ioth_ppoll(&p, 1, &(struct timespec){ .tv_sec = -1 }, NULL), -1);
	assert_int_equal(errno, EINVAL);
	here_end(&h);
}

/* --- nothing is lost --- */

#define TURNS	300

struct side {
	int		fd, pip;	/* pip is never written to */
	unsigned	seed;
};

static int again(struct pollfd *p, nfds_t n, int ms)
{
	int ret;

	while (!(ret = ioth_poll(p, n, ms)))
		sched_yield();
	return ret;
}

static int wait_somehow(struct side *s)
{
	struct pollfd p[2] = { in(s->fd), in(s->pip) };
	struct timespec ts = { SOON / 1000, 0 };
	fd_set set;
	sigset_t none;

	sigemptyset(&none);
	switch (rand_r(&s->seed) / 16 % 8) {
	case 0:	return ioth_poll(p, 1, -1);
	case 1:	return ioth_poll(p, 2, SOON);
	case 2: return ioth_ppoll(p, 1, &ts, &none);
	case 3: return ioth_ppoll(p, 2, NULL, NULL);
	case 4: return select_in(s->fd, &set, NULL);
	case 5: return again(p, 2, 1);
	case 6:	return again(p, 1, 0);
	default: return 1;		/* the read waits */
	}
}

static void *play(void *arg)
{
	struct side *s = arg;

	for (int i = 0; i < TURNS; i++) {
		put(s->fd, "x");
		assert_int_equal(wait_somehow(s), 1);
		get(s->fd, "x");
	}
	return NULL;
}

static void nothing_is_lost(void **state)
{
	struct here h = here_begin();
	struct side s[4];
	pthread_t t[4];
	int fd[2], pip[2];

	assert_int_equal(pipe(pip), 0);
	here_join(&h, fd);
	for (unsigned i = 0; i < 4; i++) {
		s[i] = (struct side){ i < 2 ? h.fd[i] : fd[i - 2], pip[0], i + 1 };
		assert_int_equal(pthread_create(&t[i], NULL, play, &s[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 2; i++) {
		ioth_close(fd[i]);
		close(pip[i]);
	}
	here_end(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_system_call),
		cmocka_unit_test(one_of_many),
		cmocka_unit_test(of_two_stacks),
		cmocka_unit_test(of_a_copy),
		cmocka_unit_test(closed_meanwhile),
		cmocka_unit_test(masks),
		cmocka_unit_test(signal_during_wait),
		cmocka_unit_test(timeouts),
		cmocka_unit_test(nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
