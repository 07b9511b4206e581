/* shmjoin.c - joins a switch that shares memory: the client's half */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/stranger.h"
#include "base/text.h"
#include "plug/shm.h"

#define ANSWER_SECONDS	5

/* -1 with errno */
static int connect_shm(const char *dir)
{
	struct timeval tv = { ANSWER_SECONDS, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int n = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/shm", dir);
	int fd;

	if (n >= (int)sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The whole answer, within the time limit. */
static int take_answer(int sock, struct shm_answer *a, int *file)
{
	size_t got = 0;

	while (got < sizeof(*a)) {
		ssize_t n = shm_get(sock, (char *)a + got, sizeof(*a) - got, file);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		if (n == 0)
			return -ECONNRESET;
		got += (size_t)n;
	}
	a->why[SHM_WHY_MAX] = 0;
	text_plain(a->why);
	return a->magic == SHM_MAGIC ? 0 : -EPROTO;
}

static char *asked(struct wire *w, int sock, const struct shm_hello *hello, struct shm_answer *a)
{
	int file = -1, rc = shm_put(sock, hello, sizeof(*hello), w->fd);
	const char *unfit = NULL;

	if (!rc)
		rc = take_answer(sock, a, &file);
	if (!rc && !a->error)
		unfit = a->mtu < SHM_MTU_MIN ? "its MTU is below 576" :
			file < 0 ? "it gave no memory" : wire_join(w, file, sock);
	if (file >= 0)
		stranger_close(file, stranger_at(sock));
	if (rc == -EAGAIN)
		return xasprintf("does not answer (waited %d s)", ANSWER_SECONDS);
	if (rc)
		return xstrdup(rc == -EPROTO ? "does not speak as expected" : strerror(-rc));
	if (a->error)
		return xasprintf("refused: %s", a->why[0] ? a->why : strerror((int)a->error));
	return unfit ? xstrdup(unfit) : NULL;
}

static struct plug *joined(struct wire *w, uint32_t mtu, bool meets,
			   bool (*bell)(struct plug *p, int fd, bool on))
{
	struct plug *p = shm_new(w, mtu, true);

	fcntl(w->bell, F_SETFL, O_NONBLOCK);
	if (meets)
		shm_meet(p, bell);	/* else what comes in vain is not read */
	return p;
}

struct plug *shm_join(const char *dir, const struct shm_hello *hello,
		      bool (*bell)(struct plug *p, int fd, bool on), char **why)
{
	struct shm_answer a = { 0 };
	int sock = connect_shm(dir);
	struct wire *w;
	char *bad;

	if (sock < 0)
		return NULL;
	w = wire_new();
	if (!w) {
		close(sock);
		return NULL;		/* no memory to share: classic VDE needs less */
	}
	bad = asked(w, sock, hello, &a);
	if (!bad) {
		close(w->fd);
		w->fd = -1;
		return joined(w, MIN(hello->mtu, a.mtu), hello->flags & SHM_MEETS, bell);
	}
	*why = xasprintf("the switch %s %s", dir, bad);
	free(bad);
	wire_close(w);
	close(sock);
	return NULL;
}
