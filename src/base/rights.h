/* rights.h - descriptors in messages (SCM_RIGHTS) */
#ifndef BASE_RIGHTS_H
#define BASE_RIGHTS_H

#include <stddef.h>
#include <sys/socket.h>

#define RIGHTS_MAX	253		/* in one message: Linux's SCM_MAX_FD */

/* Room for n descriptors. */
#define RIGHTS(n)	union { char b[CMSG_SPACE((n) * sizeof(int))]; struct cmsghdr align; }

/* The message brings them; room is a RIGHTS(n) that lives until it is sent. */
void rights_put(struct msghdr *mh, void *room, const int *fds, size_t n);
/* The descriptors of a message received, no more than max, which is what its ancillary data
 * has room for: how many, now the caller's. */
size_t rights_all(struct msghdr *mh, int fds[], size_t max);
/* The only one, or -1. */
int rights_get(struct msghdr *mh);

#endif
