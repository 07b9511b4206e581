/* kinds.c - the stacks that the suite runs on
 *
 * host    the machine's own, in a namespace that test/socket/run has made
 * native  a stack in the process of each case
 * native-loans  the same, its data moved by memory that is lent and given back
 * native-libc  the same, its data moved by libc's read, write, send and recv
 * native-calls  the same as native, and its streams have no descriptors for libc (plain=0)
 * kernel  a Linux stack in namespaces of each case
 * served-native, served-kernel  one in another process, which all cases share
 * run     whatever answers system calls: the program is under ioth run
 * run-kernel  Linux's, since it is under ioth run --stack kernel
 *
 * A stack has eth0 with 10.0.N.1 and fd00:N::1. The cases called far_... have a second
 * one, 10.0.N.2 and fd00:N::2, on the same switch ($CONFORM_SWITCH) or cable
 * (descriptor $CONFORM_FAR is the host's second namespace).
 */
#define CALLS_PLAIN
#include "lib/calls.h"

#include <sched.h>

#include "harness.h"
#include "ioth.h"
#include "lib/kinds.h"

struct ioth *here;
static struct ioth *there;

/* --- the machine's own --- */

static int host_far_socket(int domain, int type, int proto)
{
	const char *ns = getenv("CONFORM_FAR");
	int near, fd;

	if (!ns)
		skip("no second namespace");
	near = OK(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	OK(setns(atoi(ns), CLONE_NEWNET));
	fd = socket(domain, type, proto);
	OK(setns(near, CLONE_NEWNET));
	close(near);
	return fd;
}

/* --- the library's --- */

/* The networks of cases that run at the same time differ: 10.0.NUMBER.0/24. */
static void on_network(struct addr *a, int number)
{
	if (a->ss.ss_family == AF_INET)
		((uint8_t *)&a->in4.sin_addr)[2] = number;
	else
		a->in6.sin6_addr.s6_addr[3] = number;
}

/* Linux ends the detection of duplicates in the background, even where it is off, and
 * only then has a route to the address: it is there when it hears itself. */
static void wait_usable(struct ioth *s, const struct addr *a)
{
	struct addr me = { .len = sizeof(me.ss) };
	int64_t end = now_ms() + 10000;
	int fd = ioth_msocket(s, a->ss.ss_family, SOCK_DGRAM, 0);

	OK(fd);
	while (ioth_bind(fd, &a->sa, a->len) < 0 && now_ms() < end)
		nap(1);
	OK(ioth_getsockname(fd, &me.sa, &me.len));
	do {
		if (now_ms() > end)
			fail("%s is not usable", a->ss.ss_family == AF_INET ? "IPv4" : "IPv6");
		ioth_sendto(fd, "", 0, MSG_DONTWAIT, &me.sa, me.len);
	} while (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 20) == 0);
	OK(ioth_close(fd));
}

static void add_address(struct ioth *s, const char *text, int number)
{
	struct addr a = addr_of(text, 0);
	bool v4 = a.ss.ss_family == AF_INET;
	unsigned eth0 = ioth_if_nametoindex(s, "eth0");

	NEED(eth0);
	on_network(&a, number);
	OK(ioth_ipaddr_add(s, a.ss.ss_family,
			   v4 ? (void *)&a.in4.sin_addr : (void *)&a.in6.sin6_addr,
			   v4 ? 24 : 64, eth0));
	wait_usable(s, &a);
}

static int network;

static void enter(const char *name, const char *locator, int number)
{
	calls = &library_calls;
	network = number;
	on_network(&target, number);
	here = ioth_newstack(name, locator);
	if (!here)
		fail("no stack: %s", strerrorname_np(errno));
	add_address(here, "10.0.0.1", number);
	add_address(here, "fd00::1", number);
}

static int far_of(const char *name, int domain, int type, int proto)
{
	if (!there) {
		there = ioth_newstack(name, getenv("CONFORM_SWITCH"));
		if (!there)
			fail("no second stack: %s", strerrorname_np(errno));
		add_address(there, "10.0.0.2", network);
		add_address(there, "fd00::2", network);
	}
	return ioth_msocket(there, domain, type, proto);
}

static void native_enter(int number, bool far)
{
	enter("native", far ? getenv("CONFORM_SWITCH") : "null://", number);
}

static void mixed_enter(int number, bool far)
{
	native_enter(number, far);
	calls = &mixed_calls;
}

static void loans_enter(int number, bool far)
{
	native_enter(number, far);
	calls = loans();
}

static int native_far_socket(int domain, int type, int proto)
{
	return far_of("native", domain, type, proto);
}

static void calls_enter(int number, bool far)
{
	enter("native,plain=0", far ? getenv("CONFORM_SWITCH") : "null://", number);
}

static int calls_far_socket(int domain, int type, int proto)
{
	return far_of("native,plain=0", domain, type, proto);
}

/* In a child, so that nothing of it is left here. */
static const char *kernel_begin(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(!ioth_newstack("kernel", "null://"));
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status ? "no namespaces for users here" : NULL;
}

static void kernel_enter(int number, bool far)
{
	enter("kernel", far ? getenv("CONFORM_SWITCH") : "null://", number);
}

static int kernel_far_socket(int domain, int type, int proto)
{
	return far_of("kernel", domain, type, proto);
}

/* Of the stacks that test/socket/run serves, which all cases share. */
static const char *served_begin(void)
{
	return getenv("CONFORM_SERVED") ? NULL : "test/socket/run serves the stacks";
}

static void served_enter(int number, bool far)
{
	calls = &library_calls;
	here = ioth_newstack("served", getenv("CONFORM_SERVED"));
	if (!here)
		fail("no stack: %s", strerrorname_np(errno));
}

static int served_far_socket(int domain, int type, int proto)
{
	if (!there)
		there = ioth_newstack("served", getenv("CONFORM_SERVED_FAR"));
	if (!there)
		fail("no second stack: %s", strerrorname_np(errno));
	return ioth_msocket(there, domain, type, proto);
}

const struct kind kinds[] = {
	{ "host", NULL, NULL, host_far_socket, NULL },
	{ "run", NULL, NULL, NULL, NULL },
	{ "run-kernel", NULL, NULL, NULL, NULL },
	{ "native", NULL, native_enter, native_far_socket, NULL },
	{ "native-loans", NULL, loans_enter, native_far_socket, NULL },
	{ "native-libc", NULL, mixed_enter, native_far_socket, NULL },
	{ "native-calls", NULL, calls_enter, calls_far_socket, NULL },
	{ "kernel", kernel_begin, kernel_enter, kernel_far_socket, NULL },
	{ "served-native", served_begin, served_enter, served_far_socket, NULL },
	{ "served-kernel", served_begin, served_enter, served_far_socket, NULL },
	{ .name = NULL },
};
