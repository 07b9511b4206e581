/* vde.c - a plug into a VDE switch: ours, Debian's vde_switch, vdeplug4's nodes
 *
 * A switch is a directory. The client binds a datagram socket of its own,
 * writes a request with its path to DIR/ctl, and gets the path of the switch's
 * datagram socket back; then each datagram is one Ethernet frame without FCS.
 * The ctl stream stays open and silent: its end is the end of the port.
 *
 * Only wire frames pass here (classic.c is above): no super-frames and no
 * PARTIAL sums. Frames are read into chunks by recvmmsg and gathered from the
 * packets by sendmmsg. A frame larger than a chunk runs over into memory that
 * is shared by the batch and is copied from there, so small chunks serve
 * frames of every size.
 *
 * The two datagram sockets are connected to each other, so the kernel limits
 * what is under way by the sender's buffer and not by net.unix.max_dgram_qlen.
 * When it is full frames wait in the queue of the plug, and the kernel reports
 * the socket writable once three quarters of the buffer are free again.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "plug/locator.h"
#include "plug/vde.h"
#include "plug/vdectl.h"

#define BATCH		64
#define QUEUE_MAX	512		/* wire frames */
#define CHUNK_MIN	2048
#define ARENA_LIMIT	(256u << 20)	/* received and not yet read by anybody */

struct vde {
	struct plug	plug;
	struct arena	*arena;		/* of received frames */
	struct list	queue;
	uint32_t	queued;
	uint32_t	chunk_size;
	int		error;		/* what ended the plug; 0: alive */
	struct chunk	*rx[BATCH];	/* waiting for frames */
	struct mmsghdr	msg[BATCH];
	struct iovec	rx_iov[BATCH][2];
	struct iovec	tx_iov[BATCH][PKT_EXTS + 1];
	uint8_t		over[BATCH][VDE_FRAME_MAX];
};

static struct vde *vde_of(struct plug *p)
{
	return container_of(p, struct vde, plug);
}


static void pop(struct vde *v)
{
	struct pkt *pkt = container_of(list_pop(&v->queue), struct pkt, link);

	v->queued--;
	pkt_free(pkt);
}

static void vde_send(struct plug *p, struct pkt *pkt)
{
	struct vde *v = vde_of(p);

	if (v->error || v->queued >= QUEUE_MAX ||
	    pkt_len(pkt) > p->mtu + VDE_FRAME_OVERHEAD) {
		p->tx_drops++;
		pkt_free(pkt);
		return;
	}
	list_add_tail(&v->queue, &pkt->link);
	v->queued++;
}

/* The first frames of the queue as messages; returns how many. */
static unsigned gather(struct vde *v)
{
	unsigned n = 0;

	list_for(l, &v->queue) {
		const struct pkt *pkt = container_of(l, struct pkt, link);
		struct iovec *iov = v->tx_iov[n];

		v->msg[n].msg_hdr = (struct msghdr){
			.msg_iov = iov, .msg_iovlen = (size_t)pkt_iov(pkt, iov),
		};
		if (++n == BATCH)
			break;
	}
	return n;
}

static void sent(struct vde *v, int n)
{
	for (int i = 0; i < n; i++) {
		v->plug.tx_frames++;
		v->plug.tx_bytes += v->msg[i].msg_len;
		pop(v);
	}
}

static int fail(struct vde *v)
{
	while (!list_empty(&v->queue)) {
		v->plug.tx_drops++;
		pop(v);
	}
	v->plug.want_write = false;
	return v->error = -EPIPE;
}

/* 0: go on with what is left in the queue. */
static int send_error(struct vde *v, int e)
{
	switch (e) {
	case EINTR:
		return 0;
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		v->plug.want_write = true;
		return -EAGAIN;
	case EMSGSIZE:
		v->plug.tx_drops++;
		pop(v);
		return 0;
	default:
		return fail(v);
	}
}

static int vde_flush(struct plug *p)
{
	struct vde *v = vde_of(p);
	int n, rc;

	while (!v->error && !list_empty(&v->queue)) {
		n = sendmmsg(p->fd, v->msg, gather(v), MSG_DONTWAIT | MSG_NOSIGNAL);
		rc = n < 0 ? send_error(v, errno) : 0;
		if (rc)
			return rc;
		sent(v, n);
	}
	p->want_write = false;
	return v->error;
}

/* Chunks for up to max frames; returns for how many there are. */
static unsigned provide(struct vde *v, unsigned max)
{
	unsigned n;

	for (n = 0; n < max; n++) {
		struct iovec *iov = v->rx_iov[n];

		if (!v->rx[n])
			v->rx[n] = v->arena->alloc(v->arena, v->chunk_size);
		if (!v->rx[n])
			break;
		iov[0] = (struct iovec){ v->rx[n]->data, v->rx[n]->size };
		iov[1] = (struct iovec){ v->over[n], sizeof(v->over[n]) };
		v->msg[n].msg_hdr = (struct msghdr){ .msg_iov = iov, .msg_iovlen = 2 };
	}
	return n;
}

/* The i-th message of a batch as a packet; NULL: it is not a frame. */
static struct pkt *received(struct vde *v, unsigned i)
{
	uint32_t len = v->msg[i].msg_len, size = v->rx[i]->size;
	struct pkt *pkt;

	if (len < VDE_FRAME_MIN || len > VDE_FRAME_MAX)
		return NULL;
	pkt = pkt_new();
	pkt_add_ext(pkt, v->rx[i], v->rx[i]->data, MIN(len, size));
	v->rx[i] = NULL;
	if (len > size && !pkt_append(pkt, v->arena, v->over[i], len - size)) {
		pkt_free(pkt);
		return NULL;
	}
	return pkt;
}

static void deliver(struct vde *v, unsigned i)
{
	struct pkt *pkt = received(v, i);

	if (!pkt) {
		v->plug.rx_drops++;
		return;
	}
	v->plug.rx_frames++;
	v->plug.rx_bytes += v->msg[i].msg_len;
	v->plug.deliver(&v->plug, pkt);
}

/* No memory for frames: one is read and lost, so that nobody spins. */
static int discard(struct vde *v)
{
	if (recv(v->plug.fd, NULL, 0, MSG_DONTWAIT) >= 0)
		v->plug.rx_drops++;
	return 0;
}

/* Nothing arrived: is the other side still there? */
static int idle(struct vde *v)
{
	char c;
	ssize_t n = recv(v->plug.hup_fd, &c, 1, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		return fail(v);
	return 0;
}

static int vde_recv(struct plug *p, int max)
{
	struct vde *v = vde_of(p);
	unsigned want;
	int n, count = 0;

	if (v->error)
		return v->error;
	while (count < max) {
		want = provide(v, (unsigned)MIN(max - count, BATCH));
		if (!want)
			return count ? count : discard(v);
		n = recvmmsg(p->fd, v->msg, want, MSG_DONTWAIT, NULL);
		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			deliver(v, (unsigned)i);
		count += n;
		if ((unsigned)n < want)
			break;
	}
	return count ? count : idle(v);
}

static uint32_t vde_room(struct plug *p)
{
	return QUEUE_MAX - vde_of(p)->queued;
}

static void vde_close(struct plug *p)
{
	struct vde *v = vde_of(p);

	vde_flush(p);
	while (!list_empty(&v->queue))
		pop(v);
	for (unsigned i = 0; i < BATCH; i++) {
		if (v->rx[i])
			chunk_unref(v->rx[i]);
	}
	arena_heap_unref(v->arena);
	close(p->fd);
	close(p->hup_fd);
	free(v);
}

static const struct plug_ops vde_ops = {
	.scheme	= "vde",
	.send	= vde_send,
	.flush	= vde_flush,
	.recv	= vde_recv,
	.room	= vde_room,
	.close	= vde_close,
};

struct plug *vde_new(int data, int ctl, uint32_t mtu)
{
	struct vde *v = xzalloc(sizeof(*v));

	v->plug = (struct plug){
		.ops = &vde_ops, .fd = data, .hup_fd = ctl, .mtu = mtu,
	};
	v->arena = arena_heap_new(ARENA_LIMIT);
	v->chunk_size = MAX(CHUNK_MIN, mtu + VDE_FRAME_OVERHEAD);
	list_init(&v->queue);
	return &v->plug;
}
