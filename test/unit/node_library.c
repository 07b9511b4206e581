/* node_library.c - libioth.so as a guest: loaded by dlopen, it leaves the program as it was
 *
 * No signal's action changes, nothing is printed, no descriptor and no file is left, and
 * only names of the API are to be seen.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ioth.h"
#include "unit.h"

static void *lib;
static char lines[2000];

static int load(void **state)
{
	char path[PATH_MAX] = "", file[PATH_MAX + 20];

	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return -1;
	snprintf(file, sizeof(file), "%s/libioth.so", dirname(dirname(path)));
	lib = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	return 0;
}

/* Without one (a sanitizer build) there is nothing to try. */
#define NEED_LIB() do { if (!lib) skip(); } while (0)
#define f(name)	((__typeof__(&name))dlsym(lib, #name))

static int entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void actions(sighandler_t h[NSIG])
{
	struct sigaction sa;

	for (int i = 1; i < NSIG; i++)
		h[i] = sigaction(i, NULL, &sa) == 0 ? sa.sa_handler : SIG_ERR;
}

static void use(void)
{
	struct ioth *s = f(ioth_newstack)("native", "null://");
	struct in_addr a = { htonl(0x0a000001) };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = a, .sin_port = htons(7) };
	char buf[8] = "";
	int fd;

	assert_non_null(s);
	assert_int_equal(f(ioth_ipaddr_add)(s, AF_INET, &a, 24, f(ioth_if_nametoindex)(s, "eth0")), 0);
	fd = f(ioth_msocket)(s, AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(f(ioth_bind)(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(f(ioth_sendto)(fd, "hello", 5, 0, (struct sockaddr *)&sin, sizeof(sin)), 5);
	assert_int_equal(f(ioth_recvfrom)(fd, buf, sizeof(buf), 0, NULL, NULL), 5);
	assert_string_equal(buf, "hello");
	assert_int_equal(f(ioth_close)(fd), 0);
	assert_int_equal(f(ioth_delstack)(s), 0);
}

static void it_leaves_signals_and_descriptors_alone(void **state)
{
	static sighandler_t before[NSIG], after[NSIG];
	int fds;

	NEED_LIB();
	use();				/* what a process has once may stay */
	fds = entries("/proc/self/fd");
	actions(before);
	for (int i = 0; i < 10; i++)
		use();
	actions(after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(entries("/proc/self/fd"), fds);
}

static void take(void *arg, const char *line)
{
	strcat(strcat(lines, line), "|");
}

static void it_prints_nothing_but_tells_who_asks(void **state)
{
	int saved = dup(STDERR_FILENO), out[2];
	struct pollfd p;

	NEED_LIB();
	assert_int_equal(pipe(out), 0);
	dup2(out[1], STDERR_FILENO);
	f(ioth_set_log)(NULL, NULL);
	assert_null(f(ioth_newstack)("native", "/no/such/switch"));
	f(ioth_set_log)(take, NULL);
	assert_null(f(ioth_newstack)("native", "/no/such/switch"));
	f(ioth_set_log)(NULL, NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	p = (struct pollfd){ .fd = out[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	close(out[0]);
	close(out[1]);
	assert_non_null(strstr(lines, "/no/such/switch"));
	assert_int_equal(strchr(lines, '|') - lines, (long)strlen(lines) - 1);
}

static void it_shows_only_its_api(void **state)
{
	NEED_LIB();
	assert_null(dlsym(lib, "log_put"));
	assert_null(dlsym(lib, "node_new"));
	assert_null(dlsym(lib, "stack_input"));
	assert_non_null(dlsym(lib, "ioth_newstack"));
}

static void it_may_be_closed_and_loaded_again(void **state)
{
	NEED_LIB();
	assert_int_equal(dlclose(lib), 0);
	load(NULL);
	assert_non_null(lib);
	use();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_leaves_signals_and_descriptors_alone),
		cmocka_unit_test(it_prints_nothing_but_tells_who_asks),
		cmocka_unit_test(it_shows_only_its_api),
		cmocka_unit_test(it_may_be_closed_and_loaded_again),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
