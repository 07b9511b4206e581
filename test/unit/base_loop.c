/* base_loop.c - epoll with callbacks, and what a callback may do to it */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "unit.h"

struct end {
	struct watch	w;
	struct loop	*l;
	int		other;		/* the writing side */
	int		calls;
	uint32_t	last;
	struct end	*victim;	/* removed (and freed) by the callback */
};

static struct end *last_called;

static void ready(struct watch *w, uint32_t events)
{
	struct end *e = container_of(w, struct end, w);

	last_called = e;
	e->calls++;
	e->last = events;
	if (e->victim) {
		loop_unwatch(e->l, &e->victim->w);
		close(e->victim->w.fd);
		close(e->victim->other);
		free(e->victim);
		e->victim = NULL;
	}
}

static struct end *end_new(struct loop *l)
{
	struct end *e = xzalloc(sizeof(*e));
	int fd[2];

	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	e->l = l;
	e->w.fd = fd[0];
	e->w.ready = ready;
	e->other = fd[1];
	assert_int_equal(loop_watch(l, &e->w, EPOLLIN), 0);
	return e;
}

static void end_free(struct end *e)
{
	loop_unwatch(e->l, &e->w);
	close(e->w.fd);
	if (e->other >= 0)
		close(e->other);
	free(e);
}

static void poke(struct end *e)
{
	assert_int_equal(write(e->other, "x", 1), 1);
}

static void calls_what_is_ready(void **state)
{
	struct loop *l = loop_new();
	struct end *a = end_new(l), *b = end_new(l);

	assert_int_equal(loop_wait(l, 0), 0);
	poke(b);
	assert_int_equal(loop_wait(l, NEVER), 1);
	assert_int_equal(a->calls, 0);
	assert_int_equal(b->calls, 1);
	assert_int_equal(b->last, EPOLLIN);
	end_free(a);
	end_free(b);
	loop_free(l);
}

static void waits_until_the_deadline(void **state)
{
	struct loop *l = loop_new();
	usec start = now_mono(), took;

	assert_int_equal(loop_wait(l, start + 3000), 0);
	took = now_mono() - start;
	assert_true(took >= 3000 && took < 20 * USEC_PER_SEC);
	assert_int_equal(loop_wait(l, start - 1000), 0);
	loop_free(l);
}

static void a_silent_watch_reports_nothing(void **state)
{
	struct loop *l = loop_new();
	struct end *a = end_new(l);

	assert_int_equal(loop_watch(l, &a->w, 0), 0);
	poke(a);
	close(a->other);	/* would be EPOLLHUP */
	a->other = -1;
	assert_int_equal(loop_wait(l, 0), 0);
	assert_int_equal(loop_watch(l, &a->w, EPOLLIN), 0);
	assert_int_equal(loop_wait(l, 0), 1);
	assert_int_equal(a->last, EPOLLIN | EPOLLHUP);
	end_free(a);
	loop_free(l);
}

static void a_callback_may_free_another_watch(void **state)
{
	struct loop *l = loop_new();
	struct end *a = end_new(l), *b = end_new(l);

	poke(a);
	poke(b);
	/* Whichever comes first removes the other. */
	a->victim = b;
	b->victim = a;
	assert_int_equal(loop_wait(l, 0), 2);
	assert_int_equal(last_called->calls, 1);
	end_free(last_called);
	loop_free(l);
}

static void remove_self(struct watch *w, uint32_t events)
{
	struct end *e = container_of(w, struct end, w);

	e->calls++;
	loop_unwatch(e->l, w);
}

static void a_callback_may_remove_itself(void **state)
{
	struct loop *l = loop_new();
	struct end *a = end_new(l);

	a->w.ready = remove_self;
	poke(a);
	assert_int_equal(loop_wait(l, 0), 1);
	assert_int_equal(loop_wait(l, 0), 0);
	assert_int_equal(a->calls, 1);
	loop_unwatch(l, &a->w);
	end_free(a);
	loop_free(l);
}

static void a_bad_fd_is_an_error(void **state)
{
	struct loop *l = loop_new();
	struct watch w = { .fd = -1, .ready = ready };

	assert_int_equal(loop_watch(l, &w, EPOLLIN), -EBADF);
	assert_false(w.added);
	loop_unwatch(l, &w);
	loop_free(l);
	loop_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_what_is_ready),
		cmocka_unit_test(waits_until_the_deadline),
		cmocka_unit_test(a_silent_watch_reports_nothing),
		cmocka_unit_test(a_callback_may_free_another_watch),
		cmocka_unit_test(a_callback_may_remove_itself),
		cmocka_unit_test(a_bad_fd_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
