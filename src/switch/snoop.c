/* snoop.c - groups go where their members are (RFC 4541)
 *
 * in:  core_input -> snoop_in -> control_in (snoop_msg.c) | where
 *
 * A report makes its port a member for as long as the querier's timers say (260 s as
 * a rule, RFC 3376 8.4); a port where a query or a PIM message came in leads to a
 * router and gets every group. A leave changes nothing by itself, since others behind the port
 * may stay: the querier asks for the group, and what nobody reports then ends
 * (there is no fast leave). Reports go to routers only, or hosts would keep theirs back
 * (RFC 4541 2.1.1).
 *
 * Snooping narrows only what it can know: while a querier is there, and from the end of
 * its first round of answers on, since who joined before we listened tells it
 * then. Else every frame goes to all. So do always protocols other than IP, 224.0.0.0/24
 * (RFC 4541 2.1.2) and, of IPv6, all of link scope: RFC 4541 3 would narrow those but
 * ff02::1, but then addresses and routers are found only by hosts that report
 * solicited-node groups and ff02::2, and not all do. suppress.c saves those floods.
 *
 * Sources are not looked at (RFC 4541 2.1.1 allows that). Each port has a limit of its
 * own and pushes out only its own.
 */
#include "switch/snoop.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "switch/snoop_msg.h"

#define SCOPE_LINK	2	/* RFC 7346 2 */

/* --- the table --- */

void snoop_init(struct snoop *s, uint32_t n_ports, const struct hash_key *key)
{
	*s = (struct snoop){ .key = *key, .n_ports = n_ports };
	s->set = xzalloc((n_ports + 63) / 64 * sizeof(s->set[0]));
	s->port = xzalloc(n_ports * sizeof(s->port[0]));
	for (uint32_t i = 0; i < n_ports; i++)
		list_init(&s->port[i].members);
	map_init(&s->map);
	heap_init(&s->timers);
}

static void group_free(struct snoop *s, struct snoop_group *g)
{
	map_remove(&s->map, &g->node);
	free(g);
}

static void leave(struct snoop *s, struct snoop_member *m)
{
	struct snoop_group *g = m->group;

	timer_set(&s->timers, &m->end, NEVER);
	list_del(&m->in_group);
	list_del(&m->in_port);
	s->port[m->port].count--;
	free(m);
	if (list_empty(&g->members) && !g->routers)
		group_free(s, g);
}

void snoop_flush_port(struct snoop *s, uint32_t port)
{
	struct snoop_member *m;

	while ((m = list_first(&s->port[port].members, struct snoop_member, in_port)))
		leave(s, m);
}

void snoop_fini(struct snoop *s)
{
	struct map_node *n;

	for (uint32_t i = 0; i < s->n_ports; i++)
		snoop_flush_port(s, i);
	while ((n = map_next(&s->map, NULL)))
		group_free(s, container_of(n, struct snoop_group, node));
	map_fini(&s->map);
	heap_fini(&s->timers);
	free(s->port);
	free(s->set);
}

static uint32_t hash(const struct snoop *s, uint16_t vlan, const struct ip_addr *ip)
{
	uint8_t b[18] = { (uint8_t)(vlan >> 8), (uint8_t)vlan };

	memcpy(b + 2, ip->b, 16);
	return hash_quick(&s->key, b, sizeof(b));
}

static struct snoop_group *find(const struct snoop *s, uint16_t vlan, const struct ip_addr *ip)
{
	struct map_node *n;

	for (n = map_find(&s->map, hash(s, vlan, ip)); n; n = map_find_next(n)) {
		struct snoop_group *g = container_of(n, struct snoop_group, node);

		if (g->vlan == vlan && ip_eq(&g->ip, ip))
			return g;
	}
	return NULL;
}

static struct snoop_group *get(struct snoop *s, uint16_t vlan, const struct ip_addr *ip)
{
	struct snoop_group *g = find(s, vlan, ip);

	if (g)
		return g;
	g = xzalloc(sizeof(*g));
	g->ip = *ip;
	g->vlan = vlan;
	g->routers = ip_is_any(ip);
	g->keep = SNOOP_KEEP;
	list_init(&g->members);
	map_insert(&s->map, &g->node, hash(s, vlan, ip));
	return g;
}

static const struct ip_addr *any_of(const struct ip_addr *group)
{
	static const struct ip_addr any4 = { { [10] = 0xff, [11] = 0xff } }, any6;

	return ip_is_v4(group) ? &any4 : &any6;
}

static struct snoop_group *routers_of(const struct snoop *s, uint16_t vlan,
				      const struct ip_addr *group)
{
	return find(s, vlan, any_of(group));
}

const struct snoop_group *snoop_next(const struct snoop *s, const struct snoop_group *g)
{
	struct map_node *n = map_next(&s->map, g ? &g->node : NULL);

	return n ? container_of(n, struct snoop_group, node) : NULL;
}

/* --- what messages tell --- */

/* Looks through the shorter list: of the port's memberships, or of the group's members.
 * A stranger's thousand invented groups have one each. */
static struct snoop_member *find_member(const struct snoop *s, const struct snoop_group *g,
					uint32_t port)
{
	const struct list *ports = &s->port[port].members, *p = ports->next;
	const struct list *l;

	for (l = g->members.next; l != &g->members && p != ports; l = l->next, p = p->next) {
		struct snoop_member *in_g = container_of(l, struct snoop_member, in_group);
		struct snoop_member *in_p = container_of(p, struct snoop_member, in_port);

		if (in_g->port == port)
			return in_g;
		if (in_p->group == g)
			return in_p;
	}
	return NULL;
}

static struct snoop_member *member(struct snoop *s, struct snoop_group *g, uint32_t port)
{
	struct snoop_member *m = find_member(s, g, port);

	if (m)
		return m;
	m = xzalloc(sizeof(*m));
	m->group = g;
	m->port = port;
	m->end = TIMER_OFF;
	list_add_tail(&g->members, &m->in_group);
	list_init(&m->in_port);
	s->port[port].count++;
	return m;
}

/* The one of the port that was not reported for longest makes room. */
static void join(struct snoop *s, struct snoop_group *g, uint32_t port, usec until)
{
	struct snoop_member *m = member(s, g, port);
	struct snoop_port *p = &s->port[port];

	list_del(&m->in_port);
	list_add_tail(&p->members, &m->in_port);
	timer_set(&s->timers, &m->end, until);
	if (p->count > SNOOP_PORT_MAX)
		leave(s, list_first(&p->members, struct snoop_member, in_port));
}

static bool for_all(const struct ip_addr *ip)
{
	const uint8_t *b = ip_v4(ip);

	if (ip_is_v4(ip))
		return b[0] == 224 && !b[1] && !b[2];
	return (ip->b[1] & 15) <= SCOPE_LINK;
}

void snoop_joined(struct snoop *s, uint32_t port, uint16_t vlan, const struct ip_addr *ip,
		  usec now)
{
	const struct snoop_group *r = routers_of(s, vlan, ip);

	if (ip_is_multicast(ip) && !for_all(ip))
		join(s, get(s, vlan, ip), port, now + (r ? r->keep : SNOOP_KEEP));
}

void snoop_router(struct snoop *s, uint32_t port, uint16_t vlan, const struct ip_addr *src,
		  usec now)
{
	join(s, get(s, vlan, any_of(src)), port, now + SNOOP_KEEP);
}

/* RFC 3376 6.6.1: who does not answer in time is not there any more. */
static void asked_for(struct snoop *s, struct snoop_group *g, usec until)
{
	list_for(l, &g->members) {
		struct snoop_member *m = container_of(l, struct snoop_member, in_group);

		if (until < m->end.at)
			timer_set(&s->timers, &m->end, until);
	}
}

/* RFC 3376 8.4, 8.5 */
static void general(struct snoop_group *r, const struct snoop_query *q, usec now)
{
	usec rounds = q->robust * q->interval;

	if (r->known <= now)
		r->ready = now + q->max_resp + SNOOP_SLACK;
	r->known = now + rounds + q->max_resp / 2;
	r->keep = rounds + q->max_resp;
}

/* A query of a switch, from 0.0.0.0, shows the way to no router (RFC 4541 2.1.1). */
void snoop_asked(struct snoop *s, uint32_t port, uint16_t vlan, const struct snoop_query *q,
		 usec now)
{
	struct snoop_group *g;

	if (!ip_is_any(&q->src))
		snoop_router(s, port, vlan, &q->src, now);
	if (ip_is_any(&q->group)) {
		general(get(s, vlan, any_of(&q->src)), q, now);
		return;
	}
	g = find(s, vlan, &q->group);
	if (g && q->ends)
		asked_for(s, g, now + q->robust * q->max_resp);
}

/* --- where a frame goes --- */

static void add_members(struct snoop *s, const struct snoop_group *g)
{
	list_for(l, &g->members)
		bit_set(s->set, container_of(l, struct snoop_member, in_group)->port, true);
}

/* To the group's members, NULL: none, and the routers. */
static const uint64_t *narrow(struct snoop *s, const struct snoop_group *r,
			      const struct snoop_group *g)
{
	memset(s->set, 0, (s->n_ports + 63) / 64 * sizeof(s->set[0]));
	add_members(s, r);
	if (g)
		add_members(s, g);
	s->narrowed++;
	return s->set;
}

static bool querier_is_there(const struct snoop_group *r, usec now)
{
	return r && r->known > now && r->ready <= now;
}

static const uint64_t *reports_go(struct snoop *s, uint16_t vlan, const struct ip_addr *dst,
				  usec now)
{
	const struct snoop_group *r = routers_of(s, vlan, dst);

	if (!querier_is_there(r, now) || list_empty(&r->members))
		return NULL;
	return narrow(s, r, NULL);
}

static const uint64_t *where(struct snoop *s, uint16_t vlan, const struct ip_addr *dst, usec now)
{
	const struct snoop_group *r;

	if (!ip_is_multicast(dst) || for_all(dst))
		return NULL;
	r = routers_of(s, vlan, dst);
	return querier_is_there(r, now) ? narrow(s, r, find(s, vlan, dst)) : NULL;
}

const uint64_t *snoop_in(struct snoop *s, uint32_t port, const struct view *v, usec now)
{
	struct view_ip ip;

	snoop_age(s, now);
	if (view_ip(v->eth.type, rd_of(v->p, v->len), &ip) != VIEW_IP)
		return NULL;
	if (!ip.frag && (ip.proto == IPPROTO_IGMP || ip.proto == IPPROTO_ICMPV6)) {
		switch (snoop_read(s, port, v, now)) {
		case SNOOP_QUERY:
			s->queries++;
			return NULL;
		case SNOOP_REPORT:
			s->reports++;
			return reports_go(s, v->vlan, &ip.dst, now);
		case SNOOP_DATA:
			break;
		}
	}
	if (ip.proto == IPPROTO_PIM && !ip_is_any(&ip.src))
		snoop_router(s, port, v->vlan, &ip.src, now);
	return where(s, v->vlan, &ip.dst, now);
}

usec snoop_age(struct snoop *s, usec now)
{
	struct timer *t;

	while ((t = heap_pop_due(&s->timers, now)))
		leave(s, container_of(t, struct snoop_member, end));
	return heap_deadline(&s->timers);
}
