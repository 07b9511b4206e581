/* remote.c - the program's calls are done by a stack server (ioth run --stack PATH)
 *
 * The supervisor stays what it is, an ancestor of the program: that is what may
 * read its memory and descriptors, where the server, which may be another
 * user's, may not. It makes a message of each trapped call (node/serve.h) and sends
 * it with the descriptor that the call is about; the call is parked until the
 * answer comes. What is not a socket of that server's goes on in the kernel: a
 * pair has the rights of who made it, so no descriptor of anybody else's is shown
 * to the server.
 *
 * A call that a signal of the program ends is ended by the server, which may have
 * done it by then: no connection and no datagram is lost on the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/serve.h"
#include "run/run.h"

#define SPARES	16	/* memory of calls that is kept */

/* A call that the server has. */
struct asking {
	struct list	link;		/* remote.unsent, or none */
	struct call	*c;
	struct serve_pack p;
	int		fd;		/* to go along */
	bool		cancelled;
};

struct remote {
	struct watch	w;		/* the connection */
	struct runner	*r;
	struct ucred	server;
	int		any;		/* a socket of ours, for calls that need any */
	struct list	calls;		/* call.wait */
	struct list	unsent;
	struct list	words;		/* to be sent after those */
	struct serve_pack event;	/* where what is no answer goes */
	uint8_t		event_mem[sizeof(struct serve_end)];
	uint64_t	next_id;
	uint8_t		*spare[SPARES];
	unsigned	n_spare;
};

/* Something else than a call. */
struct word {
	struct list	link;		/* remote.words */
	struct serve_pack p;
	int		fd;		/* ours to close; -1 */
};

static int mem_read(const struct serve_mem *m, uint64_t addr, void *buf, size_t n)
{
	return target_read(m->pid, addr, buf, n);
}

static int mem_write(const struct serve_mem *m, uint64_t addr, const void *buf, size_t n)
{
	return target_write(m->pid, addr, buf, n);
}

static struct serve_mem mem_of(const struct call *c)
{
	return (struct serve_mem){ mem_read, mem_write, c->pid };
}

void remote_forget(struct call *c)
{
	struct remote *rm = container_of(c->of, struct runner, calls)->remote;
	struct asking *a = c->owner;

	if (!a)
		return;
	list_del(&a->link);
	if (rm->n_spare < SPARES) {
		rm->spare[rm->n_spare++] = a->p.mem;
		a->p.mem = NULL;
	}
	serve_pack_end(&a->p);
	free(a);
	c->owner = NULL;
}

/* --- asking --- */

static void watch(struct remote *rm)
{
	bool more = !list_empty(&rm->unsent) || !list_empty(&rm->words);

	loop_watch(rm->r->calls.node->loop, &rm->w, EPOLLIN | (more ? EPOLLOUT : 0));
}

static void word_free(struct word *w)
{
	list_del(&w->link);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

static void send_words(struct remote *rm)
{
	struct word *w;

	while ((w = list_first(&rm->words, struct word, link)) &&
	       serve_send(rm->w.fd, &w->p, w->fd, MSG_DONTWAIT) != -EAGAIN)
		word_free(w);
}

/* In the order in which they came. Our duplicate of a descriptor goes with it. */
static void send_some(struct remote *rm)
{
	struct asking *a;

	while ((a = list_first(&rm->unsent, struct asking, link))) {
		if (serve_send(rm->w.fd, &a->p, a->fd, MSG_DONTWAIT) == -EAGAIN)
			break;
		list_del(&a->link);
		if (a->c->app >= 0)
			close(a->c->app);
		a->c->app = -1;
	}
	if (list_empty(&rm->unsent))
		send_words(rm);
	watch(rm);
}

static void say(struct remote *rm, int nr, uint64_t id, int fd)
{
	struct word *w = xzalloc(sizeof(*w));

	w->p.ask = (struct serve_ask){ .magic = SERVE_MAGIC, .nr = nr, .id = id,
				       .flags = SERVE_SUPERVISOR };
	w->fd = fd;
	list_add_tail(&rm->words, &w->link);
	send_some(rm);
}

static struct asking *asking_new(struct remote *rm, struct call *c)
{
	struct asking *a = xzalloc(sizeof(*a));

	a->c = c;
	a->fd = -1;
	a->p.ahead = -1;
	a->p.mem = rm->n_spare ? rm->spare[--rm->n_spare] : xmalloc(SERVE_ROOM);
	list_init(&a->link);
	c->owner = a;
	return a;
}

/* Interfaces are asked for on any socket, by if_nametoindex() on an AF_UNIX one. */
static bool on_any(const struct call *c)
{
	return c->nr == SYS_ioctl && (node_ioctl_size((uint32_t)ARG(c, 1), AF_INET) ||
				      (uint32_t)ARG(c, 1) == SIOCGIFCONF);
}

/* The descriptor to go along; -1: none; or what to answer. */
static long find_fd(struct remote *rm, struct call *c)
{
	if (c->nr == SYS_socket)
		return -1;
	c->app = call_fd(c, (int)ARG(c, 0));
	if (c->app == -EMFILE || c->app == -ENFILE || c->app == -ENOMEM)
		return -ENOBUFS;	/* it may be one of the server's */
	if (c->app < 0)
		return CALL_CONTINUE;
	if (serve_gave(&rm->server, c->app))
		return c->app;
	return on_any(c) ? rm->any : CALL_CONTINUE;
}

long remote_call(struct call *c)
{
	struct remote *rm = container_of(c->of, struct runner, calls)->remote;
	struct serve_mem mem = mem_of(c);
	struct asking *a;
	long fd, ret;

	if (c->started)
		return CALL_PARK;
	if (rm->w.fd < 0)
		return c->nr == SYS_socket ? -ENETDOWN : CALL_CONTINUE;
	fd = find_fd(rm, c);
	if (fd < -1)
		return fd;
	if (fd == c->app && serve_is_data(&mem, c->app, c->nr, c->args))
		return CALL_CONTINUE;
	a = asking_new(rm, c);
	ret = serve_pack(&a->p, &mem, c->nr, c->args);
	if (ret)
		return ret;
	a->p.ask.id = rm->next_id++;
	a->p.ask.flags = SERVE_SUPERVISOR;
	a->fd = (int)fd;
	c->started = true;
	c->waits = &rm->calls;
	list_add_tail(&rm->unsent, &a->link);
	send_some(rm);
	return CALL_PARK;
}

void remote_cancel(struct call *c)
{
	struct remote *rm = container_of(c->of, struct runner, calls)->remote;
	struct asking *a = c->owner;

	if (a->cancelled || rm->w.fd < 0)
		return;
	a->cancelled = true;
	say(rm, SERVE_CANCEL, a->p.ask.id, -1);
}

/* --- answers --- */

static struct call *call_of(struct remote *rm, uint64_t id)
{
	list_for(l, &rm->calls) {
		struct call *c = container_of(l, struct call, wait);

		if (((struct asking *)c->owner)->p.ask.id == id)
			return c;
	}
	return NULL;
}

static struct serve_pack *pack_of(void *ctx, uint64_t id)
{
	struct remote *rm = ctx;
	struct call *c = call_of(rm, id);

	if (id == SERVE_EVENT)
		return &rm->event;
	return c ? &((struct asking *)c->owner)->p : NULL;
}

/* The descriptor that came is the program's, or the error why it cannot be; a
 * connection that cannot waits for the next accept (as Linux: lost with a bad address). */
static void answered(struct remote *rm, struct call *c, const struct serve_answer *an, int fd)
{
	struct asking *a = c->owner;
	uint64_t id = a->p.ask.id;
	bool accepts = c->nr == SYS_accept || c->nr == SYS_accept4;
	struct serve_mem mem = mem_of(c);
	long ret = an->ret;

	if (!call_valid(c))
		ret = -EINTR;
	else if (ret >= 0 && serve_unpack(&a->p, &mem, ret) < 0)
		ret = -EFAULT;
	if (fd >= 0 && ret >= 0 && c->nr == SYS_socket) {	/* it may be a real one */
		ret = notify_hand_over(c, fd, an->cloexec);
		fd = -1;
	} else if (fd >= 0 && ret >= 0) {
		ret = call_give(c, fd, an->cloexec);
	}
	if (ret != CALL_ANSWERED && (fd < 0 || ret < 0))
		c->of->front->answer(c, ret);
	call_free(c);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && accepts)
		say(rm, ret < 0 && ret != -EFAULT ? SERVE_REFUSED : SERVE_TAKEN, id, -1);
}

/* A socket was reset: its end shows it if the server has it in hand. */
static void end_wanted(struct remote *rm)
{
	struct serve_end se;
	struct end e;

	memcpy(&se, rm->event_mem, sizeof(se));
	e = (struct end){ se.cookie, se.inode, se.pid, se.fd };
	say(rm, SERVE_END, se.cookie, target_find(rm->r, &e));
}

/* The server has gone, and its sockets with it. */
static void server_gone(struct remote *rm)
{
	struct call *c;

	info("the stack server has ended");
	loop_unwatch(rm->r->calls.node->loop, &rm->w);
	close(rm->w.fd);
	rm->w.fd = -1;
	while ((c = list_first(&rm->calls, struct call, wait))) {
		c->of->front->answer(c, -ENETDOWN);
		call_free(c);
	}
}

static void ready(struct watch *w, uint32_t events)
{
	struct remote *rm = container_of(w, struct remote, w);
	struct serve_answer an;
	int fd, ret;

	if (events & EPOLLOUT)
		send_some(rm);
	while ((ret = serve_recv(w->fd, &an, MSG_DONTWAIT, &fd, pack_of, rm)) == 0) {
		struct call *c = call_of(rm, an.id);

		if (c)
			answered(rm, c, &an, fd);
		else if (fd >= 0)
			close(fd);
		if (an.id == SERVE_EVENT)
			end_wanted(rm);
	}
	if (ret != -EAGAIN && ret != -EINTR)
		server_gone(rm);
}

struct remote *remote_open(struct runner *r, const char *path, char **why)
{
	struct remote *rm = xzalloc(sizeof(*rm));
	int fd = serve_connect(path, &rm->server);

	if (fd < 0) {
		*why = xasprintf("--stack %s: %s", path, fd == -ECONNREFUSED || fd == -ENOENT ?
				 "no stack is running there; start one: ioth stack -d PATH" :
				 strerror(-fd));
		free(rm);
		return NULL;
	}
	rm->r = r;
	rm->any = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rm->w = (struct watch){ .fd = fd, .ready = ready };
	list_init(&rm->calls);
	list_init(&rm->unsent);
	list_init(&rm->words);
	rm->event = (struct serve_pack){ .mem = rm->event_mem, .ahead = -1,
					 .ask.room = sizeof(rm->event_mem) };
	loop_watch(r->calls.node->loop, &rm->w, EPOLLIN);
	return rm;
}

void remote_close(struct remote *rm)
{
	if (!rm)
		return;
	if (rm->w.fd >= 0) {
		loop_unwatch(rm->r->calls.node->loop, &rm->w);
		close(rm->w.fd);
	}
	close(rm->any);
	while (!list_empty(&rm->words))
		word_free(list_first(&rm->words, struct word, link));
	while (rm->n_spare)
		free(rm->spare[--rm->n_spare]);
	free(rm);
}
