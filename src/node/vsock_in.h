/* vsock_in.h - between vsock.c, vconn.c, vdns.c, pump.c and vdgram.c */
#ifndef NODE_VSOCK_IN_H
#define NODE_VSOCK_IN_H

#include "node/vsock.h"

/* A vsock for so, with a fresh pair. */
int vsock_make(struct node *n, struct sock *so, struct vsock **out, int *app);
void vsock_free(struct vsock *vs);
void vsock_wake(struct sock *so);
void vsock_again(struct vsock *vs);	/* the pump comes back to it */
void vsock_bury(struct vsock *vs);
void vsock_changed(struct vsock *vs);
void vsock_full(struct vsock *vs);	/* EAGAIN: it will be told when there is room */
void vsock_connect_pump(struct vsock *vs);
void vsock_listen_pump(struct vsock *vs);

/* A datagram that waits for room in the program's end. */
struct held {
	struct msg	m;
	size_t		len;
	uint8_t		data[];
};

/* Where what is meant for ep goes. */
struct endpoint vsock_redirect(struct vsock *vs, const struct endpoint *ep);
/* The other way: an answer seems to come from the server that was asked. */
void vsock_undirect(const struct vsock *vs, struct endpoint *ep);
void vsock_fit_family(struct vsock *vs, const struct endpoint *to);

void dgram_pump(struct vsock *vs);
ssize_t dgram_recv(struct vsock *vs, int app, const struct iovec *iov, int n, int flags,
		   struct msg *m);
void dgram_notes_free(struct node *n);

#endif
