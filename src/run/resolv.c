/* resolv.c - where the machine's libc would ask for names
 *
 * The program reads the machine's resolv.conf and asks the servers it names;
 * with --dns these questions go to another address over the node's own stack.
 * Resolvers that are reached by AF_UNIX sockets would answer with the machine's
 * own view of names, outside the node: they are refused, and libc falls back.
 */
#include <stdio.h>
#include <string.h>

#include "run/run.h"

static void add(struct node *n, const char *text)
{
	struct ip_addr a;

	if (n->n_resolvers < (int)ARRAY_LEN(n->resolvers) && ip_parse_text(text, &a))
		n->resolvers[n->n_resolvers++] = a;
}

void resolv_load(struct node *n)
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

bool resolv_refused(const char *path, size_t len)
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
