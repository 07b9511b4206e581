/* plug.c - ioth plug: a cable between two plugs */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/daemon.h"
#include "base/log.h"
#include "base/opt.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "plug/cable.h"

#define STATUS_EVERY	USEC_PER_SEC

struct counts {
	uint64_t	frames[2], bytes[2], drops;	/* frames[i]: from end i */
};

struct plug_args {
	const char	*locator[2];
	bool		background, quiet;
	const char	*pidfile;

	struct cable	*cable;
	usec		status_at;	/* NEVER: nobody looks */
	usec		last_at;
	struct counts	last;
};

static const char *set_daemon(void *conf, const char *value)
{
	((struct plug_args *)conf)->background = true;
	return NULL;
}

static const char *set_pidfile(void *conf, const char *value)
{
	((struct plug_args *)conf)->pidfile = value;
	return NULL;
}

static const char *set_quiet(void *conf, const char *value)
{
	((struct plug_args *)conf)->quiet = true;
	return NULL;
}

static const struct opt options[] = {
	{ "daemon",	'd', NULL,	"go to the background once both ends are there", set_daemon },
	{ "pidfile",	'p', "FILE",	"write the process's number there", set_pidfile },
	{ "quiet",	'q', NULL,	"do not show on a terminal what is carried", set_quiet },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page page = {
	.usage = "ioth plug [OPTIONS] LOCATOR [LOCATOR]",
	.what = "Joins two plugs by a cable; with one locator: to stdin and stdout.",
	.opts = { options, common_options },
	.more =
	"  ioth plug /tmp/a /tmp/b                               two switches of this machine\n"
	"  ioth plug /tmp/a 'cmd://\"ssh host ioth plug /tmp/b\"'  and one of another\n"
	"  dpipe ioth plug /tmp/a = ssh host vde_plug /tmp/b      the same with VDE's tools\n"
	"\n"
	"Locators: a path or vde://PATH, - (stdin and stdout), cmd://\"COMMAND\", tap://IF,\n"
	"packet://IF, null://, fault://OPTIONS{LOCATOR}, capture://FILE{LOCATOR},\n"
	"trace://{LOCATOR}, and what libvdeplug knows. The cable ends with SIGTERM, SIGINT,\n"
	"SIGHUP, or when one of its ends does.\n",
};

/* --- what it carries --- */

static struct counts count(const struct cable *c)
{
	struct counts n = { .drops = 0 };

	for (int i = 0; i < 2; i++) {
		const struct plug *p = cable_plug(c, i);

		n.frames[i] = p->rx_frames;
		n.bytes[i] = p->rx_bytes;
		n.drops += p->rx_drops + p->tx_drops;
	}
	return n;
}

/* A number a second, short: 12.3M. */
static void add_rate(struct text *t, uint64_t n, usec time, const char *unit)
{
	static const char scale[] = " kMGT";
	double rate = (double)n * (double)USEC_PER_SEC / (double)MAX(time, 1);
	int i = 0;

	for (; rate >= 1000 && scale[i + 1]; i++)
		rate /= 1000;
	text_add(t, rate < 10 && i ? " %.1f" : " %.0f", rate);
	if (i)
		text_add(t, "%c", scale[i]);
	text_add(t, " %s/s", unit);
}

static void show_status(struct plug_args *a, usec now)
{
	struct counts n = count(a->cable);
	usec time = now - a->last_at;
	char line[256];
	struct text t = text_of(line, sizeof(line));

	for (int i = 0; i < 2; i++) {
		text_add(&t, "%s", i ? " <-" : "->");
		add_rate(&t, n.frames[i] - a->last.frames[i], time, "frames");
		add_rate(&t, n.bytes[i] - a->last.bytes[i], time, "bytes");
	}
	text_add(&t, ", %llu dropped", (unsigned long long)n.drops);
	fprintf(stderr, "\r%s\033[K", line);
	a->last = n;
	a->last_at = now;
	a->status_at = now + STATUS_EVERY;
}

/* --- its life --- */

static bool start(void *ctx, struct loop *loop, char **why)
{
	struct plug_args *a = ctx;
	struct plug *p[2] = { NULL, NULL };
	bool taken = a->background;		/* by another end, inside another locator, too */
	struct plug_conf conf = { .now = now_mono(), .stdio_taken = &taken };

	for (int i = 0; i < 2; i++) {
		p[i] = plug_open(a->locator[i], &conf, why);
		if (!p[i]) {
			plug_close(p[0]);
			return false;
		}
	}
	a->cable = cable_new(loop, p[0], p[1]);
	a->last_at = now_mono();
	a->status_at = isatty(STDERR_FILENO) && !a->quiet && !a->background ? a->last_at : NEVER;
	return true;
}

static usec deadline(void *ctx)
{
	struct plug_args *a = ctx;
	usec at = cable_deadline(a->cable);

	return MIN(at, a->status_at);
}

static bool run(void *ctx, usec now)
{
	struct plug_args *a = ctx;

	if (now >= a->status_at)
		show_status(a, now);
	return cable_run(a->cable, now);
}

static bool is_stdio(const char *locator)
{
	return strcmp(locator, "-") == 0 || strncmp(locator, "stdio://", 8) == 0;
}

/* The exit status: the end of stdin is how a cable in a pipe ends. */
static int tell_end(const struct plug_args *a)
{
	int status = 0;

	for (int i = 0; i < 2; i++) {
		int error = cable_error(a->cable, i);
		const char *what = error == -EPIPE ? "the other side has gone" : strerror(-error);

		if (!error)
			continue;
		if (error == -EPIPE && is_stdio(a->locator[i])) {
			info("%s: %s", a->locator[i], what);
			continue;
		}
		if (!cable_plug(a->cable, i)->told)
			err("%s: %s", a->locator[i], what);
		status = 1;
	}
	return status;
}

static int finish(void *ctx)
{
	struct plug_args *a = ctx;
	int status = 0;

	if (a->status_at != NEVER && a->cable)
		fputc('\n', stderr);
	if (a->cable)
		status = tell_end(a);
	cable_free(a->cable);
	return status;
}

static const struct daemon_ops plug_ops = {
	.start		= start,
	.deadline	= deadline,
	.run		= run,
	.finish		= finish,
};

/* The operands, and options behind each. -1: go on; else the exit status. */
static int parse(struct plug_args *a, int argc, char **argv)
{
	int n = 0, i = 0, step;

	while ((step = opt_parse(&page, argc - i, argv + i, a)) >= 0) {
		i += step;
		if (i >= argc)
			break;
		if (n == 2)
			die(2, "plug: two locators at most: what is %s?", argv[i]);
		a->locator[n++] = argv[i];
	}
	if (step < 0)
		return step == -1 ? 0 : 2;
	if (!n)
		die(2, "plug: no locator given; write: ioth plug /tmp/sw");
	if (is_stdio(a->locator[0]) && is_stdio(a->locator[1]))
		die(2, "plug: both ends are stdin and stdout; write: ioth plug /tmp/sw");
	return -1;
}

int cmd_plug(int argc, char **argv)
{
	struct plug_args a = { .locator = { NULL, "-" }, .status_at = NEVER };
	int status = parse(&a, argc, argv);

	if (status >= 0)
		return status;
	for (int i = 0; a.background && i < 2; i++) {
		if (is_stdio(a.locator[i]))
			die(2, "plug: -d closes stdin and stdout, one end of this cable; give two "
			       "other locators");
	}
	return daemon_main(&plug_ops, &a, a.background, a.pidfile);
}
