/* vsock.h - a socket of the stack whose user holds a descriptor
 *
 * The program holds one end of a socket pair (a descriptor like any other: it
 * reads, writes, polls, dups, passes and inherits it with no help of ours); we
 * hold the other end and the stack's socket. Bytes are moved between the two by
 * vsock_pump, or go past the pair in calls of the library (vlocal.c); control (bind,
 * connect, accept, names, options) comes through the functions here, called by a front
 * end (call.h). All with the node's lock held.
 *
 * A stream is an AF_UNIX stream pair. A datagram socket is a datagram pair that can
 * be told errors, or a SEQPACKET pair (vpair.c).
 *
 * Making the pair look like TCP:
 *   connecting  the program's end is filled, so it polls nothing and blocks;
 *               draining it raises EPOLLOUT
 *   listening   filled as well; a byte (token) in the program's end for each
 *               connection that came, and none when none waits
 *   FIN         shutdown of our end's writing side, and theirs seen as EOF
 *   RST         our end is closed with a byte unread: ECONNRESET
 *   urgent      MSG_OOB, which AF_UNIX has as well, with its mark
 */
#ifndef NODE_VSOCK_H
#define NODE_VSOCK_H

#include "node/node.h"
#include "stack/lend.h"

struct vsock {
	struct map_node	node;		/* node->vsocks, by cookie */
	struct list	dirty;		/* node->dirty */
	struct list	tomb;		/* node->tombs; without a socket: node->spares */
	struct list	unwatched;	/* node->unwatched */
	struct list	calls;		/* front end: calls that wait here */
	struct list	callers;	/* vlocal.c: threads that do */
	struct list	loans;		/* vlend.c */
	struct watch	w;		/* our end of the pair */
	struct node	*n;
	struct sock	*so;		/* NULL: the program's end is gone */
	uint64_t	cookie;		/* SO_COOKIE of the program's end */
	uint32_t	inode;		/* of the program's end, as /proc/PID/fd shows it */
	int		family, type, proto;
	bool		readable, writable; /* our end, as far as known */
	bool		urgent;		/* an urgent byte of the program's may be there */
	bool		hup;		/* the program closed, or shut both ways */
	bool		shut_out;	/* it will write no more: the end is to be read */
	bool		eof_out, eof_in; /* the end of each direction was passed on */
	bool		no_in;		/* the program no longer reads */
	bool		connecting, connected, listening, failed;
	bool		told;		/* of the connection: by connect's result */
	bool		is_local;	/* vlocal.c: bytes go by calls, the pair is for poll() */
	bool		drains;		/* it is to be, once what is in the pair was read */
	unsigned	token;		/* what it shows: to read, in bytes; */
	bool		full;		/* no room to write */
	bool		plain;		/* urgent data: never local again */
	bool		bare;		/* vbare.c: it has no pair yet; */
	bool		nonblock;	/* then this is O_NONBLOCK, */
	usec		timeo[2];	/* and these SO_RCVTIMEO and SO_SNDTIMEO; 0: none */
	bool		passed;		/* bytes went through the pair to the program */
	struct list	watches;	/* vset.h: the sets it is a member of */
	unsigned	shown;		/* threads that wait for it in the kernel */
	bool		near, far;	/* its readiness is told there; never is */
	bool		sends;		/* by calls */
	unsigned	readers;	/* threads that wait in a call for something to read */
	bool		sock_gone;	/* of a tomb: names below are what it was */
	struct map_node	by_wd;		/* vpair.c */
	int		wd;		/* of a pair that shows errors; 0: it does not */
	int		error;		/* for SO_ERROR, before the socket's own */
	int		app;		/* the program's end while connecting (not if near), or while
					 * a ring's memory is in its place; else -1 */
	size_t		fill;		/* bytes in it that are not the program's */
	bool		news;		/* the stack has something new */
	unsigned	tokens;		/* listening: bytes in the program's end */
	struct sock	*returned;	/* a connection that could not be given */
	struct held	*held;		/* a datagram the program's end had no room for */
	struct held	*unsent;	/* a datagram of the program's there was no room for */
	struct list	held_up;	/* vhold.c: node->holders; its senders are held back */
	usec		held_at;
	bool		lags;		/* they were, for long enough */
	struct vstamps	*stamps;	/* vstamp.c; NULL: no times were asked for */
	struct vlowat	*lowat;		/* vlowat.c: SO_RCVLOWAT; NULL: a byte is enough */
	struct vring	*ring;		/* vring.c: frames in shared memory; NULL: none */
	bool		wants_v2;	/* PACKET_VERSION */
	bool		cloexec;	/* front end: as the program's end was given */
	bool		keeps;		/* front end: its descriptor has options to be inherited */
	uint32_t	ring_reserve;	/* PACKET_RESERVE */
	struct endpoint	local, remote;	/* of a tomb */
	struct endpoint	home;		/* datagrams without a note are of it; port 0: none was yet */
	struct endpoint	asked;		/* the name server the program meant (--dns) */
	pid_t		pid;		/* front end: who got it first, and as what */
	int		pid_fd;
	uint64_t	serial;		/* front end: who asked last */
	bool		unsure;		/* given, but not yet known to be there: not pumped */
	bool		resetting;	/* the program's end was asked for */
	void		*owner;		/* front end: who answers for it; NULL: nobody */
};

/* What the front end does for us. */
struct vsock_front {
	/* Something happened that calls waiting on vs may want to know. */
	void	(*changed)(struct vsock *vs);
	/* It was without a pair, and has one now, with a cookie. */
	void	(*dressed)(struct vsock *vs);
	/* A descriptor of the program's end, or -1; -EINPROGRESS: vsock_end will have it. */
	int	(*app_end)(struct vsock *vs);
	/* The user of vs, who may be a stranger (base/stranger.h); NULL: none is. */
	uid_t	(*whose)(const struct vsock *vs);
	bool	near;		/* app_end is asked when needed: none is kept, which would hide
				 * that the program closed its own */
};
void vsock_set_front(struct node *n, const struct vsock_front *front);

void vhold_late(struct node *n);	/* vhold.c: node->let_at has come */

/* vspare.c: of a node that is hot */
void vspare_init(struct node *n);
void vspare_tend(struct node *n);	/* somebody begins to wait */
void vspare_watch_all(struct node *n);
bool vspare_end(struct node *n);	/* cold: nothing is kept. True: something was */

/* vbare.c: streams that have no pair. The node's are from now on; 0 or -errno. */
int vbare_open(struct node *n);
void vbare_close(struct node *n);
struct vsock *vbare_of_fd(struct node *n, int fd);	/* NULL: it has one, or is none of ours */
void vbare_given(struct vsock *vs);			/* its number is vs->pid_fd */
int vbare_end(struct vsock *vs, int fd);		/* as close(2) */
bool vbare_is_open(const struct vsock *vs);		/* or did close(2) end it? */
/* SO_RCVTIMEO, SO_SNDTIMEO of one that has none: 0 or -errno */
int vbare_set_timeo(struct vsock *vs, int name, const void *value, socklen_t len);
int vbare_get_timeo(const struct vsock *vs, int name, void *value, socklen_t *len);
bool vbare_is_timeo(int level, int name);
void vbare_dress_all(struct node *n);
int vbare_dress(struct vsock *vs);	/* it has a pair from now on, or had: 0; or -errno */

/* Both ends; the program's is *app (the caller's to give away and close; -1: vbare.c). 0 or
 * -errno. */
int vsock_new(struct node *n, int domain, int type, int proto, struct vsock **out, int *app);
/* A joined pair, of streams or SEQPACKET. -EMFILE: the last descriptors are not for
 * sockets (node->fd_max). */
int vpair(const struct node *n, int type, int fd[2]);
struct vsock *vsock_by_cookie(struct node *n, uint64_t cookie);
struct vsock *vsock_of_fd(struct node *n, int app);	/* NULL: not one of ours */
void vsock_drop(struct vsock *vs);	/* the program never got it */
void vsock_free_all(struct node *n);

int vsock_bind(struct vsock *vs, const struct endpoint *ep);
int vsock_listen(struct vsock *vs, int backlog, int app);
/* 0, -EINPROGRESS (then vsock_connect_result), -errno. app stays the caller's; -1: nobody
 * polls it meanwhile. */
int vsock_connect(struct vsock *vs, const struct endpoint *ep, int app);
void vsock_unhide(struct vsock *vs);	/* who asked for it may have closed, or ended */
/* MSG_FASTOPEN to m's peer: how much went with the SYN; -EINPROGRESS: nothing did.
 * In both cases as vsock_connect from then on. */
ssize_t vsock_fastopen(struct vsock *vs, const struct iovec *iov, struct msg *m, int app);
int vsock_disconnect(struct vsock *vs, int app);
/* -EINPROGRESS while it lasts; then 0 or the error, once, and the socket is
 * usable again. For a caller that blocks; nobody asking, the program's end is
 * made to show the error. */
int vsock_connect_result(struct vsock *vs);
/* A waiting connection as a vsock of its own. -EAGAIN: none. The token in app
 * is taken with vsock_accepted; vsock_unaccept puts the connection back. */
int vsock_accept(struct vsock *vs, struct vsock **out, int *new_app);
void vsock_accepted(struct vsock *vs, int app);
/* What a listener's descriptor keeps for itself its connections begin with. */
void vsock_inherit(int from, int to);
void vsock_wake_now(struct vsock *vs);	/* its pump may have something to do */
void vsock_unaccept(struct vsock *vs, struct vsock *nv);

/* shutdown of a listener: calls that wait get EINVAL; it may listen again. */
int vsock_unlisten(struct vsock *vs, int app);

/* What the program sees as its own and the other's name. 0 or -ENOTCONN. */
int vsock_local(struct vsock *vs, struct endpoint *ep);
void vlowat_set(struct vsock *vs, int mark);	/* of a stream */
int vsock_peer(struct vsock *vs, struct endpoint *ep);
int vsock_take_error(struct vsock *vs, int app);

/* Datagrams with addresses. recv takes from the program's end what was put
 * there for it: m tells the source and the rest. */
ssize_t vsock_sendto(struct vsock *vs, const struct iovec *iov, int n, int flags, struct msg *m);
ssize_t vsock_recvfrom(struct vsock *vs, int app, const struct iovec *iov, int n, int flags,
		       struct msg *m);

/* The program's end that was asked for; -1: there is none. It stays the caller's. */
void vsock_end(struct vsock *vs, int app);
void vsock_pump(struct vsock *vs);	/* moves what can be moved */

void vdns_load(struct node *n);	/* vdns.c: the machine's name servers */

/* vlocal.c: calls of our own process, whose descriptor is fd. A count, or -errno
 * (-EAGAIN: not now). m as for sock_send and sock_recv; NULL with streams. */
ssize_t vlocal_recv(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
		    struct msg *m);
ssize_t vlocal_send(struct vsock *vs, int fd, const struct iovec *iov, int n, int flags,
		    struct msg *m);
void vlocal_shut(struct vsock *vs, int how);	/* the pair was */
void vlocal_by_pair(struct vsock *vs, int fd);	/* what there is is received by the pair */
int vlocal_close(struct vsock *vs, int fd);	/* as close(2); perhaps the last of it */
/* Until something changed: 0; -EAGAIN: until has come; -EINTR. to_read: poll() need not
 * be told. */
int vlocal_wait(struct vsock *vs, bool to_read, usec until);
void vlocal_share(struct node *n);	/* before fork */
void vlocal_changed(struct vsock *vs);	/* for the front end's changed: they are told */

void vpairs_fork(bool before, bool child);	/* vpair.c, around fork */

/* vlend.c: memory lent to our own process. Zeroed, and in initialised, before it is
 * used; its memory is the caller's to free. */
struct vloan {
	struct list	on;		/* vs->loans */
	struct vsock	*vs;		/* NULL: it does not count any more */
	struct lent	in;		/* what was received, or */
	struct draft	out;		/* what is to be sent */
};

/* As vlocal_recv and vlocal_send; -EOPNOTSUPP: to be done with a copy. m is not NULL.
 * What was lent is then to be told of with vlend_begin. */
ssize_t vlend_recv(struct vsock *vs, int fd, size_t most, struct vloan *l, struct msg *m);
int vlend_send(struct vsock *vs, int fd, size_t want, struct vloan *l);
void vlend_begin(struct vsock *vs, struct vloan *l);
void vlend_over(struct vloan *l);	/* it counts no more */
/* Does it? Without the lock: no is certain. */
static inline bool vlend_counts(const struct vloan *l)
{
	return __atomic_load_n(&l->vs, __ATOMIC_ACQUIRE) != NULL;
}
void vlend_end(struct vsock *vs);	/* nor does any of vs */

/* vname.c: names in the layouts of the socket's family; AF_PACKET has its own. */
int vname_dest(const struct vsock *vs, const struct sockaddr *sa, socklen_t len, struct msg *m);
socklen_t vname_source(const struct vsock *vs, const struct msg *m, struct sockaddr_storage *ss);
int vname_bind(const struct vsock *vs, const struct sockaddr *sa, socklen_t len,
	       struct endpoint *ep);
int vname_local(struct vsock *vs, struct sockaddr_storage *ss, socklen_t *len);
int vname_peer(struct vsock *vs, struct sockaddr_storage *ss, socklen_t *len);
uint32_t vname_flowinfo(const struct sockaddr *sa, socklen_t len);	/* IPv6's; else 0 */
usec vname_epoch(void);		/* Unix time when the stack's clock was 0 */

#endif
