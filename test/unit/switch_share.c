/* switch_share.c - who floods rests while others send, and only then */
#include "switch_here.h"
#include "switch/client.h"
#include "switch/rules.h"

#define N	3
#define FRAMES	100
#define LONGEST	(20 * USEC_PER_MSEC)

static struct arena *arena;
static struct plug *plug[N];
static struct bag bag[N];
static bool is_hub;

static void start(bool sockets)
{
	arena = arena_heap_new(64 << 20);
	here_dir();
	here_start((struct switch_conf){ .patience = 600 * USEC_PER_SEC, .hub = is_hub });
	here_join(plug, bag, N, &(struct plug_conf){ .frames = sockets });
}

static int stop(void **state)
{
	return here_leave(plug, bag, N, arena);
}

static struct client *client_of(int i)
{
	return list_first(&sw->port[i + 1].clients, struct client, link);
}

/* From plug i to plug `to`, or to all (255). */
static void send_frame(int i, int to, uint32_t n)
{
	struct pkt *pkt = plain_frame(arena, 60, n);
	struct mac dst = { { 2, 0, 0, 0, 1, (uint8_t)to } }, src = { { 2, 0, 0, 0, 1, (uint8_t)i } };

	memcpy(pkt->ext[0].p, to == 255 ? &MAC_BROADCAST : &dst, 6);
	memcpy(pkt->ext[0].p + 6, &src, 6);
	plug_send(plug[i], pkt);
}

static void turns(int n)
{
	while (n--)
		here_turn();
}

static void meet(void)
{
	for (int i = 0; i < N; i++) {
		send_frame(i, 255, 0);
		plug_flush(plug[i]);
	}
	turns(4);
	for (int i = 0; i < N; i++) {
		plug_recv(plug[i], N);
		bag_empty(&bag[i]);
	}
}

static void others_are_silent(void)
{
	nanosleep(&(struct timespec){ 0, 20 * 1000000 }, NULL);
}

/* Plug 0, which owes already, sends FRAMES at once, beside a frame from 2 to 1. They were read
 * when this returns; true: it rests then. */
static bool floods(int to, bool another, usec owes)
{
	struct client *c = client_of(0);
	usec before, after;

	for (uint32_t n = 0; n < FRAMES; n++)
		send_frame(0, to, n);
	if (another) {
		send_frame(2, 1, 0);
		plug_flush(plug[2]);
		turns(2);
	}
	before = now_mono();
	c->owes = before + owes;
	plug_flush(plug[0]);
	turns(1);
	after = now_mono();
	if (c->waits)
		assert_true(c->waits == c && c->wait_until > before &&
			    c->wait_until <= after + MIN(owes + 8 * (after - before), LONGEST));
	return c->waits;
}

/* Several times, as who measures this may be stopped in between. */
static bool ever_rests(int to, bool another, usec owes)
{
	for (int k = 0; k < 20; k++) {
		if (floods(to, another, owes))
			return true;
		others_are_silent();
		turns(4);
		for (int i = 0; i < N; i++) {
			plug_recv(plug[i], 4 * FRAMES);
			bag_empty(&bag[i]);
		}
	}
	return false;
}

/* Until plug 2 has n frames, whose numbers are checked. */
static void all_arrive(struct client *c, uint32_t n)
{
	for (int k = 0; k < 1000 && bag[2].n < n; k++) {
		c->wait_until = 0;
		turns(1);
		plug_recv(plug[2], FRAMES);
	}
	assert_int_equal(bag[2].n, n);
	for (uint32_t i = 0; i < n; i++) {
		struct pkt *pkt = bag_pop(&bag[2]);

		assert_int_equal(plain_number(pkt), i);
		pkt_free(pkt);
	}
}

/* What he sends meanwhile stays where it is, others are heard, and nothing is lost. */
static void rest(bool sockets)
{
	const struct core_port *port;
	uint64_t his, others;
	struct client *c;

	start(sockets);
	meet();
	c = client_of(0);
	port = sw->core.port;
	assert_true(ever_rests(255, true, 0));
	c->wait_until = NEVER;
	his = port[1].rx_frames;
	others = port[3].rx_frames;
	send_frame(0, 255, FRAMES);
	plug_flush(plug[0]);
	send_frame(2, 1, 0);
	plug_flush(plug[2]);
	turns(3);
	assert_int_equal(port[1].rx_frames, his);
	assert_int_equal(port[3].rx_frames, others + 1);
	all_arrive(c, FRAMES + 1);
}

static void who_floods_rests(void **state) { rest(false); }
static void and_by_a_socket(void **state) { rest(true); }

static void who_floods_alone_does_not(void **state)
{
	start(false);
	meet();
	others_are_silent();
	assert_false(ever_rests(255, false, 0));
}

static void nor_who_sends_to_one(void **state)
{
	start(false);
	meet();
	assert_false(ever_rests(1, true, 0));
}

/* Plug 2 is shown what 0 sends, too. */
static void nor_who_is_listened_to(void **state)
{
	start(false);
	meet();
	rules_set_mirror(&sw->core, 1, 3, true, true);
	rules_set_talk(&sw->core, 3, true);
	assert_false(ever_rests(1, true, 0));
	assert_true(sw->core.port[3].tx_frames > FRAMES);
}

static void nor_anybody_in_a_hub(void **state)
{
	is_hub = true;
	start(false);
	is_hub = false;
	meet();
	assert_false(ever_rests(255, true, 0));
}

/* Of 20 ms, a part in 8 is the switch's. */
static void a_few_broadcasts_are_free(void **state)
{
	start(false);
	meet();
	send_frame(2, 1, 0);
	plug_flush(plug[2]);
	send_frame(0, 255, 0);
	plug_flush(plug[0]);
	turns(2);
	assert_null(client_of(0)->waits);
}

static void nobody_rests_long(void **state)
{
	start(false);
	meet();
	assert_true(ever_rests(255, true, 3600 * USEC_PER_SEC));
}

static void he_may_leave_meanwhile(void **state)
{
	start(false);
	meet();
	assert_true(ever_rests(255, true, 0));
	plug_close(plug[0]);
	plug[0] = NULL;
	turns(4);
	assert_null(client_of(0));
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, stop)
	const struct CMUnitTest tests[] = {
		T(who_floods_rests),
		T(and_by_a_socket),
		T(who_floods_alone_does_not),
		T(nor_who_sends_to_one),
		T(nor_who_is_listened_to),
		T(nor_anybody_in_a_hub),
		T(a_few_broadcasts_are_free),
		T(nobody_rests_long),
		T(he_may_leave_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
