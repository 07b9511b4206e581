/* ports.c - many ports of one switch, for ports.sh
 *
 *	ports SWITCH PID COUNT
 *
 * One process joins COUNT times and says, a line "CASE<tab>UNIT<tab>VALUE" each, what a port
 * costs: time to join (the first tenth, and the last, which finds the others there),
 * memory while nothing has been sent and after broadcasts, here and in the switch (its
 * process is PID), and what a broadcast to all takes. Memory is what /proc says: pages
 * of files shared by two count half for each, page tables apart; the kernel's
 * sockets and inodes are not in it.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "plug/plug.h"

#define BROADCASTS	20
#define FRAME		64

static struct plug **plug;
static uint32_t count, got;
static int pid;

static double clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double now(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

static double switch_time(void)
{
	clockid_t cpu;

	if (clock_getcpuclockid(pid, &cpu))
		errx(1, "no process %d", pid);
	return clock_of(cpu);
}

static void tell(const char *what, const char *unit, double value)
{
	printf("%s\t%s\t%.2f\n", what, unit, value);
}

/* The sum of the lines "WORD: N kB" of a file in the process's directory. */
static double kib(int of, const char *file, const char *word)
{
	char path[64], line[256], name[64];
	double sum = 0, v;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", of, file);
	f = fopen(path, "r");
	if (!f)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63[^:]: %lf", name, &v) == 2 && strcmp(name, word) == 0)
			sum += v;
	}
	fclose(f);
	return sum;
}

struct memory {
	double	pages, tables;
};

static struct memory memory_of(int of)
{
	return (struct memory){ kib(of, "smaps_rollup", "Pss"), kib(of, "status", "VmPTE") };
}

static void tell_memory(const char *when, struct memory from, struct memory to, const char *where)
{
	char what[96];

	snprintf(what, sizeof(what), "a port %s, in the %s", when, where);
	tell(what, "KiB", (to.pages - from.pages) / count);
	snprintf(what, sizeof(what), "its page tables %s, in the %s", when, where);
	tell(what, "KiB", (to.tables - from.tables) / count);
}

static void delivered(struct plug *p, struct pkt *pkt)
{
	got++;
	pkt_free(pkt);
}

static void join(const char *dir, uint32_t i)
{
	char *why = NULL;

	plug[i] = plug_open(dir, &(struct plug_conf){ .descr = "ports" }, &why);
	if (!plug[i])
		errx(1, "port %u of %u: %s", i + 1, count, why);
	plug[i]->deliver = delivered;
}

static void join_all(const char *dir)
{
	double start = now(), tenth = 0, last = 0, cpu = switch_time();

	for (uint32_t i = 0; i < count; i++) {
		if (i == count - count / 10)
			last = now();
		join(dir, i);
		if (i + 1 == count / 10)
			tenth = now();
	}
	tell("join, the first tenth", "us", (tenth - start) / (count / 10));
	tell("join, the last tenth", "us", (now() - last) / (count / 10));
	tell("join, of the switch's time", "us", (switch_time() - cpu) / count);
}

static void send_broadcast(struct plug *p, struct arena *a)
{
	uint8_t b[FRAME] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0 };
	struct pkt *pkt = pkt_new();

	pkt_append(pkt, a, b, sizeof(b));
	plug_send(p, pkt);
	plug_flush(p);
}

/* Each is asleep, and woken. */
static void broadcast(struct arena *a)
{
	got = 0;
	send_broadcast(plug[0], a);
	for (uint32_t i = 1; i < count; i++) {
		struct pollfd p = { plug[i]->fd, POLLIN, 0 };

		while (got < i) {
			if (poll(&p, 1, 10000) != 1)
				errx(1, "port %u of %u got no broadcast", i + 1, count);
			if (plug_recv(plug[i], 16) < 0)
				errx(1, "port %u of %u is gone", i + 1, count);
		}
	}
}

static void broadcasts(void)
{
	struct arena *a = arena_heap_new(1 << 20);
	double start, cpu;

	broadcast(a);			/* touches the rings */
	start = now();
	cpu = switch_time();
	for (unsigned i = 0; i < BROADCASTS; i++)
		broadcast(a);
	tell("a broadcast until all have it", "ms", (now() - start) / 1e3 / BROADCASTS);
	tell("a broadcast, of the switch's time", "ms", (switch_time() - cpu) / 1e3 / BROADCASTS);
	tell("of it, each port", "us", (switch_time() - cpu) / BROADCASTS / count);
	arena_heap_unref(a);
}

int main(int argc, char **argv)
{
	struct memory here, there;
	struct rlimit rl;

	if (argc != 4)
		errx(2, "usage: ports SWITCH PID COUNT");
	pid = atoi(argv[2]);
	count = (uint32_t)atoi(argv[3]);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	plug = xzalloc(count * sizeof(plug[0]));
	here = memory_of(getpid());
	there = memory_of(pid);
	join_all(argv[1]);
	tell_memory("idle", here, memory_of(getpid()), "client");
	tell_memory("idle", there, memory_of(pid), "switch");
	broadcasts();
	tell_memory("after broadcasts", here, memory_of(getpid()), "client");
	tell_memory("after broadcasts", there, memory_of(pid), "switch");
	here.pages = now();
	for (uint32_t i = 0; i < count; i++)
		plug_close(plug[i]);
	tell("leave", "us", (now() - here.pages) / count);
	return 0;
}
