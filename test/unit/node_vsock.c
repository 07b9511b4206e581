/* node_vsock.c - sockets of other processes, whose descriptors the test holds */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/vsock.h"
#include "unit.h"

static struct node *n;
static unsigned changes, restless;

/* A program that does something new whenever we did something for it. */
static void changed(struct vsock *vs)
{
	changes++;
	if (restless) {
		restless--;
		vs->so->wake(vs->so);
	}
}

static int app_end(struct vsock *vs)
{
	return -1;
}

static int setup(void **state)
{
	static const struct vsock_front front = { .changed = changed, .app_end = app_end };
	struct node_conf conf = { .n_if = 0 };
	char *why;

	n = node_new(&conf, &why);
	vsock_set_front(n, &front);
	changes = restless = 0;
	return n ? 0 : -1;
}

static int teardown(void **state)
{
	node_free(n);
	return 0;
}

/* What the programs did is seen, and what it caused done. */
static void settle(void)
{
	for (int i = 0; i < 4; i++) {
		node_lock(n);
		node_poll(n);
		node_unlock(n);
	}
}

static const struct endpoint server = { .addr = IP4(127, 0, 0, 1), .port = 80 };

static struct vsock *tcp_new(int *app)
{
	struct vsock *vs;

	assert_int_equal(vsock_new(n, AF_INET, SOCK_STREAM, 0, &vs, app), 0);
	return vs;
}

static struct vsock *listener(int *app)
{
	struct vsock *vs = tcp_new(app);

	assert_int_equal(vsock_bind(vs, &server), 0);
	assert_int_equal(vsock_listen(vs, 8, *app), 0);
	return vs;
}

/* A connection of the node with itself: client, and *at of the listener. */
static struct vsock *joined(struct vsock *lis, int *app, struct vsock **at, int *at_app)
{
	struct vsock *vs = tcp_new(app);

	assert_int_equal(vsock_connect(vs, &server, *app), -EINPROGRESS);
	settle();
	assert_int_equal(vsock_connect_result(vs), 0);
	assert_int_equal(vsock_accept(lis, at, at_app), 0);
	return vs;
}

static void closed_listener_forgets_what_it_got_back(void **state)
{
	int lis_app, app, at_app;
	struct vsock *lis = listener(&lis_app), *at;

	joined(lis, &app, &at, &at_app);
	close(at_app);
	vsock_unaccept(lis, at);
	assert_int_equal(vsock_unlisten(lis, lis_app), 0);
	assert_int_equal(vsock_listen(lis, 8, lis_app), 0);
	assert_int_equal(vsock_accept(lis, &at, &at_app), -EAGAIN);
	close(app);
	close(lis_app);
}

static void connect_ends_when_disconnected_by_another(void **state)
{
	int app;
	struct vsock *vs = tcp_new(&app);
	unsigned before;

	assert_int_equal(vsock_connect(vs, &server, app), -EINPROGRESS);
	before = changes;
	assert_int_equal(vsock_disconnect(vs, app), 0);
	assert_true(changes > before);		/* whoever waits is told now */
	assert_int_equal(vsock_connect_result(vs), -ECONNABORTED);
	close(app);
}

/* Until nothing is taken any more: how much. */
static size_t write_all_it_takes(int app)
{
	static char junk[65536];
	size_t sum = 0;
	ssize_t got;

	while ((got = send(app, junk, sizeof(junk), MSG_DONTWAIT)) > 0) {
		sum += (size_t)got;
		settle();
	}
	return sum;
}

/* shutdown() behind bytes that do not go out yet is not seen by the pump. */
static void half_closed_pair_does_not_start_again(void **state)
{
	int lis_app, app, at_app;
	struct vsock *lis = listener(&lis_app), *at;
	struct vsock *vs = joined(lis, &app, &at, &at_app);

	write_all_it_takes(app);
	shutdown(app, SHUT_WR);
	settle();
	assert_false(vs->eof_out);
	assert_int_equal(vsock_disconnect(vs, app), -EOPNOTSUPP);
	close(at_app);
	close(app);
	close(lis_app);
}

static atomic_bool enough;

static void *writer(void *app)
{
	static const char b[4096];

	while (!atomic_load(&enough))
		send(*(int *)app, b, sizeof(b), MSG_DONTWAIT | MSG_NOSIGNAL);
	return NULL;
}

/* Both have written until nothing was taken any more, and are gone: neither end waits for
 * the other to read. */
static void closed_both_ways_while_both_are_full(void **state)
{
	int lis_app, app, at_app;
	struct vsock *lis = listener(&lis_app), *at;
	struct vsock *vs = joined(lis, &app, &at, &at_app);

	write_all_it_takes(app);
	write_all_it_takes(at_app);
	close(app);
	close(at_app);
	settle();
	assert_null(vs->so);
	assert_null(at->so);
	close(lis_app);
}

/* The peer lives and does not read: what was written is not kept in the pair for it. */
static void closed_while_the_peer_does_not_read(void **state)
{
	int lis_app, app, at_app;
	struct vsock *lis = listener(&lis_app), *at;
	struct vsock *vs = joined(lis, &app, &at, &at_app);
	char junk[65536];
	size_t sent = write_all_it_takes(app);
	ssize_t got;

	close(app);
	settle();
	assert_null(vs->so);
	while ((got = recv(at_app, junk, sizeof(junk), MSG_DONTWAIT)) > 0) {
		sent -= (size_t)got;
		settle();
	}
	assert_int_equal(got, 0);			/* all of it, and the end */
	assert_int_equal(sent, 0);
	close(at_app);
	close(lis_app);
}

/* A thread of the program writes all the time: what is thrown away has an end. */
static void disconnect_ends_though_the_program_writes(void **state)
{
	int lis_app, app, at_app;
	struct vsock *lis = listener(&lis_app), *at;
	struct vsock *vs = joined(lis, &app, &at, &at_app);
	pthread_t t;

	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&t, NULL, writer, &app), 0);
	node_lock(n);
	assert_int_equal(vsock_disconnect(vs, app), 0);
	node_unlock(n);
	atomic_store(&enough, true);
	pthread_join(t, NULL);
	close(at_app);
	close(app);
	close(lis_app);
}

static void tombs_are_bounded(void **state)
{
	int apps[600];

	for (size_t i = 0; i < ARRAY_LEN(apps); i++)
		vsock_drop(tcp_new(&apps[i]));
	assert_int_equal(n->n_tombs, 256);
	assert_null(vsock_of_fd(n, apps[0]));
	assert_non_null(vsock_of_fd(n, apps[599]));
	for (size_t i = 0; i < ARRAY_LEN(apps); i++)
		close(apps[i]);
}

static void many_open_ones_end_with_the_node(void **state)
{
	int apps[600];

	for (size_t i = 0; i < ARRAY_LEN(apps); i++)
		tcp_new(&apps[i]);
	vsock_free_all(n);
	assert_int_equal(n->n_tombs, 0);
	assert_null(map_next(&n->vsocks, NULL));
	for (size_t i = 0; i < ARRAY_LEN(apps); i++)
		close(apps[i]);
}

/* Settling holds the lock: it ends, and the driver comes back to the rest. */
static void restless_program_does_not_keep_the_lock(void **state)
{
	struct vsock *vs;
	int app;

	assert_int_equal(vsock_new(n, AF_INET, SOCK_DGRAM, 0, &vs, &app), 0);
	restless = 1000;
	node_lock(n);
	vs->so->wake(vs->so);
	node_unlock(n);
	assert_true(restless > 900);
	while (restless)
		node_drive(n);
	close(app);
}

/* However many, and with one look. */
static void closes_are_seen_at_once(void **state)
{
	int apps[600];

	for (size_t i = 0; i < ARRAY_LEN(apps); i++)
		tcp_new(&apps[i]);
	settle();
	for (size_t i = 0; i < ARRAY_LEN(apps); i++)
		close(apps[i]);
	node_poll(n);
	assert_int_equal(n->n_tombs, 256);
	assert_null(sock_next(n->st, NULL));
}

/* The last descriptors are for calls under way. */
static void descriptors_are_kept_back(void **state)
{
	struct vsock *vs, *at;
	int app, lis_app, client;
	struct vsock *lis = listener(&lis_app), *c = tcp_new(&client);

	assert_int_equal(vsock_connect(c, &server, client), -EINPROGRESS);
	settle();
	n->fd_max = client + 2;
	assert_int_equal(vsock_new(n, AF_INET, SOCK_DGRAM, 0, &vs, &app), -EMFILE);
	assert_int_equal(vsock_accept(lis, &at, &app), -EMFILE);
	n->fd_max = 0;
	assert_int_equal(vsock_accept(lis, &at, &app), 0);	/* it waited */
	close(app);
	close(client);
	close(lis_app);
}

/* A datagram socket connected to where nobody is. */
static struct vsock *udp_new(int *app)
{
	struct vsock *vs;

	assert_int_equal(vsock_new(n, AF_INET, SOCK_DGRAM, 0, &vs, app), 0);
	if (!vs->wd)
		skip();		/* no inotify to be had (max_user_instances) */
	assert_int_equal(vsock_connect(vs, &server, *app), 0);
	return vs;
}

static int polled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	assert_return_code(poll(&p, 1, 0), errno);
	return p.revents;
}

static void refuse(int app)
{
	assert_int_equal(send(app, "x", 1, 0), 1);
	settle();
	assert_int_equal(polled(app), POLLOUT | POLLERR);
}

/* POLLERR is there until the program has the error, whichever way it asks. */
static void datagram_errors_are_shown(void **state)
{
	char c;
	struct iovec iov = { &c, 1 };
	struct msg m;
	int app;
	struct vsock *vs = udp_new(&app);

	refuse(app);
	assert_int_equal(vsock_take_error(vs, app), ECONNREFUSED);
	assert_int_equal(polled(app), POLLOUT);
	refuse(app);
	assert_int_equal(vsock_recvfrom(vs, app, &iov, 1, 0, &m), -ECONNREFUSED);
	assert_int_equal(vsock_recvfrom(vs, app, &iov, 1, 0, &m), -EAGAIN);
	refuse(app);
	assert_int_equal(recv(app, &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNRESET);	/* AF_UNIX has no other */
	assert_int_equal(vsock_recvfrom(vs, app, &iov, 1, 0, &m), -EAGAIN);
	assert_int_equal(vsock_take_error(vs, app), 0);
	close(app);
}

#define MORE	400	/* datagrams than a pair holds */

/* What the program's end had no room for is read behind what it had. */
static void datagrams_beyond_the_pair(void **state)
{
	static const struct endpoint any = { .addr = IP4(127, 0, 0, 1), .port = 9 };
	uint16_t c = 0;
	struct iovec iov = { &c, sizeof(c) };
	struct msg m = { .peer = any, .has_peer = true, .ttl = -1, .tos = -1 };
	int app, other;
	struct vsock *vs, *from = udp_new(&other);

	assert_int_equal(vsock_new(n, AF_INET, SOCK_DGRAM, 0, &vs, &app), 0);
	assert_int_equal(vsock_bind(vs, &any), 0);
	for (; c < MORE; c++) {
		assert_int_equal(vsock_sendto(from, &iov, 1, MSG_DONTWAIT, &m), 2);
		if (c % 50 == 49)
			settle();
	}
	assert_non_null(vs->held);
	for (uint16_t i = 0; i < MORE; i++) {
		assert_int_equal(vlocal_recv(vs, app, &iov, 1, MSG_DONTWAIT, &m), 2);
		assert_int_equal(c, i);
	}
	assert_true(vs->is_local);
	close(app);
	close(other);
}

static void last_close_of_a_datagram_socket(void **state)
{
	int app, other;
	struct vsock *vs = udp_new(&app);

	other = dup(app);
	close(app);
	settle();
	assert_non_null(vs->so);
	close(other);
	settle();
	assert_null(vs->so);
	assert_null(sock_next(n->st, NULL));
}

/* More closed at once than inotify's queue holds: none is forgotten. */
static void closes_that_inotify_lost(void **state)
{
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	struct rlimit was, lim;
	unsigned most = 0;
	struct vsock *vs;
	int app;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	lim = (struct rlimit){ was.rlim_max, was.rlim_max };
	if (f && fscanf(f, "%u", &most) != 1)
		most = 0;
	if (f)
		fclose(f);
	if (!most || most > 20000 || lim.rlim_max < most + 100 || setrlimit(RLIMIT_NOFILE, &lim) < 0)
		skip();
	for (unsigned i = 0; i < most + 100; i++) {
		assert_int_equal(vsock_new(n, AF_INET, SOCK_DGRAM, 0, &vs, &app), 0);
		close(app);
	}
	assert_int_equal(vsock_new(n, AF_INET, SOCK_DGRAM, 0, &vs, &app), 0);
	for (int i = 0; i < 1000 && sock_next(n->st, sock_next(n->st, NULL)); i++)
		settle();
	assert_ptr_equal(sock_next(n->st, NULL), vs->so);
	assert_null(sock_next(n->st, vs->so));
	close(app);
	setrlimit(RLIMIT_NOFILE, &was);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(closed_listener_forgets_what_it_got_back),
		TEST(connect_ends_when_disconnected_by_another),
		TEST(half_closed_pair_does_not_start_again),
		TEST(closed_both_ways_while_both_are_full),
		TEST(closed_while_the_peer_does_not_read),
		TEST(disconnect_ends_though_the_program_writes),
		TEST(tombs_are_bounded),
		TEST(restless_program_does_not_keep_the_lock),
		TEST(closes_are_seen_at_once),
		TEST(descriptors_are_kept_back),
		TEST(many_open_ones_end_with_the_node),
		TEST(datagram_errors_are_shown),
		TEST(datagrams_beyond_the_pair),
		TEST(last_close_of_a_datagram_socket),
		TEST(closes_that_inotify_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
