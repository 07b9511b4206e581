/* limit.c - limits of the process */
#include "base/limit.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

void limit_raise(int resource)
{
	struct rlimit rl;

	if (getrlimit(resource, &rl) < 0)
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(resource, &rl);
}

int limit_memfile(const char *name, size_t size)
{
	struct rlimit rl = { 0 };
	int fd;

	if (getrlimit(RLIMIT_FSIZE, &rl) == 0 && rl.rlim_cur < size) {
		errno = EFBIG;
		return -1;
	}
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)size) == 0)
		return fd;
	close(fd);
	return -1;
}
