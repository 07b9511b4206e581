/* serve.c - a stack as a file: the socket at PATH, clients and users
 *
 * Who may open the file may have sockets: the file's mode and group decide, as
 * the kernel checks them. The user who runs the server, and root, may configure
 * the stack and see its frames (netlink, ioctls, packet and raw sockets); others
 * have only sockets, and no more of them, nor of connections and calls under
 * way, than is a user's share.
 *
 * All runs in the node's loop, driven by one thread. A message that comes is put
 * aside and done by the node's alarm, right after the events: what a call does
 * may look at events itself.
 */
#include "node/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sockfile.h"
#include "base/stranger.h"
#include "ioth.h"
#include "node/kernel.h"
#include "node/report.h"

#define CLIENTS_MAX	1024	/* connections of one user; fewer where descriptors are */
#define WAITING_MAX	4096	/* calls of one user */
#define LEAST		16	/* of anything */
#define FDS_KEPT	64	/* for calls under way, not for sockets */
#define BACKLOG		128

/* --- users --- */

static struct serve_user *user_get(struct serve *s, uid_t uid)
{
	struct serve_user *u;

	list_for(l, &s->users) {
		u = container_of(l, struct serve_user, link);
		if (u->uid == uid)
			return u;
	}
	u = xzalloc(sizeof(*u));
	u->uid = uid;
	list_add_tail(&s->users, &u->link);
	return u;
}

void serve_user_put(struct serve *s, struct serve_user *u)
{
	if (u->clients || u->sockets)
		return;
	list_del(&u->link);
	free(u);
}

/* --- clients --- */

void serve_todo(struct serve_client *cl)
{
	if (list_empty(&cl->todo))
		list_add_tail(&cl->s->todo, &cl->todo);
	cl->s->node->alarm_at = 0;
}

struct serve_client *serve_client_new(struct serve *s, int fd)
{
	struct serve_client *cl = xzalloc(sizeof(*cl));
	socklen_t len = sizeof(cl->cred);

	cl->cred.uid = (uid_t)-1;
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cl->cred, &len);
	cl->s = s;
	cl->user = user_get(s, cl->cred.uid);
	cl->w = (struct watch){ .fd = fd, .ready = serve_client_ready };
	list_init(&cl->todo);
	list_init(&cl->asked);
	list_init(&cl->answers);
	list_init(&cl->given);
	cl->serial = ++s->serials;
	list_add_tail(&s->clients, &cl->link);
	cl->user->clients++;
	if (cl->user->clients > s->max_clients || stranger_owes(cl->cred.uid) ||
	    loop_watch(s->node->loop, &cl->w, EPOLLIN) < 0) {
		serve_client_free(cl);
		return NULL;
	}
	stranger_files(fd);
	info("stack: client: pid %d, uid %u, gid %u", cl->cred.pid, cl->cred.uid, cl->cred.gid);
	return cl;
}

void serve_client_free(struct serve_client *cl)
{
	serve_forget_calls(cl);
	list_del(&cl->link);
	list_del(&cl->todo);
	loop_unwatch(cl->s->node->loop, &cl->w);
	stranger_hang_up(cl->w.fd, cl->cred.uid);
	cl->user->clients--;
	cl->user->unread -= cl->unread;
	serve_user_put(cl->s, cl->user);
	free(cl);
}

static int spare_fd(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left, and whoever waits would wake us without end: the spare one
 * is for taking it in and showing it out. */
static void turn_away(struct serve *s)
{
	close(s->spare);
	close(accept4(s->w.fd, NULL, NULL, SOCK_CLOEXEC));
	s->spare = spare_fd();
}

static void accept_client(struct watch *w, uint32_t events)
{
	struct serve *s = container_of(w, struct serve, w);
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		serve_client_new(s, fd);
	else if (errno == EMFILE || errno == ENFILE)
		turn_away(s);
}

/* Clients that were ready; some have gone meanwhile, and none goes while a call is
 * being done. */
void serve_alarm(struct node *n)
{
	struct serve *s = container_of(n->user, struct serve, calls);
	struct list now, *l;

	list_init(&now);
	list_splice_tail(&now, &s->todo);
	while ((l = list_pop(&now))) {
		struct serve_client *cl = container_of(l, struct serve_client, todo);

		if (!cl->gone)
			serve_client_do(cl);
		else
			serve_client_free(cl);
	}
	calls_late(&s->calls);
	if (!list_empty(&s->todo))
		n->alarm_at = 0;
}

/* --- the file --- */

/* A socket at which nobody listens any more goes; nothing else does. */
static void remove_remains(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat sb;

	if (fd >= 0 && lstat(sun->sun_path, &sb) == 0 && S_ISSOCK(sb.st_mode) &&
	    connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 && errno == ECONNREFUSED)
		unlink(sun->sun_path);
	close(fd);
}

/* Without a mode the umask's is the file's. */
static int bind_file(int fd, const struct sockaddr_un *sun, const struct serve_conf *conf)
{
	if (conf->mode)
		return -sockfile_bind(fd, sun);
	return bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? -errno : 0;
}

/* The mode is set before anybody can connect: who does not listen yet refuses. */
static int give_file(const char *path, const struct serve_conf *conf)
{
	if (conf->mode)
		return -sockfile_give(path, conf->mode, (uid_t)-1, conf->gid);
	if (conf->gid != (gid_t)-1 && lchown(path, (uid_t)-1, conf->gid) < 0)
		return -errno;
	return 0;
}

static int listen_at(struct serve *s, const struct serve_conf *conf)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat sb;
	int ret;

	if (strlen(conf->path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, conf->path);
	remove_remains(&sun);
	s->w = (struct watch){ .ready = accept_client };
	s->w.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->w.fd < 0)
		return -errno;
	stranger_no_files(s->w.fd);	/* who is turned away leaves none behind */
	ret = bind_file(s->w.fd, &sun, conf);
	if (ret < 0)
		return ret;
	s->path = realpath(conf->path, NULL);
	if (!s->path || stat(s->path, &sb) < 0)
		return -errno;
	s->dev = sb.st_dev;
	s->ino = sb.st_ino;
	ret = give_file(s->path, conf);
	if (ret == 0 && listen(s->w.fd, BACKLOG) < 0)
		ret = -errno;
	return ret < 0 ? ret : loop_watch(s->node->loop, &s->w, EPOLLIN);
}

/* Unless another file has that name by now. */
static void remove_file(const struct serve *s)
{
	struct stat sb;

	if (s->path && lstat(s->path, &sb) == 0 && sb.st_dev == s->dev && sb.st_ino == s->ino)
		unlink(s->path);
}

/* --- start and end --- */

static void *drive(void *arg)
{
	struct serve *s = arg;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE))
		node_drive(s->node);
	return NULL;
}

/* What one user may have is less than there is, all in all: each call that waits has a
 * descriptor, too. */
static void limits(struct serve *s, unsigned max_sockets)
{
	struct rlimit rl;
	unsigned fds;

	getrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur > 2 * FDS_KEPT)
		s->node->fd_max = (int)MIN(rl.rlim_cur - FDS_KEPT, INT_MAX);
	fds = (unsigned)s->node->fd_max;
	s->max_sockets = max_sockets ? max_sockets : MAX(fds / 2, LEAST);
	s->max_waiting = MIN(WAITING_MAX, MAX(fds / 4, LEAST));
	s->max_unread = MAX(fds / 4, LEAST);
	s->max_clients = MIN(CLIENTS_MAX, MAX(fds / 8, LEAST));
}

struct serve *serve_new(struct node *n, struct ioth *kernel)
{
	struct serve *s = xzalloc(sizeof(*s));

	s->node = n;
	s->kernel = kernel;
	s->w.fd = -1;
	s->spare = spare_fd();
	s->any = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->buf = xmalloc(SERVE_ROOM);
	list_init(&s->clients);
	list_init(&s->users);
	list_init(&s->todo);
	serve_calls_init(s);
	n->alarm = serve_alarm;
	limits(s, 0);
	return s;
}

void serve_free(struct serve *s)
{
	while (!list_empty(&s->clients))
		serve_client_free(list_first(&s->clients, struct serve_client, link));
	calls_end(&s->calls);
	netlink_end(&s->calls);
	loop_unwatch(s->node->loop, &s->w);
	if (s->w.fd >= 0)
		close(s->w.fd);
	close(s->spare);
	close(s->any);
	remove_file(s);
	node_free(s->node);
	if (s->kernel)
		ioth_delstack(s->kernel);
	while (!list_empty(&s->users))
		free(container_of(list_pop(&s->users), struct serve_user, link));
	free(s->path);
	free(s->buf);
	free(s);
}

static void show_clients(void *ctx, FILE *out)
{
	const struct serve *s = ctx;

	list_for(l, &s->clients) {
		const struct serve_client *cl = container_of(l, struct serve_client, link);
		unsigned calls = 0;

		list_for(k, &cl->asked)
			calls++;
		fprintf(out, "%d\t%u\t%u\t%u\t%u\n", cl->cred.pid, cl->cred.uid, cl->cred.gid,
			calls, cl->user->sockets);
	}
}

static void reporting(struct serve *s, const struct serve_conf *conf)
{
	for (int i = 0; i < conf->node.n_if; i++)
		s->nets[i] = conf->node.ifs[i].locator;
	s->who = (struct report_node){
		.name = conf->node.name, .pid = getpid(), .launcher = getpid(), .program = s->path,
		.nets = s->nets, .n_nets = conf->node.n_if, .clients = show_clients, .ctx = s,
	};
	s->report = report_start(s->node->loop, s->node->st, &s->who);
	if (!s->report)
		info("ioth show will not see this stack: %s", strerror(errno));
}

static char *listen_error(const char *path, int error)
{
	return error == -EADDRINUSE ?
	       xasprintf("%s is there already (a running stack, or another file); give another "
			 "path, or end that stack", path) :
	       xasprintf("cannot make the socket %s: %s", path, strerror(-error));
}

/* A kernel's stack beside a node that has nothing but the loop; or the node. */
static struct serve *with_stack(const struct serve_conf *conf, char **why)
{
	static const struct node_conf nothing;
	struct ioth *kernel = NULL;
	struct node *n;

	if (conf->node.kernel) {
		kernel = kernel_node(&conf->node);
		if (!kernel) {
			*why = xasprintf("no stack of the kernel's");
			return NULL;
		}
	}
	n = node_new(kernel ? &nothing : &conf->node, why);
	if (n) {
		vdns_load(n);
		return serve_new(n, kernel);
	}
	if (kernel)
		ioth_delstack(kernel);
	return NULL;
}

struct serve *serve_start(const struct serve_conf *conf, char **why)
{
	struct serve *s = with_stack(conf, why);
	int ret;

	if (!s)
		return NULL;
	limits(s, conf->max_sockets);
	ret = listen_at(s, conf);
	if (ret < 0)
		*why = listen_error(conf->path, ret);
	else
		reporting(s, conf);
	if (ret == 0 && pthread_create(&s->driver, NULL, drive, s) != 0) {
		*why = xasprintf("cannot start a thread");
		report_stop(s->report);
		ret = -EAGAIN;
	}
	if (ret == 0)
		return s;
	serve_free(s);
	return NULL;
}

void serve_stop(struct serve *s)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	node_kick(s->node);
	pthread_join(s->driver, NULL);
	report_stop(s->report);
	serve_free(s);
}
