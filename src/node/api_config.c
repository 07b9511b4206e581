/* api_config.c - ioth.h: configuration by strings
 *
 * The kind does it (native_config.c), or config_stack.c for kinds that have no way of their
 * own. What was begun goes on after the call: leases are renewed, and a server that comes
 * late is heard.
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
		return libc_result(ret);
	ret = w.n_vnl || w.stack ? -EINVAL : configure(stack_of(s), &w);
	words_free(&w);
	return libc_result(ret);
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
