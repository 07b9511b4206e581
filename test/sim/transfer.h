/* transfer.h - two hosts, a bad link and connections between them */
#ifndef SIM_TRANSFER_H
#define SIM_TRANSFER_H

#include "mischief.h"
#include "net.h"
#include "stream.h"

#define MAX_FLOWS	4
#define BACKLOG		16

struct plan {
	uint64_t	seed;
	bool		v6;
	uint32_t	mtu;
	struct lane_conf lane;
	unsigned	flows;
};

struct run {
	struct sim	sim;
	struct plan	plan;
	struct host	*client, *server;
	struct sock	*listener;
	struct stream	*c[MAX_FLOWS], *s[MAX_FLOWS];
	unsigned	accepted;
	bool		deaf;		/* the server accepts nobody */
	struct mischief	*mischief;	/* NULL: only the link is bad */
};

static inline struct run *run_of(struct host *h)
{
	return container_of(h->sim, struct run, sim);
}

/* The server's listener, at first and after it was started anew. */
void transfer_serve(struct run *r);

#endif
