/* switch_clients.c - whoever connects to a running switch says what he likes
 *
 * Input: steps of up to eight strangers: connect to ctl, shm or mgmt (the console), send
 * bytes, with or without a descriptor, send a true hello with a file, hang up; and turns of
 * the switch. When all have hung up nobody is half open, at a port or at a console (who sent
 * his own end as a descriptor: in five seconds), and no descriptor is left. What consoles have set stays for the next 63 inputs.
 *
 * The words "load" and "setuser", "setgroup" are taken out: they read files of the
 * machine.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cursor.h"
#include "plug/shm.h"
#include "switch/mgmt.h"
#include "switch_here.h"

#define STRANGERS	8

static int sock[STRANGERS];
static int file;			/* a good one of a wire */

static void start(void)
{
	if (!loop) {
		file = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		CHECK(file >= 0 && ftruncate(file, sizeof(struct wire_file)) == 0);
		CHECK(pwrite(file, &(uint32_t){ WIRE_MAGIC }, 4, 0) == 4);
		CHECK(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	}
	here_start();
}

static void turn(usec later)
{
	CHECK(loop_wait(loop, 0) >= 0);
	switch_run(sw, now_mono() + later);
}

static void dial(int *s, uint8_t which)
{
	static const char *const names[] = { "ctl", "shm", "mgmt", "mgmt" };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (*s >= 0)
		return;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/%s", dir, names[which & 3]);
	*s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CHECK(*s >= 0);
	if (connect(*s, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		close(*s);
		*s = -1;
	}
}

static void hang_up(int *s)
{
	if (*s >= 0)
		close(*s);
	*s = -1;
}

/* What would read files of the machine says nothing. */
static void blot(uint8_t *p, size_t n)
{
	for (size_t i = 0; i + 4 <= n; i++) {
		if (memcmp(p + i, "load", 4) == 0 || memcmp(p + i, "setu", 4) == 0 ||
		    memcmp(p + i, "setg", 4) == 0)
			p[i] = '#';
	}
	for (size_t i = 0; i < n && i < 3; i++)	/* and no word goes on from one message to the next */
		p[n - 1 - i] = p[n - 1 - i] == 'l' || p[n - 1 - i] == 's' ? '#' : p[n - 1 - i];
}

static void say(int s, struct rd *r)
{
	uint8_t how = rd_u8(r), b[256];
	size_t n = MIN((size_t)rd_u8(r), rd_left(r));

	rd_copy(r, b, n);
	blot(b, n);
	if (s < 0 || !n)
		return;
	if (how & 1)
		shm_put(s, b, n, how & 2 ? file : s);
	else
		send(s, b, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say_hello(int s, struct rd *r)
{
	struct shm_hello h = { .magic = SHM_MAGIC, .port = rd_u8(r) % 20u, .mtu = rd_u16(r),
			       .descr = "fuzz" };

	if (s >= 0)
		shm_put(s, &h, sizeof(h), file);
}

static void step(struct rd *r)
{
	uint8_t op = rd_u8(r);
	int *s = &sock[op >> 5];

	switch (op & 7) {
	case 0: dial(s, op >> 3); break;
	case 1: case 2: say(*s, r); break;
	case 3: say_hello(*s, r); break;
	case 4: hang_up(s); break;
	default: turn(0);
	}
}

static bool anybody(void)
{
	bool any = sw->n_half || !list_empty(&sw->mgmt.sessions);

	for (uint32_t i = 0; i < sw->conf.n_ports; i++)
		any |= !list_empty(&sw->port[i].clients);
	return any;
}

static int next_descriptor(void)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, 0);

	close(fd);
	return fd;
}

/* Files that strangers gave are closed in a thread, the other end of their own socket, too. */
static void all_leave(void)
{
	for (int i = 0; i < 6000 && anybody() && !switch_stopped(sw); i++) {
		turn(i ? HALF_OPEN_TIME : 0);
		if (i > 1000)
			usleep(1000);
	}
}

static bool closes_all(int next)
{
	for (int i = 0; i < 5000 && next_descriptor() != next; i++)
		usleep(1000);
	return next_descriptor() == next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned inputs;
	struct rd r = rd_of(data, size);
	int before;

	if (inputs++ % INPUTS == 0 || switch_stopped(sw))
		start();
	before = next_descriptor();
	for (int i = 0; i < STRANGERS; i++)
		sock[i] = -1;
	while (rd_left(&r) && !switch_stopped(sw))
		step(&r);
	for (int i = 0; i < STRANGERS; i++)
		hang_up(&sock[i]);
	all_leave();
	if (!switch_stopped(sw)) {
		CHECK(!anybody());
		CHECK(closes_all(before));
	}
	return 0;
}
