/* ctl.c - the server's half of VDE's ctl protocol
 *
 * in:   ctl_accept -> half open -> ctl_ready reads a request -> vde_join
 *
 * A request has no length: it is complete when its fixed part is there, and
 * what came in the same write behind it is the description. The answer is the
 * address of the client's port; a refusal is the end of the stream, at once.
 * Whoever connects and says nothing, or too little, is closed after 5 s, and
 * when there are too many of them the oldest goes first: they cannot keep
 * others out. After the answer the stream is silent; its end is the port's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sockfile.h"
#include "base/stranger.h"
#include "switch/mgmt.h"

#define ACCEPT_BATCH	16
#define PAUSE		(100 * USEC_PER_MSEC)	/* after a lack of descriptors */

static void half_remove(struct client *c)
{
	list_del(&c->link);
	c->sw->n_half--;
}

void client_free(struct client *c)
{
	struct sw *sw = c->sw;

	if (c->up) {
		info("port %u: %s left", c->port, c->descr);
		port_leave(c);
	} else {
		half_remove(c);
	}
	if (sw->from == c)
		sw->from = NULL;
	loop_unwatch(sw->loop, &c->ctl);
	if (c->ctl.fd >= 0)
		stranger_hang_up(c->ctl.fd, c->uid);
	if (c->file >= 0)
		stranger_close(c->file, c->uid);
	free(c);
}

static void answer(struct client *c)
{
	info("port %u: %s", c->port, c->descr);
	if (send(c->ctl.fd, &c->own, sizeof(c->own), MSG_DONTWAIT | MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(c->own))
		client_free(c);
}

static void request(struct client *c)
{
	struct vde_request rq = { 0 };
	enum vde_parse state = vde_request_parse(c->request, c->got, &rq);
	const char *why;

	if (state == VDE_MORE)
		return;
	if (state == VDE_BAD) {
		info("a client of uid %u sent what is not a request", (unsigned)c->uid);
		client_free(c);
		return;
	}
	half_remove(c);
	why = vde_join(c, &rq);
	if (!why) {
		answer(c);
		return;
	}
	info("refused %s of uid %u: %s", rq.descr, (unsigned)c->uid, why);
	event_tell(c->sw, EVENT_REFUSED, "uid %u \"%s\": %s", (unsigned)c->uid, rq.descr, why);
	list_add_tail(&c->sw->half, &c->link);
	c->sw->n_half++;
	client_free(c);
}

static void ctl_ready(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, ctl);
	uint8_t noise[VDE_REQUEST_MAX];
	uint8_t *to = c->up ? noise : c->request + c->got;
	size_t room = c->up ? sizeof(noise) : sizeof(c->request) - c->got;
	ssize_t n = recv(c->ctl.fd, to, room, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	if (!c->up) {
		c->got += (uint32_t)n;
		request(c);
	}
}

static void drop_oldest(struct sw *sw)
{
	client_free(list_first(&sw->half, struct client, link));
}

struct client *client_own(struct sw *sw)
{
	struct client *c = xzalloc(sizeof(*c));

	c->sw = sw;
	c->uid = geteuid();
	c->ctl = (struct watch){ .fd = -1 };
	c->file = -1;
	c->data = (struct watch){ .fd = -1 };
	list_init(&c->dirty);
	list_init(&c->more);
	hold_init(c);
	list_init(&c->backlog);
	return c;
}

static void client_new(struct sw *sw, int fd, void (*ready)(struct watch *, uint32_t))
{
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);
	struct client *c = client_own(sw);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	if (sw->n_half == HALF_OPEN_MAX)
		drop_oldest(sw);
	c->uid = cred.uid;
	c->ctl = (struct watch){ .fd = fd, .ready = ready };
	c->deadline = now_mono() + HALF_OPEN_TIME;
	list_add_tail(&sw->half, &c->link);
	sw->n_half++;
	if (loop_watch(sw->loop, &c->ctl, EPOLLIN) < 0)
		client_free(c);
}

/* No descriptor is left. The oldest silent client gives its own; if there is
 * none, listening pauses, since the waiting connection would wake us at once. */
static void no_fd(struct sw *sw)
{
	if (sw->n_half) {
		drop_oldest(sw);
		return;
	}
	info("no file descriptor left for another client (raise ulimit -n)");
	loop_unwatch(sw->loop, &sw->ctl);
	if (sw->shm.fd >= 0)
		loop_unwatch(sw->loop, &sw->shm);
	sw->resume = now_mono() + PAUSE;
}

static void accept_all(struct sw *sw, int listening, void (*ready)(struct watch *, uint32_t))
{
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				no_fd(sw);
			return;
		}
		client_new(sw, fd, ready);
	}
}

static void ctl_accept(struct watch *w, uint32_t events)
{
	accept_all(container_of(w, struct sw, ctl), w->fd, ctl_ready);
}

static void shm_accept(struct watch *w, uint32_t events)
{
	accept_all(container_of(w, struct sw, shm), w->fd, shm_hello_ready);
}

static bool fail(struct sw *sw, char **why, const char *what)
{
	*why = xasprintf("%s: %s: %s", sw->dir.path, what, strerror(errno));
	ctl_close(sw);
	return false;
}

static bool listen_at(struct sw *sw, struct watch *w, const char *name, char **why)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int rc;

	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return fail(sw, why, "socket");
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", sw->dir.path, name);
	errno = sockfile_bind(w->fd, &sun);
	if (!errno)
		errno = sockfile_give(sun.sun_path, sw->conf.mode, (uid_t)-1, sw->conf.gid);
	if (errno)
		return fail(sw, why, name);
	if (listen(w->fd, SOMAXCONN) < 0)
		return fail(sw, why, "listen");
	rc = loop_watch(sw->loop, w, EPOLLIN);
	errno = -rc;
	return rc ? fail(sw, why, "watch") : true;
}

/* shm first: who sees ctl may count on it. */
bool ctl_open(struct sw *sw, char **why)
{
	sw->ctl = (struct watch){ .fd = -1, .ready = ctl_accept };
	sw->shm = (struct watch){ .fd = -1, .ready = shm_accept };
	if (!(sw->conf.classic || listen_at(sw, &sw->shm, "shm", why)) ||
	    !listen_at(sw, &sw->ctl, "ctl", why))
		return false;
	stranger_no_files(sw->ctl.fd);
	return true;
}

static void stop_listening(struct sw *sw, struct watch *w)
{
	if (w->fd < 0)
		return;
	loop_unwatch(sw->loop, w);
	close(w->fd);
	w->fd = -1;
}

void ctl_close(struct sw *sw)
{
	while (sw->n_half)
		drop_oldest(sw);
	stop_listening(sw, &sw->ctl);
	stop_listening(sw, &sw->shm);
}

void ctl_run(struct sw *sw, usec now)
{
	struct client *c;

	while ((c = list_first(&sw->half, struct client, link)) && c->deadline <= now) {
		info("a client of uid %u sent no request", (unsigned)c->uid);
		client_free(c);
	}
	if (sw->resume <= now) {
		sw->resume = NEVER;
		loop_watch(sw->loop, &sw->ctl, EPOLLIN);
		if (sw->shm.fd >= 0)
			loop_watch(sw->loop, &sw->shm, EPOLLIN);
	}
}

usec ctl_deadline(const struct sw *sw)
{
	const struct client *c = list_first(&sw->half, struct client, link);

	return MIN(c ? c->deadline : NEVER, sw->resume);
}
