/* dhcp_server.c - a server whose node gets its address by DHCP (VirtualSquare's, of 2014)
 *	cc dhcp_server.c $(pkg-config --cflags --libs ioth) -o dhcp_server
 *	./dhcp_server /tmp/sw [VISITORS]
 *
 * The lease is renewed while it runs, and given back at the end. */
#include <err.h>
#include <ioth.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(80) };
	int visitors = argc > 2 ? atoi(argv[2]) : -1, door;
	char words[1000], request[4096];
	struct ioth *s;

	snprintf(words, sizeof(words), "vnl=%s,dhcp,timeout=30,eth,fqdn=server.home",
		 argc > 1 ? argv[1] : "/tmp/sw");
	s = ioth_newstackc(words);
	if (!s)
		err(1, "%s", words);
	door = ioth_msocket(s, AF_INET, SOCK_STREAM, 0);
	if (ioth_bind(door, (struct sockaddr *)&at, sizeof(at)) < 0 || ioth_listen(door, 5) < 0)
		err(1, "port 80");
	while (visitors--) {
		int visitor = ioth_accept(door, NULL, NULL);

		if (ioth_read(visitor, request, sizeof(request)) > 0)
			dprintf(visitor, "HTTP/1.0 200 OK\r\n\r\nHello!\n");
		ioth_shutdown(visitor, SHUT_WR);
		while (ioth_read(visitor, request, sizeof(request)) > 0)
			continue;	/* until the visitor has closed, too */
		ioth_close(visitor);
	}
	ioth_close(door);
	return ioth_delstack(s) < 0;
}
