/* api_config.c - ioth.h: configuration by strings
 *
 * A native stack is configured by its own driver (config_node.c); what is said here
 * begins it and waits. Of other kinds see config_stack.c. What was begun goes on after the call: leases are renewed, and a
 * server that comes late is heard.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/config_node.h"
#include "node/config_stack.h"
#include "node/kind.h"
#include "node/native.h"

/* Until it is done; the lock is given up meanwhile. */
static void wait_done(struct node_config *nc)
{
	usec now = now_mono();

	while (!config_done(nc->config, now)) {
		usec at = config_patience(nc->config, now);
		struct timespec ts = { at / USEC_PER_SEC, at % USEC_PER_SEC * 1000 };

		pthread_cond_timedwait(&nc->ran, &nc->n->lock, &ts);
		now = now_mono();
	}
}

int native_config(struct ioth *s, const struct words *w)
{
	struct node *n = ((struct native *)s->data)->node;
	struct node_config *nc;
	unsigned mask;
	int ret;

	node_lock(n);
	nc = node_config(n);
	ret = config_apply(nc->config, w, &mask, n->st->now);
	config_run(nc->config, n->st->now);
	node_unlock(n);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&n->lock);
	wait_done(nc);
	ret = (int)(config_got(nc->config) & mask);
	pthread_mutex_unlock(&n->lock);
	return ret;
}

static int result(int ret)
{
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

static struct ioth *stack_of(struct ioth *s)
{
	return s ? s : ioth_get_defstack();
}

/* 0, or -EINVAL after a line that names the word. */
static int parse(const char *string, struct words *w)
{
	char *why = words_parse(string ? string : "", w);

	if (!why)
		return 0;
	err("configuration: %s", why);
	free(why);
	return -EINVAL;
}

static int configure(struct ioth *s, const struct words *w)
{
	return s->more->config ? s->more->config(s, w) : stack_config(s, w);
}

int ioth_config(struct ioth *s, const char *string)
{
	struct words w;
	int ret = parse(string, &w);

	if (ret < 0)
		return result(ret);
	ret = w.n_vnl || w.stack ? -EINVAL : configure(stack_of(s), &w);
	words_free(&w);
	return result(ret);
}

static struct ioth *newstack(struct words *w)
{
	struct ioth *s = ioth_newstackv(w->stack ? w->stack : "native", w->vnl);
	int ret = s ? configure(s, w) : 0;

	if (s && ret >= 0 && words_unanswered(w, (unsigned)ret))
		ret = -ETIMEDOUT;
	if (!s || ret >= 0)
		return s;
	ioth_delstack(s);
	errno = -ret;
	return NULL;
}

struct ioth *ioth_newstackc(const char *string)
{
	struct words w;
	struct ioth *s;
	int ret = parse(string, &w);

	if (ret < 0) {
		errno = -ret;
		return NULL;
	}
	s = newstack(&w);
	words_free(&w);
	return s;
}

char *ioth_resolvconf(struct ioth *s, const char *string)
{
	struct words w;
	char *text = NULL;
	int ret = parse(string, &w);

	s = stack_of(s);
	if (ret == 0) {
		text = (s->more->newconf ? s->more->newconf : stack_newconf)(s, &w.ifs[0], &ret);
		words_free(&w);
	}
	errno = -ret;
	return text;
}

char *native_newconf(struct ioth *s, const struct words_if *i, int *error)
{
	struct node *n = ((struct native *)s->data)->node;
	struct node_config *nc;
	unsigned index;
	char *text;

	node_lock(n);
	nc = node_config(n);
	index = i->iface || i->ifindex ? config_find(nc->config, i) : 0;
	if ((i->iface || i->ifindex) && !index) {
		node_unlock(n);
		*error = -ENODEV;
		return NULL;
	}
	text = config_resolv_new(nc->config, index, &nc->last);
	node_unlock(n);
	*error = 0;
	return text;
}
