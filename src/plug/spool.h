/* spool.h - bytes for a file or a pipe, written by a thread so that nobody waits */
#ifndef PLUG_SPOOL_H
#define PLUG_SPOOL_H

#include <sys/uio.h>

#include "base/base.h"

struct spool;

/* Takes fd. Up to size bytes (a power of two) wait; what is the name of it in the
 * one line that tells of an error ("capture /tmp/x"). */
struct spool *spool_new(int fd, size_t size, const char *what);
/* All of it or nothing; false: no room now, or writing has failed for good. */
bool spool_put(struct spool *s, const struct iovec *iov, int n);
bool spool_failed(struct spool *s);
/* Writes what waits, for two seconds at most, and closes. NULL is fine. */
void spool_end(struct spool *s);

#endif
