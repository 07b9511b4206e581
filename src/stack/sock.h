/* sock.h - sockets of the stack: plain objects, nothing blocks
 *
 * Calls return 0 or a count, or -errno (-EAGAIN: not now). POSIX says what
 * they mean; an address in an endpoint is IPv4 (mapped form) or IPv6 whatever
 * the socket's family, and the caller converts to the family's sockaddr.
 * wake is called whenever sock_events may have changed or sock_error was set;
 * it must only take note (it runs inside the engine).
 *
 * Created by sock_new or sock_accept; sock_close ends the caller's use: TCP goes
 * on by itself until the peer has everything, then the memory is released.
 */
#ifndef STACK_SOCK_H
#define STACK_SOCK_H

#include <sys/types.h>

#include "stack/ip.h"

struct draft;
struct ip_extra;
struct lent;
struct sock;

#define IP4_OPTS_MAX	40
#define MSG_OPTS_MAX	200	/* more does not fit into a packet's head */

/* Readiness, as poll(2) would say of the socket. */
enum { EV_IN = 1, EV_OUT = 2, EV_HUP = 4, EV_ERR = 8, EV_RDHUP = 16, EV_PRI = 32 };

/* Why something sent did not arrive: Linux's struct sock_extended_err. */
struct sock_error {
	int		error;		/* errno, positive */
	uint8_t		origin;		/* SO_EE_ORIGIN_* */
	uint8_t		type, code;	/* of the ICMP message */
	uint32_t	info;		/* EMSGSIZE: the MTU; a time stamp: which */
	uint32_t	data;		/* a time stamp: of which datagram; ee_rfc4884 */
	struct ip_addr	from;		/* who complains; IP_NONE: ourselves */
};

/* Of a packet socket's frame: struct sockaddr_ll and struct tpacket_auxdata. */
struct frame_note {
	uint16_t	proto, hatype;
	uint8_t		pkttype, halen, addr[8];
	uint32_t	ifindex;
	uint32_t	len;		/* in: before the filter cut it */
	uint16_t	net;		/* in: where its network header is */
	bool		sum_wanted;	/* in: the checksum is not computed */
};

/* What comes with a datagram, and what may be asked for one that goes out. */
struct msg {
	struct endpoint	peer;		/* in: source. out: destination */
	bool		has_peer;	/* out: peer is set (else the connected one) */
	struct ip_addr	local;		/* in: destination address. out: source, or IP_NONE */
	uint32_t	ifindex;	/* in: arrived on. out: leave by, or 0 */
	int		ttl, tos;	/* in: as received. out: -1 default */
	uint32_t	len;		/* in: real length of the datagram (MSG_TRUNC) */
	int		flags;		/* in: MSG_TRUNC, MSG_ERRQUEUE */
	usec		when;		/* in: it came, if the socket asks (SO_TIMESTAMP) */
	uint32_t	lost;		/* in: before it, for want of room (SO_RXQ_OVFL) */
	int		inq;		/* in: of a stream with TCP_INQ, what is left to read */
	bool		dontfrag;	/* out: IPV6_DONTFRAG */
	uint16_t	segment;	/* out: UDP_SEGMENT; in: UDP_GRO, 0: one datagram */
	uint8_t		n_opts;		/* in: IPv4's options, if the socket asks; or */
	uint8_t		next;		/* IPv6's extension headers, of which this is the first */
	uint8_t		opts[MSG_OPTS_MAX];
	uint32_t	flow;		/* IPv6's traffic class and flow label. out: 0, not said */
	uint32_t	path_mtu;	/* in: no datagram, but what the path to peer takes */
	struct ip_extra	*extra;		/* out: the same; of whoever sends */
	uint32_t	stamping;	/* out: SOF_TIMESTAMPING_TX_* of it alone, if set (stamp.h) */
	struct sock_error err;		/* in, with MSG_ERRQUEUE */
	const struct draft *draft;	/* out: where the bytes are, if in one (lend.h) */
	struct frame_note frame;	/* packet sockets only, both ways */
};

struct sock_ops {
	int	(*bind)(struct sock *so, const struct endpoint *ep);
	int	(*connect)(struct sock *so, const struct endpoint *ep);
	int	(*listen)(struct sock *so, int backlog);
	int	(*accept)(struct sock *so, struct sock **out);
	ssize_t	(*send)(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m);
	ssize_t	(*recv)(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m);
	/* Streams only: the two halves of send and recv without the copy. */
	size_t	(*reserve)(struct sock *so, struct iovec *iov, int *n);
	void	(*commit)(struct sock *so, size_t len);
	size_t	(*peek)(struct sock *so, struct iovec *iov, int *n);
	void	(*consume)(struct sock *so, size_t len);
	/* Without a copy: lend.h. NULL: not. */
	ssize_t	(*lend)(struct sock *so, uint32_t most, struct lent *l, struct msg *m);
	void	(*lend_end)(struct sock *so, const struct lent *l);
	int	(*draft)(struct sock *so, uint32_t want, struct draft *d);
	void	(*draft_end)(struct sock *so, const struct draft *d);
	bool	(*at_mark)(const struct sock *so);
	bool	(*syn_waits)(const struct sock *so);
	int	(*shutdown)(struct sock *so, int how);
	int	(*disconnect)(struct sock *so);
	void	(*close)(struct sock *so);
	uint32_t (*events)(struct sock *so);
	/* The protocol's own levels; also told, after the fact, of each
	 * SOL_SOCKET option that was set (its answer is then ignored). */
	int	(*setopt)(struct sock *so, int level, int name, const void *v, socklen_t len);
	int	(*getopt)(struct sock *so, int level, int name, void *v, socklen_t *len);
	void	(*resume)(struct sock *so);	/* the netif it stalled on has room */
	void	(*destroy)(struct sock *so);	/* stack_free: release everything, silently */
	const char *(*state)(const struct sock *so);	/* for show; NULL: sock.c knows */
};

/* A group the socket has joined. */
struct sock_group {
	struct sock_group *next;
	struct netif_member m;
};

/* Ancillary data and errors a socket wants to hear of: sock_ip.want. */
enum {
	WANT_PKTINFO = 1, WANT_TTL = 2, WANT_TOS = 4, WANT_ORIGDST = 8,
	WANT_ERRORS = 16, WANT_DONTFRAG = 32, WANT_RECVOPTS = 64, WANT_RETOPTS = 128,
	WANT_OPTIONS = WANT_RECVOPTS | WANT_RETOPTS,
	WANT_PKTINFO_OLD = 256, WANT_TTL_OLD = 512,	/* RFC 2292 */
	WANT_FLOW = 1024, WANT_HOPOPTS = 2048, WANT_DSTOPTS = 4096, WANT_RTHDR = 8192,
	WANT_HEADERS = WANT_FLOW | WANT_HOPOPTS | WANT_DSTOPTS | WANT_RTHDR,
	WANT_ANY = 16383,
	WANT_EXT = 16384,		/* errors: where the extensions are (RFC 4884) */
	WANT_PATHMTU = 32768,
	/* Nothing that is told: the flow label is the user's, or none. */
	WANT_FLOW_SEND = 65536, WANT_NO_LABEL = 131072,
};

enum sock_stamp { STAMP_NONE, STAMP_US, STAMP_NS };

/* What a socket asks of IPv4 (index 0) and of IPv6 (index 1). */
struct sock_ip {
	uint32_t	want;		/* WANT_* */
	uint8_t		ttl;		/* 0: default */
	uint8_t		tos;
	uint8_t		mtu_discover;	/* IP_PMTUDISC_* */
	uint8_t		group_ttl;
	bool		group_loop;
	uint8_t		min_ttl;	/* IP_MINTTL, IPV6_MINHOPCOUNT */
	bool		group_all;	/* IP_MULTICAST_ALL: of groups others have joined, too */
	uint32_t	group_if;	/* 0: by route */
	uint32_t	unicast_if;	/* IP_UNICAST_IF; 0: by route */
	uint32_t	frag_size;	/* IPV6_MTU: datagrams are cut to this; 0: path MTU */
};

/* What few sockets ask for by options. */
struct sock_asked {
	struct sock_ip	ip[2];		/* see sock_ip() */
	uint64_t	max_pacing;	/* bytes a second; 0: no limit */
	uint32_t	rcvlowat, priority;
	int		linger;		/* s */
	uint32_t	flowinfo;	/* sin6_flowinfo of connect (sock_flowinfo) */
	struct ip_extra	*extra;		/* IP options, extension headers; NULL: none */
	uint32_t	stamping, stamp_key;	/* SOF_TIMESTAMPING_*; of the next datagram (stamp.c) */
	bool		stamping_new;
};

struct sock {
	struct list	link;		/* all sockets of the stack */
	struct map_node	node;		/* sock_table.c: connection table */
	struct list	port_link;	/* sock_table.c: among those of its port */
	struct sock_port *port;		/* NULL: has none */
	struct list	stall;
	struct stack	*st;
	const struct sock_ops *ops;
	const struct sock_asked *asked;	/* shared until sock_asked_own() */
	struct sock_group *groups;
	uint8_t		family, type;	/* AF_INET or AF_INET6; SOCK_* */
	uint16_t	proto;		/* IPPROTO_* */
	struct endpoint	local, remote;	/* addr any / port 0: not set */
	bool		bound : 1;	/* has a port */
	bool		connected : 1;	/* in the connection table */
	bool		addr_locked : 1, port_locked : 1; /* chosen by bind, kept by disconnect */
	bool		rcvbuf_locked : 1, sndbuf_locked : 1;
	bool		linger_on : 1;
	uint8_t		stamp : 2;	/* enum sock_stamp */
	bool		stamp_new : 1;	/* SO_TIMESTAMP_NEW: 64 bits everywhere */
	/* The table of options (sock_opt.c) needs addresses of these. */
	bool		listening;	/* takes packets of no connection (set by sock_listen) */
	bool		freebind, late_port;	/* IP_FREEBIND, IP_BIND_ADDRESS_NO_PORT */
	bool		dontroute, rxq_ovfl;
	bool		v6only, reuseaddr, reuseport, broadcast, keepalive, oobinline;
	int		error;		/* pending SO_ERROR, positive errno */
	uint32_t	rcvbuf, sndbuf;	/* bytes (already doubled) */
	struct flow	flow;
	void		(*wake)(struct sock *so);
	void		*user;		/* of whoever created it; NULL after sock_close */
};

/* AF_INET/AF_INET6 with SOCK_STREAM/TCP or SOCK_DGRAM/UDP; proto 0: default.
 * AF_PACKET with SOCK_RAW, SOCK_DGRAM: proto is an ethertype in network order, and
 * so is the port of an endpoint given to bind.
 * -EAFNOSUPPORT, -EPROTONOSUPPORT, -ESOCKTNOSUPPORT, -EMFILE as errors. */
int sock_new(struct stack *st, int family, int type, int proto, struct sock **out);
void sock_close(struct sock *so);

int sock_bind(struct sock *so, const struct endpoint *ep);
int sock_connect(struct sock *so, const struct endpoint *ep); /* TCP: -EINPROGRESS */
/* sin6_flowinfo of the connect that follows: its flow label, if the socket has
 * IPV6_FLOWINFO_SEND. And what getpeername tells of it. */
void sock_flowinfo(struct sock *so, uint32_t flowinfo);
uint32_t sock_peer_flowinfo(const struct sock *so);
int sock_disconnect(struct sock *so);		/* connect(AF_UNSPEC); TCP: with a RST */
int sock_listen(struct sock *so, int backlog);
int sock_accept(struct sock *so, struct sock **out);	/* user and wake are NULL in it */
ssize_t sock_send(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m);
ssize_t sock_recv(struct sock *so, const struct iovec *iov, int n, int flags, struct msg *m);

/* Spans of send-buffer memory to write into: fills iov (at most *n entries),
 * sets *n, returns bytes; 0 when the buffer is full or sending is shut. Then
 * commit what was written, front first. */
size_t sock_reserve(struct sock *so, struct iovec *iov, int *n);
void sock_commit(struct sock *so, size_t len);
/* Spans of received bytes in order; then consume. Valid until the next call. */
size_t sock_peek(struct sock *so, struct iovec *iov, int *n);
void sock_consume(struct sock *so, size_t len);
/* The byte that stands next is the urgent one, and sock_recv(MSG_OOB) has it: a
 * peek would go on behind it. */
bool sock_at_mark(const struct sock *so);
/* TCP_FASTOPEN_CONNECT: the SYN waits for what sock_send gives it; sock_reserve
 * would let it go with nothing. */
bool sock_syn_waits(const struct sock *so);

int sock_shutdown(struct sock *so, int how);	/* SHUT_* */
uint32_t sock_events(struct sock *so);
int sock_take_error(struct sock *so);		/* pending error, cleared; positive errno */
int sock_local(const struct sock *so, struct endpoint *ep);
int sock_peer(const struct sock *so, struct endpoint *ep);	/* -ENOTCONN */
/* Linux's levels, names and layouts. -ENOPROTOOPT for what is not there. */
int sock_setopt(struct sock *so, int level, int name, const void *v, socklen_t len);
int sock_getopt(struct sock *so, int level, int name, void *v, socklen_t *len);

/* For onlookers (sock_show.c). Octets not read, not acknowledged; of a listener
 * connections that wait, and how many may. */
/* Bytes that wait: for the user, for their acknowledgment, of these to be sent at all. */
struct sock_queues { uint32_t in, out, unsent; };
struct sock_queues sock_queues(const struct sock *so);
int sock_abort(struct sock *so);	/* the user gets ECONNABORTED; -EOPNOTSUPP: a listener */

/* --- inside the stack (sock.c) --- */

extern const struct sock_ops udp_ops, tcp_ops, ping_ops, raw_ops;
struct sock *udp_sock_new(struct stack *st);	/* zeroed but for its own part */
struct sock *tcp_sock_new(struct stack *st);
struct sock *raw_sock_new(struct stack *st);
struct sock *ping_sock_new(struct stack *st);
int packet_sock_new(struct stack *st, int type, int proto, struct sock **out);
void sock_init(struct sock *so, struct stack *st, const struct sock_ops *ops,
	       int family, int type, int proto);
void sock_fini(struct sock *so);		/* out of all tables and lists */
/* A connection accepted by a listener starts with the listener's options. */
void sock_inherit(struct sock *so, const struct sock *listener);
/* Fills flow from local and remote and routes; an open local address is then
 * the one chosen. 0 or the error of ip_route. */
int sock_route(struct sock *so);
/* Waits for room on the netif: resume is called by netif_ready. */
void sock_stall(struct sock *so, struct netif *nif);
struct sock_asked *sock_asked_own(struct sock *so);	/* to write to */
static inline const struct sock_ip *sock_ip(const struct sock *so, const struct ip_addr *dst)
{
	return &so->asked->ip[ip_is_v4(dst) ? 0 : 1];
}

/* WANT_* of either family. */
static inline bool sock_wants(const struct sock *so, unsigned bits)
{
	return (so->asked->ip[0].want | so->asked->ip[1].want) & bits;
}

/* Ports. ep->port 0 chooses one (RFC 6056). Linux's rules for reuse. 0,
 * -EADDRINUSE, -EADDRNOTAVAIL, -EACCES. Puts the socket in the bound table. */
int sock_table_bind(struct sock *so, const struct endpoint *ep);
/* May the socket have that local address? 0, or why not. */
int sock_table_address(struct sock *so, const struct endpoint *ep);
/* Both ends known: chooses a local port if there is none and enters the
 * connection table. -EADDRINUSE if the four are taken, -EADDRNOTAVAIL when no
 * port is left. */
int sock_table_connect(struct sock *so);
void sock_table_unconnect(struct sock *so);	/* keeps the port */
void sock_table_remove(struct sock *so);
bool sock_listen_ok(const struct sock *so);	/* no other listener in the way */
/* Exact connection, else the best listener or bound socket (address before
 * wildcard, IPv6 wildcard for IPv4 unless v6only; reuseport by flow hash). */
struct sock *sock_find(struct stack *st, int proto, const struct ip *ip,
		       uint16_t local_port, uint16_t remote_port);
struct sock *sock_find_connected(struct stack *st, int proto, const struct endpoint *local,
				 const struct endpoint *remote);
/* All sockets a datagram to a group or broadcast address is for. */
void sock_find_all(struct stack *st, int proto, const struct ip *ip, uint16_t local_port,
		   uint16_t remote_port, void (*each)(void *ctx, struct sock *so), void *ctx);
struct sock_table *sock_table_new(struct stack *st);
void sock_table_free(struct sock_table *t);
void sock_netif_gone(struct netif *nif);	/* forget flows and groups there */
/* May it speak as an address that is not the stack's? */
static inline bool sock_any_addr(const struct sock *so)
{
	return so->freebind || so->st->param.ip_nonlocal_bind;
}
void sock_wake(struct sock *so);
void sock_set_error(struct sock *so, int error);	/* and wakes */

/* Walks all, for show and stack_free: NULL starts. */
struct sock *sock_next(struct stack *st, struct sock *so);
const char *sock_state_name(const struct sock *so);	/* "ESTABLISHED", "LISTEN", "UNCONN" */

#endif
