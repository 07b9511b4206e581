/* main.c - the socket calls of Linux, case by case
 *
 *	conform ADDRESS [--case NAME]...	run all cases, or these
 *	conform --list
 *
 * Each case talks to itself over ADDRESS (127.0.0.1, ::1, or an address of this
 * node) and says what Linux's own TCP/IP does, so on the host's kernel every case
 * passes: that is how we know the case is right. Prints "ok NAME", "skip NAME: why"
 * or "FAIL NAME: why" for each, then a line of counts; exit status 0 if none failed.
 *
 * The harness holds a pipe per case: a case that fails, in whichever thread or
 * descendant, writes its reason there. Nothing here touches a socket.
 */
#include "conform.h"

#include <stdarg.h>
#include <sys/syscall.h>

enum { CASE_SECONDS = 10, SKIP_STATUS = 77, MAX_CASES = 400 };

struct addr target;
int family;
const char *self;

static struct {
	const char *name;
	void (*run)(void);
} cases[MAX_CASES];
static size_t n_cases;
static int report = -1;
static size_t n_ok, n_failed, n_skipped;

void add_case(const char *name, void (*run)(void))
{
	if (n_cases == MAX_CASES)
		abort();
	cases[n_cases].name = name;
	cases[n_cases++].run = run;
}

static void tell(const char *fmt, va_list ap)
{
	char why[400];
	int n = vsnprintf(why, sizeof(why), fmt, ap);

	if (n >= (int)sizeof(why))
		n = sizeof(why) - 1;
	if (write(report, why, n) != n)
		_exit(2);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(fmt, ap);
	va_end(ap);
	_exit(1);
}

static void tellf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(fmt, ap);
	va_end(ap);
}

void skip(const char *why)
{
	tellf("%s", why);
	_exit(SKIP_STATUS);
}

void equal(long long got, long long want, const char *expr, const char *text,
	   const char *file, int line)
{
	if (got != want)
		fail("%s:%d: %s is %lld, not %s (%lld) [errno %s]", file, line, expr, got,
		     text, want, strerrorname_np(errno));
}

void fails_with(long long got, int err, const char *expr, const char *file, int line)
{
	if (got != -1)
		fail("%s:%d: %s is %lld, not an error %s", file, line, expr, got,
		     strerrorname_np(err));
	if (errno != err)
		fail("%s:%d: %s gives %s, not %s", file, line, expr,
		     strerrorname_np(errno), strerrorname_np(err));
}

long long succeeds(long long got, const char *expr, const char *file, int line)
{
	if (got < 0)
		fail("%s:%d: %s: %s", file, line, expr, strerrorname_np(errno));
	return got;
}

static pid_t start(void (*run)(void), int out)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid > 0)
		return pid;
	setpgid(0, 0);
	report = out;
	run();
	_exit(0);
}

/* The status of pid, or -1 if it was still alive after 10 s. The leader of a process
 * group is reaped last, so that its number cannot mean another group meanwhile. */
static int finish(pid_t pid)
{
	struct pollfd pfd = { .events = POLLIN };
	int status, n;

	pfd.fd = syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0) {
		perror("pidfd_open");
		exit(1);
	}
	n = poll(&pfd, 1, CASE_SECONDS * 1000);
	close(pfd.fd);
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return n == 1 ? status : -1;
}

static void verdict(const char *name, int status, const char *why)
{
	char guess[60] = "";

	if (status == 0 && !*why) {
		n_ok++;
		printf("ok %s\n", name);
		return;
	}
	if (status > 0 && WIFEXITED(status) && WEXITSTATUS(status) == SKIP_STATUS) {
		n_skipped++;
		printf("skip %s: %s\n", name, why);
		return;
	}
	if (status == -1)
		snprintf(guess, sizeof(guess), "no end after %d s", CASE_SECONDS);
	else if (WIFSIGNALED(status))
		snprintf(guess, sizeof(guess), "killed by signal %d", WTERMSIG(status));
	n_failed++;
	printf("FAIL %s: %s%s%s\n", name, why, *why && *guess ? "; " : "",
	       *why || *guess ? guess : "exit status not 0");
}

static void run_case(size_t i)
{
	char why[512];
	int pipefd[2], status;
	ssize_t n;

	if (pipe2(pipefd, O_NONBLOCK | O_CLOEXEC) < 0) {
		perror("pipe2");
		exit(1);
	}
	fflush(stdout);
	status = finish(start(cases[i].run, pipefd[1]));
	n = read(pipefd[0], why, sizeof(why) - 1);
	why[n > 0 ? n : 0] = '\0';
	close(pipefd[0]);
	close(pipefd[1]);
	verdict(cases[i].name, status, why);
}

static void run_named(const char *name)
{
	for (size_t i = 0; i < n_cases; i++)
		if (strcmp(cases[i].name, name) == 0) {
			run_case(i);
			return;
		}
	fprintf(stderr, "conform: no case %s\n", name);
	exit(2);
}

static int by_name(const void *a, const void *b)
{
	const typeof(*cases) *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int usage(void)
{
	fputs("usage: conform ADDRESS [--case NAME]... | conform --list\n", stderr);
	return 2;
}

static bool set_target(const char *text)
{
	if (inet_pton(AF_INET, text, &target.in4.sin_addr) == 1) {
		family = AF_INET;
		target.len = sizeof(target.in4);
	} else if (inet_pton(AF_INET6, text, &target.in6.sin6_addr) == 1) {
		family = AF_INET6;
		target.len = sizeof(target.in6);
	} else {
		return false;
	}
	target.ss.ss_family = family;
	return true;
}

int main(int argc, char **argv)
{
	self = "/proc/self/exe";
	if (argc >= 2 && strcmp(argv[1], "--role") == 0)
		return role_main(argc - 2, argv + 2);
	qsort(cases, n_cases, sizeof(*cases), by_name);
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < n_cases; i++)
			puts(cases[i].name);
		return 0;
	}
	if (argc < 2 || argc % 2 || !set_target(argv[1]))
		return usage();
	for (int i = 2; i < argc; i += 2) {
		if (strcmp(argv[i], "--case") != 0)
			return usage();
		run_named(argv[i + 1]);
	}
	for (size_t i = 0; argc == 2 && i < n_cases; i++)
		run_case(i);
	printf("%zu passed, %zu failed, %zu skipped\n", n_ok, n_failed, n_skipped);
	return n_failed ? 1 : 0;
}
