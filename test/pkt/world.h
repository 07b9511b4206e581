/* world.h - what a packet script sees: one stack, one wire, virtual time
 *
 * The stack under test ("us") has 10.0.0.1/24 and fd00::1/64; the script plays
 * the peer (.2), and a router (.254, fd00::fe) to everywhere else. Files:
 *	pkt.c	options, one process a script, the count
 *	line.c	a line: its time, its family, which event
 *	word.c	numbers, times, names of errors
 *	world.c	the stack, the clock, the two queues of frames
 *	call.c	socket calls
 *	expect.c what is expected of sockets and counters
 *	seg.c	TCP segments as text: build and compare
 *	fill.c	the peer as a sender that uses up the window
 *	datagram.c UDP, ICMP, fragments, raw packets
 *	frame.c	Ethernet and IP around all of them
 *	neigh.c	the peer's side of ARP and neighbour discovery
 */
#ifndef PKT_WORLD_H
#define PKT_WORLD_H

#include <netinet/in.h>

#include "../sim/wire.h"
#include "base/list.h"
#include "proto/proto.h"
#include "stack/tcp.h"

#define N_CONNS		10
#define START		(1000 * USEC_PER_SEC)
#define TOLERANCE	(1 * USEC_PER_MSEC)

/* A frame that the stack sent. */
struct frame {
	struct list	link;
	usec		at;
	const char	*bad;		/* wire_check */
	/* Parsed by frame_read: */
	struct eth	eth;
	struct ip_addr	src, dst;
	uint8_t		proto, ttl, tos;
	bool		ip, v6, df, frag, more;
	const uint8_t	*opts;		/* IPv4's options; IPv6's destination options */
	size_t		n_opts;
	uint32_t	frag_off, frag_id;
	const uint8_t	*l4;
	size_t		l4_len;
	size_t		len;
	uint8_t		b[];
};

/* What the script's number 1-9 stands for: a socket and its packets. */
struct conn {
	struct sock	*so;		/* NULL: not open, or closed by the script */
	uint16_t	lport, rport;
	struct ip_addr	raddr;
	uint32_t	iss, irs;	/* ours and the peer's number 0 */
	bool		iss_known;
	uint32_t	written, nread;	/* stream offsets */
	uint16_t	win;		/* last the peer announced */
	bool		ts_in, ts_out;	/* timestamps on both SYNs */
	uint32_t	ts_last;	/* last value the stack sent */
	uint32_t	ts_off;		/* stack's values minus the script's */
	bool		ts_off_known;
	bool		wscale_in;	/* the peer's SYN has a window scale */
	uint8_t		scale;		/* of the windows the stack offers */
	uint32_t	acked, edge;	/* what it acknowledged, where its window ends */
	uint32_t	nxt;		/* the peer's next byte (fill.c) */
	struct frame	*quote;		/* last packet sent, for ICMP errors */
};

struct world {
	const char	*path, *text;	/* of the script, of the line */
	int		line;
	bool		v6, trace, gso, manual; /* manual: script answers ARP and NS */
	uint32_t	mtu;
	uint32_t	isn;
	struct stack	*st;
	struct netif	*nif;
	struct arena	*arena;
	usec		now;
	struct ip_addr	us, peer, router;
	struct mac	us_mac, peer_mac, router_mac;
	bool		reports;	/* "groups manual": the script expects them */
	struct netif_member member[N_CONNS];
	struct list	sent;		/* by the stack, not expected yet */
	struct list	asked;		/* neighbour questions to be answered */
	struct conn	conn[N_CONNS];	/* 0 is the listener */
	uint8_t		*last_in;	/* IP packet injected last, for ICMP quotes */
	size_t		last_in_len;
	bool		ready;		/* start-up is over */
};

/* A line's words, cut in place. <...> is one word without its brackets, marked
 * by opts. */
#define MAX_WORDS 48
struct words {
	char		*w[MAX_WORDS];
	bool		opts[MAX_WORDS];
	int		n, at;
};

/* When an event is to happen, relative to the one before. */
struct when { usec from, to; bool any; };

/* --- word.c --- */
_Noreturn void fail(struct world *w, const char *fmt, ...) PRINTF(2, 3);
void words_cut(struct world *w, struct words *ws, char *line);
const char *word_next(struct words *ws);		/* NULL at the end */
const char *word_peek(const struct words *ws);
bool word_is(struct words *ws, const char *s);		/* takes it if so */
const char *word_need(struct world *w, struct words *ws, const char *what);
void words_end(struct world *w, struct words *ws);	/* fails if any are left */
uint32_t number(struct world *w, const char *s);
uint32_t number_need(struct world *w, struct words *ws, const char *what);
usec seconds(struct world *w, const char *s);
int errno_named(struct world *w, const char *name);	/* "EAGAIN" */
const char *errno_text(long v);				/* "-EAGAIN", "12" */

/* --- line.c --- */
void script_run(struct world *w);
void line_run(struct world *w, char *line);	/* also used by macros */

/* --- world.c --- */
void world_init(struct world *w);
void world_start(struct world *w);		/* once; later calls do nothing */
void world_finish(struct world *w);		/* nothing unexpected, nothing left */
void world_settle(struct world *w);		/* after any call into the stack */
void world_advance(struct world *w, usec to);	/* the clock, firing what is due */
struct frame *world_await(struct world *w, usec to); /* next frame or NULL; caller frees */
void world_inject(struct world *w, const void *frame, size_t len);
void world_no_frames(struct world *w);
void world_trace(struct world *w, const char *dir, const void *frame, size_t len);
const char *frame_text(const void *frame, size_t len);

/* --- call.c --- */
bool call_event(struct world *w, const char *name, int n, struct words *ws);

void expect_info(struct world *w, int n, struct words *ws);
struct sock *sock_of(struct world *w, int n);	/* fails if it is not open */

/* --- expect.c --- */
void expect_event(struct world *w, int n, struct words *ws);

/* --- seg.c --- */
/* flags is the first word. Inbound is built and injected at once. */
void seg_in(struct world *w, struct conn *c, const char *flags, struct words *ws);
void seg_expect(struct world *w, struct conn *c, const char *flags, struct words *ws,
		struct when when);

/* --- fill.c --- */
void window_note(struct world *w, struct conn *c, const struct tcp *h);
bool fill_event(struct world *w, struct conn *c, const char *name, struct words *ws);
void expect_window(struct world *w, struct conn *c, const char *range);
void expect_update(struct world *w, struct conn *c);

/* --- frame.c --- */
struct frame *frame_new(const uint8_t *b, size_t len, usec at);
void frame_free(struct frame *f);
/* The overrides that any inbound line may have (src, dst, ttl, badsum ...). */
struct over {
	struct ip_addr	src, dst;
	uint16_t	sport, dport;
	uint8_t		ttl, tos;
	bool		badsum, nosum, badipsum, frag, more, more_set;
	uint32_t	frag_id, frag_from, frag_to;
	uint8_t		opts[40];	/* IPv4's options */
	unsigned	n_opts;
	struct over_ext {		/* IPv6's extension headers, what follows the length */
		uint8_t	number, len, b[254];
	} ext[4];
	unsigned	n_ext;
};
void over_init(struct world *w, struct conn *c, struct over *o);
bool over_word(struct world *w, struct words *ws, struct over *o);
unsigned opts4_need(struct world *w, struct words *ws, uint8_t to[40]);
unsigned ext6_need(struct world *w, struct words *ws, uint8_t to[254]);
/* dst NULL: to us. */
void eth_header(struct world *w, struct wr *o, const struct ip_addr *dst, uint16_t type);
/* l4 with a zero checksum field at sum_off; prepends IP and Ethernet, injects. */
void ip_inject(struct world *w, const struct over *o, uint8_t proto, uint8_t *l4, size_t len,
	       size_t sum_off);
struct frame *expect_frame(struct world *w, struct when when);

/* --- datagram.c --- */
void frame_in(struct world *w, struct conn *c, const char *kind, struct words *ws);
void frame_expect(struct world *w, struct conn *c, const char *kind, struct words *ws,
		  struct when when);
bool frame_kind(const char *kind);

/* --- group.c --- */
bool group_is_report(const struct frame *f);
void group_query(struct world *w, struct words *ws);
void group_report_in(struct world *w, struct words *ws);
void group_expect(struct world *w, struct words *ws, struct when when);
bool group_event(struct world *w, const char *name, int n, struct words *ws);
bool group_wants_expect(struct world *w, struct words *ws);
void group_finish(struct world *w);

/* --- router.c --- */
bool router_in(struct world *w, const char *kind, struct words *ws);
bool router_event(struct world *w, const char *name, struct words *ws);
bool router_expect(struct world *w, struct words *ws);

/* --- neigh.c --- */
/* msg: an ICMPv6 message with zero checksum. */
void nd_inject(struct world *w, uint8_t *msg, size_t len, struct mac from,
	       const struct ip_addr *src, const struct ip_addr *dst);
bool neigh_swallow(struct world *w, struct frame *f);	/* true: not for the script */
void neigh_answer(struct world *w);
void neigh_in(struct world *w, struct words *ws);
void neigh_expect(struct world *w, struct words *ws, struct when when);

#endif
