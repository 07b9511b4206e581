/* kernel.c - one TCP stream over a stack of the kind kernel, or over the host's own
 *
 *	kernel serve [-k LOCATOR] ADDR PORT
 *	kernel send [-k LOCATOR FROM] ADDR PORT BYTES
 *
 * With -k the sockets are those of a kernel stack joined to the locator, with the
 * address (a /24) on its interface; without, whoever starts us has put us where ADDR is known.
 * A server takes one connection after the other and confirms the number of bytes at the
 * end of each. send writes 64 KiB at a time and prints megabytes a second, from the
 * first write until all is confirmed. Congestion control is CUBIC on all subjects.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "measure.h"
#include "node/kernel.h"

#define CHUNK	(64 << 10)
#define READ	(256 << 10)

static char buf[READ];

static struct sockaddr_in name_of(const char *addr, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, addr, &sin.sin_addr) != 1)
		errx(2, "%s: no IPv4 address", addr);
	return sin;
}

static void set_addr(int s, unsigned long what, const char *addr)
{
	struct ifreq r = { .ifr_name = "vde0" };
	struct sockaddr_in sin = name_of(addr, "0");

	memcpy(&r.ifr_addr, &sin, sizeof(sin));
	if (ioctl(s, what, &r) < 0)
		err(1, "address %s", addr);
}

static struct kstack *stack_at(const char *locator, const char *addr)
{
	const char *locators[] = { locator, NULL };
	char *why;
	struct kstack *k = kernel_open(locators, getenv("OPTIONS"), &why);
	int s = k ? kernel_socket(k, AF_INET, SOCK_DGRAM, 0) : -1;

	if (!k)
		errx(1, "%s", why);
	set_addr(s, SIOCSIFADDR, addr);
	set_addr(s, SIOCSIFNETMASK, "255.255.255.0");
	close(s);
	return k;
}

static int tcp(struct kstack *k)
{
	int s = k ? kernel_socket(k, AF_INET, SOCK_STREAM, 0) : socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;

	if (s < 0)
		err(1, "socket");
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) < 0)
		err(1, "cubic");
	return s;
}

static void serve(struct kstack *k, const char *addr, const char *port)
{
	struct sockaddr_in sin = name_of(addr, port);
	int l = tcp(k), c;

	if (bind(l, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(l, 16) < 0)
		err(1, "%s port %s", addr, port);
	puts("ready");
	fflush(stdout);
	while ((c = accept(l, NULL, NULL)) >= 0) {
		uint64_t total = 0;
		ssize_t n;

		while ((n = read(c, buf, sizeof(buf))) > 0)
			total += (uint64_t)n;
		if (write(c, &total, sizeof(total)) != sizeof(total))
			warn("write");
		close(c);
	}
}

static void send_all(struct kstack *k, const char *addr, const char *port, uint64_t bytes)
{
	struct sockaddr_in sin = name_of(addr, port);
	uint64_t got = 0;
	int s = tcp(k);
	double began;

	if (connect(s, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		err(1, "%s port %s", addr, port);
	began = now();
	for (uint64_t left = bytes; left;) {
		ssize_t n = write(s, buf, left < CHUNK ? left : CHUNK);

		if (n < 0)
			err(1, "write");
		left -= (uint64_t)n;
	}
	shutdown(s, SHUT_WR);
	if (read(s, &got, sizeof(got)) != sizeof(got) || got != bytes)
		errx(1, "%llu of %llu bytes arrived", (unsigned long long)got,
		     (unsigned long long)bytes);
	printf("%.1f\n", (double)bytes / 1e6 / (now() - began));
	close(s);
}

int main(int argc, char **argv)
{
	struct kstack *k = NULL;
	int at = 2;

	if (argc > 4 && strcmp(argv[2], "-k") == 0) {
		k = stack_at(argv[3], argv[4]);
		at = strcmp(argv[1], "send") == 0 ? 5 : 4;
	}
	if (argc == at + 2 && strcmp(argv[1], "serve") == 0)
		serve(k, argv[at], argv[at + 1]);
	else if (argc == at + 3 && strcmp(argv[1], "send") == 0)
		send_all(k, argv[at], argv[at + 1], strtoull(argv[at + 2], NULL, 10));
	else
		errx(2, "usage: kernel serve|send [-k LOCATOR [FROM]] ADDR PORT [BYTES]");
	kernel_close(k);
	return 0;
}
