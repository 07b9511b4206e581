/* stranger.h - descriptors from strangers, by SCM_RIGHTS */
#ifndef BASE_STRANGER_H
#define BASE_STRANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Closes it, however long that takes, without waiting. who sent it. */
void stranger_close(int fd, uid_t who);
void stranger_close_all(const int *fds, size_t n, uid_t who);
/* Ends a connection to who, in whose queue there may be descriptors. */
void stranger_hang_up(int sock, uid_t who);
/* Closes what was lent by who, a socket in whose queue there may be descriptors: at once, but
 * for those that are slow. */
void stranger_give_back(int sock, uid_t who);
/* So many of his are still being closed that no more shall be taken from him. */
bool stranger_owes(uid_t who);
/* Who is at the other end; -1: it cannot be told. */
uid_t stranger_at(int sock);
/* Nobody can send descriptors to this socket, or to those accepted from it, any more; before
 * Linux 6.16 one can. True if so. */
bool stranger_no_files(int sock);
void stranger_files(int sock);		/* now they can */

#endif
