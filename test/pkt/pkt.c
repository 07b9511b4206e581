/* pkt.c - packet scripts: a TCP/IP behaviour a file (style trait 14)
 *
 *	pkt [-6 | -a] [-t] SCRIPT...
 *
 * The scripts are in test/pkt/<topic>/<name>.pkt; their language is told at the
 * heads of line.c, call.c, expect.c, seg.c, opts.c, datagram.c, frame.c, neigh.c
 * and fill.c, in packetdrill's spirit. Each script runs in a process of its own against a stack of
 * its own in virtual time, over IPv4, with -6 over IPv6, with -a both. -t prints
 * every frame. The last line is the count; the status is 1 if a script failed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../child.h"
#include "world.h"

#define REAL_SECONDS	20
#define NOT_FOR_THIS	77

struct count { unsigned passed, failed; };

static _Noreturn void child(const char *path, bool v6, bool trace)
{
	static struct world w;

	w = (struct world){ .path = path, .v6 = v6, .trace = trace };
	world_init(&w);
	script_run(&w);
	exit(0);
}

static int run(const char *path, bool v6, bool trace)
{
	pid_t pid = child_start(REAL_SECONDS);

	if (pid == 0)
		child(path, v6, trace);
	return child_status(pid);
}

static void one(const char *path, bool v6, bool trace, struct count *n)
{
	int status = run(path, v6, trace);

	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOR_THIS)
		return;
	if (status == 0) {
		n->passed++;
		return;
	}
	n->failed++;
	if (WIFSIGNALED(status))
		printf("%s: %s\n", path, strsignal(WTERMSIG(status)));
	printf("FAIL %s %s\n", v6 ? "ip6" : "ip4", path);
}

int main(int argc, char **argv)
{
	bool v4 = true, v6 = false, trace = false;
	struct count n = { 0, 0 };

	for (int c; (c = getopt(argc, argv, "6at")) != -1;) {
		v6 |= c == '6' || c == 'a';
		v4 &= c != '6';
		trace |= c == 't';
		if (c == '?') {
			fprintf(stderr, "usage: pkt [-6 | -a] [-t] SCRIPT...\n");
			return 2;
		}
	}
	for (int i = optind; i < argc; i++) {
		if (v4)
			one(argv[i], false, trace, &n);
		if (v6)
			one(argv[i], true, trace, &n);
	}
	printf("%u passed, %u failed\n", n.passed, n.failed);
	return n.failed != 0;
}
