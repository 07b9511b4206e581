/* netbench.c - the traffic that every subject of a benchmark carries
 *
 *	netbench serve [-C CC] PORT
 *	netbench client [-C CC] ADDR PORT SECONDS CASE...
 *
 * The same binary runs bare on the kernel's stack and under "ioth run", with plain
 * blocking sockets and one call per operation; compiled with IOTH it has a stack of
 * libioth in itself (calls_of.h). Each case takes SECONDS and gives a
 * line "CASE UNIT VALUE" (two for rr):
 *
 *	bulk_4k .. bulk_1m	one connection, writes of that size; until the
 *				server has confirmed every byte
 *	lend_64k, lend_1m	the same by the library's memory, without a copy; the
 *				kernel's stack copies, as for bulk
 *	fill_64k, fill_1m	as lend, but every byte is written before it is sent, and
 *				read after it has come
 *	rr			one byte there and back, p50 and p99
 *	rr_poll			the same, and both wait in poll() before they read; rr_ppoll
 *				in ppoll() with a mask, rr_select in select(), rr_mixed in
 *				poll() with a pipe
 *	crr			connect, byte there, byte back, close
 *	udp_64			datagrams of 64 bytes, one per call: those that arrived
 *	goodput			what the server has read SECONDS after it accepted; then
 *				the connection is reset, so nothing is left under way
 *
 * On standard error each tells its number of operations: writes, exchanges, connections.
 *
 * The first byte of a connection says what it is for. The server takes one
 * connection after the other, as the client makes them; datagrams are counted by a
 * thread of their own. CC is the congestion control; without it: the system's.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SINK_READ	(256 << 10)

static char buf[1 << 20];

#include "calls_of.h"
#include "measure.h"

#define MAX_SAMPLES	(1 << 20)
#define PATIENCE	20	/* seconds a client waits for anything */
#define SETTLE_US	50000	/* for datagrams under way */

static const char *host, *port;
static double seconds;

static int socket_for(const struct addrinfo *ai)
{
	int s = socket(ai->ai_family, ai->ai_socktype, 0), one = 1;

	if (s < 0)
		err(1, "socket");
	if (ai->ai_socktype == SOCK_DGRAM)
		return s;
	if (setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0)
		err(1, "TCP_NODELAY");
	if (cc && setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)) < 0)
		err(1, "congestion control %s", cc);
	return s;
}

static struct addrinfo *resolve(int type, int flags)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *ai;
	int e = getaddrinfo(host, port, &hints, &ai);

	if (e)
		errx(1, "%s port %s: %s", host ? host : "*", port, gai_strerror(e));
	return ai;
}

static void write_all(int s, const void *p, size_t n)
{
	for (ssize_t r; n; p = (const char *)p + r, n -= (size_t)r) {
		r = write(s, p, n);
		if (r <= 0)
			err(1, "write");
	}
}

static void read_all(int s, void *p, size_t n)
{
	for (ssize_t r; n; p = (char *)p + r, n -= (size_t)r) {
		r = read(s, p, n);
		if (r <= 0)
			err(1, "read");
	}
}

/* --- the server --- */

static _Atomic uint64_t datagrams;

static void *count_datagrams(void *arg)
{
	int s = *(int *)arg;
	char d[2048];

	while (recv(s, d, sizeof(d), 0) >= 0)
		atomic_fetch_add_explicit(&datagrams, 1, memory_order_relaxed);
	err(1, "recv");
}

static void sink(int s)
{
	uint64_t total = 1;
	ssize_t n;

	while ((n = read(s, buf, SINK_READ)) > 0)
		total += (uint64_t)n;
	if (n == 0)
		write_all(s, &total, sizeof(total));
}

/* What is received is looked at, if it is to be. */
static uint64_t sum_of(const void *p, size_t len)
{
	const uint64_t *w = p;
	uint64_t sum = 0;

	for (size_t i = 0; i < len / sizeof(*w); i++)
		sum += w[i];
	return sum;
}

static _Atomic uint64_t sums;	/* so that they are made */

static void sink_lent(int s, bool look)
{
	uint64_t total = 1, sum = 0;
	ssize_t n;

	while ((n = receive_lent(s, look ? sum_of : NULL, &sum)) > 0)
		total += (uint64_t)n;
	sums += sum;
	if (n == 0)
		write_all(s, &total, sizeof(total));
}

/* The first byte of such a connection says how. */
enum { BY_READ = 'r', BY_POLL = 'p', BY_PPOLL = 'm', BY_SELECT = 's', BY_MIXED = 'x' };

static void wait_for_input(int s, char how)
{
	static int pip[2];
	struct pollfd p[2] = { { .fd = s, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	struct timespec ts = { .tv_sec = PATIENCE };
	struct timeval tv = { .tv_sec = PATIENCE };
	sigset_t mask;
	fd_set set;
	int n;

	if (how == BY_MIXED && !pip[1] && pipe(pip) < 0)
		err(1, "pipe");
	p[1].fd = how == BY_MIXED ? pip[0] : -1;
	FD_ZERO(&set);
	FD_SET(s, &set);
	sigemptyset(&mask);
	if (how == BY_PPOLL)
		n = ppoll(p, 1, &ts, &mask);
	else if (how == BY_SELECT)
		n = select(s + 1, &set, NULL, NULL, &tv);
	else
		n = poll(p, how == BY_MIXED ? 2 : 1, PATIENCE * 1000);
	if (n != 1)
		err(1, "poll");
}

static void echo(int s, char how)
{
	char byte;

	do {
		if (how != BY_READ)
			wait_for_input(s, how);
		if (read(s, &byte, 1) != 1)
			return;
		write_all(s, &byte, 1);
	} while (true);
}

/* For some time; then tells how much came and waits for the end. */
static void *count_bytes(void *arg)
{
	int s = (int)(intptr_t)arg;
	char *to = malloc(SINK_READ);
	double limit, began = now(), left;
	struct pollfd p = { .fd = s, .events = POLLIN };
	uint64_t total = 0;
	ssize_t n = 1;

	read_all(s, &limit, sizeof(limit));
	while (n > 0 && (left = began + limit - now()) > 0) {
		if (poll(&p, 1, (int)(left * 1000) + 1) > 0 && (n = read(s, to, SINK_READ)) > 0)
			total += (uint64_t)n;
	}
	send(s, &total, sizeof(total), 0);
	while (n > 0)
		n = read(s, to, SINK_READ);
	close(s);
	free(to);
	return NULL;
}

static void in_thread(int s)
{
	struct timeval patience = { .tv_sec = PATIENCE };
	pthread_t t;

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (pthread_create(&t, NULL, count_bytes, (void *)(intptr_t)s))
		errx(1, "no thread");
	pthread_detach(t);
}

/* True: s is done with. */
static bool serve_one(int s)
{
	uint64_t n;
	char what;

	if (read(s, &what, 1) != 1)
		return true;
	switch (what) {
	case 'b':
		sink(s);
		break;
	case 'l':
	case 'f':
		sink_lent(s, what == 'f');
		break;
	case BY_READ:
	case BY_POLL:
	case BY_PPOLL:
	case BY_SELECT:
	case BY_MIXED:
		echo(s, what);
		break;
	case 'c':
		write_all(s, &what, 1);
		break;
	case 'g':
		in_thread(s);
		return false;
	case 'u':
		n = atomic_exchange(&datagrams, 0);
		write_all(s, &n, sizeof(n));
		break;
	}
	return true;
}

static int bound(int type)
{
	struct addrinfo *ai = resolve(type, AI_PASSIVE);
	int s = socket_for(ai), one = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, ai->ai_addr, ai->ai_addrlen) < 0)
		err(1, "bind");
	freeaddrinfo(ai);
	return s;
}

static _Noreturn void serve(void)
{
	int udp = bound(SOCK_DGRAM), tcp = bound(SOCK_STREAM), s;
	pthread_t counter;

	if (pthread_create(&counter, NULL, count_datagrams, &udp))
		errx(1, "no thread");
	if (listen(tcp, 64) < 0)
		err(1, "listen");
	puts("ready");
	fflush(stdout);
	while ((s = accept(tcp, NULL, NULL)) >= 0) {
		if (serve_one(s))
			close(s);
	}
	err(1, "accept");
}

/* --- the client --- */

static void tell(const char *name, uint64_t n)
{
	fprintf(stderr, "%s: %ju operations\n", name, (uintmax_t)n);
}

static int connected(char what)
{
	struct addrinfo *ai = resolve(what ? SOCK_STREAM : SOCK_DGRAM, AI_NUMERICHOST);
	struct timeval patience = { .tv_sec = PATIENCE };
	int s = socket_for(ai);

	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(s, ai->ai_addr, ai->ai_addrlen) < 0)
		err(1, "connect to %s", host);
	freeaddrinfo(ai);
	if (what)
		write_all(s, &what, 1);
	return s;
}

static void bulk_of(const char *name, size_t size, char what)
{
	int s = connected(what);
	double began = now(), took;
	uint64_t sent = 1, got;

	while (now() - began < seconds) {
		if (what == 'b')
			write_all(s, buf, size);
		else
			send_lent(s, size, what == 'f');
		sent += size;
	}
	shutdown(s, SHUT_WR);
	read_all(s, &got, sizeof(got));
	took = now() - began;
	close(s);
	if (got != sent)
		errx(1, "%s: sent %ju bytes, %ju arrived", name, (uintmax_t)sent, (uintmax_t)got);
	printf("%s MB/s %.1f\n", name, (double)sent / took / 1e6);
	tell(name, sent / size);
}

static void bulk(const char *name, size_t size)
{
	bulk_of(name, size, 'b');
}

static void lend_64k(void) { bulk_of("lend_64k", 64 << 10, 'l'); }
static void lend_1m(void)  { bulk_of("lend_1m", 1 << 20, 'l'); }
static void fill_64k(void) { bulk_of("fill_64k", 64 << 10, 'f'); }
static void fill_1m(void)  { bulk_of("fill_1m", 1 << 20, 'f'); }
static void bulk_4k(void)  { bulk("bulk_4k", 4 << 10); }
static void bulk_16k(void) { bulk("bulk_16k", 16 << 10); }
static void bulk_64k(void) { bulk("bulk_64k", 64 << 10); }
static void bulk_1m(void)  { bulk("bulk_1m", 1 << 20); }

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void rr_of(const char *name, char how)
{
	static double us[MAX_SAMPLES];
	int s = connected(how);
	double began = now(), t = began, last;
	size_t n = 0;

	while (t - began < seconds && n < MAX_SAMPLES) {
		char byte = 'x';

		last = t;
		write_all(s, &byte, 1);
		if (how != BY_READ)
			wait_for_input(s, how);
		read_all(s, &byte, 1);
		t = now();
		us[n++] = (t - last) * 1e6;
	}
	close(s);
	qsort(us, n, sizeof(*us), by_size);
	printf("%s_p50 us %.2f\n%s_p99 us %.2f\n", name, us[n / 2], name, us[n * 99 / 100]);
	tell(name, n);
}

static void rr(void)	    { rr_of("rr", BY_READ); }
static void rr_poll(void)   { rr_of("rr_poll", BY_POLL); }
static void rr_ppoll(void)  { rr_of("rr_ppoll", BY_PPOLL); }
static void rr_select(void) { rr_of("rr_select", BY_SELECT); }
static void rr_mixed(void)  { rr_of("rr_mixed", BY_MIXED); }

static void crr(void)
{
	double began = now();
	unsigned n = 0;
	char byte;

	for (; now() - began < seconds; n++) {
		int s = connected('c');

		read_all(s, &byte, 1);
		close(s);
	}
	printf("crr 1/s %.0f\n", n / (now() - began));
	tell("crr", n);
}

static uint64_t count_arrived(void)
{
	int s = connected('u');
	uint64_t n;

	read_all(s, &n, sizeof(n));
	close(s);
	return n;
}

static void udp_64(void)
{
	double began, took;
	uint64_t sent = 0;
	int s;

	count_arrived();		/* what an earlier run left */
	s = connected(0);
	began = now();
	while (now() - began < seconds) {
		if (send(s, buf, 64, 0) < 0)
			err(1, "send");
		sent++;
	}
	took = now() - began;
	usleep(SETTLE_US);
	close(s);
	printf("udp_64 1/s %.0f\n", (double)count_arrived() / took);
	fprintf(stderr, "udp_64: %.0f/s sent\n", (double)sent / took);
	tell("udp_64", sent);
}

/* What linux/tcp.h has behind the end of glibc's struct. */
struct info {
	struct tcp_info	i;
	uint64_t	rates[4];
	uint32_t	segs[3], min_rtt, data_segs[2];
	uint64_t	times[4];
	uint32_t	delivered[2];
	uint64_t	bytes[2];
	uint32_t	dsack_dups, reord_seen, windows[4];
	uint16_t	rtos, rto_runs;
	uint32_t	rto_ms;
};
static_assert(offsetof(struct info, min_rtt) == 148, "as in linux/tcp.h");
static_assert(offsetof(struct info, rtos) == 240, "as in linux/tcp.h");

static void show_info(int s)
{
	struct info i = { 0 };
	socklen_t len = sizeof(i);

	if (getsockopt(s, IPPROTO_TCP, TCP_INFO, &i, &len) < 0)
		return;
	fprintf(stderr, "rtt %u us, least %u, cwnd %u, ssthresh %u, retransmitted %u, "
		"for nothing %u, reordered %u, by %u, timeouts %u, %u ms\n", i.i.tcpi_rtt,
		i.min_rtt, i.i.tcpi_snd_cwnd, i.i.tcpi_snd_ssthresh, i.i.tcpi_total_retrans,
		i.dsack_dups, i.reord_seen, i.i.tcpi_reordering, i.rtos, i.rto_ms);
}

static void goodput(void)
{
	int s = connected('g');
	struct linger reset = { .l_onoff = 1 };
	struct pollfd p = { .fd = s, .events = POLLIN | POLLOUT };
	uint64_t got;

	write_all(s, &seconds, sizeof(seconds));
	while (poll(&p, 1, PATIENCE * 1000) > 0 && !(p.revents & (POLLIN | POLLERR))) {
		if (send(s, buf, 64 << 10, MSG_DONTWAIT) < 0 && errno != EAGAIN)
			break;
	}
	show_info(s);
	read_all(s, &got, sizeof(got));
	setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(s);
	printf("goodput Mb/s %.3f\n", (double)got * 8 / seconds / 1e6);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "bulk_4k",	bulk_4k },
	{ "bulk_16k",	bulk_16k },
	{ "bulk_64k",	bulk_64k },
	{ "bulk_1m",	bulk_1m },
	{ "lend_64k",	lend_64k },
	{ "lend_1m",	lend_1m },
	{ "fill_64k",	fill_64k },
	{ "fill_1m",	fill_1m },
	{ "rr",		rr },
	{ "rr_poll",	rr_poll },
	{ "rr_ppoll",	rr_ppoll },
	{ "rr_select",	rr_select },
	{ "rr_mixed",	rr_mixed },
	{ "crr",	crr },
	{ "udp_64",	udp_64 },
	{ "goodput",	goodput },
};

static void run_case(const char *name)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(cases[i].name, name) == 0) {
			cases[i].run();
			fflush(stdout);
			return;
		}
	}
	errx(2, "no case %s", name);
}

static _Noreturn void usage(void)
{
	errx(2, "usage: netbench serve [-C CC] [-n LOCATOR -a ADDR/PREFIX] PORT | "
		"client [same] ADDR PORT SECONDS CASE...");
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "";
	int first = begin(argc, argv);

	if (first < 0)
		usage();
	argv += first;
	argc -= first;
	if (strcmp(role, "serve") == 0 && argc == 1) {
		port = argv[0];
		serve();
	}
	if (strcmp(role, "client") != 0 || argc < 4)
		usage();
	host = argv[0];
	port = argv[1];
	seconds = atof(argv[2]);
	for (int i = 3; i < argc; i++)
		run_case(argv[i]);
	return 0;
}
