/* report_serve.c - the socket where a node answers "ioth show"
 *
 * Served by the node's own loop, so nothing here waits. A client has a place,
 * a line of at most REQUEST_MAX bytes to ask in, and an answer that is made at
 * once and sent as it reads. There are CLIENTS places: one more client takes
 * the place of the oldest, so who neither asks nor reads holds nobody up. The
 * directory and the socket in it are the user's alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/report.h"

#define CLIENTS		8
#define REQUEST_MAX	64

struct client {
	struct list	link;		/* report->clients, oldest first */
	struct watch	w;
	struct report	*r;
	char		ask[REQUEST_MAX];
	size_t		asked;
	char		*answer;	/* NULL: it has not asked yet */
	size_t		len, sent;
};

struct report {
	struct loop	*loop;
	struct stack	*st;
	const struct report_node *who;
	struct watch	w;
	struct list	clients;
	unsigned	n_clients;
	struct sockaddr_un addr;
};

static void client_free(struct client *c)
{
	loop_unwatch(c->r->loop, &c->w);
	close(c->w.fd);
	list_del(&c->link);
	c->r->n_clients--;
	free(c->answer);
	free(c);
}

static bool client_send(struct client *c)
{
	while (c->sent < c->len) {
		ssize_t n = send(c->w.fd, c->answer + c->sent, c->len - c->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return loop_watch(c->r->loop, &c->w, EPOLLOUT) == 0;
		if (n < 0)
			return false;
		c->sent += (size_t)n;
	}
	return false;		/* it has everything */
}

static void answer(struct client *c)
{
	FILE *out = open_memstream(&c->answer, &c->len);

	if (!out)
		return;
	if (!report_table(c->r->st, c->r->who, c->ask, out)) {
		putc('?', out);
		for (unsigned i = 0; report_table_name(i); i++)
			fprintf(out, "\t%s", report_table_name(i));
		putc('\n', out);
	}
	fclose(out);
}

/* False when the client is done with, one way or the other. */
static bool client_recv(struct client *c)
{
	ssize_t n = recv(c->w.fd, c->ask + c->asked, sizeof(c->ask) - c->asked, MSG_DONTWAIT);
	char *end;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->asked += (size_t)n;
	end = memchr(c->ask, '\n', c->asked);
	if (!end)
		return n > 0 && c->asked < sizeof(c->ask);
	*end = 0;
	answer(c);
	return c->answer && client_send(c);
}

static void client_ready(struct watch *w, uint32_t events)
{
	struct client *c = container_of(w, struct client, w);

	if (!(c->answer ? client_send(c) : client_recv(c)))
		client_free(c);
}

static void accept_client(struct watch *w, uint32_t events)
{
	struct report *r = container_of(w, struct report, w);
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	if (fd < 0)
		return;
	if (r->n_clients == CLIENTS)
		client_free(list_first(&r->clients, struct client, link));
	c = xzalloc(sizeof(*c));
	c->r = r;
	c->w = (struct watch){ .fd = fd, .ready = client_ready };
	list_add_tail(&r->clients, &c->link);
	r->n_clients++;
	if (loop_watch(r->loop, &c->w, EPOLLIN) < 0)
		client_free(c);
}

/* A directory that is ours and nobody else's. */
static int own_dir(const char *path, bool make)
{
	struct stat sb;

	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(path, &sb) < 0)
		return -errno;
	return S_ISDIR(sb.st_mode) && sb.st_uid == geteuid() && !(sb.st_mode & 022) ? 0 : -EACCES;
}

static int nodes_dir(const char *base, bool make, char buf[REPORT_DIR_LEN])
{
	int n = snprintf(buf, REPORT_DIR_LEN, "%s", base), ret;

	/* PID.sock must fit behind. */
	if (n < 0 || (size_t)n + sizeof("/nodes/4194304.sock") > REPORT_DIR_LEN)
		return -ENAMETOOLONG;
	ret = own_dir(buf, make);
	if (ret < 0)
		return ret;
	snprintf(buf + n, REPORT_DIR_LEN - (size_t)n, "/nodes");
	return own_dir(buf, make);
}

int report_dir(unsigned place, bool make, char buf[REPORT_DIR_LEN])
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char *base;
	int ret;

	if (place > 1)
		return -EINVAL;
	if (place == 0 && (!xdg || !*xdg))
		return -ENOENT;
	base = place == 0 ? xasprintf("%s/ioth", xdg) : xasprintf("/tmp/ioth-%u", geteuid());
	ret = nodes_dir(base, make, buf);
	free(base);
	return ret;
}

static int listen_at(struct sockaddr_un *sun, pid_t pid)
{
	char dir[REPORT_DIR_LEN];
	mode_t mask;
	int fd, ret;

	ret = report_dir(0, true, dir);
	if (ret < 0)
		ret = report_dir(1, true, dir);
	if (ret < 0) {
		errno = -ret;
		return -1;
	}
	sun->sun_family = AF_UNIX;
	ret = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/%d.sock", dir, (int)pid);
	if (ret < 0 || (size_t)ret >= sizeof(sun->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	unlink(sun->sun_path);		/* of a node of that number, long dead */
	mask = umask(0177);
	ret = bind(fd, (struct sockaddr *)sun, sizeof(*sun));
	umask(mask);
	if (ret < 0 || listen(fd, CLIENTS) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct report *report_start(struct loop *loop, struct stack *st, const struct report_node *who)
{
	struct sockaddr_un sun = { 0 };
	int fd = listen_at(&sun, who->pid);
	struct report *r;

	if (fd < 0)
		return NULL;
	r = xzalloc(sizeof(*r));
	*r = (struct report){ .loop = loop, .st = st, .who = who, .addr = sun,
			      .w = { .fd = fd, .ready = accept_client } };
	list_init(&r->clients);
	loop_watch(loop, &r->w, EPOLLIN);
	return r;
}

void report_stop(struct report *r)
{
	if (!r)
		return;
	while (!list_empty(&r->clients))
		client_free(list_first(&r->clients, struct client, link));
	loop_unwatch(r->loop, &r->w);
	close(r->w.fd);
	unlink(r->addr.sun_path);
	free(r);
}
