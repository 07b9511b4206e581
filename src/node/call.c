/* call.c - trying calls, parking those that must wait
 *
 * A call is tried at once. One that must wait (accept, connect, a datagram) is
 * parked at what it waits for, mostly its vsock, and tried again when that has
 * news: nobody polls. Parked ones are also in calls->parked, in the order in
 * which the front end last looked at them.
 */
#include "node/call.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"

void calls_init(struct calls *cs, struct node *n, const struct call_front *front)
{
	cs->node = n;
	cs->front = front;
	list_init(&cs->parked);
	list_init(&cs->netlinks);
	list_init(&cs->rings);
}

void calls_end(struct calls *cs)
{
	while (!list_empty(&cs->parked))
		call_free(list_first(&cs->parked, struct call, link));
}

/* Its first row, or the end. */
static const struct trap *trap_of(int nr)
{
	const struct trap *t = traps;

	while (t->nr >= 0 && t->nr != nr)
		t++;
	return t;
}

void call_init(struct call *c, struct calls *of, int nr, const uint64_t args[6])
{
	*c = (struct call){ .of = of, .nr = nr, .trap = trap_of(nr), .app = -1, .give_up = NEVER };
	memcpy(c->args, args, sizeof(c->args));
	list_init(&c->link);
	list_init(&c->wait);
}

void call_free(struct call *c)
{
	list_del(&c->link);
	list_del(&c->wait);
	if (c->app >= 0 && !c->lent)
		close(c->app);
	c->of->front->free(c);
}

static void park(struct call *c)
{
	struct calls *cs = c->of;
	struct node *n = cs->node;

	if (list_empty(&c->link)) {
		list_add_tail(&cs->parked, &c->link);
		cs->parked_at = n->st->now;
		list_add_tail(c->waits ? c->waits : &c->vs->calls, &c->wait);
	}
	n->alarm_at = MIN(n->alarm_at, c->give_up);
	if (cs->front->period != NEVER)
		n->alarm_at = MIN(n->alarm_at, n->st->now + cs->front->period);
}

void call_try(struct call *c)
{
	const struct call_front *front = c->of->front;
	long ret = front->handle ? front->handle(c) : c->trap->handle(c);
	struct nlsock *nl = ret == CALL_CONTINUE ? netlink_of(c) : NULL;

	if (nl)
		ret = netlink_call(c, nl);
	else if (ret == CALL_CONTINUE && front->foreign)
		ret = front->foreign(c);
	if (ret == CALL_PARK) {
		park(c);
		return;
	}
	debug("%d %s = %ld", c->pid, c->trap->name, ret);
	if (ret != CALL_ANSWERED)
		front->answer(c, ret);
	call_free(c);
}

void call_again(struct list *calls)
{
	struct list again;

	list_init(&again);
	list_splice_tail(&again, calls);
	while (!list_empty(&again)) {
		struct call *c = list_first(&again, struct call, wait);

		list_del(&c->wait);
		list_add_tail(calls, &c->wait);
		call_try(c);
	}
}

void calls_late(struct calls *cs)
{
	struct node *n = cs->node;

	list_for_safe(l, &cs->parked) {
		struct call *c = container_of(l, struct call, link);

		if (c->give_up <= n->st->now)
			call_try(c);
		else
			n->alarm_at = MIN(n->alarm_at, c->give_up);
	}
}

int call_give(struct call *c, int fd, bool cloexec)
{
	return c->of->front->give(c, fd, cloexec);
}

int call_replace(struct call *c, int at, int fd, bool cloexec)
{
	return c->of->front->replace(c, at, fd, cloexec);
}

bool call_valid(const struct call *c)
{
	return c->of->front->valid(c);
}

long call_give_fd(struct call *c, struct vsock *vs, int fd, bool cloexec)
{
	int ret = call_give(c, vs->bare ? vs->n->bare : fd, cloexec);

	if (ret < 0)
		return ret;
	vs->pid = c->pid;
	vs->pid_fd = ret;
	vs->owner = c->owner;
	if (vs->bare)
		vbare_given(vs);
	if (c->of->front->given)
		c->of->front->given(c, vs);
	return CALL_ANSWERED;
}
