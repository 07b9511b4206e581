/* direct_bells.c - what wakes a plug with introduced wires, and what it hears then
 *
 * The switch's socket brings its bells and its introductions; a wire's socket first the
 * neighbour's file and then his bells, until its end. A user who cannot wait for
 * several descriptors (no plug.bell) waits for an epoll set of ours that has them all.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plug/direct_in.h"
#include "plug/shm.h"

bool direct_watch_main(struct directs *ds)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (ds->plug->bell)
		return true;
	ds->poll = epoll_create1(EPOLL_CLOEXEC);
	if (ds->poll >= 0 && epoll_ctl(ds->poll, EPOLL_CTL_ADD, ds->main->wire->bell, &ev) == 0)
		return true;
	if (ds->poll >= 0)
		close(ds->poll);
	return false;
}

bool direct_watch(struct directs *ds, int sock)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (ds->plug->bell)
		return ds->plug->bell(ds->plug, sock, true);
	return epoll_ctl(ds->poll, EPOLL_CTL_ADD, sock, &ev) == 0;
}

/* Closing it would not be enough: others may have it yet. */
void direct_unwatch(struct directs *ds, int sock)
{
	if (ds->plug->bell)
		ds->plug->bell(ds->plug, sock, false);
	else
		epoll_ctl(ds->poll, EPOLL_CTL_DEL, sock, NULL);
}

/* --- hearing --- */

static void read_bell(struct directs *ds, struct direct *d)
{
	char bells[64];
	ssize_t n;

	if (d->state == DIRECT_ASKED) {
		if (!direct_answered(ds, d))
			direct_finish(ds, d);
		return;
	}
	n = recv(d->sock, bells, sizeof(bells), MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		d->eof = true;
		direct_unwatch(ds, d->sock);
	}
	direct_step(ds, d, LATER);
}

/* Bells, and between them messages. */
static void read_words(struct directs *ds, const char *p, size_t n)
{
	for (; n; p++, n--) {
		if (!ds->got && *p != INTRO_KIND)
			continue;
		((char *)&ds->msg)[ds->got++] = *p;
		if (ds->got == sizeof(ds->msg)) {
			direct_introduced(ds, &ds->msg, ds->file);
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
		direct_step(ds, d, LATER);
	return there;
}

/* --- sleeping --- */

/* Bells for what is held would ring again and again. */
void directs_sleep(struct directs *ds)
{
	for_used(ds, d, ALL) {
		if (d->state >= DIRECT_LIVE && (!d->held || d->lane.queued))
			wire_sleep(d->lane.wire, d->lane.queued > 0);
	}
	for_used(ds, d, ALL)
		direct_step(ds, d, LATER);
}

static bool is_taken(const struct direct *d)
{
	return d->state >= DIRECT_LIVE && d->marked && !d->held && !d->lane.wire->why;
}

/* What comes before the mark, or is held, is not taken yet: no futex shall tell of it again
 * and again. */
bool directs_by_futex(struct directs *ds, struct futexes *f)
{
	for_used(ds, d, ALL) {
		if (is_taken(d) &&
		    !wire_by_futex(d->lane.wire, f))
			return false;
	}
	return true;
}

void directs_by_bell(struct directs *ds)
{
	for_used(ds, d, ALL)
		wire_by_bell(d->lane.wire);
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
		if (is_taken(d) && wire_waiting(d->lane.wire))
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
