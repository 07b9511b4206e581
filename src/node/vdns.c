/* vdns.c - --dns: the machine's name servers are asked elsewhere
 *
 * A program's libc reads the machine's resolv.conf. What it sends to port 53 of
 * a server named there goes to one of the node's, and the answer seems to come
 * from the one that was asked.
 */
#include <stdio.h>
#include <sys/socket.h>

#include "node/vsock_in.h"

static void add(struct node *n, const char *text)
{
	struct ip_addr a;

	if (n->n_resolvers < (int)ARRAY_LEN(n->resolvers) && ip_parse_text(text, &a))
		n->resolvers[n->n_resolvers++] = a;
}

void vdns_load(struct node *n)
{
	char line[256], addr[64];
	FILE *f = fopen("/etc/resolv.conf", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " nameserver %63[^ \t\r\n%]", addr) == 1)
			add(n, addr);
	}
	if (f)
		fclose(f);
	if (!n->n_resolvers) {		/* resolv.conf(5): the local machine */
		add(n, "127.0.0.1");
		add(n, "::1");
	}
}

struct endpoint vsock_redirect(struct vsock *vs, const struct endpoint *ep)
{
	struct endpoint to = *ep;
	const struct node *n = vs->n;

	if (ep->port != 53 || !n->n_dns)
		return to;
	for (int i = 0; i < n->n_resolvers; i++) {
		if (ip_eq(&n->resolvers[i], &ep->addr)) {
			to.addr = n->dns[i % n->n_dns];
			vs->asked = *ep;
			break;
		}
	}
	return to;
}

void vsock_undirect(const struct vsock *vs, struct endpoint *ep)
{
	if (!vs->asked.port || ep->port != 53)
		return;
	for (int i = 0; i < vs->n->n_dns; i++) {
		if (ip_eq(&vs->n->dns[i], &ep->addr)) {
			*ep = vs->asked;
			return;
		}
	}
}

/* --dns may name an IPv6 server where the program asks an IPv4 one: the stack's
 * socket is then of the family that can, and the program's stays what it is. */
void vsock_fit_family(struct vsock *vs, const struct endpoint *to)
{
	struct sock *so;

	if (vs->so->family != AF_INET || ip_is_v4(&to->addr) || vs->so->bound ||
	    sock_new(vs->n->st, AF_INET6, vs->type, vs->proto, &so) < 0)
		return;
	vs->so->user = NULL;
	vs->so->wake = NULL;
	sock_close(vs->so);
	so->user = vs;
	so->wake = vsock_wake;
	vs->so = so;
}
