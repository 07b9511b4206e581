/* enter.c - a program in the namespaces of a kernel stack
 *
 * With --netns it enters all of them. Under --stack kernel its sockets alone are there, and it enters
 * the user namespace only where it is to see a resolv.conf of its own: that takes a mount
 * namespace, and the rights to make one. A program that stays outside has these rights over
 * the stack by its user, who owns that namespace.
 */
#include "run/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "ioth.h"
#include "node/kernel.h"

#define RESOLV_CONF	"/etc/resolv.conf"

/* False: the user was told. */
static bool failed(const char *what)
{
	err("%s: %s", what, strerror(errno));
	return false;
}

void enter_resolv(struct ioth *s, const struct node_conf *c, char text[RESOLV_MAX])
{
	char *told = c->config && !c->n_dns ? ioth_resolvconf(s, NULL) : NULL;
	struct text t = text_of(text, RESOLV_MAX);
	char buf[IP_STRLEN];

	for (int i = 0; i < c->n_dns; i++)
		text_add(&t, "nameserver %s\n", ip_text(&c->dns[i], buf));
	if (told)
		text_add(&t, "%s", told);
	free(told);
}

/* The same in a file that only the program sees. */
static bool set_dns(const char *text)
{
	char path[] = "/tmp/ioth-resolv-XXXXXX";
	int fd = *text ? mkostemp(path, O_CLOEXEC) : -1;
	bool ok;

	if (!*text)
		return true;
	if (fd < 0)
		return failed(path);
	dprintf(fd, "%s", text);
	ok = fchmod(fd, 0644) == 0 && unshare(CLONE_NEWNS) == 0 &&
	     mount(path, RESOLV_CONF, NULL, MS_BIND, NULL) == 0;
	if (!ok)
		failed("--dns: " RESOLV_CONF);
	unlink(path);
	close(fd);
	return ok;
}

/* Rights over the network outlive execve; root has them anyhow. */
static void keep_rights(void)
{
	static const int rights[] = { CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE };
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		data[0].inheritable |= 1u << rights[i];
	if (syscall(SYS_capset, &head, data) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rights); i++)
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, rights[i], 0, 0);
}

bool enter_stack(int process, int flags, const char *resolv)
{
	if (kernel_enter(process, flags) < 0)
		return failed("cannot enter the namespaces");
	if (!set_dns(resolv))
		return false;
	keep_rights();
	prctl(PR_SET_DUMPABLE, 1);	/* more rights took that away */
	return true;
}
