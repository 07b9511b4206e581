/* trace.c - a line for each frame that passes
 *
 *	trace://[FILE][cut=1]{LOCATOR}
 *
 *	18:41:02.123456 out 10.0.0.1.80 > 10.0.0.2.40000: tcp . 1:28961(28960) ack 1 \
 *		win 502 (20 segments of 1448)
 *
 * Without a file the lines go to the error output as it was when the plug was opened:
 * ioth run gives its own up once the program runs. They pass a spool, so a terminal
 * that was stopped stops nobody; lines that found no room are counted in the next.
 */
#include "plug/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "plug/capture.h"
#include "plug/scheme.h"
#include "plug/spool.h"
#include "proto/proto.h"

#define SPOOL_SIZE	(1u << 20)
#define FRAME_MAX	(65535u + 18)
#define LINE_MAX_LEN	1024

struct tracer {
	struct observer	o;
	struct spool	*spool;
	uint64_t	dropped, told;
	uint8_t		frame[FRAME_MAX];
};

static void add_time(struct text *t)
{
	struct timespec ts;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	text_add(t, "%02d:%02d:%02d.%06ld ", tm.tm_hour, tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000);
}

static void add_frame(struct tracer *tr, struct text *t, const struct pkt *pkt)
{
	uint32_t len = pkt_copy(pkt, 0, tr->frame, MIN(pkt_len(pkt), FRAME_MAX));
	uint32_t payload = pkt_len(pkt) - MIN(pkt_len(pkt), pkt->gso_hlen);

	frame_print(t, tr->frame, len);
	if (pkt->gso_size && payload > pkt->gso_size)
		text_add(t, " (%u segments of %u)",
			 (payload + pkt->gso_size - 1) / pkt->gso_size, pkt->gso_size);
}

void tracer_frame(struct tracer *tr, const struct pkt *pkt, const char *mark)
{
	char line[LINE_MAX_LEN];
	struct text t = text_of(line, sizeof(line) - 1);

	add_time(&t);
	if (tr->dropped > tr->told)
		text_add(&t, "(%ju lines before this one are missing) ",
			 (uintmax_t)(tr->dropped - tr->told));
	text_add(&t, "%s", mark);
	add_frame(tr, &t, pkt);
	line[t.len] = '\n';
	if (spool_put(tr->spool, &(struct iovec){ line, t.len + 1 }, 1))
		tr->told = tr->dropped;
	else
		tr->dropped++;
}

bool tracer_failed(struct tracer *t)
{
	return spool_failed(t->spool);
}

uint64_t tracer_dropped(const struct tracer *t)
{
	return t->dropped;
}

struct tracer *tracer_new(int fd, const char *what)
{
	struct tracer *t = xzalloc(sizeof(*t));

	t->spool = spool_new(fd, SPOOL_SIZE, what);
	return t;
}

void tracer_end(struct tracer *t)
{
	spool_end(t->spool);
	free(t);
}

/* --- the scheme --- */

static const char *set_cut(void *conf, const char *value)
{
	*(bool *)conf = true;
	return strcmp(value, "1") == 0 ? NULL : "not 1";
}

static const struct locator_opt options[] = {
	{ "cut",	set_cut },
	{ NULL,		NULL },
};

static void saw(struct observer *o, const struct pkt *pkt, bool out)
{
	tracer_frame(container_of(o, struct tracer, o), pkt, out ? "out " : "in  ");
}

static void end(struct observer *o)
{
	tracer_end(container_of(o, struct tracer, o));
}

/* -1 with *why */
static int open_output(const char *path, char **why)
{
	int fd;

	if (*path)
		return capture_file("trace", path, why);
	fd = fcntl(2, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		*why = xasprintf("trace: there is no error output (%s); name a file: "
				 "trace:///tmp/x{LOCATOR}", strerror(errno));
	return fd;
}

struct plug *trace_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	struct plug *inner;
	struct tracer *t;
	bool cut = false;
	int fd;

	*why = locator_apply(loc, options, &cut);
	inner = *why ? NULL : plug_open_below(loc->inner, conf, why);
	fd = inner ? open_output(loc->addr, why) : -1;
	if (fd < 0) {
		plug_close(inner);
		return NULL;
	}
	t = tracer_new(fd, "trace");
	t->o = (struct observer){ saw, end, cut };
	return observe_new(inner, &t->o);
}
