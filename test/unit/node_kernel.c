/* node_kernel.c - kernel stacks: on one switch with another kind, and how they end */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../child.h"
#include "base/mem.h"
#include "base/text.h"
#include "ioth.h"
#include "node/kernel.h"
#include "node/resolve.h"
#include "switch/switch.h"
#include "unit.h"

#define NOBODY		65534
#define PATIENCE	120		/* seconds until a part that hangs is ended */
#define BULK		(100u << 20)
#define SOME		(10u << 20)
#define PERIOD		1000003		/* of what is sent: no multiple of any buffer */
#define CYCLES		200

/* --- a switch in a process of its own --- */

static char dir[40], path[64], locator[80];
static pid_t switch_pid;

static void run_switch(int ready)
{
	struct switch_conf conf = {
		.path = path, .mode = 0777, .gid = (gid_t)-1, .mgmt_gid = (gid_t)-1, .n_ports = 32,
	};
	struct loop *loop = loop_new();
	char *why = NULL;
	struct sw *sw = switch_new(&conf, loop, &why);

	if (!sw || write(ready, "", 1) != 1)
		_exit(1);
	while (loop_wait(loop, switch_deadline(sw)) >= 0)
		switch_run(sw, now_mono());
	_exit(1);
}

static int start_switch(void **state)
{
	int ready[2];
	char byte;

	strcpy(dir, "/tmp/ioth-kernel-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sw", dir);
	snprintf(locator, sizeof(locator), "vde://%s", path);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	switch_pid = child_start(PATIENCE);
	if (!switch_pid)
		run_switch(ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return 0;
}

static void end_switch(void)
{
	if (switch_pid)
		kill(switch_pid, SIGKILL);
	if (switch_pid)
		child_status(switch_pid);
	switch_pid = 0;
}

static int stop_switch(void **state)
{
	char *clean = xasprintf("rm -rf %s", dir);
	int rc;

	end_switch();
	rc = system(clean);
	free(clean);
	return rc;
}

/* --- stations --- */

struct station {
	struct ioth	*stack;
	const char	*v4, *v6;
};

static void put_address(struct ioth *s, int family, const char *text, int prefix)
{
	struct in6_addr addr;		/* room for either */
	int ifindex = ioth_if_nametoindex(s, "vde0");

	assert_true(ifindex > 0);
	assert_int_equal(inet_pton(family, text, &addr), 1);
	assert_int_equal(ioth_ipaddr_add(s, family, &addr, prefix, (unsigned)ifindex), 0);
}

static struct station station(const char *kind, const char *v4, const char *v6)
{
	struct station st = { ioth_newstack(kind, locator), v4, v6 };

	assert_non_null(st.stack);
	put_address(st.stack, AF_INET, v4, 24);
	put_address(st.stack, AF_INET6, v6, 64);
	return st;
}

static socklen_t name_of(const struct station *st, int family, uint16_t port,
			 struct sockaddr_storage *ss)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = (sa_family_t)family;
	a4->sin_port = htons(port);		/* in the same place in both */
	if (family == AF_INET)
		inet_pton(AF_INET, st->v4, &a4->sin_addr);
	else
		inet_pton(AF_INET6, st->v6, &a6->sin6_addr);
	return family == AF_INET ? sizeof(*a4) : sizeof(*a6);
}

/* --- much data --- */

static uint8_t pattern[2 * PERIOD];

static void fill_pattern(void)
{
	uint32_t x = 1;

	for (unsigned i = 0; i < PERIOD; i++) {
		x = x * 1664525 + 1013904223;
		pattern[i] = pattern[i + PERIOD] = (uint8_t)(x >> 24);
	}
}

struct sender {
	int	fd;
	uint32_t bytes;
	pthread_t thread;
};

static void *send_pattern(void *arg)
{
	struct sender *s = arg;
	uint32_t done = 0;

	while (done < s->bytes) {
		ssize_t n = ioth_write(s->fd, pattern + done % PERIOD, MIN(65536u, s->bytes - done));

		if (n <= 0)
			break;
		done += (uint32_t)n;
	}
	ioth_shutdown(s->fd, SHUT_WR);
	return NULL;
}

static void receive_pattern(int fd, uint32_t bytes)
{
	static uint8_t buf[1 << 18];
	uint32_t done = 0;
	ssize_t n;

	while ((n = ioth_read(fd, buf, sizeof(buf))) > 0) {
		assert_true(memcmp(buf, pattern + done % PERIOD, (size_t)n) == 0);
		done += (uint32_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(done, bytes);
}

static void carry(const struct station *from, const struct station *to, int family,
		  uint32_t bytes)
{
	struct sockaddr_storage ss;
	socklen_t len = name_of(to, family, 80, &ss);
	int lis = ioth_msocket(to->stack, family, SOCK_STREAM, 0), one = 1, fd;
	struct sender s = { ioth_msocket(from->stack, family, SOCK_STREAM, 0), bytes, 0 };

	ioth_setsockopt(lis, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(ioth_bind(lis, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(ioth_listen(lis, 5), 0);
	assert_int_equal(ioth_connect(s.fd, (struct sockaddr *)&ss, len), 0);
	fd = ioth_accept(lis, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(pthread_create(&s.thread, NULL, send_pattern, &s), 0);
	receive_pattern(fd, bytes);
	pthread_join(s.thread, NULL);
	assert_int_equal(ioth_close(fd), 0);
	assert_int_equal(ioth_close(s.fd), 0);
	assert_int_equal(ioth_close(lis), 0);
}

static void kinds_share_a_switch(const char *kind)
{
	struct station a = station(kind, "10.0.0.1", "fd00::1");
	struct station b = station(kind, "10.0.0.2", "fd00::2");
	struct station n = station("native", "10.0.0.3", "fd00::3");

	carry(&a, &b, AF_INET, BULK);
	carry(&b, &a, AF_INET6, BULK);
	carry(&a, &n, AF_INET6, SOME);
	carry(&n, &a, AF_INET, SOME);
	assert_int_equal(ioth_delstack(a.stack), 0);
	assert_int_equal(ioth_delstack(n.stack), 0);
	assert_int_equal(ioth_delstack(b.stack), 0);
}

static void three_stacks_on_a_switch(void **state)
{
	kinds_share_a_switch("kernel");
}

static void three_stacks_by_veth(void **state)
{
	kinds_share_a_switch("kernel,veth");
}

/* A cable that is pulled out. */
static void interfaces_come_and_go(const char *kind)
{
	struct station a = { ioth_newstack(kind, NULL), "10.0.0.1", "fd00::1" };
	struct station b = station("native", "10.0.0.2", "fd00::2");
	struct ioth *s = a.stack;
	int index;

	assert_int_equal(ioth_iplink_add(s, NULL, -1, "vde", nl_iplink_strdata(IFLA_VDE_VNL, "/no/sw")), -1);
	assert_int_equal(errno, ENOENT);
	for (int i = 0; i < 2 * KERNEL_IFS; i++) {
		index = ioth_iplink_add(s, NULL, -1, "vde", nl_iplink_strdata(IFLA_VDE_VNL, locator));
		assert_true(index > 0);
		assert_int_equal(ioth_if_nametoindex(s, "vde0"), index);
		assert_int_equal(ioth_iplink_del(s, NULL, (unsigned)index), 0);
	}
	assert_int_equal(ioth_iplink_add(s, "net1", 0, "vde", nl_iplink_strdata(IFLA_VDE_VNL, "null://")), 0);
	assert_int_equal(ioth_iplink_add(s, "net1", 0, "vde", nl_iplink_strdata(IFLA_VDE_VNL, "null://")), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(ioth_iplink_add(s, "vde0", 0, "vde", nl_iplink_strdata(IFLA_VDE_VNL, locator)), 0);
	put_address(s, AF_INET, a.v4, 24);
	carry(&a, &b, AF_INET, SOME);
	assert_int_equal(ioth_delstack(s), 0);
	assert_int_equal(ioth_delstack(b.stack), 0);
}

static void interfaces_of_any(void **state)
{
	interfaces_come_and_go("kernel");
}

static void interfaces_by_veth(void **state)
{
	interfaces_come_and_go("kernel,veth");
}

static void switch_takes_the_carrier(const char *kind)
{
	struct ioth *s;
	struct ifreq r = { .ifr_name = "net7" };
	char *text = xasprintf("net7:%s", locator);
	int fd;

	s = ioth_newstack(kind, text);
	assert_non_null(s);
	free(text);
	fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(ioth_ioctl(fd, SIOCGIFFLAGS, &r), 0);
	assert_true(r.ifr_flags & IFF_UP);
	end_switch();
	do {
		usleep(1000);
		assert_int_equal(ioth_ioctl(fd, SIOCGIFFLAGS, &r), 0);
	} while (r.ifr_flags & IFF_RUNNING);
	assert_true(r.ifr_flags & IFF_UP);
	assert_int_equal(ioth_close(fd), 0);
	assert_int_equal(ioth_delstack(s), 0);
}

static void carrier_of_any(void **state)
{
	switch_takes_the_carrier("kernel");
}

static void carrier_of_veth(void **state)
{
	switch_takes_the_carrier("vdestack,veth");
}

/* --- a stack alone --- */

static struct kstack *open_stack(const char *one)
{
	const char *const locators[] = { one, NULL };
	char *why;
	struct kstack *k = kernel_open(locators, NULL, &why);

	if (!k)
		fail_msg("%s", why);
	return k;
}

static void all_ports_are_free(void **state)
{
	struct ioth *s = ioth_newstack("kernel", NULL);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(1) };
	int fd;

	assert_non_null(s);
	fd = ioth_msocket(s, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(ioth_bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(ioth_delstack(s), -1);
	assert_int_equal(errno, EBUSY);
	assert_int_equal(ioth_close(fd), 0);
	fd = ioth_msocket(s, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(ioth_close(fd), 0);
	assert_int_equal(ioth_msocket(s, AF_INET, SOCK_STREAM, IPPROTO_UDP), -1);
	assert_int_equal(errno, EPROTONOSUPPORT);
	assert_int_equal(ioth_delstack(s), 0);
}

static void parameters_are_its_own(void **state)
{
	struct kstack *k = open_stack("null://"), *other = open_stack("null://");
	int a, b, value;
	socklen_t len = sizeof(value);

	assert_int_equal(kernel_sysctl(k, "tcp_rmem", "4096 55555 6291456"), 0);
	assert_int_equal(kernel_sysctl(k, "ipv6/conf/vde0/accept_ra", "0"), 0);
	assert_int_equal(kernel_sysctl(k, "no_such", "1"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(kernel_sysctl(k, "../kernel/hostname", "x"), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(kernel_sysctl(k, "tcp_rmem", "many"), -1);
	assert_int_equal(errno, EINVAL);
	a = kernel_socket(k, AF_INET, SOCK_STREAM, 0);
	b = kernel_socket(other, AF_INET, SOCK_STREAM, 0);
	assert_int_equal(getsockopt(a, SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
	assert_int_equal(value, 55555);
	assert_int_equal(getsockopt(b, SOL_SOCKET, SO_RCVBUF, &value, &len), 0);
	assert_int_not_equal(value, 55555);
	close(a);
	close(b);
	kernel_close(k);
	kernel_close(other);
}

static void refused(const char *first, const char *second, const char *options, int error,
		    const char *part)
{
	const char *const locators[] = { first, second, NULL };
	char *why;

	assert_null(kernel_open(locators, options, &why));
	assert_int_equal(errno, error);
	if (!strstr(why, part))
		fail_msg("no '%s' in '%s'", part, why);
	free(why);
}

static void bad_words_are_named(void **state)
{
	refused("/nonexistent/sw", NULL, NULL, ENOENT, "/nonexistent/sw");
	refused("null://", "a:/nonexistent/sw", NULL, ENOENT, "/nonexistent/sw");
	refused("a:null://", "a:null://", NULL, EEXIST, "two interfaces called a");
	refused("lo:null://", NULL, NULL, EEXIST, "choose another");
	refused("null://", NULL, "fast", EINVAL, "there is: veth");
}

static char said[200];

static void hear(void *arg, const char *line)
{
	snprintf(said, sizeof(said), "%s", line);
}

/* What Linux says of an interface comes with its name. */
static void bad_interface_is_named(void **state)
{
	struct ioth *s;

	ioth_set_log(hear, NULL);
	s = ioth_newstack("kernel", "net0:null://");
	assert_non_null(s);
	assert_int_equal(ioth_iplink_add(s, "net0", 0, "vde", nl_iplink_strdata(IFLA_VDE_VNL, "null://")), -1);
	assert_int_equal(errno, EEXIST);
	assert_string_equal(said, "interface net0: File exists");
	assert_int_equal(ioth_delstack(s), 0);
	ioth_set_log(NULL, NULL);
}

/* --- how they end --- */

/* All orphans become ours: none is left if we have no children. */
static void nobody_left(void)
{
	alarm(PATIENCE);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	assert_int_equal(errno, ECHILD);
	alarm(0);
}

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void cycles_leave_nothing(void **state)
{
	unsigned before = descriptors();

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 0; i < CYCLES; i++) {
		struct kstack *k = open_stack("null://");

		close(kernel_socket(k, AF_INET, SOCK_STREAM, 0));
		kernel_close(k);
		assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
		assert_int_equal(errno, ECHILD);
	}
	assert_int_equal(descriptors(), before);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void kill_a_program(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = child_start(PATIENCE);
	if (!pid) {
		open_stack("null://");
		open_stack("null://");
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	kill(pid, SIGKILL);
}

static void killed_program_leaves_nobody(void **state)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	kill_a_program();
	nobody_left();
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* Its parent has made the stack and ended, as daemon(3) does. */
static _Noreturn void be_daemon(struct kstack *k, int to)
{
	int fd;
	bool ok;

	while (getppid() != getpgrp())		/* the test: a subreaper */
		usleep(1000);
	fd = kernel_socket(k, AF_INET6, SOCK_DGRAM, 0);
	ok = fd >= 0;
	kernel_close(k);
	_exit(write(to, &ok, sizeof(ok)) != sizeof(ok));
}

static void stack_outlives_a_parent(void **state)
{
	bool ok = false;
	int to[2];
	pid_t pid;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	setpgid(0, 0);
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	pid = child_start(PATIENCE);
	if (!pid) {
		struct kstack *k = open_stack("null://");

		if (fork() == 0)
			be_daemon(k, to[1]);
		_exit(0);
	}
	close(to[1]);
	assert_int_equal(read(to[0], &ok, sizeof(ok)), sizeof(ok));
	assert_true(ok);
	close(to[0]);
	nobody_left();
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static atomic_int children_ended;

static void resolvers_are(struct ioth *s, const char *want)
{
	char *text = ioth_resolvconf(s, "");

	if (!text || strcmp(text, want) != 0)
		_exit(3);
	free(text);
}

/* A forked child knows what its parent was told, may configure, and takes nothing of it back. */
static void children_configure(void **state)
{
	struct ioth *s = ioth_newstackc("stack=kernel,vnl=null://,eth,ip=10.0.0.1/24,dns=10.0.0.3");
	struct in_addr second = { htonl(0x0a000002) };
	pid_t pid;

	if (!s && errno == EPERM)
		skip();
	assert_non_null(s);
	pid = child_start(PATIENCE);
	if (pid == 0) {
		resolvers_are(s, "nameserver 10.0.0.3\n");
		if (ioth_config(s, "ip=10.0.0.2/24,dhcp,timeout=0") < 0)
			_exit(1);
		_exit(ioth_delstack(s) < 0 ? 2 : 0);
	}
	assert_int_equal(child_status(pid), 0);
	assert_int_equal(ioth_ipaddr_del(s, AF_INET, &second, 24, (unsigned)ioth_if_nametoindex(s, "vde0")), 0);
	assert_int_equal(ioth_config(s, "ip=10.0.0.2/24"), IOTH_CONFIG_STATIC);
	assert_int_equal(ioth_delstack(s), 0);
}

/* Whom it asks is what it was configured with, never whom the machine asks. */
static void asks_whom_it_was_told(void **state)
{
	struct ioth *s = ioth_newstack("kernel", "null://");
	char *text;

	assert_non_null(s);
	assert_null(resolve_conf(s));
	assert_int_equal(ioth_config(s, "eth,dns=10.0.0.3,domain=test"),
			 IOTH_CONFIG_ETH | IOTH_CONFIG_STATIC);
	text = resolve_conf(s);
	assert_string_equal(text, "search test\nnameserver 10.0.0.3\n");
	free(text);
	assert_int_equal(ioth_delstack(s), 0);
}

/* What routers tell of names (RFC 8106) Linux passes on to who listens. */
static void routers_tell_whom_to_ask(void **state)
{
	static const uint8_t ra[] = { 134, [16] = 25, 3, [20] = 0, 0, 1, 0,
		[24] = 0xfd, [39] = 0x53, 31, 2, [44] = 0, 0, 1, 0, 4, 't', 'e', 's', 't', [55] = 0 };
	struct ioth *router = ioth_newstack("native", locator), *s = ioth_newstack("kernel", locator);
	struct sockaddr_in6 all = { .sin6_family = AF_INET6, .sin6_scope_id = 2 };
	int fd = ioth_msocket(router, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), hops = 255;
	char *text = NULL;

	assert_int_equal(ioth_config(s, "eth,rd,timeout=0"), IOTH_CONFIG_ETH);
	free(ioth_resolvconf(s, NULL));
	inet_pton(AF_INET6, "ff02::1", &all.sin6_addr);
	assert_int_equal(ioth_setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)), 0);
	for (int i = 0; i < 300 && !text; i++) {	/* until both have their addresses */
		ioth_sendto(fd, ra, sizeof(ra), 0, (struct sockaddr *)&all, sizeof(all));
		usleep(10000);
		text = ioth_resolvconf(s, NULL);
	}
	assert_non_null(text);
	assert_string_equal(text, "search test\nnameserver fd00::53\n");
	free(text);
	ioth_close(fd);
	assert_int_equal(ioth_delstack(router), 0);
	assert_int_equal(ioth_delstack(s), 0);
}

static void child_ended(int sig)
{
	atomic_fetch_add(&children_ended, 1);
}

static void program_has_no_children(void **state)
{
	struct sigaction sa = { .sa_handler = child_ended }, old;
	struct kstack *k;

	sigaction(SIGCHLD, &sa, &old);
	k = open_stack("null://");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	kernel_close(k);
	assert_int_equal(atomic_load(&children_ended), 0);
	sigaction(SIGCHLD, &old, NULL);
}

static atomic_bool enough;

static void *allocate(void *arg)
{
	while (!atomic_load(&enough))
		free(xmalloc(100000));
	return NULL;
}

static void threads_may_be_anywhere(void **state)
{
	pthread_t t;

	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&t, NULL, allocate, NULL), 0);
	alarm(PATIENCE);
	for (int i = 0; i < 10; i++)
		kernel_close(open_stack("null://"));
	alarm(0);
	atomic_store(&enough, true);
	pthread_join(t, NULL);
}

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* In a user namespace of our own, whose limits we set. */
static void limits_are_named(void **state)
{
	pid_t pid = child_start(PATIENCE);

	if (!pid) {
		unsigned gid = getegid();
		char map[32];

		snprintf(map, sizeof(map), "0 %u 1", geteuid());
		prctl(PR_SET_DUMPABLE, 1);
		assert_int_equal(unshare(CLONE_NEWUSER), 0);
		put("/proc/self/uid_map", map);
		put("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %u 1", gid);
		put("/proc/self/gid_map", map);
		put("/proc/sys/user/max_user_namespaces", "0");
		kernel_close(open_stack("null://"));	/* root does without one */
		put("/proc/sys/user/max_net_namespaces", "0");
		refused("null://", NULL, NULL, ENOSPC, "user.max_user_namespaces is 0 (root may");
		put("/proc/sys/user/max_user_namespaces", "9");
		refused("null://", NULL, NULL, ENOSPC, "user.max_net_namespaces is 0 (root may");
		_exit(0);
	}
	assert_int_equal(child_status(pid), 0);
}

/* --- */

static bool possible(void)
{
	char *why = NULL;
	struct kstack *k = kernel_open(NULL, NULL, &why);

	if (!k)
		printf("skip node_kernel: %s\n0 passed, 0 failed, 1 skipped\n", why);
	kernel_close(k);
	return k;
}

static int drop_rights(void)
{
	return geteuid() ? 0 : setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	       setresuid(NOBODY, NOBODY, NOBODY);
}

int main(void)
{
	const struct CMUnitTest as_started[] = {
		cmocka_unit_test_setup_teardown(three_stacks_on_a_switch, start_switch, stop_switch),
		cmocka_unit_test_setup_teardown(carrier_of_any, start_switch, stop_switch),
		cmocka_unit_test_setup_teardown(interfaces_of_any, start_switch, stop_switch),
	};
	const struct CMUnitTest as_user[] = {
		cmocka_unit_test_setup_teardown(three_stacks_by_veth, start_switch, stop_switch),
		cmocka_unit_test_setup_teardown(carrier_of_veth, start_switch, stop_switch),
		cmocka_unit_test_setup_teardown(routers_tell_whom_to_ask, start_switch, stop_switch),
		cmocka_unit_test_setup_teardown(interfaces_by_veth, start_switch, stop_switch),
		cmocka_unit_test(all_ports_are_free),
		cmocka_unit_test(parameters_are_its_own),
		cmocka_unit_test(bad_words_are_named),
		cmocka_unit_test(bad_interface_is_named),
		cmocka_unit_test(program_has_no_children),
		cmocka_unit_test(threads_may_be_anywhere),
		cmocka_unit_test(cycles_leave_nothing),
		cmocka_unit_test(killed_program_leaves_nobody),
		cmocka_unit_test(stack_outlives_a_parent),
		cmocka_unit_test(children_configure),
		cmocka_unit_test(asks_whom_it_was_told),
		cmocka_unit_test(limits_are_named),
	};
	int failed;

	fill_pattern();
	if (!possible())
		return 0;
	failed = cmocka_run_group_tests_name("kernel", as_started, NULL, NULL);
	if (drop_rights() < 0)
		return 1;
	return failed + cmocka_run_group_tests_name("kernel, as a user", as_user, NULL, NULL);
}
