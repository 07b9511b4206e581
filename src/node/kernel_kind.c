/* kernel_kind.c - kind kernel: a Linux stack of one's own (kernel.h)
 *
 * Its sockets are real ones, so all functions are those of the host's kind but
 * socket, which is done in the stack's namespace. "vdestack" is its name in
 * VirtualSquare's libioth.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/kernel.h"
#include "node/kind.h"

struct kernel_stack {
	struct kstack		*k;
	struct ioth_functions	f;
	struct kind_more	more;
};

struct kstack *kernel_of(const struct ioth *s)
{
	return ((struct kernel_stack *)s->data)->k;
}

static struct kstack *current(void)
{
	return kernel_of(kind_current);
}

static int kernel_kind_socket(int domain, int type, int protocol)
{
	return kernel_socket(current(), domain, type, protocol);
}

static int kernel_kind_sysctl(const char *name, const char *value)
{
	return kernel_sysctl(current(), name, value);
}

static int kernel_kind_add_if(struct ioth *s, const char *name, const char *locator)
{
	char *why;
	int ret = kernel_add_if(kernel_of(s), name, locator, &why);

	if (ret < 0)
		err("%s", why);
	free(why);
	return ret;
}

static int kernel_kind_open(struct ioth *s, const char *locators[], const char *options)
{
	struct kernel_stack *ks = xzalloc(sizeof(*ks));
	char *why;

	ks->k = kernel_open(locators, options, &why);
	if (!ks->k) {
		int error = errno;

		err("%s", why);
		free(why);
		free(ks);
		return -error;
	}
	ks->f = kind_host.f;
	ks->f.socket = kernel_kind_socket;
	ks->more = kind_host.more;
	ks->more.resolvconf = NULL;	/* not whom the machine asks */
	ks->more.sysctl = kernel_kind_sysctl;
	ks->more.add_if = kernel_kind_add_if;
	s->data = ks;
	s->f = &ks->f;
	s->more = &ks->more;
	return 0;
}

static int kernel_kind_close(struct ioth *s)
{
	struct kernel_stack *ks = s->data;

	if (fds_open(s))
		return -EBUSY;
	kernel_close(ks->k);
	free(ks);
	return 0;
}

const struct kind kind_kernel = {
	.name = "kernel", .open = kernel_kind_open, .close = kernel_kind_close,
	.addr_later = true,
};

const struct kind kind_vdestack = {
	.name = "vdestack", .open = kernel_kind_open, .close = kernel_kind_close,
	.addr_later = true,
};
