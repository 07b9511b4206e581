/* resolve_name.c - an address's name (getnameinfo of RFC 3493 6.2 and POSIX) */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "base/prefer.h"
#include "base/text.h"
#include "node/resolve.h"

#define FLAGS	(NI_NUMERICHOST | NI_NUMERICSERV | NI_NOFQDN | NI_NAMEREQD | NI_DGRAM)

#define LINK_LOCAL 2	/* RFC 4291 2.7 */

struct name_query {
	struct ioth_query q;
	ioth_name_fn	*fn;
	void		*arg;
	int		flags;
	struct endpoint	ep;
	bool		six;		/* given as IPv6's, which IPv4's may be, too */
	char		host[NI_MAXHOST], serv[NI_MAXSERV];
};

static void give(struct ioth_query *q)
{
	struct name_query *n = container_of(q, struct name_query, q);

	n->fn(n->arg, q->status, q->status ? NULL : n->host, q->status ? NULL : n->serv);
}

static void clean(struct ioth_query *q)
{
}

/* The interface's name, as the stack has it; or its number, as of what is not link-local. */
static void zone_text(struct ioth *s, const struct endpoint *ep, struct text *t)
{
	struct ifreq ifr = { .ifr_ifindex = (int)ep->ifindex };
	bool named = ip_scope(&ep->addr) == LINK_LOCAL && !ip_is_loopback(&ep->addr);
	int fd = named ? ioth_msocket(s, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

	if (fd >= 0 && ioth_ioctl(fd, SIOCGIFNAME, &ifr) == 0)
		text_add(t, "%%%s", ifr.ifr_name);
	else
		text_add(t, "%%%u", ep->ifindex);
	if (fd >= 0)
		ioth_close(fd);
}

static void number_text(struct name_query *n)
{
	struct text t = text_of(n->host, sizeof(n->host));
	char buf[IP_STRLEN];

	text_add(&t, "%s%s", n->six && ip_is_v4(&n->ep.addr) ? "::ffff:" : "", ip_text(&n->ep.addr, buf));
	if (n->ep.ifindex)
		zone_text(n->q.r->stack, &n->ep, &t);
}

/* NI_NOFQDN: of hosts of our own domain the first part. */
static void shorten(const struct resolvconf *rc, char *host)
{
	char *dot = strchr(host, '.');

	for (int i = 0; dot && i < rc->n_domain; i++) {
		if (strcasecmp(dot + 1, rc->domain[i]) == 0) {
			*dot = 0;
			return;
		}
	}
}

static void answered(void *arg, int status, int timeouts, struct hostent *he)
{
	struct name_query *n = arg;
	int error = query_error(&n->q, status);

	if (!query_wanted(&n->q))
		return;
	if (!error && !is_host_name(he->h_name))
		error = EAI_NONAME;
	if (!error) {
		struct text t = text_of(n->host, sizeof(n->host));

		text_add(&t, "%s", he->h_name);
		if (n->flags & NI_NOFQDN)
			shorten(&n->q.r->rc, n->host);
	} else if (!(n->flags & NI_NAMEREQD) && error != EAI_AGAIN && error != EAI_MEMORY) {
		error = 0;
		number_text(n);
	} else if (error == EAI_NODATA) {
		error = EAI_NONAME;
	}
	query_done(&n->q, error);
}

static void ask(struct ioth_query *q)
{
	struct name_query *n = container_of(q, struct name_query, q);
	bool v4 = ip_is_v4(&n->ep.addr);

	ares_gethostbyaddr(q->r->channel, v4 ? ip_v4(&n->ep.addr) : n->ep.addr.b, v4 ? 4 : 16,
			   v4 ? AF_INET : AF_INET6, answered, n);
}

struct ioth_query *ioth_resolve_name(struct ioth_resolver *r, const struct sockaddr *addr,
				     socklen_t addrlen, int flags, ioth_name_fn *fn, void *arg)
{
	struct name_query *n = xzalloc(sizeof(*n));
	int error = 0;

	n->q.give = give;
	n->q.clean = clean;
	n->fn = fn;
	n->arg = arg;
	n->flags = flags;
	query_open(&n->q, r);
	n->six = addrlen >= sizeof(addr->sa_family) && addr->sa_family == AF_INET6;
	if (flags & ~FLAGS)
		error = EAI_BADFLAGS;
	else if (ep_from_sockaddr(addr, addrlen, &n->ep) < 0)
		error = EAI_FAMILY;
	else if (flags & NI_NUMERICHOST && flags & NI_NAMEREQD)
		error = EAI_NONAME;
	else
		error = service_name(n->ep.port, flags, n->serv, sizeof(n->serv));
	if (!error && !(flags & NI_NUMERICHOST)) {
		query_ask(&n->q, ask);
		return &n->q;
	}
	if (!error)
		number_text(n);
	query_done(&n->q, error);
	return &n->q;
}
