/* node_calls.c - calls on sockets that end while they are being made */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/call.h"
#include "unit.h"

#define DEAD	256	/* sockets whose program end is gone that are remembered */

static void changed(struct vsock *vs)
{
}

static int app_end(struct vsock *vs)
{
	return -1;
}

static const struct vsock_front front = { .changed = changed, .app_end = app_end };

/* The caller is this process. */
static int mem_read(const struct call *c, uint64_t addr, void *buf, size_t n)
{
	memcpy(buf, (void *)(uintptr_t)addr, n);
	return 0;
}

static const struct call_front caller = { .read = mem_read, .period = NEVER };

static int setup(void **state)
{
	static struct calls cs;
	struct node_conf conf = { .n_if = 0 };
	char *why;

	calls_init(&cs, node_new(&conf, &why), &caller);
	vsock_set_front(cs.node, &front);
	*state = &cs;
	return 0;
}

static int teardown(void **state)
{
	struct calls *cs = *state;

	node_free(cs->node);
	return 0;
}

static void quiet(struct node *n)
{
	for (int i = 0; i < 8; i++)
		node_poll(n);
}

/* The events that call_catch_up handles may free the very socket of the call. */
static void socket_freed_by_what_came_before(void **state)
{
	long (*const calls[])(struct call *c) = {
		call_listen, call_bind, call_connect, call_sendto, call_sendmsg, call_sendmmsg,
	};
	struct calls *cs = *state;

	for (size_t k = 0; k < ARRAY_LEN(calls); k++) {
		int type = calls[k] == call_listen ? SOCK_STREAM : SOCK_DGRAM;
		struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = 80 };
		struct msghdr mh = { .msg_name = &sin, .msg_namelen = sizeof(sin) };
		int others[DEAD], app;
		struct vsock *vs, *other;
		struct call c;

		node_lock(cs->node);
		assert_int_equal(vsock_new(cs->node, AF_INET, type, 0, &vs, &app), 0);
		vsock_drop(vs);
		for (int i = 0; i < DEAD; i++)
			vsock_new(cs->node, AF_INET, SOCK_STREAM, 0, &other, &others[i]);
		for (int i = 0; i < DEAD - 1; i++) {
			close(others[i]);
			quiet(cs->node);
		}
		assert_ptr_equal(vsock_of_fd(cs->node, app), vs);
		close(others[DEAD - 1]);
		c = (struct call){ .of = cs, .vs = vs, .app = app, .give_up = NEVER };
		c.args[1] = calls[k] == call_sendmsg || calls[k] == call_sendmmsg ?
				   (uintptr_t)&mh : (uintptr_t)&sin;
		c.args[2] = sizeof(sin);
		assert_int_equal(calls[k](&c), CALL_CONTINUE);
		assert_null(c.vs);
		close(app);
		node_unlock(cs->node);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(socket_freed_by_what_came_before, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
