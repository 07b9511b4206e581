/* mutate.c - systematic mutation of what arrives: the program
 *
 *	mutate [-1 N] [-2 N] [-3 N] [-s NAME]
 *
 * Every N-th case with one, two or three changed fields is tried (1, 4 and 211; all
 * with FULL=1 in the environment); -s: only groups whose name begins so. First the
 * states of TCP (tcp.c), then frames of other protocols (frames.c), then fragments
 * (parts.c). Each group is a process of its own. A failed case is printed with what
 * was tried. The last line counts groups; those above it cases by state and field.
 */
#include <sys/mman.h>

#include "../child.h"
#include "base/text.h"
#include "lan.h"
#include "mutate.h"
#include "scene.h"

#define REAL_SECONDS 14000

static const struct variant variants[] = {
	{ "ip4", false, false }, { "ip6 plain", true, true },
};

static unsigned passed, failed;

static _Noreturn void usage(void)
{
	fprintf(stderr, "usage: mutate [-1 N] [-2 N] [-3 N] [-s NAME]\n");
	exit(2);
}

static uint64_t number(const char *s)
{
	uint64_t v;

	if (!num_parse(s, 0, UINT32_MAX, &v))
		usage();
	return v;
}

static void in_child(void (*group)(unsigned, const struct variant *, const struct strides *),
		     unsigned i, const struct variant *how, const struct strides *s)
{
	int status;
	pid_t pid;

	trying[0] = 0;
	pid = child_start(REAL_SECONDS);
	if (pid == 0) {
		group(i, how, s);
		if (n_broken)
			printf("%u cases failed\n", n_broken);
		exit(n_broken != 0);
	}
	status = child_status(pid);
	if (status && !(WIFEXITED(status) && WEXITSTATUS(status) == 1))
		printf("FAIL %s: %s\n", trying, WIFSIGNALED(status) ?
		       strsignal(WTERMSIG(status)) : "a sanitizer complains");
	passed += status == 0;
	failed += status != 0;
}

static bool wanted(const char *name, const char *only)
{
	return strncmp(name, only, strlen(only)) == 0;
}

int main(int argc, char **argv)
{
	const char *full = getenv("FULL"), *only = "";
	struct strides s = { 1, 4, 211 };

	if (full && *full)
		s = (struct strides){ 1, 1, 1 };
	for (int c; (c = getopt(argc, argv, "1:2:3:s:")) != -1;) {
		if (c == '1')
			s.single = number(optarg);
		else if (c == '2')
			s.pair = number(optarg);
		else if (c == '3')
			s.triple = number(optarg);
		else if (c == 's')
			only = optarg;
		else
			usage();
	}
	trying = mmap(NULL, TRYING, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (trying == MAP_FAILED)
		return 1;
	tcp_head();
	for (unsigned i = 0; i < n_scenes; i++)
		for (unsigned k = 0; k < ARRAY_LEN(variants) && wanted(scenes[i].name, only); k++)
			in_child(tcp_scene, i, &variants[k], &s);
	for (unsigned i = 0; i < n_templs; i++)
		if (wanted(templs[i].name, only))
			in_child(frame_kind, i, NULL, &s);
	for (unsigned k = 0; k < ARRAY_LEN(variants) && wanted("fragments", only); k++)
		in_child(parts_all, 0, &variants[k], &s);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
