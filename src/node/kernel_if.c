/* kernel_if.c - the interfaces of a kernel stack, and their far ends
 *
 * A tap, where taps may be had; else a veth whose twin lies in the other namespace, and a
 * packet socket bound to that. The far end is a descriptor for the outside, and the
 * interface goes with the last copy of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "node/kernel_in.h"
#include "plug/ifname.h"
#include "plug/packetif.h"
#include "plug/shm.h"
#include "plug/tap.h"

#define CARRIER_WAIT	500		/* microseconds, so often: a second and a half */
#define CARRIER_WAITS	3000

bool kernel_taps(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Linux sees a carrier a moment later; until then it throws away what is to be sent. */
static void wait_carrier(const char *name)
{
	for (int i = 0; i < CARRIER_WAITS && !kernel_link_ready(name); i++)
		usleep(CARRIER_WAIT);
}

/* --- the descriptor of the far end, or -1 with errno --- */

static int make_tap(const char *name, uint32_t mtu, struct kernel_end *end)
{
	char *why = NULL;
	int fd = tap_device(name, end->name, &why);

	free(why);
	if (fd >= 0)
		ifname_set_mtu(name, mtu);
	end->tap = true;
	return fd;
}

/* In the twin's namespace, which is entered and left. */
static int open_twin(const struct kernel_inside *in, const char *name)
{
	int fd = -1, error = 0;

	if (setns(in->twin_ns, CLONE_NEWNET) < 0)
		return -1;
	error = -kernel_link_silent(name);
	if (!error)
		error = -ifname_up(name);
	if (!error) {
		wait_carrier(name);
		fd = packetif_socket((int)if_nametoindex(name));
		error = errno;
	}
	if (setns(in->stack_ns, CLONE_NEWNET) < 0)
		abort();
	errno = error;
	return fd;
}

static int make_veth(const struct kernel_inside *in, const char *name, uint32_t mtu,
		     struct kernel_end *end)
{
	int rc = kernel_link_pair(name, name, in->twin_ns, mtu);

	*end = (struct kernel_end){ .tap = false };
	memcpy(end->name, name, strlen(name));
	if (!rc)
		return open_twin(in, name);
	errno = -rc;
	return -1;
}

int kernel_if_make(const struct kernel_inside *in, const char *name, uint32_t mtu)
{
	struct kernel_end end = { .tap = false };
	int fd = in->twin_ns < 0 ? make_tap(name, mtu, &end) : make_veth(in, name, mtu, &end);
	int error = fd < 0 ? errno : 0;

	if (!error)
		wait_carrier(name);
	if (shm_put(in->ends, &end, sizeof(end), fd) < 0)
		_exit(1);		/* the outside has gone */
	if (fd >= 0)
		close(fd);
	return error;
}

/* --- one more, when the stack is there already --- */

static int check(const char *name)
{
	if (ifname_check(name) || strchr(name, ' '))
		return EINVAL;
	return if_nametoindex(name) ? EEXIST : 0;
}

static void choose(char name[IFNAMSIZ])
{
	int i = 0;

	do
		snprintf(name, IFNAMSIZ, "vde%d", i++);
	while (if_nametoindex(name));
}

/* What the outside says; ENETDOWN: it has gone. */
static struct kernel_answer hear(int ends)
{
	struct kernel_answer a;
	int none = -1;
	ssize_t n;

	do
		n = shm_get(ends, &a, sizeof(a), &none);
	while (n == -EINTR);
	if (n != sizeof(a))
		a = (struct kernel_answer){ .error = ENETDOWN };
	return a;
}

/* First its cable's far side, since the MTU is that one's. */
static struct kernel_answer join(const struct kernel_inside *in, const struct kernel_ask *q,
				 const char *name)
{
	struct kernel_answer a;
	int error;

	if (shm_put(in->ends, q, sizeof(*q), -1) < 0)
		return (struct kernel_answer){ .error = ENETDOWN };
	a = hear(in->ends);
	if (a.error)
		return a;
	error = kernel_if_make(in, name, (uint32_t)a.value);
	a = hear(in->ends);
	if (error)
		a.error = error;
	return a;
}

struct kernel_answer kernel_if_add(const struct kernel_inside *in, struct kernel_ask *q)
{
	struct kernel_answer a = { .error = 0 };

	q->text[sizeof(q->text) - 1] = q->name[IFNAMSIZ - 1] = 0;
	if (!*q->name)
		choose(q->name);
	a.error = check(q->name);
	if (!a.error)
		a = join(in, q, q->name);
	if (!a.error)
		a.value = (int)if_nametoindex(q->name);
	return a;
}
