/* open_sockets.h - how many descriptors of this process are sockets */
#ifndef OPEN_SOCKETS_H
#define OPEN_SOCKETS_H

#include <dirent.h>
#include <string.h>
#include <unistd.h>

/* How many threads wait at once, who each need an eventfd that is kept, is chance. */
static inline unsigned open_sockets(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d))) {
		char to[16] = "";

		if (readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1) > 0)
			n += strncmp(to, "socket:", 7) == 0;
	}
	closedir(d);
	return n;
}

#endif
