/* dgram.h - what UDP, ICMP and raw sockets have in common (dgram.c, dg_send.c, errq.c) */
#ifndef STACK_DGRAM_H
#define STACK_DGRAM_H

#include "stack/sock.h"

struct bpf;
struct bpf_pkt;

struct dgram {
	struct sock	so;		/* first */
	struct list	queue;		/* packets, cur at the data */
	struct list	errs;		/* errq.c: errors not read yet */
	uint32_t	queued;		/* memory of both, and of what is lent */
	uint32_t	lent, drafts;	/* memory in the user's hands (lend.h) */
	uint32_t	lost;		/* datagrams there was no room for */
	bool		shut_rd, shut_wr;
	struct bpf	*filter;	/* SO_ATTACH_FILTER; NULL: none */
	bool		filter_locked;
	bool		whole;		/* UDP_GRO: takes several datagrams as one */
	struct ip_addr	sticky_src;	/* IPV6_PKTINFO as an option (RFC 3542 6.2) */
	uint32_t	sticky_if;
	struct endpoint	path_to;	/* IPV6_RECVPATHMTU: to whom what was too large was */
	uint32_t	path_mtu;	/* and what the path takes; 0: nothing to tell */
};

static inline struct dgram *dg_of(const struct sock *so)
{
	return container_of(so, struct dgram, so);
}

void dg_init(struct dgram *d);
void dg_free(struct dgram *d);		/* what it holds, and itself */

/* pkt is one datagram from ip->src, with cur at what the user gets; or, if its gso_size says
 * so, several: only if dg_takes_row, or for one who takes them whole. Takes pkt. */
bool dg_takes_row(const struct dgram *d, const struct pkt *pkt);
enum drop dg_put(struct dgram *d, struct pkt *pkt, const struct ip *ip, uint16_t port);

/* What recv tells of pkt, of which so many octets were copied. */
void dg_tell(const struct sock *so, struct msg *m, struct pkt *pkt, size_t copied);
void dg_row_next(struct dgram *d, struct pkt *row);	/* lets go of its first, not the last */
uint32_t dg_len(const struct pkt *pkt);	/* of the first of a queued packet */
void dg_let_go(struct dgram *d, uint32_t size);	/* memory that was queued */

/* As dg_put, of one that is noted already. */
enum drop dg_queue(struct dgram *d, struct pkt *pkt);

/* Runs a filter on what is there from cur on; the caller says the rest of p. */
uint32_t dg_filter(const struct bpf *b, struct bpf_pkt *p, const struct pkt *pkt);

/* Fills in where a datagram goes: m's peer or the connected one, the socket's
 * options, what m asks for. 0 or -errno. */
int dg_flow(struct sock *so, const struct msg *m, struct flow *f);
/* The same of a socket that speaks only the protocol of its family, for len octets. */
int dg_flow_own(struct sock *so, int flags, size_t len, const struct msg *m, struct flow *f);
/* total: with the IP header. Sets the flow's MTU and df, or refuses. */
int dg_mtu_check(struct sock *so, struct flow *f, size_t total, const struct msg *m);
/* -EMSGSIZE, and in the error queue the MTU. */
int dg_too_large(struct sock *so, const struct flow *f, const struct msg *m);
/* -EAGAIN: no room for that many frames, the socket waits for it. */
int dg_room(struct sock *so, const struct flow *f, uint32_t frames);
/* What goes beside the IP header of this datagram; NULL: nothing. */
const struct ip_extra *dg_extra(const struct sock *so, const struct msg *m);
/* The user's bytes as a packet for the flow. 0, -EAGAIN (dg_room), -ENOBUFS. */
int dg_gather(struct sock *so, const struct flow *f, const struct iovec *iov, int n,
	      struct pkt **out);
/* The same of one frame without options or extension headers: few bytes need no chunk. */
int dg_gather_short(struct sock *so, const struct flow *f, const struct iovec *iov, int n,
		    struct pkt **out);
/* The same of what lies in a draft: by reference. */
struct pkt *dg_refer(const struct draft *d, uint32_t len);
size_t iov_total(const struct iovec *iov, int n);

/* A port (ICMP: an identifier) if it has none. */
int dg_autobind(struct sock *so);
/* The flow to a peer from now on. 0 or -errno. */
int dg_route(struct sock *so, const struct endpoint *to);

/* sock_ops that all share. */
int dg_bind(struct sock *so, const struct endpoint *ep);
int dg_connect(struct sock *so, const struct endpoint *ep);
uint32_t dg_first_len(const struct sock *so);	/* that can be read; 0: none */
ssize_t dg_recv(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m);
ssize_t dg_lend(struct sock *so, uint32_t most, struct lent *l, struct msg *m);
void dg_lend_end(struct sock *so, const struct lent *l);
int dg_draft(struct sock *so, uint32_t want, struct draft *d);
void dg_draft_end(struct sock *so, const struct draft *d);
int dg_shutdown(struct sock *so, int how);
uint32_t dg_events(struct sock *so);
void dg_destroy(struct sock *so);
int dg_setopt(struct sock *so, int level, int name, const void *v, socklen_t len);

#endif
