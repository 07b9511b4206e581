/* three_kinds.c - one client, three stacks of three kinds, one poll loop
 *
 *	ioth switch -d /tmp/sw
 *	cc three_kinds.c $(pkg-config --cflags --libs ioth) -o three_kinds
 *	./three_kinds /tmp/sw
 *
 * The client asks three servers at once: one from the project's own stack, one from
 * a Linux stack that only this process has (both plugged into the switch), and one from
 * the machine's. A descriptor knows its stack, so the loop need not.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <ioth.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static struct ioth *node(const char *kind, const char *net, const char *address)
{
	char locator[300];
	struct ioth *s;
	struct in_addr a;

	snprintf(locator, sizeof(locator), "net0:%s", net);
	s = ioth_newstack(kind, locator);
	inet_pton(AF_INET, address, &a);
	if (!s || ioth_linksetupdown(s, (unsigned)ioth_if_nametoindex(s, "net0"), 1) < 0 ||
	    ioth_ipaddr_add(s, AF_INET, &a, 24, ioth_if_nametoindex(s, "net0")) < 0)
		err(errno == EPERM ? 77 : 1, "%s", kind);
	return s;
}

static int server(struct ioth *s, const char *address, struct sockaddr_in *at)
{
	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(*at);

	*at = (struct sockaddr_in){ .sin_family = AF_INET };
	inet_pton(AF_INET, address, &at->sin_addr);
	if (ioth_bind(fd, (struct sockaddr *)at, len) < 0 || ioth_listen(fd, 5) < 0 ||
	    ioth_getsockname(fd, (struct sockaddr *)at, &len) < 0)
		err(1, "%s", address);
	return fd;
}

/* Tells who comes where from. */
static void greet(int door)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int fd = ioth_accept(door, (struct sockaddr *)&from, &len);
	char text[100];

	snprintf(text, sizeof(text), "you are %s", inet_ntoa(from.sin_addr));
	ioth_send(fd, text, strlen(text), MSG_NOSIGNAL);
	ioth_close(fd);
}

int main(int argc, char **argv)
{
	const char *net = argc > 1 ? argv[1] : "/tmp/sw";
	struct ioth *far = node("native", net, "10.0.0.1");
	struct ioth *stack[3] = { node("native", net, "10.0.0.2"), node("kernel", net, "10.0.0.3"), NULL };
	static const char *const kind[3] = { "native", "kernel", "host" };
	struct sockaddr_in there, here;
	struct pollfd fds[5] = { { .fd = server(far, "10.0.0.1", &there), .events = POLLIN },
				 { .fd = server(NULL, "127.0.0.1", &here), .events = POLLIN } };
	char answer[3][100] = { "", "", "" };

	for (int i = 0; i < 3; i++) {
		struct sockaddr_in *to = stack[i] ? &there : &here;
		int fd = ioth_msocket(stack[i], AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (ioth_connect(fd, (struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS)
			err(1, "connect from %s", kind[i]);
		fds[2 + i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	for (int open = 3; open > 0;) {
		poll(fds, 5, -1);
		for (int i = 0; i < 2; i++) {
			if (fds[i].revents)
				greet(fds[i].fd);
		}
		for (int i = 0; i < 3; i++) {
			size_t n = strlen(answer[i]);
			ssize_t k = fds[2 + i].revents ?
				    ioth_read(fds[2 + i].fd, answer[i] + n, sizeof(answer[i]) - 1 - n) : 1;

			if (k > 0)
				continue;
			ioth_close(fds[2 + i].fd);
			fds[2 + i] = (struct pollfd){ .fd = -1 };
			open--;
		}
	}
	for (int i = 0; i < 3; i++)
		printf("%s: %s\n", kind[i], answer[i]);
	ioth_close(fds[0].fd);
	ioth_close(fds[1].fd);
	ioth_delstack(stack[0]);
	ioth_delstack(stack[1]);
	ioth_delstack(far);
	return 0;
}
