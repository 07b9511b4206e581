/* ifname.c - MTU and state of an interface, by ioctl */
#include "plug/ifname.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MTU_DEFAULT	1500

const char *ifname_check(const char *name)
{
	if (strlen(name) >= IFNAMSIZ)
		return "longer than the name of an interface may be (15)";
	return strchr(name, '/') ? "no interface is called so" : NULL;
}

const char *ifname_split(const char *text, char name[IFNAMSIZ])
{
	size_t n = strcspn(text, ":/{");

	name[0] = 0;
	if (!n || n >= IFNAMSIZ || text[n] != ':' || strncmp(text + n, "://", 3) == 0)
		return text;
	memcpy(name, text, n);
	name[n] = 0;
	return text + n + 1;
}

/* 0 or -errno. */
static int ask(const char *name, unsigned long what, struct ifreq *r)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	snprintf(r->ifr_name, sizeof(r->ifr_name), "%s", name);
	rc = ioctl(fd, what, r) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

uint32_t ifname_mtu(const char *name)
{
	struct ifreq r = { .ifr_mtu = 0 };

	return ask(name, SIOCGIFMTU, &r) || r.ifr_mtu < 1 ? MTU_DEFAULT : (uint32_t)r.ifr_mtu;
}

int ifname_set_mtu(const char *name, uint32_t mtu)
{
	struct ifreq r = { .ifr_mtu = (int)mtu };

	return ask(name, SIOCSIFMTU, &r);
}

int ifname_up(const char *name)
{
	struct ifreq r = { .ifr_flags = 0 };
	int rc = ask(name, SIOCGIFFLAGS, &r);

	if (rc || r.ifr_flags & IFF_UP)
		return rc;
	r.ifr_flags |= IFF_UP;
	return ask(name, SIOCSIFFLAGS, &r);
}
