/* epoll_room.h - a kernel without memory for another descriptor in epoll's sets */
#ifndef EPOLL_ROOM_H
#define EPOLL_ROOM_H

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned epoll_room = UINT_MAX;	/* how many more it has memory for */

int epoll_ctl(int set, int op, int fd, struct epoll_event *ev)
{
	if (op == EPOLL_CTL_ADD && !epoll_room) {
		errno = ENOMEM;
		return -1;
	}
	epoll_room -= op == EPOLL_CTL_ADD;
	return (int)syscall(SYS_epoll_ctl, set, op, fd, ev);
}

#endif
