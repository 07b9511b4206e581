/* base_sockfile.c - a socket's file is given, and nothing that was put in its place */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sockfile.h"
#include "unit.h"

static char dir[] = "/tmp/sockfile.XXXXXX";
static struct sockaddr_un sun, other;

static int name_them(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	sun.sun_family = other.sun_family = AF_UNIX;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/socket", dir);
	snprintf(other.sun_path, sizeof(other.sun_path), "%s/other", dir);
	return 0;
}

static int remove_them(void **state)
{
	return rmdir(dir);
}

static int born(const struct sockaddr_un *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(sockfile_bind(fd, name), 0);
	return fd;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static int given(mode_t mode)
{
	return sockfile_give(sun.sun_path, mode, (uid_t)-1, (gid_t)-1);
}

static void is_nobodys_until_it_is_given(void **state)
{
	int fd = born(&sun);

	assert_int_equal(mode_of(sun.sun_path), 0);
	assert_int_equal(sockfile_bind(fd, &other), EINVAL);	/* it has a name */
	assert_int_equal(given(0666), 0);
	assert_int_equal(mode_of(sun.sun_path), 0666);
	assert_int_equal(given(0600), EPERM);		/* once */
	assert_int_equal(mode_of(sun.sun_path), 0666);
	unlink(sun.sun_path);
	assert_int_equal(given(0600), ENOENT);
	close(fd);
}

/* Our own group, which everybody may give to; and somebody, which root may. */
static void goes_to_owner_and_group(void **state)
{
	uid_t uid = geteuid() == 0 ? 65534 : (uid_t)-1;
	gid_t gid = geteuid() == 0 ? 65533 : getegid();
	struct stat st;
	int fd = born(&sun);

	assert_int_equal(sockfile_give(sun.sun_path, 0660, uid, gid), 0);
	assert_int_equal(stat(sun.sun_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_uid, geteuid() == 0 ? 65534 : geteuid());
	unlink(sun.sun_path);
	close(fd);
}

/* What is at the name now, and stays as it is. */
static void refused(const char *target, mode_t mode)
{
	assert_int_equal(given(0666), EPERM);
	assert_int_equal(mode_of(target), mode);
	unlink(sun.sun_path);
}

static void other_files_stay_as_they_are(void **state)
{
	int file = open(other.sun_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(file >= 0);
	close(born(&sun));
	unlink(sun.sun_path);
	assert_int_equal(symlink(other.sun_path, sun.sun_path), 0);
	refused(other.sun_path, 0600);
	assert_int_equal(fchmod(file, 0), 0);
	assert_int_equal(rename(other.sun_path, sun.sun_path), 0);
	refused(sun.sun_path, 0);
	close(file);
}

static void other_sockets_stay_as_they_are(void **state)
{
	int fd = born(&other);

	assert_int_equal(link(other.sun_path, sun.sun_path), 0);
	refused(other.sun_path, 0);
	assert_int_equal(chmod(other.sun_path, 0640), 0);
	assert_int_equal(rename(other.sun_path, sun.sun_path), 0);
	refused(sun.sun_path, 0640);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_nobodys_until_it_is_given),
		cmocka_unit_test(goes_to_owner_and_group),
		cmocka_unit_test(other_files_stay_as_they_are),
		cmocka_unit_test(other_sockets_stay_as_they_are),
	};

	return cmocka_run_group_tests(tests, name_them, remove_them);
}
