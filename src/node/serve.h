/* serve.h - a stack as a file: sockets for other processes
 *
 *   serve.c        the socket at PATH: clients, their users, who may do what
 *   serve_client.c a client's messages come, answers go back
 *   serve_call.c   what they ask for is calls (call.h)
 *   serve_pack.c, serve_msgs.c   a call as a message, for those who ask
 *   serve_link.c   a connection to a server, for those who ask
 *   served.c, served_ask.c   kind "served" of ioth.h
 *   msocket.c      msocket()
 *
 * A message is a system call: its number, its arguments, and the memory that
 * they point to, which begins at address SERVE_MEM. Beside it goes the
 * descriptor that the call is about (SCM_RIGHTS): to have it is the right to
 * ask, so children of a client and whom it passed a socket to may use it too.
 * The answer has the result, what of the memory was written, and the new
 * descriptor if there is one. A connection may have any number of calls under
 * way, told apart by id; SERVE_CANCEL ends one with EINTR unless it is done.
 *
 * Data does not come this way: the descriptor given out is one end of a pair.
 */
#ifndef NODE_SERVE_H
#define NODE_SERVE_H

#include <stdio.h>

#include "node/call.h"
#include "node/report.h"

#define SERVE_MAGIC	0x31746f69u	/* and the version */
#define SERVE_MEM	4096u
#define SERVE_ROOM	(160u * 1024)	/* of memory: the longest datagram fits */

/* What is asked besides calls. */
enum {
	SERVE_CANCEL	= -1,	/* id's call ends with EINTR, unless it is done */
	SERVE_TAKEN	= -2,	/* the connection that id's call was given is in use */
	SERVE_REFUSED	= -3,	/* it never got there: it waits to be accepted again */
	SERVE_END	= -4,	/* the descriptor that serve_end asked for, or none; id: cookie */
};
/* The id of what is no answer: struct serve_end is in the memory. */
#define SERVE_EVENT	UINT64_MAX

/* For the result: the call's descriptor comes now and its answer later, when the server has
 * closed its own. A real socket ends with the last that is open. */
#define SERVE_AHEAD	(-100010)

enum { SERVE_SUPERVISOR = 1 };	/* who asks is one: all of the above is spoken */

struct serve_ask {
	uint32_t	magic;
	int32_t		nr;		/* SYS_*, or of the above */
	uint64_t	id;
	uint64_t	args[6];
	int32_t		pid;		/* whose descriptor args[0] names: a hint */
	uint32_t	room;		/* of the memory, of which the first bytes follow */
	uint32_t	flags, unused;
};

struct serve_answer {
	uint64_t	id;
	int64_t		ret;		/* result, -errno, CALL_CONTINUE: do it yourself */
	uint32_t	from;		/* where in the memory belongs what follows */
	uint32_t	cloexec;	/* the descriptor that comes along is to be */
};

/* The program's end of a socket that was reset is wanted (pump.c), from a supervisor. */
struct serve_end {
	uint64_t	cookie;
	uint32_t	inode;
	int32_t		pid, fd;	/* where it was last seen */
};

/* --- the server --- */

struct serve_conf {
	struct node_conf node;		/* first: node_options work on it */
	const char	*path;
	mode_t		mode;		/* 0: as the umask says */
	gid_t		gid;		/* -1: the process's */
	unsigned	max_sockets;	/* of one user; 0: half of what there can be */
};

struct serve;
struct ioth;

/* Without a file and a thread, for tests: the node is the server's from then on. */
struct serve *serve_new(struct node *n, struct ioth *kernel);
void serve_free(struct serve *s);
/* The node is driven by a thread of its own. NULL with *why (malloc'd). */
struct serve *serve_start(const struct serve_conf *conf, char **why);
void serve_stop(struct serve *s);	/* removes the file, ends all sockets */

/* --- those who ask --- */

/* A call on its way to a server: what it points to, copied, and back again. */
struct serve_mem {
	int	(*read)(const struct serve_mem *m, uint64_t addr, void *buf, size_t n);
	int	(*write)(const struct serve_mem *m, uint64_t addr, const void *buf, size_t n);
	pid_t	pid;			/* whose */
};

struct serve_pack {			/* zero, but for mem and ahead */
	struct serve_ask ask;
	uint8_t		*mem;		/* SERVE_ROOM bytes, of who asks */
	uint32_t	len;		/* of it that go along */
	uint64_t	args[6];	/* as they were */
	size_t		room;		/* of the name or value that comes back */
	uint32_t	lo, hi;		/* what came back of mem */
	unsigned	n_msgs;
	int		ahead;		/* the descriptor that came before the answer; -1 */
	bool		ahead_cloexec;
};

/* 0; -errno: the call's result (EFAULT and the like); CALL_CONTINUE: it is not one
 * that a server does. */
int serve_pack(struct serve_pack *p, const struct serve_mem *m, int nr, const uint64_t args[6]);
void serve_pack_end(struct serve_pack *p);	/* frees what it has */
/* What of the memory was written goes where it belongs. 0 or -EFAULT. */
int serve_unpack(struct serve_pack *p, const struct serve_mem *m, int64_t ret);

/* A connection to path, or -errno. *server: who made the sockets that come from it. */
int serve_connect(const char *path, struct ucred *server);
/* Is fd a socket that this server gave out? */
bool serve_gave(const struct ucred *server, int fd);
/* Does the call only move bytes of a stream? Then the kernel does it on fd. What a
 * stream is given in one message is cut to what goes into one. */
bool serve_is_data(const struct serve_mem *m, int fd, int nr, uint64_t args[6]);
/* fd: to go along; -1: none. 0 or -errno. */
int serve_send(int conn, const struct serve_pack *p, int fd, int flags);
/* The next answer, and what was written of the memory of the call it is for: find
 * tells that by its id, NULL if there is none. *fd: what came along, -1: nothing.
 * 0 or -errno; -EPROTO: that is no server of ours. */
int serve_recv(int conn, struct serve_answer *an, int flags, int *fd,
	       struct serve_pack *(*find)(void *ctx, uint64_t id), void *ctx);

/* --- between serve.c, serve_client.c and serve_call.c --- */

struct serve_user {
	struct list	link;		/* serve->users */
	uid_t		uid;
	unsigned	clients, sockets, waiting;
	unsigned	unread;		/* descriptors sent that may not have been received */
	size_t		memory;		/* of calls under way */
};

struct asked;

struct serve_client {
	struct list	link;		/* serve->clients */
	struct list	todo;		/* serve->todo */
	struct watch	w;
	struct serve	*s;
	struct serve_user *user;
	struct ucred	cred;
	bool		gone;
	struct asked	*next;		/* received, to be tried */
	struct list	asked;		/* asked.of_client: under way */
	struct list	answers;	/* that it has no room for */
	struct list	given;		/* connections it has not told of yet */
	unsigned	n_given;
	uint64_t	serial;
	unsigned	unread;		/* of its user's */
	bool		supervisor;
};

struct serve {
	struct calls	calls;
	struct node	*node;
	struct ioth	*kernel;	/* sockets are of this stack; NULL: of the node */
	struct report	*report;
	struct report_node who;
	const char	*nets[NODE_IFS];
	pthread_t	driver;
	bool		stop;
	struct watch	w;		/* where clients come */
	int		spare;		/* a descriptor for when there is none left */
	int		any;		/* a socket of AF_UNIX, in the place of strangers' */
	char		*path;		/* absolute; NULL: not ours to remove */
	dev_t		dev;		/* of the file */
	ino_t		ino;
	struct list	clients, users, todo;
	unsigned	max_sockets, max_waiting, max_clients;	/* of a user */
	unsigned	max_unread;
	uint64_t	serials;
	uint8_t		*buf;		/* SERVE_ROOM bytes: what is being received */
};

void serve_calls_init(struct serve *s);
struct serve_client *serve_client_new(struct serve *s, int fd);	/* NULL: turned away */
void serve_client_free(struct serve_client *cl);
void serve_user_put(struct serve *s, struct serve_user *u);	/* freed if nothing is left of it */
void serve_todo(struct serve_client *cl);	/* the alarm sees to it */
void serve_client_do(struct serve_client *cl);	/* what it asked for */
void serve_client_ready(struct watch *w, uint32_t events);
void serve_forget_calls(struct serve_client *cl);
void serve_alarm(struct node *n);

#endif
