/* switch_intro.c - introductions by a running switch: made, shown, taken back; mirrors of it */
#include "switch_here.h"

static struct arena *arena;
#define N	3		/* two that talk, and one more */

static struct plug *plug[N];
static struct bag bag[N];

static int setup(void **state)
{
	arena = arena_heap_new(64 << 20);
	here_dir();
	here_start((struct switch_conf){ 0 });
	here_join(plug, bag, N, &(struct plug_conf){ .introduce = true });
	return 0;
}

static int teardown(void **state)
{
	grow_free(&out);
	return here_leave(plug, bag, N, arena);
}

/* At that plug, from one of the two to the other. */
static void send_frame(int at, int from)
{
	struct mac dst = { { 2, 0, 0, 0, 1, (uint8_t)!from } }, src = { { 2, 0, 0, 0, 1, (uint8_t)from } };
	struct pkt *pkt = plain_frame(arena, 60, 0);

	memcpy(pkt->ext[0].p, &dst, 6);
	memcpy(pkt->ext[0].p + 6, &src, 6);
	plug_send(plug[at], pkt);
}

/* Each sends some to the other, and all look after what came. */
static void talk(void)
{
	for (int k = 0; k < 20; k++) {
		send_frame(0, 0);
		send_frame(1, 1);
	}
	for (int i = 0; i < 2; i++)
		plug_flush(plug[i]);
	here_turn();
	for (int i = 0; i < 2; i++) {
		plug_recv(plug[i], 100);
		plug_run(plug[i], now_mono());
		bag_empty(&bag[i]);
	}
}

struct shown {
	unsigned	intros;
	unsigned long	frames;
};

/* The last two columns of the port's row. */
static struct shown shown(unsigned port)
{
	char row[8];
	struct shown s;
	const char *p;
	int tabs = 0;

	snprintf(row, sizeof(row), "\n%u\t", port);
	p = strstr(say("show ports"), row);
	assert_non_null(p);
	while (tabs < 11)
		tabs += *++p == '\t';
	assert_int_equal(sscanf(p, "%u %lu", &s.intros, &s.frames), 2);
	return s;
}

static bool both_have(unsigned intros)
{
	return shown(1).intros == intros && shown(2).intros == intros;
}

static void talk_until(unsigned intros)
{
	int tries = 0;

	while (!both_have(intros)) {
		assert_in_range(tries++, 0, 100000);
		talk();
	}
}

/* Frames of their own are counted by the ports' users, and shown by the switch. */
static void an_introduction_is_shown(void **state)
{
	assert_true(both_have(0));
	talk_until(1);
	while (!shown(1).frames || !shown(2).frames)
		talk();
}

static void a_hub_takes_it_back(void **state)
{
	talk_until(1);
	say("port/sethub 1");
	here_turn();
	assert_true(both_have(0));
	talk();
	assert_true(both_have(0));
}

/* One alone does not: he may talk to those that are not. */
static void isolation_takes_it_back(void **state)
{
	talk_until(1);
	say("port/setisolated 1 1");
	here_turn();
	assert_true(both_have(1));
	say("port/setisolated 2 1");
	here_turn();
	assert_true(both_have(0));
	talk();
	assert_true(both_have(0));
}

/* A second client at the port sees each of its frames. */
static void who_comes_beside_takes_it_back(void **state)
{
	struct plug *beside;
	struct bag others;

	talk_until(1);
	strcat(path, "[port=1]");
	here_join(&beside, &others, 1, &(struct plug_conf){ .introduce = true });
	*strchr(path, '[') = 0;
	here_turn();
	assert_true(both_have(0));
	send_frame(1, 1);
	plug_flush(plug[1]);
	here_turn();
	assert_int_equal(plug_recv(beside, 10), 1);
	bag_empty(&others);
	plug_close(beside);
}

/* Nor do they meet while he is there, whoever of them is not alone. */
static void beside_others_nobody_meets(void **state)
{
	static const char *const at[] = { "[port=1]", "[port=2]" };

	for (int i = 0; i < 2; i++) {
		struct plug *beside;
		struct bag others;

		strcat(path, at[i]);
		here_join(&beside, &others, 1, &(struct plug_conf){ .introduce = true });
		*strchr(path, '[') = 0;
		for (int k = 0; k < 50; k++) {
			talk();
			plug_recv(beside, 100);
			bag_empty(&others);
			assert_true(both_have(0));
		}
		plug_close(beside);
		for (int k = 0; k < 10; k++)
			here_turn();
	}
	talk_until(1);
}

static void who_leaves_takes_it_along(void **state)
{
	talk_until(1);
	plug_close(plug[1]);
	plug[1] = NULL;
	for (int k = 0; k < 10; k++)
		here_turn();
	assert_true(both_have(0));
}

/* As when hash/setexpire is so short that who talks past the switch is forgotten. */
static void a_forgotten_address_may_move(void **state)
{
	talk_until(1);
	say("hash/forget 02:00:00:00:01:00");
	here_turn();
	assert_true(both_have(1));
	send_frame(2, 0);
	plug_flush(plug[2]);
	here_turn();
	assert_true(both_have(0));
}

/* Who is given the number next is not shown what the one before was. */
static void a_mirror_ends_with_its_port(void **state)
{
	say("port/setmirror 1 3");
	say("port/create 7");
	say("port/setmirror 2 7");
	plug_close(plug[2]);
	plug[2] = NULL;
	for (int k = 0; k < 10; k++)
		here_turn();
	assert_string_equal(say("port/rules"), "0000 DATA END WITH '.'\nport/setmirror 2 7 both\n"
					       ".\n1000 Success\n");
	say("port/remove 7");
	assert_string_equal(say("port/rules"), "0000 DATA END WITH '.'\n.\n1000 Success\n");
	talk_until(1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(an_introduction_is_shown),
		T(a_hub_takes_it_back),
		T(isolation_takes_it_back),
		T(who_comes_beside_takes_it_back),
		T(beside_others_nobody_meets),
		T(who_leaves_takes_it_along),
		T(a_forgotten_address_may_move),
		T(a_mirror_ends_with_its_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
