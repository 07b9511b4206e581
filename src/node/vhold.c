/* vhold.c - a datagram socket whose reader is behind holds its sender back
 *
 *	queue more than half full: hold ----> what was taken and filled it (iface_deliver) is the
 *	                                      last of its wire; the sender's ring fills, he waits
 *	less than a quarter:       let  <---- the reader takes what came meanwhile
 *	HOLD_MOST passes:          let, and not held again before it is less than a quarter
 *
 * UDP may lose, but between processes of one machine it need not: who sends can as well wait.
 * Only wires of one neighbour are held (plug.hold), so nobody waits but who sent, whatever else
 * he sends, and for no longer than it takes a reader that reads.
 */
#include "node/vsock_in.h"
#include "stack/dgram.h"

#define HOLD_MOST	(20 * USEC_PER_MSEC)

/* Of what it has room for. */
static bool above(const struct vsock *vs, uint32_t share)
{
	return dg_of(vs->so)->queued > vs->so->rcvbuf / share;
}

static void let(struct vsock *vs)
{
	list_del(&vs->held_up);
	node_let(vs->n);
}

void vhold_begin(struct vsock *vs)
{
	struct node *n = vs->n;

	if (vs->type != SOCK_DGRAM || vs->family == AF_PACKET || vs->lags || !above(vs, 2))
		return;
	if (list_empty(&vs->held_up)) {
		list_add_tail(&n->holders, &vs->held_up);
		vs->held_at = n->st->now;
		n->let_at = MIN(n->let_at, vs->held_at + HOLD_MOST);
	}
	n->hold = true;
}

bool vhold_end(struct vsock *vs)
{
	bool held = !list_empty(&vs->held_up);

	if ((!held && !vs->lags) || above(vs, 4))
		return false;
	vs->lags = false;
	if (held)
		let(vs);
	return held;
}

void vhold_free(struct vsock *vs)
{
	if (!list_empty(&vs->held_up))
		let(vs);
}

void vhold_late(struct node *n)
{
	struct vsock *vs;

	while ((vs = list_first(&n->holders, struct vsock, held_up)) &&
	       n->st->now - vs->held_at >= HOLD_MOST) {
		vs->lags = true;
		let(vs);
	}
	n->let_at = vs ? vs->held_at + HOLD_MOST : NEVER;
}
