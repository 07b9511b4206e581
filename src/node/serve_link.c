/* serve_link.c - a connection to a stack server, for those who ask
 *
 * A server is as little to be believed as its clients: what it says was written
 * lies within the room that was asked for, or it is no server.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rights.h"
#include "node/serve.h"

#define STREAM_CUT	65536
#define ACCEPT_MS	10000

static int creds(int fd, struct ucred *c)
{
	socklen_t len = sizeof(*c);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, c, &len) < 0 ? -errno : 0;
}

int serve_connect(const char *path, struct ucred *server)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int conn, ret;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (conn < 0)
		return -errno;
	ret = connect(conn, (struct sockaddr *)&sun, sizeof(sun)) < 0 ? -errno : 0;
	if (ret == 0)
		ret = creds(conn, server);
	if (ret == 0)
		return conn;
	close(conn);
	return ret;
}

/* A pair has the rights of the process that made it. */
bool serve_gave(const struct ucred *server, int fd)
{
	struct ucred c;

	return creds(fd, &c) == 0 && c.pid == server->pid && c.uid == server->uid;
}

static bool is_stream(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

/* Something may come beside the bytes (TCP_INQ). */
static bool wants_more(const struct serve_mem *m, uint64_t at)
{
	struct msghdr h;

	return m->read(m, at, &h, sizeof(h)) == 0 && h.msg_control && h.msg_controllen;
}

bool serve_is_data(const struct serve_mem *m, int fd, int nr, uint64_t args[6])
{
	switch (nr) {
	case SYS_sendmmsg:
	case SYS_recvmmsg:
		return is_stream(fd);
	case SYS_sendmsg:
		return !(args[2] & MSG_FASTOPEN) && is_stream(fd);
	case SYS_recvmsg:
		return !(args[2] & MSG_ERRQUEUE) && is_stream(fd) && !wants_more(m, args[1]);
	case SYS_recvfrom:
		return !(args[3] & MSG_TRUNC) && is_stream(fd);
	case SYS_sendto:
		if (args[2] > STREAM_CUT && is_stream(fd))
			args[2] = STREAM_CUT;
	}
	return false;
}

/* Descriptors can be sent when the server has accepted us, which it does soon. */
static bool not_yet(int error, unsigned *ms)
{
	return error == EPERM && (*ms)++ < ACCEPT_MS && poll(NULL, 0, 1) <= 0;
}

int serve_send(int conn, const struct serve_pack *p, int fd, int flags)
{
	RIGHTS(1) ctl;
	struct iovec iov[] = { { (void *)&p->ask, sizeof(p->ask) }, { p->mem, p->len } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	unsigned ms = 0;

	if (fd >= 0)
		rights_put(&mh, &ctl, &fd, 1);
	while (sendmsg(conn, &mh, flags | MSG_NOSIGNAL) < 0) {
		if (errno != EINTR && !not_yet(errno, &ms))
			return errno == EPERM ? -ECONNRESET : -errno;
	}
	return 0;
}

/* Of what call it is, is seen before it is taken: its memory is received in place. */
static int peek(int conn, struct serve_answer *an, int flags)
{
	ssize_t n = recv(conn, an, sizeof(*an), flags | MSG_PEEK);

	if (n < 0)
		return -errno;
	return n == sizeof(*an) ? 0 : n ? -EPROTO : -ECONNRESET;
}

static int recv_one(int conn, struct serve_answer *an, int flags, int *fd, struct serve_pack **found,
		    struct serve_pack *(*find)(void *ctx, uint64_t id), void *ctx)
{
	RIGHTS(1) ctl;
	struct iovec iov[2] = { { an, sizeof(*an) } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2,
			     .msg_control = ctl.b, .msg_controllen = CMSG_LEN(sizeof(int)) };
	struct serve_pack *p;
	ssize_t n;
	int ret = peek(conn, an, flags);

	*fd = -1;
	if (ret < 0)
		return ret;
	p = *found = find(ctx, an->id);
	if (p && p->mem && an->from <= p->ask.room)
		iov[1] = (struct iovec){ p->mem + an->from, p->ask.room - an->from };
	n = recvmsg(conn, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	if (p) {
		p->lo = an->from;
		p->hi = an->from + (uint32_t)((size_t)n - sizeof(*an));
	}
	*fd = rights_get(&mh);
	if (!(mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		return 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return -EPROTO;
}

static void keep_ahead(struct serve_pack *p, int fd, bool cloexec)
{
	if (fd >= 0 && (!p || p->ahead >= 0))
		close(fd);		/* nobody waits for it, or for a second one */
	else if (fd >= 0)
		p->ahead = fd;
	if (p)
		p->ahead_cloexec = cloexec;
}

int serve_recv(int conn, struct serve_answer *an, int flags, int *fd,
	       struct serve_pack *(*find)(void *ctx, uint64_t id), void *ctx)
{
	struct serve_pack *p;
	int ret;

	while ((ret = recv_one(conn, an, flags, fd, &p, find, ctx)) == 0 && an->ret == SERVE_AHEAD)
		keep_ahead(p, *fd, an->cloexec);
	if (ret < 0 || !p || p->ahead < 0 || *fd >= 0)
		return ret;
	*fd = p->ahead;
	an->cloexec = p->ahead_cloexec;
	p->ahead = -1;
	return 0;
}

void serve_pack_end(struct serve_pack *p)
{
	if (p->ahead >= 0)
		close(p->ahead);
	free(p->mem);
}
