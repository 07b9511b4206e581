/* main.c - drives a fuzz target where libFuzzer is missing (gcc, make check)
 *
 *	TARGET [-runs=N] [-seed=S] [-max_len=N] [FILE|DIRECTORY...]
 *
 * Each file is run once as it is; then N inputs are made, each from a file
 * (or from nothing) by a few random changes. An input is a heap block of its
 * exact size, so sanitizers see a read past it. Input i depends on the seed and
 * on i alone; when the target ends the process, seed and i are printed with the
 * input in hex, and -seed=S -skip=i -runs=1 runs that input again.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fuzz.h"

struct input { uint8_t *b; size_t n; };

static struct {
	uint64_t	runs, seed, skip, max_len;
	struct input	*corpus;
	size_t		n_corpus;
} opt = { .max_len = 2048 };

static struct {
	uint64_t	i;
	struct input	in;
} now;

static void report(int sig)
{
	char line[8192];
	struct text t = text_of(line, sizeof(line) - 1);

	text_add(&t, "-seed=%lu -skip=%lu -runs=1, input ",
		 (unsigned long)opt.seed, (unsigned long)now.i);
	text_hex(&t, now.in.b, now.in.n);
	line[t.len++] = '\n';
	if (write(STDERR_FILENO, line, t.len) < 0)
		_exit(2);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void corpus_add(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct input in = { xmalloc(opt.max_len), 0 };

	if (!f)
		die(1, "%s: %s", path, strerror(errno));
	in.n = fread(in.b, 1, opt.max_len, f);
	fclose(f);
	opt.corpus = xrealloc(opt.corpus, (opt.n_corpus + 1) * sizeof(in));
	opt.corpus[opt.n_corpus++] = in;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* In the order of names, so that a seed means the same everywhere. */
static void corpus_add_dir(const char *path)
{
	struct dirent **d;
	int n = scandir(path, &d, visible, alphasort);

	if (n < 0)
		die(1, "%s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		char *file = xasprintf("%s/%s", path, d[i]->d_name);

		corpus_add(file);
		free(file);
		free(d[i]);
	}
	free(d);
}

static bool number(const char *arg, const char *name, uint64_t *out)
{
	size_t n = strlen(name);

	if (strncmp(arg, name, n) != 0)
		return false;
	if (!num_parse(arg + n, 0, UINT64_MAX, out))
		die(2, "%s: not a number", arg);
	return true;
}

static void argument(const char *arg)
{
	struct stat st;

	if (number(arg, "-runs=", &opt.runs) || number(arg, "-seed=", &opt.seed) ||
	    number(arg, "-skip=", &opt.skip) || number(arg, "-max_len=", &opt.max_len))
		return;
	if (arg[0] == '-')
		die(2, "%s: no such option", arg);
	if (stat(arg, &st) < 0)
		die(1, "%s: %s", arg, strerror(errno));
	if (S_ISDIR(st.st_mode))
		corpus_add_dir(arg);
	else
		corpus_add(arg);
}

/* Small, large, and next to a power of two: where off-by-ones live. */
static uint8_t odd_byte(struct rng *r)
{
	static const uint8_t odd[] = { 0, 1, 2, 4, 5, 6, 8, 0x0f, 0x40, 0x45, 0x60,
				       0x7f, 0x80, 0x86, 0xdd, 0xfe, 0xff };

	return rng_below(r, 2) ? odd[rng_below(r, ARRAY_LEN(odd))] : (uint8_t)rng_u64(r);
}

static void cut(struct rng *r, struct input *in)
{
	in->n = rng_below(r, (uint32_t)in->n + 1);
}

static void extend(struct rng *r, struct input *in)
{
	size_t more = rng_below(r, 64);

	while (more-- && in->n < opt.max_len)
		in->b[in->n++] = odd_byte(r);
}

/* Copies one stretch of the input over another. */
static void copy_over(struct rng *r, struct input *in)
{
	size_t from = rng_below(r, (uint32_t)in->n + 1);
	size_t to = rng_below(r, (uint32_t)in->n + 1);
	size_t n = rng_below(r, (uint32_t)(in->n - MAX(from, to)) + 1);

	memmove(in->b + to, in->b + from, n);
}

static void mutate(struct rng *r, struct input *in)
{
	uint32_t how = rng_below(r, 16);

	if (how == 0)
		cut(r, in);
	else if (how == 1)
		extend(r, in);
	else if (how == 2)
		copy_over(r, in);
	else if (in->n && how < 8)
		in->b[rng_below(r, (uint32_t)in->n)] ^= (uint8_t)(1 << rng_below(r, 8));
	else if (in->n)
		in->b[rng_below(r, (uint32_t)in->n)] = odd_byte(r);
}

static void make_input(struct rng *r, struct input *in)
{
	const struct input *from;

	in->n = 0;
	if (opt.n_corpus && rng_below(r, 8)) {
		from = &opt.corpus[rng_below(r, (uint32_t)opt.n_corpus)];
		memcpy(in->b, from->b, from->n);
		in->n = from->n;
		return;
	}
	for (unsigned k = 1 + rng_below(r, 4); k; k--)
		extend(r, in);
}

static void run(const uint8_t *b, size_t n)
{
	now.in = (struct input){ xmalloc(n), n };
	memcpy(now.in.b, b, n);
	LLVMFuzzerTestOneInput(now.in.b, n);
	free(now.in.b);
}

static void run_made(uint64_t i, struct input *in)
{
	struct rng r;

	rng_seed(&r, opt.seed);
	r.counter = i << 32;
	now.i = i;
	make_input(&r, in);
	for (unsigned k = rng_below(&r, 12); k; k--)
		mutate(&r, in);
	run(in->b, in->n);
}

int main(int argc, char **argv)
{
	struct input in;

	for (int i = 1; i < argc; i++)
		argument(argv[i]);
	signal(SIGABRT, report);
	signal(SIGSEGV, report);
	for (size_t i = 0; i < opt.n_corpus; i++)
		run(opt.corpus[i].b, opt.corpus[i].n);
	in.b = xmalloc(opt.max_len);
	for (uint64_t i = opt.skip; i < opt.skip + opt.runs; i++)
		run_made(i, &in);
	free(in.b);
	for (size_t i = 0; i < opt.n_corpus; i++)
		free(opt.corpus[i].b);
	free(opt.corpus);
	printf("%s: %zu files, %lu runs\n", argv[0], opt.n_corpus, (unsigned long)opt.runs);
	return 0;
}
