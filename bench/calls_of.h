/* calls_of.h - netbench's socket calls: libc's, or the library's where IOTH is defined
 *
 * Then the options -n LOCATOR and -a ADDRESS/PREFIX make the stack they are for.
 */
#ifdef IOTH

#include <stdlib.h>
#include <sys/uio.h>

#include "ioth.h"

static struct ioth *stack;

static void stack_up(const char *locator, char *addr)
{
	char *slash = addr ? strchr(addr, '/') : NULL;
	int family = addr && strchr(addr, ':') ? AF_INET6 : AF_INET, len;
	unsigned char a[16];

	if (!locator || !slash)
		errx(2, "-n LOCATOR and -a ADDRESS/PREFIX are needed");
	*slash = 0;
	len = atoi(slash + 1);
	stack = ioth_newstack("native", locator);
	if (!stack || inet_pton(family, addr, a) != 1 ||
	    ioth_ipaddr_add(stack, family, a, len, ioth_if_nametoindex(stack, "eth0")) < 0)
		err(1, "no stack at %s with address %s", locator, addr);
}

#define socket(d, t, p)		ioth_msocket(stack, d, t, p)
#define bind			ioth_bind
#define connect			ioth_connect
#define listen			ioth_listen
#define accept			ioth_accept
#define setsockopt		ioth_setsockopt
#define getsockopt		ioth_getsockopt
#define shutdown		ioth_shutdown
#define read			ioth_read
#define write			ioth_write
#define send			ioth_send
#define recv			ioth_recv
#define close			ioth_close

#else

static void stack_up(const char *locator, char *addr)
{
	if (locator || addr)
		errx(2, "the kernel's stack is as it is: no -n and no -a");
}

#endif
