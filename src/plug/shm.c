/* shm.c - a plug over a wire: super-frames between processes without a copy
 *
 * out:  shm_send queues in a lane -> shm_flush puts what has room, rings once
 * in:   bell or plug_recv -> wire_take -> (merge) -> deliver
 *
 * There is a lane to the switch, and one to each neighbour to whom the switch has
 * introduced us (direct.c). Frames that find no room stay queued; the other side's bell tells of room as
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
#include "base/rights.h"
#include "base/stranger.h"
#include "plug/direct.h"

#define QUEUE_MAX	512
#define QUEUE_BYTES	(1u << 20)	/* at a switch: they hold a sender's memory */
#define FRAME_OVERHEAD	18	/* Ethernet header and one tag */

struct shm {
	struct plug	plug;
	struct lane	main;
	struct directs	*directs;	/* NULL: none can come */
	struct merge	*merge;		/* NULL: frames stay as they come */
	bool		ended, enough;
	unsigned	deaf;			/* receipts without hearing bells, about */
	void		(*small)(struct plug *p, const struct wire_small *s);
};

static struct shm *shm_of(struct plug *p)
{
	return container_of(p, struct shm, plug);
}

static void shm_send(struct plug *p, struct pkt *pkt)
{
	struct shm *s = shm_of(p);
	struct lane *l = s->directs ? directs_lane(s->directs, pkt) : NULL;

	if (!l)
		l = &s->main;
	if (l->queued >= l->max || (!s->merge && l->bytes > QUEUE_BYTES) ||
	    pkt_wire_len(pkt) > p->mtu + FRAME_OVERHEAD) {
		p->tx_drops++;
		pkt_free(pkt);
		return;
	}
	lane_add(l, pkt);
}

static int gone(struct shm *s)
{
	if (s->main.wire->why && !s->ended)
		err("the other side of a wire broke its rules: %s", s->main.wire->why);
	s->ended = true;
	lane_drop(&s->main);
	return -EPIPE;
}

/* What goes by the switch comes last: frames of a wire that has ended are there. */
static int shm_flush(struct plug *p)
{
	struct shm *s = shm_of(p);
	bool done;

	if (s->directs)
		directs_flush(s->directs);
	done = lane_flush(&s->main);
	if (s->main.wire->why)
		return gone(s);
	return done ? 0 : -EAGAIN;
}

static void arrived(struct plug *p, struct pkt *pkt)
{
	struct shm *s = shm_of(p);

	p->rx_frames++;
	p->rx_bytes += pkt_len(pkt);
	if (s->merge)
		merge_add(s->merge, pkt);
	else
		p->deliver(p, pkt);
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

	if (s->small && wire_take_small(s->main.wire, &small)) {
		s->plug.rx_frames++;
		s->plug.rx_bytes += small.rec.head_len;
		s->small(&s->plug, &small);
		return true;
	}
	pkt = wire_take(s->main.wire);
	if (pkt && s->directs && directs_is_mark(s->directs, pkt))
		pkt_free(pkt);
	else if (pkt)
		arrived(&s->plug, pkt);
	return pkt;
}

static int take_main(struct shm *s, int max)
{
	int n = 0;

	while (n < max && !s->enough && take_one(s))
		n++;
	wire_took(s->main.wire);
	return n;
}

/* Each of the two is first as often as the other. */
static int take(struct shm *s, int max)
{
	int n = 0;

	if (!s->directs)
		return take_main(s, max);
	if (s->directs->turn % 2)
		n = take_main(s, max);
	n += directs_take(s->directs, max - n);
	if (n < max)
		n += take_main(s, max - n);
	return n;
}

/* The bells that rang so far; false: the other side has gone. */
static bool hear(struct shm *s)
{
	char bells[64];
	ssize_t n;

	if (s->directs)
		return directs_hear(s->directs);
	n = recv(s->plug.fd, bells, sizeof(bells), MSG_DONTWAIT);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Who is behind, or looks by himself, hears bells and messages now and then only. */
static bool is_deaf(struct shm *s)
{
	bool rung = s->plug.rung;	/* unread it would stay readable, and wake again */

	s->plug.rung = false;
	return !rung && (s->plug.more || s->plug.looking) && ++s->deaf % 16;
}

static void by_bell(struct shm *s)
{
	wire_by_bell(s->main.wire);
	if (s->directs)
		directs_by_bell(s->directs);
}

static void go_to_sleep(struct shm *s)
{
	wire_sleep(s->main.wire, s->main.queued > 0);
	if (s->directs)
		directs_sleep(s->directs);
}

static bool frames_wait(const struct shm *s)
{
	return wire_waiting(s->main.wire) || (s->directs && directs_waiting(s->directs));
}

static int shm_recv(struct plug *p, int max)
{
	struct shm *s = shm_of(p);
	bool there = is_deaf(s) || hear(s);
	int n;

	if (s->merge)
		merge_udp(s->merge, p->join_udp);
	s->enough = false;
	n = take(s, max);
	p->more = n >= max || s->enough;	/* else a bell will tell */
	if (!p->more && !p->looking) {
		go_to_sleep(s);
		n += take(s, max - n);
		p->more = frames_wait(s);
	}
	if (s->merge)
		merge_flush(s->merge);
	if (!n && (!there || s->main.wire->why))
		return gone(s);
	if (s->main.queued || (s->directs && s->directs->used))
		shm_flush(p);
	return n;
}

static void shm_awake(struct plug *p)
{
	struct shm *s = shm_of(p);

	p->looking = true;
	by_bell(s);
	wire_awake(s->main.wire);
	if (s->directs)
		directs_awake(s->directs);
}

/* Also when there may be room for what is queued: recv tries it. */
static bool shm_look(struct plug *p)
{
	struct shm *s = shm_of(p);

	return frames_wait(s) || lane_moved(&s->main) || (s->directs && directs_moved(s->directs));
}

static bool queued(const struct shm *s)
{
	return s->main.queued || (s->directs && directs_queued(s->directs));
}

static void shm_doze(struct plug *p)
{
	struct shm *s = shm_of(p);

	p->looking = false;
	by_bell(s);
	go_to_sleep(s);
	p->more = frames_wait(s) || queued(s);
}

/* What the futexes are compared with is how far we have taken before the sleep begins: none is taken
 * during it. Of room a bell tells. */
static bool shm_nap(struct plug *p, struct futexes *f)
{
	struct shm *s = shm_of(p);
	bool ok = wire_by_futex(s->main.wire, f) && (!s->directs || directs_by_futex(s->directs, f));

	p->looking = false;
	go_to_sleep(s);
	if (queued(s))
		shm_flush(p);
	p->more = frames_wait(s);
	return ok;
}

static uint32_t shm_room(struct plug *p)
{
	struct shm *s = shm_of(p);
	uint32_t room = lane_room(&s->main);

	return s->directs ? MIN(room, directs_room(s->directs)) : room;
}

static struct direct *direct_to(struct plug *p, const struct mac *to)
{
	struct shm *s = shm_of(p);

	return s->directs ? directs_to(s->directs, to) : NULL;
}

static uint32_t shm_room_to(struct plug *p, const struct mac *to)
{
	struct direct *d = direct_to(p, to);

	return lane_room(d ? &d->lane : &shm_of(p)->main);
}

static struct arena *shm_arena_to(struct plug *p, const struct mac *to)
{
	struct direct *d = direct_to(p, to);

	return d ? &d->lane.wire->arena : p->arena;
}

static void shm_run(struct plug *p, usec now)
{
	struct shm *s = shm_of(p);

	if (s->directs && s->directs->used)
		directs_run(s->directs, now);
}

static usec shm_deadline(struct plug *p)
{
	struct shm *s = shm_of(p);

	return s->directs ? directs_deadline(s->directs) : NEVER;
}

static void shm_let(struct plug *p)
{
	struct shm *s = shm_of(p);

	if (s->directs)
		directs_let(s->directs);
}

static void shm_close(struct plug *p)
{
	struct shm *s = shm_of(p);
	int bell = s->main.wire->bell;

	shm_flush(p);
	directs_free(s->directs);
	lane_drop(&s->main);
	wire_close(s->main.wire);
	close(bell);
	merge_free(s->merge);
	free(s);
}

static const struct plug_ops shm_ops = {
	.scheme	= "shm",
	.send	= shm_send,
	.flush	= shm_flush,
	.recv	= shm_recv,
	.awake	= shm_awake,
	.look	= shm_look,
	.doze	= shm_doze,
	.nap	= shm_nap,
	.room	= shm_room,
	.room_to = shm_room_to,
	.arena_to = shm_arena_to,
	.run	= shm_run,
	.deadline = shm_deadline,
	.let	= shm_let,
	.close	= shm_close,
};

struct plug *shm_new(struct wire *w, uint32_t mtu, bool node)
{
	struct shm *s = xzalloc(sizeof(*s));

	s->plug = (struct plug){
		.ops = &shm_ops, .fd = w->bell, .hup_fd = -1, .mtu = mtu, .offload = true,
		.arena = &w->arena,
	};
	lane_init(&s->main, w, &s->plug, QUEUE_MAX);
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
	struct lane *l = &shm_of(p)->main;

	if (l->queued || small->rec.head_len > p->mtu + FRAME_OVERHEAD)
		return false;
	l->full = !wire_put_small(l->wire, small);
	if (l->full)
		return false;
	p->tx_frames++;
	p->tx_bytes += small->rec.head_len;
	return true;
}

void shm_enough(struct plug *p)
{
	shm_of(p)->enough = true;
}

bool shm_idle(struct plug *p)
{
	bool there = hear(shm_of(p));

	return shm_flush(p) != -EPIPE && there;
}

bool shm_is_full(const struct plug *p)
{
	const struct lane *l = &container_of(p, const struct shm, plug)->main;

	return l->full || l->queued + SHM_RESERVE > l->max ||
	       l->bytes > QUEUE_BYTES - QUEUE_BYTES / 4;
}

bool shm_meet(struct plug *p, bool (*bell)(struct plug *p, int fd, bool on))
{
	struct shm *s = shm_of(p);

	p->bell = bell;
	s->directs = directs_new(&s->main, arrived);
	if (s->directs && !bell)
		p->fd = s->directs->poll;
	return s->directs != NULL;
}

struct wire *shm_wire(struct plug *p)
{
	return shm_of(p)->main.wire;
}

/* --- messages --- */

int shm_put(int sock, const void *msg, size_t size, int file)
{
	RIGHTS(1) ctl;
	struct iovec iov = { (void *)(uintptr_t)msg, size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (file >= 0)
		rights_put(&mh, &ctl, &file, 1);
	n = sendmsg(sock, &mh, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EAGAIN;
}

/* The one descriptor that is wanted; a stranger may have sent others. */
static void keep_file(int sock, struct msghdr *mh, int *file)
{
	int fds[RIGHTS_MAX];
	size_t n = rights_all(mh, fds, RIGHTS_MAX);

	for (size_t i = 0; i < n; i++) {
		if (*file < 0)
			*file = fds[i];
		else
			stranger_close(fds[i], stranger_at(sock));
	}
}

ssize_t shm_get(int sock, void *msg, size_t size, int *file)
{
	RIGHTS(RIGHTS_MAX) ctl;
	struct iovec iov = { msg, size };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &ctl, .msg_controllen = sizeof(ctl),
	};
	ssize_t n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	keep_file(sock, &mh, file);
	return n;
}
