/* direct.c - a plug's introduced wires: joined, used, ended (doc/ethernet.md)
 *
 *	      struct intro          the other's file         revoked, idle, a lie
 *	NONE -------------> ASKED ------------------> LIVE ----------------------> ENDING -> NONE
 *
 * Order. Who goes LIVE sends a mark through the switch, behind all that it sent that
 * way; the other takes nothing from the new wire before the mark has come. If
 * a mark is lost, frames are held for PATIENCE. Back again: frames that wait for
 * room move to the switch's lane, and who gets a frame of his neighbour from
 * the switch first empties the wire they share (directs_is_mark).
 *
 * Loss. Who ends a wire closes its direction of the socket and goes on taking until
 * the other has done the same, so what was put is taken; only if the other dies
 * or stays silent for LINGER that is lost, like frames of any line that breaks.
 */
#include "plug/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/stranger.h"
#include "plug/shm.h"
#include "proto/proto.h"

#define QUEUE_MAX	256
#define ANSWER_TIME	(2 * USEC_PER_SEC)	/* for the other's file */
#define PATIENCE	(20 * USEC_PER_MSEC)
#define LINGER		(500 * USEC_PER_MSEC)
#define LOOK_EVERY	(2 * USEC_PER_SEC)
#define IDLE_TIME	(6 * USEC_PER_SEC)	/* without a frame: its memory goes */
#define TELL_EVERY	(30 * USEC_PER_SEC)	/* a mark, so that the switch knows us still */
#define FRAME_OVERHEAD	18
#define IP6_NEXT	6			/* where the next header's number is */
#define ETHERTYPE_LOCAL	0x88b5			/* IEEE 802 9.2.4: local experiments */
#define LATER		0			/* a time at which no time is up */
#define ALL		~0u

/* Those of the set that are in use; the loop may end the one it has. */
#define for_used(ds, d, set)							\
	for (unsigned left_ = (ds)->used & (set); left_; left_ &= left_ - 1)	\
		for (struct direct *d = (struct direct *)&(ds)->d[__builtin_ctz(left_)]; d; d = NULL)

static unsigned place_of(const struct directs *ds, const struct direct *d)
{
	return (unsigned)(d - ds->d);
}

struct directs *directs_new(struct lane *main, void (*in)(struct plug *p, struct pkt *pkt))
{
	struct directs *ds = xzalloc(sizeof(*ds));
	struct epoll_event ev = { .events = EPOLLIN };

	*ds = (struct directs){ .plug = main->plug, .main = main, .in = in, .file = -1, .poll = -1 };
	if (ds->plug->bell)
		return ds;
	ds->poll = epoll_create1(EPOLL_CLOEXEC);
	if (ds->poll >= 0 && epoll_ctl(ds->poll, EPOLL_CTL_ADD, main->wire->bell, &ev) == 0)
		return ds;
	if (ds->poll >= 0)
		close(ds->poll);
	free(ds);
	return NULL;
}

static bool wait_for(struct directs *ds, int sock)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (ds->plug->bell)
		return ds->plug->bell(ds->plug, sock, true);
	return epoll_ctl(ds->poll, EPOLL_CTL_ADD, sock, &ev) == 0;
}

/* Closing it would not be enough: others may have it yet. */
static void wait_no_more(struct directs *ds, int sock)
{
	if (ds->plug->bell)
		ds->plug->bell(ds->plug, sock, false);
	else
		epoll_ctl(ds->poll, EPOLL_CTL_DEL, sock, NULL);
}

/* --- one wire's life --- */

static void set_state(struct directs *ds, struct direct *d, enum direct_state s)
{
	unsigned bit = 1u << place_of(ds, d);

	ds->used = s == DIRECT_NONE ? ds->used & ~bit : ds->used | bit;
	d->state = s;
	d->since = now_mono();
}

/* What waits in the switch's lane has to be flushed by somebody. */
static void call_user(struct directs *ds)
{
	if (ds->plug->wake)
		ds->plug->wake(ds->plug);
}

static void end_lane(struct directs *ds, struct direct *d)
{
	lane_move(&d->lane, ds->main);
	call_user(ds);
}

static void finish(struct directs *ds, struct direct *d)
{
	struct wire *w = d->lane.wire;

	if (w->why)
		err("a neighbour broke the rules of the wire it shared with us: %s", w->why);
	end_lane(ds, d);
	wire_close(w);
	if (!d->eof)
		wait_no_more(ds, d->sock);
	close(d->sock);
	set_state(ds, d, DIRECT_NONE);
	atomic_store(&ds->main->wire->own->intro[place_of(ds, d)], d->id);
	debug("introduction %u has ended", d->id);
}

/* Nothing more is put; the other is told. */
static void begin_end(struct directs *ds, struct direct *d)
{
	end_lane(ds, d);
	wire_ring(d->lane.wire);
	shutdown(d->sock, SHUT_WR);
	set_state(ds, d, DIRECT_ENDING);
}

static bool revoked(const struct directs *ds, const struct direct *d)
{
	return atomic_load_explicit(&ds->main->wire->peer->intro[place_of(ds, d)],
				    memory_order_acquire) != d->id;
}

/* --- joining --- */

static bool begin(struct directs *ds, struct direct *d, const struct intro *in, int sock)
{
	struct intro_hello hello = { INTRO_MAGIC, in->id };
	struct wire *w = wire_new();

	fcntl(sock, F_SETFL, O_NONBLOCK);
	*d = (struct direct){
		.id = in->id, .mine = in->mine, .theirs = in->theirs, .sock = sock,
		.mtu = MIN(in->mtu, ds->plug->mtu),
	};
	if (w && shm_put(sock, &hello, sizeof(hello), w->fd) == 0 && wait_for(ds, sock)) {
		close(w->fd);
		w->fd = -1;
		lane_init(&d->lane, w, ds->plug, QUEUE_MAX);
		set_state(ds, d, DIRECT_ASKED);
		return true;
	}
	if (w)
		wire_close(w);
	return false;
}

/* What the switch says; its socket is ours to keep or close. */
static void introduced(struct directs *ds, const struct intro *in, int sock)
{
	struct direct *d = &ds->d[in->place % WIRE_INTROS];

	if (sock < 0)
		return;
	if (in->place >= WIRE_INTROS || !in->id || mac_eq(&in->mine, &in->theirs)) {
		close(sock);
		return;
	}
	if (d->state != DIRECT_NONE)
		finish(ds, d);
	if (!begin(ds, d, in, sock)) {
		close(sock);
		atomic_store(&ds->main->wire->own->intro[in->place], in->id);
	}
}

/* Goes by the switch, behind what went before: to the neighbour, and the switch
 * sees where we are. */
static void send_mark(struct directs *ds, struct direct *d, usec now)
{
	struct eth e = { d->theirs, d->mine, ETHERTYPE_LOCAL };
	struct intro_hello id = { INTRO_MAGIC, d->id };
	struct pkt *pkt = pkt_new();
	struct wr w = wr_of(pkt->head + pkt->start, ETH_LEN);

	eth_emit(&w, &e);
	memcpy(pkt->head + pkt->start + ETH_LEN, &id, sizeof(id));
	pkt->end = pkt->start + ETH_LEN + sizeof(id);
	lane_add(ds->main, pkt);
	d->told_at = now;
	call_user(ds);
}

/* The other's file. False: the wire cannot come to be. */
static bool answered(struct directs *ds, struct direct *d)
{
	struct intro_hello hello = { 0 };
	int file = -1;
	ssize_t n = shm_get(d->sock, &hello, sizeof(hello), &file);
	const char *why = NULL;

	if (n == -EAGAIN || n == -EINTR)
		return true;
	if (n != sizeof(hello) || hello.magic != INTRO_MAGIC || hello.id != d->id || file < 0)
		why = "it did not answer as expected";
	else
		why = wire_join(d->lane.wire, file, d->sock);
	if (file >= 0)
		stranger_close(file);
	if (why) {
		debug("introduction %u: %s", d->id, why);
		return false;
	}
	set_state(ds, d, DIRECT_LIVE);
	d->used_at = d->since;
	d->look_at = d->since + LOOK_EVERY;
	send_mark(ds, d, d->since);
	debug("introduction %u: joined", d->id);
	return true;
}

/* --- in --- */

static bool is_theirs(const struct direct *d, struct pkt *pkt)
{
	struct eth e;
	const uint8_t *p = pkt_pull(pkt, ETH_LEN);
	struct rd r = rd_of(p, p ? ETH_LEN : 0);

	return eth_parse(&r, &e) && mac_eq(&e.src, &d->theirs) && mac_eq(&e.dst, &d->mine) &&
	       e.type != ETHERTYPE_VLAN;
}

/* No more than a ring at once: who lies can put more the moment we have taken some. */
static int take(struct directs *ds, struct direct *d, int max)
{
	struct wire *w = d->lane.wire;
	struct pkt *pkt;
	uint32_t from;
	int n = 0;

	if (d->state < DIRECT_LIVE || !d->marked)
		return 0;
	from = w->taken;
	while (n < max && w->taken - from < WIRE_RING && (pkt = wire_take(w))) {
		n++;
		d->frames++;
		if (is_theirs(d, pkt)) {
			ds->in(ds->plug, pkt);
		} else {
			ds->strangers++;
			ds->plug->rx_drops++;
			pkt_free(pkt);
		}
	}
	if (n)
		wire_took(w);
	return n;
}

/* Is it still ours to use? Ended by both, and everything taken? now: LATER if
 * only what happened counts. */
static void step(struct directs *ds, struct direct *d, usec now)
{
	bool late;

	if (d->state < DIRECT_LIVE)
		return;
	if (d->state == DIRECT_LIVE && (d->eof || revoked(ds, d)))
		begin_end(ds, d);
	if (!d->marked && !d->held_at && wire_waiting(d->lane.wire))
		d->held_at = now_mono();
	late = d->state == DIRECT_ENDING && now - d->since >= LINGER;
	if (d->lane.wire->why || (late && !d->marked))
		finish(ds, d);
	else if (d->state == DIRECT_ENDING && (d->eof || late) && d->marked) {
		take(ds, d, INT32_MAX);
		finish(ds, d);
	}
}

static void read_bell(struct directs *ds, struct direct *d)
{
	char bells[64];
	ssize_t n;

	if (d->state == DIRECT_ASKED) {
		if (!answered(ds, d))
			finish(ds, d);
		return;
	}
	n = recv(d->sock, bells, sizeof(bells), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		d->eof = true;
		wait_no_more(ds, d->sock);
	}
	step(ds, d, LATER);
}

/* Bells, and between them messages. */
static void read_words(struct directs *ds, const char *p, size_t n)
{
	for (; n; p++, n--) {
		if (!ds->got && *p != INTRO_KIND)
			continue;
		((char *)&ds->msg)[ds->got++] = *p;
		if (ds->got == sizeof(ds->msg)) {
			introduced(ds, &ds->msg, ds->file);
			ds->file = -1;
			ds->got = 0;
		}
	}
}

static bool hear_switch(struct directs *ds)
{
	char words[64];
	ssize_t n = shm_get(ds->main->wire->bell, words, sizeof(words), &ds->file);

	if (n > 0)
		read_words(ds, words, (size_t)n);
	return n > 0 || n == -EAGAIN || n == -EINTR;
}

/* The switch's socket last: what it says may change the table. */
static int list_sockets(struct directs *ds, struct pollfd *fd, struct direct **of)
{
	int n = 0;

	for_used(ds, d, ALL) {
		if (d->eof)
			continue;
		of[n] = d;
		fd[n++] = (struct pollfd){ d->sock, POLLIN, 0 };
	}
	fd[n++] = (struct pollfd){ ds->main->wire->bell, POLLIN, 0 };
	return n;
}

bool directs_hear(struct directs *ds)
{
	struct pollfd fd[WIRE_INTROS + 1];
	struct direct *of[WIRE_INTROS];
	bool there = true;
	int n;

	if (!ds->used)
		return hear_switch(ds);
	n = list_sockets(ds, fd, of);
	if (poll(fd, (nfds_t)n, 0) > 0) {
		for (int i = 0; i < n - 1; i++) {
			if (fd[i].revents)
				read_bell(ds, of[i]);
		}
		if (fd[n - 1].revents)
			there = hear_switch(ds);
	}
	for_used(ds, d, ALL)
		step(ds, d, LATER);
	return there;
}

int directs_take(struct directs *ds, int max)
{
	unsigned after = ~0u << ds->turn++ % WIRE_INTROS;	/* each is first in its turn */
	int n = 0;

	for_used(ds, d, after)
		n += n < max ? take(ds, d, max - n) : 0;
	for_used(ds, d, ~after)
		n += n < max ? take(ds, d, max - n) : 0;
	return n;
}

static bool read_mark(const struct pkt *pkt, struct intro_hello *id)
{
	return pkt_peek(pkt, 12) == ETHERTYPE_LOCAL >> 8 &&
	       pkt_peek(pkt, 13) == (ETHERTYPE_LOCAL & 0xff) &&
	       pkt_copy(pkt, ETH_LEN, id, sizeof(*id)) == sizeof(*id) && id->magic == INTRO_MAGIC;
}

bool directs_is_mark(struct directs *ds, struct pkt *pkt)
{
	struct intro_hello id;
	struct eth e;
	bool mark = read_mark(pkt, &id);
	const uint8_t *p = ds->used ? pkt_pull(pkt, ETH_LEN) : NULL;
	struct rd r = rd_of(p, p ? ETH_LEN : 0);

	if (!p || !eth_parse(&r, &e))
		return mark;
	for_used(ds, d, ALL) {
		if (!mac_eq(&d->theirs, &e.src))
			continue;
		if (mark && id.id == d->id)
			d->marked = true;
		else
			take(ds, d, INT32_MAX);
	}
	return mark;
}

/* --- out --- */

struct direct *directs_to(struct directs *ds, const struct mac *to)
{
	for_used(ds, d, ALL) {
		if (d->state == DIRECT_LIVE && mac_eq(&d->theirs, to))
			return d;
	}
	return NULL;
}

/* ARP and neighbour discovery: the switch learns from them whom it may answer for. */
static bool is_resolution(const struct pkt *pkt, uint16_t type)
{
	uint8_t icmp = pkt_peek(pkt, ETH_LEN + IP6_LEN);

	if (type == ETHERTYPE_ARP)
		return true;
	return type == ETHERTYPE_IP6 && pkt_peek(pkt, ETH_LEN + IP6_NEXT) == IPPROTO_ICMPV6 &&
	       icmp >= ND_RS && icmp <= ND_REDIRECT;
}

struct lane *directs_lane(struct directs *ds, struct pkt *pkt)
{
	const uint8_t *p = ds->used ? pkt_pull(pkt, ETH_LEN) : NULL;
	struct rd r = rd_of(p, p ? ETH_LEN : 0);
	struct direct *d;
	struct eth e;

	if (!p || !eth_parse(&r, &e))
		return NULL;
	d = directs_to(ds, &e.dst);
	if (!d || !mac_eq(&e.src, &d->mine) || e.type == ETHERTYPE_VLAN || is_resolution(pkt, e.type) ||
	    pkt_wire_len(pkt) > d->mtu + FRAME_OVERHEAD)
		return NULL;
	step(ds, d, LATER);
	if (d->state != DIRECT_LIVE)
		return NULL;
	d->frames++;
	ds->sent++;
	return &d->lane;
}

uint32_t directs_room(struct directs *ds)
{
	uint32_t room = UINT32_MAX;

	for_used(ds, d, ALL) {
		if (d->state == DIRECT_LIVE)
			room = MIN(room, lane_room(&d->lane));
	}
	return room;
}

void directs_flush(struct directs *ds)
{
	if (ds->used)
		atomic_store_explicit(&ds->main->wire->own->direct, ds->sent, memory_order_relaxed);
	for_used(ds, d, ALL) {
		step(ds, d, LATER);
		if (d->state == DIRECT_LIVE && d->lane.queued)
			lane_flush(&d->lane);
	}
}

/* --- sleeping, and time --- */

void directs_sleep(struct directs *ds)
{
	for_used(ds, d, ALL) {
		if (d->state >= DIRECT_LIVE)
			wire_sleep(d->lane.wire, d->lane.queued > 0);
	}
	for_used(ds, d, ALL)
		step(ds, d, LATER);
}

void directs_awake(struct directs *ds)
{
	for_used(ds, d, ALL) {
		if (d->state >= DIRECT_LIVE)
			wire_awake(d->lane.wire);
	}
}

bool directs_waiting(const struct directs *ds)
{
	for_used(ds, d, ALL) {
		if (d->state >= DIRECT_LIVE && d->marked && !d->lane.wire->why &&
		    wire_waiting(d->lane.wire))
			return true;
	}
	return false;
}

bool directs_moved(const struct directs *ds)
{
	for_used(ds, d, ALL) {
		if (d->state == DIRECT_LIVE && lane_moved(&d->lane))
			return true;
	}
	return false;
}

bool directs_queued(const struct directs *ds)
{
	for_used(ds, d, ALL) {
		if (d->state == DIRECT_LIVE && d->lane.queued)
			return true;
	}
	return false;
}

/* Is it in use? Then the switch hears of us now and then; if not, it ends. */
static void look(struct directs *ds, struct direct *d, usec now)
{
	d->look_at = now + LOOK_EVERY;
	if (d->frames != d->seen)
		d->used_at = now;
	else if (now - d->used_at >= IDLE_TIME)
		begin_end(ds, d);
	if (d->frames != d->seen && now - d->told_at >= TELL_EVERY)
		send_mark(ds, d, now);
	d->seen = d->frames;
}

void directs_run(struct directs *ds, usec now)
{
	for_used(ds, d, ALL) {
		if (d->state == DIRECT_ASKED && now - d->since >= ANSWER_TIME)
			finish(ds, d);
		if (d->held_at && now - d->held_at >= PATIENCE) {
			d->marked = true;
			d->held_at = 0;
			call_user(ds);
		}
		step(ds, d, now);
		if (d->state == DIRECT_LIVE && now >= d->look_at)
			look(ds, d, now);
	}
}

usec directs_deadline(const struct directs *ds)
{
	static const usec lasts[] = { [DIRECT_ASKED] = ANSWER_TIME, [DIRECT_ENDING] = LINGER };
	usec at = NEVER;

	for_used(ds, d, ALL) {
		at = MIN(at, d->state == DIRECT_LIVE ? d->look_at : d->since + lasts[d->state]);
		if (d->held_at)
			at = MIN(at, d->held_at + PATIENCE);
	}
	return at;
}

void directs_free(struct directs *ds)
{
	if (!ds)
		return;
	for_used(ds, d, ALL) {
		wire_ring(d->lane.wire);
		lane_drop(&d->lane);
		wire_close(d->lane.wire);
		if (!d->eof)
			wait_no_more(ds, d->sock);
		close(d->sock);
	}
	if (ds->file >= 0)
		close(ds->file);
	if (ds->poll >= 0)
		close(ds->poll);
	free(ds);
}
