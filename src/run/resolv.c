/* resolv.c - where the machine's libc would ask for names
 *
 * The program reads the machine's resolv.conf and asks the servers it names;
 * with --dns these questions go to another address (node/vdns.c).
 * Resolvers that are reached by AF_UNIX sockets would answer with the machine's
 * own view of names, outside the node: they are refused, and libc falls back.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "run/run.h"

static bool refused(const char *path, size_t len)
{
	static const char *const under[] = {
		"/run/systemd/resolve/", "/var/run/nscd/", "/run/nscd/",
		"/var/run/avahi-daemon/", "/run/avahi-daemon/",
	};

	for (size_t i = 0; i < ARRAY_LEN(under); i++) {
		if (len >= strlen(under[i]) && memcmp(path, under[i], strlen(under[i])) == 0)
			return true;
	}
	return false;
}

/* A connect() that is not a socket of ours. */
long resolv_connect(struct call *c)
{
	struct sockaddr_un un;
	uint32_t len = (uint32_t)ARG(c, 2);
	int domain = 0;
	socklen_t size = sizeof(domain);

	if (c->nr != SYS_connect || c->app < 0 || getsockopt(c->app, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
	    domain != AF_UNIX || len <= 2 || len > sizeof(un))
		return CALL_CONTINUE;
	memset(&un, 0, sizeof(un));
	if (call_read(c, ARG(c, 1), &un, len) < 0 || un.sun_family != AF_UNIX)
		return CALL_CONTINUE;
	return refused(un.sun_path, len - 2) ? -ECONNREFUSED : CALL_CONTINUE;
}
