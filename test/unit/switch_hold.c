/* switch_hold.c - back-pressure through a running switch: who waits, and how long */
#include "switch_here.h"
#include "switch/client.h"
#include "switch/rules.h"

#define N 3

static struct arena *arena;
static struct plug *plug[N];
static struct bag bag[N];

static void crank(int n)
{
	while (n--)
		here_turn();
}

/* Who sends, and the others: by VDE's sockets? */
static void start_with(usec patience, bool sender, bool others)
{
	arena = arena_heap_new(256 << 20);
	here_dir();
	here_start((struct switch_conf){ .patience = patience });
	here_join(plug, bag, 1, &(struct plug_conf){ .frames = sender });
	here_join(plug + 1, bag + 1, N - 1, &(struct plug_conf){ .frames = others });
}

static int stop(void **state)
{
	return here_leave(plug, bag, N, arena);
}

/* From plug i; to 255: all. */
static void send_frame(int i, int to, uint32_t len, uint32_t n)
{
	struct pkt *pkt = plain_frame(arena, len, n);
	struct mac dst = { { 2, 0, 0, 0, 1, (uint8_t)to } }, src = { { 2, 0, 0, 0, 1, (uint8_t)i } };

	memcpy(pkt->ext[0].p, to == 255 ? &MAC_BROADCAST : &dst, 6);
	memcpy(pkt->ext[0].p + 6, &src, 6);
	plug_send(plug[i], pkt);
}

/* The switch knows where each is. */
static void meet(void)
{
	for (int i = 0; i < N; i++) {
		send_frame(i, 255, 60, 0);
		plug_flush(plug[i]);
	}
	crank(4);
	for (int i = 0; i < N; i++) {
		plug_recv(plug[i], 100);
		bag_empty(&bag[i]);
	}
}

/* A reader who takes his time loses nothing: his sender is stopped instead. */
static void lose_nothing(bool sender, bool others)
{
	uint32_t sent = 0, got = 0, held = 0;

	start_with(600 * USEC_PER_SEC, sender, others);
	meet();
	while (got < 20000) {
		bool full;

		while (sent < 20000 && plug_room(plug[0]))
			send_frame(0, 1, sent % 3 ? 1514 : 60, sent), sent++;
		full = plug_flush(plug[0]) < 0;
		crank(2);
		if (full) {
			held++;
			plug_recv(plug[0], 10);
			crank(1);
		}
		if (!full || held % 4 == 0)
			plug_recv(plug[1], 50);
		for (; bag[1].n; got++) {
			struct pkt *pkt = bag_pop(&bag[1]);

			assert_int_equal(plain_number(pkt), got);
			pkt_free(pkt);
		}
	}
	assert_true(held > 10);
	assert_int_equal(plug[0]->tx_drops, 0);
}

static void nothing_is_lost(void **state) { lose_nothing(false, false); }
static void nothing_is_lost_by_sockets(void **state) { lose_nothing(true, true); }
static void nothing_is_lost_to_a_socket(void **state) { lose_nothing(false, true); }
static void nothing_is_lost_from_a_socket(void **state) { lose_nothing(true, false); }

static void fill(int i, int to)
{
	for (int k = 0; k < 40; k++) {
		for (int n = 0; n < 100 && plug_room(plug[i]); n++)
			send_frame(i, to, 60, 0);
		plug_flush(plug[i]);
		crank(3);
		plug_recv(plug[i], 10);
	}
}

/* One who does not read at all: his frames wait, then are lost; others get theirs. */
static void lose_own(bool sender, bool others)
{
	struct timespec more = { 0, 5000000 };
	uint32_t got = 0;

	start_with(2000, sender, others);
	meet();
	fill(0, 1);
	nanosleep(&more, NULL);		/* what was to be waited is over */
	while (plug_room(plug[0]) < 100) {
		crank(2);
		plug_recv(plug[0], 10);
		plug_flush(plug[0]);
	}
	for (uint32_t n = 0; n < 5000; n++) {
		send_frame(0, 1, 60, 0);
		send_frame(0, 2, 60, n);
		plug_flush(plug[0]);
		crank(1);
		plug_recv(plug[0], 10);
		plug_recv(plug[2], 10);
		for (; bag[2].n; got++)
			pkt_free(bag_pop(&bag[2]));
	}
	for (int k = 0; k < 200 && got < 5000; k++) {
		plug_flush(plug[0]);
		crank(2);
		plug_recv(plug[0], 10);
		plug_recv(plug[2], 100);
		for (; bag[2].n; got++)
			pkt_free(bag_pop(&bag[2]));
	}
	assert_int_equal(got, 5000);
}

static void who_does_not_read_loses_his_own(void **state) { lose_own(false, false); }
static void and_by_sockets(void **state) { lose_own(true, true); }

/* Not in the port's queue, where each would have to be a packet. */
static void small_frames_wait_in_their_ring(void **state)
{
	const struct client *c;
	uint32_t most;

	start_with(600 * USEC_PER_SEC, false, false);
	meet();
	c = list_first(&sw->port[2].clients, struct client, link);
	most = plug_room(c->plug);
	fill(0, 1);
	assert_false(plug_room(plug[0]));
	assert_in_range(plug_room(c->plug), most - 1, most - 1);
}

/* Who waits still gets what is for him, and others talk beside. */
static void listen_on(bool sockets)
{
	start_with(600 * USEC_PER_SEC, sockets, sockets);
	meet();
	fill(0, 1);
	for (uint32_t n = 0; n < 50; n++) {
		send_frame(2, 0, 60, n);
		plug_flush(plug[2]);
		crank(3);
		plug_recv(plug[0], 10);
		assert_int_equal(bag[0].n, 1);
		pkt_free(bag_pop(&bag[0]));
	}
}

static void who_waits_still_listens(void **state) { listen_on(false); }
static void and_at_a_socket(void **state) { listen_on(true); }

static void leave(bool sockets)
{
	start_with(600 * USEC_PER_SEC, sockets, sockets);
	meet();
	fill(0, 1);
	fill(2, 1);
	plug_close(plug[2]);		/* while it waits */
	plug[2] = NULL;
	crank(4);
	plug_close(plug[1]);		/* for whom others wait */
	plug[1] = NULL;
	crank(4);
	while (plug_flush(plug[0])) {	/* goes on: to nobody */
		crank(2);
		plug_recv(plug[0], 10);
	}
}

static void whoever_leaves(void **state) { leave(false); }
static void whoever_leaves_his_socket(void **state) { leave(true); }

/* n frames for plug 1, as a stream has them. */
static void write_stream(const char *file, uint32_t n)
{
	const struct mac dst = { { 2, 0, 0, 0, 1, 1 } }, src = { { 2, 0, 0, 0, 1, 9 } };
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	for (uint32_t i = 0; i < n; i++) {
		struct pkt *pkt = plain_frame(arena, 60, i);

		memcpy(pkt->ext[0].p, &dst, 6);
		memcpy(pkt->ext[0].p + 6, &src, 6);
		putc(0, f);
		putc(60, f);
		assert_int_equal(fwrite(pkt->ext[0].p, 1, 60, f), 60);
		pkt_free(pkt);
	}
	fclose(f);
}

/* What a plug of its own brings stays where it is, too. */
static void a_plug_of_its_own_waits(void **state)
{
	usec end = now_mono() + 60 * USEC_PER_SEC;
	char file[64], ready[64], cmd[160];
	uint32_t got = 0;

	arena = arena_heap_new(256 << 20);
	here_dir();
	snprintf(file, sizeof(file), "%s/new", dir);
	snprintf(ready, sizeof(ready), "%s/frames", dir);
	snprintf(cmd, sizeof(cmd), "cmd://until cat %s 2>/dev/null; do sleep 0.01; done; "
				   "cat >/dev/null", ready);
	here_start((struct switch_conf){ .patience = 600 * USEC_PER_SEC, .plug = { cmd },
					 .n_plugs = 1 });
	here_join(plug, bag, N, &(struct plug_conf){ 0 });
	meet();
	write_stream(file, 20000);
	rename(file, ready);
	while (list_empty(&sw->waiting) && now_mono() < end)
		here_turn();
	crank(1000);
	while (got < 20000 && now_mono() < end) {
		plug_recv(plug[1], 50);
		here_turn();
		for (; bag[1].n; got++) {
			struct pkt *pkt = bag_pop(&bag[1]);

			assert_int_equal(plain_number(pkt), got);
			pkt_free(pkt);
		}
	}
	assert_int_equal(got, 20000);
	unlink(ready);
}

static struct client *client_of(int i)
{
	return list_first(&sw->port[i + 1].clients, struct client, link);
}

/* Plug 1 takes what waits for it. */
static void catch_up(void)
{
	for (int k = 0; k < 40; k++) {
		plug_recv(plug[1], 100);
		bag_empty(&bag[1]);
		crank(1);
		plug_recv(plug[0], 10);
		plug_flush(plug[0]);
	}
}

/* All waiting counts together, until as many frames were taken as wait at a port. */
static void patience_ends_and_comes_back(bool sockets)
{
	struct timespec while_he_waits = { 0, 5000000 };
	struct client *from, *to;

	start_with(600 * USEC_PER_SEC, sockets, sockets);
	meet();
	from = client_of(0);
	to = client_of(1);
	fill(0, 1);
	assert_ptr_equal(from->waits, to);
	nanosleep(&while_he_waits, NULL);
	for (int k = 0; k < 10000 && !to->held_for; k++) {
		plug_recv(plug[1], 10);
		crank(1);
	}
	assert_true(to->held_for >= 5000);
	fill(0, 1);
	assert_ptr_equal(from->waits, to);
	from->wait_until = 0;
	crank(1);
	fill(0, 1);
	assert_null(from->waits);
	catch_up();
	fill(0, 1);
	assert_ptr_equal(from->waits, to);
}

static void patience(void **state) { patience_ends_and_comes_back(false); }
static void patience_with_a_socket(void **state) { patience_ends_and_comes_back(true); }

/* Plug 2 is shown what goes to plug 1, and does not read. */
static void nobody_waits_for_him(bool sockets)
{
	uint32_t sent = 0, got = 0;

	start_with(600 * USEC_PER_SEC, sockets, sockets);
	meet();
	rules_set_mirror(&sw->core, 2, 3, false, true);
	for (int k = 0; k < 40000 && got < 20000; k++) {
		for (; sent < 20000 && plug_room(plug[0]); sent++)
			send_frame(0, 1, 60, sent);
		plug_flush(plug[0]);
		crank(2);
		plug_recv(plug[0], 10);
		plug_recv(plug[1], 600);
		got += bag[1].n;
		bag_empty(&bag[1]);
	}
	assert_int_equal(got, 20000);
	assert_true(sw->core.port[3].tx_drops);
}

static void nobody_waits_for_who_listens(void **state) { nobody_waits_for_him(false); }
static void nor_at_a_socket(void **state) { nobody_waits_for_him(true); }

/* Two that wait for each other go on after a while. */
static void neither_waits_for_ever(void **state)
{
	start_with(2000, true, true);
	meet();
	while (!sw->core.port[1].tx_drops && !sw->core.port[2].tx_drops) {
		fill(0, 1);
		fill(1, 0);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, stop)
	const struct CMUnitTest tests[] = {
		T(nothing_is_lost),
		T(nothing_is_lost_by_sockets),
		T(nothing_is_lost_to_a_socket),
		T(nothing_is_lost_from_a_socket),
		T(who_does_not_read_loses_his_own),
		T(and_by_sockets),
		T(small_frames_wait_in_their_ring),
		T(who_waits_still_listens),
		T(and_at_a_socket),
		T(whoever_leaves),
		T(whoever_leaves_his_socket),
		T(a_plug_of_its_own_waits),
		T(patience),
		T(patience_with_a_socket),
		T(nobody_waits_for_who_listens),
		T(nor_at_a_socket),
		T(neither_waits_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
