/* sockfile.c - the name of a Unix socket in a directory that others may write
 *
 * bind -> sockfile_give -> (listen, or its name is told)
 *
 * Between the two who may write to the directory can put another file in the socket's
 * place, a link or one that he may rename but not read, and it would be given away by
 * its new name; by root, any file. So the socket is born without a permission, and what has its
 * name is looked at by a descriptor, and given only if it still is such a socket of ours.
 */
#include "base/sockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"

/* Linux gives the file the mode of the socket's own inode, as far as the umask allows. */
int sockfile_bind(int fd, const struct sockaddr_un *sun)
{
	if (fchmod(fd, 0) < 0 || bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0)
		return errno;
	return 0;
}

static bool is_newborn(const struct stat *st)
{
	return S_ISSOCK(st->st_mode) && !(st->st_mode & 07777) && st->st_nlink == 1 &&
	       st->st_uid == geteuid();
}

static int give(int fd, mode_t mode, uid_t uid, gid_t gid)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errno;
	if (!is_newborn(&st))
		return EPERM;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 || chmod(path, mode) < 0)
		return errno;
	return 0;
}

int sockfile_give(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return errno;
	rc = give(fd, mode, uid, gid);
	close(fd);
	return rc;
}
