/* source.c - which of our addresses to speak from (RFC 6724 5)
 *
 * Candidates are all usable addresses; one of another interface than the
 * packet leaves by is taken only if that interface has none that suits, and
 * never across the border of a link. An optimistic address counts as deprecated
 * while there is another (RFC 4429 3.1).
 */
#include "base/prefer.h"
#include "stack/addr_label.h"
#include "stack/ip.h"
#include "stack/netif.h"

static bool deprecated(const struct netif_addr *a)
{
	return a->state == ADDR_OPTIMISTIC || a->preferred_until <= a->nif->st->now;
}

static unsigned match(const struct netif_addr *a, const struct ip_addr *dst)
{
	return MIN(ip_common_bits(&a->addr, dst), a->len);
}

/* Rule 2: the smallest scope that reaches. */
static bool scope_better(int a, int b, int dst)
{
	return a < b ? a >= dst : b < dst;
}

/* Where the packet goes, as far as its source matters. */
struct way {
	const struct netif *out;
	const struct ip_addr *dst, *hop;
};

/* Rule 5.5, also for who forwards to the router that gave the prefix (RFC 8028 3.2). */
static bool told_by_hop(const struct netif_addr *a, const struct way *w)
{
	return !ip_is_any(&a->router) && ip_eq(&a->router, w->hop);
}

/* Rule 6 */
static int label_fits(const struct netif_addr *a, const struct way *w)
{
	const struct stack *st = a->nif->st;

	return ip_is_v4(w->dst) || addr_label(st, &a->addr, a->nif->index) ==
				   addr_label(st, w->dst, w->out->index);
}

/* Rule 7 */
static bool liked(const struct netif_addr *a)
{
	bool temporary = a->flags & ADDR_TEMPORARY;

	return temporary == (a->nif->st->param.use_tempaddr > 1);
}

/* Is a a better source than b? Rules in order; 4 is about mobility. */
static bool better(const struct netif_addr *a, const struct netif_addr *b, const struct way *w)
{
	const struct ip_addr *dst = w->dst;
	int sa = ip_scope(&a->addr), sb = ip_scope(&b->addr), labels;

	if (ip_eq(&a->addr, dst) || ip_eq(&b->addr, dst))
		return ip_eq(&a->addr, dst);
	if (sa != sb)
		return scope_better(sa, sb, ip_scope(dst));
	if (deprecated(a) != deprecated(b))
		return !deprecated(a);
	if ((a->nif == w->out) != (b->nif == w->out))
		return a->nif == w->out;
	if (told_by_hop(a, w) != told_by_hop(b, w))
		return told_by_hop(a, w);
	labels = label_fits(a, w) - label_fits(b, w);
	if (labels)
		return labels > 0;
	if (liked(a) != liked(b))
		return liked(a);
	return match(a, dst) > match(b, dst);
}

static bool candidate(const struct netif_addr *a, const struct netif *out,
		      const struct ip_addr *dst)
{
	if (!addr_usable(a) || ip_is_v4(&a->addr) != ip_is_v4(dst))
		return false;
	if (a->nif == out)
		return true;
	return netif_is_up(a->nif) && ip_scope(&a->addr) > SCOPE_LINK && ip_scope(dst) > SCOPE_LINK;
}

struct ip_addr ip_source(struct stack *st, struct netif *out, const struct ip_addr *dst)
{
	return ip_source_by(st, out, dst, dst);
}

struct ip_addr ip_source_by(struct stack *st, struct netif *out, const struct ip_addr *dst,
			    const struct ip_addr *hop)
{
	struct way w = { out, dst, hop };
	struct netif_addr *best = NULL;

	list_for(n, &st->netifs) {
		list_for(l, &container_of(n, struct netif, link)->addrs) {
			struct netif_addr *a = container_of(l, struct netif_addr, link);

			if (candidate(a, out, dst) &&
			    (!best || better(a, best, &w)))
				best = a;
		}
	}
	if (best)
		return best->addr;
	return ip_is_v4(dst) ? IP4_ANY : IP_NONE;
}
