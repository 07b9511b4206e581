/* group.c - multicast groups an interface receives, and from whom
 *
 * Users (a socket, an address) and members with a filter of sources are joined to
 * what the interface wants (RFC 3376 3.2): one filter a group, whose changes mld.c
 * tells to the link. A group nobody wants any more stays until that is told as
 * often as it must. What is received is decided here too: netif_group_wants.
 */
#include "stack/group.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "stack/ip.h"
#include "stack/netif.h"

#define MAX_GROUPS	256	/* of one interface, that sockets want */

/* The groups everybody is in (RFC 4291 2.8, RFC 1112 7.2). */
static bool is_all_nodes(const struct ip_addr *g)
{
	static const struct ip_addr all_nodes = { { 0xff, 0x02, [15] = 1 } };
	static const struct ip_addr own_nodes = { { 0xff, 0x01, [15] = 1 } };

	return ip_eq(g, &all_nodes) || ip_eq(g, &own_nodes) ||
	       ip_eq(g, &IP4(224, 0, 0, 1));
}

/* RFC 3810 6, RFC 3376 5: not those, and nothing that stays in the node. */
bool group_is_reported(const struct ip_addr *g)
{
	return !is_all_nodes(g) && (ip_is_v4(g) || (g->b[1] & 15) > 1);
}

static struct netif_group *of(struct list *l)
{
	return container_of(l, struct netif_group, link);
}

static struct netif_member *member_of(struct list *l)
{
	return container_of(l, struct netif_member, link);
}

struct netif_group *group_find(const struct netif *nif, const struct ip_addr *g)
{
	list_for(l, &nif->groups) {
		if (ip_eq(&of(l)->addr, g))
			return of(l);
	}
	return NULL;
}

bool netif_joined(const struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng = group_find(nif, g);

	return is_all_nodes(g) || (ng && group_wanted(ng));
}

/* What the stack itself needs does not count. */
static bool groups_full(const struct netif *nif)
{
	unsigned n = 0;

	list_for(l, &nif->groups)
		n += !list_empty(&of(l)->members);
	return n >= MAX_GROUPS;
}

/* The entry, made if it was not there. */
static struct netif_group *group_need(struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng = group_find(nif, g);

	if (ng)
		return ng;
	ng = xzalloc(sizeof(*ng));
	ng->nif = nif;
	ng->addr = *g;
	list_init(&ng->members);
	talk_group_init(ng);
	list_add_tail(&nif->groups, &ng->link);
	return ng;
}

void group_told(struct netif_group *ng)
{
	if (group_wanted(ng) || ng->mode_left || ng->n)
		return;
	talk_group_fini(ng);
	list_del(&ng->link);
	free(ng);
}

/* --- the filter of the interface --- */

/* What the interface wants of a group: computed anew after each change. */
struct want {
	bool		exclude;
	unsigned	n;
	struct ip_addr	src[GROUP_SOURCES];
};

static bool listed(const struct netif_member *m, const struct ip_addr *src)
{
	for (unsigned i = 0; i < m->n; i++) {
		if (ip_eq(&m->src[i], src))
			return true;
	}
	return false;
}

bool member_wants(const struct netif_member *m, const struct ip_addr *src)
{
	return listed(m, src) != m->exclude;
}

static bool anybody_wants(const struct netif_group *ng, const struct ip_addr *src)
{
	if (ng->users)
		return true;
	list_for(l, &ng->members) {
		if (member_wants(member_of(l), src))
			return true;
	}
	return false;
}

static bool in_want(const struct want *w, const struct ip_addr *src)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (ip_eq(&w->src[i], src))
			return true;
	}
	return false;
}

/* A source is in the list if what happens to it differs from the mode. */
static void want_sources(const struct netif_group *ng, const struct netif_member *m,
			 struct want *w)
{
	for (unsigned i = 0; i < m->n; i++) {
		const struct ip_addr *src = &m->src[i];

		if (anybody_wants(ng, src) == w->exclude || in_want(w, src))
			continue;
		if (w->n == GROUP_SOURCES) {	/* too many to name: all, or all but these */
			w->n = w->exclude ? w->n : 0;
			w->exclude = true;
			return;
		}
		w->src[w->n++] = *src;
	}
}

static struct want want_of(const struct netif_group *ng)
{
	struct want w = { .exclude = ng->users > 0 };

	list_for(l, &ng->members)
		w.exclude = w.exclude || member_of(l)->exclude;
	list_for(l, &ng->members) {
		bool was = w.exclude;

		want_sources(ng, member_of(l), &w);
		if (w.exclude != was)
			break;
	}
	return w;
}

static struct group_source *source_find(struct netif_group *ng, const struct ip_addr *src)
{
	for (unsigned i = 0; i < ng->n; i++) {
		if (ip_eq(&ng->src[i].addr, src))
			return &ng->src[i];
	}
	return NULL;
}

static void source_add(struct netif_group *ng, struct group_source s)
{
	if (!ng->src)
		ng->src = xmalloc(MAX_NOTED * sizeof(*ng->src));
	ng->src[ng->n++] = s;
}

/* The list is new with the mode: nothing is said of single sources. */
static void mode_set(struct netif_group *ng, const struct want *w, uint8_t times)
{
	ng->exclude = w->exclude;
	ng->mode_left = times;
	ng->n = 0;
	for (unsigned i = 0; i < w->n; i++)
		source_add(ng, (struct group_source){ w->src[i], true, 0 });
}

/* There is one where the list is full, since no more than half of it can be in. The link
 * believes in it until nobody answers for it. */
static struct group_source *source_gone(struct netif_group *ng)
{
	struct group_source *s = ng->src;

	while (s->in)
		s++;
	return s;
}

static bool source_in(struct netif_group *ng, const struct ip_addr *src, uint8_t times)
{
	struct group_source *s = source_find(ng, src), new = { *src, true, times };

	if (s && s->in)
		return false;
	if (!s && ng->n == MAX_NOTED)
		s = source_gone(ng);
	if (s)
		*s = new;
	else
		source_add(ng, new);
	return true;
}

static bool sources_set(struct netif_group *ng, const struct want *w, uint8_t times)
{
	bool changed = false;

	for (unsigned i = 0; i < ng->n; i++) {
		struct group_source *s = &ng->src[i];

		if (s->in && !in_want(w, &s->addr)) {
			*s = (struct group_source){ s->addr, false, times };
			changed = true;
		}
	}
	for (unsigned i = 0; i < w->n; i++)
		changed = source_in(ng, &w->src[i], times) || changed;
	return changed;
}

/* May anything be told of the group? */
static bool is_told(const struct netif_group *ng)
{
	const struct netif *nif = ng->nif;

	return group_is_reported(&ng->addr) && netif_is_up(nif) && !(nif->flags & NETIF_NOARP) &&
	       (ip_is_v4(&ng->addr) || netif_has_ip6(nif));
}

static void update(struct netif_group *ng)
{
	uint8_t times = (uint8_t)talk_robustness(ng->nif, ip_is_v4(&ng->addr));
	struct want w = want_of(ng);
	bool changed = true;

	if (!is_told(ng))
		times = 0;
	if (ng->exclude != w.exclude)
		mode_set(ng, &w, times);
	else if (times)
		changed = sources_set(ng, &w, times);
	else
		mode_set(ng, &w, 0);
	if (changed && times)
		talk_changed(ng);
	else
		group_told(ng);
}

/* --- users and members --- */

void netif_join(struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng;

	if (is_all_nodes(g))
		return;
	ng = group_need(nif, g);
	ng->users++;
	update(ng);
}

void netif_leave(struct netif *nif, const struct ip_addr *g)
{
	struct netif_group *ng = group_find(nif, g);

	if (!ng || !ng->users)
		return;
	ng->users--;
	update(ng);
}

static void member_clear(struct netif_member *m)
{
	struct netif_group *ng = m->nif ? group_find(m->nif, &m->group) : NULL;

	if (ng)
		list_del(&m->link);
	free(m->src);
	*m = (struct netif_member){ .n = 0 };
	if (ng)
		update(ng);
}

static void member_fill(struct netif_member *m, bool exclude, const struct ip_addr *src, unsigned n)
{
	struct ip_addr *copy = n ? xmalloc(n * sizeof(*copy)) : NULL;

	if (n)
		memcpy(copy, src, n * sizeof(*copy));
	free(m->src);
	m->src = copy;
	m->n = (uint16_t)n;
	m->exclude = exclude;
}

int netif_filter(struct netif *nif, const struct ip_addr *g, struct netif_member *m,
		 bool exclude, const struct ip_addr *src, unsigned n)
{
	const struct param *p = &nif->st->param;
	struct netif_group *ng;

	if (!ip_is_multicast(g) || (m->nif && (m->nif != nif || !ip_eq(&m->group, g))))
		return -EINVAL;
	if (n > (ip_is_v4(g) ? p->igmp_max_msf : p->mld_max_msf))
		return -ENOBUFS;
	if (!exclude && !n) {
		member_clear(m);
		return 0;
	}
	ng = group_find(nif, g);
	if (!m->nif && (!ng || list_empty(&ng->members)) && groups_full(nif))
		return -ENOBUFS;
	ng = group_need(nif, g);
	member_fill(m, exclude, src, n);
	if (!m->nif)
		list_add_tail(&ng->members, &m->link);
	m->nif = nif;
	m->group = *g;
	update(ng);
	return 0;
}

bool netif_group_wants(const struct netif *nif, const struct ip_addr *g, const struct ip_addr *src)
{
	struct netif_group *ng = group_find(nif, g);

	return is_all_nodes(g) || (ng && anybody_wants(ng, src));
}

/* --- with the interface --- */

void groups_init(struct netif *nif)
{
	list_init(&nif->groups);
	talk_init(nif);
}

/* Whatever was joined while it was down is news to the link. */
void groups_up(struct netif *nif, bool only6)
{
	list_for_safe(l, &nif->groups) {
		struct netif_group *ng = of(l);
		bool v4 = ip_is_v4(&ng->addr);

		if ((v4 && only6) || !group_wanted(ng) || !is_told(ng))
			continue;
		ng->mode_left = (uint8_t)talk_robustness(nif, v4);
		talk_changed(ng);
	}
}

void groups_down(struct netif *nif, bool only6)
{
	talk_stop(nif, false);
	if (!only6)
		talk_stop(nif, true);
	list_for_safe(l, &nif->groups) {
		struct netif_group *ng = of(l);

		if (ip_is_v4(&ng->addr) && only6)
			continue;
		stimer_set(nif->st, &ng->reply, NEVER);
		ng->mode_left = ng->elder_left = 0;
		ng->told = false;
		update(ng);
	}
}

void groups_free(struct netif *nif)
{
	struct list *l, *k;

	talk_stop(nif, false);
	talk_stop(nif, true);
	while ((l = list_pop(&nif->groups))) {
		struct netif_group *ng = of(l);

		while ((k = list_pop(&ng->members)))
			member_of(k)->nif = NULL;
		talk_group_fini(ng);
		free(ng);
	}
}
