/* stream.c - a plug over a stream of bytes: stdin and stdout, or a command
 *
 * out:  stream_send queues -> stream_flush writes many frames with one writev
 * in:   stream_recv -> read -> framing_next -> deliver
 *
 * The stream may take a part of a frame: the rest goes first the next time.
 * With two descriptors the plug's is an epoll of both, so that room to write is
 * heard by reading, and stream_recv flushes; it also tells when nobody reads
 * our output any more. Into a pipe goes what goes in whole: libvdeplug's cmd://
 * loses its place where a frame comes in two pieces. A frame that is cut at the end, or a length that cannot
 * be, ends the plug with the reason said.
 */
#include "plug/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "plug/child.h"
#include "plug/framing.h"

#define BATCH		32		/* frames of one writing */
#define QUEUE_MAX	512
#define READS		2		/* of one receiving: they may hold no frame at all */
#define OVERHEAD	18		/* Ethernet header and one tag */
#define ARENA_LIMIT	(256u << 20)

struct stream {
	struct plug	plug;
	int		in, out;	/* the same, if it is a socket */
	int		in_flags, out_flags;	/* before; -1: not changed */
	uint32_t	pipe_size;	/* of out; 0: it is no pipe */
	struct child	*child;
	struct arena	*arena;
	struct list	queue;
	uint32_t	queued, written; /* bytes of the first frame that are out */
	int		error;
	bool		eof;
	struct iovec	iov[BATCH * (PKT_EXTS + 2)];
	be16		len[BATCH];
	struct framing	framing;
};

static struct stream *stream_of(struct plug *p)
{
	return container_of(p, struct stream, plug);
}

static void pop(struct stream *s)
{
	pkt_free(container_of(list_pop(&s->queue), struct pkt, link));
	s->queued--;
	s->written = 0;
}

static int fail(struct stream *s, int error)
{
	s->plug.tx_drops += s->queued;
	while (s->queued)
		pop(s);
	s->plug.want_write = false;
	return s->error = error;
}

/* --- out --- */

static void stream_send(struct plug *p, struct pkt *pkt)
{
	struct stream *s = stream_of(p);

	if (s->error || s->queued == QUEUE_MAX || pkt_len(pkt) > p->mtu + OVERHEAD) {
		p->tx_drops++;
		pkt_free(pkt);
		return;
	}
	list_add_tail(&s->queue, &pkt->link);
	s->queued++;
}

/* Without the n bytes that are out already. */
static void skip(struct iovec *iov, uint32_t n)
{
	for (; n; iov++) {
		uint32_t part = MIN(n, (uint32_t)iov->iov_len);

		iov->iov_base = (uint8_t *)iov->iov_base + part;
		iov->iov_len -= part;
		n -= part;
	}
}

/* How many bytes may be written without one frame being split: a pipe takes
 * PIPE_BUF whole or not at all, and while it is empty all that it can hold. */
static uint32_t in_whole(const struct stream *s)
{
	int held = 1;

	if (!s->pipe_size)
		return UINT32_MAX;
	return ioctl(s->out, FIONREAD, &held) == 0 && !held ? s->pipe_size : PIPE_BUF;
}

/* The first frames of the queue, one at least; returns how many entries. */
static int gather(struct stream *s)
{
	uint32_t left = in_whole(s);
	int n = 0, frames = 0;

	list_for(l, &s->queue) {
		const struct pkt *pkt = container_of(l, struct pkt, link);

		if (frames == BATCH || (frames && FRAMING_HEAD + pkt_len(pkt) > left))
			break;
		left -= MIN(left, FRAMING_HEAD + pkt_len(pkt));
		s->len[frames] = be16_put((uint16_t)pkt_len(pkt));
		s->iov[n++] = (struct iovec){ &s->len[frames++], FRAMING_HEAD };
		n += pkt_iov(pkt, s->iov + n);
	}
	skip(s->iov, s->written);
	return n;
}

static ssize_t put(struct stream *s, int n)
{
	struct msghdr mh = { .msg_iov = s->iov, .msg_iovlen = (size_t)n };

	if (s->in == s->out)
		return sendmsg(s->out, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	return writev(s->out, s->iov, n);
}

static void sent(struct stream *s, uint32_t n)
{
	while (s->queued) {
		struct pkt *pkt = list_first(&s->queue, struct pkt, link);
		uint32_t left = FRAMING_HEAD + pkt_len(pkt) - s->written;

		if (n < left)
			break;
		n -= left;
		s->plug.tx_frames++;
		s->plug.tx_bytes += pkt_len(pkt);
		pop(s);
	}
	s->written += n;
}

static void wait_for_room(struct stream *s, bool yes)
{
	struct epoll_event ev = { .events = yes ? EPOLLOUT : 0 };

	if (s->plug.want_write == yes)
		return;
	s->plug.want_write = yes;
	if (s->in != s->out)
		epoll_ctl(s->plug.fd, EPOLL_CTL_MOD, s->out, &ev);
}

static int stream_flush(struct plug *p)
{
	struct stream *s = stream_of(p);
	ssize_t n;

	while (!s->error && s->queued) {
		n = put(s, gather(s));
		if (n >= 0) {
			sent(s, (uint32_t)n);
		} else if (errno == EAGAIN) {
			wait_for_room(s, true);
			return -EAGAIN;
		} else if (errno != EINTR) {
			return fail(s, -errno);
		}
	}
	if (!s->error)
		wait_for_room(s, false);
	return s->error;
}

/* --- in --- */

static void deliver(struct stream *s, const uint8_t *p, uint32_t len)
{
	struct pkt *pkt = pkt_new();

	if (!pkt_append(pkt, s->arena, p, len)) {
		pkt_free(pkt);
		s->plug.rx_drops++;
		return;
	}
	s->plug.rx_frames++;
	s->plug.rx_bytes += len;
	s->plug.deliver(&s->plug, pkt);
}

/* More of the stream; false: nothing now. */
static bool more(struct stream *s)
{
	uint32_t room;
	uint8_t *to = framing_room(&s->framing, &room);
	ssize_t n;

	if (s->in == s->out)
		n = recv(s->in, to, room, MSG_DONTWAIT);
	else
		n = read(s->in, to, room);
	if (n > 0)
		framing_got(&s->framing, (uint32_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		s->eof = true;
	return n > 0;
}

/* Nobody reads our output: what comes in is not asked for any more. */
static bool out_gone(const struct stream *s)
{
	struct pollfd p = { .fd = s->out };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP);
}

static int over(struct stream *s)
{
	struct framing *f = &s->framing;

	if (f->bad)
		err("a stream of frames is broken: a length of %u where %u is the most; is there "
		    "text in the other side's output (a login shell's)?", f->bad, FRAMING_MAX);
	else if (!framing_between(f))
		err("a stream of frames ended in the middle of one");
	s->plug.told = s->child || f->bad || !framing_between(f);
	if (s->child && !f->bad) {
		child_tell(s->child);
		s->child = NULL;
	}
	return fail(s, f->bad ? -EPROTO : -EPIPE);
}

static int stream_recv(struct plug *p, int max)
{
	struct stream *s = stream_of(p);
	const uint8_t *frame;
	uint32_t len;
	int count = 0, reads = 0;

	if (s->queued)
		stream_flush(p);
	if (s->error)
		return s->error;
	do {
		while (count < max && (frame = framing_next(&s->framing, &len))) {
			deliver(s, frame, len);
			count++;
		}
	} while (count < max && !s->framing.bad && !s->eof && reads++ < READS && more(s));
	p->rx_drops += s->framing.passed_over;
	s->framing.passed_over = 0;
	p->more = count == max || reads > READS || (count && (s->eof || s->framing.bad));
	if (!count && max && (s->framing.bad || s->eof || out_gone(s)))
		return over(s);
	return count;
}

static uint32_t stream_room(struct plug *p)
{
	return QUEUE_MAX - stream_of(p)->queued;
}

static void restore(int fd, int flags)
{
	if (flags >= 0)
		fcntl(fd, F_SETFL, flags);
}

static void stream_close(struct plug *p)
{
	struct stream *s = stream_of(p);

	if (!s->error)
		stream_flush(p);
	while (s->queued)
		pop(s);
	restore(s->out, s->out_flags);	/* the last that was changed: it may be one socket */
	restore(s->in, s->in_flags);
	if (s->in != s->out) {
		close(p->fd);
		close(s->out);
	}
	close(s->in);
	child_end(s->child);
	arena_heap_unref(s->arena);
	free(s);
}

static const struct plug_ops stream_ops = {
	.scheme	= "stream",
	.send	= stream_send,
	.flush	= stream_flush,
	.recv	= stream_recv,
	.room	= stream_room,
	.close	= stream_close,
};

/* Returns the flags it had. */
static int unblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return flags;
}

/* One descriptor for two; -1 with errno. */
static int join(int in, int out)
{
	struct epoll_event ev = { .events = EPOLLIN }, hup = { .events = 0 };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0 && (epoll_ctl(fd, EPOLL_CTL_ADD, in, &ev) < 0 ||
			epoll_ctl(fd, EPOLL_CTL_ADD, out, &hup) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

struct plug *stream_new(int in, int out, uint32_t mtu, struct child *child)
{
	struct stream *s;
	int fd = in == out ? in : join(in, out);

	if (fd < 0)
		return NULL;
	s = xzalloc(sizeof(*s));
	s->plug = (struct plug){
		.ops = &stream_ops, .fd = fd, .hup_fd = -1, .mtu = mtu,
	};
	s->in = in;
	s->out = out;
	s->in_flags = in == out ? -1 : unblock(in);
	s->out_flags = in == out ? -1 : unblock(out);
	s->pipe_size = (uint32_t)MAX(fcntl(out, F_GETPIPE_SZ), 0);
	s->child = child;
	s->arena = arena_heap_new(ARENA_LIMIT);
	list_init(&s->queue);
	return &s->plug;
}
