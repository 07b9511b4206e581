/* tap.c - a plug to a tap interface: the other end is Linux's own stack
 *
 * A header (vnet.h) stands before each frame, so TCP crosses in super-frames
 * and sums stay uncomputed, in both directions. The device has no call for several
 * frames: each is one readv or writev, which a super-frame makes worth it. It
 * takes what is written at once, so nothing is queued here.
 *
 * A frame is read to where its next reader wants it, if that is known (into): what is
 * longer than a chunk goes on in a large one, which is handed over as it is.
 *
 * An interface that was made for the user (ip tuntap add IF mode tap user NAME)
 * needs no privilege; one that is not there yet is made, which needs CAP_NET_ADMIN,
 * brought up, and goes with the plug.
 */
#include "plug/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "plug/ifname.h"
#include "plug/vnet.h"

#define DEVICE		"/dev/net/tun"
#define ROOM		512		/* it never waits */
#define CHUNK		2048
#define BIG		(CHUNK_MAX / 4)	/* less of a whole chunk is copied out of it */
#define OVER		65536
#define FRAME_MIN	14
#define OVERHEAD	18
#define ARENA_LIMIT	(256u << 20)
#define OFFLOADS	(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)

struct tap {
	struct plug	plug;
	struct arena	*arena;
	struct chunk	*rx;		/* waiting for a frame */
	struct chunk	*big;		/* and for the rest of a larger one; NULL: over */
	int		error;
	uint8_t		over[OVER];
};

static struct tap *tap_of(struct plug *p)
{
	return container_of(p, struct tap, plug);
}

static void put(void *ctx, struct pkt *pkt)
{
	struct tap *t = ctx;
	struct virtio_net_hdr h;
	struct iovec iov[PKT_EXTS + 2] = { { &h, sizeof(h) } };
	uint32_t len = pkt_len(pkt);
	ssize_t n = -1;

	if (!t->error && pkt_wire_len(pkt) <= t->plug.mtu + OVERHEAD && vnet_out(pkt, &h))
		n = writev(t->plug.fd, iov, pkt_iov(pkt, iov + 1) + 1);
	if (n > 0) {
		t->plug.tx_frames++;
		t->plug.tx_bytes += len;
	} else {
		t->plug.tx_drops++;	/* EIO: the interface is down */
	}
	pkt_free(pkt);
}

static void tap_send(struct plug *p, struct pkt *pkt)
{
	struct virtio_net_hdr h;

	if (vnet_out(pkt, &h))
		put(tap_of(p), pkt);
	else
		offload_out(pkt, put, tap_of(p));
}

static int tap_flush(struct plug *p)
{
	return tap_of(p)->error;
}

static struct arena *arena_of(const struct tap *t)
{
	return t->plug.into ? t->plug.into : t->arena;
}

static bool add_rest(struct tap *t, struct pkt *pkt, uint32_t len)
{
	struct chunk *big = t->big;

	if (!big || len < BIG)
		return pkt_append(pkt, arena_of(t), big ? big->data : t->over, len);
	t->big = NULL;
	return pkt_add_ext(pkt, big, big->data, len);
}

/* Takes the chunk. NULL: no memory for the rest, or no such frame. */
static struct pkt *frame_of(struct tap *t, const struct virtio_net_hdr *h, uint32_t len)
{
	struct pkt *pkt = pkt_new();
	uint32_t first = MIN(len, t->rx->size);

	pkt_add_ext(pkt, t->rx, t->rx->data, first);
	t->rx = NULL;
	if ((len > first && !add_rest(t, pkt, len - first)) || !vnet_in(pkt, h)) {
		pkt_free(pkt);
		return NULL;
	}
	return pkt;
}

static void deliver(struct tap *t, const struct virtio_net_hdr *h, uint32_t len)
{
	struct pkt *pkt = len >= FRAME_MIN ? frame_of(t, h, len) : NULL;

	if (!pkt) {
		t->plug.rx_drops++;
		return;
	}
	t->plug.rx_frames++;
	t->plug.rx_bytes += len;
	t->plug.deliver(&t->plug, pkt);
}

/* Chunks of where frames are wanted now. */
static void provide(struct tap *t)
{
	struct arena *a = arena_of(t);

	if (!t->rx)
		t->rx = a->alloc(a, CHUNK);
	if (t->big && t->big->arena != a) {
		chunk_unref(t->big);
		t->big = NULL;
	}
	if (!t->big && t->plug.into)
		t->big = a->alloc(a, CHUNK_MAX);
	if (t->big && t->big->size < CHUNK_MAX) {
		chunk_unref(t->big);
		t->big = NULL;
	}
}

/* Length with the header, 0: nothing now, or -errno. */
static ssize_t get(struct tap *t, struct virtio_net_hdr *h)
{
	struct iovec iov[3] = { { h, sizeof(*h) }, { NULL, 0 }, { t->over, sizeof(t->over) } };
	ssize_t n;

	provide(t);
	if (t->rx)
		iov[1] = (struct iovec){ t->rx->data, t->rx->size };
	if (t->big)
		iov[2] = (struct iovec){ t->big->data, t->big->size };
	n = readv(t->plug.fd, iov, ARRAY_LEN(iov));
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static int tap_recv(struct plug *p, int max)
{
	struct tap *t = tap_of(p);
	struct virtio_net_hdr h;
	int count = 0;
	ssize_t n;

	while (!t->error && count < max && (n = get(t, &h))) {
		count++;
		if (n < 0)		/* EBADFD: it was deleted */
			t->error = n == -EBADFD ? -ENODEV : (int)n;
		else if (t->rx && n >= (ssize_t)sizeof(h))
			deliver(t, &h, (uint32_t)n - (uint32_t)sizeof(h));
		else
			p->rx_drops++;
	}
	p->more = count == max;
	return t->error ? t->error : count;
}

static uint32_t tap_room(struct plug *p)
{
	return ROOM;
}

static void tap_close(struct plug *p)
{
	struct tap *t = tap_of(p);

	close(p->fd);
	if (t->rx)
		chunk_unref(t->rx);
	if (t->big)
		chunk_unref(t->big);
	arena_heap_unref(t->arena);
	free(t);
}

static const struct plug_ops tap_ops = {
	.scheme	= "tap",
	.send	= tap_send,
	.flush	= tap_flush,
	.recv	= tap_recv,
	.room	= tap_room,
	.close	= tap_close,
};

/* --- opening --- */

static int open_device(const char *name, char **why)
{
	int fd = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	*why = xasprintf("tap://%s: %s: %s (%s)", name, DEVICE, strerror(errno),
			 errno == ENOENT ? "modprobe tun, or no taps here" :
					   "root may: chmod 0666 " DEVICE);
	return -1;
}

/* An interface made with several queues wants that said. */
static int attach(int fd, struct ifreq *r)
{
	if (ioctl(fd, TUNSETIFF, r) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	r->ifr_flags |= IFF_MULTI_QUEUE;
	return ioctl(fd, TUNSETIFF, r);
}

/* The name it has then is in r. */
static bool join(int fd, const char *name, struct ifreq *r, char **why)
{
	const char *cure = "choose another";
	int header = sizeof(struct virtio_net_hdr);

	*r = (struct ifreq){ .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	memcpy(r->ifr_name, name, strlen(name));
	/* One that stays keeps the length its last user had set; QEMU sets 12. */
	if (attach(fd, r) == 0 && ioctl(fd, TUNSETVNETHDRSZ, &header) == 0) {
		ioctl(fd, TUNSETOFFLOAD, OFFLOADS);
		return true;
	}
	if (errno == EPERM)
		cure = "root may: ip tuntap add IF mode tap user NAME";
	else if (errno == EBUSY)
		cure = "another program has it";
	*why = xasprintf("tap://%s: %s (%s)", name, strerror(errno), cure);
	return false;
}

int tap_device(const char *name, char ifname[IFNAMSIZ], char **why)
{
	bool there = *name && if_nametoindex(name);
	int fd = open_device(name, why);
	struct ifreq r;

	if (fd < 0)
		return -1;
	if (!join(fd, name, &r, why)) {
		close(fd);
		return -1;
	}
	if (!there && ifname_up(r.ifr_name) == 0)
		info("made the interface %s", r.ifr_name);
	memcpy(ifname, r.ifr_name, IFNAMSIZ);
	return fd;
}

struct plug *tap_new(int fd, uint32_t mtu)
{
	struct tap *t = xzalloc(sizeof(*t));

	t->plug = (struct plug){
		.ops = &tap_ops, .fd = fd, .hup_fd = -1, .mtu = mtu, .offload = true,
	};
	t->arena = arena_heap_new(ARENA_LIMIT);
	return &t->plug;
}

struct plug *tap_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	const char *name = loc->addr, *bad = ifname_check(name);
	char ifname[IFNAMSIZ];
	int fd;

	if (bad || loc->n_opt) {
		*why = xasprintf("tap://%s: %s", name, bad ? bad : "has no options");
		return NULL;
	}
	fd = tap_device(name, ifname, why);
	return fd >= 0 ? tap_new(fd, ifname_mtu(ifname)) : NULL;
}
