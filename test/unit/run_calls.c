/* run_calls.c - trapped calls on sockets that end while they are being made */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/run.h"
#include "unit.h"

#define DEAD	256	/* sockets whose program end is gone that are remembered */

static void changed(struct vsock *vs)
{
}

static int app_end(struct vsock *vs)
{
	return -1;
}

static const struct vsock_front front = { changed, app_end };

static int setup(void **state)
{
	static struct runner r;
	struct node_conf conf = { .n_if = 0 };
	char *why;

	r = (struct runner){ .listener = -1, .node = node_new(&conf, &why) };
	list_init(&r.parked);
	vsock_set_front(r.node, &front);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct runner *r = *state;

	node_free(r->node);
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
	struct runner *r = *state;

	for (size_t k = 0; k < ARRAY_LEN(calls); k++) {
		int type = calls[k] == call_listen ? SOCK_STREAM : SOCK_DGRAM;
		struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = 80 };
		struct msghdr mh = { .msg_name = &sin, .msg_namelen = sizeof(sin) };
		int others[DEAD], app;
		struct vsock *vs, *other;
		struct call c;

		node_lock(r->node);
		assert_int_equal(vsock_new(r->node, AF_INET, type, 0, &vs, &app), 0);
		vsock_drop(vs);
		for (int i = 0; i < DEAD; i++)
			vsock_new(r->node, AF_INET, SOCK_STREAM, 0, &other, &others[i]);
		for (int i = 0; i < DEAD - 1; i++) {
			close(others[i]);
			quiet(r->node);
		}
		assert_ptr_equal(vsock_of_fd(r->node, app), vs);
		close(others[DEAD - 1]);
		c = (struct call){ .r = r, .vs = vs, .app = app, .give_up = NEVER,
				   .n.pid = (uint32_t)getpid() };
		c.n.data.args[1] = calls[k] == call_sendmsg || calls[k] == call_sendmmsg ?
				   (uintptr_t)&mh : (uintptr_t)&sin;
		c.n.data.args[2] = sizeof(sin);
		assert_int_equal(calls[k](&c), CALL_CONTINUE);
		assert_null(c.vs);
		close(app);
		node_unlock(r->node);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(socket_freed_by_what_came_before, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
