/* pmtu.c - path MTUs learned from ICMP
 *
 * A small table by destination; an entry is forgotten after mtu_expires so that
 * a larger MTU is found again (RFC 1191 6.3, RFC 8201 4), and the oldest makes
 * room when it is full. Who says an MTU is believed only for packets a socket
 * did send: the transports check before they call ip_pmtu_update.
 */
#include "stack/pmtu.h"

#include <stdlib.h>

#include "base/mem.h"
#include "proto/proto.h"
#include "stack/ip.h"

#define MAX_PATHS	256

struct path {
	struct map_node	node;
	struct list	age;		/* oldest first */
	struct stimer	expiry;
	struct ip_addr	dst;
	uint32_t	mtu;
};

struct pmtu_table {
	struct map	map;
	struct list	age;
};

struct pmtu_table *pmtu_table_new(void)
{
	struct pmtu_table *t = xzalloc(sizeof(*t));

	map_init(&t->map);
	list_init(&t->age);
	return t;
}

static void path_free(struct stack *st, struct path *p)
{
	stimer_set(st, &p->expiry, NEVER);
	map_remove(&st->pmtu->map, &p->node);
	list_del(&p->age);
	free(p);
}

void pmtu_table_free(struct stack *st)
{
	struct pmtu_table *t = st->pmtu;

	while (!list_empty(&t->age))
		path_free(st, list_first(&t->age, struct path, age));
	map_fini(&t->map);
	free(t);
}

static void expired(struct stack *st, struct stimer *tm)
{
	path_free(st, container_of(tm, struct path, expiry));
	route_changed(st);
}

static uint32_t dst_hash(struct stack *st, const struct ip_addr *dst)
{
	return (uint32_t)hash64(&st->secret, dst, sizeof(*dst));
}

static struct path *path_find(struct stack *st, const struct ip_addr *dst)
{
	struct map_node *m = map_find(&st->pmtu->map, dst_hash(st, dst));

	for (; m; m = map_find_next(m)) {
		struct path *p = container_of(m, struct path, node);

		if (ip_eq(&p->dst, dst))
			return p;
	}
	return NULL;
}

static void path_add(struct stack *st, const struct ip_addr *dst, uint32_t mtu)
{
	struct pmtu_table *t = st->pmtu;
	struct path *p;

	if (t->map.count >= MAX_PATHS)
		path_free(st, list_first(&t->age, struct path, age));
	p = xzalloc(sizeof(*p));
	p->dst = *dst;
	p->mtu = mtu;
	stimer_init(&p->expiry, expired);
	stimer_set(st, &p->expiry, st->now + st->param.mtu_expires * USEC_PER_SEC);
	list_add_tail(&t->age, &p->age);
	map_insert(&t->map, &p->node, dst_hash(st, dst));
}

/* RFC 8201 4: never below 1280, and never up; of IPv4 less than min_pmtu would only help an
 * attacker. */
void ip_pmtu_update(struct stack *st, const struct ip_addr *dst, uint32_t mtu)
{
	struct path *p = path_find(st, dst);

	mtu = MAX(mtu, ip_is_v4(dst) ? st->param.min_pmtu : (uint32_t)IP6_MIN_MTU);
	if (p && p->mtu <= mtu)
		return;
	if (p)
		path_free(st, p);
	path_add(st, dst, mtu);
	route_changed(st);
}

uint32_t pmtu_of(struct stack *st, const struct ip_addr *dst, uint32_t link_mtu)
{
	struct path *p = st->pmtu->map.count ? path_find(st, dst) : NULL;

	return p ? MIN(p->mtu, link_mtu) : link_mtu;
}
