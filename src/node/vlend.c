/* vlend.c - what a vsock has lent to threads of this process
 *
 *   vlend_recv -> sock_lend: received packets, where they lie
 *   vlend_send -> sock_draft: chunks to write into; vlocal_send with msg.draft sends them
 *
 * Only where calls reach the stack's socket itself: what lies in the pair is copied
 * (-EOPNOTSUPP), but nothing more is put there (vlocal_begin). A socket that ends settles what it has lent; the memory stays the
 * borrower's.
 */
#include <errno.h>

#include "node/vsock_in.h"

static bool lends(struct vsock *vs)
{
	if (!vs->so || !vs->is_local || vs->plain)
		return false;
	if (vs->type == SOCK_STREAM)
		return !(sock_events(vs->so) & EV_PRI);
	return !vs->ring && !vs->error && !vs->held;
}

ssize_t vlend_recv(struct vsock *vs, int fd, size_t most, struct vloan *l, struct msg *m)
{
	ssize_t len;

	vlocal_begin(vs, fd);
	if (!lends(vs))
		return -EOPNOTSUPP;
	len = sock_lend(vs->so, (uint32_t)MIN(most, UINT32_MAX), &l->in, m);
	if (len == -EAGAIN && vs->no_in && vs->type == SOCK_STREAM)
		len = 0;
	vlocal_show_rest(vs, fd);
	if (len < 0)
		return len;
	if (vs->type != SOCK_STREAM)
		vsock_undirect(vs, &m->peer);
	return len;
}

int vlend_send(struct vsock *vs, int fd, size_t want, struct vloan *l)
{
	int ret = vlocal_may_send(vs, fd);

	if (ret < 0)
		return ret;
	ret = sock_draft(vs->so, (uint32_t)MIN(want, UINT32_MAX), &l->out);
	if (ret == -EAGAIN)
		vlocal_no_room(vs, fd);
	return ret;
}

void vlend_begin(struct vsock *vs, struct vloan *l)
{
	l->vs = vs;
	list_add_tail(&vs->loans, &l->on);
}

void vlend_over(struct vloan *l)
{
	if (!l->vs)
		return;
	sock_lend_end(l->vs->so, &l->in);
	sock_draft_end(l->vs->so, &l->out);
	list_del(&l->on);
	__atomic_store_n(&l->vs, NULL, __ATOMIC_RELEASE);
}

void vlend_end(struct vsock *vs)
{
	list_for_safe(e, &vs->loans)
		vlend_over(container_of(e, struct vloan, on));
}
