/* vdgram.c - datagrams between a program's descriptor and the stack
 *
 * What a program writes without an address goes to its connected peer, and waits in the
 * pair while there is no room on the way there. What
 * arrives is put into the program's end as it is, so read() and recv(), which
 * nobody traps, give the bare datagram. recvfrom() with an address and recvmsg()
 * are trapped and read from the program's end on its behalf; the source travels
 * in the same kernel message as a memfd holding a struct msg (a note), so it can
 * never go with another datagram. Notes are cached while there are datagram sockets:
 * one per recent source.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/rights.h"
#include "base/stranger.h"
#include "node/vring.h"
#include "node/vsock_in.h"
#include "stack/stamp.h"

#define NOTES	16
#define BURST	64		/* datagrams of one program at a time */
#define DGRAM_MAX 65536
#define NOTE_ERROR INT_MIN	/* in msg.flags: no datagram, an error to tell */

/* A program may take the note itself, and with its end of the pair do what it likes:
 * what is not signed is none of ours. */
struct note {
	struct msg	m;
	uint64_t	sign;
};

struct dgram_notes {
	struct hash_key key;
	struct {
		struct msg	m;
		int		fd;
	} v[NOTES];
	unsigned	next;
	uint8_t		buf[DGRAM_MAX];
};

static struct dgram_notes *notes(struct node *n)
{
	if (!n->notes) {
		n->notes = xmalloc(sizeof(*n->notes));	/* what of buf is not used stays untouched */
		n->notes->next = 0;
		hash_key_system(&n->notes->key);
		for (int i = 0; i < NOTES; i++)
			n->notes->v[i].fd = -1;
	}
	return n->notes;
}

void dgram_notes_free(struct node *n)
{
	for (int i = 0; n->notes && i < NOTES; i++) {
		if (n->notes->v[i].fd >= 0)
			close(n->notes->v[i].fd);
	}
	free(n->notes);
	n->notes = NULL;
}

static int note_write(int fd, const struct note *note)
{
	if (fd < 0)
		return fd;
	if (write(fd, note, sizeof(*note)) == sizeof(*note) &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
		return fd;
	close(fd);
	return -1;
}

static void note_read(struct node *n, int fd, struct msg *m)
{
	struct note note;
	int seals = fcntl(fd, F_GET_SEALS);	/* what has none might block us */

	if (seals >= 0 && seals & F_SEAL_WRITE &&
	    pread(fd, &note, sizeof(note), 0) == sizeof(note) &&
	    hash64(&notes(n)->key, &note.m, sizeof(note.m)) == note.sign)
		*m = note.m;
	else
		memset(m, 0, sizeof(*m));
}

/* A memfd that holds what m says of a datagram's source; the cache's own. */
static int note_fd(struct node *n, const struct msg *m)
{
	struct dgram_notes *ns = notes(n);
	struct note note = { .sign = 0 };
	unsigned i;

	memcpy(&note.m, m, sizeof(*m));
	note.m.len = 0;
	for (i = 0; i < NOTES; i++) {
		if (ns->v[i].fd >= 0 && memcmp(&ns->v[i].m, &note.m, sizeof(note.m)) == 0)
			return ns->v[i].fd;
	}
	i = ns->next++ % NOTES;
	if (ns->v[i].fd >= 0)
		close(ns->v[i].fd);
	memcpy(&ns->v[i].m, &note.m, sizeof(note.m));
	note.sign = hash64(&ns->key, &note.m, sizeof(note.m));
	ns->v[i].fd = note_write(limit_memfile("ioth-source", sizeof(note)), &note);
	return ns->v[i].fd;
}

static bool is_from(const struct msg *m, const struct endpoint *peer)
{
	return ip_eq(&m->peer.addr, &peer->addr) && m->peer.port == peer->port &&
	       m->peer.ifindex == peer->ifindex;
}

/* Datagrams of a connected socket all come from one place, the first that it was
 * connected to; those of another that follows, or that came before, do not. */
static bool needs_note(struct vsock *vs, const struct msg *m)
{
	const struct sock *so = vs->so;
	struct endpoint peer;

	if (!vs->home.port && sock_peer(so, &peer) == 0)
		vs->home = peer;
	return m->segment || m->path_mtu || !vs->home.port || !is_from(m, &vs->home) ||
	       stamp_wants_in(so) || so->rxq_ovfl ||
	       sock_wants(so, WANT_ANY & ~(WANT_ERRORS | WANT_DONTFRAG));
}

/* True if it is with the program or lost for good; false: no room now. */
static bool deliver(struct vsock *vs, const struct msg *m, const void *data, size_t len)
{
	struct iovec iov = { (void *)data, len };
	RIGHTS(1) ctl;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = m->flags == NOTE_ERROR || needs_note(vs, m) ? note_fd(vs->n, m) : -1;

	if (fd >= 0)
		rights_put(&mh, &ctl, &fd, 1);
	if (sendmsg(vs->w.fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EAGAIN)
		return true;		/* lost, as datagrams may be */
	vsock_full(vs);
	return false;
}

static struct held *hold(const struct msg *m, const void *data, size_t len)
{
	struct held *h = xmalloc(sizeof(*h) + len);

	h->m = *m;
	h->len = len;
	memcpy(h->data, data, len);
	return h;
}

/* An ICMP error came for what was sent. It is SO_ERROR, and the program's end shows
 * one too; or an empty datagram wakes whoever polls. A trapped receive then fails
 * with it. */
static void tell_error(struct vsock *vs, int error)
{
	struct msg m;

	vs->error = error;
	if (vs->wd) {
		vpair_error(vs);
		return;
	}
	memset(&m, 0, sizeof(m));
	m.flags = NOTE_ERROR;
	deliver(vs, &m, "", 0);
}

/* What the program does not ask for would make each note another. */
static void leave_out(const struct vsock *vs, struct msg *m)
{
	socklen_t len = sizeof(int);
	int aux = 0;

	if (vs->family != AF_PACKET)
		return;
	if (!vs->so->stamp)
		m->when = 0;
	sock_getopt(vs->so, SOL_PACKET, PACKET_AUXDATA, &aux, &len);
	if (!aux)
		m->frame.len = 0;
}

static void pump_in(struct vsock *vs)
{
	uint8_t *buf = notes(vs->n)->buf;

	if (vs->held) {
		if (!vs->writable || !deliver(vs, &vs->held->m, vs->held->data, vs->held->len))
			return;
		free(vs->held);
		vs->held = NULL;
	}
	while (!vs->drains) {
		struct iovec iov = { buf, DGRAM_MAX };
		struct msg m;
		ssize_t len;

		memset(&m, 0, sizeof(m));
		len = sock_recv(vs->so, &iov, 1, MSG_DONTWAIT, &m);
		if (len == -EAGAIN)
			return;
		if (len < 0) {
			tell_error(vs, (int)-len);
			if (!vs->so->error)
				continue;
			return;
		}
		leave_out(vs, &m);
		if (!deliver(vs, &m, buf, (size_t)len)) {
			vs->held = hold(&m, buf, (size_t)len);
			return;
		}
	}
}

/* Nothing read: an empty datagram, or the program has shut its end? */
static bool write_shut(const struct vsock *vs)
{
	struct pollfd pfd = { .fd = vs->w.fd, .events = POLLRDHUP };

	return vs->hup || (poll(&pfd, 1, 0) > 0 && pfd.revents & (POLLRDHUP | POLLHUP));
}

/* False: there is no room now; we are told when there is. */
static bool send_out(struct vsock *vs, void *data, size_t len)
{
	struct iovec iov = { data, len };
	ssize_t ret = sock_send(vs->so, &iov, 1, MSG_DONTWAIT, NULL);

	if (ret == -ECONNREFUSED) {	/* of an earlier one: say so, send this */
		tell_error(vs, ECONNREFUSED);
		ret = sock_send(vs->so, &iov, 1, MSG_DONTWAIT, NULL);
	}
	return ret != -EAGAIN || sock_events(vs->so) & EV_OUT;
}

/* What the program wrote that had no room. */
static bool send_unsent(struct vsock *vs)
{
	if (vs->unsent && !send_out(vs, vs->unsent->data, vs->unsent->len))
		return false;
	free(vs->unsent);
	vs->unsent = NULL;
	return true;
}

/* Without room the program is left to wait for it: its end fills. */
static void pump_out(struct vsock *vs)
{
	uint8_t *buf = notes(vs->n)->buf;

	if (!send_unsent(vs))
		return;
	for (int i = 0; vs->readable; i++) {
		ssize_t len;

		if (i == BURST) {	/* it may write as fast as we read */
			vsock_again(vs);
			return;
		}
		len = recv(vs->w.fd, buf, DGRAM_MAX, MSG_DONTWAIT);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 || (len == 0 && write_shut(vs))) {
			vs->readable = false;
			return;
		}
		if (!send_out(vs, buf, (size_t)len)) {
			vs->unsent = hold(&(struct msg){ .len = 0 }, buf, (size_t)len);
			return;
		}
	}
}

void dgram_pump(struct vsock *vs)
{
	pump_out(vs);
	if (vs->hup) {
		vsock_bury(vs);
		return;
	}
	if ((vs->is_local || vs->drains) && vs->so->error) {
		vlocal_end(vs, -1);	/* the pair has to show it */
		pump_in(vs);
		vlocal_changed(vs);
	}
	if (vs->ring)
		vring_pump(vs);
	else if (!vs->is_local)
		pump_in(vs);
	else if (sock_events(vs->so) & EV_IN)
		vlocal_show(vs);
	vhold_end(vs);
}

static uid_t user_of(const struct vsock *vs)
{
	return vs->n->front && vs->n->front->whose ? vs->n->front->whose(vs) : geteuid();
}

/* Takes the note out of the ancillary data; every descriptor is closed. */
static void take_note(struct vsock *vs, struct msghdr *mh, struct msg *m)
{
	int fds[RIGHTS_MAX];
	size_t count = rights_all(mh, fds, RIGHTS_MAX);

	for (size_t i = 0; i < count; i++) {
		note_read(vs->n, fds[i], m);
		stranger_close(fds[i], user_of(vs));
	}
}

/* Bytes the buffers got, when the datagram was longer. */
static ssize_t cut_length(const struct iovec *iov, int n)
{
	ssize_t len = 0;

	for (int i = 0; i < n; i++)
		len += (ssize_t)iov[i].iov_len;
	return len;
}

/* The next datagram in the program's end; m->flags is NOTE_ERROR for none. */
static ssize_t next_dgram(struct vsock *vs, int app, const struct iovec *iov, int n, int flags,
			  struct msg *m)
{
	RIGHTS(RIGHTS_MAX) ctl;
	struct msghdr mh = {
		.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n,
		.msg_control = ctl.b, .msg_controllen = sizeof(ctl.b),
	};
	ssize_t len;

	memset(m, 0, sizeof(*m));
	if (stranger_owes(user_of(vs)))
		return -ENOBUFS;
	len = recvmsg(app, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC | (flags & MSG_PEEK));
	if (len < 0)
		return -errno;
	if (vs->so && vs->home.port) {
		m->peer = vs->home;
		m->local = vs->so->local.addr;
	}
	take_note(vs, &mh, m);
	if (m->flags == NOTE_ERROR)
		return 0;
	m->len = (uint32_t)len;
	m->flags = mh.msg_flags & MSG_TRUNC;
	return m->flags && !(flags & MSG_TRUNC) ? cut_length(iov, n) : len;
}

/* The errors lie in the stack's socket; the one that the program was waked for
 * is the one that is read now. */
static ssize_t error_recv(struct vsock *vs, int app, const struct iovec *iov, int n,
			  struct msg *m)
{
	ssize_t len = vs->so ? sock_recv(vs->so, iov, n, MSG_ERRQUEUE, m) : -EAGAIN;

	if (len < 0)
		return len;
	vs->error = sock_take_error(vs->so);
	if (vs->wd) {
		vpair_take_error(app);
		if (vs->error)
			vpair_error(vs);
	}
	return len;
}

/* The error is where the program's reads find it, and may have found it already. */
static ssize_t plain_recv(struct vsock *vs, int app, const struct iovec *iov, int n, int flags,
			  struct msg *m)
{
	for (;;) {
		ssize_t len = next_dgram(vs, app, iov, n, flags, m);
		int error = vs->error;

		if (len >= 0)
			return len;
		vs->error = 0;
		if (len != -ECONNRESET)
			return len;
		if (error)
			return -error;
	}
}

ssize_t dgram_recv(struct vsock *vs, int app, const struct iovec *iov, int n, int flags,
		   struct msg *m)
{
	if (flags & MSG_ERRQUEUE)
		return error_recv(vs, app, iov, n, m);
	if (vs->ring)
		return -EAGAIN;		/* there the frames are */
	if (vs->wd)
		return plain_recv(vs, app, iov, n, flags, m);
	for (;;) {
		ssize_t len = next_dgram(vs, app, iov, n, flags, m);
		int error = vs->error;

		if (len < 0 && (len != -EAGAIN || !error))
			return len;
		if (len >= 0 && m->flags != NOTE_ERROR)
			return len;
		if (flags & MSG_PEEK && len >= 0)	/* the empty one was only looked at */
			recv(app, &(char){ 0 }, 1, MSG_DONTWAIT);
		vs->error = 0;
		if (error)
			return -error;
	}
}
