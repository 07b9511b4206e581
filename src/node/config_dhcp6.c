/* config_dhcp6.c - an IPv6 lease: the client's datagrams, the test of its address
 *
 * The client (name/dhcp6) waits for a link-local address, of which it speaks. The
 * stack tests the address itself (RFC 4862 5.4); while that lasts it may be used with
 * care, but the server is told only of the result. It is installed alone, as /128: what
 * else is on the link routers tell (RFC 5942 4).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/config_in.h"
#include "stack/stack.h"

static void let_go(struct conf_if *i)
{
	if (!i->there6)
		return;
	i->c->ops->addr_del(i->c->ctx, i->ifindex, &i->addr6, 128);
	i->there6 = false;
}

static void take(struct conf_if *i)
{
	const struct dhcp6_msg *m = &i->d6->lease;

	if (i->there6 && !ip_eq(&i->addr6, &m->addr))
		let_go(i);
	i->addr6 = m->addr;
	i->there6 = true;
	i->c->ops->addr_put(i->c->ctx, i->ifindex, &m->addr, 128, m->valid, m->preferred);
}

static void act(struct conf_if *i)
{
	switch (dhcp6_event(i->d6)) {
	case DHCP6_CHECK:
	case DHCP6_RENEWED:
		take(i);
		break;
	case DHCP6_LOST:
		let_go(i);
		break;
	case DHCP6_LEARNT:
	case DHCP6_NOTHING:
		break;
	}
}

static void test_address(struct conf_if *i, usec now)
{
	switch (i->c->ops->addr_state(i->c->ctx, i->ifindex, &i->addr6)) {
	case CONF_OK:
		dhcp6_checked(i->d6, true, now);
		break;
	case CONF_DUPLICATE:
	case CONF_ABSENT:
		info("dhcp6: somebody has the address that was offered; declined");
		let_go(i);
		dhcp6_checked(i->d6, false, now);
		break;
	case CONF_TENTATIVE:
	case CONF_OPTIMISTIC:
		break;
	}
}

static void send_due(struct conf_if *i, usec now)
{
	uint8_t buf[DHCP6_MAX];
	size_t n;

	while ((n = dhcp6_run(i->d6, now, buf, sizeof(buf)))) {
		if (i->way6)
			i->c->ops->send(i->way6, buf, n);
		conf_say(i, "dhcp6 on interface %u: %s", i->ifindex, dhcp6_state_name(i->d6));
	}
}

static void hear(struct conf_if *i, usec now)
{
	uint8_t buf[2048];
	size_t n;

	while (i->way6 && (n = i->c->ops->recv(i->way6, buf, sizeof(buf)))) {
		struct rd r = rd_of(buf, n);

		dhcp6_input(i->d6, &r, now);
	}
}

/* Open while an answer is awaited. */
static void set_way(struct conf_if *i, usec now)
{
	enum dhcp6_state s = i->d6->state;
	bool quiet = s == DHCP6_OFF ||
		     ((s == DHCP6_BOUND || s == DHCP6_INFORMED) && now < i->d6->at);

	if (i->d6->farewell)
		quiet = false;
	if (quiet && i->way6) {
		i->c->ops->close(i->way6);
		i->way6 = NULL;
	} else if (!quiet && !i->way6) {
		i->way6 = i->c->ops->open(i->c->ctx, i->ifindex, WAY_DHCP6);
	}
}

static void begin(struct conf_if *i, bool stateless, usec now)
{
	struct dhcp6_conf conf = { .mac = i->mac, .stateless = stateless };
	struct rng rng;

	rng_seed(&rng, rng_u64(&i->c->rng));
	snprintf(conf.fqdn, sizeof(conf.fqdn), "%s", i->fqdn);
	dhcp6_init(i->d6, &conf, &rng);
	dhcp6_start(i->d6, now);
}

/* Routers say that there are no addresses to be had, but all else. They may change
 * their mind; a lease that is there is kept. */
static void follow_routers(struct conf_if *i, const struct conf_link *link, usec now)
{
	bool other = link->ra_flags & RA_OTHER, managed = link->ra_flags & RA_MANAGED;

	if (!i->d6->conf.stateless && other && i->d6->state == DHCP6_SOLICITING &&
	    !i->d6->advertised)
		begin(i, true, now);
	else if (i->d6->conf.stateless && managed)
		begin(i, false, now);
}

void if_dhcp6_run(struct conf_if *i, usec now)
{
	struct conf_link link;

	if (!i->d6 || i->c->ops->link(i->c->ctx, i->ifindex, &link) < 0)
		return;
	if (ip_is_any(&link.linklocal))		/* its coming is told */
		return;
	if (i->d6->state == DHCP6_OFF)
		begin(i, false, now);
	follow_routers(i, &link, now);
	set_way(i, now);
	hear(i, now);
	act(i);
	if (i->d6->state == DHCP6_CHECKING)
		test_address(i, now);
	send_due(i, now);
	act(i);
	set_way(i, now);
	i->at = MIN(i->at, dhcp6_deadline(i->d6));
}

void if_dhcp6_start(struct conf_if *i, usec now)
{
	i->d6 = xzalloc(sizeof(*i->d6));
	i->d6->at = NEVER;
}

bool if_dhcp6_got(const struct conf_if *i)
{
	enum conf_state s;

	if (!i->d6)
		return false;
	if (i->d6->state == DHCP6_INFORMED)
		return true;
	if (!i->there6)
		return false;
	s = i->c->ops->addr_state(i->c->ctx, i->ifindex, &i->addr6);
	return s == CONF_OK || s == CONF_OPTIMISTIC;
}

void if_dhcp6_end(struct conf_if *i, usec now)
{
	if (!i->d6)
		return;
	if (i->d6->state != DHCP6_OFF) {
		dhcp6_stop(i->d6);
		set_way(i, now);
		send_due(i, now);
		set_way(i, now);
	}
	let_go(i);
	free(i->d6);
	i->d6 = NULL;
}
