/* many.c - an echo server with many stacks in one process
 *
 *	ioth switch -d -n 1100 /tmp/sw
 *	cc many.c $(pkg-config --cflags --libs ioth) -o many
 *	./many /tmp/sw [HOW MANY]
 *
 * A hundred computers, as the network sees it: each with its own MAC and IP address
 * and its own port 7; as the process sees it, a hundred descriptors in one loop. One
 * more stack asks them all.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <ioth.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

static struct sockaddr_in at(int i)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(7),
				     .sin_addr = { htonl(0x0a010000 + (uint32_t)i + 1) } };
}

static struct ioth *node(const char *net, int i)
{
	struct ioth *s = ioth_newstack("native", net);
	struct sockaddr_in me = at(i);

	if (!s || ioth_ipaddr_add(s, AF_INET, &me.sin_addr, 16, ioth_if_nametoindex(s, "eth0")) < 0)
		err(1, "stack %d", i);
	return s;
}

static int server(struct ioth *s, int i)
{
	struct sockaddr_in me = at(i);
	int fd = ioth_msocket(s, AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioth_bind(fd, (struct sockaddr *)&me, sizeof(me)) < 0)
		err(1, "server %d", i);
	return fd;
}

static void echo(int fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char buf[100];
	ssize_t n = ioth_recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

	ioth_sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
}

int main(int argc, char **argv)
{
	const char *net = argc > 1 ? argv[1] : "/tmp/sw";
	int n = argc > 2 ? atoi(argv[2]) : 100, asked = 0, answers = 0;
	struct ioth **s = calloc((size_t)n + 1, sizeof(*s));
	struct pollfd *fds = calloc((size_t)n + 1, sizeof(*fds));

	for (int i = 0; i <= n; i++) {
		s[i] = node(net, i);
		fds[i] = (struct pollfd){ .fd = server(s[i], i), .events = POLLIN };
	}
	while (answers < n) {
		struct sockaddr_in to = at(asked);
		char buf[100];

		if (asked == answers)		/* the next one */
			ioth_sendto(fds[n].fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), asked++;
		poll(fds, (nfds_t)n + 1, -1);
		for (int i = 0; i < n; i++) {
			if (fds[i].revents)
				echo(fds[i].fd);
		}
		if (fds[n].revents && ioth_recv(fds[n].fd, buf, sizeof(buf), 0) == 5)
			answers++;
	}
	printf("%d of %d stacks answered\n", answers, n);
	for (int i = 0; i <= n; i++) {
		ioth_close(fds[i].fd);
		ioth_delstack(s[i]);
	}
	free(fds);
	free(s);
	return 0;
}
