/* lend.c - bytes that are never copied
 *
 *	ioth switch -d /tmp/sw
 *	cc lend.c $(pkg-config --cflags --libs ioth) -o lend
 *	./lend /tmp/sw
 *
 * One stack writes a megabyte where it is sent from, another counts its newlines where
 * they have come to lie. Loans may be kept, passed to other threads and given back in any
 * order.
 */
#include <arpa/inet.h>
#include <err.h>
#include <ioth.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>

#define TOTAL	(1 << 20)

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

/* Lines of 64 octets, each written into the memory that is sent. */
static void *writer(void *arg)
{
	int fd = *(int *)arg;

	for (size_t done = 0; done < TOTAL;) {
		struct ioth_loan *l = ioth_send_lend(fd, TOTAL - done, 0);
		size_t len = l ? l->len : 0;

		for (int i = 0; l && i < l->n; i++) {
			char *p = (char *)l->iov[i].iov_base;

			for (size_t k = 0; k < l->iov[i].iov_len; k++)
				p[k] = ++done % 64 ? '.' : '\n';
		}
		if (!l || ioth_send_lent(fd, l, len, 0, NULL, 0) < 0)
			err(1, "send");
	}
	ioth_shutdown(fd, SHUT_WR);
	return NULL;
}

static unsigned lines_of(int fd)
{
	struct ioth_loan *l;
	unsigned lines = 0;

	while ((l = ioth_recv_lend(fd, TOTAL, 0, NULL, NULL)) && l->len) {
		for (int i = 0; i < l->n; i++) {
			const char *p = (const char *)l->iov[i].iov_base;

			for (size_t k = 0; k < l->iov[i].iov_len; k++)
				lines += p[k] == '\n';
		}
		ioth_give_back(l);
	}
	ioth_give_back(l);
	return lines;
}

int main(int argc, char **argv)
{
	const char *net = argc > 1 ? argv[1] : "/tmp/sw";
	struct ioth *home = node(net, "10.0.0.1"), *away = node(net, "10.0.0.2");
	int door = ioth_msocket(home, AF_INET, SOCK_STREAM, 0), host;
	int guest = ioth_msocket(away, AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(80) };
	pthread_t t;

	inet_pton(AF_INET, "10.0.0.1", &addr.sin_addr);
	if (ioth_bind(door, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    ioth_listen(door, 1) < 0 ||
	    ioth_connect(guest, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(1, "connect");
	host = ioth_accept(door, NULL, NULL);
	if (host < 0 || pthread_create(&t, NULL, writer, &guest))
		err(1, "accept");
	printf("%u lines\n", lines_of(host));
	pthread_join(t, NULL);
	ioth_close(guest);
	ioth_close(host);
	ioth_close(door);
	ioth_delstack(away);
	ioth_delstack(home);
	return 0;
}
