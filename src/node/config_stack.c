/* config_stack.c - how a stack of any kind is configured: by rtnetlink and its sockets
 *
 * For kinds that have no node of ours. Requests go by one netlink socket of the stack,
 * news of links and addresses (and resolvers that routers tell) come by another; leases
 * are asked for by sockets of it (config_sock.c). One thread of the process looks after all
 * such stacks, and is there as long as one of them is; a lock is theirs together.
 *
 * A forked child knows what its parent was told. The parent goes on to look after its
 * stacks, until the child configures one itself: then that is the child's.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "node/api_netlink.h"
#include "node/config_stack.h"
#include "node/config_stack_in.h"
#include "proto/nd_ra.h"

#define GROUP(g)	(1u << ((g) - 1))
#define NEWS		(GROUP(RTNLGRP_LINK) | GROUP(RTNLGRP_IPV4_IFADDR) | \
			 GROUP(RTNLGRP_IPV6_IFADDR) | GROUP(RTNLGRP_IPV6_IFINFO) | \
			 GROUP(RTNLGRP_ND_USEROPT))

/* Of all that are configured in this way. */
static struct {
	pthread_mutex_t	lock;
	pthread_cond_t	ran;
	struct list	all;
	int		kick;		/* eventfd; -1: the thread is not there */
} keep = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, LIST_INIT(keep.all), -1 };

void stack_config_kick(void)
{
	uint64_t one = 1;

	if (keep.kick >= 0 && write(keep.kick, &one, sizeof(one)) < 0)
		return;			/* full: it is awake */
}

static void op_ran(void *ctx)
{
	pthread_cond_broadcast(&keep.ran);
}

/* --- news --- */

/* Options of a router's advertisement, as the kernel passes them on. */
static void hear_option(struct stack_config *sc, const struct nlmsghdr *h)
{
	const struct nduseroptmsg *m = mnl_nlmsg_get_payload(h);
	struct rd all = rd_of(m + 1, MIN((size_t)m->nduseropt_opts_len,
					 mnl_nlmsg_get_payload_len(h) - sizeof(*m)));
	uint8_t type = rd_u8(&all), units = rd_u8(&all);
	struct rd body = rd_sub(&all, MAX(units, 1) * 8u - 2);

	sc->told_if = (unsigned)m->nduseropt_ifindex;
	if (type == ND_OPT_RDNSS) {
		sc->told.n_dns = 0;
		sc->dns_at = now_mono();
		nd_rdnss_parse(&body, &sc->told);
	} else if (type == ND_OPT_DNSSL) {
		sc->told.n_search = 0;
		sc->search_at = now_mono();
		nd_dnssl_parse(&body, &sc->told);
	}
}

static int hear_one(const struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type == RTM_NEWNDUSEROPT &&
	    mnl_nlmsg_get_payload_len(h) >= sizeof(struct nduseroptmsg))
		hear_option(arg, h);
	return MNL_CB_OK;
}

/* All but resolvers is looked at anew anyhow. */
static void hear_news(struct stack_config *sc)
{
	char buf[NL_BUF];
	ssize_t n;

	while ((n = ioth_recv(sc->news, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		mnl_cb_run(buf, (size_t)n, 0, 0, hear_one, sc);
}

/* --- the thread --- */

static struct stack_config *of(struct list *l)
{
	return container_of(l, struct stack_config, link);
}

static void add_fd(struct pollfd **v, unsigned *n, int fd)
{
	*v = xrealloc(*v, (*n + 1) * sizeof(**v));
	(*v)[(*n)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

/* What they wait for: descriptors, and until when. */
static usec collect(struct pollfd **v, unsigned *n)
{
	usec at = NEVER;

	*n = 0;
	add_fd(v, n, keep.kick);
	list_for(l, &keep.all) {
		if (of(l)->owner != getpid())
			continue;
		add_fd(v, n, of(l)->news);
		list_for(k, &of(l)->socks)
			add_fd(v, n, container_of(k, struct conf_sock, link)->fd);
		at = MIN(at, config_deadline(of(l)->config));
	}
	return at;
}

static void wait_for_news(struct pollfd *v, unsigned n, usec at)
{
	usec left = at == NEVER ? NEVER : MAX(at - now_mono(), 0);
	struct timespec ts = { left / USEC_PER_SEC, left % USEC_PER_SEC * 1000 };
	uint64_t count;

	pthread_mutex_unlock(&keep.lock);
	ppoll(v, n, left == NEVER ? NULL : &ts, NULL);
	pthread_mutex_lock(&keep.lock);
	if (v[0].revents && read(keep.kick, &count, sizeof(count)) < 0)
		return;
}

static void *keeper(void *arg)
{
	struct pollfd *v = NULL;
	unsigned n;

	pthread_mutex_lock(&keep.lock);
	while (!list_empty(&keep.all)) {
		usec at = collect(&v, &n);

		wait_for_news(v, n, at);
		list_for(l, &keep.all) {
			if (of(l)->owner != getpid())
				continue;
			hear_news(of(l));
			config_run(of(l)->config, now_mono());
		}
	}
	close(keep.kick);
	keep.kick = -1;
	pthread_mutex_unlock(&keep.lock);
	free(v);
	return NULL;
}

/* 0 or -errno: it runs. */
static int keeper_start(void)
{
	sigset_t all, was;
	pthread_t t;
	int e;

	if (keep.kick >= 0)
		return 0;
	keep.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (keep.kick < 0)
		return -errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	e = pthread_create(&t, NULL, keeper, NULL);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (e == 0)
		return -pthread_detach(t);
	close(keep.kick);
	keep.kick = -1;
	return -e;
}

/* --- its life --- */

static void end(struct stack_config *sc)
{
	if (sc->config && sc->owner == getpid())
		config_free(sc->config);
	else if (sc->config)
		config_forget(sc->config);
	if (sc->netlink >= 0)
		ioth_close(sc->netlink);
	if (sc->news >= 0)
		ioth_close(sc->news);
	free(sc->last);
	list_del(&sc->link);
	free(sc);
	stack_config_kick();
}

static int news_open(struct ioth *s)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = NEWS };
	int fd = ioth_msocket(s, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			      NETLINK_ROUTE);

	if (fd >= 0 && ioth_bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
		ioth_close(fd);
		fd = -1;
	}
	return fd;
}

/* NULL with *e. */
static struct stack_config *begin(struct ioth *s, int *e)
{
	struct stack_config *sc = xzalloc(sizeof(*sc));

	list_init(&sc->link);
	list_init(&sc->socks);
	sc->s = s;
	sc->owner = getpid();
	sc->netlink = nl_open(s);
	sc->news = sc->netlink < 0 ? -1 : news_open(s);
	*e = sc->news < 0 ? -errno : keeper_start();
	if (*e < 0) {
		end(sc);
		return NULL;
	}
	sc->ops = conf_rtnl_ops;
	sc->ops.open = conf_sock_open;
	sc->ops.close = conf_sock_close;
	sc->ops.send = conf_sock_send;
	sc->ops.recv = conf_sock_recv;
	sc->ops.ran = op_ran;
	sc->config = config_new(&sc->ops, sc);
	list_add_tail(&keep.all, &sc->link);
	stack_config_kick();
	return sc;
}

static void wait_done(struct config *c)
{
	while (!config_done(c, now_mono())) {
		usec left = config_patience(c, now_mono()) - now_mono();
		struct timespec ts;

		clock_gettime(CLOCK_MONOTONIC, &ts);
		left = MAX(left, 0) + ts.tv_nsec / 1000;
		ts.tv_sec += left / USEC_PER_SEC;
		ts.tv_nsec = left % USEC_PER_SEC * 1000;
		pthread_cond_clockwait(&keep.ran, &keep.lock, CLOCK_MONOTONIC, &ts);
	}
}

int stack_config(struct ioth *s, const struct words *w)
{
	struct config *c;
	unsigned mask;
	int ret = 0;

	pthread_mutex_lock(&keep.lock);
	if (!s->config)
		s->config = begin(s, &ret);
	else
		ret = keeper_start();
	if (ret == 0) {
		s->config->owner = getpid();
		c = s->config->config;
		ret = config_apply(c, w, &mask, now_mono());
		config_run(c, now_mono());
		stack_config_kick();
		if (ret == 0) {
			s->config->waiters++;
			wait_done(c);
			s->config->waiters--;
			ret = (int)(config_got(c) & mask);
		}
	}
	pthread_mutex_unlock(&keep.lock);
	return ret;
}

char *stack_newconf(struct ioth *s, const struct words_if *i, int *error)
{
	bool of_one = i->iface || i->ifindex;
	unsigned index;
	char *text = NULL;

	*error = 0;
	pthread_mutex_lock(&keep.lock);
	if (!s->config)
		s->config = begin(s, error);
	index = s->config && of_one ? config_find(s->config->config, i) : 0;
	if (s->config && of_one && !index)
		*error = -ENODEV;
	if (*error == 0)
		text = config_resolv_new(s->config->config, index, &s->config->last);
	pthread_mutex_unlock(&keep.lock);
	return text;
}

char *stack_resolvconf(struct ioth *s)
{
	char *text;

	pthread_mutex_lock(&keep.lock);
	text = s->config ? config_resolv(s->config->config, 0) : NULL;
	pthread_mutex_unlock(&keep.lock);
	return text;
}

int stack_config_end(struct ioth *s)
{
	struct stack_config *sc;
	unsigned own = 2;
	int ret = 0;

	pthread_mutex_lock(&keep.lock);
	sc = s->config;
	if (sc) {
		list_for(l, &sc->socks)
			own += container_of(l, struct conf_sock, link)->quiet < 0 ? 1 : 2;
		if (fds_open(s) > own || sc->waiters)
			ret = -EBUSY;
	}
	if (sc && ret == 0) {
		s->config = NULL;
		end(sc);
	}
	pthread_mutex_unlock(&keep.lock);
	return ret;
}

/* No lock is left locked in the child, which has no thread for them. */
void stack_config_fork(enum fork_when when)
{
	if (when == FORK_BEFORE) {
		pthread_mutex_lock(&keep.lock);
		return;
	}
	if (when == FORK_CHILD && keep.kick >= 0) {
		close(keep.kick);
		keep.kick = -1;
		keep.ran = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	}
	pthread_mutex_unlock(&keep.lock);
}
