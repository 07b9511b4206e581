/* resolve_wait.c - getaddrinfo and getnameinfo as everybody knows them: they block
 *
 * Each call has a resolver of its own for as long as it lasts, so any thread may
 * call at any time, and what the stack is told of name servers counts at once.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "node/resolve.h"

struct outcome {
	bool	done;
	int	status;
	struct addrinfo *res;
	char	*host, *serv;		/* where to, and how much fits */
	socklen_t hostlen, servlen;
};

static void wait_for(struct ioth_resolver *r, const bool *done)
{
	while (!*done) {
		int n = ioth_resolver_fds(r, NULL, 0);
		struct pollfd *fds = xmalloc((size_t)n * sizeof(*fds));

		ioth_resolver_fds(r, fds, n);
		if (ioth_poll(fds, (nfds_t)n, ioth_resolver_timeout(r)) < 0)
			n = 0;
		ioth_resolver_process(r, fds, n);
		free(fds);
	}
}

static void found(void *arg, int status, struct addrinfo *res)
{
	struct outcome *o = arg;

	o->done = true;
	o->status = status;
	o->res = res;
}

int ioth_getaddrinfo(struct ioth *stack, const char *node, const char *service,
		     const struct addrinfo *hints, struct addrinfo **res)
{
	struct ioth_resolver *r = ioth_resolver_new(stack, NULL);
	struct outcome o = { .done = false };

	if (!r)
		return EAI_MEMORY;
	ioth_resolve_addr(r, node, service, hints, found, &o);
	wait_for(r, &o.done);
	ioth_resolver_free(r);
	if (!o.status)
		*res = o.res;
	return o.status;
}

static int fit(char *buf, socklen_t size, const char *s)
{
	if (!buf || !size)
		return 0;
	if (strlen(s) >= size)
		return EAI_OVERFLOW;
	strcpy(buf, s);
	return 0;
}

static void named(void *arg, int status, const char *host, const char *serv)
{
	struct outcome *o = arg;

	o->done = true;
	o->status = status;
	if (!status)
		o->status = fit(o->host, o->hostlen, host);
	if (!o->status)
		o->status = fit(o->serv, o->servlen, serv);
}

int ioth_getnameinfo(struct ioth *stack, const struct sockaddr *addr, socklen_t addrlen,
		     char *host, socklen_t hostlen, char *serv, socklen_t servlen, int flags)
{
	struct outcome o = { .host = host, .serv = serv, .hostlen = hostlen, .servlen = servlen };
	struct ioth_resolver *r;

	if ((!host || !hostlen) && (!serv || !servlen))
		return EAI_NONAME;
	if (!host || !hostlen)		/* nobody is asked */
		flags = (flags & ~NI_NAMEREQD) | NI_NUMERICHOST;
	r = ioth_resolver_new(stack, NULL);
	if (!r)
		return EAI_MEMORY;
	ioth_resolve_name(r, addr, addrlen, flags, named, &o);
	wait_for(r, &o.done);
	ioth_resolver_free(r);
	return o.status;
}

const char *ioth_gai_strerror(int code)
{
	return gai_strerror(code);
}
