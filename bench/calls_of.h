/* calls_of.h - socket calls of netbench and streams: libc's, or the library's where IOTH is
 * defined
 *
 * Then the options -n LOCATOR and -a ADDRESS/PREFIX make the stack they are for, of kind $STACK
 * (native); one that is served has its address.
 */
#ifdef IOTH

#include <stdlib.h>
#include <sys/uio.h>

#include "ioth.h"

static struct ioth *stack;

static void stack_up(const char *locator, char *addr)
{
	char *slash = addr ? strchr(addr, '/') : NULL;
	const char *kind = getenv("STACK") ? getenv("STACK") : "native";
	bool served = strcmp(kind, "served") == 0;
	int family = addr && strchr(addr, ':') ? AF_INET6 : AF_INET, len;
	unsigned char a[16];

	if (!locator || (!slash && !served))
		errx(2, "-n LOCATOR and -a ADDRESS/PREFIX are needed");
	stack = ioth_newstack(kind, locator);
	if (stack && served)
		return;
	*slash = 0;
	len = atoi(slash + 1);
	if (!stack || inet_pton(family, addr, a) != 1 ||
	    ioth_ipaddr_add(stack, family, a, len, ioth_if_nametoindex(stack, "eth0")) < 0)
		err(1, "no stack at %s with address %s", locator, addr);
	if (getenv("BUSY_READ") && ioth_sysctl(stack, "net.core.busy_read", getenv("BUSY_READ")) < 0)
		err(1, "net.core.busy_read");
}

/* Bytes of size, in the library's memory; filled, if they are to be. */
static void send_lent(int s, size_t size, bool fill)
{
	static uint8_t mark;

	while (size) {
		struct ioth_loan *l = ioth_send_lend(s, size, 0);
		size_t len = l ? l->len : 0;

		for (int i = 0; fill && l && i < l->n; i++)
			memset(l->iov[i].iov_base, mark++, l->iov[i].iov_len);
		if (!l || ioth_send_lent(s, l, len, 0, NULL, 0) != (ssize_t)len)
			err(1, "send_lent");
		size -= len;
	}
}

static ssize_t receive_lent(int s, uint64_t (*look)(const void *p, size_t len), uint64_t *sum)
{
	struct ioth_loan *l = ioth_recv_lend(s, SINK_READ, 0, NULL, NULL);
	ssize_t len = l ? (ssize_t)l->len : -1;

	for (int i = 0; look && l && i < l->n; i++)
		*sum += look(l->iov[i].iov_base, l->iov[i].iov_len);
	ioth_give_back(l);
	return len;
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
#define poll			ioth_poll
#define ppoll			ioth_ppoll
#define select			ioth_select

#else

static void stack_up(const char *locator, char *addr)
{
	if (locator || addr)
		errx(2, "the kernel's stack is as it is: no -n and no -a");
}

static void send_lent(int s, size_t size, bool fill)
{
	static uint8_t mark;

	if (fill)
		memset(buf, mark++, size);
	for (size_t done = 0; done < size;) {
		ssize_t n = write(s, buf + done, size - done);

		if (n <= 0)
			err(1, "write");
		done += (size_t)n;
	}
}

static ssize_t receive_lent(int s, uint64_t (*look)(const void *p, size_t len), uint64_t *sum)
{
	ssize_t n = read(s, buf, SINK_READ);

	if (look && n > 0)
		*sum += look(buf, (size_t)n);
	return n;
}

#endif

static const char *cc;		/* -C: the congestion control */
static bool plain;		/* -p, of streams: the kernel's epoll also for the library's sockets */

/* The options, and the stack they are for; the first word that is none. -1: bad. */
static int begin(int argc, char **argv)
{
	const char *locator = NULL;
	char *addr = NULL;
	int opt;

	optind = 2;
	while ((opt = getopt(argc, argv, "+C:n:a:p")) != -1) {
		if (opt == 'C')
			cc = optarg;
		else if (opt == 'p')
			plain = true;
		else if (opt == 'n')
			locator = optarg;
		else if (opt == 'a')
			addr = optarg;
		else
			return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	stack_up(locator, addr);
	return optind;
}
