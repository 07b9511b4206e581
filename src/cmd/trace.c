/* trace.c - ioth trace: joins a network and shows the frames it gets
 *
 * A port of its own: of what a switch forwards it sees what is sent to all, to groups
 * and to addresses nobody has been heard from; more if the switch mirrors ports. Every frame delivered is a line on
 * the standard output (plug/trace.c) or a block of a file (plug/capture.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/rand.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/mirror.h"
#include "plug/capture.h"
#include "plug/trace.h"
#include "proto/proto.h"
#include "switch/filter.h"

#define BATCH		256
#define LOOK_AGAIN	(USEC_PER_SEC / 2)	/* whether the output is still written */

struct trace {
	const char	*file, *locator, *shown;
	uint64_t	count, snap;
	bool		cut, ethernet;
	char		*expr;		/* NULL: all frames */
	struct filter	filter;
	struct plug	*plug;
	struct mirror	*mirror;	/* NULL: none is wanted */
	struct loop	*loop;
	struct watch	frames, hup, signals;
	struct tracer	*tracer;	/* one of the two */
	struct capture	*capture;
	uint64_t	seen;
	bool		done, gone;
};

static const char *set_write(void *conf, const char *value)
{
	((struct trace *)conf)->file = value;
	return NULL;
}

static const char *set_count(void *conf, const char *value)
{
	return num_parse(value, 1, UINT64_MAX, &((struct trace *)conf)->count) ? NULL :
		"not a number of frames";
}

static const char *set_snap(void *conf, const char *value)
{
	return num_parse(value, 14, 262144, &((struct trace *)conf)->snap) ? NULL :
		"not a number of bytes from 14 to 262144";
}

static const char *set_cut(void *conf, const char *value)
{
	((struct trace *)conf)->cut = true;
	return NULL;
}

static const char *set_mirror(void *conf, const char *value)
{
	uint64_t port;

	((struct trace *)conf)->shown = value;
	return strcmp(value, "all") == 0 || num_parse(value, 0, UINT32_MAX, &port) ? NULL :
		"not a port's number, nor all";
}

static const char *set_ethernet(void *conf, const char *value)
{
	((struct trace *)conf)->ethernet = true;
	return NULL;
}

static const char *set_numeric(void *conf, const char *value)
{
	return NULL;
}

static const struct opt options[] = {
	{ "write",	'w', "FILE",	"write a capture (pcapng) there, - the output", set_write },
	{ "count",	'c', "COUNT",	"end after so many frames", set_count },
	{ "snap",	's', "BYTES",	"keep no more of a frame in the file", set_snap },
	{ "mirror",	'm', "PORT",	"what passes that port of the switch, or all", set_mirror },
	{ "cut",	0, NULL,	"show super-frames as the frames of a wire", set_cut },
	{ "ethernet",	'e', NULL,	"print link addresses, too", set_ethernet },
	{ "numeric",	'n', NULL,	"for habit: addresses are never turned to names", set_numeric },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct opt_page page = {
	.usage = "ioth trace [OPTIONS] LOCATOR [OPTIONS] [FILTER]",
	.what = "Joins a network and prints the frames that arrive, or writes them to a file.",
	.opts = { options, common_options },
	.more =
	"  ioth trace /tmp/sw\n"
	"  ioth trace /tmp/sw arp or icmp6\n"
	"  ioth trace /tmp/sw --mirror 3 tcp port 80\n"
	"  ioth trace /tmp/sw -w lan.pcapng\n"
	"  ioth trace /tmp/sw -w - | tcpdump -nvr -\n"
	"\n"
	"It has a port of its own: it sees what a switch sends to all. What a node sends and\n"
	"gets is seen in the node: ioth run --net 'trace://{/tmp/sw}' ...\n",
};

/* --- frames --- */

static bool wanted(struct trace *t, struct pkt *pkt)
{
	struct frame f = { .p = pkt_pull(pkt, MIN(pkt_len(pkt), ETH_LEN)),
			   .len = pkt_wire_len(pkt), .pkt = pkt };

	return f.p && filter_pass(&t->filter, &f);
}

static void show(void *ctx, struct pkt *pkt)
{
	struct trace *t = ctx;
	char mark[64] = "";
	struct text m = text_of(mark, sizeof(mark));
	uint8_t link[ETH_LEN];
	struct eth e;
	struct rd r;

	if (t->done || !wanted(t, pkt)) {
		pkt_free(pkt);
		return;
	}
	r = rd_of(link, pkt_copy(pkt, 0, link, sizeof(link)));
	if (t->ethernet && eth_parse(&r, &e)) {
		eth_print(&m, &e);
		text_add(&m, ": ");
	}
	if (t->capture)
		capture_frame(t->capture, pkt, false);
	else
		tracer_frame(t->tracer, pkt, mark);
	pkt_free(pkt);
	t->done = ++t->seen == t->count;
}

static void arrived(struct plug *p, struct pkt *pkt)
{
	struct trace *t = p->user;

	if (t->cut) {
		offload_out(pkt, show, t);
		return;
	}
	pkt_sum_finish(pkt);
	show(t, pkt);
}

static void read_on(struct trace *t)
{
	int n = plug_recv(t->plug, BATCH);

	plug_run(t->plug, now_mono());
	if (n < 0 && n != -EAGAIN && n != -EINTR)
		t->done = t->gone = true;
}

static void frames_ready(struct watch *w, uint32_t events)
{
	read_on(container_of(w, struct trace, frames));
}

static void hung_up(struct watch *w, uint32_t events)
{
	struct trace *t = container_of(w, struct trace, hup);
	char byte;
	ssize_t n = recv(w->fd, &byte, 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		t->done = t->gone = true;
}

static void signalled(struct watch *w, uint32_t events)
{
	container_of(w, struct trace, signals)->done = true;
}

/* --- set-up and end --- */

static void watch(struct trace *t, struct watch *w, int fd,
		  void (*ready)(struct watch *w, uint32_t events))
{
	*w = (struct watch){ .fd = fd, .ready = ready };
	if (fd >= 0)
		loop_watch(t->loop, w, EPOLLIN);
}

static int signal_fd(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(sigs); i++)
		sigaddset(&set, sigs[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* NULL, or why not. */
static char *open_output(struct trace *t)
{
	struct pcapng_file f = { .comment = "ioth trace", .appl = "ioth", .if_name = t->locator,
				 .filter = t->expr,
				 .snap = (uint32_t)t->snap };
	bool to_file = t->file && strcmp(t->file, "-") != 0;
	char *why = NULL;
	int fd = to_file ? capture_file("trace", t->file, &why) : fcntl(1, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return why ? why : xasprintf("trace: standard output: %s", strerror(errno));
	if (t->file)
		t->capture = capture_new(fd, to_file ? t->file : "trace", &f);
	else
		t->tracer = tracer_new(fd, "trace");
	return NULL;
}

/* A name by which the switch's console tells which client we are (mirror.c). Nobody else can
 * have it, and be shown what we ask for. */
static char *name_us(void)
{
	struct rng rng;

	rng_seed_system(&rng);
	return xasprintf("ioth trace user=%u pid=%d %016llx", getuid(), getpid(),
			 (unsigned long long)rng_u64(&rng));
}

static char *start(struct trace *t)
{
	char *descr = name_us();
	struct plug_conf conf = { .descr = descr, .now = now_mono() };
	char *why = NULL;

	t->loop = loop_new();
	watch(t, &t->signals, signal_fd(), signalled);
	t->plug = plug_open(t->locator, &conf, &why);
	if (t->plug && t->shown)
		t->mirror = mirror_new(t->locator, descr, t->shown);
	free(descr);
	if (!t->plug)
		return why;
	if (t->shown && !t->mirror)
		return xasprintf("trace: cannot see what passes %s of %s", t->shown, t->locator);
	t->plug->user = t;
	t->plug->deliver = arrived;
	watch(t, &t->frames, t->plug->fd, frames_ready);
	watch(t, &t->hup, t->plug->hup_fd, hung_up);
	return open_output(t);
}

/* What is left of the command line: what it matches passes, nothing else. */
static void set_filter(struct trace *t, int argc, char **argv)
{
	char *why, *expr = xstrdup("");

	for (int i = 0; i < argc; i++) {
		char *longer = xasprintf("%s%s%s", expr, i ? " " : "", argv[i]);

		free(expr);
		expr = longer;
	}
	why = filter_add(&t->filter, 0, false, expr);
	if (!why)
		why = filter_add(&t->filter, 1, true, "");
	if (why)
		die(2, "trace: %s: %s", expr, why);
	t->expr = expr;
}

static bool output_failed(const struct trace *t)
{
	return t->capture ? capture_failed(t->capture) : tracer_failed(t->tracer);
}

static void follow(struct trace *t)
{
	while (!t->done && !output_failed(t)) {
		usec now = now_mono(), at = MIN(plug_deadline(t->plug), now + LOOK_AGAIN);

		loop_wait(t->loop, t->plug->more ? 0 : at);
		if (t->plug->more && !t->done)
			read_on(t);
		plug_run(t->plug, now_mono());
	}
}

static int finish(struct trace *t)
{
	uint64_t lost = t->capture ? capture_dropped(t->capture) : tracer_dropped(t->tracer);
	bool failed = output_failed(t);

	mirror_end(t->mirror);
	if (t->capture)
		capture_end(t->capture);
	else
		tracer_end(t->tracer);
	fprintf(stderr, "%ju frames, %ju dropped%s\n", (uintmax_t)t->seen, (uintmax_t)lost,
		lost ? " (the output was too slow)" : "");
	if (t->gone)
		err("trace: %s has ended", t->locator);
	plug_close(t->plug);
	loop_free(t->loop);
	close(t->signals.fd);
	filter_clear(&t->filter);
	free(t->expr);
	return t->gone || failed;
}

int cmd_trace(int argc, char **argv)
{
	struct trace t = { 0 };
	int at = opt_parse(&page, argc, argv, &t), rest;
	char *why;

	if (at < 0)
		return at == -1 ? 0 : 2;
	if (at == argc)
		die(2, "trace: no locator given; write: ioth trace /tmp/sw");
	t.locator = argv[at];
	rest = opt_parse(&page, argc - at, argv + at, &t);
	if (rest < 0)
		return rest == -1 ? 0 : 2;
	if (at + rest < argc)
		set_filter(&t, argc - at - rest, argv + at + rest);
	signal(SIGPIPE, SIG_IGN);
	why = start(&t);
	if (why)
		die(1, "%s", why);
	follow(&t);
	return finish(&t);
}
