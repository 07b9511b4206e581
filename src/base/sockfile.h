/* sockfile.h - the name of a Unix socket in a directory that others may write */
#ifndef BASE_SOCKFILE_H
#define BASE_SOCKFILE_H

#include <sys/types.h>
#include <sys/un.h>

/* As bind, but nobody is allowed to use the file yet. 0 or errno. */
int sockfile_bind(int fd, const struct sockaddr_un *sun);
/* Owner and group (-1: as it is), then mode, of a file just bound so. 0 or errno;
 * EPERM: the name is another file's by now, which stays as it is. */
int sockfile_give(const char *path, mode_t mode, uid_t uid, gid_t gid);

#endif
