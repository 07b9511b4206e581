/* plug_direct.c - two plugs that a switch introduces: order, loss, and bad company
 *
 * The switch is ours: two plugs of its side, and what one delivers the other sends.
 * A third party's part (evil) is played by hand, with the bare wire.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "plug/direct.h"
#include "plug/shm.h"
#include "plug_frames.h"

#define PLACE 3

static struct arena *arena;
static struct plug *node[2], *sw[2];	/* the switch's side of either */
static struct bag bag[2];
static uint32_t last_id;
static unsigned marks;			/* that the switch has seen */
static bool lose_marks;

static struct mac mac_of(int i)
{
	return (struct mac){ { 2, 0, 0, 0, 0, (uint8_t)(i + 1) } };
}

static void frame_to(struct pkt *pkt, int i)
{
	struct mac dst = mac_of(i), src = mac_of(!i);

	memcpy(pkt->ext[0].p, &dst, 6);
	memcpy(pkt->ext[0].p + 6, &src, 6);
}

static struct pkt *frame(int to, uint32_t len, uint32_t n)
{
	struct pkt *pkt = plain_frame(arena, len, n);

	frame_to(pkt, to);
	return pkt;
}

static bool is_mark(struct pkt *pkt)
{
	uint32_t magic = 0;

	return pkt_copy(pkt, 14, &magic, 4) == 4 && magic == INTRO_MAGIC;
}

static void forward(struct plug *p, struct pkt *pkt)
{
	bool mark = is_mark(pkt);

	marks += mark;
	if (mark && lose_marks)
		pkt_free(pkt);
	else
		plug_send(p == sw[0] ? sw[1] : sw[0], pkt);
}

static void join(int i)
{
	struct wire *w[2] = { wire_new(), wire_new() };
	int sock[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sock), 0);
	for (int k = 0; k < 2; k++)
		assert_null(wire_join(w[k], w[!k]->fd, sock[k]));
	node[i] = shm_new(w[0], 1500, true);
	assert_true(shm_meet(node[i], NULL));
	node[i]->deliver = bag_deliver;
	node[i]->user = &bag[i];
	sw[i] = shm_new(w[1], 1500, false);
	sw[i]->deliver = forward;
}

static int setup(void **state)
{
	arena = arena_heap_new(64 << 20);
	marks = last_id = 0;
	lose_marks = false;
	for (int i = 0; i < 2; i++) {
		bag_init(&bag[i]);
		join(i);
	}
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++) {
		bag_empty(&bag[i]);
		plug_close(node[i]);
		plug_close(sw[i]);
	}
	assert_int_equal(arena_heap_used(arena), 0);
	arena_heap_unref(arena);
	return 0;
}

/* The switch passes on what there is. */
static void crank_switch(void)
{
	for (int i = 0; i < 2; i++) {
		plug_recv(sw[i], 50);
		plug_flush(sw[!i]);
	}
}

static void crank(int n)
{
	while (n--) {
		crank_switch();
		for (int i = 0; i < 2; i++)
			plug_recv(node[i], 50);
	}
}

static void tell_at(int i, unsigned place, uint32_t id, struct mac mine, struct mac theirs, int sock)
{
	struct intro msg = { INTRO_KIND, (uint8_t)place, 1500, id, mine, theirs };

	if (place < WIRE_INTROS)
		atomic_store(&shm_wire(sw[i])->own->intro[place], id);
	assert_int_equal(shm_put(shm_wire(sw[i])->bell, &msg, sizeof(msg), sock), 0);
}

static void tell(int i, int sock)
{
	tell_at(i, PLACE, last_id, mac_of(i), mac_of(!i), sock);
}

static void introduce(void)
{
	int sock[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sock), 0);
	last_id++;
	for (int i = 0; i < 2; i++) {
		tell(i, sock[i]);
		close(sock[i]);
	}
}

static void take_back(void)
{
	for (int i = 0; i < 2; i++) {
		atomic_store(&shm_wire(sw[i])->own->intro[PLACE], 0);
		wire_wake(shm_wire(sw[i]), WIRE_WANTS_FRAMES);
	}
}

static bool closed(int i)
{
	return atomic_load(&shm_wire(sw[i])->peer->intro[PLACE]) == last_id;
}

static void later(int i, usec d)
{
	plug_run(node[i], now_mono() + d);
}

static uint32_t next_number(int i)
{
	struct pkt *pkt = bag_pop(&bag[i]);
	uint32_t n = plain_number(pkt);

	pkt_free(pkt);
	return n;
}

static void send_to(int to, uint32_t len, uint32_t n)
{
	plug_send(node[!to], frame(to, len, n));
	plug_flush(node[!to]);
}

static void friends_need_no_switch(void **state)
{
	introduce();
	crank(5);
	assert_int_equal(marks, 2);
	assert_int_equal(sw[0]->rx_frames, 1);
	for (uint32_t len = 60; len <= 1514; len++) {
		send_to(1, len, len);
		plug_recv(node[1], 10);
		assert_int_equal(next_number(1), len);
	}
	assert_int_equal(sw[0]->rx_frames, 1);
	assert_int_equal(atomic_load(&shm_wire(sw[0])->peer->direct), 1455);
}

/* Payload for the neighbour is written where it can read it, and only for him. */
static void memory_of_the_neighbours(void **state)
{
	struct mac to = mac_of(1), other = mac_of(7);
	struct arena *a;
	struct pkt *pkt = pkt_new();
	uint8_t big[1000] = { 0 };

	assert_ptr_equal(node[0]->ops->arena_to(node[0], &to), node[0]->arena);
	introduce();
	crank(5);
	a = node[0]->ops->arena_to(node[0], &to);
	assert_ptr_not_equal(a, node[0]->arena);
	assert_ptr_equal(node[0]->ops->arena_to(node[0], &other), node[0]->arena);
	assert_true(pkt_append(pkt, a, big, sizeof(big)));
	frame_to(pkt, 1);
	pkt->ext[0].p[12] = 8;
	plug_send(node[0], pkt);
	plug_flush(node[0]);
	plug_recv(node[1], 10);
	pkt_free(bag_pop(&bag[1]));
	assert_int_equal(sw[0]->rx_frames, 1);
}

/* Little under way: the same memory serves again and again. More than a block: all of 4 MiB
 * does before any of it serves again, as the other's cache has let go of it by then. */
static void memory_is_walked_through(void **state)
{
	static const uint32_t sizes[] = { 65536, 16384, 2048 };
	struct chunk *out[64] = { NULL };
	struct mac to = mac_of(1);
	struct arena *a;

	introduce();
	crank(5);
	a = node[0]->ops->arena_to(node[0], &to);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t walk = (4 << 20) / sizes[i], most = 65536 / sizes[i] + 1;
		struct chunk *c = a->alloc(a, sizes[i]);
		uint8_t *at = c->data;

		for (uint32_t n = 0; n < 10; n++) {
			chunk_unref(c);
			c = a->alloc(a, sizes[i]);
			assert_ptr_equal(c->data, at);
		}
		chunk_unref(c);
		for (uint32_t n = 0; n < 3 * walk; n++) {
			c = a->alloc(a, sizes[i]);
			if (n == 2 * walk)
				at = c->data;
			else if (n > 2 * walk && n < 2 * walk + walk * 3 / 4)
				assert_ptr_not_equal(c->data, at);
			if (out[n % most])
				chunk_unref(out[n % most]);
			out[n % most] = c;
		}
		for (uint32_t n = 0; n < most; n++) {
			chunk_unref(out[n]);
			out[n] = NULL;
		}
	}
}

/* What is not between the two as it was said goes by the switch. */
static void the_rest_goes_by_the_switch(void **state)
{
	static const struct { unsigned at; uint8_t v; } other[] = {
		{ 5, 77 }, { 0, 0xff }, { 11, 77 }, { 12, 0x81 },
	};
	struct pkt *pkt;
	uint64_t seen;

	introduce();
	crank(5);
	seen = sw[0]->rx_frames;
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		pkt = frame(1, 60, 1);
		pkt->ext[0].p[other[i].at] = other[i].v;
		if (other[i].at == 12)
			pkt->ext[0].p[13] = 0;
		plug_send(node[0], pkt);
		plug_flush(node[0]);
		crank(2);
		assert_int_equal(sw[0]->rx_frames, ++seen);
	}
	assert_int_equal(bag[1].n, 4);
}

/* ARP and neighbour discovery, between the two or not: the switch learns from them. */
static void resolution_goes_by_the_switch(void **state)
{
	static const struct { uint16_t type; uint8_t next, icmp; unsigned seen; } c[] = {
		{ 0x0806, 0, 0, 1 }, { 0x86dd, 58, 136, 1 }, { 0x86dd, 58, 133, 1 },
		{ 0x86dd, 58, 128, 0 }, { 0x86dd, 17, 136, 0 }, { 0x0800, 58, 136, 0 },
	};

	introduce();
	crank(5);
	for (size_t i = 0; i < ARRAY_LEN(c); i++) {
		uint64_t before = sw[0]->rx_frames;
		struct pkt *pkt = frame(1, 100, 1);
		uint8_t *p = pkt->ext[0].p;

		p[12] = (uint8_t)(c[i].type >> 8);
		p[13] = (uint8_t)c[i].type;
		p[20] = c[i].next;
		p[54] = c[i].icmp;
		plug_send(node[0], pkt);
		plug_flush(node[0]);
		crank(2);
		assert_int_equal(sw[0]->rx_frames - before, c[i].seen);
	}
	assert_int_equal(bag[1].n, ARRAY_LEN(c));
}

/* Nothing of the new wire before the mark; without one, after a while. */
static void frames_wait_for_the_mark(void **state)
{
	lose_marks = true;
	introduce();
	crank(5);
	send_to(1, 60, 1);
	plug_recv(node[1], 10);
	assert_int_equal(bag[1].n, 0);
	assert_false(node[1]->more);
	assert_true(plug_deadline(node[1]) <= now_mono() + 20000);
	later(1, 30000);
	plug_recv(node[1], 10);
	assert_int_equal(next_number(1), 1);
}

/* Numbered frames both ways while wires come and go, everybody as slow as chance
 * will have it: each arrives, once, in order. */
static void order_and_number_are_kept(void **state)
{
	uint32_t sent[2] = { 0 }, got[2] = { 0 }, intros = 0;
	bool friends = false;

	srand(4711);
	while (got[0] < 30000 || got[1] < 30000) {
		int i = rand() % 2;

		switch (rand() % 16) {
		case 0 ... 5:
			for (int k = rand() % 40; k && sent[i] < MIN(30000u, got[i] + 500); k--)
				plug_send(node[!i], frame(i, rand() % 5 ? 60 : 1514, sent[i]++));
			break;
		case 6 ... 8:
			plug_flush(node[i]);
			break;
		case 9 ... 10:
			plug_recv(sw[i], 1 + rand() % 50);
			break;
		case 11:
			plug_flush(sw[i]);
			break;
		case 12 ... 14:
			plug_recv(node[i], 1 + rand() % 50);
			break;
		default:
			if (rand() % 40)
				break;
			if (friends) {
				take_back();
			} else if (closed(0) == closed(1) && (closed(0) || !last_id)) {
				introduce();
				intros++;
			}
			friends = !friends;
		}
		for (int k = 0; k < 2; k++) {
			while (bag[k].n)
				assert_int_equal(next_number(k), got[k]++);
		}
	}
	assert_true(intros > 3);
	for (int i = 0; i < 2; i++)
		assert_int_equal(node[i]->tx_drops + sw[i]->tx_drops, 0);
}

static void taken_back_in_the_middle(void **state)
{
	introduce();
	crank(5);
	for (uint32_t i = 0; i < 100; i++)
		send_to(1, 1514, i);
	take_back();
	for (uint32_t i = 100; i < 200; i++)
		send_to(1, 1514, i);
	crank(8);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(next_number(1), i);
	assert_true(closed(0));
	assert_true(closed(1));
	assert_true(plug_deadline(node[0]) == NEVER);
}

/* Frames that found no room on the wire go by the switch, in order. */
static void a_full_wire_taken_back(void **state)
{
	uint32_t sent = 0, got = 0;

	introduce();
	crank(5);
	while (node[0]->ops->room_to(node[0], &(struct mac){ { 2, 0, 0, 0, 0, 2 } }))
		send_to(1, 1514, sent++);
	take_back();
	for (int k = 0; k < 100; k++) {
		crank(1);
		plug_flush(node[0]);
		while (bag[1].n)
			assert_int_equal(next_number(1), got++);
	}
	assert_int_equal(got, sent);
	assert_true(node[0]->resume);
}

static void idle_wires_end(void **state)
{
	introduce();
	crank(5);
	for (usec t = 0; t < 12; t++) {
		later(0, t * USEC_PER_SEC);
		crank(2);
	}
	assert_true(closed(0));
	assert_true(closed(1));
	send_to(1, 60, 9);
	crank(3);
	assert_int_equal(next_number(1), 9);
}

/* Those in use are told of, so that the switch does not forget the address. */
static void busy_wires_show_themselves(void **state)
{
	introduce();
	crank(5);
	for (usec t = 0; t < 40; t++) {
		send_to(1, 60, 0);
		later(0, t * USEC_PER_SEC);
		crank(2);
	}
	assert_false(closed(0));
	assert_int_equal(marks, 3);
	assert_int_equal(bag[1].n, 40);
}

static void the_other_plug_closes(void **state)
{
	introduce();
	crank(5);
	for (uint32_t i = 0; i < 50; i++)
		send_to(1, 1514, i);
	plug_close(node[0]);
	plug_recv(node[1], 100);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(next_number(1), i);
	plug_recv(node[1], 100);
	assert_true(closed(1));
	plug_close(sw[0]);
	join(0);
	send_to(0, 60, 5);
	crank(3);
	assert_int_equal(next_number(0), 5);
}

/* --- by hand: the other end of node[0]'s wire --- */

static int hand;

static void meet_hand(void)
{
	int sock[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sock), 0);
	last_id++;
	tell(0, sock[0]);
	close(sock[0]);
	hand = sock[1];
	plug_recv(node[0], 10);
}

static struct wire *answer(void)
{
	struct intro_hello h = { INTRO_MAGIC, last_id }, theirs = { 0 };
	struct wire *w = wire_new();
	int file = -1;

	assert_int_equal(shm_get(hand, &theirs, sizeof(theirs), &file), sizeof(theirs));
	assert_int_equal(theirs.id, last_id);
	assert_null(wire_join(w, file, hand));
	close(file);
	assert_int_equal(shm_put(hand, &h, sizeof(h), w->fd), 0);
	plug_recv(node[0], 10);
	return w;
}

/* The switch still carries frames, and nothing is left of the wire. */
static void only_the_wire_ended(void)
{
	assert_true(closed(0));
	assert_int_equal(plug_deadline(node[0]), NEVER);
	for (int i = 0; i < 2; i++) {
		send_to(i, 60, 42);
		crank(3);
		assert_int_equal(next_number(i), 42);
	}
	close(hand);
}

static void no_answer(void **state)
{
	meet_hand();
	send_to(1, 60, 1);		/* does not wait for it */
	crank(2);
	assert_int_equal(next_number(1), 1);
	later(0, 3 * USEC_PER_SEC);
	only_the_wire_ended();
}

static void death_before_the_answer(void **state)
{
	meet_hand();
	shutdown(hand, SHUT_RDWR);
	plug_recv(node[0], 10);
	only_the_wire_ended();
}

static void bad_answers(void **state)
{
	int tiny = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int sealed = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct { struct intro_hello h; size_t size; int file; } bad[] = {
		{ { INTRO_MAGIC, 0 }, 8, -1 }, { { INTRO_MAGIC, 0 }, 8, tiny },
		{ { INTRO_MAGIC, 0 }, 8, sealed }, { { INTRO_MAGIC + 1, 0 }, 8, sealed },
		{ { INTRO_MAGIC, 1000 }, 8, sealed }, { { INTRO_MAGIC, 0 }, 5, sealed },
	};

	assert_int_equal(ftruncate(sealed, sizeof(struct wire_file)), 0);
	assert_int_equal(fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		meet_hand();
		bad[i].h.id += last_id;
		assert_int_equal(shm_put(hand, &bad[i].h, bad[i].size, bad[i].file), 0);
		plug_recv(node[0], 10);
		only_the_wire_ended();
	}
	close(tiny);
	close(sealed);
}

static void death_of_a_friend(void **state)
{
	struct wire *w;

	meet_hand();
	w = answer();
	send_to(1, 1514, 1);		/* on its way: lost with him */
	wire_close(w);
	shutdown(hand, SHUT_RDWR);
	plug_recv(node[0], 10);
	later(0, 40000);		/* no mark came, and no frames */
	later(0, USEC_PER_SEC);
	crank(2);
	only_the_wire_ended();
}

static void marked(void)
{
	struct intro_hello h = { INTRO_MAGIC, last_id };
	struct pkt *pkt = frame(0, 60, 0);

	memcpy(pkt->ext[0].p + 14, &h, sizeof(h));
	plug_send(sw[0], pkt);
	plug_flush(sw[0]);
	plug_recv(node[0], 10);
	assert_int_equal(bag[0].n, 0);
}

static void strangers_are_dropped(void **state)
{
	struct pkt *pkt;
	struct wire *w;

	meet_hand();
	w = answer();
	marked();
	for (unsigned at = 0; at <= 13; at++) {
		pkt = frame(0, 60, at);
		if (at == 12 || at == 13)
			pkt->ext[0].p[12] = 0x81, pkt->ext[0].p[13] = 0;
		else
			pkt->ext[0].p[at] ^= 4;
		assert_true(wire_put(w, pkt));
		wire_ring(w);
		plug_recv(node[0], 10);
		assert_int_equal(bag[0].n, 0);
	}
	assert_int_equal(node[0]->rx_drops, 14);
	assert_true(wire_put(w, frame(0, 60, 7)));
	wire_ring(w);
	plug_recv(node[0], 10);
	assert_int_equal(next_number(0), 7);
	wire_close(w);
	shutdown(hand, SHUT_RDWR);
	plug_recv(node[0], 10);
	only_the_wire_ended();
}

static struct wire *greedy;
static unsigned n_greedy;

/* For each frame that was taken there is another. */
static void one_more(struct plug *p, struct pkt *pkt)
{
	pkt_free(pkt);
	if (++n_greedy > 100000)
		return;
	greedy->room_at = greedy->sent;		/* whatever was taken */
	assert_true(wire_put(greedy, frame(0, 60, 0)));
	wire_ring(greedy);
}

/* Nobody is kept busy for longer than a ring lasts, however fast another fills it. */
static void one_who_never_stops(void **state)
{
	meet_hand();
	greedy = answer();
	marked();
	n_greedy = 0;
	node[0]->deliver = one_more;
	assert_true(wire_put(greedy, frame(0, 60, 0)));
	wire_ring(greedy);
	send_to(0, 60, 1);		/* before it comes what he put on the wire */
	crank_switch();
	for (int i = 0; i < 3; i++)
		plug_recv(node[0], 10);
	assert_in_range(n_greedy, 10, 2 * WIRE_RING / 80);
	node[0]->deliver = bag_deliver;
	wire_close(greedy);
	shutdown(hand, SHUT_RDWR);
	crank(3);
	bag_empty(&bag[0]);
	only_the_wire_ended();
}

/* A lie ends the wire it was told on; what waits for it goes by the switch. */
static void a_liar(void **state)
{
	struct wire *w;

	meet_hand();
	w = answer();
	marked();
	plug_send(node[0], frame(1, 60, 1));
	atomic_store(&w->own->sent, WIRE_RING + 16);
	plug_recv(node[0], 10);
	plug_recv(node[0], 10);
	crank(2);
	bag_empty(&bag[1]);
	wire_close(w);
	only_the_wire_ended();
}

static void a_liar_about_returns(void **state)
{
	struct wire *w;

	meet_hand();
	w = answer();
	atomic_store(&w->own->returned, 5);
	plug_send(node[0], frame(1, 1514, 1));
	plug_flush(node[0]);
	plug_flush(node[0]);
	crank(2);
	assert_int_equal(next_number(1), 1);
	wire_close(w);
	only_the_wire_ended();
}

/* Taken back, and the other does not care: after a while it is over. */
static void one_who_stays(void **state)
{
	struct wire *w;

	meet_hand();
	w = answer();
	marked();
	take_back();
	plug_recv(node[0], 10);
	assert_true(wire_put(w, frame(0, 60, 3)));
	wire_ring(w);
	assert_false(closed(0));
	later(0, USEC_PER_SEC);
	bag_empty(&bag[0]);
	wire_close(w);
	only_the_wire_ended();
}

/* One who reads nothing: room for him ends, for others it does not. */
static void one_who_does_not_read(void **state)
{
	struct mac him = mac_of(1), other = mac_of(7);
	struct pkt *pkt;
	struct wire *w;

	meet_hand();
	w = answer();
	while (node[0]->ops->room_to(node[0], &him))
		send_to(1, 1514, 1);
	assert_true(node[0]->ops->room_to(node[0], &other) > 500);
	crank(2);
	pkt = frame(1, 60, 8);
	pkt->ext[0].p[5] = 7;
	plug_send(node[0], pkt);
	plug_flush(node[0]);
	crank(2);
	assert_int_equal(next_number(1), 8);
	assert_int_equal(node[0]->tx_drops, 0);
	wire_close(w);
	shutdown(hand, SHUT_RDWR);
	plug_recv(node[0], 10);
	later(0, USEC_PER_SEC);
	for (int i = 0; i < 20; i++) {
		plug_flush(node[0]);
		crank(1);
	}
	bag_empty(&bag[1]);
	only_the_wire_ended();
}

static void senseless_introductions(void **state)
{
	struct mac a = mac_of(0), b = mac_of(1);
	char junk[] = { 7, 0, 'x', 0 };
	int sock[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock), 0);
	assert_int_equal(shm_put(shm_wire(sw[0])->bell, junk, sizeof(junk), sock[0]), 0);
	tell_at(0, WIRE_INTROS, 5, a, b, sock[0]);
	tell_at(0, 255, 5, a, b, sock[0]);
	tell_at(0, 1, 0, a, b, sock[0]);
	tell_at(0, 1, 5, a, a, sock[0]);
	tell_at(0, 1, 5, a, b, -1);
	crank(12);
	assert_int_equal(plug_deadline(node[0]), NEVER);
	close(sock[0]);
	close(sock[1]);
	hand = -1;
	last_id = 0;
	only_the_wire_ended();
}

/* The same place again: the old one is over, whatever became of it. */
static void a_place_is_used_again(void **state)
{
	introduce();
	crank(5);
	introduce();
	crank(5);
	assert_int_equal(marks, 4);
	send_to(1, 60, 1);
	plug_recv(node[1], 10);
	assert_int_equal(next_number(1), 1);
	assert_false(closed(0));
}

/* --- threads: two nodes and a switch that cannot make up its mind --- */

#define FRAMES 30000

static atomic_bool done;
static atomic_int finished;

static void *switch_thread(void *arg)
{
	bool friends = false;

	for (unsigned n = 0; !atomic_load(&done); n++) {
		struct pollfd p[2] = { { sw[0]->fd, POLLIN, 0 }, { sw[1]->fd, POLLIN, 0 } };

		poll(p, 2, sw[0]->more || sw[1]->more ? 0 : 2);
		crank_switch();
		if (n % 64)
			continue;
		if (friends)
			take_back();
		else if (closed(0) == closed(1) && (closed(0) || !last_id))
			introduce();
		friends = !friends;
	}
	return NULL;
}

static void *node_thread(void *arg)
{
	int i = *(int *)arg;
	uint32_t sent = 0, got = 0;
	usec start = now_mono(), patience = start + 120 * USEC_PER_SEC;
	bool told = false;

	while (atomic_load(&finished) < 2 && now_mono() < patience) {
		struct pollfd p = { node[i]->fd, POLLIN, 0 };
		struct mac to = mac_of(!i);

		for (int k = 0; k < 20 && sent < FRAMES && node[i]->ops->room_to(node[i], &to) > 200 &&
		     sent < got + 400; k++)
			plug_send(node[i], frame(!i, sent % 7 ? 60 : 700, sent)), sent++;
		plug_flush(node[i]);
		if (!node[i]->more)
			poll(&p, 1, 1);
		plug_recv(node[i], 1 + (int)(got % 60));
		plug_run(node[i], start);	/* nobody's patience ends, however slow we are */
		while (bag[i].n) {
			if (next_number(i) != got++)
				return "out of order";
		}
		if (!told && got == FRAMES) {
			told = true;
			atomic_fetch_add(&finished, 1);
		}
	}
	return got == FRAMES ? NULL : "not all came";
}

static bool holds;

static void hold_if_told(struct plug *p, struct pkt *pkt)
{
	bag_deliver(p, pkt);
	p->hold = holds;
}

/* node[i] is to be waked. */
static bool bell_rings(int i)
{
	struct pollfd p = { node[i]->fd, POLLIN, 0 };

	return poll(&p, 1, 0) > 0;
}

/* A neighbour whose frame filled something up waits, and rings no bell; the switch's go on. */
static void a_neighbour_is_held(void **state)
{
	struct pkt *pkt;

	introduce();
	crank(5);
	node[1]->deliver = hold_if_told;
	holds = true;
	for (uint32_t n = 0; n < 5; n++)
		send_to(1, 100, n);
	for (int i = 0; i < 5; i++)
		plug_recv(node[1], 10);
	assert_int_equal(bag[1].n, 1);
	assert_false(node[1]->more || node[1]->ops->look(node[1]));
	for (uint32_t n = 5; n < 10; n++)
		send_to(1, 100, n);
	assert_false(bell_rings(1));
	pkt = frame(1, 100, 77);
	pkt->ext[0].p[11] = 9;		/* from somebody else */
	plug_send(sw[1], pkt);
	plug_flush(sw[1]);
	pkt = frame(1, 100, 78);
	memset(pkt->ext[0].p, 0xff, 6);	/* from the held one, to all */
	plug_send(sw[1], pkt);
	plug_flush(sw[1]);
	plug_recv(node[1], 10);
	assert_int_equal(bag[1].n, 3);
	holds = false;
	node[1]->ops->let(node[1]);
	assert_true(node[1]->ops->look(node[1]));
	plug_recv(node[1], 20);
	assert_int_equal(bag[1].n, 12);
	assert_int_equal(next_number(1), 0);
	assert_int_equal(next_number(1), 77);
	assert_int_equal(next_number(1), 78);
	for (uint32_t n = 1; n < 10; n++)
		assert_int_equal(next_number(1), n);
}

static void threads_keep_order(void **state)
{
	static int which[2] = { 0, 1 };
	pthread_t t[3];
	void *why[2];

	atomic_store(&done, false);
	atomic_store(&finished, 0);
	pthread_create(&t[2], NULL, switch_thread, NULL);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, node_thread, &which[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &why[i]);
	atomic_store(&done, true);
	pthread_join(t[2], NULL);
	for (int i = 0; i < 2; i++) {
		if (why[i])
			fail_msg("%s", (char *)why[i]);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(friends_need_no_switch),
		T(memory_of_the_neighbours),
		T(the_rest_goes_by_the_switch),
		T(resolution_goes_by_the_switch),
		T(frames_wait_for_the_mark),
		T(memory_is_walked_through),
		T(order_and_number_are_kept),
		T(taken_back_in_the_middle),
		T(a_full_wire_taken_back),
		T(idle_wires_end),
		T(busy_wires_show_themselves),
		T(the_other_plug_closes),
		T(no_answer),
		T(death_before_the_answer),
		T(bad_answers),
		T(death_of_a_friend),
		T(strangers_are_dropped),
		T(one_who_never_stops),
		T(a_liar),
		T(a_liar_about_returns),
		T(one_who_stays),
		T(one_who_does_not_read),
		T(senseless_introductions),
		T(a_place_is_used_again),
		T(a_neighbour_is_held),
		T(threads_keep_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
