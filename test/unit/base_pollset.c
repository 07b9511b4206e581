/* base_pollset.c - many loops on one epoll set, and who hears what */
#include <poll.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/pollset.h"
#include "unit.h"

struct end {
	struct watch	w;
	int		other;		/* the writing side */
	int		calls;
};

static struct pollset set;
static struct loop *loop[2];

static void ready(struct watch *w, uint32_t events)
{
	char b[8];

	container_of(w, struct end, w)->calls++;
	if (read(w->fd, b, sizeof(b)) < 0)
		return;
}

static void begin(struct end *e, struct loop *l, bool bell)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	*e = (struct end){ .w = { .fd = fd[0], .ready = ready, .bell = bell }, .other = fd[1] };
	assert_int_equal(loop_watch(l, &e->w, EPOLLIN), 0);
}

static void end(struct end *e, struct loop *l)
{
	loop_unwatch(l, &e->w);
	close(e->w.fd);
	close(e->other);
}

static void ring(const struct end *e)
{
	assert_int_equal(write(e->other, "", 1), 1);
}

static int setup(void **state)
{
	assert_int_equal(pollset_init(&set), 0);
	for (int i = 0; i < 2; i++) {
		loop[i] = loop_new_in(&set, &loop[i]);
		loop_hears(loop[i], true);
	}
	pollset_sleep(&set, 0);
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++)
		loop_free(loop[i]);
	assert_int_equal(set.watches.count, 0);
	pollset_fini(&set);
	return 0;
}

/* What the thread that looks after all is told now; NULL: nothing. */
static struct loop *told(void)
{
	struct loop **owner;

	pollset_sleep(&set, 0);
	owner = pollset_next(&set);
	return owner ? *owner : NULL;
}

static void owner_is_named(void **state)
{
	struct end e[2];

	begin(&e[0], loop[0], true);
	begin(&e[1], loop[1], false);
	ring(&e[1]);
	assert_ptr_equal(told(), loop[1]);
	assert_int_equal(loop_run(loop[1]), 1);
	ring(&e[0]);
	assert_ptr_equal(told(), loop[0]);
	assert_int_equal(loop_run(loop[0]), 1);
	assert_null(told());
	assert_int_equal(e[0].calls, 1);
	assert_int_equal(e[1].calls, 1);
	end(&e[0], loop[0]);
	end(&e[1], loop[1]);
}

/* A bell that was heard is silent until it is given back. */
static void bell_rings_once(void **state)
{
	struct end e;

	begin(&e, loop[0], true);
	ring(&e);
	assert_ptr_equal(told(), loop[0]);
	assert_null(told());
	assert_int_equal(loop_run(loop[0]), 1);
	ring(&e);
	assert_null(told());
	loop_give(loop[0]);
	assert_ptr_equal(told(), loop[0]);
	end(&e, loop[0]);
}

static void sleeper_hears_his_bells_alone(void **state)
{
	struct end bell, other;
	struct nap nap;

	begin(&bell, loop[0], true);
	begin(&other, loop[0], false);
	assert_true(loop_nap_begin(loop[0], &nap));
	ring(&bell);
	ring(&other);
	assert_int_equal(loop_poll(nap.fd, nap.n, NEVER), 1);
	assert_ptr_equal(told(), loop[0]);
	assert_int_equal(loop_run(loop[0]), 1);
	assert_int_equal(other.calls, 1);
	loop_nap_end(loop[0], &nap);
	assert_int_equal(loop_wait(loop[0], 0), 1);
	assert_int_equal(bell.calls, 1);
	end(&bell, loop[0]);
	end(&other, loop[0]);
}

/* More than a sleeper can listen to. */
static void other_bells_are_the_sets(void **state)
{
	struct end e[NAP_BELLS + 2];
	struct nap nap;

	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		begin(&e[i], loop[0], true);
	assert_true(loop_nap_begin(loop[0], &nap));
	ring(&e[0]);
	assert_null(told());
	ring(&e[NAP_BELLS]);
	assert_ptr_equal(told(), loop[0]);
	loop_nap_end(loop[0], &nap);
	for (size_t i = 0; i < ARRAY_LEN(e); i++)
		end(&e[i], loop[0]);
}

/* While he slept somebody else changed what there is. */
static void bells_change_during_sleep(void **state)
{
	struct end first, second;
	struct nap nap;

	begin(&first, loop[0], true);
	assert_true(loop_nap_begin(loop[0], &nap));
	ring(&first);
	assert_int_equal(loop_poll(nap.fd, nap.n, 0), 1);
	end(&first, loop[0]);
	begin(&second, loop[0], true);
	loop_nap_end(loop[0], &nap);
	assert_int_equal(loop_wait(loop[0], 0), 0);
	assert_int_equal(second.calls, 0);
	ring(&second);
	assert_ptr_equal(told(), loop[0]);
	assert_int_equal(loop_wait(loop[0], 0), 1);
	end(&second, loop[0]);
}

/* The event of a watch that is no more does not reach the next one, which has its descriptor. */
static void event_has_no_heir(void **state)
{
	struct end first, second;
	int fd;

	begin(&first, loop[0], false);
	fd = first.w.fd;
	ring(&first);
	assert_ptr_equal(told(), loop[0]);
	end(&first, loop[0]);
	begin(&second, loop[0], false);
	assert_int_equal(second.w.fd, fd);
	assert_int_equal(loop_run(loop[0]), 0);
	end(&second, loop[0]);
}

static void kick_wakes_who_is_there(void **state)
{
	struct nap nap;

	loop_kick(loop[0]);
	assert_ptr_equal(told(), loop[0]);
	assert_true(loop_nap_begin(loop[0], &nap));
	loop_kick(loop[0]);
	assert_int_equal(loop_poll(nap.fd, nap.n, NEVER), 1);
	assert_null(told());
	loop_nap_end(loop[0], &nap);
	assert_true(loop_nap_begin(loop[0], &nap));
	assert_int_equal(loop_poll(nap.fd, nap.n, 0), 0);
	loop_nap_end(loop[0], &nap);
	assert_int_equal(set.n_wakers, 1);
}

/* Who asks for himself reads what is others' too, and leaves it to the thread. */
static void what_is_others_is_not_lost(void **state)
{
	struct end e[2];

	for (int i = 0; i < 2; i++) {
		begin(&e[i], loop[i], false);
		ring(&e[i]);
	}
	assert_int_equal(loop_ask(loop[0]), 1);
	assert_int_equal(e[0].calls, 1);
	assert_int_equal(e[1].calls, 0);
	while (!e[1].calls) {
		struct loop *l = told();

		assert_non_null(l);
		loop_run(l);
	}
	for (int i = 0; i < 2; i++)
		end(&e[i], loop[i]);
}

static void deaf_loop_is_not_named(void **state)
{
	struct end e;

	begin(&e, loop[0], false);
	loop_hears(loop[0], false);
	ring(&e);
	loop_kick(loop[0]);
	assert_null(told());
	loop_hears(loop[0], true);
	assert_ptr_equal(told(), loop[0]);
	end(&e, loop[0]);
}

/* --- on futexes --- */

static void changed_futex_is_no_sleep(void **state)
{
	atomic_uint word = 1;
	struct futexes f = { .n = 0 };

	assert_true(futexes_add(&f, &word, 0, false));
	assert_true(futexes_sleep(&f, NEVER));
	assert_false(futex_wake(&word, false));
}

static void full_futexes_take_no_more(void **state)
{
	atomic_uint word = 0;
	struct futexes f = { .n = 0 };

	for (int i = 0; i < FUTEXES_MOST; i++)
		assert_true(futexes_add(&f, &word, 0, false));
	assert_false(futexes_add(&f, &word, 0, false));
	assert_false(loop_doze_begin(loop[0], &f));
	if (futexes_work())
		assert_true(futexes_sleep(&f, now_mono() + USEC_PER_MSEC));
}

/* Kicked before he lies down: he does not. Bells meanwhile go to the set. */
static void who_sleeps_on_futexes_is_kicked(void **state)
{
	struct futexes f = { .n = 0 };
	struct end e;

	begin(&e, loop[0], true);
	loop_give(loop[0]);
	assert_true(loop_doze_begin(loop[0], &f));
	ring(&e);
	assert_ptr_equal(told(), loop[0]);
	loop_kick(loop[0]);
	assert_true(futexes_sleep(&f, NEVER));
	loop_doze_end(loop[0]);
	assert_null(told());
	loop_kick(loop[0]);
	assert_ptr_equal(told(), loop[0]);
	loop_run(loop[0]);
	end(&e, loop[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(owner_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(bell_rings_once, setup, teardown),
		cmocka_unit_test_setup_teardown(sleeper_hears_his_bells_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(other_bells_are_the_sets, setup, teardown),
		cmocka_unit_test_setup_teardown(bells_change_during_sleep, setup, teardown),
		cmocka_unit_test_setup_teardown(event_has_no_heir, setup, teardown),
		cmocka_unit_test_setup_teardown(kick_wakes_who_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_others_is_not_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(deaf_loop_is_not_named, setup, teardown),
		cmocka_unit_test_setup_teardown(changed_futex_is_no_sleep, setup, teardown),
		cmocka_unit_test_setup_teardown(full_futexes_take_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(who_sleeps_on_futexes_is_kicked, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
