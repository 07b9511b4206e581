/* wire.c - a wire's two files: made, joined, given up
 *
 * The file is sealed before it is shown to anybody: against shrinking, and against
 * writers other than our mapping, since whoever is given a descriptor could map it for
 * writing. A file of the other side that is not sealed against shrinking, or too small, or
 * not of tmpfs, is refused: nothing it does later can then make our reading fail (SIGBUS).
 * What was never written costs no memory: a wire nobody uses holds two pages.
 *
 * A wire lives until its owner has closed it and the last chunk of either arena
 * has come back, since packets may outlive the plug they came by.
 */
#include "plug/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/mem.h"

#define ARENA_LIMIT	(256u << 20)	/* of frames that were copied out */

/* From here on only our mapping can be written by. */
static bool seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE |
		     F_SEAL_SEAL) == 0;
}

static void *map(size_t size, int prot, int flags, int fd)
{
	void *p = mmap(NULL, size, prot, flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* The tables are large and, as a rule, used at their beginning only: pages of
 * their own, of which untouched ones cost nothing. */
static struct wire *tables_new(void)
{
	return map(sizeof(struct wire), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

struct wire *wire_new(void)
{
	struct wire *w = tables_new();
	int fd;

	if (!w)
		return NULL;
	fd = limit_memfile("ioth-wire", sizeof(struct wire_file));
	w->fd = fd;
	if (fd >= 0)
		w->own = map(sizeof(*w->own), PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	if (!w->own || !seal(fd) || !wire_arena_init(w)) {
		int error = errno;

		if (w->own)
			munmap(w->own, sizeof(*w->own));
		if (fd >= 0)
			close(fd);
		munmap(w, sizeof(*w));
		errno = error;
		return NULL;
	}
	w->own->magic = WIRE_MAGIC;
	w->bell = -1;
	w->heap = arena_heap_new(ARENA_LIMIT);
	pthread_mutex_init(&w->lock, NULL);
	w->in_arena.release = wire_give_back;
	w->owned = true;
	atomic_store(&w->own->asleep, WIRE_WANTS_FRAMES | WIRE_SLEEP);
	w->sleeps = WIRE_SLEEP;
	return w;
}

static const char *unfit(int file)
{
	struct statfs fs;
	struct stat st;
	int seals = fcntl(file, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return "its file is not sealed against shrinking";
	if (fstat(file, &st) < 0 || st.st_size < (off_t)sizeof(struct wire_file))
		return "its file is too small";
	if (fstatfs(file, &fs) < 0 || fs.f_type != TMPFS_MAGIC)
		return "its file is not in memory";
	return NULL;
}

const char *wire_join(struct wire *w, int file, int bell)
{
	const char *why = unfit(file);

	if (why)
		return why;
	w->peer = map(sizeof(*w->peer), PROT_READ, MAP_SHARED, file);
	if (!w->peer)
		return "its file cannot be mapped";
	if (w->peer->magic != WIRE_MAGIC)
		return "its file has another layout";
	w->bell = bell;
	return NULL;
}

static void wire_free(struct wire *w)
{
	wire_arena_fini(w);
	free(w->in);
	munmap(w->own, sizeof(*w->own));
	if (w->peer)
		munmap((void *)(uintptr_t)w->peer, sizeof(*w->peer));
	pthread_mutex_destroy(&w->lock);
	munmap(w, sizeof(*w));
}

void wire_unref(struct wire *w, bool owner)
{
	bool last;

	if (owner)
		w->owned = false;
	else
		w->chunks--;
	last = !w->owned && !w->chunks;
	pthread_mutex_unlock(&w->lock);
	if (last)
		wire_free(w);
}

void wire_close(struct wire *w)
{
	for (uint32_t i = 0; i < w->n_numbers; i++) {
		pkt_free(w->out[i]);
		w->out[i] = NULL;
	}
	if (w->fd >= 0)
		close(w->fd);
	arena_heap_unref(w->heap);
	pthread_mutex_lock(&w->lock);
	w->bell = -1;
	wire_unref(w, true);
}
