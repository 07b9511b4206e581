/* net.h - networks of stacks in virtual time (style trait 13)
 *
 * Hosts hang on one switch by a link each; a link is two lanes (up to the
 * switch, down from it), each with its own delay, rate, queue and faults. All
 * chance comes from one generator, so a seed repeats a run exactly.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "stack/sock.h"
#include "wire.h"

struct sim;
struct host;

struct event {
	struct timer	t;
	void		(*fire)(struct sim *sim, struct event *ev);
};

struct lane_conf {
	usec		delay, jitter;
	double		loss, dup, reorder, corrupt;	/* probabilities */
	uint64_t	rate;		/* bytes a second, 0: no limit */
	uint32_t	queue;		/* bytes that may wait for the rate */
	uint32_t	mark;		/* beyond so many, ECT frames get CE; 0: never */
	uint32_t	hold;		/* us: so long at most what is reordered; 0: as the delay, and 1 ms */
};

struct lane {
	struct lane_conf conf;
	struct host	*host;
	bool		up;
	usec		free_at;	/* the last frame has left the queue */
	usec		last;		/* arrival of the last frame in order */
	uint64_t	frames, lost, overflowed, marked;
	/* Chooses frames to be lost; NULL: chance only. */
	bool		(*lose)(struct lane *l, const uint8_t *frame, size_t len);
};

struct host {
	struct sim	*sim;
	unsigned	index;		/* from 0 */
	struct stack	*st;
	struct netif	*nif;
	struct arena	*arena;
	struct mac	mac;
	struct ip_addr	ip4, ip6;
	struct event	ev;		/* the stack's deadline */
	struct lane	up, down;
	bool		offload;	/* super-frames and partial sums both ways */
	bool		woken;
	/* Sockets of this host may have news; called after the engine returned. */
	void		(*app)(struct host *h);
	void		*user;
};

#define MAX_HOSTS 64

struct sim {
	usec		now;
	struct heap	events;
	struct rng	rng;
	struct host	*host[MAX_HOSTS];
	unsigned	n_hosts;
	uint64_t	in_flight;
	bool		trace;		/* print what leaves each host and what is lost */
};

void sim_init(struct sim *sim, uint64_t seed);
/* 10.0.0.N and fd00::N for the N-th host, counting from 1; both lanes alike. */
struct host *sim_host(struct sim *sim, uint32_t mtu, const struct lane_conf *conf);
/* A new stack in its place, which knows nothing of the old one's connections. */
void host_reboot(struct host *h);
void sim_host_wake(struct sock *so);	/* for so->wake: so->user must be the host */
void host_touch(struct host *h);	/* after calls into its stack from outside */
void event_at(struct sim *sim, struct event *ev, usec at);
/* Runs until at, or until nothing is left to happen, or stop says so. */
void sim_run(struct sim *sim, usec at, bool (*stop)(struct sim *sim));
/* What a host still holds: sockets, packets; NULL when all is given back. */
const char *host_leak(struct host *h);
void sim_fini(struct sim *sim);		/* frees the hosts */

/* A number in [lo, hi], and a yes with the probability. */
uint32_t sim_between(struct sim *sim, uint32_t lo, uint32_t hi);
bool sim_chance(struct sim *sim, double p);

#endif
