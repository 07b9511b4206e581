/* node_dgrams.c - datagrams between two stacks on a switch, to readers of every kind
 *
 * However its reader waits, by the library or by plain system calls: what comes is whole and
 * in order, and who reads in time loses nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "ioth.h"
#include "unit.h"

#include "switch_here.h"

#define SOON	5000		/* ms: more than a loaded machine needs */
#define MANY	20000
#define LAST	UINT32_MAX	/* a number */
#define BURST	300		/* more than a queue holds, and less than its wire */
#define LONGER	3000		/* more than that wire, and what waits for it */
#define LONG	1000

static struct ioth *stack[2];
static int from, to;		/* sockets; from is connected to to */

static struct sockaddr_in at(int i, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(0x0a000001 + (uint32_t)i) };
}

static struct ioth *begin(int i)
{
	struct ioth *s = ioth_newstack("native", path);
	struct in_addr a = at(i, 0).sin_addr;

	assert_non_null(s);
	assert_int_equal(ioth_ipaddr_add(s, AF_INET, &a, 24, ioth_if_nametoindex(s, "eth0")), 0);
	return s;
}

/* A port of its own each time: what is still under way is not for the next. */
static int setup(void **state)
{
	static uint16_t port = 1000;
	struct sockaddr_in sin = at(0, ++port);

	to = ioth_msocket(stack[0], AF_INET, SOCK_DGRAM, 0);
	from = ioth_msocket(stack[1], AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(ioth_bind(to, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(ioth_connect(from, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(ioth_close(from), 0);
	return ioth_close(to);
}

/* --- numbered datagrams, whose lengths and octets tell of their number --- */

static size_t fill(uint8_t *b, uint32_t n)
{
	size_t len = 4 + n / 50 % 3 * 30 + n % 7;

	memcpy(b, &n, 4);
	memset(b + 4, (int)(n & 255), len - 4);
	return len;
}

static void put(uint32_t n)
{
	uint8_t b[128];
	size_t len = fill(b, n);

	assert_int_equal(ioth_send(from, b, len, 0), len);
}

static uint32_t whole(const uint8_t *b, ssize_t len)
{
	uint8_t want[128];
	uint32_t n = LAST;

	assert_true(len >= 4);
	memcpy(&n, b, 4);
	assert_int_equal(len, fill(want, n));
	assert_memory_equal(b, want, len);
	return n;
}

static void *sender(void *heard)
{
	for (uint32_t n = 0; n < MANY; n++)
		put(n);
	while (!atomic_load((atomic_bool *)heard)) {
		put(LAST);
		usleep(1000);
	}
	return NULL;
}

/* --- idioms --- */

struct idiom {
	bool		by_poll, drains, plain, peeks;
	uint32_t	epoll;
};

static int epoll_of(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events };
	int ep = epoll_create1(EPOLL_CLOEXEC);

	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	return ep;
}

static void wait_for(const struct idiom *i, int ep)
{
	struct pollfd p = { .fd = to, .events = POLLIN };
	struct epoll_event ev;

	if (i->by_poll)
		assert_int_equal(poll(&p, 1, SOON), 1);
	else if (i->epoll)
		assert_int_equal(epoll_wait(ep, &ev, 1, SOON), 1);
}

static ssize_t get(const struct idiom *i, uint8_t *b, size_t size)
{
	int flags = i->drains ? MSG_DONTWAIT : 0;
	uint8_t two[2];

	if (i->peeks)
		ioth_recv(to, two, sizeof(two), MSG_PEEK | flags);
	return i->plain ? recv(to, b, size, flags) : ioth_recv(to, b, size, flags);
}

/* True: the last. */
static bool read_some(const struct idiom *i, uint32_t *next)
{
	uint8_t b[256];
	ssize_t len;
	uint32_t n;

	do {
		len = get(i, b, sizeof(b));
		if (len < 0 && i->drains && errno == EAGAIN)
			return false;
		n = whole(b, len);
		if (n == LAST)
			return true;
		assert_true(n >= *next);
		*next = n + 1;
	} while (i->drains);
	return false;
}

static void are_in_order(void **state)
{
	const struct idiom *i = *state;
	atomic_bool heard = false;
	uint32_t next = 0;
	pthread_t t;
	int ep;

	setup(NULL);
	ep = epoll_of(to, i->epoll);
	pthread_create(&t, NULL, sender, &heard);
	do
		wait_for(i, ep);
	while (!read_some(i, &next));
	atomic_store(&heard, true);
	pthread_join(t, NULL);
	close(ep);
	teardown(NULL);
	assert_true(next > 0);
}

/* --- who reads in time loses nothing --- */

/* Or until there is no room at all. */
static unsigned burst(void)
{
	static const uint8_t b[LONG];
	unsigned n = 0;

	while (n < BURST && ioth_send(from, b, sizeof(b), MSG_DONTWAIT) == sizeof(b))
		n++;
	return n;
}

/* The same by plain calls, which the background thread follows. */
static unsigned plain_burst(void)
{
	static const uint8_t b[LONG];
	unsigned n = 0;

	for (int idle = 0; n < LONGER && idle < 10; idle++) {
		while (n < LONGER && send(from, b, sizeof(b), MSG_DONTWAIT) == sizeof(b)) {
			n++;
			idle = 0;
		}
		usleep(100);
	}
	return n;
}

/* Until nothing came for a while. Then answers: the switch introduces only who both talk. */
static unsigned read_all(void)
{
	struct pollfd p = { .fd = to, .events = POLLIN };
	struct sockaddr_in sin = at(1, 9);
	socklen_t len = sizeof(sin);
	uint8_t b[LONG];
	unsigned n = 0;

	while (poll(&p, 1, 50) > 0)
		n += ioth_recvfrom(to, b, sizeof(b), 0, (struct sockaddr *)&sin, &len) == sizeof(b);
	ioth_sendto(to, "", 1, 0, (struct sockaddr *)&sin, len);
	return n;
}

/* Before the two were introduced frames may get lost (the switch does it again after 32 s at
 * most), and on a loaded machine we are late. */
static void hold_back(unsigned (*send_all)(void))
{
	usec end = now_mono() + 40 * USEC_PER_SEC;

	while (now_mono() < end) {
		unsigned n = send_all();

		if (read_all() == n && n > BURST / 2)
			return;
	}
	fail_msg("some were always lost");
}

static void senders_are_held_back(void **state)
{
	hold_back(burst);
}

static void plain_senders_are_held_back(void **state)
{
	hold_back(plain_burst);
}

/* Who does not read holds nobody for long. */
static void nobody_waits_for_a_reader_who_is_away(void **state)
{
	struct sockaddr_in sin = at(0, 10);
	int other = ioth_msocket(stack[0], AF_INET, SOCK_DGRAM, 0);
	int talks = ioth_msocket(stack[1], AF_INET, SOCK_DGRAM, 0);
	struct pollfd p = { .fd = other, .events = POLLIN };
	usec end = now_mono() + 2 * USEC_PER_SEC;	/* a wire that is not used lives longer */
	unsigned n = 0;

	assert_int_equal(ioth_bind(other, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(ioth_connect(talks, (struct sockaddr *)&sin, sizeof(sin)), 0);
	for (; n < 20 * BURST && now_mono() < end; n += burst())
		usleep(5000);
	assert_true(n >= 20 * BURST);
	assert_int_equal(ioth_send(talks, "x", 1, 0), 1);
	assert_int_equal(poll(&p, 1, SOON), 1);
	read_all();
	ioth_close(talks);
	ioth_close(other);
}

/* --- what a descriptor shows --- */

/* The socket's datagrams go past its pair from here on. */
static void by_calls(void)
{
	char c;

	assert_int_equal(ioth_recv(to, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void gets(uint32_t n)
{
	uint8_t b[128];

	assert_int_equal(whole(b, ioth_recv(to, b, sizeof(b), 0)), n);
}

/* As Linux: also for who leaves some unread. */
static void each_arrival_is_an_edge(void **state)
{
	struct epoll_event ev;
	int ep;

	by_calls();
	ep = epoll_of(to, EPOLLIN | EPOLLET);
	for (uint32_t n = 0; n < 20; n++) {
		put(n);
		assert_int_equal(epoll_wait(ep, &ev, 1, SOON), 1);
		if (n)
			gets(n - 1);	/* one always stays */
	}
	gets(19);
	assert_int_equal(epoll_wait(ep, &ev, 1, 20), 0);
	close(ep);
}

/* From fork on there are two readers, of whom one knows plain calls only. */
static void a_child_reads_datagrams(void **state)
{
	int status;
	pid_t pid;

	by_calls();
	pid = fork();
	if (pid == 0) {
		uint8_t b[128];
		ssize_t len = recv(to, b, sizeof(b), 0);

		_exit(len == (ssize_t)fill(b + 64, 7) && memcmp(b, b + 64, (size_t)len) == 0 ? 0 : 1);
	}
	by_calls();		/* the parent's */
	put(7);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	put(8);
	gets(8);
}

static void *run_switch(void *stop)
{
	while (!atomic_load((atomic_bool *)stop)) {
		loop_wait(loop, now_mono() + USEC_PER_MSEC);
		switch_run(sw, now_mono());
	}
	return NULL;
}

#define IN_ORDER(...) { .name = "in_order " #__VA_ARGS__, .test_func = are_in_order, \
			.initial_state = &(struct idiom){ __VA_ARGS__ } }
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_ORDER(.by_poll = false),
		IN_ORDER(.by_poll = true),
		IN_ORDER(.by_poll = true, .drains = true),
		IN_ORDER(.by_poll = true, .peeks = true),
		IN_ORDER(.by_poll = true, .plain = true),
		IN_ORDER(.epoll = EPOLLIN),
		IN_ORDER(.epoll = EPOLLIN, .plain = true, .drains = true),
		IN_ORDER(.epoll = EPOLLIN | EPOLLET, .drains = true),
		T(senders_are_held_back),
		T(plain_senders_are_held_back),
		T(nobody_waits_for_a_reader_who_is_away),
		T(each_arrival_is_an_edge),
		T(a_child_reads_datagrams),
	};
	atomic_bool stop = false;
	pthread_t t;
	int ret;

	here_dir();
	here_start((struct switch_conf){ 0 });
	pthread_create(&t, NULL, run_switch, &stop);
	for (int i = 0; i < 2; i++)
		stack[i] = begin(i);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	for (int i = 0; i < 2; i++)
		ioth_delstack(stack[i]);
	atomic_store(&stop, true);
	pthread_join(t, NULL);
	return ret + here_end();
}
