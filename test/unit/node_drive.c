/* node_drive.c - who drives a node for programs: looking before he sleeps */
#include <sched.h>
#include <unistd.h>

#include "node/node_in.h"
#include "unit.h"

#define PATIENCE	(20 * USEC_PER_SEC)

static struct node *n;
static struct plug_ops ops;
static unsigned looks, taken;
static unsigned comes_at;	/* the look that finds something; 0: none */
static bool slept_awake;

static void awake(struct plug *p)
{
	p->looking = true;
	looks = 0;
}

static void doze(struct plug *p)
{
	p->looking = false;
}

static bool look(struct plug *p)
{
	return ++looks == comes_at;
}

static int take(struct plug *p, int max)
{
	taken++;
	return 0;
}

static int setup(void **state)
{
	struct node_conf conf = { .ifs = { { .locator = "null://" } }, .n_if = 1 };
	char *why;
	cpu_set_t cores;

	n = node_new(&conf, &why);
	if (!n || sched_getaffinity(0, sizeof(cores), &cores) < 0)
		return -1;
	ops = *n->ifs[0]->plug->ops;
	ops.awake = awake;
	ops.look = look;
	ops.doze = doze;
	ops.recv = take;
	n->ifs[0]->plug->ops = &ops;
	comes_at = taken = 0;
	*state = CPU_COUNT(&cores) > 1 ? n : NULL;
	return 0;
}

static int teardown(void **state)
{
	node_free(n);
	return 0;
}

static void wakes(struct node *of, struct node_alarm *a)
{
	slept_awake = of->ifs[0]->plug->looking;
}

/* Once round in which nothing comes but a kick, or an alarm. */
static void round_until(usec in)
{
	struct node_alarm a = { .at = now_mono() + in, .ring = wakes };

	node_lock(n);
	list_add_tail(&n->alarms, &a.link);
	node_unlock(n);
	slept_awake = false;
	while (a.at != NEVER)
		node_drive(n);
	node_lock(n);
	list_del(&a.link);
	node_unlock(n);
}

/* He looks where cores are free, which other tests may leave to us a moment only. */
static bool looks_in_time(void)
{
	usec end = now_mono() + PATIENCE;

	for (looks = 0; !looks && now_mono() < end;)
		round_until(USEC_PER_MSEC / 10);
	return looks > 0;
}

static void frames_are_found_without_a_bell(void **state)
{
	if (!*state)
		skip();		/* there is no core for it */
	comes_at = 2;
	assert_true(looks_in_time());
	assert_true(taken > 0);
}

/* What comes then would ring no bell. */
static void nobody_sleeps_while_plugs_are_silent(void **state)
{
	if (!*state)
		skip();
	assert_true(looks_in_time());
	round_until(20 * USEC_PER_MSEC);
	assert_false(slept_awake);
}

static void busy_read_0_looks_at_nothing(void **state)
{
	n->st->param.busy_read = 0;
	for (int i = 0; i < 100; i++)
		round_until(USEC_PER_MSEC / 10);
	assert_int_equal(looks, 0);
}

int main(void)
{
#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(busy_read_0_looks_at_nothing),
		TEST(frames_are_found_without_a_bell),
		TEST(nobody_sleeps_while_plugs_are_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
