/* vlowat.c - SO_RCVLOWAT of a stream whose bytes go by the pair
 *
 * poll() of an AF_UNIX socket knows no low-water mark: one byte is enough to wake it. So
 * fewer bytes than the mark stay in the stack while the program's end is empty, unless no
 * more can come (the end, an error, a full window) or one is urgent. What nobody tells us
 * is that a program waits in recv() for less than the mark, and Linux gives it that: they
 * stay for HOLD_MOST, and then the mark is forgotten until it is set anew, for who reads so
 * once will do it again.
 */
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "node/vset.h"
#include "node/vsock_in.h"
#include "stack/tcp.h"

#define HOLD_MOST	(200 * USEC_PER_MSEC)

struct vlowat {
	struct vsock	*vs;
	struct stimer	late;
	uint32_t	mark;		/* 0: forgotten */
};

static void is_late(struct stack *st, struct stimer *tm)
{
	struct vlowat *l = container_of(tm, struct vlowat, late);

	l->mark = 0;
	vsock_again(l->vs);
}

void vlowat_free(struct vsock *vs)
{
	if (vs->lowat)
		stimer_set(vs->n->st, &vs->lowat->late, NEVER);
	free(vs->lowat);
	vs->lowat = NULL;
}

/* As Linux: less than none is all there may be. */
void vlowat_set(struct vsock *vs, int mark)
{
	vlowat_free(vs);
	vsock_again(vs);
	if (mark == 0 || mark == 1)
		return;
	vset_expose(vs);
	vs->lowat = xzalloc(sizeof(*vs->lowat));
	vs->lowat->vs = vs;
	vs->lowat->mark = mark < 0 ? INT32_MAX : (uint32_t)mark;
	stimer_init(&vs->lowat->late, is_late);
}

static bool is_empty(const struct vsock *vs)
{
	int unread = 0;

	return ioctl(vs->w.fd, SIOCOUTQ, &unread) == 0 && !unread;
}

static bool is_enough(const struct vsock *vs)
{
	const struct tcpc *tc = tcpc_of(vs->so);

	return tc->rcv_bytes >= MIN(vs->lowat->mark, tcp_rcv_space(tc)) ||
	       sock_events(vs->so) & (EV_RDHUP | EV_HUP | EV_ERR | EV_PRI) || !is_empty(vs);
}

bool vlowat_holds(struct vsock *vs)
{
	struct vlowat *l = vs->lowat;
	bool holds = l->mark && !is_enough(vs);

	if (!holds)
		stimer_set(vs->n->st, &l->late, NEVER);
	else if (!stimer_armed(&l->late))
		stimer_set(vs->n->st, &l->late, vs->n->st->now + HOLD_MOST);
	return holds;
}
