/* vsock_in.h - between vsock.c, vpair.c, vconn.c, vdns.c, pump.c and vdgram.c */
#ifndef NODE_VSOCK_IN_H
#define NODE_VSOCK_IN_H

#include "node/vsock.h"

/* A vsock for so, with a fresh pair; pair: even if others do without. */
int vsock_make(struct node *n, struct sock *so, bool pair, struct vsock **out, int *app);
struct vsock *vsock_alloc(struct node *n, int fd, int app);
void vsock_entomb(struct vsock *vs);	/* its names stay for a while */
/* For vbare.c: its end of a fresh pair is vs->w.fd, the program's *app. 0 or -errno. */
int vsock_pair(struct vsock *vs, int *app);
void vsock_name(struct vsock *vs, int app);		/* as its descriptor says */
void vsock_rekey(struct vsock *vs, uint64_t cookie);	/* it is found by that now */
uint64_t vsock_cookie(int fd);
struct vsock *vbare_new(struct node *n);
/* One that has no socket yet; the program's end is vs->app. */
enum pair_kind { PAIR_STREAM, PAIR_PACKET, PAIR_DGRAM };
int vsock_blank(struct node *n, enum pair_kind kind, struct vsock **out);
void vsock_unblank(struct vsock *vs);
void vsock_free(struct vsock *vs);
void vsock_wake(struct sock *so);
void vsock_again(struct vsock *vs);	/* the pump comes back to it */
void vsock_bury(struct vsock *vs);
void vsock_changed(struct vsock *vs);
void vsock_full(struct vsock *vs);	/* EAGAIN: it will be told when there is room */
void vsock_fill(struct vsock *vs, int app);	/* vconn.c: not writable, until drained */
void vsock_drain(struct vsock *vs);
void vlocal_show(struct vsock *vs);	/* there is something to read */
void vlocal_token(struct vsock *vs);	/* the same, near or not */
bool vsock_waiting(const struct vsock *vs);	/* a connection, at a listener */
void vlocal_room(struct vsock *vs);
void vlocal_urgent(struct vsock *vs);
int vlocal_end(struct vsock *vs, int fd);	/* not local any more; fd: -1, not known. 0 or -errno */
void vlocal_begin(struct vsock *vs, int fd);	/* it becomes local as soon as may be */
void vlocal_show_rest(struct vsock *vs, int fd);	/* something was read */
int vlocal_may_send(struct vsock *vs, int fd);	/* 0 or -errno */
void vlocal_no_room(struct vsock *vs, int fd);	/* EAGAIN: poll() has to say so */
void vsock_connect_pump(struct vsock *vs);
void vsock_listen_pump(struct vsock *vs);

/* vstamp.c: so many bytes are passed on now, and are still in the socket; when those
 * came that the program has read, so many being left in its end (0: not known). */
void vstamp_passed(struct vsock *vs, size_t len);
usec vstamp_of(const struct vsock *vs, uint64_t left);
void vstamps_free(struct vsock *vs);

/* vlowat.c: what SO_RCVLOWAT says; is there too little to pass on? Only if vs->lowat. */
bool vlowat_holds(struct vsock *vs);
void vlowat_free(struct vsock *vs);

/* vhold.c: of datagrams. Something was queued: is it too much? Something was taken out;
 * true: what was held is let in. */
void vhold_begin(struct vsock *vs);
bool vhold_end(struct vsock *vs);
void vhold_free(struct vsock *vs);

/* vspare.c */
struct vsock *vspare_take(struct node *n);	/* NULL: there is none */
void vspare_close(struct node *n, int fd);	/* an end whose other one is closed */
int vspare_watch(struct node *n, struct vsock *vs);	/* 0 or -errno */

/* vpair.c: both ends of a datagram pair that can show errors. The number to watch
 * it by, for vpair_began, or -errno. */
int vpair_dgram(struct node *n, int fd[2]);
void vpair_began(struct vsock *vs, int wd);	/* 0: it is none of those */
void vpair_ended(struct vsock *vs);
void vpair_error(struct vsock *vs);		/* the program's end says ECONNRESET, once */
bool vpair_take_error(int app);			/* was it to say so? */
bool vpair_is_closed(const struct vsock *vs);	/* its last descriptor; of datagrams */
void vpair_look(struct vsock *vs);		/* is it? */
void vpairs_free(struct node *n);

/* A datagram that waits for room: in the program's end, or to be sent. */
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
