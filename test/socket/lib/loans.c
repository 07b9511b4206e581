/* loans.c - send and recv by memory that the library lends
 *
 * As a program would write them, so that what differs from the calls with a copy shows as a
 * case that fails. Flags that loans do not know go the usual way, as do several buffers
 * and descriptors that are not the library's.
 */
#define CALLS_PLAIN
#include "lib/calls.h"

#include <errno.h>
#include <string.h>

#include "conform.h"
#include "ioth.h"

static bool usual(const void *b, int flags, int allowed)
{
	return flags & ~allowed || !b || b == nowhere;
}

static ssize_t recvfrom_lent(int fd, void *b, size_t n, int flags, struct sockaddr *a, socklen_t *alen)
{
	struct ioth_loan *l = NULL;
	char *to = b;
	size_t len;

	if (n && !usual(b, flags, MSG_DONTWAIT)) {
		l = ioth_recv_lend(fd, n, flags, a, alen);
		if (!l && errno != EBADF)
			return -1;
	}
	if (!l)
		return library_calls.recvfrom(fd, b, n, flags, a, alen);
	len = l->len;
	for (int i = 0; i < l->n; to += l->iov[i++].iov_len)
		memcpy(to, l->iov[i].iov_base, l->iov[i].iov_len);
	ioth_give_back(l);
	return (ssize_t)len;
}

static ssize_t recv_lent(int fd, void *b, size_t n, int flags)
{
	return recvfrom_lent(fd, b, n, flags, NULL, NULL);
}

/* read and write are of files as well. */
static bool is_socket(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	return ioth_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

static ssize_t read_lent(int fd, void *b, size_t n)
{
	return n && is_socket(fd) ? recv_lent(fd, b, n, 0) : library_calls.read(fd, b, n);
}

/* A piece of what is to be sent: how much was. */
static ssize_t piece(int fd, const char *b, size_t n, int flags, const struct sockaddr *a,
		     socklen_t alen)
{
	struct ioth_loan *l = ioth_send_lend(fd, n, flags & (MSG_DONTWAIT | MSG_NOSIGNAL));
	size_t len;
	ssize_t ret;

	if (!l)
		return -1;
	len = l->len;
	for (int i = 0; i < l->n; b += l->iov[i++].iov_len)
		memcpy(l->iov[i].iov_base, b, l->iov[i].iov_len);
	if (len < n)
		flags |= MSG_MORE;
	ret = ioth_send_lent(fd, l, len, flags, a, alen);
	if (ret < 0 || (size_t)ret < len)
		ioth_give_back(l);
	return ret;
}

static ssize_t sendto_lent(int fd, const void *b, size_t n, int flags, const struct sockaddr *a,
			   socklen_t alen)
{
	size_t done = 0;
	ssize_t ret;

	if (usual(b, flags, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR))
		return library_calls.sendto(fd, b, n, flags, a, alen);
	do {
		ret = piece(fd, (const char *)b + done, n - done, flags, a, alen);
		if (ret < 0 && errno == EBADF && !done)
			return library_calls.sendto(fd, b, n, flags, a, alen);
		if (ret < 0)
			return done ? (ssize_t)done : -1;
		done += (size_t)ret;
	} while (done < n && ret > 0);
	return (ssize_t)done;
}

static ssize_t send_lent(int fd, const void *b, size_t n, int flags)
{
	return sendto_lent(fd, b, n, flags, NULL, 0);
}

static ssize_t write_lent(int fd, const void *b, size_t n)
{
	return is_socket(fd) ? send_lent(fd, b, n, 0) : library_calls.write(fd, b, n);
}

const struct calls *loans(void)
{
	static struct calls table;

	table = library_calls;
	table.read = read_lent;
	table.recv = recv_lent;
	table.recvfrom = recvfrom_lent;
	table.write = write_lent;
	table.send = send_lent;
	table.sendto = sendto_lent;
	return &table;
}
