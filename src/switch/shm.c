/* shm.c - clients of a switch that share memory with it
 *
 * in:   bell -> plug_recv -> delivered -> core_input for each frame
 * out:  core -> port_out -> shm_out queues -> port_flush -> plug_flush
 *
 * The switch copies: a frame that arrives refers to its sender's memory and is
 * written to the receiver's wire, which takes only payload of its own arena, so a
 * client sees what is sent to it and nothing else. Clients take turns: a turn ends after
 * PLUG_BATCH frames, or once they went to TURN_OUTS ports, since a broadcast costs as
 * much as a frame to each. What comes from a data socket
 * becomes a packet first; what goes to one is cut (port.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/stranger.h"
#include "base/text.h"
#include "switch/mgmt.h"

#define PLUG_BATCH	256	/* frames of one reading */

static void input(struct client *c, const struct frame *f)
{
	core_input(&c->sw->core, c->port, f, c->sw->now);
	if (c->sw->outs > TURN_OUTS)
		shm_enough(c->plug);
}

static void delivered(struct plug *p, struct pkt *pkt)
{
	struct client *c = p->user;
	struct frame f = { .p = pkt_pull(pkt, FRAME_MIN), .len = pkt_wire_len(pkt), .pkt = pkt };

	if (f.p)
		input(c, &f);
	pkt_free(pkt);
}

static void delivered_small(struct plug *p, const struct wire_small *s)
{
	struct client *c = p->user;
	struct frame f = { .p = s->b, .len = s->rec.head_len, .small = s };

	input(c, &f);
}

/* Who waits for another is not read: his bells are, and he may get what he is sent. */
static void idle(struct client *c)
{
	if (!shm_idle(c->plug))
		hold_release(c);	/* gone: what he sent before is still read */
	hold_room(c);
}

void shm_read_on(struct client *c)
{
	struct sw *sw = c->sw;
	int n;

	list_del(&c->more);
	share_begin(c);
	n = plug_recv(c->plug, PLUG_BATCH);
	if (n >= 0 && c->plug->more && !c->waits)
		list_add_tail(&sw->more, &c->more);
	if (n == -EPIPE)
		client_free(c);
	else
		hold_room(c);
	port_flush(sw);		/* may end any client, this one too */
	share_end(sw);
}

static void bell(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, ctl);

	if (c->waits)
		idle(c);
	else
		shm_read_on(c);
}

struct pkt *frame_pkt(struct arena *a, const struct frame *f)
{
	struct pkt *pkt;

	if (f->pkt)
		return pkt_clone(f->pkt);
	if (f->small)
		return wire_small_pkt(f->small);
	pkt = pkt_new();
	if (pkt_append(pkt, a, f->p, f->len))
		return pkt;
	pkt_free(pkt);
	return NULL;
}

static bool out_small(struct client *c, const struct frame *f)
{
	struct wire_small s;

	if (f->small)
		return shm_put_small(c->plug, f->small);
	if (f->pkt || f->len > WIRE_INLINE)
		return false;
	wire_small_set(&s, f->p, f->len);
	return shm_put_small(c->plug, &s);
}

static void out_pkt(struct client *c, const struct frame *f)
{
	struct pkt *pkt = plug_room(c->plug) ? frame_pkt(c->plug->arena, f) : NULL;
	uint64_t drops = c->plug->tx_drops;

	if (pkt)
		plug_send(c->plug, pkt);
	c->sw->core.port[c->port].tx_drops += pkt ? c->plug->tx_drops - drops : 1;
}

void shm_out(struct client *c, const struct frame *f)
{
	if (c->meets && c->sw->pairs)
		intro_saw(c, f);
	if (!out_small(c, f))
		out_pkt(c, f);
	if (list_empty(&c->dirty))
		list_add_tail(&c->sw->dirty, &c->dirty);
	if (c->sw->core.whom == CORE_ONE && shm_is_full(c->plug))
		hold_saw(c);
}

bool shm_flush(struct client *c)
{
	if (plug_flush(c->plug) != -EPIPE)
		return true;
	client_free(c);
	return false;
}

void shm_leave(struct client *c)
{
	list_del(&c->more);
	loop_unwatch(c->sw->loop, &c->ctl);
	plug_close(c->plug);	/* and the socket */
	c->plug = NULL;
	c->ctl.fd = -1;
}

/* --- joining --- */

/* One descriptor is needed for its file here; the client's is closed once it is mapped. */
static const char *no_memory(void)
{
	if (errno == EMFILE || errno == ENFILE)
		return "the switch has no file descriptor left (raise its ulimit -n)";
	return errno == ENOMEM ? "the switch can map no more memory (see vm.max_map_count)" :
				 strerror(errno);
}

/* NULL, or why not. */
static const char *join(struct client *c, const struct shm_hello *h, struct wire **w)
{
	const char *why = port_choose(c, h->port, h->flags & SHM_PORT0);

	if (why)
		return why;
	if (c->file < 0)
		return "no memory came with the request, or the switch has no file "
		       "descriptor left (raise its ulimit -n)";
	*w = wire_new();
	if (!*w)
		return no_memory();
	why = wire_join(*w, c->file, c->ctl.fd);
	stranger_close(c->file, c->uid);
	c->file = -1;
	if (why) {
		wire_close(*w);
		*w = NULL;
	}
	return why;
}

/* What came behind the hello before files were refused: bells, and perhaps files, which
 * whoever hears bells would close. */
static void take_left(struct client *c)
{
	int left = 0;
	char bells[64];
	ssize_t n = 1;

	stranger_no_files(c->ctl.fd);
	ioctl(c->ctl.fd, FIONREAD, &left);
	for (; left > 0 && n > 0; left -= (int)n) {
		n = shm_get(c->ctl.fd, bells, sizeof(bells), &c->file);
		if (c->file >= 0)
			stranger_close(c->file, c->uid);
		c->file = -1;
	}
}

static void seat(struct client *c, const struct shm_hello *h, struct wire *w)
{
	c->plug = shm_new(w, CLAMP(h->mtu, (uint32_t)SHM_MTU_MIN, (uint32_t)SHM_MTU_MAX), false);
	c->plug->deliver = delivered;
	c->plug->user = c;
	shm_pass(c->plug, delivered_small);
	c->meets = h->flags & SHM_MEETS;
	c->ctl.ready = bell;
	take_left(c);
	list_del(&c->link);
	c->sw->n_half--;
	port_seat(c, h->descr);
	info("port %u: %s", c->port, c->descr);
}

static void request(struct client *c)
{
	struct shm_answer a = { .magic = SHM_MAGIC, .mtu = SHM_MTU_MAX };
	struct shm_hello h;
	struct wire *w = NULL;
	const char *why;

	memcpy(&h, c->request, sizeof(h));
	h.descr[SHM_DESCR_MAX] = 0;
	text_plain(h.descr);
	why = h.magic == SHM_MAGIC ? join(c, &h, &w) : "not a request";
	if (why) {
		info("refused %s of uid %u: %s", h.magic == SHM_MAGIC ? h.descr : "a client",
		     (unsigned)c->uid, why);
		event_tell(c->sw, EVENT_REFUSED, "uid %u \"%s\": %s", (unsigned)c->uid,
			   h.magic == SHM_MAGIC ? h.descr : "", why);
		a.error = EACCES;
		snprintf(a.why, sizeof(a.why), "%s", why);
	}
	a.port = c->port;
	if (shm_put(c->ctl.fd, &a, sizeof(a), w ? w->fd : -1) < 0 || !w) {
		if (w)
			wire_close(w);
		client_free(c);
		return;
	}
	close(w->fd);
	w->fd = -1;
	seat(c, &h, w);
	bell(&c->ctl, EPOLLIN);	/* one may have been among what was left */
}

void shm_hello_ready(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, ctl);
	ssize_t n = shm_get(c->ctl.fd, c->request + c->got, sizeof(struct shm_hello) - c->got,
			    &c->file);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	c->got += (uint32_t)n;
	if (c->got == sizeof(struct shm_hello))
		request(c);
}
