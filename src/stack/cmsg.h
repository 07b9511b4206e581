/* cmsg.h - ancillary data in Linux's layout */
#ifndef STACK_CMSG_H
#define STACK_CMSG_H

#include "stack/sock.h"

struct msghdr;

/* Writes what m tells and the options of so ask for. mh: msg_control and
 * msg_controllen are the room (zeroed); msg_controllen becomes what was used and
 * msg_flags gets MSG_CTRUNC. epoch: Unix time (us) when the stack's clock was 0. */
void cmsg_put(const struct sock *so, const struct msg *m, usec epoch, struct msghdr *mh);
/* What a program asks for one datagram. 0, -EINVAL. */
int cmsg_take(const struct sock *so, struct msghdr *mh, struct msg *m);

#endif
