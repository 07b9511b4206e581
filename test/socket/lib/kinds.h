/* kinds.h - the stack that the calls of a case go to */
#ifndef SOCKET_KINDS_H
#define SOCKET_KINDS_H

#include "conform.h"

extern struct ioth *here;	/* sockets come from this one; NULL: none was made */

#endif
