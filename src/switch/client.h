/* client.h - inside of the switch: a switch and its clients
 *
 * A client is a connection to ctl or to shm. It is half open until its request came;
 * then it has a data socket of its own, or a wire, and sits at a port. Several
 * clients may sit at one port if they belong to one user: each gets every frame.
 */
#ifndef SWITCH_CLIENT_H
#define SWITCH_CLIENT_H

#include "base/loop.h"
#include "plug/shm.h"
#include "plug/vdectl.h"
#include "switch/core.h"
#include "switch/dir.h"
#include "switch/policy.h"
#include "switch/switch.h"

#define BATCH		128		/* frames of one reading: 92 of 1514 fill a client's buffer */
#define TURN_OUTS	1024		/* ports they may go to before others are read */
#define HALF_OPEN_MAX	64
#define HALF_OPEN_TIME	(5 * USEC_PER_SEC)

/* A frame on its way to a client: in the memory of the batch being read, or ours. */
struct staged {
	const uint8_t	*p;
	uint32_t	len;
	struct pkt	*pkt;		/* NULL: p; else freed once it is sent */
	bool		one;		/* CORE_ONE */
};

struct client {
	struct list	link;		/* sw->half, or the port's clients */
	struct sw	*sw;
	struct watch	ctl;
	uid_t		uid;

	usec		deadline;	/* half open: when the patience ends */
	uint8_t		request[VDE_REQUEST_MAX];
	uint32_t	got;
	int		file;		/* came with a hello; -1 */

	bool		up;		/* what follows is valid */
	uint32_t	id;		/* what a console calls it */
	uint32_t	port;
	char		descr[VDE_DESCR_MAX + 1];
	struct list	dirty;		/* in sw->dirty: something staged or queued */

	struct held	*held;		/* a plug of the switch's own; else NULL */
	struct plug	*plug;		/* over a wire; NULL: the data socket below */
	struct list	more;		/* in sw->more */
	bool		meets;		/* takes introductions */
	struct intro_end *intro;	/* WIRE_INTROS of them; NULL: none was ever made */
	struct list	met;		/* in sw->met, if there are any */
	struct client	*waits;		/* hold.c: not read until this one has room; itself: rests */
	struct list	wait, waiting;	/* in its waiters, and in sw->waiting */
	struct list	waiters;
	usec		wait_since, wait_until;
	usec		held_for;	/* so long others have waited, since these marks */
	usec		owes;		/* share.c: until when what it flooded fills its share */
	uint64_t	frames_mark, bytes_mark;
	uint64_t	sent_frames, sent_bytes;	/* by the data socket */
	struct watch	data;
	struct sockaddr_un own, peer;
	usec		stream_until;	/* read in each turn until then */
	uint32_t	burst;		/* frames of its next reading: BATCH or fewer */
	uint32_t	n_staged;
	struct staged	*staged;	/* BATCH of them; NULL: nothing was ever staged */
	struct list	backlog;	/* copies of frames that did not fit */
	uint32_t	backlog_size;	/* bytes of memory */
};

struct port {
	struct list	clients;
	uid_t		uid;		/* of all of them */
	bool		exists;		/* somebody sat there, or it was made */
	bool		by_number;	/* not given to those who ask for any port */
	uid_t		user;		/* who may sit there; -1 with group -1: all */
	gid_t		group;
};

/* The consoles; mgmt.h tells of them. */
struct mgmt {
	struct watch	own, given;	/* listen: DIR/mgmt, and where conf says */
	int		spare;		/* a descriptor for when there is none */
	char		*path;		/* of given: absolute */
	struct list	sessions;
	uint32_t	n_sessions;
	bool		waiting;	/* a line of a session can be run */
	bool		loading;	/* a file of commands */
	usec		events_at;	/* to look for what has happened */
	usec		whole_at;	/* the begin of a line is a line then */
	usec		now;
	struct losses {
		uint64_t	count[N_CORE_DROPS];
		bool		growing[N_CORE_DROPS];
	} *losses;			/* what was told of, per port; [0]: tx_drops */
};

struct sw {
	struct loop	*loop;
	struct switch_conf conf;
	struct sw_dir	dir;
	struct core	core;
	struct policy	policy;
	struct port	*port;
	struct list	half;		/* oldest first */
	uint32_t	n_half;
	struct list	dirty;
	uint32_t	taken;		/* no port from 1 to this one is free */
	struct watch	ctl, shm;	/* listen */
	struct list	more;		/* wires with frames of which no bell tells; streams (data.c) */
	struct list	held;		/* plugs of the switch's own */
	usec		now;		/* of the frames being read */
	uint32_t	outs;		/* ports they went to, in this turn of their client */
	uint32_t	floods;		/* of these, by frames for several ports */
	uint32_t	sender;		/* share.c: whose turn was the last; his id */
	usec		sent, other_sent;	/* when; and when that of another was */
	usec		resume;		/* listening again after a lack of fds; NEVER */
	usec		next_age, age_every;
	struct batch	*batch;		/* data.c */
	usec		crowded_until;	/* somebody wants our processor: no streams */
	struct mgmt	mgmt;
	struct mac	mac;
	usec		born;
	uint32_t	last_id;	/* of a client */
	bool		stop;		/* a console said so */
	struct client	*from;		/* whose wire is being read; NULL: nobody's */
	struct pair	*pairs;		/* intro.c; NULL: nobody is introduced */
	struct list	met;		/* clients that were */
	uint32_t	intro_last, intro_changes;
	struct list	waiting;	/* clients with waits */
};

/* ctl.c: the listening side */
bool ctl_open(struct sw *sw, char **why);
void ctl_close(struct sw *sw);
void ctl_run(struct sw *sw, usec now);
usec ctl_deadline(const struct sw *sw);
struct client *client_own(struct sw *sw);	/* without a connection, not seated */
void client_free(struct client *c);

/* shm.c: clients with a wire */
void shm_hello_ready(struct watch *w, uint32_t events);	/* of a half open one */
void shm_out(struct client *c, const struct frame *f);
/* The frame as a packet of its own; bytes are copied into the arena. NULL: it is full. */
struct pkt *frame_pkt(struct arena *a, const struct frame *f);
bool shm_flush(struct client *c);	/* false: the client is gone */
void shm_leave(struct client *c);
void shm_read_on(struct client *c);

/* held.c: plugs of the switch's own */
bool held_open(struct sw *sw, const char *locator, char **why);
void held_out(struct client *c, const struct frame *f);
bool held_flush(struct client *c);	/* false: the client is gone */
bool held_is_full(const struct client *c);
const struct plug *held_plug(const struct client *c);
void held_pause(struct client *c);	/* it waits: it is not read until it goes on */
void held_go_on(struct client *c);
void held_leave(struct client *c);
void held_run(struct sw *sw, usec now);
usec held_deadline(const struct sw *sw);
/* hold.c: who sends to a full port waits */
void hold_init(struct client *c);
void hold_saw(struct client *to);	/* a frame to it alone, from sw->from: it is full */
void hold_room(struct client *c);	/* it may have room again */
void hold_rest(struct client *c, usec until);	/* waits for nobody, but waits */
void hold_release(struct client *c);	/* waits no more */
void hold_leave(struct client *c);
void hold_run(struct sw *sw, usec now);
usec hold_deadline(const struct sw *sw);

/* share.c: who floods has a share. A turn in which c's frames are read, and flushed */
void share_begin(struct client *c);
void share_end(struct sw *sw);

/* intro.c: wires of two clients' own */
void intro_init(struct sw *sw);
void intro_fini(struct sw *sw);
void intro_saw(struct client *to, const struct frame *f);	/* from sw->from */
void intro_leave(struct client *c);
void intro_check(struct sw *sw);	/* what may not be any more is revoked */
unsigned intro_count(const struct client *c);
uint64_t intro_frames(const struct client *c);	/* that it says it has sent by them */

/* vdejoin.c: the data socket of a client. NULL, or why he has none */
const char *vde_join(struct client *c, const struct vde_request *rq);
void vde_leave(struct client *c);

/* data.c: frames by data sockets */
void data_init(struct sw *sw);
void data_fini(struct sw *sw);
void data_ready(struct watch *w, uint32_t events);
bool data_in(struct client *c);		/* false: there was nothing */
void data_yield(struct sw *sw);
void data_watch(struct client *c);	/* for what it is to be watched now */
void data_out(struct client *c, const struct frame *f);
bool data_flush(struct client *c);	/* false: the client is gone */
void data_leave(struct client *c);

/* port.c: who sits where, and what goes out to them */
void port_init(struct sw *sw);
void port_fini(struct sw *sw);
/* Chooses the port asked for, or the first free one from 1 on; NULL, or why not. */
const char *port_choose(struct client *c, uint32_t port, bool port0);
bool port_admits(const struct client *c, const struct port *p);	/* acl.c */
void port_seat(struct client *c, const char *descr);
void port_leave(struct client *c);
void port_out(void *ctx, uint32_t port, const struct frame *f);	/* of the core */
void port_run(struct sw *sw);		/* reads on who is in sw->more */
/* Sends what port_out staged, before the memory of those BATCH frames or fewer goes. */
void port_flush(struct sw *sw);

#endif
