/* node.h - a living stack: a lock, plugs, a driver
 *
 * A node has one lock. Whoever holds it may use the stack and everything hung
 * on it; node_unlock runs what the calls made due, so a thread that sends
 * carries its own packets to the plug. The driver waits for plugs, program descriptors
 * and the deadline; it is kicked only when somebody else moved the deadline nearer
 * than the one it sleeps towards. It is a thread of its own (node_drive: the runner's
 * supervisor), or whoever has to wait for something of the node (node_wait), and while
 * nobody does, the background thread of the process (driver.h).
 */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include <pthread.h>

#include "base/loop.h"
#include "base/map.h"
#include "base/opt.h"
#include "node/driver.h"
#include "node/rtnl.h"
#include "node/spin.h"
#include "plug/plug.h"
#include "stack/sock.h"

#define NODE_IFS	16
#define NODE_ADDRS	64
#define NODE_DNS	3

/* What NODE OPTIONS say (conf.c). Strings belong to argv. */
struct node_conf {
	const char	*name;
	int		n_if;
	struct if_conf {
		const char	*locator;
		char		name[16];	/* "": eth and its index */
		struct mac	mac;		/* zero: chosen */
		uint32_t	mtu;		/* 0: the plug's */
	} ifs[NODE_IFS];
	int		n_addr;
	struct addr_conf {
		struct ip_addr	addr;
		unsigned	len;
		int		ifno;		/* index into ifs */
	} addrs[NODE_ADDRS];
	int		n_gw;
	struct ip_addr	gw[NODE_ADDRS];
	int		n_dns;
	struct ip_addr	dns[NODE_DNS];
	bool		kernel;			/* Linux's stack, not ours */
	const char	*served;		/* the path of another process's; NULL: own */
	int		n_set;
	const char	*set[32];		/* NAME=VALUE */
	const char	*config;		/* words of config.h; NULL: none */
	bool		stood_in;		/* it has no thread of its own: driver.h */
	bool		bare;			/* vbare.c: its streams have no pairs */
	char		why[256];		/* what is wrong with one */
};

struct caller;
struct dgram_notes;
struct vpairs;
struct vsock_front;
extern const struct opt node_options[];	/* set functions take a struct node_conf * */

struct iface;
struct vsock;

struct node {
	pthread_mutex_t	lock;
	pthread_mutex_t	gate;			/* held by who is next to have the lock */
	unsigned	waiting;		/* threads, for the lock */
	unsigned	overtook;		/* times the driver did, them */
	struct stack	*st;
	struct loop	*loop;
	struct watch	kick;			/* eventfd; -1: its loop is woken otherwise */
	usec		asleep_until;		/* the driver's; 0: it is awake */
	bool		on_futexes;		/* he sleeps on futexes */
	struct caller	*driver;		/* of those who wait; NULL: none */
	bool		interrupted;		/* a signal came */
	bool		told_other;		/* the driver had news, but not for himself */
	bool		hot;			/* looking paid: plugs ring no bells between calls */
	usec		used_at;		/* hot: when a call was here last */
	usec		came_at;		/* looking: when there was something */
	unsigned	in_row;			/* and how often soon after what came before */
	struct spin	spin;
	bool		stood_in;		/* by the process's thread */
	struct stand_in	stand_in;		/* driver.c */
	int		n_if;
	struct iface	*ifs[NODE_IFS];
	struct list	dirty;			/* vsocks whose socket has news */
	struct map	vsocks;			/* by cookie of the program's end */
	int		fd_max;			/* none of theirs from here on; 0: no limit */
	const struct vsock_front *front;
	struct list	tombs;			/* vsocks whose program end is gone */
	unsigned	n_tombs;
	struct list	spares, unwatched;	/* vspare.c */
	unsigned	n_spares, spares_wanted;
	int		ends[8];		/* to be closed */
	unsigned	n_ends;
	int		bare;			/* vbare.c: whose copies sockets without a pair are; -1: */
	uint64_t	bare_cookie;		/* there are none. Its SO_COOKIE */
	struct ip_addr	dns[NODE_DNS];		/* --dns: asked instead of */
	int		n_dns;
	struct ip_addr	resolvers[8];		/* the machine's name servers */
	int		n_resolvers;
	struct rtnl	rtnl;			/* netlink sockets */
	struct vset	*polled;		/* vset.h: of those who poll; NULL: nobody did yet */
	struct vpairs	*pairs;			/* vpair.c: of datagrams; NULL: none yet */
	unsigned	n_dgrams;		/* vsocks that are no streams */
	struct list	holders;		/* vhold.c: vsocks whose senders are held back */
	usec		let_at;			/* until then at most */
	bool		hold;			/* by the packet that is being taken */
	struct dgram_notes *notes;		/* vdgram.c: their sources under way; NULL: none yet */
	/* Called with the lock held after each settling; may be NULL. */
	void		(*settled)(struct node *n);
	/* A deadline of the user's own, and what to do then; at NEVER: none. */
	usec		alarm_at;
	void		(*alarm)(struct node *n);
	void		*user;
	struct list	alarms;			/* struct node_alarm */
	struct node_config *config;		/* config_node.h; NULL: it was never used */
};

/* One of several deadlines. Belongs to its user, who sets at with the lock held. */
struct node_alarm {
	struct list	link;
	usec		at;			/* NEVER: silent */
	void		(*ring)(struct node *n, struct node_alarm *a);	/* at is NEVER then */
};

/* Opens the plugs, adds addresses and routes. NULL with *why (malloc'd). */
struct node *node_new(const struct node_conf *conf, char **why);
void node_free(struct node *n);

void node_lock(struct node *n);		/* and tells the stack the time */
void node_unlock(struct node *n);	/* settles first */

/* With the lock held: takes note of what programs did with their descriptors
 * until now, so that a close is seen before the call that follows it. */
void node_poll(struct node *n);

/* With the lock held: an interface more, which is down; or one less, with its plug. 0;
 * -EEXIST, -ENOSPC (NODE_IFS), -ENOENT (the user was told why); -EOPNOTSUPP: it is lo. */
int node_if_add(struct node *n, const struct if_conf *c, struct netif **nif);
int node_if_del(struct node *n, struct netif *nif);

/* With the lock held: what plugs hold for us may come, and is to be taken: by node_take_let, or
 * by who looks after the node. */
void node_let(struct node *n);
void node_take_let(struct node *n);

/* With the lock held, by a call: takes in what came while the node is hot. */
void node_look(struct node *n);

/* Waits once for something to do and does it; the driver thread's loop body. */
void node_drive(struct node *n);
void node_kick(struct node *n);		/* the driver looks again; any thread */
/* The same for the background thread: heard of n's descriptors, or at the time. False:
 * it was the time, but somebody is in the node. */
bool node_stand_in(struct node *n, bool heard);

void node_stay(struct node *n);	/* a call that will be back soon: hot, if that pays */
void node_calm(struct node *n);	/* it goes to sleep elsewhere */

/* A thread in a call that waits for something of the node. */
struct caller {
	struct list	on;		/* its owner's list: whom node_tell wakes */
	pthread_cond_t	cond;
	bool		news, waits;
};
void node_tell(struct node *n, struct caller *c);	/* with the lock held */
/* With the lock held; drives the node, or waits for one who does. 0: there is news;
 * -EAGAIN: it is until; -EINTR: a signal that ends calls came to who drove. */
int node_wait(struct node *n, struct caller *c, usec until);

/* What connections still have to do by themselves. */
struct node_work {
	unsigned	flushing;	/* with bytes or a FIN the peer has not got */
	unsigned	half_closed;	/* all is there; the peer has not closed yet */
};
struct node_work node_work(struct node *n);

#endif
