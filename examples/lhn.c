/* lhn.c - a Local Host Network: who may reach a page is said by the rights of a file
 *
 *	ioth switch -d /tmp/sw
 *	ioth switch -d -m 660 -g adm /tmp/sw.admin
 *	cc lhn.c $(pkg-config --cflags --libs ioth) -o lhn
 *	./lhn /tmp/sw
 *
 * One server has two stacks with the same address and port, on two switches. The second
 * switch is a network inside this machine that only a group may join: who comes from
 * there gets the page of the administrator, with no password and no address list.
 * Here a visitor of each comes along, with a stack of its own.
 */
#include <arpa/inet.h>
#include <err.h>
#include <ioth.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static const char *const pages[] = { "welcome\n", "welcome, keeper: %d visits\n" };

static struct ioth *node(const char *net, const char *address)
{
	struct ioth *s = ioth_newstack("native", net);
	struct in_addr a;

	inet_pton(AF_INET, address, &a);
	if (!s || ioth_ipaddr_add(s, AF_INET, &a, 24, ioth_if_nametoindex(s, "eth0")) < 0)
		err(1, "%s", net);
	return s;
}

static struct sockaddr_in at(const char *address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(80) };

	inet_pton(AF_INET, address, &sin.sin_addr);
	return sin;
}

static int server(struct ioth *s)
{
	struct sockaddr_in any = at("0.0.0.0");
	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);

	if (ioth_bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || ioth_listen(fd, 8) < 0)
		err(1, "server");
	return fd;
}

static void answer(int door, int which, int visits)
{
	int fd = ioth_accept(door, NULL, NULL);
	char page[100];

	snprintf(page, sizeof(page), pages[which], visits);
	ioth_send(fd, page, strlen(page), MSG_NOSIGNAL);
	ioth_close(fd);
}

int main(int argc, char **argv)
{
	const char *net = argc > 1 ? argv[1] : "/tmp/sw";
	struct sockaddr_in to = at("10.0.0.70");
	struct pollfd doors[2];
	struct ioth *s[2], *visitor[2];
	char admin[200], page[100];

	snprintf(admin, sizeof(admin), "%s.admin", net);
	for (int i = 0; i < 2; i++) {
		s[i] = node(i ? admin : net, "10.0.0.70");
		visitor[i] = node(i ? admin : net, "10.0.0.71");
		doors[i] = (struct pollfd){ .fd = server(s[i]), .events = POLLIN };
	}
	for (int visits = 0; visits < 4; visits++) {
		int which = visits == 3;
		int fd = ioth_msocket(visitor[which], AF_INET, SOCK_STREAM, 0);
		ssize_t n;

		if (ioth_connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			err(1, "connect");
		poll(doors, 2, -1);
		for (int i = 0; i < 2; i++) {
			if (doors[i].revents)
				answer(doors[i].fd, i, visits);
		}
		n = ioth_recv(fd, page, sizeof(page), MSG_WAITALL);
		printf("%.*s", n > 0 ? (int)n : 0, page);
		ioth_close(fd);
	}
	for (int i = 0; i < 2; i++) {
		ioth_close(doors[i].fd);
		ioth_delstack(visitor[i]);
		ioth_delstack(s[i]);
	}
	return 0;
}
