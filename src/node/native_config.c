/* native_config.c - kind native: configuration by words, and resolv.conf's text
 *
 * The node's own driver configures it (config_node.c); a call begins that and waits.
 */
#include <errno.h>

#include "base/grow.h"
#include "node/config_node.h"
#include "node/native.h"

/* Until it is done; the lock is given up meanwhile. */
static void wait_done(struct node_config *nc)
{
	usec now = now_mono();

	while (!config_done(nc->config, now)) {
		usec at = config_patience(nc->config, now);
		struct timespec ts = { at / USEC_PER_SEC, at % USEC_PER_SEC * 1000 };

		pthread_cond_timedwait(&nc->ran, &nc->n->lock, &ts);
		now = now_mono();
	}
}

int native_config(struct ioth *s, const struct words *w)
{
	struct node *n = ((struct native *)s->data)->node;
	struct node_config *nc;
	unsigned mask;
	int ret;

	node_lock(n);
	nc = node_config(n);
	ret = config_apply(nc->config, w, &mask, n->st->now);
	config_run(nc->config, n->st->now);
	node_unlock(n);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&n->lock);
	wait_done(nc);
	ret = (int)(config_got(nc->config) & mask);
	pthread_mutex_unlock(&n->lock);
	return ret;
}

char *native_newconf(struct ioth *s, const struct words_if *i, int *error)
{
	struct node *n = ((struct native *)s->data)->node;
	struct node_config *nc;
	unsigned index;
	char *text;

	node_lock(n);
	nc = node_config(n);
	index = i->iface || i->ifindex ? config_find(nc->config, i) : 0;
	if ((i->iface || i->ifindex) && !index) {
		node_unlock(n);
		*error = -ENODEV;
		return NULL;
	}
	text = config_resolv_new(nc->config, index, &nc->last);
	node_unlock(n);
	*error = 0;
	return text;
}

/* RFC 8106: behind the servers that the stack was given. */
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
