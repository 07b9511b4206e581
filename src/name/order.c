/* order.c - which of a name's addresses to try first (RFC 6724 6)
 *
 * The rules in order. What only the stack knows is in the source address that it
 * chose, so 3 (deprecated) and 4 (home addresses) are its business; 7 is about
 * tunnels. Addresses that no rule tells apart stay as the server gave them (rule
 * 10), which for IPv4 keeps its round robin.
 */
#include "name/order.h"

#include "base/prefer.h"

static bool same_scope(const struct dest *d)
{
	return ip_scope(&d->addr) == ip_scope(&d->source);
}

static bool same_label(const struct dest *d)
{
	return ip_label(&d->addr) == ip_label(&d->source);
}

static bool longer_match(const struct dest *a, const struct dest *b)
{
	if (ip_is_v4(&a->addr) || ip_is_v4(&b->addr))
		return false;
	return ip_common_bits(&a->addr, &a->source) > ip_common_bits(&b->addr, &b->source);
}

static bool better(const struct dest *a, const struct dest *b)
{
	int pa = ip_precedence(&a->addr), pb = ip_precedence(&b->addr);
	int sa = ip_scope(&a->addr), sb = ip_scope(&b->addr);

	if (a->reachable != b->reachable)
		return a->reachable;		/* rule 1 */
	if (a->reachable && same_scope(a) != same_scope(b))
		return same_scope(a);		/* rule 2 */
	if (a->reachable && same_label(a) != same_label(b))
		return same_label(a);		/* rule 5 */
	if (pa != pb)
		return pa > pb;			/* rule 6 */
	if (sa != sb)
		return sa < sb;			/* rule 8 */
	return a->reachable && longer_match(a, b); /* rule 9 */
}

void dest_sort(struct dest *d, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		struct dest x = d[i];
		unsigned k = i;

		for (; k > 0 && better(&x, &d[k - 1]); k--)
			d[k] = d[k - 1];
		d[k] = x;
	}
}
