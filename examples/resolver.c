/* resolver.c - names by a stack's own name server, asked at once from one poll loop
 *
 *	ioth switch -d /tmp/sw
 *	(a name server at 10.0.0.53 of that network)
 *	cc resolver.c $(pkg-config --cflags --libs ioth) -o resolver
 *	./resolver /tmp/sw
 *
 * ioth_getaddrinfo would do the same for one name, and block. The addresses come in
 * the order to try them in, from a node that has both an IPv4 and an IPv6 address.
 */
#include <arpa/inet.h>
#include <err.h>
#include <ioth.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>

struct question {
	const char	*name;
	char		answer[200];
};

static struct question questions[] = { { "web", "" }, { "four", "" }, { "10.0.0.7", "" }, { "none", "" } };
#define N	(int)(sizeof(questions) / sizeof(questions[0]))

static int open_questions = N;

static void answered(void *arg, int status, struct addrinfo *res)
{
	struct question *q = arg;
	size_t n = 0;

	if (status)
		snprintf(q->answer, sizeof(q->answer), " %s", ioth_gai_strerror(status));
	for (struct addrinfo *ai = res; ai && n < sizeof(q->answer); ai = ai->ai_next) {
		char host[60];

		ioth_getnameinfo(NULL, ai->ai_addr, ai->ai_addrlen, host, sizeof(host), NULL, 0,
				 NI_NUMERICHOST);
		n += (size_t)snprintf(q->answer + n, sizeof(q->answer) - n, " %s", host);
	}
	ioth_freeaddrinfo(res);
	open_questions--;
}

static struct ioth *node(const char *net)
{
	struct ioth *s = ioth_newstack("native", net);
	int eth0 = s ? ioth_if_nametoindex(s, "eth0") : 0;
	struct in6_addr a6;
	struct in_addr a;

	inet_pton(AF_INET, "10.0.0.2", &a);
	inet_pton(AF_INET6, "2001:db8::2", &a6);
	if (!s || ioth_ipaddr_add(s, AF_INET, &a, 24, eth0) < 0 ||
	    ioth_ipaddr_add(s, AF_INET6, &a6, 64, eth0) < 0)
		err(1, "%s", net);
	return s;
}

int main(int argc, char **argv)
{
	struct ioth *s = node(argc > 1 ? argv[1] : "/tmp/sw");
	struct ioth_resolver *r = ioth_resolver_new(s, "nameserver 10.0.0.53\nsearch lan\n");
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct pollfd fds[16];

	for (int i = 0; i < N; i++)
		ioth_resolve_addr(r, questions[i].name, "80", &hints, answered, &questions[i]);
	while (open_questions) {
		int n = ioth_resolver_fds(r, fds, 16);

		poll(fds, (nfds_t)n, ioth_resolver_timeout(r));
		ioth_resolver_process(r, fds, n);
	}
	for (int i = 0; i < N; i++)
		printf("%s:%s\n", questions[i].name, questions[i].answer);
	ioth_resolver_free(r);
	ioth_delstack(s);
	return 0;
}
