/* toy.c - a plugin of libioth's kind: a stack on which all that is sent comes back
 *
 * Built twice: as ioth_toy-r.so, which serves many stacks, and as ioth_solo.so with
 * -DSOLO, which knows one. Of the calls that move bytes it has recvmsg and sendmsg.
 * A socket is one end of a pair; what is sent goes in at the other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ioth_plugin.h"

#ifdef SOLO
#define NAME(function)	ioth_solo_##function
#else
#define NAME(function)	ioth_toy_##function
#endif

#define SOCKETS	64

struct toy {
	int	n_locators;
	char	options[32];
	int	other[SOCKETS];		/* by descriptor; 0: none */
};

void *NAME(newstack)(const char *vnlv[], const char *options, struct ioth_functions *f);
int NAME(delstack)(void *data);
int NAME(socket)(int domain, int type, int protocol);
int NAME(close)(int fd);
int NAME(getsockopt)(int fd, int level, int name, void *value, socklen_t *len);
ssize_t NAME(recvmsg)(int fd, struct msghdr *m, int flags);

#ifdef SOLO
const char *ioth_solo_license = "SPDX-License-Identifier: GPL-2.0-or-later";
#endif

static typeof(getstackdata_prototype) *getstackdata;

static ssize_t send_back(int fd, const struct msghdr *m, int flags)
{
	struct toy *t = getstackdata();

	return sendmsg(t->other[fd], m, flags | MSG_NOSIGNAL);
}

void *NAME(newstack)(const char *vnlv[], const char *options, struct ioth_functions *f)
{
	struct toy *t = calloc(1, sizeof(*t));

	if (options && strcmp(options, "fail") == 0) {
		free(t);
		errno = ENETDOWN;
		return NULL;
	}
	while (vnlv && vnlv[t->n_locators])
		t->n_locators++;
	strncpy(t->options, options ? options : "", sizeof(t->options) - 1);
	getstackdata = f->getstackdata;
	f->sendmsg = send_back;
	f->shutdown = shutdown;
	return t;
}

int NAME(delstack)(void *data)
{
	free(data);
	return 0;
}

int NAME(socket)(int domain, int type, int protocol)
{
	struct toy *t = getstackdata();
	int fd[2];

	if (domain != AF_INET) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	if (socketpair(AF_UNIX, type, 0, fd) < 0)
		return -1;
	if (fd[0] >= SOCKETS) {
		close(fd[0]);
		close(fd[1]);
		errno = EMFILE;
		return -1;
	}
	t->other[fd[0]] = fd[1];
	return fd[0];
}

int NAME(close)(int fd)
{
	struct toy *t = getstackdata();

	close(t->other[fd]);
	t->other[fd] = 0;
	return close(fd);
}

/* What the test asks: how many locators it was given (name 1), its options (2). */
int NAME(getsockopt)(int fd, int level, int name, void *value, socklen_t *len)
{
	struct toy *t = getstackdata();

	if (name == 1)
		memcpy(value, &t->n_locators, sizeof(int));
	else
		memcpy(value, t->options, *len);
	return 0;
}

ssize_t NAME(recvmsg)(int fd, struct msghdr *m, int flags)
{
	return recvmsg(fd, m, flags);
}
