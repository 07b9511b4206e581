/* dns_zone.h - a name server of one file, over the sockets of a stack (RFC 1035)
 *
 * One thread answers UDP and TCP at port 53 from zone[]. What does not fit the
 * asker's datagram (512, or what EDNS says) is cut there and whole over TCP.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "ioth.h"

enum { T_A = 1, T_CNAME = 5, T_PTR = 12, T_TXT = 16, T_AAAA = 28 };

struct record {
	const char	*name;
	int		type;
	const char	*data;
	int		times;		/* so often, A with rising last bytes */
};

struct dns_server {
	const struct record *zone;
	int		udp, tcp, stop[2];
	unsigned	asked[2];	/* over UDP, TCP */
	pthread_t	thread;
};

static size_t put_name(uint8_t *p, const char *name)
{
	uint8_t *at = p;

	while (*name) {
		size_t n = strcspn(name, ".");

		*at++ = (uint8_t)n;
		memcpy(at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	*at++ = 0;
	return (size_t)(at - p);
}

static size_t get_name(const uint8_t *p, char *name)
{
	const uint8_t *at = p;

	*name = 0;
	while (*at) {
		strncat(name, (const char *)at + 1, *at);
		at += 1 + *at;
		if (*at)
			strcat(name, ".");
	}
	return (size_t)(at + 1 - p);
}

static uint8_t *put16(uint8_t *p, unsigned v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_record(uint8_t *p, const struct record *r, int i)
{
	uint8_t data[256], *len;
	size_t n = 0;

	p += put_name(p, r->name);
	p = put16(put16(put16(put16(p, (unsigned)r->type), 1), 0), 60);
	len = p;
	if (r->type == T_A || r->type == T_AAAA) {
		inet_pton(r->type == T_A ? AF_INET : AF_INET6, r->data, data);
		n = r->type == T_A ? 4 : 16;
		data[n - 1] = (uint8_t)(data[n - 1] + i);
	} else if (r->type == T_TXT) {
		data[0] = (uint8_t)strlen(r->data);
		memcpy(data + 1, r->data, data[0]);
		n = 1u + data[0];
	} else {
		n = put_name(data, r->data);
	}
	memcpy(put16(len, (unsigned)n), data, n);
	return len + 2 + n;
}

/* The answers to a question, and to what its CNAME leads to. */
static uint8_t *put_answers(const struct dns_server *d, uint8_t *p, const char *name, int type,
			    int *count, bool *known)
{
	for (const struct record *r = d->zone; r->name; r++) {
		if (strcasecmp(r->name, name) != 0)
			continue;
		*known = true;
		if (r->type != type && r->type != T_CNAME)
			continue;
		for (int i = 0; i < r->times; i++, ++*count)
			p = put_record(p, r, i);
		if (r->type == T_CNAME && type != T_CNAME)
			p = put_answers(d, p, r->data, type, count, known);
	}
	return p;
}

static size_t dns_answer(const struct dns_server *d, const uint8_t *q, size_t qlen, uint8_t *out,
			 size_t limit)
{
	char name[256];
	size_t end = 12 + get_name(q + 12, name);
	int type = q[end] << 8 | q[end + 1], count = 0, rcode;
	bool known = false;
	uint8_t *p;

	end += 4;
	if (limit && q[11] && qlen >= end + 11)		/* OPT, RFC 6891 6.1.2 */
		limit = (size_t)(q[end + 3] << 8 | q[end + 4]);
	memcpy(out, q, end);
	p = put_answers(d, out + end, name, type, &count, &known);
	rcode = !strcmp(name, "broken.test") ? 2 : known ? 0 : 3;
	if (limit && (size_t)(p - out) > limit) {
		p = out + end;
		count = 0;
		rcode |= 0x200;			/* TC */
	}
	put16(put16(put16(put16(put16(out + 2, 0x8580u | (unsigned)rcode), 1), (unsigned)count), 0), 0);
	return (size_t)(p - out);
}

static void serve_udp(struct dns_server *d)
{
	uint8_t q[1500], a[65536];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n = ioth_recvfrom(d->udp, q, sizeof(q), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

	if (n < 17)
		return;
	d->asked[0]++;
	ioth_sendto(d->udp, a, dns_answer(d, q, (size_t)n, a, 512), 0, (struct sockaddr *)&from, len);
}

static void serve_tcp(struct dns_server *d)
{
	uint8_t q[1500], a[65536];
	int fd = ioth_accept(d->tcp, NULL, NULL);
	ssize_t n;
	size_t k;

	if (fd < 0)
		return;
	n = ioth_recv(fd, q, 2, MSG_WAITALL);
	if (n == 2)
		n = ioth_recv(fd, q, (size_t)(q[0] << 8 | q[1]), MSG_WAITALL);
	if (n >= 17) {
		d->asked[1]++;
		k = dns_answer(d, q, (size_t)n, a + 2, 0);
		put16(a, (unsigned)k);
		ioth_send(fd, a, k + 2, MSG_NOSIGNAL);
	}
	ioth_close(fd);
}

static void *dns_run(void *arg)
{
	struct dns_server *d = arg;
	struct pollfd fds[3] = { { .fd = d->udp, .events = POLLIN },
		{ .fd = d->tcp, .events = POLLIN }, { .fd = d->stop[0], .events = POLLIN } };

	for (;;) {
		poll(fds, 3, -1);
		if (fds[2].revents)
			return NULL;
		if (fds[0].revents)
			serve_udp(d);
		if (fds[1].revents)
			serve_tcp(d);
	}
}

static void dns_start(struct dns_server *d, struct ioth *s, const struct record *zone)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(53) };

	memset(d, 0, sizeof(*d));
	d->zone = zone;
	d->udp = ioth_msocket(s, AF_INET6, SOCK_DGRAM, 0);
	d->tcp = ioth_msocket(s, AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(ioth_bind(d->udp, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(ioth_bind(d->tcp, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(ioth_listen(d->tcp, 8), 0);
	assert_int_equal(pipe(d->stop), 0);
	pthread_create(&d->thread, NULL, dns_run, d);
}

static void dns_stop(struct dns_server *d)
{
	assert_int_equal(write(d->stop[1], "", 1), 1);
	pthread_join(d->thread, NULL);
	close(d->stop[0]);
	close(d->stop[1]);
	ioth_close(d->udp);
	ioth_close(d->tcp);
}
