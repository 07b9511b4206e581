/* vsock_in.h - between vsock.c, pump.c and vdgram.c */
#ifndef NODE_VSOCK_IN_H
#define NODE_VSOCK_IN_H

#include "node/vsock.h"

void vsock_wake(struct sock *so);
void vsock_bury(struct vsock *vs);
void vsock_connect_pump(struct vsock *vs);
void vsock_listen_pump(struct vsock *vs);

/* A datagram that waits for room in the program's end. */
struct held {
	struct msg	m;
	size_t		len;
	uint8_t		data[];
};

void dgram_pump(struct vsock *vs);
ssize_t dgram_recv(struct vsock *vs, int app, const struct iovec *iov, int n, int flags,
		   struct msg *m);
void dgram_notes_free(struct node *n);

#endif
