/* sock_table.h - what sock.c and sock_table.c share */
#ifndef STACK_SOCK_TABLE_H
#define STACK_SOCK_TABLE_H

#include "stack/sock.h"

struct sock_table {
	struct map	ports;		/* struct sock_port */
	struct map	conns;		/* struct sock */
	struct list	all;
	uint32_t	count;
};

#endif
