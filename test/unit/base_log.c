/* base_log.c - levels, the prefix, lines that do not fit, exit status */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "unit.h"

/* Runs f in a child; gives what it wrote to stderr and its exit status. */
static int child(void (*f)(void), char *buf, size_t size)
{
	int fd[2], status;
	size_t n = 0;
	ssize_t k;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		f();
		_exit(0);
	}
	close(fd[1]);
	while (n < size - 1 && (k = read(fd[0], buf + n, size - 1 - n)) > 0)
		n += (size_t)k;
	buf[n] = 0;
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void quiet(void)
{
	info("no");
	debug("no");
	err("%s: %d", "file", 5);
}

static void loud(void)
{
	log_set_level(LOG_DEBUG);
	info("a");
	debug("b");
	errno = ENOENT;
	err("c");
	if (errno != ENOENT)
		err("errno changed");
}

static void too_long(void)
{
	char s[5000];

	memset(s, 'x', sizeof(s) - 1);
	s[sizeof(s) - 1] = 0;
	err("%s", s);
}

static void dies(void)
{
	die(2, "no such %s", "switch");
}

static void levels(void **state)
{
	char buf[4096];

	assert_int_equal(child(quiet, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "ioth: file: 5\n");
	assert_int_equal(child(loud, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "ioth: a\nioth: b\nioth: c\n");
}

static void a_long_line_is_cut(void **state)
{
	char buf[4096];

	assert_int_equal(child(too_long, buf, sizeof(buf)), 0);
	assert_true(strlen(buf) <= 1024);
	assert_int_equal(buf[strlen(buf) - 1], '\n');
	assert_int_equal(strchr(buf, '\n') - buf, (int)strlen(buf) - 1);
}

static void die_gives_the_status(void **state)
{
	char buf[4096];

	assert_int_equal(child(dies, buf, sizeof(buf)), 2);
	assert_string_equal(buf, "ioth: no such switch\n");
}

static void keep(void *arg, const char *line)
{
	strcat(arg, line);
}

static void lines_go_to_who_takes_them(void **state)
{
	char buf[4096], taken[100] = "";

	log_to(keep, taken);
	err("a: %d", 1);
	info("b");
	assert_string_equal(taken, "a: 1");
	log_to(NULL, NULL);
	assert_int_equal(child(quiet, buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	assert_int_equal(child(dies, buf, sizeof(buf)), 2);
	assert_string_equal(buf, "ioth: no such switch\n");
	log_stderr();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(die_gives_the_status),
		cmocka_unit_test(lines_go_to_who_takes_them),
	};

	log_stderr();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
