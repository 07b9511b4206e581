/* dir.c - the directory that is a switch's name
 *
 * DIR/ctl is where clients ask, and DIR/shm those that share memory; DIR/NNN.N
 * are our data sockets, DIR/.PPPPP-SSSSS those of clients, who may write to the
 * directory. A lock on it tells our switches from their remains, and an attempt
 * to connect tells vde_switch's. What a dead switch left is removed; a directory
 * with anything else in it is not ours to use, since its mode is changed and it is
 * removed at the end.
 */
#include "switch/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define TAKE_TRIES	10	/* another switch may be leaving at this moment */

static const char *digits(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n ? s + n : "?";
}

/* "ctl", "shm", "mgmt", "003.7", ".04242-00000", and "fd7" of vdeplug4's nodes. */
static bool is_vde_name(const char *s)
{
	const char *end;

	if (strcmp(s, "ctl") == 0 || strcmp(s, "shm") == 0 || strcmp(s, "mgmt") == 0)
		return true;
	if (strncmp(s, "fd", 2) == 0)
		return *digits(s + 2) == 0;
	end = digits(*s == '.' ? s + 1 : s);
	return *end == (*s == '.' ? '-' : '.') && *digits(end + 1) == 0;
}

static bool is_socket(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode);
}

/* Calls found for each entry besides . and ..; stops when it returns false. */
static bool each_entry(int dirfd, bool (*found)(int dirfd, const char *name))
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	bool go_on = true;

	if (!dir)
		return false;
	while (go_on && (de = readdir(dir))) {
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			go_on = found(dirfd, de->d_name);
	}
	closedir(dir);
	return go_on;
}

static bool is_remains(int dirfd, const char *name)
{
	return is_vde_name(name) && is_socket(dirfd, name);
}

/* For "is there no entry at all?" */
static bool is_nothing(int dirfd, const char *name)
{
	return false;
}

static bool remove_entry(int dirfd, const char *name)
{
	if (is_remains(dirfd, name))
		unlinkat(dirfd, name, 0);
	return true;
}

/* 0: somebody listens; else why not. */
static int probe(const struct sw_dir *d)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = 0;

	if (fd < 0)
		return errno;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/ctl", d->path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 && errno != EAGAIN)
		rc = errno;
	close(fd);
	return rc;
}

static bool refuse(struct sw_dir *d, char **why, char *line)
{
	*why = line;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	return false;
}

static bool busy(struct sw_dir *d, char **why)
{
	return refuse(d, why, xasprintf("a switch is already running at %s (stop it or choose "
					"another path)", d->path));
}

mode_t dir_mode(mode_t mode)
{
	return 02000 | mode | (mode & 0444) >> 2 | (mode & 0222) >> 1;
}

static bool set_modes(struct sw_dir *d, mode_t mode, gid_t gid, char **why)
{
	if (gid != (gid_t)-1 && fchown(d->fd, (uid_t)-1, gid) < 0)
		return refuse(d, why, xasprintf("cannot give %s to group %u: %s", d->path,
						(unsigned)gid, strerror(errno)));
	if (fchmod(d->fd, mode) < 0)
		return refuse(d, why, xasprintf("%s: %s", d->path, strerror(errno)));
	return true;
}

/* An existing directory: is it free for us? */
static bool check(struct sw_dir *d, char **why)
{
	int rc = probe(d);

	if (rc == 0)
		return busy(d, why);
	if (rc != ECONNREFUSED && rc != ENOENT)
		return refuse(d, why, xasprintf("%s: %s", d->path, strerror(rc)));
	if (!each_entry(d->fd, is_remains))
		return refuse(d, why, xasprintf("%s: a directory with other files in it "
						"(give a new path)", d->path));
	d->ours = !each_entry(d->fd, is_nothing);
	each_entry(d->fd, remove_entry);
	return true;
}

/* Makes the directory if need be; opens it. */
static bool open_dir(struct sw_dir *d, const char *path, char **why)
{
	char full[PATH_MAX];

	d->ours = mkdir(path, 0700) == 0;
	if (!d->ours && errno != EEXIST)
		return refuse(d, why, xasprintf("cannot make %s: %s", path, strerror(errno)));
	d->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0 || !realpath(path, full))
		return refuse(d, why, xasprintf("%s: %s", path, strerror(errno)));
	if (strlen(full) > DIR_PATH_MAX)
		return refuse(d, why, xasprintf("%s: longer than %d bytes, which a socket's "
						"address cannot hold", full, DIR_PATH_MAX));
	strcpy(d->path, full);
	return true;
}

/* The directory may have been removed between open and lock. */
static bool still_there(const struct sw_dir *d)
{
	struct stat a, b;

	return fstat(d->fd, &a) == 0 && stat(d->path, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

/* It could not be taken: what we made goes. */
static bool undo(const struct sw_dir *d, const char *path)
{
	if (d->ours)
		rmdir(path);
	return false;
}

bool dir_take(struct sw_dir *d, const char *path, mode_t mode, gid_t gid, char **why)
{
	for (int i = 0; i < TAKE_TRIES; i++) {
		*d = (struct sw_dir){ .fd = -1 };
		if (!open_dir(d, path, why))
			return undo(d, path);
		if (flock(d->fd, LOCK_EX | LOCK_NB) < 0)
			return busy(d, why);
		if (still_there(d))
			return ((d->ours || check(d, why)) && set_modes(d, mode, gid, why)) ||
			       undo(d, path);
		close(d->fd);
	}
	d->fd = -1;
	return busy(d, why);
}

void dir_leave(struct sw_dir *d)
{
	if (d->fd < 0)
		return;
	each_entry(d->fd, remove_entry);
	if (d->ours)
		rmdir(d->path);
	close(d->fd);
	d->fd = -1;
}
