/* stranger.c - descriptors from strangers, by SCM_RIGHTS
 *
 * close() of the last reference to a TCP socket with SO_LINGER takes as long as whoever
 * made it has said; of a file of FUSE, as long as its server likes. Who gives us such a
 * descriptor and closes his own would stop us, so it is closed in a thread, which stays as
 * long as it takes. Memory (a file that has seals) is closed at once: that is what honest
 * peers send. Without a thread the descriptor is lost, which is better than to stand.
 *
 * Descriptors that nobody takes from a message are closed by the kernel in recv(), as
 * slowly. So all of them are taken where one is expected; elsewhere the socket refuses them
 * (SO_PASSRIGHTS).
 */
#include "base/stranger.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "base/mem.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif

#define STACK	(64u << 10)

static void *close_it(void *fd)
{
	close((int)(intptr_t)fd);
	return NULL;
}

/* Behind the array is -1. */
static void *close_them(void *fds)
{
	for (int *fd = fds; *fd >= 0; fd++)
		close(*fd);
	free(fds);
	return NULL;
}

static bool in_thread(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, was;
	pthread_t t;
	int e;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, MAX((size_t)PTHREAD_STACK_MIN, (size_t)STACK));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	e = pthread_create(&t, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	pthread_attr_destroy(&attr);
	return e == 0;
}

void stranger_close(int fd)
{
	if (fcntl(fd, F_GET_SEALS) >= 0)
		close(fd);
	else
		in_thread(close_it, (void *)(intptr_t)fd);
}

void stranger_close_all(const int *fds, size_t n)
{
	int *all;

	if (!n)
		return;
	all = xmalloc((n + 1) * sizeof(*all));
	memcpy(all, fds, n * sizeof(*all));
	all[n] = -1;
	if (!in_thread(close_them, all))
		free(all);
}

void stranger_no_files(int sock)
{
	setsockopt(sock, SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 }, sizeof(int));
}
