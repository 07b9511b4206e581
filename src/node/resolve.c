/* resolve.c - the resolver: c-ares over sockets of a stack
 *
 * c-ares knows DNS: retries, servers that fail, search lists, EDNS, TCP where an
 * answer was cut, /etc/hosts. Its sockets are ours (struct ares_socket_functions),
 * so questions leave by the stack that asks, of whatever kind. It never reads the
 * machine's resolv.conf: all that it would look for there is given to it.
 *
 * Without a name server c-ares is asked for /etc/hosts only: to ask nobody loses memory
 * (c-ares 1.18.1).
 *
 * A query waits until there are few enough; then it is in the resolver's list open until its answer is there, then in done until
 * ioth_resolver_process gives it to the user: so no function of the user's runs
 * while it is still asking, or inside c-ares. A query that is cancelled while
 * c-ares has it waits for the callback, unseen.
 */
#include "node/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "proto/label.h"

#define ASK_MOST	64		/* at once: more would overrun a server's queue */
#define EDNS_SIZE	1232		/* fits where IPv6's least MTU is (DNS flag day 2020) */

/* --- c-ares's sockets --- */

static ares_socket_t net_socket(int domain, int type, int protocol, void *arg)
{
	struct ioth_resolver *r = arg;

	return ioth_msocket(r->stack, domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int net_close(ares_socket_t fd, void *arg)
{
	return ioth_close(fd);
}

uint32_t zone_number(struct ioth *s, const char *zone)
{
	int index = ioth_if_nametoindex(s, zone);
	uint64_t n = 0;

	return index > 0 ? (uint32_t)index : num_parse(zone, 1, UINT32_MAX, &n) ? (uint32_t)n : 0;
}

/* c-ares forgets the zones of servers. */
static uint32_t zone_of(struct ioth_resolver *r, const struct ip_addr *a)
{
	for (int i = 0; i < r->rc.n_server; i++) {
		const struct rc_server *s = &r->rc.server[i];

		if (ip_eq(&s->addr, a) && s->zone[0])
			return zone_number(r->stack, s->zone);
	}
	return 0;
}

static int net_connect(ares_socket_t fd, const struct sockaddr *sa, ares_socklen_t len, void *arg)
{
	struct sockaddr_storage ss;
	struct endpoint ep;

	if (ep_from_sockaddr(sa, len, &ep) < 0 || !ip_is_linklocal(&ep.addr))
		return ioth_connect(fd, sa, len);
	ep.ifindex = zone_of(arg, &ep.addr);
	len = ep_to_sockaddr(&ep, sa->sa_family, &ss);
	return ioth_connect(fd, (struct sockaddr *)&ss, len);
}

static ares_ssize_t net_recv(ares_socket_t fd, void *buf, size_t len, int flags,
			     struct sockaddr *addr, ares_socklen_t *addrlen, void *arg)
{
	return addr ? ioth_recvfrom(fd, buf, len, flags, addr, addrlen) :
		      ioth_recv(fd, buf, len, flags);
}

/* A datagram is one piece; of a stream's pieces the others follow. */
static ares_ssize_t net_send(ares_socket_t fd, const struct iovec *iov, int n, void *arg)
{
	return ioth_send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
}

static const struct ares_socket_functions net = {
	net_socket, net_close, net_connect, net_recv, net_send
};

/* c-ares waits for something else at fd, or for nothing. */
static void fd_changed(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct ioth_resolver *r = arg;
	short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
	int i = 0;

	while (i < r->n_fds && r->fds[i].fd != fd)
		i++;
	if (!events) {
		if (i < r->n_fds)
			r->fds[i] = r->fds[--r->n_fds];
		return;
	}
	if (i == r->fds_size) {
		r->fds_size = r->fds_size * 2 + 4;
		r->fds = xrealloc(r->fds, (size_t)r->fds_size * sizeof(*r->fds));
	}
	if (i == r->n_fds)
		r->n_fds++;
	r->fds[i] = (struct pollfd){ .fd = fd, .events = events };
}

/* --- a resolver's life --- */

static int set_servers(struct ioth_resolver *r)
{
	struct ares_addr_node node[RC_SERVERS];

	for (int i = 0; i < r->rc.n_server; i++) {
		const struct ip_addr *a = &r->rc.server[i].addr;

		node[i].next = i + 1 < r->rc.n_server ? &node[i + 1] : NULL;
		node[i].family = ip_is_v4(a) ? AF_INET : AF_INET6;
		if (ip_is_v4(a))
			memcpy(&node[i].addr.addr4, ip_v4(a), 4);
		else
			memcpy(&node[i].addr.addr6, a, 16);
	}
	return r->rc.n_server ? ares_set_servers(r->channel, node) : ARES_SUCCESS;
}

static int open_channel(struct ioth_resolver *r)
{
	char *domains[RC_DOMAINS];
	struct ares_options o = {
		.flags = ARES_FLAG_EDNS | ARES_FLAG_NOALIASES | (r->rc.tcp ? ARES_FLAG_USEVC : 0),
		.timeout = r->rc.timeout * 1000, .tries = r->rc.attempts, .ndots = r->rc.ndots,
		.domains = domains, .ndomains = r->rc.n_domain, .lookups = (char *)(r->rc.n_server ? "fb" : "f"),
		.sock_state_cb = fd_changed, .sock_state_cb_data = r, .ednspsz = EDNS_SIZE,
	};
	int ret;

	for (int i = 0; i < r->rc.n_domain; i++)
		domains[i] = r->rc.domain[i];
	ret = ares_init_options(&r->channel, &o,
				ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
				ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_SORTLIST |
				ARES_OPT_EDNSPSZ |
				(r->rc.rotate ? ARES_OPT_ROTATE : ARES_OPT_NOROTATE));
	if (ret != ARES_SUCCESS)
		return ret;
	ares_set_socket_functions(r->channel, &net, r);
	return set_servers(r);
}

struct ioth_resolver *ioth_resolver_new(struct ioth *stack, const char *conf)
{
	struct ioth_resolver *r = xzalloc(sizeof(*r));
	char *own = conf ? NULL : resolve_conf(stack);

	r->stack = stack;
	list_init(&r->waiting);
	list_init(&r->open);
	list_init(&r->done);
	resolvconf_parse(own ? own : conf ? conf : "", &r->rc);
	free(own);
	if (open_channel(r) != ARES_SUCCESS) {
		ioth_resolver_free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

static void query_free(struct ioth_query *q)
{
	list_del(&q->link);
	q->clean(q);
	free(q);
}

void ioth_resolver_free(struct ioth_resolver *r)
{
	struct list *l;

	list_splice_tail(&r->open, &r->waiting);
	list_for_safe(q, &r->open)
		ioth_query_cancel(container_of(q, struct ioth_query, link));
	if (r->channel)
		ares_destroy(r->channel);	/* calls back for each that was cancelled */
	while ((l = list_pop(&r->done)))
		query_free(container_of(l, struct ioth_query, link));
	free(r->fds);
	free(r);
}

/* --- queries --- */

void query_open(struct ioth_query *q, struct ioth_resolver *r)
{
	q->r = r;
	list_add_tail(&r->open, &q->link);
}

static void ask_waiting(struct ioth_resolver *r)
{
	struct list *l;

	while (r->asking < ASK_MOST && (l = list_pop(&r->waiting))) {
		struct ioth_query *q = container_of(l, struct ioth_query, link);

		list_add_tail(&r->open, &q->link);
		q->asking = true;
		r->asking++;
		q->ask(q);
	}
}

void query_ask(struct ioth_query *q, void (*ask)(struct ioth_query *q))
{
	q->ask = ask;
	list_del(&q->link);
	list_add_tail(&q->r->waiting, &q->link);
	ask_waiting(q->r);
}

bool query_wanted(struct ioth_query *q)
{
	q->asking = false;
	q->r->asking--;
	if (!q->cancelled)
		return true;
	query_free(q);
	return false;
}

void query_done(struct ioth_query *q, int status)
{
	q->status = status;
	list_del(&q->link);
	list_add_tail(&q->r->done, &q->link);
}

void ioth_query_cancel(struct ioth_query *q)
{
	q->cancelled = true;
	if (!q->asking)
		query_free(q);
}

int query_error(const struct ioth_query *q, int status)
{
	if (status != ARES_SUCCESS && !q->r->rc.n_server)
		return EAI_AGAIN;
	switch (status) {
	case ARES_SUCCESS:	return 0;
	case ARES_ENODATA:	return EAI_NODATA;
	case ARES_ENOTFOUND:
	case ARES_EBADNAME:	return EAI_NONAME;
	case ARES_ENOMEM:	return EAI_MEMORY;
	case ARES_ESERVFAIL:
	case ARES_ECONNREFUSED:
	case ARES_ETIMEOUT:	return EAI_AGAIN;
	default:		return EAI_FAIL;
	}
}

bool is_host_name(const char *name)
{
	return name && *name != '-' && label_text_ok(name);
}

/* --- the user's loop --- */

int ioth_resolver_fds(struct ioth_resolver *r, struct pollfd *fds, int n)
{
	for (int i = 0; i < r->n_fds && i < n; i++)
		fds[i] = r->fds[i];
	return r->n_fds;
}

int ioth_resolver_timeout(struct ioth_resolver *r)
{
	struct timeval tv;

	if (!list_empty(&r->done))
		return 0;
	if (!ares_timeout(r->channel, NULL, &tv))
		return -1;
	return (int)(tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000);
}

/* Only what is there now: a user's function may ask again. */
static void give_answers(struct ioth_resolver *r)
{
	struct list now = LIST_INIT(now), *l;

	list_splice_tail(&now, &r->done);
	while ((l = list_pop(&now))) {
		struct ioth_query *q = container_of(l, struct ioth_query, link);

		q->asking = true;	/* to cancel it now does nothing */
		q->give(q);
		query_free(q);
	}
}

void ioth_resolver_process(struct ioth_resolver *r, const struct pollfd *fds, int n)
{
	for (int i = 0; i < n; i++) {
		short ev = fds[i].revents;

		if (ev)
			ares_process_fd(r->channel,
					ev & ~POLLOUT ? fds[i].fd : ARES_SOCKET_BAD,
					ev & ~POLLIN ? fds[i].fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	ask_waiting(r);
	give_answers(r);
}

/* --- questions of any type --- */

struct dns_query {
	struct ioth_query q;
	ioth_dns_fn	*fn;
	void		*arg;
	char		*name;
	int		type;
	unsigned char	*answer;
	size_t		len;
};

static void dns_give(struct ioth_query *q)
{
	struct dns_query *d = container_of(q, struct dns_query, q);

	d->fn(d->arg, q->status, d->answer, d->len);
}

static void dns_clean(struct ioth_query *q)
{
	struct dns_query *d = container_of(q, struct dns_query, q);

	free(d->answer);
	free(d->name);
}

static void dns_answered(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
	struct dns_query *d = arg;

	if (!query_wanted(&d->q))
		return;
	if (answer && len > 0) {
		d->answer = xmalloc((size_t)len);
		d->len = (size_t)len;
		memcpy(d->answer, answer, d->len);
	}
	query_done(&d->q, query_error(&d->q, status));
}

static void dns_ask(struct ioth_query *q)
{
	struct dns_query *d = container_of(q, struct dns_query, q);

	ares_query(q->r->channel, d->name, 1 /* IN, RFC 1035 3.2.4 */, d->type, dns_answered, d);
}

struct ioth_query *ioth_resolve_dns(struct ioth_resolver *r, const char *name, int type,
				    ioth_dns_fn *fn, void *arg)
{
	struct dns_query *d = xzalloc(sizeof(*d));

	d->q.give = dns_give;
	d->q.clean = dns_clean;
	d->fn = fn;
	d->arg = arg;
	d->name = xstrdup(name);
	d->type = type;
	query_open(&d->q, r);
	if (r->rc.n_server)
		query_ask(&d->q, dns_ask);
	else
		query_done(&d->q, EAI_AGAIN);
	return &d->q;
}
