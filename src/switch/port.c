/* port.c - the data sockets of a switch's clients
 *
 * in:   port_ready -> recvmmsg -> core_input for each frame
 * out:  core -> port_out stages the frame -> port_flush -> sendmmsg
 *
 * Frames of one reading stay in the memory of the batch until they are sent,
 * so forwarding copies nothing in user space and costs two system calls per
 * batch and client. Each client has a data socket of its own, hence a send
 * buffer of its own in the kernel; when it is full, frames for this client are
 * copied to its backlog, which is bounded: who does not read loses only
 * its own frames.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "switch/mgmt.h"
#include "switch/rules.h"

#define BACKLOG_MAX	(1u << 20)	/* bytes of memory for one client */
#define BUF_SIZE	9280		/* FRAME_MAX and up to a cache line */

static_assert(BUF_SIZE > FRAME_MAX, "a frame that is too long must be seen to be");

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

void port_init(struct sw *sw)
{
	sw->batch = xzalloc(sizeof(*sw->batch));
	sw->port = xzalloc(sw->core.n_ports * sizeof(sw->port[0]));
	for (uint32_t i = 0; i < sw->core.n_ports; i++) {
		list_init(&sw->port[i].clients);
		sw->port[i].user = (uid_t)-1;
		sw->port[i].group = (gid_t)-1;
	}
}

void port_fini(struct sw *sw)
{
	for (uint32_t i = 0; i < sw->core.n_ports; i++) {
		struct list *clients = &sw->port[i].clients;

		while (!list_empty(clients))
			client_free(list_first(clients, struct client, link));
	}
	free(sw->port);
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
	stage(c, &(struct staged){ .len = f.len, .pkt = pkt });
}

void port_out(void *ctx, uint32_t port, const struct frame *f)
{
	struct sw *sw = ctx;

	sw->outs++;
	list_for(l, &sw->port[port].clients) {
		struct client *c = container_of(l, struct client, link);

		if (c->held)
			held_out(c, f);
		else if (c->plug)
			shm_out(c, f);
		else if (f->pkt || f->small)
			offload_out(frame_pkt(NULL, f), stage_pkt, c);
		else
			stage(c, &(struct staged){ .p = f->p, .len = f->len });
	}
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
	if (sent >= 0)
		return sent;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
		return 0;
	if (errno != EMSGSIZE)
		return -1;
	c->sw->core.port[c->port].tx_drops++;
	return 1;
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
	if (list_empty(&c->backlog))
		loop_watch(c->sw->loop, &c->data, EPOLLIN);
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
		loop_watch(c->sw->loop, &c->data, EPOLLIN | EPOLLOUT);
	}
	drop_staged(c);
	return sent >= 0;
}

void port_flush(struct sw *sw)
{
	struct list *l;

	while ((l = list_pop(&sw->dirty))) {
		struct client *c = container_of(l, struct client, dirty);

		if (c->held)
			held_flush(c);
		else if (c->plug ? plug_flush(c->plug) == -EPIPE : !send_staged(c))
			client_free(c);
		else if (c->plug)
			hold_room(c);
	}
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

static void port_in(struct client *c)
{
	struct sw *sw = c->sw;
	int n = read_batch(c);
	usec now = now_mono();
	uint32_t len[BATCH];

	sw->outs = 0;
	for (int i = 0; i < n; i++)
		len[i] = sw->batch->msg[i].msg_len;
	for (int i = 0; i < n; i++) {
		struct frame f = { .p = sw->batch->buf[i], .len = len[i] };

		core_input(&sw->core, c->port, &f, now);
	}
	next_burst(c, (uint32_t)MAX(n, 0));
	port_flush(sw);
}

static void port_ready(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, data);

	/* Reading comes last: what is read may end any client, this one too. */
	if (events & EPOLLOUT && !list_empty(&c->backlog)) {
		drain(c);
		return;		/* level triggered: the frames are still there */
	}
	if (events & (EPOLLIN | EPOLLERR))
		port_in(c);
}

/* --- joining and leaving --- */

static bool is_free(const struct sw *sw, uint32_t port)
{
	return list_empty(&sw->port[port].clients);
}

static const char *choose_that(struct client *c, uint32_t port)
{
	const struct sw *sw = c->sw;

	c->port = port;
	if (port >= sw->conf.n_ports)
		return "there is no port of that number (see port/setnumports)";
	if (!port_admits(c, &sw->port[port]))
		return "the port is for another user or group (see port/setuser)";
	if (!is_free(sw, port) && sw->port[port].uid != c->uid)
		return "the port is taken by another user";
	return NULL;
}

static bool is_for(const struct client *c, const struct port *p)
{
	return list_empty(&p->clients) && !p->by_number && port_admits(c, p);
}

const char *port_choose(struct client *c, uint32_t port, bool port0)
{
	struct sw *sw = c->sw;

	if (port || port0)
		return choose_that(c, port);
	for (port = sw->taken + 1; port < sw->conf.n_ports && !is_free(sw, port); port++)
		sw->taken = port;
	while (port < sw->conf.n_ports && !is_for(c, &sw->port[port]))
		port++;
	c->port = port;
	return port < sw->conf.n_ports ? NULL : "no port is free (see ioth switch -n)";
}

void port_seat(struct client *c, const char *descr)
{
	struct sw *sw = c->sw;

	if (is_free(sw, c->port)) {
		core_port_up(&sw->core, c->port);
		event_tell(sw, EVENT_PORT_ADD, "%02u", c->port);
	} else {
		sw->core.changes++;
	}
	sw->port[c->port].exists = true;
	sw->port[c->port].uid = c->uid;
	c->id = ++sw->last_id;
	event_tell(sw, EVENT_END_ADD, "Port %02u FD %2u", c->port, c->id);
	list_add_tail(&sw->port[c->port].clients, &c->link);
	snprintf(c->descr, sizeof(c->descr), "%s", descr);
	c->up = true;
	event_tell(sw, EVENT_DESCR, "Port %02u FD %2u -> \"%s\"", c->port, c->id, c->descr);
}

/* A client may name only a socket of its own: else it could make us write
 * frames to any socket that we have access to. fd: the one that was looked at, for the
 * name may be another's by the time we connect; -1: in the abstract name space. */
static int open_peer(const struct client *c, const struct sockaddr_un *peer, int *fd)
{
	char path[sizeof(peer->sun_path) + 1] = { 0 };
	struct stat st;

	*fd = -1;
	if (!peer->sun_path[0])
		return 0;
	memcpy(path, peer->sun_path, sizeof(peer->sun_path));
	if (path[0] != '/')
		return EINVAL;
	*fd = open(path, O_PATH | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st) < 0)
		return errno;
	if (!S_ISSOCK(st.st_mode))
		return ENOTSOCK;
	return c->uid == 0 || st.st_uid == c->uid ? 0 : EPERM;
}

static int connect_path(int fd, int path_fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d", path_fd);
	return connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
}

/* The name is as long as the client made it: its whole field, or without the
 * zeros at its end. */
static int connect_abstract(int fd, const struct sockaddr_un *peer)
{
	size_t n = sizeof(peer->sun_path);

	if (connect(fd, (const struct sockaddr *)peer, sizeof(*peer)) == 0)
		return 0;
	while (n > 1 && !peer->sun_path[n - 1])
		n--;
	if (n == 1)
		return EDESTADDRREQ;	/* no name at all: there is no way to it */
	n += offsetof(struct sockaddr_un, sun_path);
	return connect(fd, (const struct sockaddr *)peer, (socklen_t)n) == 0 ? 0 : errno;
}

static int connect_peer(const struct client *c, const struct sockaddr_un *peer)
{
	int path_fd, rc = open_peer(c, peer, &path_fd);

	if (!rc)
		rc = path_fd < 0 ? connect_abstract(c->data.fd, peer) :
				   connect_path(c->data.fd, path_fd);
	if (path_fd >= 0)
		close(path_fd);
	return rc;
}

static int bind_own(struct client *c)
{
	const struct sw *sw = c->sw;
	const char *path = c->own.sun_path;

	c->own = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(c->own.sun_path, sizeof(c->own.sun_path), "%s/%03u.%d", sw->dir.path,
		 c->port, c->data.fd);
	unlink(path);
	if (bind(c->data.fd, (struct sockaddr *)&c->own, sizeof(c->own)) < 0)
		return errno;
	return dir_give(path, sw->conf.mode, geteuid() == 0 ? c->uid : (uid_t)-1,
			geteuid() == 0 ? sw->conf.gid : (gid_t)-1);
}

static int open_data(struct client *c, const struct sockaddr_un *peer)
{
	int rc;

	c->data.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->data.fd < 0)
		return errno;
	rc = connect_peer(c, peer);
	if (rc)
		return rc;
	c->peer = *peer;
	return bind_own(c);
}

static void close_data(struct client *c)
{
	if (c->data.fd < 0)
		return;
	loop_unwatch(c->sw->loop, &c->data);
	close(c->data.fd);
	c->data.fd = -1;
	if (c->own.sun_path[0])
		unlink(c->own.sun_path);
}

const char *port_join(struct client *c, const struct vde_request *rq)
{
	struct sw *sw = c->sw;
	const char *why = port_choose(c, rq->port, rq->port0);
	int rc;

	if (why)
		return why;
	rc = open_data(c, &rq->data);
	if (!rc) {
		c->data.ready = port_ready;
		c->burst = BATCH;
		rc = -loop_watch(sw->loop, &c->data, EPOLLIN);
	}
	if (rc) {
		close_data(c);
		return strerror(rc);
	}
	port_seat(c, rq->descr);
	return NULL;
}

/* A client that crashed has left its socket in our directory. */
static void remove_peer(const struct client *c)
{
	size_t n = strlen(c->sw->dir.path);
	char path[sizeof(c->peer.sun_path) + 1] = { 0 };

	memcpy(path, c->peer.sun_path, sizeof(c->peer.sun_path));
	if (strncmp(path, c->sw->dir.path, n) == 0 && path[n] == '/' && path[n + 1] == '.' &&
	    !strchr(path + n + 1, '/'))
		unlink(path);
}

void port_leave(struct client *c)
{
	event_tell(c->sw, EVENT_END_DEL, "Port %02u FD %2u", c->port, c->id);
	list_del(&c->link);
	list_del(&c->dirty);
	if (c->held) {
		held_leave(c);
	} else if (c->plug) {
		intro_leave(c);
		hold_leave(c);
		shm_leave(c);
	} else {
		drop_staged(c);
		while (!list_empty(&c->backlog))
			backlog_pop(c);
		close_data(c);
		remove_peer(c);
	}
	free(c->staged);
	if (!is_free(c->sw, c->port))
		return;
	event_tell(c->sw, EVENT_PORT_DEL, "%02u", c->port);
	core_port_down(&c->sw->core, c->port);
	if (!c->sw->port[c->port].by_number)	/* the next one there is another's */
		rules_end_mirrors(&c->sw->core, c->port);
	if (c->port && c->port <= c->sw->taken)
		c->sw->taken = c->port - 1;
}
