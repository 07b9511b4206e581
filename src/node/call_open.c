/* call_open.c - trapped opens of files, for those of /proc/net (--proc-net)
 *
 * A filter sees no names, so with --proc-net every open for reading comes here; all
 * but /proc/net's go on in the kernel. That costs about 10 us each and may end in
 * EINTR where open() does not, so it is done when asked for only. To decide by a
 * name that another thread may change then is no matter of safety: who does so
 * reads the machine's tables, which he may.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "node/procnet.h"
#include "node/call.h"

#define PAGE	4096

/* What follows a name may be no memory. */
bool call_read_name(const struct call *c, uint64_t at, char name[CALL_NAME])
{
	size_t first = MIN(CALL_NAME - 1, PAGE - at % PAGE);

	memset(name, 0, CALL_NAME);
	if (call_read(c, at, name, first) < 0)
		return false;
	return memchr(name, 0, first) || first == CALL_NAME - 1 ||
	       call_read(c, at + first, name + first, CALL_NAME - 1 - first) == 0;
}

const char *call_proc_net(const char *name)
{
	static const char *const dirs[] = { "/proc/net/", "/proc/self/net/", "/proc/thread-self/net/" };

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		if (!strncmp(name, dirs[i], strlen(dirs[i])) &&
		    strcmp(name + strlen(dirs[i]), "unix"))	/* those are the machine's */
			return name + strlen(dirs[i]);
	}
	return NULL;
}

static long open_named(struct call *c, uint64_t at, uint64_t flags)
{
	char name[CALL_NAME];
	const char *file = call_read_name(c, at, name) ? call_proc_net(name) : NULL;
	long ret;
	int fd;

	if (!file)
		return CALL_CONTINUE;
	fd = procnet_open(c->of->node->st, file);
	if (fd < 0)
		return fd;
	ret = call_give(c, fd, flags & O_CLOEXEC);
	close(fd);
	return ret < 0 ? ret : CALL_ANSWERED;
}

long call_open(struct call *c)
{
	return open_named(c, ARG(c, 0), ARG(c, 1));
}

long call_openat(struct call *c)
{
	return open_named(c, ARG(c, 1), ARG(c, 2));
}
