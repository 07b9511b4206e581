/* capture.c - frames into a file that tcpdump and Wireshark read
 *
 *	capture://FILE[cut=1/snap=N]{LOCATOR}
 *
 * A super-frame is written as it passes, one block with its true length, because this
 * is what people know of tcpdump on an interface of Linux that segments and
 * coalesces, what both tools take apart well, and what costs the node least. With cut=1
 * it is written as the frames a wire would carry: for tools that count segments, or
 * send the file again. The section's comment names the node, each packet its direction.
 *
 * Blocks go to a spool: a node never waits for a disk. What finds no room is counted
 * in the next packet's block and at the end of the file; after an error frames pass
 * uncaptured.
 */
#include "plug/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "plug/scheme.h"
#include "plug/spool.h"

#define SPOOL_SIZE	(8u << 20)

struct capture {
	struct observer	o;
	struct spool	*spool;
	uint32_t	snap;
	uint64_t	frames, dropped, told;	/* told: drops that the file says */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool put(struct capture *c, const struct wr *w)
{
	return spool_put(c->spool, &(struct iovec){ w->start, wr_len(w) }, 1);
}

/* No more than len bytes; how many entries are left. */
static int clip(struct iovec *iov, int n, size_t len)
{
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len >= len) {
			iov[i].iov_len = len;
			return i + 1;
		}
		len -= iov[i].iov_len;
	}
	return n;
}

void capture_frame(struct capture *c, const struct pkt *pkt, bool out)
{
	struct pcapng_pkt p = { .at = now_ns(), .len = pkt_len(pkt), .out = out,
				.dropped = c->dropped - c->told };
	uint8_t before[PCAPNG_PKT_MAX], behind[PCAPNG_PKT_MAX];
	struct wr b = wr_of(before, sizeof(before)), e = wr_of(behind, sizeof(behind));
	struct iovec iov[1 + PKT_EXTS + 1 + 1];
	int n;

	p.kept = c->snap ? MIN(p.len, c->snap) : p.len;
	pcapng_before(&b, &p);
	pcapng_behind(&e, &p);
	n = 1 + clip(iov + 1, pkt_iov(pkt, iov + 1), p.kept);
	iov[0] = (struct iovec){ before, wr_len(&b) };
	iov[n++] = (struct iovec){ behind, wr_len(&e) };
	c->frames++;
	if (spool_put(c->spool, iov, n))
		c->told = c->dropped;
	else
		c->dropped++;
}

bool capture_failed(struct capture *c)
{
	return spool_failed(c->spool);
}

uint64_t capture_dropped(const struct capture *c)
{
	return c->dropped;
}

struct capture *capture_new(int fd, const char *what, const struct pcapng_file *file)
{
	struct capture *c = xzalloc(sizeof(*c));
	uint8_t buf[PCAPNG_HEAD_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	c->spool = spool_new(fd, SPOOL_SIZE, what);
	c->snap = file->snap;
	pcapng_head(&w, file);
	put(c, &w);
	return c;
}

void capture_end(struct capture *c)
{
	uint8_t buf[PCAPNG_HEAD_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	pcapng_end(&w, now_ns(), c->frames, c->dropped);
	put(c, &w);
	spool_end(c->spool);
	free(c);
}

/* --- the scheme --- */

struct options {
	bool		cut;
	uint64_t	snap;
};

static const char *set_cut(void *conf, const char *value)
{
	((struct options *)conf)->cut = true;
	return strcmp(value, "1") == 0 ? NULL : "not 1";
}

static const char *set_snap(void *conf, const char *value)
{
	return num_parse(value, 14, 262144, &((struct options *)conf)->snap) ? NULL :
		"not a number of bytes from 14 to 262144";
}

static const struct locator_opt options[] = {
	{ "cut",	set_cut },
	{ "snap",	set_snap },
	{ NULL,		NULL },
};

int capture_file(const char *scheme, const char *path, char **why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_CLOEXEC, 0666);

	if (fd < 0)
		*why = xasprintf("%s %s: %s", scheme, path, errno == ENXIO ?
				 "nobody reads this pipe; start its reader first" :
				 strerror(errno));
	return fd;
}

static void saw(struct observer *o, const struct pkt *pkt, bool out)
{
	capture_frame(container_of(o, struct capture, o), pkt, out);
}

static void end(struct observer *o)
{
	capture_end(container_of(o, struct capture, o));
}

/* The file is made when there is something to capture from. */
static struct plug *start(const struct locator *loc, const struct plug_conf *conf,
			  const struct options *opt, char **why)
{
	struct pcapng_file file = { .comment = conf->descr, .appl = "ioth",
				    .if_name = loc->inner, .if_descr = conf->descr,
				    .snap = (uint32_t)opt->snap };
	struct plug *inner = plug_open_below(loc->inner, conf, why);
	int fd = inner ? capture_file("capture", loc->addr, why) : -1;
	struct capture *c;
	char *what;

	if (fd < 0) {
		plug_close(inner);
		return NULL;
	}
	what = xasprintf("capture %s", loc->addr);
	c = capture_new(fd, what, &file);
	free(what);
	c->o = (struct observer){ saw, end, opt->cut };
	return observe_new(inner, &c->o);
}

struct plug *capture_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	struct options opt = { 0 };

	*why = locator_apply(loc, options, &opt);
	if (!*why && !*loc->addr)
		*why = xstrdup("capture: no file given; write: capture:///tmp/x.pcapng{LOCATOR}");
	return *why ? NULL : start(loc, conf, &opt, why);
}
