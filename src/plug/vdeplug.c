/* vdeplug.c - whatever VDE's own library can join
 *
 * Schemes that are not in our table go to libvdeplug, if it is installed: udp://,
 * vxlan://, vxvde://, slirp://, switch://, ptp:// and plugins of others. The library
 * is loaded when the first is asked for; nothing is linked to it. Its interface,
 * version 1, is a frame a call; a receive may block when nothing is there, whatever
 * the flags say, so the descriptor is asked first each time.
 */
#include "plug/vdeplug.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"

#define LIBRARY		"libvdeplug.so.2"
#define INTERFACE	1
#define FRAME_MIN	14		/* less is no frame: 1, VDE's "none", 0, an empty datagram */
#define FRAME_MAX	9234
#define OVERHEAD	18		/* Ethernet header and one tag */
#define MTU		1500
#define QUEUE_MAX	512
#define ARENA_LIMIT	(256u << 20)

struct vdeconn;
struct vde_open_args;			/* NULL: the plugin's defaults */

struct library {
	struct vdeconn	*(*open)(char *vnl, char *descr, int version, struct vde_open_args *args);
	ssize_t		(*recv)(struct vdeconn *c, void *buf, size_t len, int flags);
	ssize_t		(*send)(struct vdeconn *c, const void *buf, size_t len, int flags);
	int		(*datafd)(struct vdeconn *c);
	int		(*close)(struct vdeconn *c);
};

struct vdeplug {
	struct plug	plug;
	struct library	lib;
	struct vdeconn	*conn;
	struct arena	*arena;
	struct list	queue;
	uint32_t	queued;
	int		error;
	uint8_t		frame[FRAME_MAX];
};

static struct vdeplug *vdeplug_of(struct plug *p)
{
	return container_of(p, struct vdeplug, plug);
}

/* --- out --- */

static void pop(struct vdeplug *v)
{
	pkt_free(container_of(list_pop(&v->queue), struct pkt, link));
	v->queued--;
}

static int fail(struct vdeplug *v, int error)
{
	v->plug.tx_drops += v->queued;
	while (v->queued)
		pop(v);
	v->plug.want_write = false;
	return v->error = error;
}

static void vdeplug_send(struct plug *p, struct pkt *pkt)
{
	struct vdeplug *v = vdeplug_of(p);

	if (v->error || v->queued == QUEUE_MAX || pkt_len(pkt) > p->mtu + OVERHEAD) {
		p->tx_drops++;
		pkt_free(pkt);
		return;
	}
	list_add_tail(&v->queue, &pkt->link);
	v->queued++;
}

/* An error of one frame, not of the plug: nobody is there, or a host is not reached. */
static bool passing(int e)
{
	return e == ECONNREFUSED || e == EHOSTUNREACH || e == ENETUNREACH || e == ENETDOWN ||
	       e == EMSGSIZE || e == ENOTCONN || e == EPERM || e == EINVAL || e == ENOENT;
}

static int vdeplug_flush(struct plug *p)
{
	struct vdeplug *v = vdeplug_of(p);

	while (!v->error && v->queued) {
		struct pkt *pkt = list_first(&v->queue, struct pkt, link);
		uint32_t len = pkt_copy(pkt, 0, v->frame, sizeof(v->frame));
		ssize_t n = v->lib.send(v->conn, v->frame, len, 0);

		if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			p->want_write = true;
			return -EAGAIN;
		}
		if (n < 0 && errno != EINTR && !passing(errno))
			return fail(v, -errno);
		p->tx_frames += n >= 0;
		p->tx_bytes += n >= 0 ? len : 0;
		p->tx_drops += n < 0;
		pop(v);
	}
	p->want_write = false;
	return v->error;
}

/* --- in --- */

static void deliver(struct vdeplug *v, uint32_t len)
{
	struct pkt *pkt = pkt_new();

	if (!pkt_append(pkt, v->arena, v->frame, len)) {
		v->plug.rx_drops++;
		pkt_free(pkt);
		return;
	}
	v->plug.rx_frames++;
	v->plug.rx_bytes += len;
	v->plug.deliver(&v->plug, pkt);
}

/* What poll says of the descriptor; 0: nothing. */
static int news(const struct vdeplug *v)
{
	struct pollfd p = { .fd = v->plug.fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

static int vdeplug_recv(struct plug *p, int max)
{
	struct vdeplug *v = vdeplug_of(p);
	int count = 0, is;

	while (!v->error && count < max && (is = news(v))) {
		ssize_t n = v->lib.recv(v->conn, v->frame, sizeof(v->frame), 0);

		count++;		/* of no frame too: something was read */
		if (n >= FRAME_MIN)
			deliver(v, (uint32_t)n);
		else if (n == 0 && is & POLLHUP)
			fail(v, -EPIPE);
		else if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		else if (n < 0 && !passing(errno))
			fail(v, -errno);
	}
	return count || !v->error ? count : v->error;
}

static uint32_t vdeplug_room(struct plug *p)
{
	return QUEUE_MAX - vdeplug_of(p)->queued;
}

static void vdeplug_close(struct plug *p)
{
	struct vdeplug *v = vdeplug_of(p);

	if (!v->error)
		vdeplug_flush(p);
	while (v->queued)
		pop(v);
	v->lib.close(v->conn);
	arena_heap_unref(v->arena);
	free(v);
}

static const struct plug_ops vdeplug_ops = {
	.scheme	= "vdeplug",
	.send	= vdeplug_send,
	.flush	= vdeplug_flush,
	.recv	= vdeplug_recv,
	.room	= vdeplug_room,
	.close	= vdeplug_close,
};

/* --- opening --- */

/* The library stays loaded: its plugins may have threads. */
static bool load(struct library *lib)
{
	void *so = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!so)
		return false;
	*(void **)&lib->open = dlsym(so, "vde_open_real");
	*(void **)&lib->recv = dlsym(so, "vde_recv");
	*(void **)&lib->send = dlsym(so, "vde_send");
	*(void **)&lib->datafd = dlsym(so, "vde_datafd");
	*(void **)&lib->close = dlsym(so, "vde_close");
	return lib->open && lib->recv && lib->send && lib->datafd && lib->close;
}

static struct vdeconn *join(const struct library *lib, const char *locator,
			    const struct plug_conf *conf)
{
	char *vnl = xstrdup(locator);
	char *descr = xstrdup(conf && conf->descr ? conf->descr : "ioth");
	struct vdeconn *c;

	errno = 0;
	c = lib->open(vnl, descr, INTERFACE, NULL);
	free(vnl);
	free(descr);
	return c;
}

static struct plug *new_plug(const struct library *lib, struct vdeconn *c)
{
	struct vdeplug *v = xzalloc(sizeof(*v));
	int fd = lib->datafd(c);

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	v->plug = (struct plug){ .ops = &vdeplug_ops, .fd = fd, .hup_fd = -1, .mtu = MTU };
	v->lib = *lib;
	v->conn = c;
	v->arena = arena_heap_new(ARENA_LIMIT);
	list_init(&v->queue);
	return &v->plug;
}

struct plug *vdeplug_open(const char *locator, const struct plug_conf *conf, char **why,
			  const char **lack)
{
	struct library lib;
	struct vdeconn *c;

	*why = NULL;
	*lack = "libvdeplug, which knows others, is not installed: apt-get install libvdeplug2";
	if (!load(&lib))
		return NULL;
	c = join(&lib, locator, conf);
	if (c)
		return new_plug(&lib, c);
	*lack = "libvdeplug does not know it either";
	if (errno != EPROTONOSUPPORT)
		*why = xasprintf("%s: libvdeplug does not open it: %s", locator,
				 errno ? strerror(errno) : "it says no reason; see man vde_plug");
	return NULL;
}
