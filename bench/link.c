/* link.c - one bad link between two places, for programs of any stack
 *
 *	link OPTIONS LEFT RIGHT
 *
 * LEFT and RIGHT are directories of switches that native nodes join; beside the
 * one is the tap device "left", beside the other "right", which the caller moves
 * into the namespaces of two kernel nodes. Between the two switches is a fault
 * plug with OPTIONS (as in fault://OPTIONS{...}). So a frame of either kind of node
 * passes the same queue, the same dice and the same clock, in one process; only how
 * it gets here differs (a datagram, or a read of the tap).
 *
 * SIGUSR1 begins its dice anew, so that each subject of a round meets the same; SIGUSR2
 * takes others from then on.
 *
 * The fault plug's own side is the left; its inner plug, which is ours, the right.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "plug/fault.h"
#include "switch/client.h"

#define PORTS		8
#define TAP_PORT	6	/* above those that clients are given */
#define LINK_PORT	7
#define ARENA_LIMIT	(256u << 20)

struct link;

struct place {
	struct link	*link;
	struct sw	*sw;
	struct watch	tap;
};

struct link {
	uint64_t	seed;
	struct loop	*loop;
	struct place	left, right;
	struct plug	wire;		/* what the fault plug decorates */
	struct plug	*fault;
	struct arena	*arena;
};

static void into_link(struct place *at, struct pkt *pkt)
{
	struct link *l = at->link;

	if (at == &l->left)
		plug_send(l->fault, pkt);
	else
		l->wire.deliver(&l->wire, pkt);
}

static void into_tap(struct place *at, struct pkt *pkt)
{
	uint8_t b[FRAME_MAX];

	if (write(at->tap.fd, b, pkt_copy(pkt, 0, b, sizeof(b))) < 0)
		at->sw->core.port[TAP_PORT].tx_drops++;		/* the device is down */
	pkt_free(pkt);
}

static void link_frame(void *ctx, struct pkt *pkt) { into_link(ctx, pkt); }
static void tap_frame(void *ctx, struct pkt *pkt) { into_tap(ctx, pkt); }

/* Of the core: a frame leaves a place by the link, the tap or a client's port. What
 * came by shared memory may be a super-frame: it is cut, as for any line. */
static void place_out(void *ctx, uint32_t port, const struct frame *f)
{
	struct place *at = ctx;
	struct pkt *pkt;

	if (port != LINK_PORT && port != TAP_PORT) {
		port_out(at->sw, port, f);
		return;
	}
	pkt = frame_pkt(at->link->arena, f);
	if (pkt)
		offload_out(pkt, port == LINK_PORT ? link_frame : tap_frame, at);
}

static void place_in(struct place *at, uint32_t port, const struct frame *f)
{
	core_input(&at->sw->core, port, f, now_mono());
}

static void out_of_link(struct place *at, struct pkt *pkt)
{
	struct frame f = { .p = pkt_pull(pkt, FRAME_MIN), .len = pkt_len(pkt), .pkt = pkt };

	if (f.p)
		place_in(at, LINK_PORT, &f);
	pkt_free(pkt);
}

static void tap_ready(struct watch *w, uint32_t events)
{
	struct place *at = container_of(w, struct place, tap);
	uint8_t b[FRAME_MAX];
	ssize_t n;

	for (int i = 0; i < BATCH && (n = read(w->fd, b, sizeof(b))) > 0; i++) {
		struct frame f = { .p = b, .len = (uint32_t)n };

		place_in(at, TAP_PORT, &f);
	}
}

static int tap_open(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		err(1, "tap %s", name);
	return fd;
}

static void place_open(struct place *at, struct link *l, const char *dir, const char *tap)
{
	struct switch_conf conf = {
		.path = dir, .mode = 0777, .gid = (gid_t)-1, .n_ports = PORTS,
	};
	char *why;

	at->link = l;
	at->sw = switch_new(&conf, l->loop, &why);
	if (!at->sw)
		errx(1, "%s", why);
	at->sw->core.out = place_out;
	at->sw->core.ctx = at;
	core_port_up(&at->sw->core, LINK_PORT);
	core_port_up(&at->sw->core, TAP_PORT);
	at->tap = (struct watch){ .fd = tap_open(tap), .ready = tap_ready };
	loop_watch(l->loop, &at->tap, EPOLLIN);
}

/* --- the inner plug: the right place --- */

static void inner_send(struct plug *p, struct pkt *pkt)
{
	out_of_link(&((struct link *)container_of(p, struct link, wire))->right, pkt);
}

static int inner_flush(struct plug *p) { return 0; }
static int inner_recv(struct plug *p, int max) { return 0; }
static uint32_t inner_room(struct plug *p) { return UINT32_MAX; }
static void inner_close(struct plug *p) { }

static const struct plug_ops inner_ops = {
	.scheme = "wire", .send = inner_send, .flush = inner_flush, .recv = inner_recv,
	.room = inner_room, .close = inner_close,
};

static void arrived_left(struct plug *fault, struct pkt *pkt)
{
	struct link *l = fault->user;

	out_of_link(&l->left, pkt);
}

static void link_open(struct link *l, const char *options)
{
	struct fault_conf conf;
	struct locator loc;
	const char *bad = locator_parse(&loc, options, LOCATOR_OPTS);
	char *why = NULL;

	if (bad || (why = fault_options(&loc, &conf)))
		errx(2, "%s: %s", options, bad ? bad : why);
	l->arena = arena_heap_new(ARENA_LIMIT);
	l->wire = (struct plug){ .ops = &inner_ops, .fd = -1, .hup_fd = -1, .mtu = 1500 };
	l->fault = fault_new(&l->wire, &conf, now_mono());
	l->seed = conf.seed;
	l->fault->user = l;
	l->fault->deliver = arrived_left;
	locator_fini(&loc);
}

static volatile sig_atomic_t anew, others;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		anew = 1;
	else
		others = 1;
}

static void listen_to_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
}

static void throw_dice(struct link *l)
{
	if (!anew && !others)
		return;
	l->seed += others ? 1000 : 0;
	anew = others = 0;
	fault_seed(l->fault, l->seed);
}

static usec next(const struct link *l)
{
	usec a = switch_deadline(l->left.sw), b = switch_deadline(l->right.sw);
	usec c = plug_deadline(l->fault);

	a = MIN(a, b);
	return MIN(a, c);
}

int main(int argc, char **argv)
{
	static struct link l;

	if (argc != 4)
		errx(2, "usage: link OPTIONS LEFT RIGHT");
	l.loop = loop_new();
	if (!l.loop)
		err(1, "epoll");
	link_open(&l, argv[1]);
	place_open(&l.left, &l, argv[2], "left");
	place_open(&l.right, &l, argv[3], "right");
	listen_to_signals();
	puts("ready");
	fflush(stdout);
	while (loop_wait(l.loop, next(&l)) >= 0) {
		usec now = now_mono();

		throw_dice(&l);
		plug_run(l.fault, now);
		port_flush(l.left.sw);
		port_flush(l.right.sw);
		switch_run(l.left.sw, now);
		switch_run(l.right.sw, now);
	}
	err(1, "epoll");
}
