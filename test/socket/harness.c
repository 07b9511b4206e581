/* harness.c - runs the cases and says how they went
 *
 *	conform [-k KIND] [-j N] [-d KNOWN] [-c CASE]... ADDRESS...
 *	conform --list | --kinds
 *
 * Each case talks to itself over each ADDRESS (127.0.0.1, ::1, or one of this node)
 * and says what Linux's own TCP/IP does, so on the host's kernel every case passes:
 * that is how we know the case is right. Prints "ok WHERE/NAME", "skip WHERE/NAME: why"
 * or "FAIL WHERE/NAME: why" for each, then a line of counts; exit status 0 if none failed.
 * KNOWN lists what is known to differ (known.c).
 *
 * A case runs in a process of its own, N of them at once; only those of raw sockets,
 * which hear the others, run alone. The harness holds a pipe per case: a case that
 * fails, in whichever thread or descendant, writes its reason there.
 */
#include <sys/syscall.h>

#include "conform.h"
#include "harness.h"
#include "verdict.h"

enum { CASE_SECONDS = 60, KNOWN_SECONDS = 6, END_SECONDS = 3, MAX_CASES = 600, MAX_JOBS = 32 };

static const struct kind *kind = kinds;

static struct {
	const char *name;
	void (*run)(void);
} cases[MAX_CASES];
static size_t n_cases;
static size_t n_ok, n_failed, n_skipped;

static struct job {
	size_t	which;			/* of cases */
	char	label[80];		/* WHERE/NAME */
	pid_t	pid;			/* 0: nothing runs here */
	int	pidfd, out;
	int	seconds;		/* it may take */
	int64_t	deadline;
} jobs[MAX_JOBS];
static int n_jobs = 1;

/* Cases that failed among others on Linux's own stack. It limits the ICMP errors that it
 * sends, for all that runs there, and one case may be given the port that another means
 * to take: so those are tried again, each alone, and that counts. */
static struct {
	size_t		which;
	const char	*address;
} again[MAX_CASES];
static size_t n_again;
static bool last_try;
static const char *address;		/* whose cases are started */

void add_case(const char *name, void (*run)(void))
{
	if (n_cases == MAX_CASES)
		abort();
	cases[n_cases].name = name;
	cases[n_cases++].run = run;
}

int far_socket(int domain, int type, int proto)
{
	if (!kind->far_socket)
		skip("there is one stack only");
	return OK(kind->far_socket(domain, type, proto));
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- one case --- */

/* A case counts its descriptors. */
static void close_others(void)
{
	for (int i = 0; i < n_jobs; i++)
		if (jobs[i].pidfd > 0) {
			close(jobs[i].pidfd);
			close(jobs[i].out);
		}
}

static void start(struct job *j, size_t which, const char *where)
{
	int out[2];

	if (pipe2(out, O_NONBLOCK | O_CLOEXEC) < 0)
		die("pipe2");
	fflush(stdout);
	j->which = which;
	snprintf(j->label, sizeof(j->label), "%s/%s", where, cases[which].name);
	j->pid = fork();
	if (j->pid < 0)
		die("fork");
	if (j->pid == 0) {
		setpgid(0, 0);
		close_others();
		close(out[0]);
		report = fcntl(out[1], F_DUPFD_CLOEXEC, 500);	/* out of the way */
		close(out[1]);
		if (kind->enter)
			kind->enter(j - jobs, strncmp(cases[which].name, "far_", 4) == 0);
		cases[which].run();
		_exit(0);
	}
	close(out[1]);
	j->out = out[0];
	j->seconds = known_find(kind->name, cases[which].name) ? KNOWN_SECONDS : CASE_SECONDS;
	j->deadline = now_ms() + j->seconds * 1000;
	j->pidfd = syscall(SYS_pidfd_open, j->pid, 0);
	if (j->pidfd < 0)
		die("pidfd_open");
}

static void say(const char *word, const char *label, const char *why)
{
	size_t *count = *word == 'o' ? &n_ok : *word == 's' ? &n_skipped : &n_failed;

	++*count;
	printf("%s %s%s%s\n", word, label, *why ? ": " : "", why);
}

static bool is_linux(void)
{
	return strcmp(kind->name, "host") == 0 || strstr(kind->name, "kernel");
}

/* What was to differ must, or the list is wrong. */
static void verdict(const struct job *j, const char *word, const char *why)
{
	const struct known *k = known_find(kind->name, cases[j->which].name);
	char text[600];

	if (!k && *word == 'F' && is_linux() && !last_try && n_again < MAX_CASES) {
		again[n_again].which = j->which;
		again[n_again++].address = address;
	} else if (!k || *word == 's' || (*word == 'o' && k->loose)) {
		say(word, j->label, why);
	} else if (*word == 'o') {
		say("FAIL", j->label, "passes; take it out of known.txt");
	} else {
		snprintf(text, sizeof(text), "differs: %s", k->reason);
		say("skip", j->label, text);
	}
}

static void judge(const struct job *j, int status, const char *why)
{
	char text[600];

	if (status == 0 && !*why) {
		verdict(j, "ok", "");
		return;
	}
	if (status > 0 && WIFEXITED(status) && WEXITSTATUS(status) == SKIP_STATUS) {
		verdict(j, "skip", why);
		return;
	}
	if (status == -1)
		snprintf(text, sizeof(text), "%s; no end after %d s", why, j->seconds);
	else if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "%s; killed by signal %d", why, WTERMSIG(status));
	else
		snprintf(text, sizeof(text), "%s", *why ? why : "exit status not 0");
	verdict(j, "FAIL", text);
}

/* The leader of a process group is reaped last, so that its number cannot mean
 * another group meanwhile. */
static void finish(struct job *j, bool late)
{
	char why[512];
	ssize_t n;
	int status;

	kill(-j->pid, SIGKILL);
	kill(j->pid, SIGKILL);		/* had it no group yet */
	while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
		;
	n = read(j->out, why, sizeof(why) - 1);
	why[n > 0 ? n : 0] = '\0';
	close(j->out);
	close(j->pidfd);
	j->pidfd = 0;
	judge(j, late ? -1 : status, why);
	j->pid = 0;
}

/* --- all of them --- */

/* What a descendant found ends the case, though nobody else may notice. */
static void look(struct job *j, const struct pollfd *ended, const struct pollfd *told)
{
	int64_t soon = now_ms() + END_SECONDS * 1000;

	if (!j->pid)
		return;
	if (ended->revents || now_ms() >= j->deadline)
		finish(j, !ended->revents);
	else if (told->revents && j->deadline > soon)
		j->deadline = soon;
}

/* Waits until at most so many are running. */
static void wait_until_left(int most)
{
	for (;;) {
		struct pollfd ended[MAX_JOBS], told[MAX_JOBS];
		int left = 0;

		for (int i = 0; i < n_jobs; i++) {
			ended[i] = (struct pollfd){ jobs[i].pid ? jobs[i].pidfd : -1, POLLIN, 0 };
			told[i] = (struct pollfd){ jobs[i].pid ? jobs[i].out : -1, POLLIN, 0 };
			left += jobs[i].pid != 0;
		}
		if (left <= most)
			return;
		if (poll(ended, n_jobs, 100) < 0 || poll(told, n_jobs, 0) < 0)
			die("poll");
		for (int i = 0; i < n_jobs; i++)
			look(&jobs[i], &ended[i], &told[i]);
	}
}

/* They hear what the others send. */
static bool runs_alone(size_t which)
{
	return strncmp(cases[which].name, "raw_", 4) == 0;
}

static void run_case(size_t which, const char *where)
{
	struct job *j = jobs;

	wait_until_left(runs_alone(which) ? 0 : n_jobs - 1);
	while (j->pid)
		j++;
	start(j, which, where);
}

static int by_name(const void *a, const void *b)
{
	const typeof(*cases) *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool is_wanted(size_t which, char *const *only, int n_only)
{
	for (int k = 0; k < n_only; k++)
		if (strcmp(only[k], cases[which].name) == 0)
			return true;
	return n_only == 0;
}

static void run_all(char *const *addresses, char *const *only, int n_only, bool alone)
{
	for (; *addresses; addresses++) {
		const char *where = set_target(*addresses);

		address = *addresses;
		for (size_t i = 0; i < n_cases; i++)
			if (runs_alone(i) == alone && is_wanted(i, only, n_only))
				run_case(i, where);
		wait_until_left(0);		/* address is theirs */
	}
}

static void run_again(void)
{
	last_try = true;
	for (size_t i = 0; i < n_again; i++) {
		run_case(again[i].which, set_target(again[i].address));
		wait_until_left(0);
	}
}

static int usage(void)
{
	fputs("usage: conform [-k KIND] [-j N] [-d KNOWN] [-c CASE]... ADDRESS...\n"
	      "       conform --list | --kinds\n", stderr);
	return 2;
}

static bool choose_kind(const char *name)
{
	for (kind = kinds; kind->name; kind++)
		if (strcmp(kind->name, name) == 0)
			return true;
	fprintf(stderr, "conform: no kind %s\n", name);
	return false;
}

static int list(const char *what)
{
	bool all_cases = strcmp(what, "--list") == 0;

	for (size_t i = 0; all_cases && i < n_cases; i++)
		puts(cases[i].name);
	for (const struct kind *k = kinds; !all_cases && k->name; k++)
		puts(k->name);
	return 0;
}

int main(int argc, char **argv)
{
	char *only[MAX_CASES];
	const char *why;
	int opt, n_only = 0;

	if (argc >= 2 && strcmp(argv[1], "--role") == 0)
		return role_main(argc - 2, argv + 2);
	qsort(cases, n_cases, sizeof(*cases), by_name);
	if (argc == 2 && (!strcmp(argv[1], "--list") || !strcmp(argv[1], "--kinds")))
		return list(argv[1]);
	while ((opt = getopt(argc, argv, "k:j:d:c:")) != -1) {
		if (opt == 'j')
			n_jobs = atoi(optarg);
		else if (opt == 'c' && n_only < MAX_CASES)
			only[n_only++] = optarg;
		else if (opt == '?' || (opt == 'k' && !choose_kind(optarg)) ||
			 (opt == 'd' && !known_load(optarg)))
			return usage();
	}
	for (int i = optind; i < argc; i++)
		if (!set_target(argv[i]))
			return usage();
	if (optind == argc || n_jobs < 1 || n_jobs > MAX_JOBS)
		return usage();
	why = kind->begin ? kind->begin() : NULL;
	if (why) {
		say("skip", kind->name, why);
	} else {
		run_all(argv + optind, only, n_only, false);
		run_all(argv + optind, only, n_only, true);
		run_again();
		if (kind->end)
			kind->end();
	}
	printf("%zu passed, %zu failed, %zu skipped\n", n_ok, n_failed, n_skipped);
	return n_failed ? 1 : 0;
}
