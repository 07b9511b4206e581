/* resolve_addr.c - a name's addresses (getaddrinfo of RFC 3493 6.1 and POSIX)
 *
 * What hints and words allow is decided first; then no name, or an address in
 * place of a name, is answered at once, and all else by c-ares. Where the C
 * library and POSIX differ (no hints, EAI_NODATA) it is as in the C library.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "node/resolve.h"

#define FLAGS	(AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED | AI_ALL | \
		 AI_ADDRCONFIG | AI_NUMERICSERV)

struct addr_query {
	struct ioth_query q;
	ioth_addr_fn	*fn;
	void		*arg;
	int		flags, family;
	struct service	serv[SERVICES];
	int		n_serv;
	char		*node;		/* the name that is asked for */
	struct addrinfo	*res;
};

static void give(struct ioth_query *q)
{
	struct addr_query *a = container_of(q, struct addr_query, q);
	struct addrinfo *res = a->res;

	a->res = NULL;
	a->fn(a->arg, q->status, res);
}

static void clean(struct ioth_query *q)
{
	struct addr_query *a = container_of(q, struct addr_query, q);

	ioth_freeaddrinfo(a->res);
	free(a->node);
}

/* --- no question needed --- */

static bool numeric(struct ioth *s, const char *node, struct endpoint *ep)
{
	char text[IP_STRLEN];
	size_t n = strcspn(node, "%");
	struct in_addr v4;

	*ep = (struct endpoint){ .port = 0 };
	if (!strpbrk(node, ": \t\n%") && inet_aton(node, &v4)) {
		ep->addr = ip_from_v4((const uint8_t *)&v4);
		return true;
	}
	if (n >= sizeof(text))
		return false;
	memcpy(text, node, n);
	text[n] = 0;
	if (!ip_parse_text(text, &ep->addr))
		return false;
	if (node[n] && !ip_is_v4(&ep->addr))
		ep->ifindex = zone_number(s, node + n + 1);
	return !node[n] || ep->ifindex;
}

static int answer(struct addr_query *a, const struct endpoint *ep, unsigned n, const char *canon)
{
	a->res = list_make(ep, n, a->serv, a->n_serv, a->family == AF_INET6,
			   a->flags & AI_CANONNAME ? canon : NULL);
	return a->res ? 0 : EAI_NONAME;
}

static int answer_number(struct addr_query *a, const struct endpoint *ep, const char *node)
{
	bool v4 = ip_is_v4(&ep->addr), as_v6 = strchr(node, ':');

	if ((a->family == AF_INET && !v4) ||
	    (a->family == AF_INET6 && v4 && !as_v6 && !(a->flags & AI_V4MAPPED)))
		return EAI_ADDRFAMILY;
	if (as_v6 && a->family == AF_UNSPEC)
		a->family = AF_INET6;		/* ::ffff:10.0.0.1 is what it looks like */
	return answer(a, ep, 1, node);
}

/* Nobody's address: to listen at (then IPv4's comes first, as in the C library), or
 * to find oneself at. */
static int answer_self(struct addr_query *a)
{
	static const struct endpoint listen_at[] = { { .addr = IP4_ANY }, { .addr = IP6_ANY } };
	static const struct endpoint self[] = {
		{ .addr = { { [15] = 1 } } }, { .addr = IP4(127, 0, 0, 1) }
	};
	bool any = a->flags & AI_PASSIVE;
	const struct endpoint *ep = any ? listen_at : self;

	if (a->family == AF_UNSPEC)
		return answer(a, ep, 2, NULL);
	return answer(a, ep + ((a->family == AF_INET6) == any), 1, NULL);
}

/* --- what the name servers say --- */

/* RFC 3493 6.1: IPv4 addresses in the place of IPv6's, or beside them */
static bool suits(const struct addr_query *a, const struct endpoint *ep, bool any_v6)
{
	if (!ip_is_v4(&ep->addr))
		return a->family != AF_INET;
	if (a->family != AF_INET6)
		return true;
	return a->flags & AI_V4MAPPED && (!any_v6 || a->flags & AI_ALL);
}

static unsigned collect(const struct addr_query *a, const struct ares_addrinfo *found,
			struct endpoint *ep)
{
	struct families have = a->flags & AI_ADDRCONFIG ? stack_families(a->q.r->stack) :
			       (struct families){ true, true };
	bool any_v6 = false;
	unsigned n = 0, k = 0;

	for (struct ares_addrinfo_node *i = found->nodes; i; i = i->ai_next) {
		if (ep_from_sockaddr(i->ai_addr, i->ai_addrlen, &ep[n]) == 0 &&
		    (ip_is_v4(&ep[n].addr) ? have.v4 : have.v6))
			any_v6 |= !ip_is_v4(&ep[n++].addr);
	}
	for (unsigned i = 0; i < n; i++) {
		if (suits(a, &ep[i], any_v6))
			ep[k++] = ep[i];
	}
	return k;
}

static const char *canon_of(const struct ares_addrinfo *found)
{
	const char *name = found->name;

	for (struct ares_addrinfo_cname *c = found->cnames; c; c = c->next)
		name = c->name ? c->name : name;
	return name;
}

static int answer_found(struct addr_query *a, const struct ares_addrinfo *found)
{
	struct endpoint *ep;
	const char *canon;
	unsigned n = 0;
	int error;

	for (struct ares_addrinfo_node *i = found->nodes; i; i = i->ai_next)
		n++;
	ep = xmalloc(n * sizeof(*ep));
	n = collect(a, found, ep);
	list_sort(a->q.r->stack, ep, n);
	canon = canon_of(found);
	error = answer(a, ep, n, is_host_name(canon) ? canon : a->node);
	free(ep);
	return error;
}

static void answered(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	struct addr_query *a = arg;
	int error = query_error(&a->q, status);

	if (query_wanted(&a->q))
		query_done(&a->q, error ? error : answer_found(a, found));
	if (found)
		ares_freeaddrinfo(found);
}

static void ask(struct ioth_query *q)
{
	struct addr_query *a = container_of(q, struct addr_query, q);
	bool both = a->family == AF_INET6 && a->flags & AI_V4MAPPED;
	struct ares_addrinfo_hints h = {
		.ai_flags = ARES_AI_NOSORT | (a->flags & AI_CANONNAME ? ARES_AI_CANONNAME : 0),
		.ai_family = both ? AF_UNSPEC : a->family,
	};

	ares_getaddrinfo(q->r->channel, a->node, NULL, &h, answered, a);
}

static void ask_for(struct addr_query *a, const char *name)
{
	a->node = xstrdup(name);
	query_ask(&a->q, ask);
}

/* --- the call --- */

static int check(struct addr_query *a, const char *node, const char *service,
		 const struct addrinfo *h)
{
	if (!node && !service)
		return EAI_NONAME;
	if (h->ai_flags & ~FLAGS || (h->ai_flags & AI_CANONNAME && !node))
		return EAI_BADFLAGS;
	if (h->ai_family != AF_UNSPEC && h->ai_family != AF_INET && h->ai_family != AF_INET6)
		return EAI_FAMILY;
	a->flags = h->ai_flags;
	a->family = h->ai_family;
	a->n_serv = services_find(service, h, a->serv);
	return a->n_serv < 0 ? a->n_serv : 0;
}

struct ioth_query *ioth_resolve_addr(struct ioth_resolver *r, const char *node,
				     const char *service, const struct addrinfo *hints,
				     ioth_addr_fn *fn, void *arg)
{
	static const struct addrinfo none = { .ai_flags = AI_V4MAPPED | AI_ADDRCONFIG };
	struct addr_query *a = xzalloc(sizeof(*a));
	struct endpoint ep;
	int error;

	a->q.give = give;
	a->q.clean = clean;
	a->fn = fn;
	a->arg = arg;
	query_open(&a->q, r);
	error = check(a, node, service, hints ? hints : &none);
	if (error)
		query_done(&a->q, error);
	else if (!node)
		query_done(&a->q, answer_self(a));
	else if (numeric(r->stack, node, &ep))
		query_done(&a->q, answer_number(a, &ep, node));
	else if (a->flags & AI_NUMERICHOST || !*node || strpbrk(node, ":% \t\n"))
		query_done(&a->q, EAI_NONAME);
	else
		ask_for(a, node);
	return &a->q;
}
