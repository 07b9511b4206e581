/* native_names.c - whom a native stack asks for names, as the text of a resolv.conf
 *
 * The servers it was given come first, then those that routers tell (RFC 8106).
 */
#include "base/grow.h"
#include "node/config_node.h"
#include "node/native.h"

static void told_by_routers(struct stack *st, struct grow *g)
{
	const char *domain;
	struct endpoint ep;
	char buf[IP_STRLEN];

	for (unsigned i = 0; stack_rdnss_at(st, i, &ep); i++) {
		struct netif *nif = netif_by_index(st, ep.ifindex);

		grow_add(g, "nameserver %s%s%s\n", ip_text(&ep.addr, buf), nif ? "%" : "",
			 nif ? nif->name : "");
	}
	for (unsigned i = 0; (domain = stack_dnssl_at(st, i)); i++)
		grow_add(g, i ? " %s" : "search %s", domain);
}

char *native_resolvconf(struct ioth *s)
{
	struct node *n = ((struct native *)s->data)->node;
	struct grow g = { .s = NULL };
	char buf[IP_STRLEN];

	node_lock(n);
	if (n->config && n->config->rules_dns) {
		char *text = config_resolv(n->config->config, 0);

		node_unlock(n);
		return text;
	}
	for (int i = 0; i < n->n_dns; i++)
		grow_add(&g, "nameserver %s\n", ip_text(&n->dns[i], buf));
	told_by_routers(n->st, &g);
	node_unlock(n);
	grow_put(&g, "", 1);
	return g.s;
}
