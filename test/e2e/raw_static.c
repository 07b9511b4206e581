/* raw_static.c - a static program whose network calls are bare system calls
 *
 *	raw_static serve ADDRESS PORT N		echo N connections, one after another
 *	raw_static echo ADDRESS PORT BYTES	send, half-close, compare what returns
 *	raw_static probe ADDRESS PORT SECONDS	until a connection is taken
 *
 * Nothing a preloaded library could catch: it is linked statically, and goes round
 * the C library's socket functions. Exit status 0 if all went well.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct name {
	union {
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		sa_family_t family;
	};
	unsigned int len;
};

static void die(const char *what)
{
	fprintf(stderr, "raw_static: %s: %m\n", what);
	exit(1);
}

static struct name parse(const char *host, const char *port)
{
	struct name n = { .len = sizeof(n.in4) };

	n.family = AF_INET;
	if (inet_pton(AF_INET, host, &n.in4.sin_addr) != 1) {
		n.family = AF_INET6;
		n.len = sizeof(n.in6);
		if (inet_pton(AF_INET6, host, &n.in6.sin6_addr) != 1)
			die(host);
	}
	n.in4.sin_port = htons(atoi(port));	/* same place in both families */
	return n;
}

static int new_socket(const struct name *n)
{
	long fd = syscall(SYS_socket, n->family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static void echo_all(int fd)
{
	char buf[8192];
	long n;

	while ((n = syscall(SYS_read, fd, buf, sizeof(buf))) > 0)
		for (long done = 0, w; done < n; done += w)
			if ((w = syscall(SYS_write, fd, buf + done, n - done)) < 0)
				die("write");
	if (n < 0)
		die("read");
}

static int serve(const struct name *n, int count)
{
	int l = new_socket(n), one = 1;

	syscall(SYS_setsockopt, l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (syscall(SYS_bind, l, n, n->len) < 0)
		die("bind");
	if (syscall(SYS_listen, l, 16) < 0)
		die("listen");
	while (count--) {
		struct name peer = { .len = sizeof(peer.in6) };
		long fd = syscall(SYS_accept4, l, &peer, &peer.len, SOCK_CLOEXEC);

		if (fd < 0)
			die("accept4");
		echo_all(fd);
		syscall(SYS_close, fd);
	}
	return 0;
}

static unsigned char pattern(long i)
{
	return (i * 2654435761u) >> 13;
}

/* Sends what can be sent, takes what has come: both directions at once. */
static int echo(const struct name *n, long total)
{
	long sent = 0, got = 0, r;
	int fd = new_socket(n);
	unsigned char buf[4096];

	if (syscall(SYS_connect, fd, n, n->len) < 0)
		die("connect");
	while (got < total) {
		struct pollfd p = { fd, POLLIN | (sent < total ? POLLOUT : 0), 0 };

		syscall(SYS_ppoll, &p, 1, NULL, NULL, 0);
		if (p.revents & POLLOUT) {
			for (r = 0; r < (long)sizeof(buf) && sent + r < total; r++)
				buf[r] = pattern(sent + r);
			r = syscall(SYS_sendto, fd, buf, r, MSG_DONTWAIT, NULL, 0);
			sent += r > 0 ? r : 0;
			if (sent == total)
				syscall(SYS_shutdown, fd, SHUT_WR);
		}
		if (!(p.revents & ~POLLOUT))
			continue;
		r = syscall(SYS_recvfrom, fd, buf, sizeof(buf), 0, NULL, NULL);
		if (r <= 0)
			die("recvfrom");
		for (long i = 0; i < r; i++)
			if (buf[i] != pattern(got + i))
				die("wrong byte");
		got += r;
	}
	if (syscall(SYS_read, fd, buf, 1) != 0)
		die("no end after the echo");
	printf("echoed %ld\n", got);
	return 0;
}

static int probe(const struct name *n, int seconds)
{
	struct timespec pause = { 0, 50000000 };
	time_t end = time(NULL) + seconds;

	while (time(NULL) <= end) {
		int fd = new_socket(n);

		if (syscall(SYS_connect, fd, n, n->len) == 0)
			return 0;
		syscall(SYS_close, fd);
		nanosleep(&pause, NULL);
	}
	die("probe");
	return 1;
}

int main(int argc, char **argv)
{
	struct name n;

	if (argc != 5) {
		fputs("usage: raw_static serve|echo|probe ADDRESS PORT NUMBER\n", stderr);
		return 2;
	}
	n = parse(argv[2], argv[3]);
	if (strcmp(argv[1], "serve") == 0)
		return serve(&n, atoi(argv[4]));
	if (strcmp(argv[1], "echo") == 0)
		return echo(&n, atol(argv[4]));
	return probe(&n, atoi(argv[4]));
}
