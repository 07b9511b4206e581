/* kernel_cable.c - the outside of a kernel stack: cables between interfaces and locators
 *
 * It opens the locators where the program is, so that they mean what they mean there,
 * then forks the inside, takes the far end of each interface from it and carries frames:
 * to a switch of ours in super-frames, read by the kernel straight into the memory that
 * the switch, or a neighbour, reads from (cable.c).
 *
 * A locator that ends takes the carrier from its interface: the stack sees an unplugged
 * cable (NO-CARRIER), as of a real one. The outside ends when the inside does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "node/kernel_in.h"
#include "plug/cable.h"
#include "plug/packetif.h"
#include "plug/shm.h"
#include "plug/tap.h"

#define NEAR	0		/* the end of a cable at the interface */

struct port {
	struct cable	*cable;		/* NULL: its locator has ended */
	struct kernel_end end;
	int		held;		/* its descriptor: the interface lives by it; -1: free */
};

struct outside {
	struct kernel_plan *plan;
	struct plug	*plug[KERNEL_IFS];	/* of the locators, while there is no cable */
	struct port	port[KERNEL_IFS];
	struct loop	*loop;
	struct watch	inside;
	bool		stop;
};

void kernel_tell(int ask, int error, const char *why)
{
	struct kernel_answer a = { .error = error };
	struct text t = text_of(a.text, sizeof(a.text));

	text_add(&t, "%s", why ? why : "");
	shm_put(ask, &a, sizeof(a), -1);
}

/* --- a process of its own --- */

/* Nothing that is opened later may be taken for a standard stream. */
static void fill_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/* What the program had open, and what it did with signals, is not ours. */
static void leave_program(int ask)
{
	sigset_t none;

	log_to(NULL, NULL);		/* who takes lines is the program's */
	fill_streams();
	syscall(SYS_close_range, 3, ask - 1, 0);
	syscall(SYS_close_range, ask + 1, ~0u, 0);
	setsid();
	prctl(PR_SET_NAME, "ioth-kernel");
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Whoever reads what the program writes shall see its end. */
static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	if (chdir("/") < 0)
		return;			/* some file system is held */
}

/* --- beginning --- */

static struct plug *open_plug(struct outside *o, const char *locator, char **why)
{
	struct plug_conf conf = {
		.descr = o->plan->descr, .introduce = true, .now = now_mono(),
	};

	return plug_open(locator, &conf, why);
}

static bool open_plugs(struct outside *o)
{
	struct kernel_plan *plan = o->plan;
	char *why;

	for (int i = 0; i < plan->n_if; i++) {
		o->plug[i] = open_plug(o, plan->ifs[i].locator, &why);
		if (!o->plug[i]) {
			kernel_tell(plan->ask, ENOENT, why);
			return false;
		}
		plan->ifs[i].mtu = o->plug[i]->mtu;
	}
	return true;
}

static struct plug *plug_of(const struct port *p, uint32_t mtu)
{
	int fd = fcntl(p->held, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return NULL;
	return p->end.tap ? tap_new(fd, mtu) : packetif_new(fd, p->end.name, mtu);
}

/* Its end comes from the inside. False: the inside has told why it does not. */
static bool join(struct outside *o, int i)
{
	struct port *p = &o->port[i];
	struct plug *near;

	if (shm_get(o->inside.fd, &p->end, sizeof(p->end), &p->held) != sizeof(p->end) ||
	    p->held < 0)
		return false;
	near = plug_of(p, o->plug[i]->mtu);
	if (!near)
		return false;
	p->cable = cable_new(o->loop, near, o->plug[i]);
	o->plug[i] = NULL;
	return true;
}

/* --- one more, when the stack is there already --- */

static void let_go(struct port *p)
{
	if (p->held >= 0)
		close(p->held);
	p->held = -1;
}

static bool is_there(const struct port *p)
{
	struct ifreq r = { .ifr_flags = 0 };

	memcpy(r.ifr_name, p->end.name, sizeof(r.ifr_name));
	return ioctl(p->held, p->end.tap ? TUNGETIFF : SIOCGIFINDEX, &r) == 0;
}

/* An interface that was deleted when its cable was out already is found here. */
static int free_port(struct outside *o)
{
	for (int i = 0; i < KERNEL_IFS; i++) {
		struct port *p = &o->port[i];

		if (!p->cable && p->held >= 0 && !is_there(p))
			let_go(p);
		if (p->held < 0)
			return i;
	}
	return -1;
}

static void say(struct outside *o, int error, int value, const char *text)
{
	struct kernel_answer a = { .error = error, .value = value };
	struct text t = text_of(a.text, sizeof(a.text));

	text_add(&t, "%s", text);
	shm_put(o->inside.fd, &a, sizeof(a), -1);
}

/* The other side of it is open: what comes next is its end. */
static void join_late(struct outside *o, int i)
{
	bool ok;

	say(o, 0, (int)o->plug[i]->mtu, "");
	ok = join(o, i);
	if (!ok) {
		plug_close(o->plug[i]);
		o->plug[i] = NULL;
		let_go(&o->port[i]);
	}
	say(o, ok ? 0 : EIO, 0, "");
}

static void add(struct outside *o, const struct kernel_ask *q)
{
	int i = free_port(o);
	char *why = NULL;

	if (i < 0)
		return say(o, ENOSPC, 0, "no more than 16 interfaces");
	o->plug[i] = open_plug(o, q->text, &why);
	if (o->plug[i])
		return join_late(o, i);
	say(o, ENOENT, 0, why);
	free(why);
}

static void inside_speaks(struct watch *w, uint32_t events)
{
	struct outside *o = container_of(w, struct outside, inside);
	struct kernel_ask q;
	int none = -1;

	if (shm_get(w->fd, &q, sizeof(q), &none) == sizeof(q))
		add(o, &q);
	else
		o->stop = true;
}

/* The inside, waiting for a word of ours. -errno. */
static pid_t fork_inside(struct outside *o)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		kernel_inside(o->plan, pair[1]);
	close(pair[1]);
	o->inside = (struct watch){ .fd = pair[0], .ready = inside_speaks };
	return pid;
}

static bool join_all(struct outside *o)
{
	o->loop = loop_new();
	if (!o->loop)
		return false;
	for (int i = 0; i < o->plan->n_if; i++) {
		if (!join(o, i))
			return false;
	}
	return loop_watch(o->loop, &o->inside, EPOLLIN | EPOLLRDHUP) == 0;
}

/* --- carrying --- */

/* An interface that was deleted has gone for good. */
static void unplug(struct port *p)
{
	struct ifreq r = { .ifr_flags = 0 };
	int off = 0;

	if (cable_error(p->cable, NEAR)) {
		let_go(p);
	} else if (p->end.tap) {
		ioctl(p->held, TUNSETCARRIER, &off);
	} else {
		memcpy(r.ifr_name, p->end.name, sizeof(r.ifr_name));
		ioctl(p->held, SIOCSIFFLAGS, &r);	/* down: the socket's namespace is meant */
	}
	cable_free(p->cable);
	p->cable = NULL;
}

static usec deadline(const struct outside *o)
{
	usec at = NEVER;

	for (int i = 0; i < KERNEL_IFS; i++) {
		usec due = o->port[i].cable ? cable_deadline(o->port[i].cable) : NEVER;

		at = MIN(at, due);
	}
	return at;
}

static void carry(struct outside *o)
{
	while (!o->stop && loop_wait(o->loop, deadline(o)) >= 0) {
		usec now = now_mono();

		for (int i = 0; i < KERNEL_IFS; i++) {
			struct port *p = &o->port[i];

			if (p->cable && !cable_run(p->cable, now))
				unplug(p);
		}
	}
}

/* Plugs say good-bye: a switch then knows at once. */
static void finish(struct outside *o)
{
	for (int i = 0; i < KERNEL_IFS; i++) {
		cable_free(o->port[i].cable);
		plug_close(o->plug[i]);
	}
}

void kernel_outside(struct kernel_plan *plan)
{
	struct outside o = { .plan = plan };
	pid_t inside;

	leave_program(plan->ask);
	for (int i = 0; i < KERNEL_IFS; i++)
		o.port[i].held = -1;
	if (!open_plugs(&o))
		_exit(1);
	inside = fork_inside(&o);
	if (inside < 0) {
		kernel_tell(plan->ask, (int)-inside, "kernel: cannot start a process");
		_exit(1);
	}
	close(plan->ask);
	if (join_all(&o) && shm_put(o.inside.fd, "", 1, -1) == 0) {
		leave_terminal();
		carry(&o);
	}
	finish(&o);
	close(o.inside.fd);
	waitpid(inside, NULL, 0);
	_exit(0);
}
