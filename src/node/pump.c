/* pump.c - bytes between a program's descriptor and the stack's socket
 *
 *   program -> pair -> readv into the send buffer (reserve, commit) -> tcp_out
 *   tcp_in -> received extents (peek, consume) -> sendmsg -> pair -> program
 *
 * One copy by the kernel each way and none by us. Both descriptors' readiness
 * is edge triggered and remembered; a pump ends when each direction is blocked
 * on one side or the other, and whoever unblocks it marks the vsock dirty.
 */
#include <errno.h>
#include <poll.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "node/vsock_in.h"
#include "stack/stamp.h"

#define SPANS 4		/* of 64 KiB each, to be written to by one system call */
#define SYN_MOST 1460	/* no SYN takes more */
#define EXTENTS 64	/* received, of an MTU each perhaps, passed on by one */
#define ALL	INT32_MAX	/* as much to send as there is */

static size_t iov_total(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/* The end was read: is the program's end closed, though no event told yet? */
static bool closed(const struct vsock *vs)
{
	struct pollfd pfd = { .fd = vs->w.fd };

	return vs->hup || (poll(&pfd, 1, 0) > 0 && pfd.revents & POLLHUP);
}

static bool no_linger(const struct vsock *vs)
{
	return vs->so->linger_on && !vs->so->asked->linger;
}

/* The program will write no more: FIN, after what it wrote. */
static void out_end(struct vsock *vs)
{
	vs->readable = false;
	if (vs->eof_out)
		return;
	vs->eof_out = true;
	if (no_linger(vs))
		vs->hup = closed(vs);
	if (!vs->hup)		/* closed: closing the socket says FIN, or RST */
		sock_shutdown(vs->so, SHUT_WR);
}

/* The program closed with bytes unread: RST, as the kernel would (RFC 2525 2.17). */
static void out_abort(struct vsock *vs)
{
	vs->readable = false;
	vs->eof_out = vs->hup = true;
	if (vs->is_local)	/* only a token: closing the socket knows what is unread */
		return;
	vs->so->linger_on = true;
	sock_asked_own(vs->so)->linger = 0;
}

/* It was closed, having said before that it will write no more: did it read all? */
static bool left_unread(const struct vsock *vs)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(vs->w.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == ECONNRESET;
}

/* What is left of the filling goes once the program has written or closed.
 * False: it has not. */
static bool unfill(struct vsock *vs)
{
	struct pollfd pfd = { .fd = vs->w.fd, .events = POLLRDHUP };
	char junk[64];
	int there = 0;

	if (ioctl(vs->w.fd, FIONREAD, &there) == 0 && (size_t)there <= vs->fill &&
	    poll(&pfd, 1, 0) <= 0)
		return vs->readable = false;
	while (vs->fill) {
		ssize_t n = read(vs->w.fd, junk, MIN(vs->fill, sizeof(junk)));

		if (n <= 0)
			break;	/* reset: readv will say it too */
		vs->fill -= (size_t)n;
	}
	vs->fill = 0;
	return true;
}

/* An urgent byte that stands first in the program's end is sent as one. False:
 * there is no room for it now. */
static bool urgent_out(struct vsock *vs)
{
	struct pollfd pfd = { .fd = vs->w.fd, .events = POLLPRI };
	struct iovec iov = { &(char){ 0 }, 1 };
	int here = 0;

	vs->urgent = poll(&pfd, 1, 0) > 0 && pfd.revents & POLLPRI;
	if (!vs->urgent || ioctl(vs->w.fd, SIOCATMARK, &here) < 0 || !here ||
	    recv(vs->w.fd, iov.iov_base, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
		return true;
	if (sock_send(vs->so, &iov, 1, MSG_OOB | MSG_DONTWAIT, NULL) == -EAGAIN)
		return false;
	recv(vs->w.fd, iov.iov_base, 1, MSG_DONTWAIT);
	return true;
}

/* TCP_FASTOPEN_CONNECT: what the program writes first goes with the SYN. False:
 * it has written nothing yet. */
static bool syn_out(struct vsock *vs)
{
	uint8_t b[SYN_MOST];
	ssize_t n = recv(vs->w.fd, b, sizeof(b), MSG_PEEK | MSG_DONTWAIT);
	struct iovec iov = { b, n > 0 ? (size_t)n : 0 };

	if (n < 0 && errno == EAGAIN)
		return vs->readable = false;
	n = n > 0 ? sock_send(vs->so, &iov, 1, MSG_DONTWAIT, NULL) : 0;
	if (n > 0)
		recv(vs->w.fd, b, (size_t)n, MSG_DONTWAIT);
	return true;
}

/* There is no room for more (memory is short, if it has closed), but it may have closed,
 * and there is no more, or it is not wanted, or nobody is there any more. */
static void last_out(struct vsock *vs)
{
	char c;
	ssize_t n = vs->hup ? recv(vs->w.fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) : 1;

	if (n == 0 || (vs->hup && (no_linger(vs) || sock_events(vs->so) & EV_HUP)))
		out_end(vs);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		out_abort(vs);
}

/* Nobody is there to write more, or to read: what was written is the stack's to send, or
 * to drop, by the rules for connections whose user has closed. In the pair it would wait
 * for the peer, as long as that likes. */
static void take_over(struct vsock *vs)
{
	vs->so->sndbuf = ALL;
	vs->so->sndbuf_locked = true;
}

static void pump_out(struct vsock *vs)
{
	if (vs->bare)
		return;
	if (vs->hup)
		take_over(vs);
	if (vs->fill && vs->readable && !unfill(vs))
		return;
	if (vs->readable && sock_syn_waits(vs->so) && !syn_out(vs))
		return;
	while (vs->readable && !vs->eof_out) {
		struct iovec iov[SPANS];
		int n = SPANS;
		size_t room;
		ssize_t got;
		int error;

		if (vs->urgent && !urgent_out(vs))
			return;
		room = sock_reserve(vs->so, iov, &n);

		if (!room) {
			vs->urgent = true;	/* what comes meanwhile may be */
			last_out(vs);
			return;
		}
		got = readv(vs->w.fd, iov, n);
		error = errno;
		/* also when nothing came: what was reserved goes back */
		sock_commit(vs->so, got > 0 ? (size_t)got : 0);
		if (got > 0) {
			/* the end's own edge may be behind us: read up to it */
			if ((size_t)got == room)
				vs->urgent = true;	/* as above */
			else if (!vs->urgent && !vs->hup && !vs->shut_out)
				vs->readable = false;
		} else if (got == 0) {
			out_end(vs);
		} else if (error == EAGAIN) {
			vs->readable = false;
		} else if (error != EINTR) {
			out_abort(vs);
		}
	}
}

/* The peer's urgent byte, where the stream stands at it. False: no room now. */
static bool urgent_in(struct vsock *vs)
{
	struct iovec iov = { &(char){ 0 }, 1 };

	if (!sock_at_mark(vs->so))
		return true;
	if (!vs->no_in && !vs->writable)
		return false;
	sock_recv(vs->so, &iov, 1, MSG_OOB | MSG_PEEK, NULL);
	if (!vs->no_in && send(vs->w.fd, iov.iov_base, 1, MSG_OOB | MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    errno == EAGAIN) {
		vsock_full(vs);
		return false;
	}
	sock_recv(vs->so, &iov, 1, MSG_OOB, NULL);
	vs->plain = true;
	return true;
}

/* True when everything received so far was passed on. */
static bool pump_in(struct vsock *vs)
{
	for (;;) {
		struct iovec iov[EXTENTS];
		int n = EXTENTS;
		struct msghdr mh = { .msg_iov = iov };
		ssize_t put;

		if (!urgent_in(vs))
			return false;
		if (!sock_peek(vs->so, iov, &n))
			return true;
		mh.msg_iovlen = (size_t)n;
		if (vs->no_in) {
			sock_consume(vs->so, iov_total(iov, n));
			continue;
		}
		if (!vs->writable || (vs->lowat && vlowat_holds(vs)))
			return false;
		put = sendmsg(vs->w.fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
		vs->passed = true;
		if (put > 0 && stamp_wants_in(vs->so))
			vstamp_passed(vs, (size_t)put);
		if (put > 0)
			sock_consume(vs->so, (size_t)put);
		else if (errno == EAGAIN)
			vsock_full(vs);
		else if (errno == EPIPE && !vs->hup)
			vs->no_in = true;	/* shutdown(SHUT_RD): take and forget */
		else if (errno != EINTR)
			return false;
	}
}

/* The peer reset: the program's end has to say ECONNRESET, which it does when
 * its peer closes with a byte of its unread. */
static void in_reset(struct vsock *vs)
{
	int app;

	if (!vs->hup && !list_empty(&vs->watches) && vbare_dress(vs) < 0)
		return;		/* vsock_bury */
	app = vs->n->front && !vs->bare && !closed(vs) ? vs->n->front->app_end(vs) : -1;
	vs->resetting = app == -EINPROGRESS;
	if (vs->resetting)
		return;
	vsock_end(vs, app);
	if (app >= 0)
		close(app);
}

void vsock_end(struct vsock *vs, int app)
{
	int error = sock_take_error(vs->so);

	vs->resetting = false;
	if (app >= 0)
		send(app, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	vsock_bury(vs);
	vs->error = error;
}

/* Somebody takes it by calls. */
static bool leave_in(struct vsock *vs)
{
	struct iovec iov;
	int n = 1;
	bool all;

	if (sock_events(vs->so) & EV_PRI)
		return false;		/* no descriptor for a pair: looking would pass it over */
	all = !sock_peek(vs->so, &iov, &n);
	if (!all && sock_events(vs->so) & EV_IN)	/* SO_RCVLOWAT may say: not yet */
		vlocal_show(vs);
	return all;
}

static void stream_pump(struct vsock *vs)
{
	uint32_t ev;
	bool all;

	if (vs->full)
		vlocal_room(vs);
	pump_out(vs);
	if (vs->hup && vs->eof_out) {
		if (!vs->bare && !vs->is_local && left_unread(vs))
			out_abort(vs);
		vsock_bury(vs);		/* TCP finishes by itself */
		return;
	}
	vlocal_urgent(vs);
	if (vs->is_local)
		all = leave_in(vs);
	else
		all = vs->drains ? vs->eof_in : pump_in(vs);	/* nothing is behind its end */
	ev = sock_events(vs->so);
	if (vs->so->error && ev & EV_HUP) {
		if ((all && !vs->resetting) || vs->hup)
			in_reset(vs);
	} else if (all && ev & EV_HUP && !vs->eof_out) {
		vsock_bury(vs);		/* reset; the error was taken by SO_ERROR */
	} else if (all && ev & EV_RDHUP && !vs->eof_in) {
		vs->eof_in = true;
		if (!vs->bare)
			shutdown(vs->w.fd, SHUT_WR);
	}
}

void vsock_pump(struct vsock *vs)
{
	if (!vs->so || vs->unsure)
		return;
	if (vs->type != SOCK_STREAM)
		dgram_pump(vs);
	else if (vs->listening && vs->hup)
		vsock_bury(vs);
	else if (vs->listening)
		vsock_listen_pump(vs);
	else if (vs->connecting && !vs->hup)
		vsock_connect_pump(vs);
	else if (vs->connected)
		stream_pump(vs);
	else if (vs->hup)
		vsock_bury(vs);		/* before it was connected */
	if (vs->so)
		vsock_changed(vs);
}
