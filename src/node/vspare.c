/* vspare.c - descriptors that are made and ended while a thread waits anyhow
 *
 * A pair of sockets costs the kernel as much as a connection of the stack. A node
 * that is hot (node_wait.c) makes the next one when it begins to wait, and then
 * closes its own ends of those whose program's end is closed; a connection that is
 * short is never put under the loop's watch. So what is left of these costs while
 * nobody waits is a duplicate, which has the lowest number, as socket() promises.
 *
 * When the node cools nothing of it stays.
 */
#include <unistd.h>

#include "node/vsock_in.h"

#define SPARES	4	/* at most */

void vspare_init(struct node *n)
{
	list_init(&n->spares);
	list_init(&n->unwatched);
}

static void close_ends(struct node *n)
{
	while (n->n_ends)
		close(n->ends[--n->n_ends]);
}

void vspare_tend(struct node *n)
{
	struct vsock *vs;

	close_ends(n);
	if (n->n_spares >= n->spares_wanted || vsock_blank(n, PAIR_STREAM, &vs) < 0)
		return;
	list_add_tail(&n->spares, &vs->tomb);
	n->n_spares++;
}

struct vsock *vspare_take(struct node *n)
{
	struct vsock *vs;

	if (n->hot && n->spares_wanted < SPARES)
		n->spares_wanted++;
	if (list_empty(&n->spares))
		return NULL;
	vs = list_first(&n->spares, struct vsock, tomb);
	list_del(&vs->tomb);
	n->n_spares--;
	return vs;
}

void vspare_close(struct node *n, int fd)
{
	if (n->hot && n->n_ends < ARRAY_LEN(n->ends))
		n->ends[n->n_ends++] = fd;
	else
		close(fd);
}

int vspare_watch(struct node *n, struct vsock *vs)
{
	if (!n->hot)
		return loop_watch(n->loop, &vs->w, vs->w.events);
	list_add_tail(&n->unwatched, &vs->unwatched);
	return 0;
}

void vspare_watch_all(struct node *n)
{
	struct list *l;

	while ((l = list_pop(&n->unwatched))) {
		struct vsock *vs = container_of(l, struct vsock, unwatched);

		if (loop_watch(n->loop, &vs->w, vs->w.events) < 0) {
			list_add_tail(&n->unwatched, l);	/* perhaps next time */
			return;
		}
	}
}

bool vspare_end(struct node *n)
{
	bool any = n->n_ends || n->n_spares;
	struct list *l;

	close_ends(n);
	while ((l = list_pop(&n->spares)))
		vsock_unblank(container_of(l, struct vsock, tomb));
	n->n_spares = n->spares_wanted = 0;
	vspare_watch_all(n);
	return any;
}
