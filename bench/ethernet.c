/* ethernet.c - how fast frames go from one process to another, for ethernet.sh
 *
 *	ethernet SUBJECT SECONDS [SWITCH PID]
 *
 * prints a number; with a switch two: frames a second, and frames for each second of
 * processor time that process PID took. What a machine can do at best:
 *
 *	copy		64 KiB pieces through shared memory, copied in and out; GB/s
 *	ring		64 octets from ring to ring by a process in the middle; 1/s
 *	futex, eventfd, socket	one wakes the other and sleeps; us there and back
 *
 * and what we do:
 *
 *	super		64 KiB super-frames over a wire, payload copied in and out; GB/s
 *	spin		64 octets over a wire, there and back; us
 *	asleep		the same; each sleeps on futexes, as calls of the library do
 *	bells		the same; each sleeps until a bell rings
 *	shm, vde	64 octets through a switch, by shared memory or VDE's sockets
 *	vde-mtu		frames of 1514 octets through it, by VDE's sockets
 *	bystander	super-frames through it, one MiB under way, while a third client
 *			sleeps; GB/s
 *	counter, storm	the same while the third counts to infinity, or sends broadcasts
 *			as fast as it can
 *
 * Each subject forks those it needs: they share struct shared and are killed at the end.
 */
#include <err.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "measure.h"
#include "plug/shm.h"

#define PIECE		65536u
#define PIECES		16u		/* under way at once: what a processor's cache holds */
#define SLOTS		1024u		/* of the bare ring, 64 octets each */
#define FRAME		64u
#define MTU_FRAME	1514u
#define SUPER_LEN	65480u		/* payload of a super-frame */
#define WARM_UP		0.1		/* of the time, not counted */
#define LOST_MS		5		/* after which frames under way are given up */
#define MAX_TRIPS	(1u << 20)

struct ring {
	_Alignas(64) atomic_uint in;
	_Alignas(64) atomic_uint out;
	_Alignas(64) uint8_t	slot[SLOTS][FRAME];
};

struct shared {
	_Alignas(64) _Atomic uint64_t got;	/* octets or frames */
	_Alignas(64) atomic_uint in;		/* pieces */
	_Alignas(64) atomic_uint out;
	_Alignas(64) atomic_uint word[2];	/* futexes */
	_Alignas(64) struct ring ring[2];
	_Alignas(4096) uint8_t	piece[PIECES][PIECE];
};

static struct shared *sh;
static double seconds;
static pid_t child[3];
static unsigned n_children;
static uint8_t mine[PIECE];

/* --- processes and time --- */

/* True in the child, which dies with us. */
static bool in_child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	else
		child[n_children++] = pid;
	return pid == 0;
}

/* Two that talk to each other have a processor each. */
static void sit_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);	/* there may be only one */
}

static bool in_child_on(int cpu)
{
	bool yes = in_child();

	if (yes)
		sit_on(cpu);
	return yes;
}

static void end_children(void)
{
	while (n_children)
		kill(child[--n_children], SIGKILL);
}

static void doze(double s)
{
	struct timespec ts = { (time_t)s, (long)((s - (double)(time_t)s) * 1e9) };

	nanosleep(&ts, NULL);
}

/* Spins; lets others have the processor now and then, there may be more of us. */
static void relax(unsigned *n)
{
	__builtin_ia32_pause();
	if (++*n % 4096 == 0)
		sched_yield();
}

/* What was got in a second, and (pid) in a second of its processor time. */
static void report(double unit, pid_t pid)
{
	clockid_t cpu = CLOCK_MONOTONIC;
	double start, start_cpu, n;
	uint64_t got;

	if (pid && clock_getcpuclockid(pid, &cpu))
		errx(1, "no process %d", (int)pid);
	doze(seconds * WARM_UP);
	got = atomic_load(&sh->got);
	start = now();
	start_cpu = clock_of(cpu);
	doze(seconds);
	n = (double)(atomic_load(&sh->got) - got) / unit;
	printf("%.3f", n / (now() - start));
	if (pid)
		printf(" %.3f", n / (clock_of(cpu) - start_cpu));
	printf("\n");
	end_children();
}

/* --- what memory allows --- */

static void copy_in(void)
{
	for (unsigned n = 0, k = 0;; n++) {
		while (n - atomic_load_explicit(&sh->out, memory_order_acquire) == PIECES)
			relax(&k);
		memcpy(sh->piece[n % PIECES], mine, PIECE);
		atomic_store_explicit(&sh->in, n + 1, memory_order_release);
	}
}

static void copy_out(void)
{
	for (unsigned n = 0, k = 0;; n++) {
		while (n == atomic_load_explicit(&sh->in, memory_order_acquire))
			relax(&k);
		memcpy(mine, sh->piece[n % PIECES], PIECE);
		atomic_store_explicit(&sh->out, n + 1, memory_order_release);
		atomic_fetch_add_explicit(&sh->got, PIECE, memory_order_relaxed);
	}
}

static void bench_copy(void)
{
	if (in_child_on(0))
		copy_in();
	if (in_child_on(1))
		copy_out();
	report(1e9, 0);
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

static void bench_ring(void)
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

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of a trip's us; each sample is of per trips. */
static void trips(void (*trip)(void *ctx), void *ctx, unsigned per)
{
	double *us = xmalloc(MAX_TRIPS * sizeof(*us)), start = now(), at = start, last = start;
	unsigned n = 0;

	sit_on(0);
	while (at - start < seconds && n < MAX_TRIPS) {
		for (unsigned i = 0; i < per; i++)
			trip(ctx);
		at = now();
		us[n++] = (at - last) * 1e6 / per;
		last = at;
	}
	qsort(us, n, sizeof(*us), by_size);
	printf("%.3f\n", us[n / 2]);
	free(us);
	end_children();
}

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

static void bench_futex(void)
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

static void bench_eventfd(void)
{
	int a = eventfd(0, 0), b = eventfd(0, 0);

	bench_bells((struct bells){ a, b, 8 }, (struct bells){ b, a, 8 });
}

static void bench_socket(void)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		err(1, "socketpair");
	bench_bells((struct bells){ s[0], s[0], 1 }, (struct bells){ s[1], s[1], 1 });
}

/* --- over a wire --- */

/* Both sides are made here; a child then keeps to its own. */
static void wire_pair(struct wire *w[2])
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) < 0)
		err(1, "socketpair");
	for (int i = 0; i < 2; i++) {
		w[i] = wire_new();
		if (!w[i])
			err(1, "wire");
	}
	for (int i = 0; i < 2; i++) {
		const char *why = wire_join(w[i], w[!i]->fd, s[i]);

		if (why)
			errx(1, "%s", why);
	}
}

static void wire_wait(struct wire *w)
{
	struct pollfd p = { w->bell, POLLIN, 0 };
	char bells[64];

	poll(&p, 1, -1);
	if (recv(w->bell, bells, sizeof(bells), MSG_DONTWAIT) == 0)
		errx(1, "the switch is gone");
}

static struct pkt *super_frame(struct chunk *c)
{
	static const uint8_t head[54] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
	struct pkt *pkt = pkt_new();

	memcpy(pkt_push(pkt, sizeof(head)), head, sizeof(head));
	pkt_add_ext(pkt, chunk_ref(c), c->data, SUPER_LEN);
	pkt->gso_size = 1446;
	pkt->gso_hlen = sizeof(head);
	return pkt;
}

static void super_in(struct wire *w)
{
	struct chunk *c[PIECES];
	unsigned k = 0;

	for (unsigned i = 0; i < PIECES; i++)
		c[i] = w->arena.alloc(&w->arena, PIECE);
	for (unsigned n = 0;; n = (n + 1) % PIECES) {
		struct pkt *pkt;

		while (atomic_load(&c[n]->refs) > 1 && wire_reap(w))
			relax(&k);
		memcpy(c[n]->data, mine, SUPER_LEN);
		pkt = super_frame(c[n]);
		while (!wire_put(w, pkt))
			relax(&k);
		wire_ring(w);
	}
}

static void super_out(struct wire *w)
{
	unsigned k = 0;

	for (;;) {
		struct pkt *pkt = wire_take(w);

		if (!pkt) {
			wire_took(w);
			relax(&k);
			continue;
		}
		pkt_copy(pkt, 54, mine, SUPER_LEN);
		atomic_fetch_add_explicit(&sh->got, SUPER_LEN, memory_order_relaxed);
		pkt_free(pkt);
		wire_took(w);
	}
}

static void bench_super(void)
{
	struct wire *w[2];

	wire_pair(w);
	if (in_child_on(0))
		super_in(w[0]);
	if (in_child_on(1))
		super_out(w[1]);
	report(1e9, 0);
}

static void wire_send(struct wire *w)
{
	struct wire_small s;

	wire_small_set(&s, mine, FRAME);
	if (!wire_put_small(w, &s))
		errx(1, "%s", w->why ? w->why : "no room");
	wire_ring(w);
}

static bool wire_got(struct wire *w)
{
	struct wire_small s;
	struct pkt *pkt;

	if (wire_take_small(w, &s))
		return true;
	pkt = wire_take(w);		/* behind the ring's end */
	pkt_free(pkt);
	return pkt;
}

static void got_spinning(struct wire *w)
{
	unsigned k = 0;

	while (!wire_got(w))
		relax(&k);
	wire_took(w);
}

/* As node_wait.c does: the wire's futex, and one by which others of the process wake him. */
static void nap(struct wire *w)
{
	struct futexes f = { .n = 0 };
	static atomic_uint kicks;

	if (!wire_by_futex(w, &f) || !futexes_add(&f, &kicks, kicks, false))
		errx(1, "too many futexes");
	wire_sleep(w, false);
	if (!wire_waiting(w))
		futexes_sleep(&f, NEVER);
	wire_by_bell(w);
	wire_awake(w);
}

static void got_napping(struct wire *w)
{
	while (!wire_got(w))
		nap(w);
	wire_took(w);
}

static void got_by_bell(struct wire *w)
{
	while (!wire_got(w)) {
		wire_sleep(w, false);
		if (!wire_waiting(w))
			wire_wait(w);
	}
	wire_took(w);
}

struct end {
	struct wire *w;
	void	(*got)(struct wire *w);	/* waits for a frame */
};

static void wire_trip(void *ctx)
{
	const struct end *e = ctx;

	wire_send(e->w);
	e->got(e->w);
}

static void bench_trip(void (*got)(struct wire *w), unsigned per)
{
	struct wire *w[2];

	wire_pair(w);
	if (in_child_on(1)) {
		for (;;) {
			got(w[1]);
			wire_send(w[1]);
		}
	}
	trips(wire_trip, &(struct end){ w[0], got }, per);
}

static void bench_spin(void) { bench_trip(got_spinning, 100); }
static void bench_asleep(void) { bench_trip(got_napping, 1); }
static void bench_by_bell(void) { bench_trip(got_by_bell, 1); }

/* --- through a switch --- */

static const char *dir;
static pid_t pid;

/* The header of a frame from station 1 to station 2, or the other way. */
static void address(uint8_t *b, uint8_t from)
{
	memset(b, 0, 14);
	b[0] = b[6] = 2;
	b[5] = (uint8_t)(3 - from);
	b[11] = from;
	b[12] = 8;
}

static int join_sock(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/shm", dir);
	if (s < 0 || connect(s, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		err(1, "%s", sun.sun_path);
	return s;
}

static struct wire *join(void)
{
	struct shm_hello h = { .magic = SHM_MAGIC, .mtu = 1500, .descr = "ethernet" };
	struct wire *w = wire_new();
	struct shm_answer a = { 0 };
	int file = -1, s = join_sock();
	const char *why;

	if (!w || shm_put(s, &h, sizeof(h), w->fd) < 0 ||
	    shm_get(s, &a, sizeof(a), &file) != (ssize_t)sizeof(a) || a.error)
		errx(1, "%s: %s", dir, a.why);
	why = wire_join(w, file, s);
	if (why)
		errx(1, "%s: %s", dir, why);
	return w;
}

/* The frame in mine, as often as there is room. */
static void shm_send_all(struct wire *w)
{
	struct wire_small s;

	wire_small_set(&s, mine, FRAME);
	for (;;) {
		for (unsigned i = 0; i < 256 && wire_put_small(w, &s); i++)
			;
		wire_ring(w);
		if (wire_put_small(w, &s))
			continue;
		wire_sleep(w, true);
		if (!wire_put_small(w, &s))
			wire_wait(w);
	}
}

static void shm_source(struct wire *w)
{
	address(mine, 1);
	shm_send_all(w);
}

static void shm_sink(struct wire *w)
{
	for (;;) {
		unsigned n = 0;

		while (n < 256 && wire_got(w))
			n++;
		wire_took(w);
		atomic_fetch_add_explicit(&sh->got, n, memory_order_relaxed);
		if (n)
			continue;
		wire_sleep(w, false);
		if (!wire_waiting(w))
			wire_wait(w);
	}
}

static void bench_shm(void)
{
	struct wire *w[2];

	for (int i = 0; i < 2; i++)
		w[i] = join();
	address(mine, 2);
	wire_send(w[1]);		/* the switch learns where station 2 is */
	if (in_child())
		shm_sink(w[1]);
	if (in_child())
		shm_source(w[0]);
	report(1, pid);
}

static void count_frame(struct plug *p, struct pkt *pkt)
{
	atomic_fetch_add_explicit(&sh->got, 1, memory_order_relaxed);
	pkt_free(pkt);
}

static struct plug *join_vde(void)
{
	char *where = xasprintf("vde://%s[classic=1]", dir), *why = NULL;
	struct plug *p = plug_open(where, &(struct plug_conf){ .descr = "ethernet" }, &why);

	if (!p)
		errx(1, "%s", why);
	p->deliver = count_frame;
	free(where);
	return p;
}

static void vde_send(struct plug *p, struct arena *a, uint32_t len)
{
	struct pkt *pkt = pkt_new();

	pkt_append(pkt, a, mine, len);
	plug_send(p, pkt);
}

static void vde_source(struct plug *p, uint32_t len)
{
	struct arena *a = arena_heap_new(16 << 20);
	struct pollfd out = { p->fd, POLLOUT, 0 };

	address(mine, 1);
	for (;;) {
		for (unsigned n = MIN(plug_room(p), 64u); n; n--)
			vde_send(p, a, len);
		if (plug_flush(p) == -EAGAIN)
			poll(&out, 1, -1);
	}
}

static void vde_sink(struct plug *p)
{
	struct pollfd in = { p->fd, POLLIN, 0 };

	for (;;) {
		poll(&in, 1, -1);
		if (plug_recv(p, 256) < 0)
			errx(1, "the switch is gone");
	}
}

static void bench_vde_of(uint32_t len)
{
	struct plug *p[2] = { join_vde(), join_vde() };
	struct arena *a = arena_heap_new(16 << 20);

	address(mine, 2);
	vde_send(p[1], a, FRAME);
	plug_flush(p[1]);
	doze(0.05);
	if (in_child())
		vde_sink(p[1]);
	if (in_child())
		vde_source(p[0], len);
	report(1, pid);
}

static void bench_vde(void) { bench_vde_of(FRAME); }
static void bench_vde_mtu(void) { bench_vde_of(MTU_FRAME); }

/* A window of PIECES frames; what was lost is given up after a while. */
static void window_wait(struct wire *w, unsigned *sent)
{
	struct pollfd p = { w->bell, POLLIN, 0 };
	unsigned out = atomic_load(&sh->out);
	double start = now();
	char bells[64];

	do {
		while (wire_got(w))
			;		/* the storm is here, too */
		wire_took(w);
		wire_sleep(w, false);
		if (!wire_waiting(w) && poll(&p, 1, LOST_MS) > 0)
			recv(w->bell, bells, sizeof(bells), MSG_DONTWAIT);
	} while (atomic_load(&sh->out) == out && now() - start < LOST_MS / 1e3);
	if (atomic_load(&sh->out) == out)
		*sent = out;
}

static void window_in(struct wire *w)
{
	struct chunk *c[2 * PIECES];
	unsigned sent = 0;

	for (unsigned i = 0; i < ARRAY_LEN(c); i++)
		c[i] = w->arena.alloc(&w->arena, PIECE);
	for (unsigned n = 0;; n = (n + 1) % ARRAY_LEN(c)) {
		struct pkt *pkt = super_frame(c[n]);

		while (sent - atomic_load(&sh->out) >= PIECES)
			window_wait(w, &sent);
		memcpy(c[n]->data, mine, SUPER_LEN);
		if (!wire_put(w, pkt))
			pkt_free(pkt);
		wire_ring(w);
		sent++;
	}
}

/* Each frame is acknowledged by one of the smallest size, which wakes the sender. */
static void window_out(struct wire *w)
{
	struct wire_small ack;
	struct pkt *pkt;

	address(mine, 2);
	wire_small_set(&ack, mine, FRAME);
	for (;;) {
		while ((pkt = wire_take(w))) {
			if (pkt_len(pkt) > MTU_FRAME) {
				pkt_copy(pkt, 54, mine, SUPER_LEN);
				atomic_fetch_add(&sh->got, SUPER_LEN);
				atomic_fetch_add(&sh->out, 1);
				wire_put_small(w, &ack);
			}
			pkt_free(pkt);
		}
		wire_ring(w);
		wire_took(w);
		wire_sleep(w, false);
		if (!wire_waiting(w))
			wire_wait(w);
	}
}

static void sleep_on(struct wire *w)
{
	pause();
}

static void count_up(struct wire *w)
{
	for (volatile unsigned n = 0;; n++)
		;
}

static void blow(struct wire *w)
{
	memset(mine, 0xff, 6);
	memset(mine + 6, 2, 8);
	shm_send_all(w);
}

static void bench_beside(void (*third)(struct wire *w))
{
	struct wire *w[3];

	for (int i = 0; i < 3; i++)
		w[i] = join();
	address(mine, 2);
	wire_send(w[1]);
	doze(0.05);
	if (in_child())
		window_out(w[1]);
	if (in_child())
		window_in(w[0]);
	if (in_child())
		third(w[2]);
	report(1e9, 0);
}

static void bench_bystander(void) { bench_beside(sleep_on); }
static void bench_counter(void) { bench_beside(count_up); }
static void bench_storm(void) { bench_beside(blow); }

static const struct { const char *name; void (*run)(void); bool needs_switch; } subjects[] = {
	{ "copy",	bench_copy,	false },
	{ "ring",	bench_ring,	false },
	{ "futex",	bench_futex,	false },
	{ "eventfd",	bench_eventfd,	false },
	{ "socket",	bench_socket,	false },
	{ "super",	bench_super,	false },
	{ "spin",	bench_spin,	false },
	{ "asleep",	bench_asleep,	false },
	{ "bells",	bench_by_bell,	false },
	{ "shm",	bench_shm,	true },
	{ "vde",	bench_vde,	true },
	{ "vde-mtu",	bench_vde_mtu,	true },
	{ "bystander",	bench_bystander, true },
	{ "counter",	bench_counter,	true },
	{ "storm",	bench_storm,	true },
};

int main(int argc, char **argv)
{
	size_t i = 0;

	if (argc < 3)
		errx(2, "usage: ethernet SUBJECT SECONDS [SWITCH PID]");
	while (i < ARRAY_LEN(subjects) && strcmp(argv[1], subjects[i].name) != 0)
		i++;
	if (i == ARRAY_LEN(subjects) || (subjects[i].needs_switch && argc < 5))
		errx(2, "no subject %s, or no switch", argv[1]);
	seconds = atof(argv[2]);
	dir = argc > 4 ? argv[3] : NULL;
	pid = argc > 4 ? atoi(argv[4]) : 0;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		err(1, "mmap");
	subjects[i].run();
	return 0;
}
