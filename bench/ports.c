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
#include <unistd.h>

#include "base/mem.h"
#include "measure.h"
#include "plug/plug.h"

#define BROADCASTS	20
#define FRAME		64

static struct plug **plug;
static uint32_t count, got;
static int pid;

static double switch_time(void)
{
	clockid_t cpu;

	if (clock_getcpuclockid(pid, &cpu))
		errx(1, "no process %d", pid);
	return clock_of(cpu);
}

struct memory {
	double	pages, tables;
};

static struct memory memory_of(int of)
{
	return (struct memory){ number_of(of, "smaps_rollup", "Pss"), number_of(of, "status", "VmPTE") };
}

static void tell_memory(const char *when, struct memory from, struct memory to, const char *where)
{
	char what[96];

	snprintf(what, sizeof(what), "a port %s, in the %s", when, where);
	measured(what, "KiB", (to.pages - from.pages) / count);
	snprintf(what, sizeof(what), "its page tables %s, in the %s", when, where);
	measured(what, "KiB", (to.tables - from.tables) / count);
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
	measured("join, the first tenth", "us", (tenth - start) * 1e6 / (count / 10));
	measured("join, the last tenth", "us", (now() - last) * 1e6 / (count / 10));
	measured("join, of the switch's time", "us", (switch_time() - cpu) * 1e6 / count);
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
	measured("a broadcast until all have it", "ms", (now() - start) * 1e3 / BROADCASTS);
	measured("a broadcast, of the switch's time", "ms", (switch_time() - cpu) * 1e3 / BROADCASTS);
	measured("of it, each port", "us", (switch_time() - cpu) * 1e6 / BROADCASTS / count);
	arena_heap_unref(a);
}

int main(int argc, char **argv)
{
	struct memory here, there;
	struct rlimit rl;
	double start;

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
	start = now();
	for (uint32_t i = 0; i < count; i++)
		plug_close(plug[i]);
	measured("leave", "us", (now() - start) * 1e6 / count);
	return 0;
}
