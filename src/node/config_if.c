/* config_if.c - one interface under configuration: link, static addresses, routers
 *
 * What is taken back goes first, so that one string can replace an address. Of what is
 * asked for, the link comes first: a MAC address or a name says who its leases are for.
 * Routers are heard by the stack; here it is only looked whether one was.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "name/hash.h"
#include "node/config_in.h"
#include "stack/stack.h"

/* --- link --- */

static int set_mac(struct conf_if *i, struct mac mac)
{
	int e = mac_eq(&mac, &i->mac) ? 0 : i->c->ops->set_mac(i->c->ctx, i->ifindex, mac);

	if (e == 0)
		i->mac = mac;
	return e;
}

static int link_apply(struct conf_if *i, const struct words_if *w)
{
	int e = 0;

	if (w->fqdn)
		snprintf(i->fqdn, sizeof(i->fqdn), "%s", w->fqdn);
	if (!mac_is_zero(&w->mac))
		e = set_mac(i, w->mac);
	else if (w->want & CONFIG_ETH && i->fqdn[0])
		e = set_mac(i, hash_mac(i->fqdn, NULL));
	if (e == 0 && w->want & CONFIG_ETH)
		e = i->c->ops->set_up(i->c->ctx, i->ifindex, true);
	return e;
}

/* The lower half of addresses from routers: the name's hash, or the MAC address. */
static void token_apply(struct conf_if *i)
{
	struct ip_addr t = i->fqdn[0] ? hash_addr(&IP_NONE, i->fqdn, NULL, 0) :
					hash_eui64(&IP_NONE, i->mac);

	i->c->ops->set_token(i->c->ctx, i->ifindex, &t);
}

/* --- static --- */

static int set_put(struct conf_if *i, const struct words_set *s, bool there)
{
	const struct config_ops *ops = i->c->ops;
	struct dhcp4_route r = { ip_is_v4(&s->addr) ? IP4_ANY : IP6_ANY, s->addr, 0 };

	switch (s->kind) {
	case WORDS_IP:
		return there ? ops->addr_put(i->c->ctx, i->ifindex, &s->addr, s->len,
					     LIFE_FOREVER, LIFE_FOREVER) :
			       ops->addr_del(i->c->ctx, i->ifindex, &s->addr, s->len);
	case WORDS_GW:
		return ops->route(i->c->ctx, i->ifindex, there, &r, 0);
	case WORDS_DNS:
	case WORDS_DOMAIN:
		break;
	}
	return 0;
}

static bool same_set(const struct words_set *a, const struct words_set *b)
{
	if (a->kind != b->kind)
		return false;
	return a->kind == WORDS_DOMAIN ? strcmp(a->domain, b->domain) == 0 :
					 ip_eq(&a->addr, &b->addr);
}

static void set_drop(struct conf_if *i, unsigned k)
{
	set_put(i, &i->set[k], false);
	i->n_set--;
	i->set[k] = i->set[i->n_set];
	if (i->set[k].kind == WORDS_DOMAIN) {
		memcpy(i->domain[k], i->domain[i->n_set], sizeof(i->domain[k]));
		i->set[k].domain = i->domain[k];
	}
}

static int set_add(struct conf_if *i, const struct words_set *s)
{
	unsigned k = i->n_set;
	int e;

	if (k == CONFIG_SETS)
		return -ENOSPC;
	e = set_put(i, s, true);
	if (e < 0)
		return e;
	i->set[k] = *s;
	if (s->domain) {
		snprintf(i->domain[k], sizeof(i->domain[k]), "%s", s->domain);
		i->set[k].domain = i->domain[k];
	}
	i->n_set++;
	return 0;
}

static int set_apply(struct conf_if *i, const struct words_set *s)
{
	for (unsigned k = 0; k < i->n_set; k++) {
		if (!same_set(&i->set[k], s))
			continue;
		if (s->undo)
			set_drop(i, k);
		return 0;
	}
	return s->undo ? 0 : set_add(i, s);
}

/* What is taken back; then addresses before the gateways that they lead to. */
static int static_apply(struct conf_if *i, const struct words_if *w)
{
	int e = 0;

	for (int pass = 0; pass < 3; pass++) {
		for (unsigned k = 0; k < w->n_set && e == 0; k++) {
			const struct words_set *s = &w->set[k];

			if (pass == (s->undo ? 0 : s->kind == WORDS_IP ? 1 : 2))
				e = set_apply(i, s);
		}
	}
	return e;
}

static void static_end(struct conf_if *i)
{
	while (i->n_set)
		set_drop(i, i->n_set - 1);
}

/* --- all of it --- */

static void undo(struct conf_if *i, unsigned bits, usec now)
{
	i->want &= ~bits;
	if (bits & CONFIG_DHCP4)
		if_dhcp4_end(i, now);
	if (bits & CONFIG_DHCP6)
		if_dhcp6_end(i, now);
	if (bits & CONFIG_STATIC)
		static_end(i);
	if (bits & CONFIG_SLAAC)
		i->c->ops->set_token(i->c->ctx, i->ifindex, &IP_NONE);
	if (bits & CONFIG_ETH)
		i->c->ops->set_up(i->c->ctx, i->ifindex, false);
}

int if_apply(struct conf_if *i, const struct words_if *w, usec now)
{
	struct conf_link link;
	int e = i->c->ops->link(i->c->ctx, i->ifindex, &link);

	if (e < 0)
		return e;
	i->mac = link.mac;
	undo(i, w->undo, now);
	e = link_apply(i, w);
	if (e == 0)
		e = static_apply(i, w);
	if (e < 0)
		return e;
	i->want |= w->want;
	if (!i->n_set)
		i->want &= ~(unsigned)CONFIG_STATIC;
	if (w->want & CONFIG_SLAAC)
		token_apply(i);
	if (i->want & CONFIG_DHCP4 && !i->d4)
		if_dhcp4_start(i, now);
	if (i->want & CONFIG_DHCP6 && !i->d6)
		if_dhcp6_start(i, now);
	return 0;
}

bool if_gone(const struct conf_if *i)
{
	struct conf_link link;

	return i->c->ops->link(i->c->ctx, i->ifindex, &link) == -ENODEV;
}

void if_run(struct conf_if *i, usec now)
{
	i->at = NEVER;
	if_dhcp4_run(i, now);
	if_dhcp6_run(i, now);
}

unsigned if_got(const struct conf_if *i)
{
	unsigned got = i->want & CONFIG_STATIC;
	struct conf_link link;

	if (i->c->ops->link(i->c->ctx, i->ifindex, &link) < 0)
		return 0;
	if (link.up)
		got |= CONFIG_ETH;
	if (link.ra_flags & RA_HEARD)
		got |= CONFIG_RD;
	if (i->lease4.there)
		got |= CONFIG_DHCP4;
	if (if_dhcp6_got(i))
		got |= CONFIG_DHCP6;
	return got & i->want;
}

void if_end(struct conf_if *i, usec now)
{
	if_dhcp4_end(i, now);
	if_dhcp6_end(i, now);
	list_del(&i->link);
	free(i);
}

void if_forget(struct conf_if *i)
{
	struct conf_sock *ways[] = { i->way4, i->arp, i->way6 };

	for (size_t k = 0; k < ARRAY_LEN(ways); k++) {
		if (ways[k])
			i->c->ops->close(ways[k]);
	}
	free(i->d4);
	free(i->d6);
	list_del(&i->link);
	free(i);
}
