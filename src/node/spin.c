/* spin.c - may a thread look for news instead of sleeping, and for how long?
 *
 * To be woken costs some 25 us on a machine whose other core is idle, to look costs a
 * core. So a thread looks for the time that a few wake-ups take (busy_read), if what it waited for has
 * come soon lately (also when it slept: whoever it waits for may have slept as well), and
 * only while there are no more runnable threads in the machine than
 * cores we may run on: /proc/loadavg counts them, asked once a millisecond, and has to
 * say so three times; and a yield that takes long has let somebody run who waited for our very core.
 *
 * What is known is of the process, in atomics: a wrong guess costs a little time.
 */
#include "node/spin.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/loop.h"

#define SOON		((usec)300)
#define ASK_EVERY	USEC_PER_MSEC
#define CROWD		3	/* a kernel thread runs for a moment, now and then */
#define CROWDED_FOR	(5 * USEC_PER_MSEC)
#define YIELD_LONG	((usec)500)	/* somebody used up a slice */
#define SKIP_MOST	16

static _Atomic usec asked_at, crowded_until;
static atomic_int cores;		/* 0: not asked yet */
static atomic_uint crowded;		/* answers in a row that there were too few */

static int count_cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);
}

/* "0.00 0.01 0.05 RUNNABLE/ALL LAST": we are one of the runnable. */
static bool enough_cores(int n)
{
	char text[64];
	int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int runnable = 1;

	if (fd >= 0)
		close(fd);
	if (len > 0) {
		text[len] = 0;
		sscanf(text, "%*s %*s %*s %d", &runnable);
	}
	return runnable <= n;
}

static bool may_spin(usec now)
{
	int n = cores;

	if (!n)
		cores = n = count_cores();
	if (n < 2 || now < crowded_until)
		return false;
	if (now - asked_at >= ASK_EVERY) {
		asked_at = now;
		if (enough_cores(n))
			crowded = 0;
		else
			crowded++;
	}
	return crowded < CROWD;
}

usec spin_time(struct spin *s, usec now, usec most)
{
	if (!most)
		return 0;
	if (s->skip) {
		s->skip--;
		return 0;
	}
	return may_spin(now) ? most : 0;
}

void spin_ended(struct spin *s, usec waited)
{
	s->missed = waited <= SOON ? 0 : s->missed + 1;
	if (s->missed > 2)
		s->skip = MIN(1u << MIN(s->missed, 16u), SKIP_MOST);
}

bool spin_is_near(const struct spin *s, usec now)
{
	return !s->missed && may_spin(now);
}

bool spin_yield(usec *now)
{
	usec before = *now;

	sched_yield();
	*now = now_mono();
	if (*now - before < YIELD_LONG)
		return true;
	crowded_until = *now + CROWDED_FOR;
	return false;
}
