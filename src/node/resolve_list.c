/* resolve_list.c - addresses and services as a struct addrinfo, in order
 *
 * Which source the stack would use for an address is asked of the stack itself: a
 * datagram socket is connected there, which sends nothing, and asked for its name.
 * A struct addrinfo and its address are one allocation, as in libc, so that the
 * freeaddrinfo of libc may end our lists too.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "name/order.h"
#include "node/resolve.h"

static struct dest dest_of(struct ioth *s, const struct endpoint *ep, unsigned index)
{
	struct dest d = { .addr = ep->addr, .index = index };
	struct sockaddr_storage ss;
	int family = ip_is_v4(&ep->addr) ? AF_INET : AF_INET6;
	int fd = ioth_msocket(s, family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct endpoint to = *ep, from;
	socklen_t len;

	to.port = 9;			/* discard: any but 0 */
	len = ep_to_sockaddr(&to, family, &ss);
	if (fd >= 0 && ioth_connect(fd, (struct sockaddr *)&ss, len) == 0) {
		len = sizeof(ss);
		d.reachable = ioth_getsockname(fd, (struct sockaddr *)&ss, &len) == 0 &&
			      ep_from_sockaddr((struct sockaddr *)&ss, len, &from) == 0;
		if (d.reachable)
			d.source = from.addr;
	}
	if (fd >= 0)
		ioth_close(fd);
	return d;
}

void list_sort(struct ioth *s, struct endpoint *ep, unsigned n)
{
	struct endpoint *was;
	struct dest *d;

	if (n < 2)
		return;
	was = xmalloc(n * sizeof(*was));
	d = xmalloc(n * sizeof(*d));
	memcpy(was, ep, n * sizeof(*was));
	for (unsigned i = 0; i < n; i++)
		d[i] = dest_of(s, &ep[i], i);
	dest_sort(d, n);
	for (unsigned i = 0; i < n; i++)
		ep[i] = was[d[i].index];
	free(d);
	free(was);
}

struct families stack_families(struct ioth *s)
{
	struct families have = { false, false };
	struct ifaddrs *list = NULL;
	struct endpoint ep;

	if (ioth_getifaddrs(s, &list) < 0)
		return (struct families){ true, true };	/* a stack that cannot tell */
	for (struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || ep_from_sockaddr(i->ifa_addr, sizeof(struct sockaddr_in6), &ep) < 0 ||
		    ip_is_loopback(&ep.addr))
			continue;
		have.v4 |= ip_is_v4(&ep.addr);
		have.v6 |= !ip_is_v4(&ep.addr);
	}
	ioth_freeifaddrs(list);
	return have;
}

static struct addrinfo *entry(const struct endpoint *ep, const struct service *serv, bool mapped)
{
	struct addrinfo *ai = xzalloc(sizeof(*ai) + sizeof(struct sockaddr_storage));
	struct sockaddr_storage *ss = (struct sockaddr_storage *)(ai + 1);
	struct endpoint to = *ep;

	to.port = serv->port;
	ai->ai_family = ip_is_v4(&ep->addr) && !mapped ? AF_INET : AF_INET6;
	ai->ai_socktype = serv->socktype;
	ai->ai_protocol = serv->protocol;
	ai->ai_addr = (struct sockaddr *)ss;
	ai->ai_addrlen = ep_to_sockaddr(&to, ai->ai_family, ss);
	return ai;
}

struct addrinfo *list_make(const struct endpoint *ep, unsigned n, const struct service *serv,
			   int n_serv, bool mapped, const char *canon)
{
	struct addrinfo *first = NULL, **end = &first;

	for (unsigned i = 0; i < n; i++) {
		for (int k = 0; k < n_serv; k++) {
			*end = entry(&ep[i], &serv[k], mapped);
			end = &(*end)->ai_next;
		}
	}
	if (first && canon)
		first->ai_canonname = xstrdup(canon);
	return first;
}

void ioth_freeaddrinfo(struct addrinfo *ai)
{
	while (ai) {
		struct addrinfo *next = ai->ai_next;

		free(ai->ai_canonname);
		free(ai);
		ai = next;
	}
}
