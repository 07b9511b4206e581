/* msocket.c - msocket() of View-OS: a stack is named by its file
 *
 * The stack at a path is made once (kind served) and stays. Which is the default
 * is told by the environment, so that it is inherited.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "ioth.h"
#include "node/kind.h"
#include "node/serve.h"
#include "node/served_in.h"

static struct ioth *shared_at(const char *path)
{
	list_for(l, &served_all) {
		struct served *s = container_of(l, struct served, link);

		if (s->shared && strcmp(s->path, path) == 0)
			return s->stack;
	}
	return NULL;
}

/* The stack at path, which stays from then on; NULL with errno. */
static struct ioth *stack_at(const char *path)
{
	struct ioth *s;

	pthread_mutex_lock(&served_lock);
	s = shared_at(path);
	pthread_mutex_unlock(&served_lock);
	if (s)
		return s;
	s = ioth_newstack("served", path);
	if (s)
		((struct served *)s->data)->shared = true;
	return s;
}

static struct ioth *host_stack(void)
{
	static struct ioth *host;

	pthread_mutex_lock(&served_lock);
	if (!host)
		host = ioth_newstack(NULL, NULL);
	pthread_mutex_unlock(&served_lock);
	return host;
}

/* Of each family, in the environment: programs that are executed begin with it. */
static const struct family {
	int		domain;
	const char	*env;
} families[] = {
	{ AF_UNSPEC,	"IOTH_STACK" },		/* those that have none of their own */
	{ AF_INET,	"IOTH_STACK_INET" },
	{ AF_INET6,	"IOTH_STACK_INET6" },
	{ AF_NETLINK,	"IOTH_STACK_NETLINK" },
	{ AF_PACKET,	"IOTH_STACK_PACKET" },
};

static const char *default_path(int domain)
{
	const char *path = NULL;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		const char *v = families[i].domain == AF_UNSPEC || families[i].domain == domain ?
				getenv(families[i].env) : NULL;

		if (v)
			path = v;
	}
	return path && *path ? path : NULL;
}

bool msocket_default(int domain, struct ioth **s)
{
	const char *path = default_path(domain);

	if (path)
		*s = stack_at(path);
	return path != NULL;
}

void msocket_forget(void)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		unsetenv(families[i].env);
}

/* path NULL: the machine's own again, which "" says where there is another for all. */
static int set_default(const char *path, int domain)
{
	const struct family *f = families;
	struct ucred server;

	while (f < families + ARRAY_LEN(families) && f->domain != domain)
		f++;
	if (f == families + ARRAY_LEN(families))
		return libc_result(-EAFNOSUPPORT);
	if (path && *path) {
		int conn = serve_connect(path, &server);

		if (conn < 0)
			return libc_result(conn);
		close(conn);
	}
	if (domain == AF_UNSPEC)
		msocket_forget();
	return setenv(f->env, path ? path : "", 1);
}

int msocket(const char *path, int domain, int type, int protocol)
{
	struct ioth *s = NULL;

	if ((type & 0xf) == SOCK_DEFAULT)
		return type == SOCK_DEFAULT ? set_default(path, domain) : libc_result(-EINVAL);
	if (path && *path && !(s = stack_at(path)))
		return -1;
	return ioth_msocket(path && !*path ? host_stack() : s, domain, type, protocol);
}
