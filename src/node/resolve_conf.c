/* resolve_conf.c - whom a stack asks for names, as the text of a resolv.conf
 *
 * The machine's stack asks whom the machine asks. Others ask whom their
 * configuration and their routers name, and nobody if there is no such; the
 * machine's servers are not theirs to ask. Those of a stack that another process
 * serves are called like the machine's: that process sends the questions to its own.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/grow.h"
#include "node/config_stack.h"
#include "node/resolve.h"

char *resolve_machine_conf(struct ioth *s)
{
	FILE *f = fopen("/etc/resolv.conf", "re");
	struct grow g = { .s = NULL };
	char buf[1024];
	size_t n;

	while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		grow_put(&g, buf, n);
	if (f)
		fclose(f);
	else
		grow_add(&g, "nameserver 127.0.0.1\n");	/* resolv.conf(5) */
	grow_put(&g, "", 1);
	return g.s;
}

char *resolve_conf(struct ioth *s)
{
	s = s ? s : ioth_get_defstack();
	return (s->more->resolvconf ? s->more->resolvconf : stack_resolvconf)(s);
}
