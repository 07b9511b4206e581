/* two_stacks.c - one process, two nodes: a greeter and its guest
 *
 *	ioth switch -d /tmp/sw
 *	cc two_stacks.c $(pkg-config --cflags --libs ioth) -o two_stacks
 *	./two_stacks /tmp/sw
 *
 * Both ends of the connection are in this program, on stacks of their own; the
 * bytes between them pass through the switch. A descriptor of a stack is a real
 * one: read and write below are the system calls.
 */
#include <arpa/inet.h>
#include <err.h>
#include <ioth.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static struct ioth *node(const char *net, const char *address)
{
	struct ioth *s = ioth_newstack("native", net);
	struct in_addr a;

	if (!s)
		err(1, "%s", net);
	inet_pton(AF_INET, address, &a);
	if (ioth_ipaddr_add(s, AF_INET, &a, 24, ioth_if_nametoindex(s, "eth0")) < 0)
		err(1, "%s", address);
	return s;
}

static struct sockaddr_in at(const char *address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(80) };

	inet_pton(AF_INET, address, &sin.sin_addr);
	return sin;
}

int main(int argc, char **argv)
{
	const char *net = argc > 1 ? argv[1] : "/tmp/sw";
	struct ioth *home = node(net, "10.0.0.1"), *away = node(net, "10.0.0.2");
	int door = ioth_msocket(home, AF_INET, SOCK_STREAM, 0);
	int guest = ioth_msocket(away, AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr = at("10.0.0.1"), from;
	socklen_t len = sizeof(from);
	char text[100];
	ssize_t n;
	int host;

	if (ioth_bind(door, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    ioth_listen(door, 1) < 0)
		err(1, "listen");
	if (ioth_connect(guest, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "connect");
	host = ioth_accept(door, (struct sockaddr *)&from, &len);
	if (host < 0)
		err(1, "accept");
	dprintf(host, "Hello %s, this is port 80 of 10.0.0.1.\n", inet_ntoa(from.sin_addr));
	n = read(guest, text, sizeof(text));
	if (n <= 0)
		err(1, "read");
	fwrite(text, 1, (size_t)n, stdout);
	close(guest);
	close(host);
	close(door);
	ioth_delstack(away);
	ioth_delstack(home);
	return 0;
}
