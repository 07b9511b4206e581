/* shm.c - a plug over a wire: super-frames between processes without a copy
 *
 * out:  shm_send queues -> shm_flush puts what has room, rings once
 * in:   bell or plug_recv -> wire_take -> (merge) -> deliver
 *
 * Frames that find no room stay queued; the other side's bell tells of room as
 * it tells of frames, so the plug never wants its descriptor to be writable. A
 * switch may pass on frames of ports that know no super-frames: a node's end
 * joins them (merge.c).
 */
#include "plug/shm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define QUEUE_MAX	512
#define QUEUE_BYTES	(1u << 20)	/* at a switch: they hold a sender's memory */
#define FRAME_OVERHEAD	18	/* Ethernet header and one tag */

struct shm {
	struct plug	plug;
	struct wire	*wire;
	struct merge	*merge;		/* NULL: frames stay as they come */
	struct list	queue;
	uint32_t	queued, bytes;
	bool		ended, enough;
	void		(*small)(struct plug *p, const struct wire_small *s);
};

static struct shm *shm_of(struct plug *p)
{
	return container_of(p, struct shm, plug);
}

static void unqueue(struct shm *s, struct pkt *pkt)
{
	list_del(&pkt->link);
	s->queued--;
	s->bytes -= pkt_len(pkt);
}

static void drop_queue(struct shm *s)
{
	struct pkt *pkt;

	while ((pkt = list_first(&s->queue, struct pkt, link))) {
		unqueue(s, pkt);
		pkt_free(pkt);
	}
}

static void shm_send(struct plug *p, struct pkt *pkt)
{
	struct shm *s = shm_of(p);

	if (s->queued == QUEUE_MAX || (!s->merge && s->bytes > QUEUE_BYTES) ||
	    pkt_wire_len(pkt) > p->mtu + FRAME_OVERHEAD) {
		p->tx_drops++;
		pkt_free(pkt);
		return;
	}
	list_add_tail(&s->queue, &pkt->link);
	s->queued++;
	s->bytes += pkt_len(pkt);
}

/* False: the first of the queue has no room. */
static bool put_all(struct shm *s)
{
	struct pkt *pkt;

	while ((pkt = list_first(&s->queue, struct pkt, link))) {
		uint32_t len = pkt_len(pkt);

		unqueue(s, pkt);
		if (!wire_put(s->wire, pkt)) {
			list_add_head(&s->queue, &pkt->link);
			s->queued++;
			s->bytes += len;
			return false;
		}
		s->plug.tx_frames++;
		s->plug.tx_bytes += len;
	}
	return true;
}

static int gone(struct shm *s)
{
	if (s->wire->why && !s->ended)
		err("the other side of a wire broke its rules: %s", s->wire->why);
	s->ended = true;
	s->plug.tx_drops += s->queued;
	drop_queue(s);
	return -EPIPE;
}

static int shm_flush(struct plug *p)
{
	struct shm *s = shm_of(p);
	bool done = put_all(s);

	if (!done) {
		wire_ring(s->wire);
		wire_sleep(s->wire, true);
		done = put_all(s);
	}
	wire_ring(s->wire);
	if (s->wire->why)
		return gone(s);
	return done ? 0 : -EAGAIN;
}

static void in(struct shm *s, struct pkt *pkt)
{
	s->plug.rx_frames++;
	s->plug.rx_bytes += pkt_len(pkt);
	if (s->merge)
		merge_add(s->merge, pkt);
	else
		s->plug.deliver(&s->plug, pkt);
}

static void merged(void *ctx, struct pkt *pkt)
{
	struct shm *s = ctx;

	s->plug.deliver(&s->plug, pkt);
}

static bool take_one(struct shm *s)
{
	struct wire_small small;
	struct pkt *pkt;

	if (s->small && wire_take_small(s->wire, &small)) {
		s->plug.rx_frames++;
		s->plug.rx_bytes += small.rec.head_len;
		s->small(&s->plug, &small);
		return true;
	}
	pkt = wire_take(s->wire);
	if (pkt)
		in(s, pkt);
	return pkt;
}

static int take(struct shm *s, int max)
{
	int n = 0;

	while (n < max && !s->enough && take_one(s))
		n++;
	wire_took(s->wire);
	return n;
}

/* The bells that rang so far; false: the other side has gone. */
static bool hear(struct shm *s)
{
	char bells[64];
	ssize_t n = recv(s->plug.fd, bells, sizeof(bells), MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static int shm_recv(struct plug *p, int max)
{
	struct shm *s = shm_of(p);
	bool there = p->more || hear(s);	/* who is behind looks at bells when it is not */
	int n;

	if (s->merge)
		merge_udp(s->merge, p->join_udp);
	s->enough = false;
	n = take(s, max);
	p->more = n == max || s->enough;	/* else a bell will tell */
	if (!p->more) {
		wire_sleep(s->wire, s->queued > 0);
		n += take(s, max - n);
		p->more = wire_waiting(s->wire);
	}
	if (s->merge)
		merge_flush(s->merge);
	if (!n && (!there || s->wire->why))
		return gone(s);
	if (s->queued)
		shm_flush(p);
	return n;
}

static uint32_t shm_room(struct plug *p)
{
	return QUEUE_MAX - shm_of(p)->queued;
}

static void shm_close(struct plug *p)
{
	struct shm *s = shm_of(p);

	shm_flush(p);
	drop_queue(s);
	wire_close(s->wire);
	merge_free(s->merge);
	close(p->fd);
	free(s);
}

static const struct plug_ops shm_ops = {
	.scheme	= "shm",
	.send	= shm_send,
	.flush	= shm_flush,
	.recv	= shm_recv,
	.room	= shm_room,
	.close	= shm_close,
};

struct plug *shm_new(struct wire *w, uint32_t mtu, bool node)
{
	struct shm *s = xzalloc(sizeof(*s));

	s->plug = (struct plug){
		.ops = &shm_ops, .fd = w->bell, .hup_fd = -1, .mtu = mtu, .offload = true,
		.arena = &w->arena,
	};
	s->wire = w;
	list_init(&s->queue);
	if (node)
		s->merge = merge_new(merged, s);
	return &s->plug;
}

void shm_pass(struct plug *p, void (*small)(struct plug *p, const struct wire_small *s))
{
	shm_of(p)->small = small;
}

bool shm_put_small(struct plug *p, const struct wire_small *small)
{
	struct shm *s = shm_of(p);

	if (s->queued || small->rec.head_len > p->mtu + FRAME_OVERHEAD ||
	    !wire_put_small(s->wire, small))
		return false;
	p->tx_frames++;
	p->tx_bytes += small->rec.head_len;
	return true;
}

void shm_enough(struct plug *p)
{
	shm_of(p)->enough = true;
}

/* --- messages --- */

int shm_put(int sock, const void *msg, size_t size, int file)
{
	union {
		struct cmsghdr	h;
		char		buf[CMSG_SPACE(sizeof(int))];
	} c = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET,
		       .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (void *)(uintptr_t)msg, size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (file >= 0) {
		memcpy(CMSG_DATA(&c.h), &file, sizeof(file));
		mh.msg_control = c.buf;
		mh.msg_controllen = sizeof(c.buf);
	}
	n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EAGAIN;
}

/* The one descriptor that is wanted; a stranger may have sent others. */
static void keep_file(struct msghdr *mh, int *file)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(mh); h; h = CMSG_NXTHDR(mh, h)) {
		size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + i * sizeof(fd), sizeof(fd));
			if (*file < 0)
				*file = fd;
			else
				close(fd);
		}
	}
}

ssize_t shm_get(int sock, void *msg, size_t size, int *file)
{
	union {
		struct cmsghdr	h;
		char		buf[CMSG_SPACE(4 * sizeof(int))];
	} c;
	struct iovec iov = { msg, size };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = c.buf, .msg_controllen = sizeof(c.buf),
	};
	ssize_t n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	keep_file(&mh, file);
	return n;
}
