/* stranger.h - descriptors from strangers, by SCM_RIGHTS */
#ifndef BASE_STRANGER_H
#define BASE_STRANGER_H

#include <stddef.h>

/* Closes it, however long that takes, without waiting. */
void stranger_close(int fd);
/* All those at once, in one thread. */
void stranger_close_all(const int *fds, size_t n);
/* Nobody can send descriptors to this socket, or to those accepted from it, any more; before
 * Linux 6.16 one can. */
void stranger_no_files(int sock);

#endif
