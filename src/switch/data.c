/* data.c - frames by the data sockets of a switch's clients
 *
 * in:   data_ready -> recvmmsg -> core_input for each frame
 * out:  core -> port_out -> data_out stages the frame -> data_flush -> sendmmsg
 *
 * Frames of one reading stay in the memory of the batch until they are sent,
 * so forwarding copies nothing in user space and costs two system calls per
 * batch and client. Each client has a data socket of its own, hence a send
 * buffer of its own in the kernel. When it is full, frames for this client are
 * copied to its backlog, and who sent them is not read for a while (hold.c): the
 * socket he sends to fills, and his plug's queue, and his stack stops. The backlog
 * is bounded: who does not read loses only his own frames.
 *
 * Who sends many frames at once is read in each turn for a while (sw->more), whether
 * epoll tells of more or not, and the switch does not sleep meanwhile. Else a switch on
 * its sender's processor is woken by each frame, takes it before the next is written, and
 * sleeps again: a turn a frame. And epoll, told of each frame, costs who sends it a tenth of his time.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "base/mem.h"
#include "switch/client.h"

#define BACKLOG_MAX	(1u << 20)	/* bytes of memory for one client */
#define STREAM		32		/* frames of one reading: more will come */
#define STREAM_TIME	((usec)300)	/* to fill a buffer, or to be woken, takes a client less */
#define YIELD_LONG	((usec)500)	/* somebody used up a slice */
#define CROWDED_FOR	(100 * USEC_PER_MSEC)
#define BUF_SIZE	9280		/* FRAME_MAX and up to a cache line */

static_assert(BUF_SIZE > FRAME_MAX, "a frame that is too long must be seen to be");
static_assert(BATCH <= SHM_RESERVE, "what was read has room where it was full");

struct batch {
	struct mmsghdr	msg[BATCH];
	struct iovec	iov[BATCH][PKT_EXTS + 1];
	uint8_t		buf[BATCH][BUF_SIZE];
};

struct kept {
	struct list	link;
	uint32_t	len;
	uint8_t		data[];
};

void data_init(struct sw *sw)
{
	sw->batch = xzalloc(sizeof(*sw->batch));
}

void data_fini(struct sw *sw)
{
	free(sw->batch);
}

/* --- out --- */

static uint32_t kept_size(uint32_t len)
{
	return (uint32_t)sizeof(struct kept) + len;
}

static void keep(struct client *c, const struct staged *f)
{
	struct kept *k;

	if (f->one)
		hold_saw(c);
	if (c->backlog_size + kept_size(f->len) > BACKLOG_MAX) {
		c->sw->core.port[c->port].tx_drops++;
		return;
	}
	k = xmalloc(kept_size(f->len));
	k->len = f->len;
	if (f->pkt)
		pkt_copy(f->pkt, 0, k->data, f->len);
	else
		memcpy(k->data, f->p, f->len);
	list_add_tail(&c->backlog, &k->link);
	c->backlog_size += kept_size(f->len);
}

static void backlog_pop(struct client *c)
{
	struct kept *k = container_of(list_pop(&c->backlog), struct kept, link);

	c->backlog_size -= kept_size(k->len);
	free(k);
}

static void drop_staged(struct client *c)
{
	for (unsigned i = 0; i < c->n_staged; i++)
		pkt_free(c->staged[i].pkt);
	c->n_staged = 0;
	list_del(&c->dirty);
}

static bool send_staged(struct client *c);

static void stage(struct client *c, const struct staged *f)
{
	if (c->n_staged == BATCH)
		send_staged(c);
	if (!c->staged)
		c->staged = xmalloc(BATCH * sizeof(c->staged[0]));
	if (!c->n_staged)
		list_add_tail(&c->sw->dirty, &c->dirty);
	c->staged[c->n_staged++] = *f;
}

/* What was no super-frame but by its notes was not cut: its real length counts now. */
static void stage_pkt(void *ctx, struct pkt *pkt)
{
	struct client *c = ctx;
	struct core_port *p = &c->sw->core.port[c->port];
	struct frame f = { .p = pkt->head + pkt->cur, .len = pkt_len(pkt), .pkt = pkt };

	if (f.len > FRAME_MAX || !core_fits(p, &f)) {
		p->drops[CORE_MTU_OUT]++;
		pkt_free(pkt);
		return;
	}
	stage(c, &(struct staged){ .len = f.len, .pkt = pkt,
				    .one = c->sw->core.whom == CORE_ONE });
}

void data_out(struct client *c, const struct frame *f)
{
	if (f->pkt || f->small)
		offload_out(frame_pkt(NULL, f), stage_pkt, c);
	else
		stage(c, &(struct staged){ .p = f->p, .len = f->len,
					    .one = c->sw->core.whom == CORE_ONE });
}

static void set_message(struct batch *b, unsigned i, const void *p, uint32_t len)
{
	b->iov[i][0] = (struct iovec){ (void *)(uintptr_t)p, len };
	b->msg[i].msg_hdr = (struct msghdr){ .msg_iov = b->iov[i], .msg_iovlen = 1 };
}

static void set_staged(struct batch *b, unsigned i, const struct staged *f)
{
	set_message(b, i, f->p, f->len);
	if (f->pkt)
		b->msg[i].msg_hdr.msg_iovlen = (size_t)pkt_iov(f->pkt, b->iov[i]);
}

/* How many of the n messages are done with; -1: the client is gone. */
static int send_messages(struct client *c, unsigned n)
{
	int sent;

	do {
		sent = sendmmsg(c->data.fd, c->sw->batch->msg, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	for (int i = 0; i < sent; i++)
		c->sent_bytes += c->sw->batch->msg[i].msg_len;
	c->sent_frames += (uint64_t)MAX(sent, 0);
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
		return 0;
	if (errno != EMSGSIZE)
		return -1;
	c->sw->core.port[c->port].tx_drops++;
	return 1;
}

/* Frames come from who waits for nobody, and is not read anyway; what was kept waits for room.
 * Of whom epoll has no memory to tell is read in each turn until it has. */
void data_watch(struct client *c)
{
	uint32_t in = c->waits || !list_empty(&c->more) ? 0 : EPOLLIN;
	uint32_t out = list_empty(&c->backlog) ? 0 : EPOLLOUT;
	int rc = loop_watch(c->sw->loop, &c->data, in | out);

	if (rc < 0 && !c->waits && list_empty(&c->more))
		list_add_tail(&c->sw->more, &c->more);
}

/* The client's buffer had room again. */
static void drain(struct client *c)
{
	unsigned n = 0;
	int sent;

	list_for(l, &c->backlog) {
		struct kept *k = container_of(l, struct kept, link);

		if (n == BATCH)
			break;
		set_message(c->sw->batch, n++, k->data, k->len);
	}
	sent = send_messages(c, n);
	if (sent < 0) {
		client_free(c);
		return;
	}
	while (sent-- > 0)
		backlog_pop(c);
	data_watch(c);
	hold_room(c);
}

/* False: the client is gone. */
static bool send_staged(struct client *c)
{
	unsigned n = c->n_staged, done = 0;
	int sent = 1;

	while (list_empty(&c->backlog) && done < n && sent > 0) {
		for (unsigned i = done; i < n; i++)
			set_staged(c->sw->batch, i - done, &c->staged[i]);
		sent = send_messages(c, n - done);
		done += (unsigned)MAX(sent, 0);
	}
	if (sent >= 0 && done < n) {
		for (; done < n; done++)
			keep(c, &c->staged[done]);
		data_watch(c);
	}
	drop_staged(c);
	return sent >= 0;
}

bool data_flush(struct client *c)
{
	if (send_staged(c))
		return true;
	client_free(c);
	return false;
}

void data_leave(struct client *c)
{
	list_del(&c->more);
	drop_staged(c);
	free(c->staged);
	while (!list_empty(&c->backlog))
		backlog_pop(c);
}

/* --- in --- */

static int read_batch(struct client *c)
{
	struct batch *b = c->sw->batch;

	for (unsigned i = 0; i < c->burst; i++)
		set_message(b, i, b->buf[i], BUF_SIZE);
	return recvmmsg(c->data.fd, b->msg, c->burst, MSG_DONTWAIT, NULL);
}

/* What was read has to be forwarded: who sends to all ports of many is read less at once
 * the next time, so that others have their turn. */
static void next_burst(struct client *c, uint32_t n)
{
	uint32_t outs = c->sw->outs;

	c->burst = outs > TURN_OUTS ? MAX(n * TURN_OUTS / outs, 1u) : MIN(c->burst * 2, BATCH);
}

/* What is there now is heard by epoll as well: nothing is lost when a stream ends. */
static void stream(struct client *c, uint32_t n)
{
	struct sw *sw = c->sw;

	if (n >= STREAM && sw->now >= sw->crowded_until)
		c->stream_until = sw->now + STREAM_TIME;
	if (!c->waits && sw->now < c->stream_until)
		list_add_tail(&sw->more, &c->more);
	data_watch(c);
}

void data_yield(struct sw *sw)
{
	usec before = now_mono(), after;

	sched_yield();
	after = now_mono();
	if (after - before >= YIELD_LONG)
		sw->crowded_until = after + CROWDED_FOR;
}

bool data_in(struct client *c)
{
	struct sw *sw = c->sw;
	int n = read_batch(c);
	uint32_t len[BATCH];

	list_del(&c->more);
	share_begin(c);
	for (int i = 0; i < n; i++)
		len[i] = sw->batch->msg[i].msg_len;
	for (int i = 0; i < n; i++) {
		struct frame f = { .p = sw->batch->buf[i], .len = len[i] };

		core_input(&sw->core, c->port, &f, sw->now);
	}
	next_burst(c, (uint32_t)MAX(n, 0));
	stream(c, (uint32_t)MAX(n, 0));
	port_flush(sw);		/* may end any client, this one too */
	share_end(sw);
	return n > 0;
}

void data_ready(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, data);

	/* Reading comes last: what is read may end any client, this one too. */
	if (events & EPOLLOUT && !list_empty(&c->backlog)) {
		drain(c);
		return;		/* level triggered: the frames are still there */
	}
	if (events & (EPOLLIN | EPOLLERR))
		data_in(c);
}
