/* streams.c - many connections at once between two processes, for streams.sh
 *
 *	streams serve [-C CC] PORT COUNT SECONDS
 *	streams client [-C CC] ADDR PORT COUNT
 *
 * One thread each, with epoll and sockets that do not wait; compiled with IOTH on a stack
 * of libioth (calls_of.h). The client writes to whichever of its COUNT connections has
 * room, 16 KiB a call; the server reads whichever has something, at most that much a
 * call. When all are there it lets half a second pass, counts for SECONDS, and says,
 * a line "CASE<tab>UNIT<tab>VALUE" each: bytes a second of all together, how even the
 * shares are (Jain's index: 1 if all are equal, 1/COUNT if one has everything), and the
 * smallest share by the largest. Then it resets them.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE		(16 << 10)
#define SINK_READ	PIECE
#define EVENTS		256
#define WARM		0.5
#define GONE		3000	/* ms without room anywhere */

static char buf[PIECE];

#include "calls_of.h"
#include "measure.h"

#ifdef IOTH
#define epoll_create1(...)	(plain ? epoll_create1 : ioth_epoll_create1)(__VA_ARGS__)
#define epoll_ctl(...)		(plain ? epoll_ctl : ioth_epoll_ctl)(__VA_ARGS__)
#define epoll_wait(...)		(plain ? epoll_wait : ioth_epoll_wait)(__VA_ARGS__)
#endif

static int count;
static int *fds;
static double *bytes;

static struct sockaddr_in at(const char *addr, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, addr, &sin.sin_addr) != 1)
		errx(2, "%s is no IPv4 address", addr);
	return sin;
}

static int tcp_socket(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (s < 0)
		err(1, "socket");
	if (cc && setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)) < 0)
		err(1, "congestion control %s", cc);
	return s;
}

static void watch(int ep, int i, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u32 = (uint32_t)i };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev) < 0)
		err(1, "epoll_ctl");
}

/* --- server --- */

static void accept_all(int ep, const char *port)
{
	struct sockaddr_in sin = at("0.0.0.0", port);
	int l = tcp_socket(), on = 1;

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(l, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(l, 1024) < 0)
		err(1, "port %s", port);
	puts("ready");
	fflush(stdout);
	for (int i = 0; i < count; i++) {
		fds[i] = accept(l, NULL, NULL);
		if (fds[i] < 0)
			err(1, "accept");
		watch(ep, i, EPOLLIN);
	}
	close(l);
}

/* Until then; true: somebody left. */
static bool read_until(int ep, double until)
{
	struct epoll_event ev[EVENTS];

	while (now() < until) {
		int n = epoll_wait(ep, ev, EVENTS, 10);

		for (int i = 0; i < n; i++) {
			ssize_t len = recv(fds[ev[i].data.u32], buf, PIECE, MSG_DONTWAIT);

			if (len > 0)
				bytes[ev[i].data.u32] += (double)len;
			else if (len == 0 || errno != EAGAIN)
				return true;
		}
	}
	return false;
}

static void tell(double took)
{
	double sum = 0, squares = 0, least = bytes[0], most = bytes[0];

	for (int i = 0; i < count; i++) {
		sum += bytes[i];
		squares += bytes[i] * bytes[i];
		least = bytes[i] < least ? bytes[i] : least;
		most = bytes[i] > most ? bytes[i] : most;
	}
	printf("streams\tMB/s\t%.1f\n", sum / took / 1e6);
	printf("streams_jain\t1\t%.3f\n", squares > 0 ? sum * sum / squares / count : 0);
	printf("streams_least\tof most\t%.3f\n", most > 0 ? least / most : 0);
	fflush(stdout);
}

static void serve(const char *port, double seconds)
{
	struct linger reset = { 1, 0 };
	int ep = epoll_create1(0);
	double start;

	accept_all(ep, port);
	if (read_until(ep, now() + WARM))
		errx(1, "a client left");
	memset(bytes, 0, (size_t)count * sizeof(bytes[0]));
	start = now();
	if (read_until(ep, start + seconds))
		errx(1, "a client left");
	tell(now() - start);
	for (int i = 0; i < count; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fds[i]);
	}
}

/* --- client --- */

static void client(const char *addr, const char *port)
{
	struct sockaddr_in sin = at(addr, port);
	struct epoll_event ev[EVENTS];
	int ep = epoll_create1(0);

	for (int i = 0; i < count; i++) {
		fds[i] = tcp_socket();
		if (connect(fds[i], (struct sockaddr *)&sin, sizeof(sin)) < 0)
			err(1, "connect");
		watch(ep, i, EPOLLOUT);
	}
	for (;;) {
		int n = epoll_wait(ep, ev, EVENTS, GONE);

		if (n == 0)
			return;			/* it ended before its resets went */
		for (int i = 0; i < n; i++) {
			if (send(fds[ev[i].data.u32], buf, PIECE, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
			    errno != EAGAIN)
				return;		/* the server has what it wants */
		}
	}
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "";
	struct rlimit rl;
	int first;

	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	first = begin(argc, argv);
	if (first < 0 || argc - first != 3)
		errx(2, "usage: streams serve PORT COUNT SECONDS | client ADDR PORT COUNT");
	argv += first;
	count = atoi(argv[strcmp(role, "serve") == 0 ? 1 : 2]);
	fds = calloc((size_t)count, sizeof(*fds));
	bytes = calloc((size_t)count, sizeof(*bytes));
	if (strcmp(role, "serve") == 0)
		serve(argv[0], atof(argv[2]));
	else
		client(argv[0], argv[1]);
	return 0;
}
