/* node_bytes.h - bytes over a connection of a stack */
#ifndef TEST_NODE_BYTES_H
#define TEST_NODE_BYTES_H

#include <string.h>
#include <sys/socket.h>

#include "ioth.h"
#include "unit.h"

static inline void put(int fd, const char *text)
{
	assert_int_equal(ioth_send(fd, text, strlen(text), 0), strlen(text));
}

static inline void get(int fd, const char *text)
{
	char b[64];

	assert_int_equal(ioth_recv(fd, b, strlen(text), MSG_WAITALL), strlen(text));
	assert_memory_equal(b, text, strlen(text));
}

#endif
