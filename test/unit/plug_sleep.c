/* plug_sleep.c - no wake-up of a wire is lost: every interleaving is tried
 *
 * The code under test is wire_ring.c itself, whose atomics, fences and doorbells are
 * turned into steps here. Two ends run the loop of shm.c, each in a coroutine, and send
 * each other frames that fill the ring or half of it, so that both wait for frames
 * and for room. A schedule says at each step which end goes on, or which store leaves an
 * end's store buffer for memory.
 *
 * The memory model: a store waits in its end's buffer, seen by that end only, and
 * leaves it at any time, in any order with those to other variables (as on ARM),
 * but a release store after all before it; a full fence empties the buffer, nothing else
 * does. Loads are not reordered with each other: those that matter stand behind a fence.
 * The doorbell's socket is in the kernel, where all see it at once. So are futexes: who goes to
 * sleep on one does so if it is what it was, in one step; a bell then wakes him as well, as another
 * thread hears it.
 *
 * Search: depth first; a schedule is run again from the start to its next branch. An
 * end's state follows from what it has read, so two schedules that led to the same memory,
 * buffers and readings go on alike, and only the first does. If no step is left while an
 * end still waits, its wake-up was lost. To know that the search finds such, it also runs
 * without either fence, without the second look, without numbers of sleeps, and with a futex
 * that is not compared, or counts as rung while nobody sleeps on it.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <ucontext.h>

#include "plug/wire.h"
#include "unit.h"

static uint32_t model_load(const volatile void *p);
static void model_store(volatile void *p, uint32_t v, bool release);
static uint32_t model_exchange(volatile void *p, uint32_t v);
static void model_fence(const char *where);
static void model_bell(int end);
static bool model_futex_wake(void);

#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_thread_fence
#define atomic_load_explicit(p, mo)	((__typeof__((uint32_t)*(p)))model_load(p))
#define atomic_store_explicit(p, v, mo)	model_store(p, v, (mo) == memory_order_release)
#define atomic_exchange_explicit(p, v, mo) model_exchange(p, v)
#define atomic_thread_fence(mo)		model_fence(__func__)
#define send(fd, p, n, flags)		model_bell(fd)
#define futex_wake(word, shared)	model_futex_wake()

#include "../../src/plug/wire_ring.c"

#define STACK		(64u << 10)
#define BUFFER		8
#define DEPTH		2000
#define SEEN_BITS	22

struct end {
	struct wire	w;
	ucontext_t	at;
	bool		done, waits, woken, looks;
	unsigned	later, queued, due;	/* frames to be sent yet, waiting, and to come */
	unsigned	bells;
	uint64_t	history;		/* of what it has read */
	struct { atomic_uint *p; uint32_t v; bool release; } buffer[BUFFER];
	unsigned	n_buffer;
	uint8_t		stack[STACK];
};

/* How the protocol may be broken. */
enum broken { SOUND, NO_FENCE_OF_WAKER, NO_FENCE_OF_SLEEPER, NO_SECOND_LOOK, NO_NUMBERS,
	      NO_COMPARISON, RUNG_IN_VAIN };

static struct wire_file *file[2];
static struct end ends[2];
static ucontext_t scheduler;
static int running;			/* the end that runs */
static enum broken broken;
static uint32_t frame_len;
static unsigned batch;			/* frames taken at once */
static bool by_futex[2];
static struct { uint16_t taken, n; } choice[DEPTH];
static uint64_t *seen;			/* open addressing; 0: free */
static unsigned n_seen;

/* --- what wire_ring.c sees --- */

static uint32_t memory_of(const volatile void *p)	/* all variables are words */
{
	return *(const volatile uint32_t *)p;
}

static void set_memory(volatile void *p, uint32_t v)
{
	*(volatile uint32_t *)p = v;
}

static void step(void)			/* another may go first */
{
	swapcontext(&ends[running].at, &scheduler);
}

static void remember(struct end *e, uint64_t v)
{
	e->history = (e->history ^ (v + 1)) * 0x9e3779b97f4a7c15u;
	e->history ^= e->history >> 29;
}

/* The last sleep that was rung: between processes it says nothing. */
static bool is_private(const struct end *e, const volatile void *p)
{
	return p == (const volatile void *)&e->w.rung;
}

/* Nobody else writes there, so it does not matter when it is read. */
static bool is_own(const struct end *e, const volatile void *p)
{
	return is_private(e, p) || ((const volatile uint8_t *)p >= (const uint8_t *)e->w.own &&
	       (const volatile uint8_t *)p < (const uint8_t *)(e->w.own + 1));
}

static uint32_t model_load(const volatile void *p)
{
	struct end *e = &ends[running];
	uint32_t v;

	if (!is_own(e, p))
		step();
	v = memory_of(p);
	for (unsigned i = 0; i < e->n_buffer; i++) {
		if (e->buffer[i].p == p)
			v = e->buffer[i].v;
	}
	remember(e, v);
	return v;
}

static void model_store(volatile void *p, uint32_t v, bool release)
{
	struct end *e = &ends[running];

	if (is_private(e, p)) {
		set_memory(p, v);
		return;
	}
	step();
	assert_true(e->n_buffer < BUFFER);
	e->buffer[e->n_buffer].p = (atomic_uint *)(uintptr_t)p;
	e->buffer[e->n_buffer].v = v;
	e->buffer[e->n_buffer++].release = release;
	remember(e, 1);
}

/* Only of rung, which is its end's. */
static uint32_t model_exchange(volatile void *p, uint32_t v)
{
	uint32_t was = memory_of(p);

	set_memory(p, v);
	return was;
}

static void model_fence(const char *where)
{
	struct end *e = &ends[running];

	if (broken == NO_FENCE_OF_WAKER && strcmp(where, "asleep_for") == 0)
		return;
	if (broken == NO_FENCE_OF_SLEEPER && strcmp(where, "wire_sleep") == 0)
		return;
	step();
	for (unsigned i = 0; i < e->n_buffer; i++)
		set_memory(e->buffer[i].p, e->buffer[i].v);
	e->n_buffer = 0;
	remember(e, 2);
}

static void model_bell(int end)		/* the descriptor is the other's number */
{
	step();
	ends[end].bells++;
	remember(&ends[running], 3);
}

static bool model_futex_wake(void)
{
	struct end *other = &ends[!running];
	bool sleeps;

	step();
	sleeps = other->waits && !other->woken;
	other->woken |= sleeps;
	remember(&ends[running], 4u + sleeps);
	return sleeps || broken == RUNG_IN_VAIN;
}

/* --- the loop of shm.c --- */

static void hear(struct end *e)
{
	step();
	remember(e, e->bells);
	e->bells = 0;
}

static unsigned take(struct end *e, unsigned max)
{
	unsigned n = 0;

	while (n < max && wire_unread(&e->w)) {
		e->w.taken += frame_len;
		e->due--;
		n++;
	}
	wire_took(&e->w);
	return n;
}

static bool put_all(struct end *e)
{
	while (e->queued && room_for(&e->w, frame_len)) {
		e->w.sent += frame_len;
		e->queued--;
	}
	return !e->queued;
}

static void fall_asleep(struct end *e, bool room)
{
	if (broken == NO_NUMBERS)
		e->w.sleeps -= WIRE_SLEEP;
	wire_sleep(&e->w, room);
}

static void flush(struct end *e)
{
	if (!put_all(e) && !e->looks) {
		wire_ring(&e->w);
		fall_asleep(e, true);
		if (broken != NO_SECOND_LOOK)
			put_all(e);
	}
	wire_ring(&e->w);
}

static void receive(struct end *e)
{
	bool more = false;
	unsigned n;

	do {
		if (!more)
			hear(e);
		n = take(e, batch);
		more = n == batch;
		if (n < batch && !e->looks) {
			fall_asleep(e, e->queued > 0);
			if (broken != NO_SECOND_LOOK)
				take(e, batch - n);
			more = broken != NO_SECOND_LOOK && wire_waiting(&e->w);
		}
		if (e->queued)
			flush(e);
	} while (more);
}

static void await(struct end *e)
{
	e->waits = true;
	e->woken = false;
	step();
	e->waits = false;
}

/* As shm_nap, and a sleep that is none if the futex has changed. */
static void nap(struct end *e)
{
	uint32_t value = e->w.taken;

	e->looks = false;
	e->w.by_futex = true;
	fall_asleep(e, e->queued > 0);
	if (e->queued)
		flush(e);
	step();
	if (broken != NO_COMPARISON && memory_of(&e->w.peer->sent) != value)
		remember(e, 6);
	else
		await(e);
	e->w.by_futex = false;
	e->looks = true;
	wire_awake(&e->w);
}

static void live(void)
{
	struct end *e = &ends[running];

	for (; e->later; e->later--) {		/* a user who sends again and again */
		e->queued++;
		flush(e);
	}
	for (;;) {
		receive(e);
		if (!e->due && !e->queued)
			break;
		if (by_futex[running])
			nap(e);
		else
			await(e);
	}
	e->done = true;
	step();
}

/* --- the search --- */

/* Up to its first step. No local variable: getcontext returns twice. */
static void begin_life(void)
{
	getcontext(&ends[running].at);
	ends[running].at.uc_stack.ss_sp = ends[running].stack;
	ends[running].at.uc_stack.ss_size = STACK;
	makecontext(&ends[running].at, live, 0);
	swapcontext(&scheduler, &ends[running].at);
}

static void begin(unsigned frames_0, unsigned frames_1)
{
	unsigned frames[2] = { frames_0, frames_1 };

	for (int i = 0; i < 2; i++) {
		set_memory(&file[i]->sent, 0);
		set_memory(&file[i]->taken, 0);
		set_memory(&file[i]->asleep, WIRE_WANTS_FRAMES | WIRE_SLEEP);
	}
	for (int i = 0; i < 2; i++) {
		struct end *e = &ends[i];

		memset(e, 0, offsetof(struct end, stack));
		e->w.own = file[i];
		e->w.peer = file[!i];
		e->w.bell = !i;
		e->w.sleeps = WIRE_SLEEP;
		e->looks = by_futex[i];
		e->later = frames[i];
		e->due = frames[!i];
		running = i;
		begin_life();
	}
}

static bool can_run(const struct end *e)
{
	return !e->done && (!e->waits || e->bells || e->woken);
}

/* May the i-th store of the buffer be the next to reach memory? */
static bool can_leave(const struct end *e, unsigned i)
{
	for (unsigned k = 0; k < i; k++) {
		if (e->buffer[i].release || e->buffer[k].p == e->buffer[i].p)
			return false;
	}
	return true;
}

static void leave(struct end *e, unsigned i)
{
	set_memory(e->buffer[i].p, e->buffer[i].v);
	e->n_buffer--;
	memmove(e->buffer + i, e->buffer + i + 1, (e->n_buffer - i) * sizeof(e->buffer[0]));
}

/* Does the n-th possible step; with n too large only counts them. */
static unsigned possible(unsigned n)
{
	unsigned count = 0;

	for (int i = 0; i < 2; i++) {
		struct end *e = &ends[i];

		if (can_run(e) && count++ == n) {
			running = i;
			swapcontext(&scheduler, &e->at);
			return count;
		}
		for (unsigned k = 0; k < e->n_buffer; k++) {
			if (can_leave(e, k) && count++ == n) {
				leave(e, k);
				return count;
			}
		}
	}
	return count;
}

static uint64_t state(void)
{
	struct end sum = { .history = 1 };

	for (int i = 0; i < 2; i++) {
		const struct end *e = &ends[i];

		remember(&sum, e->history);
		remember(&sum, memory_of(&file[i]->sent));
		remember(&sum, memory_of(&file[i]->taken));
		remember(&sum, memory_of(&file[i]->asleep));
		remember(&sum, e->w.rung);
		remember(&sum, e->bells * 8 + e->woken * 4u + e->waits * 2u + e->done);
		for (unsigned k = 0; k < e->n_buffer; k++) {
			remember(&sum, (uintptr_t)e->buffer[k].p);
			remember(&sum, e->buffer[k].v);
		}
		remember(&sum, e->n_buffer);
	}
	return sum.history | 1;
}

/* False: it was there already. */
static bool is_new(uint64_t s)
{
	size_t i = s >> (64 - SEEN_BITS);

	for (; seen[i]; i = (i + 1) & ((1u << SEEN_BITS) - 1)) {
		if (seen[i] == s)
			return false;
	}
	assert_true(++n_seen < 3u << (SEEN_BITS - 2));
	seen[i] = s;
	return true;
}

/* One schedule: the first `known` choices, then always the first. Its length; *lost: no
 * step is left and an end is not done. */
static unsigned run(unsigned known, bool *lost)
{
	for (unsigned depth = 0;; depth++) {
		assert_true(depth < DEPTH);
		if (depth >= known) {
			choice[depth].taken = 0;
			choice[depth].n = (uint16_t)possible(UINT32_MAX);
			if (!choice[depth].n) {
				*lost = !ends[0].done || !ends[1].done;
				return depth;
			}
			if (!is_new(state()))
				return depth;
		}
		possible(choice[depth].taken);
	}
}

struct scene { unsigned frames_0, frames_1, ring_holds, batch; };

/* True: in some schedule a wake-up is lost. */
static bool loses(struct scene sc, enum broken how)
{
	unsigned known = 0, depth;
	bool lost = false;

	broken = how;
	frame_len = WIRE_RING / sc.ring_holds;
	batch = sc.batch;
	n_seen = 0;
	memset(seen, 0, sizeof(*seen) << SEEN_BITS);
	do {
		begin(sc.frames_0, sc.frames_1);
		depth = run(known, &lost);
		while (depth && choice[depth - 1].taken + 1 == choice[depth - 1].n)
			depth--;
		if (depth)
			choice[depth - 1].taken++;
		known = depth;
	} while (!lost && depth);
	print_message("%u and %u frames, room for %u, %u at once: %u states%s\n", sc.frames_0,
		      sc.frames_1, sc.ring_holds, sc.batch, n_seen,
		      lost ? ", a wake-up is lost" : "");
	return lost;
}

static int setup(void **s)
{
	seen = calloc(1u << SEEN_BITS, sizeof(*seen));
	for (int i = 0; i < 2; i++)
		file[i] = aligned_alloc(4096, sizeof(*file[i]));
	return seen && file[0] && file[1] ? 0 : -1;
}

static int teardown(void **s)
{
	free(seen);
	free(file[0]);
	free(file[1]);
	return 0;
}

static void no_wake_up_is_lost(void **s)
{
	static const struct scene scenes[] = {
		{ 1, 0, 1, 1 }, { 2, 0, 2, 2 }, { 2, 0, 2, 1 }, { 2, 0, 1, 2 }, { 1, 1, 1, 2 },
	};

	for (unsigned futexes = 0; futexes < 4; futexes++) {
		by_futex[0] = futexes & 1;
		by_futex[1] = futexes & 2;
		for (size_t i = 0; i < ARRAY_LEN(scenes); i++)
			assert_false(loses(scenes[i], SOUND));
	}
}

static void each_part_is_needed(void **s)
{
	for (int on = 0; on < 2; on++) {
		by_futex[0] = by_futex[1] = on;
		assert_true(loses((struct scene){ 1, 0, 1, 2 }, NO_FENCE_OF_WAKER));
		assert_true(loses((struct scene){ 2, 0, 2, 2 }, NO_FENCE_OF_SLEEPER));
		assert_true(loses((struct scene){ 2, 0, 2, 2 }, NO_NUMBERS));
		assert_true(loses((struct scene){ 2, 0, 2, 2 }, on ? NO_COMPARISON : NO_SECOND_LOOK));
	}
	assert_true(loses((struct scene){ 2, 0, 2, 2 }, RUNG_IN_VAIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wake_up_is_lost),
		cmocka_unit_test(each_part_is_needed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
