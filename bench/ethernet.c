/* ethernet.c - how fast frames go from one process to another, for ethernet.sh
 *
 *	ethernet SUBJECT SECONDS [SWITCH PID]
 *
 * prints a number; with a switch two: frames a second, and frames for each second of
 * processor time that process PID took. What a machine can do at best:
 *
 *	copy		64 KiB pieces through a MiB of shared memory, copied in and out; GB/s
 *	copy-little, copy-much	the same through 256 KiB and through 4 MiB
 *	ring		64 octets from ring to ring by a process in the middle; 1/s
 *	futex, eventfd, socket	one wakes the other and sleeps; us there and back
 *	pair, pair-mtu	64 and 1514 octets by a socket pair, many a call; 1/s
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
#include "ethernet.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP		0.1		/* of the time, not counted */
#define MAX_TRIPS	(1u << 20)

struct shared *sh;
uint8_t mine[PIECE];
const char *dir;
pid_t switch_pid;
pid_t child[3];
static double seconds;
static unsigned n_children;

/* --- processes and time --- */

bool in_child(void)
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
void sit_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);	/* there may be only one */
}

bool in_child_on(int cpu)
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

void doze(double s)
{
	struct timespec ts = { (time_t)s, (long)((s - (double)(time_t)s) * 1e9) };

	nanosleep(&ts, NULL);
}

void relax(unsigned *n)
{
	__builtin_ia32_pause();
	if (++*n % 4096 == 0)
		sched_yield();
}

void report(double unit, pid_t pid)
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
static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void trips(void (*trip)(void *ctx), void *ctx, unsigned per)
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

static const struct { const char *name; void (*run)(void); bool needs_switch; } subjects[] = {
	{ "copy",	bench_copy,	false },
	{ "copy-little", bench_copy_little, false },
	{ "copy-much",	bench_copy_much, false },
	{ "ring",	bench_ring,	false },
	{ "futex",	bench_futex,	false },
	{ "eventfd",	bench_eventfd,	false },
	{ "socket",	bench_socket,	false },
	{ "pair",	bench_pair,	false },
	{ "pair-mtu",	bench_pair_mtu,	false },
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
	switch_pid = argc > 4 ? atoi(argv[4]) : 0;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		err(1, "mmap");
	subjects[i].run();
	return 0;
}
