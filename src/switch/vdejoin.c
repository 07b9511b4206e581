/* vdejoin.c - who joins by VDE's ctl: his data socket and ours
 *
 * ctl.c -> vde_join -> a port, and a datagram socket connected to the client's
 *
 * The names of both sockets lie in the switch's directory, which clients may write: what
 * is found by a name is looked at by a descriptor, and used by that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sockfile.h"
#include "base/stranger.h"
#include "switch/client.h"

#define SEND_ROOM	(1 << 20)	/* net.core.wmem_max may be less */

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
	int rc;

	c->own = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(c->own.sun_path, sizeof(c->own.sun_path), "%s/%03u.%d", sw->dir.path,
		 c->port, c->data.fd);
	unlink(path);
	rc = sockfile_bind(c->data.fd, &c->own);
	if (rc)
		return rc;
	return sockfile_give(path, sw->conf.mode, geteuid() == 0 ? c->uid : (uid_t)-1,
			     geteuid() == 0 ? sw->conf.gid : (gid_t)-1);
}

static int open_data(struct client *c, const struct sockaddr_un *peer)
{
	const int room = SEND_ROOM;
	int rc;

	c->data.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->data.fd < 0)
		return errno;
	stranger_no_files(c->data.fd);
	setsockopt(c->data.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
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

const char *vde_join(struct client *c, const struct vde_request *rq)
{
	struct sw *sw = c->sw;
	const char *why = port_choose(c, rq->port, rq->port0);
	int rc;

	if (why)
		return why;
	rc = open_data(c, &rq->data);
	if (!rc) {
		c->data.ready = data_ready;
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

void vde_leave(struct client *c)
{
	close_data(c);
	remove_peer(c);
}
