/* limit.h - limits of the process (getrlimit(2)) */
#ifndef BASE_LIMIT_H
#define BASE_LIMIT_H

#include <stddef.h>

void limit_raise(int resource);		/* what it may have, to what it may be allowed */
/* A file in memory, of size and not yet sealed. -1 with errno; EFBIG: RLIMIT_FSIZE is less, by
 * which the kernel would end the process. */
int limit_memfile(const char *name, size_t size);

#endif
