/* node_report.c - clients of a node's socket that ask anything
 *
 * An input is a byte of how to behave, then up to three texts ended by a zero: the
 * node's name, its program, the request. The request comes in two parts; whoever
 * does not read, or leaves early, harms nobody. An answer is a table whose lines
 * have equally many columns, whatever the names are, or the line that begins
 * with "?".
 */
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "node/report.h"

enum { LEAVE_EARLY = 1, SHUT = 2 };

static char name[64], program[64], base[64];
static const char *const nets[] = { "/tmp/sw" };
static struct report_node who = {
	.name = name, .pid = 42, .launcher = 41, .program = program, .nets = nets, .n_nets = 1,
};
static struct stack *st;
static struct loop *loop;
static struct report *report;
static struct sockaddr_un addr = { .sun_family = AF_UNIX };

static void end(void)
{
	char path[128];

	report_stop(report);
	loop_free(loop);
	stack_free(st);
	snprintf(path, sizeof(path), "%s/ioth/nodes", base);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/ioth", base);
	rmdir(path);
	rmdir(base);
}

static void start(void)
{
	char dir[REPORT_DIR_LEN];

	snprintf(base, sizeof(base), "/tmp/fuzz-report.XXXXXX");
	CHECK(mkdtemp(base));
	setenv("XDG_RUNTIME_DIR", base, 1);
	st = stack_new(1, 0);
	loop = loop_new();
	report = report_start(loop, st, &who);
	CHECK(report && report_dir(0, false, dir) == 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.90s/42.sock", dir);
	atexit(end);
}

/* The next text of the input; false: there is none. */
static size_t text(const uint8_t **p, size_t *left, char *to, size_t size)
{
	size_t n = strnlen((const char *)*p, *left), used = MIN(n, size - 1);

	memcpy(to, *p, used);
	to[used] = 0;
	n = MIN(n + 1, *left);
	*p += n;
	*left -= n;
	return used;
}

static unsigned tabs(const char *line)
{
	unsigned n = 0;

	for (; *line && *line != '\n'; line++)
		n += *line == '\t';
	return n;
}

static void check_table(const char *answer, size_t n)
{
	unsigned columns = tabs(answer);

	CHECK(n && answer[n - 1] == '\n' && !memchr(answer, 0, n));
	for (const char *s = answer; *s; s = strchr(s, '\n') + 1)
		CHECK(tabs(s) == columns);
}

static void serve(void)
{
	while (loop_wait(loop, 0) > 0)
		;
}

static void ask(const char *request, size_t n, uint8_t how)
{
	static char answer[1 << 16];
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t got = 0;
	ssize_t r;

	CHECK(s >= 0 && connect(s, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	send(s, request, n / 2, MSG_NOSIGNAL);
	serve();
	send(s, request + n / 2, n - n / 2, MSG_NOSIGNAL);
	if (how & SHUT)
		shutdown(s, SHUT_WR);
	serve();
	while (!(how & LEAVE_EARLY) &&
	       (r = recv(s, answer + got, sizeof(answer) - 1 - got, MSG_DONTWAIT)) > 0)
		got += (size_t)r;
	answer[got] = 0;
	if (got)
		check_table(answer, got);
	close(s);
	serve();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? data[0] : 0;
	char request[512];
	size_t n;

	if (!report)
		start();
	data += size > 0;
	size -= size > 0;
	text(&data, &size, name, sizeof(name));
	text(&data, &size, program, sizeof(program));
	n = text(&data, &size, request, sizeof(request));
	ask(request, n, how);
	return 0;
}
