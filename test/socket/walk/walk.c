/* walk.c - random programs of socket calls, on Linux's stack and on another kind
 *
 *	walk [-k KIND] [-s SEED] [-c COUNT] [-n STEPS] [-p MS] [-r] [-m] [-v]
 *	walk --play FILE
 *
 * COUNT programs of STEPS steps (make.c), from the numbers SEED and on, are played
 * (play.c) in a network namespace made for each, and then on a new stack of KIND
 * (native, native-calls, native-loans, native-libc, kernel, run, served-native; the last two need
 * $IOTH, the command). The first step that differs ends a program: it is said with what the two
 * answered and, with -m, the shortest program that still differs there. -p: how long
 * the stack may take for each step; -r: queues of connections may fill; -v: all steps.
 * Prints "FAIL", then "N passed, N failed, N skipped"; exit status 0 if none failed.
 *
 * What differs only once, or is not the same on Linux twice, is said and counted as skipped.
 */
#include "walk/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "verdict.h"

enum { SECONDS = 60 };

static struct play *shared;		/* what child processes write */
static char dir[] = "/tmp/walk.XXXXXX", file[64], path[64], me[PATH_MAX];
static const struct kind *kind;
static uint32_t n_steps = 60;
static int patience = 2000;
static bool risky, shrink, all;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- a process that plays --- */

static const struct kind *kind_named(const char *name)
{
	const struct kind *k = kinds;

	while (k->name && strcmp(k->name, name) != 0)
		k++;
	return k->name ? k : NULL;
}

static int play_file(const char *which)
{
	int fd = open(which, O_RDWR | O_CLOEXEC);
	struct play *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		die(which);
	walk_play(p);
	return 0;
}

static void be_player(bool oracle)
{
	const char *why;

	report = STDERR_FILENO;
	alarm(SECONDS);
	if (oracle) {
		why = walk_own_namespace();
		if (why)
			skip(why);
	} else if (strcmp(kind->name, "run") == 0) {
		execl(getenv("IOTH"), "ioth", "run", "--net", "null://", "--ip", "10.0.0.1/24", "--ip", "fd00::1/64",
		      "--", me, "--play", file, (char *)NULL);
		_exit(127);
	} else if (kind->enter) {
		kind->enter(0, false);
	}
	walk_play(shared);
	_exit(0);
}

/* A stack of its own, in another process */
static pid_t serve(void)
{
	pid_t pid;

	snprintf(path, sizeof(path), "%s/stack", dir);
	unlink(path);
	pid = fork();
	if (pid == 0) {
		execl(getenv("IOTH"), "ioth", "stack", path, "--net", "null://", "--ip", "10.0.0.1/24",
		      "--ip", "fd00::1/64", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 1000 && access(path, F_OK) < 0; i++)
		usleep(5000);
	setenv("CONFORM_SERVED", path, 1);
	return pid;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

/* The status of who plays it; what came of it is in shared. */
static int run(struct play *p, bool oracle)
{
	pid_t pid, server = 0;
	int status;

	p->follow = !oracle;
	p->patience = patience;
	*shared = *p;
	if (!oracle && strncmp(kind->name, "served", 6) == 0)
		server = serve();
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		be_player(oracle);
	status = reap(pid);
	if (server) {
		kill(server, SIGTERM);
		reap(server);
	}
	*p = *shared;
	return status;
}

/* --- comparing --- */

/* Of both; the step that differs, n if there is none, -1 if the oracle did not end. */
static int differs_at(struct play *p)
{
	if (run(p, true) != 0 || p->done != (int)p->n)
		return -1;
	memcpy(p->want, p->got, sizeof(p->want));
	if (run(p, false) != 0 && p->done == (int)p->n)
		p->done = p->n - 1;
	return p->done;
}

static void tell_look(const char *who, const struct outcome *o, const struct outcome *other)
{
	printf("      %s %lld%s%s%s #%x;", who, (long long)o->ret, o->err ? " " : "",
	       o->err ? strerrorname_np(o->err) : "", o->more, o->sum);
	for (int i = 0; i < SLOTS; i++)
		if (o->at[i].revents >= 0 && (!other || memcmp(&o->at[i], &other->at[i], sizeof(o->at[i])) != 0))
			printf(" %d:%#x/%d/%d%s", i, o->at[i].revents, o->at[i].queued, o->at[i].state, o->at[i].dialled ? "" : "f");
	putchar('\n');
}

static void tell(const struct play *p, int end)
{
	for (int i = 0; i <= end && i < (int)p->n; i++) {
		if (p->step[i].off || (!all && i != end && strcmp(p->want[i].more, " -") == 0))
			continue;
		printf("  %3d %s\n", i, p->want[i].call);
		tell_look(i == end ? "linux:" : "both:", &p->want[i], i == end ? &p->got[i] : i ? &p->want[i - 1] : NULL);
		if (i == end)
			tell_look("here: ", &p->got[i], &p->want[i]);
	}
}

/* Leaves out what the difference does not need, in ever smaller parts. */
static int shrunk(struct play *p, int end)
{
	struct play *try = malloc(sizeof(*try));
	const enum op op = p->step[end].op;

	p->n = end + 1;
	for (int part = end > 1 ? end / 2 : 1; part >= 1; part /= 2) {
		for (int from = 0; from < end; from += part) {
			int at;

			*try = *p;
			for (int i = from; i < from + part && i < end; i++)
				try->step[i].off = true;
			if (memcmp(try->step, p->step, sizeof(p->step)) == 0)
				continue;
			at = differs_at(try);
			if (at == end && try->step[at].op == op)
				*p = *try;
		}
	}
	free(try);
	return end;
}

enum { SAME, DIFFERS, UNSTEADY };

static int judge(struct play *p)
{
	int end = differs_at(p), again;

	if (end == (int)p->n)
		return SAME;
	again = differs_at(p);
	if (end < 0 || again != end) {
		printf("unsteady: seed %llu differs at step %d, then at %d\n", (unsigned long long)p->seed, end, again);
		if (again >= 0 && again < (int)p->n)
			tell(p, again);
		return UNSTEADY;
	}
	if (shrink)
		shrunk(p, end);
	printf("FAIL %s: seed %llu, step %d\n", kind->name, (unsigned long long)p->seed, end);
	tell(p, end);
	return DIFFERS;
}

static void share(void)
{
	int fd;

	if (!mkdtemp(dir))
		die("mkdtemp");
	snprintf(file, sizeof(file), "%s/play", dir);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*shared)) < 0)
		die(file);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die("mmap");
}

static int usage(void)
{
	fputs("usage: walk [-k KIND] [-s SEED] [-c COUNT] [-n STEPS] [-p MS] [-r] [-m] [-v]\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, count = 1;
	struct play *p = malloc(sizeof(*p));
	size_t n[3] = { 0 };
	int opt;

	if (argc == 3 && strcmp(argv[1], "--play") == 0)
		return play_file(argv[2]);
	kind = kind_named("native");
	while ((opt = getopt(argc, argv, "k:s:c:n:p:rmv")) != -1) {
		switch (opt) {
		case 'k': kind = kind_named(optarg); break;
		case 's': seed = strtoull(optarg, NULL, 0); break;
		case 'c': count = strtoull(optarg, NULL, 0); break;
		case 'n': n_steps = atoi(optarg); break;
		case 'p': patience = atoi(optarg); break;
		case 'r': risky = true; break;
		case 'm': shrink = true; break;
		case 'v': all = true; break;
		default: return usage();
		}
	}
	if (!kind || !p || optind != argc || n_steps > MAX_STEPS)
		return usage();
	if (readlink("/proc/self/exe", me, sizeof(me) - 1) < 0)
		die("/proc/self/exe");
	set_target("10.0.0.1");
	share();
	for (uint64_t i = 0; i < count; i++) {
		walk_make(p, seed + i, n_steps, risky);
		n[judge(p)]++;
		fflush(stdout);
	}
	unlink(file);
	unlink(path);
	rmdir(dir);
	printf("%zu passed, %zu failed, %zu skipped\n", n[SAME], n[DIFFERS], n[UNSTEADY]);
	return n[DIFFERS] ? 1 : 0;
}
