/* fds.c - which descriptor is whose
 *
 * Descriptors are small numbers, so a table is indexed by them; it grows in
 * chunks that stay where they are, and a call reads it without a lock. Programs
 * may end a descriptor with close(2), which nobody tells: an entry is that of a
 * descriptor with a cookie, and not of what has its number later.
 */
#include <errno.h>
#include <pthread.h>

#include "base/mem.h"
#include "node/kind.h"

struct fd_entry *fds_chunks[FDS_MOST / FDS_CHUNK];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int keep = errno;

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) < 0)
		cookie = 0;
	errno = keep;
	return cookie;
}

static void put(struct fd_entry *e, struct ioth *s, uint64_t id)
{
	if (e->stack)
		__atomic_sub_fetch(&e->stack->open, 1, __ATOMIC_RELAXED);
	if (s)
		__atomic_add_fetch(&s->open, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&e->id, id, __ATOMIC_RELAXED);
	__atomic_store_n(&e->sock, NULL, __ATOMIC_RELAXED);
	e->given = false;
	__atomic_store_n(&e->stack, s, __ATOMIC_SEQ_CST);
}

static struct fd_entry *entry(int fd)
{
	if (!fds_chunks[fd / FDS_CHUNK])
		__atomic_store_n(&fds_chunks[fd / FDS_CHUNK],
				 xzalloc(FDS_CHUNK * sizeof(struct fd_entry)), __ATOMIC_RELEASE);
	return fds_at(fd);
}

struct fd_entry *fds_make(int fd)
{
	struct fd_entry *e;

	pthread_mutex_lock(&lock);
	e = entry(fd);
	pthread_mutex_unlock(&lock);
	return e;
}

static bool is_given(int fd, const struct ioth *s)
{
	struct fd_entry *e = fds_at(fd);
	bool given;

	pthread_mutex_lock(&lock);
	given = e && e->given && e->stack == s;
	if (given)
		e->given = false;
	pthread_mutex_unlock(&lock);
	return given;
}

int fds_set(int fd, struct ioth *s)
{
	uint64_t id;

	if ((unsigned)fd >= FDS_MOST)
		return -EMFILE;
	if (is_given(fd, s))
		return 0;
	id = cookie_of(fd);
	pthread_mutex_lock(&lock);
	put(entry(fd), s, id);
	pthread_mutex_unlock(&lock);
	return 0;
}

void fds_give(int fd, struct ioth *s, uint64_t id, void *sock)
{
	struct fd_entry *e;

	if ((unsigned)fd >= FDS_MOST)
		return;
	pthread_mutex_lock(&lock);
	e = entry(fd);
	put(e, s, id);
	__atomic_store_n(&e->sock, sock, __ATOMIC_RELAXED);
	e->given = true;
	pthread_mutex_unlock(&lock);
}

void fds_rename(int fd, const struct ioth *s, uint64_t id)
{
	struct fd_entry *e = fds_at(fd);

	pthread_mutex_lock(&lock);
	if (e && e->stack == s)
		__atomic_store_n(&e->id, id, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
}

void fds_clear(int fd, const struct ioth *s, uint64_t id)
{
	struct fd_entry *e = fds_at(fd);

	if (!e)
		return;
	pthread_mutex_lock(&lock);
	if (e->stack == s && (!id || e->id == id))
		put(e, NULL, 0);
	pthread_mutex_unlock(&lock);
}

static bool gone(int fd, const struct fd_entry *e)
{
	return e->id && cookie_of(fd) != e->id;
}

/* Those of s, or those of them that are gone. */
static void clear_all(struct ioth *s, bool even_open)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < FDS_MOST / FDS_CHUNK && s->open; i++) {
		for (int k = 0; fds_chunks[i] && k < FDS_CHUNK; k++) {
			struct fd_entry *e = &fds_chunks[i][k];

			if (e->stack == s && (even_open || gone(i * FDS_CHUNK + k, e)))
				put(e, NULL, 0);
		}
	}
	pthread_mutex_unlock(&lock);
}

int fds_find(const struct ioth *s, uint64_t id)
{
	int fd = -1;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < FDS_MOST && fd < 0; i++) {
		if (!fds_chunks[i / FDS_CHUNK])
			i += FDS_CHUNK - 1;
		else if (fds_at(i)->stack == s && fds_at(i)->id == id && cookie_of(i) == id)
			fd = i;
	}
	pthread_mutex_unlock(&lock);
	return fd;
}

unsigned fds_open(struct ioth *s)
{
	clear_all(s, false);
	return s->open;
}

void fds_drop(struct ioth *s)
{
	clear_all(s, true);
}

void fds_lock(void)
{
	pthread_mutex_lock(&lock);
}

void fds_unlock(void)
{
	pthread_mutex_unlock(&lock);
}
