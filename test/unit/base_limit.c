/* base_limit.c - limits of the process */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limit.h"
#include "unit.h"

/* Where the kernel would end us (SIGXFSZ) there is an error instead. */
static void no_file_above_the_limit(void **state)
{
	struct rlimit was, rl;
	int fd;

	getrlimit(RLIMIT_FSIZE, &was);
	rl = (struct rlimit){ 8192, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
	assert_int_equal(limit_memfile("test", 8193), -1);
	assert_int_equal(errno, EFBIG);
	fd = limit_memfile("test", 8192);
	assert_true(fd >= 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 8192);
	close(fd);
	limit_raise(RLIMIT_FSIZE);
	getrlimit(RLIMIT_FSIZE, &rl);
	assert_true(rl.rlim_cur == was.rlim_max && rl.rlim_max == was.rlim_max);
	setrlimit(RLIMIT_FSIZE, &was);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_above_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
