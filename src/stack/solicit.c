/* solicit.c - asking for routers (RFC 4861 6.3.7, RFC 7559)
 *
 * At once when the interface comes up, and again after ever longer times, each
 * spread at random, until a router answers that it is one: a node that came up
 * before its router still finds it.
 */
#include "proto/proto.h"
#include "stack/nd.h"
#include "stack/netif.h"
#include "stack/slaac.h"

static void rs_send(struct netif *nif)
{
	static const struct ip_addr all_routers = { { 0xff, 0x02, [15] = 2 } };
	struct netif_addr *a = netif_linklocal(nif);
	struct ip_addr src = a ? a->addr : IP6_ANY;
	struct nd_opts o = { 0 };
	uint8_t buf[16];
	struct wr w = wr_of(buf, sizeof(buf));

	o.has_src = a && a->state == ADDR_OK;	/* RFC 4429 3.2 */
	o.src_ll = nif->mac;
	nd_rs_emit(&w, &o);
	nd_send(nif, &w, &src, &all_routers, NULL);
}

/* span times a factor between 0.9 and 1.1 (RFC 8415 15). */
static usec spread(const struct netif *nif, usec span)
{
	struct { usec now, index; } k = { nif->st->now, nif->index };
	uint64_t h = hash64(&nif->st->secret, &k, sizeof(k));

	return span * 9 / 10 + (usec)(h % 1024) * span / 5 / 1024;
}

static void rs_fire(struct stack *st, struct stimer *tm)
{
	struct netif *nif = container_of(tm, struct netif, rs);
	usec most = st->param.router_solicitation_max_interval * USEC_PER_SEC;

	if (nif->rs_wait)
		nif->rs_wait = nif->rs_wait + spread(nif, nif->rs_wait);
	else
		nif->rs_wait = spread(nif, st->param.router_solicitation_interval * USEC_PER_SEC);
	if (nif->rs_wait > most)
		nif->rs_wait = spread(nif, most);
	stimer_set(st, &nif->rs, st->now + nif->rs_wait);
	rs_send(nif);
}

void nd_solicit_routers(struct netif *nif)
{
	if (nif->flags & NETIF_NOARP || !netif_has_ip6(nif) || !nd_accepts_ra(nif->st))
		return;
	nif->rs_wait = 0;
	rs_fire(nif->st, &nif->rs);
}

void solicit_end(struct netif *nif)
{
	stimer_set(nif->st, &nif->rs, NEVER);
}

void nd_netif_init(struct netif *nif)
{
	list_init(&nif->learned);
	list_init(&nif->told);
	stimer_init(&nif->rs, rs_fire);
}
