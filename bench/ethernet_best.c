/* ethernet_best.c - what a machine can do at best, without us: see ethernet.c */
#include "ethernet.h"

#include <linux/futex.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- what memory allows --- */

static void copy_in(unsigned pieces)
{
	for (unsigned n = 0, k = 0;; n++) {
		while (n - atomic_load_explicit(&sh->out, memory_order_acquire) == pieces)
			relax(&k);
		memcpy(sh->piece[n % pieces], mine, PIECE);
		atomic_store_explicit(&sh->in, n + 1, memory_order_release);
	}
}

static void copy_out(unsigned pieces)
{
	for (unsigned n = 0, k = 0;; n++) {
		while (n == atomic_load_explicit(&sh->in, memory_order_acquire))
			relax(&k);
		memcpy(mine, sh->piece[n % pieces], PIECE);
		atomic_store_explicit(&sh->out, n + 1, memory_order_release);
		atomic_fetch_add_explicit(&sh->got, PIECE, memory_order_relaxed);
	}
}

static void copy_through(unsigned pieces)
{
	if (in_child_on(0))
		copy_in(pieces);
	if (in_child_on(1))
		copy_out(pieces);
	report(1e9, 0);
}

void bench_copy(void)
{
	copy_through(PIECES);
}

void bench_copy_little(void)
{
	copy_through(PIECES_LITTLE);
}

void bench_copy_much(void)
{
	copy_through(PIECES_MUCH);
}

static void ring_put(struct ring *r)
{
	unsigned n = atomic_load(&r->in), free, k = 0;

	for (;;) {
		while (!(free = SLOTS - (n - atomic_load_explicit(&r->out, memory_order_acquire))))
			relax(&k);
		for (free = MIN(free, 256u); free; free--)
			memcpy(r->slot[n++ % SLOTS], mine, FRAME);
		atomic_store_explicit(&r->in, n, memory_order_release);
	}
}

/* From one ring to the next, or (to is NULL) out. */
static void ring_take(struct ring *from, struct ring *to)
{
	unsigned n = 0, have, k = 0;

	for (;;) {
		have = atomic_load_explicit(&from->in, memory_order_acquire) - n;
		if (to)
			have = MIN(have, SLOTS - (n - atomic_load(&to->out)));
		if (!have) {
			relax(&k);
			continue;
		}
		for (unsigned i = 0; i < have; i++, n++)
			memcpy(to ? to->slot[n % SLOTS] : mine, from->slot[n % SLOTS], FRAME);
		atomic_store_explicit(&from->out, n, memory_order_release);
		if (to)
			atomic_store_explicit(&to->in, n, memory_order_release);
		else
			atomic_fetch_add(&sh->got, have);
	}
}

void bench_ring(void)
{
	if (in_child())
		ring_put(&sh->ring[0]);
	if (in_child())
		ring_take(&sh->ring[0], &sh->ring[1]);
	if (in_child())
		ring_take(&sh->ring[1], NULL);
	report(1, child[1]);
}
/* --- there and back --- */

static void word_sleep(atomic_uint *word)
{
	while (!atomic_exchange(word, 0))
		syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void word_wake(atomic_uint *word)
{
	atomic_store(word, 1);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_trip(void *ctx)
{
	word_wake(&sh->word[0]);
	word_sleep(&sh->word[1]);
}

void bench_futex(void)
{
	if (in_child_on(1)) {
		for (;;) {
			word_sleep(&sh->word[0]);
			word_wake(&sh->word[1]);
		}
	}
	trips(futex_trip, NULL, 1);
}

struct bells {
	int	in, out;
	size_t	len;			/* of a message */
};

static void bell_ring(const struct bells *b)
{
	uint64_t one = 1;

	if (write(b->out, &one, b->len) < 0)
		err(1, "write");
}

static void bell_wait(const struct bells *b)
{
	struct pollfd p = { b->in, POLLIN, 0 };
	uint64_t v;

	poll(&p, 1, -1);
	if (read(b->in, &v, b->len) < 0)
		err(1, "read");
}

static void bell_trip(void *ctx)
{
	bell_ring(ctx);
	bell_wait(ctx);
}

static void bench_bells(struct bells here, struct bells there)
{
	if (in_child_on(1)) {
		for (;;) {
			bell_wait(&there);
			bell_ring(&there);
		}
	}
	trips(bell_trip, &here, 1);
}

void bench_eventfd(void)
{
	int a = eventfd(0, 0), b = eventfd(0, 0);

	bench_bells((struct bells){ a, b, 8 }, (struct bells){ b, a, 8 });
}

void bench_socket(void)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		err(1, "socketpair");
	bench_bells((struct bells){ s[0], s[0], 1 }, (struct bells){ s[1], s[1], 1 });
}

/* --- frames by a socket pair --- */

#define MESSAGES	64		/* a call, as ours and the switch's */

static void message_set(struct mmsghdr *msg, struct iovec *iov, uint32_t len)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		iov[i] = (struct iovec){ mine, len };
		msg[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i], .msg_iovlen = 1 } };
	}
}

static void pair_source(int s, uint32_t len)
{
	struct pollfd out = { s, POLLOUT, 0 };
	struct mmsghdr msg[MESSAGES];
	struct iovec iov[MESSAGES];

	message_set(msg, iov, len);
	for (;;) {
		if (sendmmsg(s, msg, MESSAGES, MSG_DONTWAIT) < (int)MESSAGES)
			poll(&out, 1, -1);
	}
}

static void pair_sink(int s)
{
	struct pollfd in = { s, POLLIN, 0 };
	struct mmsghdr msg[MESSAGES];
	struct iovec iov[MESSAGES];
	int n;

	message_set(msg, iov, PIECE);
	for (;;) {
		poll(&in, 1, -1);
		while ((n = recvmmsg(s, msg, MESSAGES, MSG_DONTWAIT, NULL)) > 0)
			atomic_fetch_add_explicit(&sh->got, (unsigned)n, memory_order_relaxed);
	}
}

static void pair_of(uint32_t len)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, s) < 0)
		err(1, "socketpair");
	if (in_child())
		pair_sink(s[1]);
	if (in_child())
		pair_source(s[0], len);
	report(1, 0);
}

void bench_pair(void) { pair_of(FRAME); }
void bench_pair_mtu(void) { pair_of(MTU_FRAME); }
