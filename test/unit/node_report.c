/* node_report.c - the tables of a node, and clients of its socket that misbehave */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/report.h"
#include "stack/sock.h"
#include "unit.h"

static const char *const nets[] = { "/tmp/sw", "bad\tpath\n" };
static const struct report_node who = {
	.name = "web", .pid = 42, .launcher = 41, .program = "python3", .nets = nets, .n_nets = 2,
};

struct world {
	char		dir[64];
	struct stack	*st;
	struct loop	*loop;
	struct report	*r;
	char		path[128];
};

static int setup(void **state)
{
	struct world *w = xzalloc(sizeof(*w));
	char dir[REPORT_DIR_LEN];

	snprintf(w->dir, sizeof(w->dir), "/tmp/report.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	setenv("XDG_RUNTIME_DIR", w->dir, 1);
	w->st = stack_new(1, 0);
	w->loop = loop_new();
	w->r = report_start(w->loop, w->st, &who);
	assert_non_null(w->r);
	assert_int_equal(report_dir(0, false, dir), 0);
	snprintf(w->path, sizeof(w->path), "%.90s/42.sock", dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char path[128];

	report_stop(w->r);
	assert_int_equal(access(w->path, F_OK), -1);
	loop_free(w->loop);
	stack_free(w->st);
	snprintf(path, sizeof(path), "%s/ioth/nodes", w->dir);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/ioth", w->dir);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static int client(const struct world *w)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%.107s", w->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

static void serve(struct world *w)
{
	while (loop_wait(w->loop, 0) > 0)
		;
}

/* What comes back for the request; "" if only the end of file. */
static const char *asked(struct world *w, const char *request)
{
	static char buf[65536];
	int fd = client(w);
	ssize_t n, len = 0;

	assert_int_equal(send(fd, request, strlen(request), 0), (ssize_t)strlen(request));
	serve(w);
	while ((n = recv(fd, buf + len, sizeof(buf) - 1 - (size_t)len, 0)) > 0)
		len += n;
	assert_true(n == 0 || errno == ECONNRESET);
	buf[len] = 0;
	close(fd);
	return buf;
}

static void nodes(void **state)
{
	assert_string_equal(asked(*state, "nodes\n"),
			    "pid\tname\tprogram\tlauncher\tsockets\tnets\taddresses\n"
			    "42\tweb\tpython3\t41\t0\t/tmp/sw,bad?path?\t-\n");
}

static void sockets(void **state)
{
	struct world *w = *state;
	struct endpoint ep = { .addr = IP4_ANY, .port = 53 };
	struct sock *so;

	assert_int_equal(sock_new(w->st, AF_INET, SOCK_DGRAM, 0, &so), 0);
	assert_int_equal(sock_bind(so, &ep), 0);
	assert_string_equal(asked(w, "sockets\n"),
			    "proto\tstate\tlocal\tpeer\trtt_us\tcwnd\tretrans\n"
			    "udp\tUNCONN\t0.0.0.0:53\t-\t-\t-\t-\n");
	sock_close(so);
}

static void drops(void **state)
{
	struct world *w = *state;

	w->st->drops[DROP_TCP_SUM] = 7;
	assert_string_equal(asked(w, "drops\n"), "reason\tcount\tmeaning\n"
						 "TCP_SUM\t7\tTCP checksum wrong\n");
}

static void every_table_answers(void **state)
{
	for (unsigned i = 0; report_table_name(i); i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s\n", report_table_name(i));
		assert_non_null(strchr(asked(*state, line), '\n'));
	}
}

static void unknown_table(void **state)
{
	assert_string_equal(asked(*state, "sokets\n"),
			    "?\tnodes\tsockets\tdrops\tmemory\troutes\tneigh\tinterfaces\tresolvers\tclients\n");
}

static void endless_request_is_cut_off(void **state)
{
	char line[1000];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = 0;
	assert_string_equal(asked(*state, line), "");
}

/* Clients that neither ask nor read nor leave: the next one is served. */
static void silent_clients_hold_nobody_up(void **state)
{
	struct world *w = *state;
	int fd[40];

	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = client(w);
		serve(w);
	}
	nodes(state);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		close(fd[i]);
	nodes(state);
}

/* The answer does not fit into the socket: it is sent as the client reads. */
static void slow_reader_gets_everything(void **state)
{
	struct world *w = *state;
	struct sock *so[4000];
	size_t got = 0, lines = 0;
	char buf[4096];
	int fd;
	ssize_t n;

	for (size_t i = 0; i < ARRAY_LEN(so); i++)
		assert_int_equal(sock_new(w->st, AF_INET6, SOCK_DGRAM, 0, &so[i]), 0);
	fd = client(w);
	assert_int_equal(send(fd, "sockets\n", 8, 0), 8);
	serve(w);
	assert_string_equal(asked(w, "drops\n"), "reason\tcount\tmeaning\n");
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0 || (n < 0 && errno == EAGAIN)) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
		got += n > 0 ? (size_t)n : 0;
		serve(w);
	}
	assert_int_equal(lines, ARRAY_LEN(so) + 1);
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(so); i++)
		sock_close(so[i]);
}

/* A directory that others may write to is not used. */
static void open_directory_is_refused(void **state)
{
	struct world *w = *state;
	char path[128], dir[REPORT_DIR_LEN];

	snprintf(path, sizeof(path), "%s/ioth", w->dir);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(report_dir(0, false, dir), -EACCES);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(report_dir(0, false, dir), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nodes), T(sockets), T(drops), T(every_table_answers), T(unknown_table),
		T(endless_request_is_cut_off), T(silent_clients_hold_nobody_up),
		T(slow_reader_gets_everything), T(open_directory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
