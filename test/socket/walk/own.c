/* own.c - a network of Linux's for this process alone, without privilege
 *
 * A walk must not meet what another has left (a port in TIME-WAIT). All its addresses
 * are of lo, where the kernel delivers before a call returns.
 */
#include "walk/walk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool up4(int fd)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING }, more = { .ifr_name = "lo:1" };
	struct sockaddr_in *a = (struct sockaddr_in *)&more.ifr_addr;

	a->sin_family = AF_INET;
	inet_pton(AF_INET, "10.0.0.1", &a->sin_addr);
	if (ioctl(fd, SIOCSIFFLAGS, &lo) < 0 || ioctl(fd, SIOCSIFADDR, &more) < 0)
		return false;
	inet_pton(AF_INET, "255.255.255.255", &a->sin_addr);
	return ioctl(fd, SIOCSIFNETMASK, &more) == 0;
}

static bool up6(int fd)
{
	struct in6_ifreq r = { .ifr6_prefixlen = 128, .ifr6_ifindex = (int)if_nametoindex("lo") };

	inet_pton(AF_INET6, "fd00::1", &r.ifr6_addr);
	return ioctl(fd, SIOCSIFADDR, &r) == 0;
}

/* An address is there when it may be used, which is tested in the background. */
static bool usable6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = false;

	inet_pton(AF_INET6, "fd00::1", &a.sin6_addr);
	for (int i = 0; i < 5000 && !ok; i++) {
		ok = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
		if (!ok)
			usleep(1000);
	}
	close(fd);
	return ok;
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* NULL, or what could not be had */
const char *walk_own_namespace(void)
{
	char map[40];
	int fd4, fd6;
	bool ok;

	snprintf(map, sizeof(map), "0 %d 1", (int)getuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || !put("/proc/self/uid_map", map))
		return "no namespaces for users here";
	fd4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = fd4 >= 0 && fd6 >= 0 && up4(fd4) && up6(fd6) && usable6();
	close(fd4);
	close(fd6);
	return ok ? NULL : "no addresses for a network of one's own";
}
