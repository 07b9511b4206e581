/* rdnss.c - resolvers and search domains that routers tell (RFC 8106 5.3, 6)
 *
 * The stack keeps them for whoever resolves names beside it. Each has a lifetime;
 * of too many the one that would end first makes room, as RFC 8106 6.2 wants.
 */
#include "stack/rdnss.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/slaac.h"

#define MAX_KEPT	8	/* of each kind, of one interface */

struct told {
	struct list	link;
	struct netif	*nif;
	struct stimer	expiry;
	struct ip_addr	addr;		/* a resolver; IP_NONE: a domain */
	char		name[sizeof(((struct nd_search *)0)->name)];
};

static struct told *of(struct list *l)
{
	return container_of(l, struct told, link);
}

static bool is_domain(const struct told *t)
{
	return t->name[0];
}

static void forget(struct told *t)
{
	struct netif *nif = t->nif;

	stimer_set(nif->st, &t->expiry, NEVER);
	list_del(&t->link);
	free(t);
	stack_tell(nif->st, CHANGE_RDNSS, false, nif);
}

static void expired(struct stack *st, struct stimer *tm)
{
	forget(container_of(tm, struct told, expiry));
}

static struct told *find(struct netif *nif, const struct told *like)
{
	list_for(l, &nif->told) {
		if (ip_eq(&of(l)->addr, &like->addr) && !strcmp(of(l)->name, like->name))
			return of(l);
	}
	return NULL;
}

static void make_room(struct netif *nif, bool domain)
{
	struct told *first = NULL;
	unsigned n = 0;

	list_for(l, &nif->told) {
		if (is_domain(of(l)) != domain)
			continue;
		n++;
		if (!first || of(l)->expiry.t.at < first->expiry.t.at)
			first = of(l);
	}
	if (n >= MAX_KEPT)
		forget(first);
}

static void hear(struct netif *nif, const struct told *like, uint32_t life)
{
	struct told *t = find(nif, like);

	if (t && !life)
		forget(t);
	if (!life)
		return;
	if (!t) {
		make_room(nif, is_domain(like));
		t = xmalloc(sizeof(*t));
		*t = *like;
		t->nif = nif;
		stimer_init(&t->expiry, expired);
		list_add_tail(&nif->told, &t->link);
		stack_tell(nif->st, CHANGE_RDNSS, false, nif);
	}
	stimer_set(nif->st, &t->expiry, life_until(nif->st, life));
}

void rdnss_heard(struct netif *nif, const struct nd_opts *o)
{
	for (unsigned i = 0; i < o->n_dns; i++)
		hear(nif, &(struct told){ .addr = o->dns[i].addr }, o->dns[i].life);
	for (unsigned i = 0; i < o->n_search; i++) {
		struct told like = { .addr = IP_NONE };

		snprintf(like.name, sizeof(like.name), "%s", o->search[i].name);
		hear(nif, &like, o->search[i].life);
	}
}

void rdnss_flush(struct netif *nif)
{
	list_for_safe(l, &nif->told)
		forget(of(l));
}

static struct told *told_at(struct stack *st, bool domain, unsigned i)
{
	list_for(n, &st->netifs) {
		struct netif *nif = container_of(n, struct netif, link);

		list_for(l, &nif->told) {
			if (is_domain(of(l)) == domain && !i--)
				return of(l);
		}
	}
	return NULL;
}

bool stack_rdnss_at(struct stack *st, unsigned i, struct endpoint *out)
{
	struct told *t = told_at(st, false, i);

	if (t)
		*out = (struct endpoint){ t->addr, 53, ip_is_linklocal(&t->addr) ?
							t->nif->index : 0 };
	return t;
}

const char *stack_dnssl_at(struct stack *st, unsigned i)
{
	struct told *t = told_at(st, true, i);

	return t ? t->name : NULL;
}
