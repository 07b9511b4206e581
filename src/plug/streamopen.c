/* streamopen.c - what the stream plugs are opened from: "-" and cmd://
 *
 * stdin and stdout are used as they are, not copies: their end is ours. A
 * terminal there is a mistake: frames would be written on the screen.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "plug/child.h"
#include "plug/framing.h"
#include "plug/stream.h"

#define MTU_DEFAULT	1500
#define MTU_MIN		576
#define MTU_MAX		9216

static const char *set_mtu(void *conf, const char *value)
{
	uint64_t n;

	if (!num_parse(value, MTU_MIN, MTU_MAX, &n))
		return "not a number from 576 to 9216";
	*(uint32_t *)conf = (uint32_t)n;
	return NULL;
}

static const struct locator_opt options[] = {
	{ "mtu", set_mtu }, { NULL, NULL },
};

struct plug *cmd_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	uint32_t mtu = MTU_DEFAULT;
	struct child *child;
	int fd;

	*why = locator_apply(loc, options, &mtu);
	if (*why)
		return NULL;
	if (!*loc->addr) {
		*why = xstrdup("cmd://: no command; write: cmd://\"ssh host ioth plug /tmp/sw\"");
		return NULL;
	}
	child = child_start(loc->addr, &fd, why);
	return child ? stream_new(fd, fd, mtu, child) : NULL;
}

struct plug *stdio_open(const struct locator *loc, const struct plug_conf *conf, char **why)
{
	uint32_t mtu = MTU_DEFAULT;
	struct plug *p = NULL;

	*why = locator_apply(loc, options, &mtu);
	if (*why)
		return NULL;
	if (*loc->addr)
		*why = xasprintf("stdio://%s: no address belongs here; write: -", loc->addr);
	else if (conf->stdio_taken && *conf->stdio_taken)
		*why = xstrdup("-: stdin and stdout are no plug here; use: ioth plug PATH");
	else if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO))
		*why = xstrdup("stdin or stdout is a terminal, and frames would pass there; use it "
			       "in: dpipe ioth plug A = ssh HOST ioth plug B");
	else if (!(p = stream_new(STDIN_FILENO, STDOUT_FILENO, mtu, NULL)))
		*why = xasprintf("stdin and stdout: %s: they must be pipes or sockets, not files",
				 strerror(errno));
	if (p && conf->stdio_taken)
		*conf->stdio_taken = true;
	return p;
}
