/* experimental.c - an experimental stack beside the production one
 *
 *	ioth switch -d /tmp/sw
 *	cc experimental.c $(pkg-config --cflags --libs ioth) -o experimental
 *	./experimental /tmp/sw
 *
 * Parameters are a stack's own. One process serves the same text from a stack as it
 * comes and from one whose TCP is under test: Reno in small steps, on a cable that
 * loses frames. What works on the one must work on the other; what fails there
 * harms nobody else.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <ioth.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE	200000

static struct ioth *node(const char *net, const char *address)
{
	struct ioth *s = ioth_newstack("native", net);
	struct in_addr a;

	inet_pton(AF_INET, address, &a);
	if (!s || ioth_ipaddr_add(s, AF_INET, &a, 24, ioth_if_nametoindex(s, "eth0")) < 0)
		err(1, "%s", net);
	return s;
}

static int server(struct ioth *s, struct sockaddr_in *at)
{
	int fd = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);

	if (ioth_bind(fd, (struct sockaddr *)at, sizeof(*at)) < 0 || ioth_listen(fd, 1) < 0)
		err(1, "server");
	return fd;
}

/* One connection from client to s, all bytes of it; tells by which algorithm. */
static void try(struct ioth *s, const char *address, struct ioth *client, const char *text)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(80) };
	char *got = malloc(SIZE), cc[16] = "";
	socklen_t len = sizeof(cc);
	struct pollfd ends[2] = { { .events = POLLIN }, { .events = POLLOUT } };
	int door, in, out;
	ssize_t n;

	inet_pton(AF_INET, address, &at.sin_addr);
	door = server(s, &at);
	in = ioth_msocket(client, AF_INET, SOCK_STREAM, 0);
	if (ioth_connect(in, (struct sockaddr *)&at, sizeof(at)) < 0)
		err(1, "%s", address);
	out = ioth_accept(door, NULL, NULL);
	ioth_getsockopt(out, IPPROTO_TCP, TCP_CONGESTION, cc, &len);
	ends[0].fd = in;
	ends[1].fd = out;
	for (size_t sent = 0, k = 0; k < SIZE;) {
		poll(ends, sent < SIZE ? 2 : 1, -1);
		n = sent < SIZE ? ioth_send(out, text + sent, SIZE - sent, MSG_DONTWAIT) : 0;
		sent += n > 0 ? (size_t)n : 0;
		n = ioth_recv(in, got + k, SIZE - k, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			err(1, "%s", address);
		k += n > 0 ? (size_t)n : 0;
	}
	printf("%s: %s, %s\n", address, cc, memcmp(got, text, SIZE) ? "damaged" : "all there");
	ioth_close(in);
	ioth_close(out);
	ioth_close(door);
	free(got);
}

int main(int argc, char **argv)
{
	const char *net = argc > 1 ? argv[1] : "/tmp/sw";
	char bad[300], *text = malloc(SIZE);
	struct ioth *production, *trial, *client;

	snprintf(bad, sizeof(bad), "fault://loss=2%%{%s}", net);
	production = node(net, "10.0.0.1");
	trial = node(bad, "10.0.0.2");
	client = node(net, "10.0.0.3");
	if (ioth_sysctl(trial, "tcp_congestion_control", "reno") < 0 ||
	    ioth_sysctl(trial, "tcp_wmem", "4096 8192 16384") < 0)
		err(1, "parameters");
	for (int i = 0; i < SIZE; i++)
		text[i] = (char)(i % 251);
	try(production, "10.0.0.1", client, text);
	try(trial, "10.0.0.2", client, text);
	free(text);
	ioth_delstack(client);
	ioth_delstack(trial);
	ioth_delstack(production);
	return 0;
}
