/* rights.c - descriptors in messages (SCM_RIGHTS)
 *
 * Linux gathers the descriptors of a message in one header of its ancillary data. What was
 * received may have other headers besides (credentials, notes of the kernel's).
 */
#include "base/rights.h"

#include <stdint.h>
#include <string.h>

#include "base/base.h"

void rights_put(struct msghdr *mh, void *room, const int *fds, size_t n)
{
	struct cmsghdr *c = room;

	memset(room, 0, CMSG_SPACE(n * sizeof(int)));
	mh->msg_control = room;
	mh->msg_controllen = CMSG_SPACE(n * sizeof(int));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
}

size_t rights_all(struct msghdr *mh, int fds[], size_t max)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			size_t n = MIN((c->cmsg_len - CMSG_LEN(0)) / sizeof(int), max);

			memcpy(fds, CMSG_DATA(c), n * sizeof(int));
			return n;
		}
	}
	return 0;
}

int rights_get(struct msghdr *mh)
{
	int fd;

	return rights_all(mh, &fd, 1) ? fd : -1;
}
