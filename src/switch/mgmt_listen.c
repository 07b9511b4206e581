/* mgmt_listen.c - the sockets at which a switch's consoles are reached
 *
 * DIR/mgmt is its owner's alone, whoever may join the switch. The other is where
 * --mgmt says, with a mode and a group of its own. The mode is set before anybody can
 * connect: a socket that does not listen yet refuses.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sockfile.h"
#include "base/stranger.h"
#include "switch/mgmt.h"

#define BACKLOG		16
#define MODE_DEFAULT	0600

static int spare_fd(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left, and whoever waits would wake us without end: the spare one
 * is for taking it in and showing it out. */
static void turn_away(struct sw *sw, int listening)
{
	close(sw->mgmt.spare);
	close(accept4(listening, NULL, NULL, SOCK_CLOEXEC));
	sw->mgmt.spare = spare_fd();
}

static void accept_one(struct sw *sw, int listening)
{
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(cred);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		turn_away(sw, listening);
	if (fd < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	session_new(sw, fd, cred.uid);
}

static void own_ready(struct watch *w, uint32_t events)
{
	accept_one(container_of(w, struct sw, mgmt.own), w->fd);
}

static void given_ready(struct watch *w, uint32_t events)
{
	accept_one(container_of(w, struct sw, mgmt.given), w->fd);
}

static bool fail(const char *path, char **why)
{
	*why = errno == EADDRINUSE ?
	       xasprintf("%s: somebody listens there already (give another --mgmt)", path) :
	       xasprintf("cannot make the console's socket %s: %s", path, strerror(errno));
	return false;
}

/* A socket at which nobody listens any more goes. */
static void remove_remains(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(sun->sun_path);
	close(fd);
}

static bool listen_at(struct sw *sw, struct watch *w, const char *path, mode_t mode, gid_t gid,
		      char **why)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int rc;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		*why = xasprintf("%s: longer than %zu bytes, which a socket's address cannot hold",
				 path, sizeof(sun.sun_path) - 1);
		return false;
	}
	strcpy(sun.sun_path, path);
	remove_remains(&sun);
	w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	errno = w->fd < 0 ? errno : sockfile_bind(w->fd, &sun);
	if (errno)
		return fail(path, why);
	stranger_no_files(w->fd);
	errno = sockfile_give(path, mode, (uid_t)-1, gid);
	if (errno || listen(w->fd, BACKLOG) < 0) {
		fail(path, why);
		unlink(path);
		return false;
	}
	rc = loop_watch(sw->loop, w, EPOLLIN);
	errno = -rc;
	return rc ? fail(path, why) : true;
}

static bool listen_given(struct sw *sw, char **why)
{
	const struct switch_conf *conf = &sw->conf;
	mode_t mode = conf->mgmt_mode ? conf->mgmt_mode : MODE_DEFAULT;

	if (!conf->mgmt)
		return true;
	if (!listen_at(sw, &sw->mgmt.given, conf->mgmt, mode, conf->mgmt_gid, why))
		return false;
	sw->mgmt.path = realpath(conf->mgmt, NULL);
	return true;
}

bool mgmt_listen(struct sw *sw, char **why)
{
	char path[sizeof(sw->dir.path) + 8];

	sw->mgmt.own.ready = own_ready;
	sw->mgmt.given.ready = given_ready;
	sw->mgmt.spare = spare_fd();
	snprintf(path, sizeof(path), "%s/mgmt", sw->dir.path);
	return listen_at(sw, &sw->mgmt.own, path, MODE_DEFAULT, (gid_t)-1, why) &&
	       listen_given(sw, why);
}

static void stop(struct sw *sw, struct watch *w)
{
	if (w->fd < 0)
		return;
	loop_unwatch(sw->loop, w);
	close(w->fd);
	w->fd = -1;
}

/* DIR/mgmt goes with the directory. */
void mgmt_unlisten(struct sw *sw)
{
	stop(sw, &sw->mgmt.own);
	stop(sw, &sw->mgmt.given);
	close(sw->mgmt.spare);
	sw->mgmt.spare = -1;
	if (sw->mgmt.path)
		unlink(sw->mgmt.path);
	free(sw->mgmt.path);
	sw->mgmt.path = NULL;
}
