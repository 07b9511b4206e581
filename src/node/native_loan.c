/* native_loan.c - kind native: loans of a node
 *
 * A loan may be given back by any thread, when its socket has been closed (vsock.c has
 * settled it then), its stack deleted, its wire ended by either side: the memory is held
 * by references that are the loan's own. What says whether the node is still there is
 * the lender, which is the last to go: whoever gives back holds its lock meanwhile, for
 * reading; the end of the stack takes it for writing.
 *
 * In a child of fork the memory stays readable, but is the parent's to give back: there
 * only the loan itself is freed.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/loan.h"
#include "node/native.h"

struct lender {
	pthread_rwlock_t lock;
	struct node	*node;		/* NULL: it has gone */
	atomic_uint	refs;		/* of the stack, and of each loan */
};

struct native_loan {
	struct loan	l;
	struct lender	*of;
	unsigned	forks;		/* native_forks when it was made */
	struct vloan	v;
	struct iovec	iov[];
};

struct lender *lender_new(struct node *n)
{
	struct lender *le = xzalloc(sizeof(*le));

	pthread_rwlock_init(&le->lock, NULL);
	le->node = n;
	le->refs = 1;
	return le;
}

static void lender_unref(struct lender *le)
{
	if (atomic_fetch_sub_explicit(&le->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_rwlock_destroy(&le->lock);
	free(le);
}

void lender_end(struct lender *le)
{
	pthread_rwlock_wrlock(&le->lock);
	le->node = NULL;
	pthread_rwlock_unlock(&le->lock);
	lender_unref(le);
}

static void memory_end(struct vloan *v)
{
	lent_free(&v->in);
	draft_free(&v->out);
}

/* The memory goes first: the peer may want it for what the window then lets him send. */
static void settle(struct native_loan *nl)
{
	struct lender *le = nl->of;

	pthread_rwlock_rdlock(&le->lock);
	if (le->node) {
		node_lock(le->node);
		memory_end(&nl->v);
		vlend_over(&nl->v);
		node_unlock(le->node);
	}
	pthread_rwlock_unlock(&le->lock);
}

static void loan_end(struct loan *l)
{
	struct native_loan *nl = container_of(l, struct native_loan, l);
	int error = errno;

	if (nl->forks == native_forks) {
		if (vlend_counts(&nl->v))
			settle(nl);
		memory_end(&nl->v);
		lender_unref(nl->of);
	}
	free(nl);
	errno = error;
}

struct ioth_loan *native_loan(struct native *s, struct vsock *vs, struct vloan *v)
{
	int n = v->out.n ? (int)v->out.n : lent_iov(&v->in, NULL);
	struct native_loan *nl = xmalloc(sizeof(*nl) + (size_t)n * sizeof(nl->iov[0]));

	*nl = (struct native_loan){ .of = s->lender, .forks = native_forks, .v = *v };
	list_init(&nl->v.in.pkts);
	list_splice_tail(&nl->v.in.pkts, &v->in.pkts);
	vlend_begin(vs, &nl->v);
	atomic_fetch_add_explicit(&s->lender->refs, 1, memory_order_relaxed);
	if (v->out.n)
		draft_iov(&nl->v.out, nl->iov);
	else
		lent_iov(&nl->v.in, nl->iov);
	nl->l = (struct loan){
		.pub = { nl->iov, n, v->out.n ? v->out.len : v->in.len }, .end = loan_end,
	};
	return &nl->l.pub;
}

static struct native_loan *ours(struct ioth_loan *l)
{
	return l && loan_of(l)->end == loan_end ? container_of(l, struct native_loan, l.pub) : NULL;
}

const struct draft *native_draft(struct ioth_loan *l, const struct vsock *vs)
{
	struct native_loan *nl = ours(l);

	return nl && nl->v.vs == vs ? &nl->v.out : NULL;
}

void native_lent(struct ioth_loan *l)
{
	if (ours(l))
		vlend_over(&ours(l)->v);
}
