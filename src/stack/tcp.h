/* tcp.h - the TCP connection and the pieces that work on it (RFC 9293)
 *
 *   tcp.c        states, life and death of a connection, ICMP
 *   tcp_sock.c   the socket calls; tcp_io.c those that move bytes
 *   tcp_in.c     segment arrival: which connection, SYN-SENT
 *   tcp_tw.c     TIME-WAIT, without a connection
 *   tcp_seg.c    the steps of RFC 9293 3.10.7.4
 *   tcp_ack.c    what an acknowledgment means: window, SACK, growth
 *   tcp_sent.c   what was sent and what became of it; tcp_late.c what was overtaken
 *   tcp_rack.c   when is something lost: RACK-TLP
 *   tcp_rec.c    recovery: how much is sent meanwhile; tcp_undo.c wrong reductions
 *   tcp_out.c    what may be sent now, and building segments
 *   tcp_mtup.c   packets as large as the path takes, found by trying
 *   tcp_timer.c  all timers; the only file that knows them
 *   tcp_snd.c    send queue: chunks of the arena, found by sequence number
 *   tcp_rcv.c    receive queue, out-of-order queue; tcp_win.c receive window
 *   tcp_prune.c  what is kept when memory is short
 *   tcp_sack.c   SACK blocks of the receiver
 *   tcp_rtt.c    round-trip time
 *   tcp_ecn.c    explicit congestion notification; tcp_pace.c pacing
 *   tcp_cc.c     congestion control; cc_reno.c, cc_cubic.c the controllers
 *   tcp_listen.c accept queue; tcp_req.c half-open connections; tcp_cookie.c none
 *   tcp_fo.c     data with the SYN (Fast Open)
 *   tcp_challenge.c answers to what may be blind attacks
 *   tcp_opt.c    options of level IPPROTO_TCP; tcp_info.c TCP_INFO, tcp_count.c for it
 *
 * Sequence space of the sender:
 *
 *   snd_una <= snd_nxt <= snd_end (+1 with FIN)
 *
 * snd_nxt never goes back: what must be sent again are the records of
 * [snd_una, snd_nxt) that are lost (tcp_sent.c).
 */
#ifndef STACK_TCP_H
#define STACK_TCP_H

#include <netinet/in.h>
#include <netinet/tcp.h>	/* states, option names, tcp_info: Linux's numbers */

#include "proto/proto.h"
#include "stack/sock.h"
#include "stack/tcp_cc.h"
#include "stack/tcp_count.h"
#include "stack/tcp_ecn.h"
#include "stack/tcp_pace.h"
#include "stack/tcp_rec.h"
#include "stack/tcp_fo.h"
#include "stack/tcp_mtup.h"
#include "stack/tcp_sack.h"
#include "stack/tcp_snd.h"
#include "stack/tcp_timer.h"
#include "stack/tcp_tw.h"

struct tcpc;
struct tcp_listen;
struct tcp_ready;
struct tcp_stamps;

/* What the user has shut. */
enum { TCP_SHUT_RCV = 1, TCP_SHUT_SND = 2, TCP_SHUT_BOTH = 3 };

/* The user's view of connect(): Linux's socket state beside TCP's. */
enum { TCP_CONN_NONE, TCP_CONN_PENDING, TCP_CONN_DONE };

/* What few users ask for by options; 0: nothing, or the stack's parameter. */
struct tcp_asked {
	uint32_t	user_timeout;	/* ms */
	uint32_t	notsent_lowat;
	uint32_t	window_clamp;
	uint16_t	mss;
	uint16_t	keep_idle, keep_intvl;	/* s */
	uint8_t		keep_cnt;
	uint8_t		syn_retries;
	uint8_t		defer_accept;	/* SYN-ACKs a bare ACK is ignored for */
	bool		thin;		/* few segments in flight: timeouts do not double */
	bool		inq;		/* recvmsg tells how much more there is */
	uint8_t		save_syn;	/* 1: from the IP header on, 2: from the link's */
	int8_t		linger2;	/* s */
	uint32_t	tx_delay;	/* us that all we send is held back */
	struct tcp_stamps *stamps;	/* tcp_stamp.c; NULL: none were wanted */
	struct tcp_syn	*syn;		/* of a child; NULL: not kept, or read already */
	/* In the user's hands (lend.h): octets and memory received, memory to be sent. */
	uint32_t	lent, lent_true, drafts;
};

/* A SYN's headers as they came (TCP_SAVED_SYN). */
struct tcp_syn {
	uint16_t	len;
	uint8_t		b[];
};

struct tcpc {
	struct sock	so;
	const struct tcp_asked *asked;	/* by options; shared until tcp_asked_own() */

	uint8_t		state;		/* TCP_ESTABLISHED...: Linux's numbers */
	uint8_t		shut;
	uint8_t		conn;
	uint8_t		rec;		/* enum tcp_rec */
	bool		orphan : 1;	/* the user has closed */
	bool		done : 1;	/* FIN received: reading ends with 0 */
	bool		fin_queued : 1, fin_sent : 1;
	bool		ts_ok : 1, sack_ok : 1, wscale_ok : 1;
	bool		nodelay : 1, cork : 1, more : 1;
	bool		tlp : 1, tlp_rxt : 1;	/* a probe is out; old data was sent again for it */
	bool		pto_one : 1;	/* the probe waits for one segment's delayed ACK */
	bool		frto : 1;	/* is the timeout spurious? (RFC 5682) */
	bool		frto_new : 1;	/* new data goes before what is lost, this once */
	bool		cwnd_limited : 1;
	bool		ack_now : 1;	/* an ACK is owed at once */
	bool		ack_soon : 1;	/* and one when all that came at once is taken in */
	bool		pingpong : 1;	/* interactive: data carries our ACKs */
	bool		pushed : 1;	/* what came last ended a burst of the peer's */
	bool		merged : 1;	/* not yet acknowledged: several segments, by a plug */
	bool		fo_child : 1;	/* its SYN brought data; the handshake is not over */
	bool		syn_data : 1;	/* data went with the SYN and was taken */
	bool		nospace : 1;	/* EV_OUT was denied: wake when there is room */
	bool		no_memory : 1;	/* for what the user wants to send */
	bool		ecn_ok : 1;	/* both ends want it */
	bool		ecn_echo : 1;	/* CE came: ACKs say so until CWR comes */
	bool		ecn_seen : 1;	/* the peer has sent ECT */
	bool		ecn_cwr : 1;	/* the next new data tells that cwnd was reduced */
	bool		special : 1;	/* segments are held back (TCP_TX_DELAY), or stamped */
	bool		pace_waits : 1;	/* the next piece, for pace_at */
	bool		urg_valid : 1, urg_read : 1, urg_here : 1;
	uint8_t		urg_byte;
	uint8_t		snd_wscale, rcv_wscale;
	uint8_t		quick;		/* ACKs still to be sent without delay */
	uint8_t		ack_frames;	/* full-sized frames not yet acknowledged */
	uint8_t		backoff, probes;
	uint8_t		rtx_is;		/* what TCP_T_RTX is: RTX_PTO... */
	uint8_t		soft_error;	/* errno of an ICMP error: why, if it times out */

	/* sending */
	struct seq	iss, snd_una, snd_nxt, snd_end, snd_wl1;
	struct seq	snd_sml;	/* end of the last small segment (Minshall) */
	struct seq	snd_up;
	uint32_t	snd_wnd, max_wnd;
	uint32_t	mss;		/* payload of a full frame without SACK blocks */
	uint32_t	mss_base;	/* the same with options: min(peer's, path) */
	uint32_t	mtu;		/* mss_base was made from this path MTU */
	uint16_t	mss_peer;
	uint16_t	sml_lack;	/* what small segments up to snd_sml lack to full ones */
	struct tcp_mtup	*mtup;		/* NULL: no other sizes are tried */
	struct snd_queue snd;

	/* recovery and congestion */
	struct sent_log	sent;		/* all of [snd_una, snd_nxt) */
	struct seq	recover;	/* recovery ends when this is acknowledged */
	struct seq	tlp_end;	/* snd_nxt when the probe went */
	struct rack	rack;
	struct tcp_cut	*cut;		/* NULL: not needed, or there was no memory */
	uint32_t	cwnd, ssthresh, dup_acks;
	const struct tcp_cc *cc;
	uint64_t	cc_mem[9];
	uint32_t	total_retrans, retrans_run;

	/* round trip */
	uint32_t	srtt, rttvar, rto, min_rtt; /* us; srtt 0: no sample yet */
	uint32_t	young_rtt, young_since;	/* us, about s: the smallest of the window's young half */
	struct seq	rtt_seq;	/* the next sample is of what is sent after it */
	usec		syn_at;		/* when the SYN was sent; NEVER: not timing */
	uint32_t	ts_off, ts_recent;
	uint32_t	ts_recent_at;	/* s */
	uint32_t	chal_at;	/* ms, low bits: our last answer to nonsense */
	usec		last_sent, last_rcvd, last_data, stuck_since;
	uint32_t	confirmed;	/* s: the neighbour was told that it lives */

	/* receiving */
	struct seq	irs, rcv_nxt, rcv_wup;	/* rcv_wup: rcv_nxt when last ACKed */
	struct seq	copied;		/* first byte the user has not taken */
	struct seq	urg_seq;
	uint32_t	rcv_wnd;	/* as last advertised, from rcv_wup */
	uint32_t	rcv_mss, rcv_super;
	struct list	rcvq;
	uint32_t	rcv_bytes, rcv_true;	/* the latter with what is lent */
	struct tcp_ooo	*ooo;		/* NULL: nothing is out of order or doubled */

	/* receive buffer auto-tuning */
	uint32_t	drs_space, rcv_rtt;
	struct seq	drs_seq, rcv_rtt_seq;
	uint32_t	drs_at, rcv_rtt_at;	/* us, low bits */

	usec		pace_at;	/* the next piece does not go before */

	/* timers */
	struct stimer	timer;
	usec		at[N_TCP_TIMERS];

	/* listening, being accepted */
	struct tcp_listen *lis;		/* of a listener */
	struct tcp_fo	*fo;		/* NULL: Fast Open is not wanted */
	struct tcp_ready *ready;	/* a child not yet accepted: its place in the queue */

	uint64_t	bytes_acked, bytes_rcvd;
	uint32_t	segs_in, segs_out;
	struct tcp_count count;
};

static inline struct tcpc *tcpc_of(const struct sock *so)
{
	return container_of(so, struct tcpc, so);
}

/* How many of the len bytes from seq, at most, are of the same record (MSG_EOR). */
static inline uint32_t tcp_snd_record(struct tcpc *tc, struct seq seq, uint32_t len)
{
	return tc->snd.bytes && tc->snd.ring->records ? tcp_snd_find_end(tc, seq, len) : len;
}

/* A segment that came in. len counts SYN and FIN. */
struct seg {
	struct tcp	h;
	const struct ip	*ip;
	struct pkt	*pkt;		/* cur at the payload; NULL once given away */
	uint32_t	paylen, len;
	uint32_t	wnd;		/* scaled once the scale is known */
	enum drop	why;		/* set by the step that ends the segment */
};

/* Stack-wide state of TCP. */
struct tcp_stack {
	struct map	reqs;		/* half-open requests by the four */
	usec		chal_at;	/* RFC 5961 7: challenge ACKs of this second */
	uint32_t	chal_left;
	struct tcp_tws	tw;		/* TIME-WAIT */
	struct list	answers;	/* sock.stall: connections that owe an ACK soon */
	struct list	ooo;		/* struct tcp_ooo, the next to be pruned first */
	uint32_t	n_ooo;
	struct list	known;		/* Fast Open: servers that gave us cookies */
	uint32_t	n_known;
};

/* --- tcp.c --- */
void tcp_set_state(struct tcpc *tc, int state, const char *why);
/* The connection ends now with the error for the user (0: none); no segment. */
void tcp_fail(struct tcpc *tc, int error, const char *why);
/* The same and the peer is told. */
void tcp_abort(struct tcpc *tc, int error, const char *why);
void tcp_free(struct tcpc *tc);	/* silently, in any state */
/* Last use of tc in an entry of the engine: frees it if it is over. */
void tcp_put(struct tcpc *tc);
void tcp_established(struct tcpc *tc);
void tcp_may_send(struct tcpc *tc);	/* data goes from snd_nxt on */
void tcp_orphan_fin_wait2(struct tcpc *tc);
/* EV_OUT was denied and is not any more. */
void tcp_wake_writer(struct tcpc *tc);
bool tcp_writeable(const struct tcpc *tc);	/* Linux: a third of the buffer is free */
const char *tcp_state_name(int state);
/* For tables: not to be guessed. */
uint32_t tcp_hash_ends(struct stack *st, const struct endpoint *l, const struct endpoint *r);
uint32_t tcp_isn(struct stack *st, const struct endpoint *l, const struct endpoint *r);
uint32_t tcp_ts_offset(struct stack *st, const struct endpoint *l, const struct endpoint *r);
static inline uint32_t tcp_ts_now(const struct tcpc *tc)
{
	return (uint32_t)(tc->so.st->now / USEC_PER_MSEC) + tc->ts_off;
}
static inline bool tcp_state_in(const struct tcpc *tc, uint32_t mask)
{
	return (1u << tc->state & mask) != 0;
}
/* States in which the peer's data is accepted, and in which ours is sent. */
#define TCP_CAN_RECV	(1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2)
#define TCP_CAN_SEND	(1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT | 1u << TCP_FIN_WAIT1 | \
			 1u << TCP_CLOSING | 1u << TCP_LAST_ACK)
#define TCP_CAN_WRITE	(1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT)
/* Who brought data with the SYN may be answered before the handshake is over
 * (RFC 7413 4.2.2). */
static inline bool tcp_answers_early(const struct tcpc *tc)
{
	return tc->fo_child && tc->state == TCP_SYN_RECV;
}
static inline bool tcp_can_write(const struct tcpc *tc)
{
	return tcp_state_in(tc, TCP_CAN_WRITE) || tcp_answers_early(tc);
}

/* --- tcp_in.c --- */
/* Answers a segment for which there is no connection (RFC 9293 3.10.7.1). */
void tcp_reset_reply(struct stack *st, const struct seg *sg);

/* --- tcp_seg.c --- */
static inline struct seq tcp_seg_end(const struct seg *sg)
{
	return seq_add(sg->h.seq, sg->len);
}
bool tcp_paws_fails(const struct tcpc *tc, const struct seg *sg);
void tcp_ts_update(struct tcpc *tc, const struct seg *sg);
/* The steps for a synchronized connection; then output. */
void tcp_seg_in(struct tcpc *tc, struct seg *sg);
/* The peer's FIN and all before it have arrived. */
void tcp_fin_in(struct tcpc *tc);

/* --- tcp_ack.c --- */
/* The ACK field of an acceptable segment. False: the segment is finished
 * (sg->why). */
bool tcp_ack_in(struct tcpc *tc, struct seg *sg);

/* --- tcp_out.c --- */
void tcp_output(struct tcpc *tc);	/* all that may go, then an owed ACK */
void tcp_send_syn(struct tcpc *tc);	/* SYN, or SYN-ACK in SYN-RECV */
void tcp_send_ack(struct tcpc *tc);
void tcp_answer(struct stack *st);	/* all that came is taken in: ACKs that are owed soon */
void tcp_send_rst(struct tcpc *tc);
void tcp_send_probe(struct tcpc *tc);	/* an old octet: the peer must answer */
bool tcp_send_partial(struct tcpc *tc);	/* persist: what fits; false: nothing does */
void tcp_send_last(struct tcpc *tc);	/* TLP: the last segment again */
uint32_t tcp_out_room(const struct tcpc *tc);	/* frames that would not be lost for want of it */
void tcp_mss_update(struct tcpc *tc);	/* from the path and the peer's option */
uint16_t tcp_mss_offer(struct stack *st, const struct flow *f, uint16_t user);
/* A lone segment by its addresses alone: RST, SYN-ACK, ACK of TIME-WAIT. */
void tcp_send_bare(struct stack *st, struct flow *f, struct tcp *h);

/* --- tcp_rcv.c --- */
/* Payload within the window, from seq on; fin: FIN follows it. Takes pkt. */
void tcp_rcv_data(struct tcpc *tc, struct pkt *pkt, struct seq seq, bool fin);
size_t tcp_rcv_copy(struct tcpc *tc, const struct iovec *iov, int n, bool peek);
size_t tcp_rcv_peek(struct tcpc *tc, struct iovec *iov, int *n);
/* As copy, by reference: packets to the list; memory counts until tcp_rcv_back. */
uint32_t tcp_rcv_lend(struct tcpc *tc, uint32_t most, struct lent *l);
usec tcp_rcv_when(const struct tcpc *tc, uint32_t n);	/* the n-th octet to be read came */
void tcp_rcv_back(struct tcpc *tc, uint32_t len, uint32_t size);
bool tcp_rcv_readable(const struct tcpc *tc);
void tcp_rcv_drop(struct tcpc *tc, uint32_t n);
struct tcp_ooo *tcp_ooo_get(struct tcpc *tc);	/* there is one from now on */
void tcp_ooo_told(struct tcpc *tc);	/* the peer knows what came twice */
void tcp_ooo_prune(struct tcpc *tc);	/* what it holds is given up */
void tcp_rcv_end(struct tcpc *tc);	/* FIN: forgets what is out of order */
void tcp_rcv_free(struct tcpc *tc);

/* --- tcp_prune.c --- */
/* May so much be held: out of order; how much: in order, to be sent? */
bool tcp_ooo_room(struct tcpc *tc, uint32_t size);	/* of one that has tc->ooo */
uint32_t tcp_rcv_room(struct tcpc *tc, uint32_t size);
uint32_t tcp_snd_room(const struct tcpc *tc, uint32_t size, uint32_t least);

/* --- tcp_win.c --- */
uint32_t tcp_rcv_space(const struct tcpc *tc);	/* the largest window now */
uint32_t tcp_rcv_window(const struct tcpc *tc);	/* still open, from rcv_nxt */
uint32_t tcp_rcv_select_window(struct tcpc *tc);	/* what to advertise; notes it */
void tcp_rcv_init(struct tcpc *tc);	/* window and scale; before the SYN */
void tcp_rcv_taken(struct tcpc *tc, uint32_t n);	/* the user read n bytes */
void tcp_rcv_freed(struct tcpc *tc);	/* or gave some back */
uint32_t tcp_snd_space(const struct tcpc *tc);	/* that the send queue may take now */
void tcp_snd_tune(struct tcpc *tc);	/* cwnd may have grown: so may the send buffer */
void tcp_rcv_rtt_ts(struct tcpc *tc, uint32_t ecr);
uint32_t tcp_initial_window(const struct tcpc *tc, uint32_t mss);
uint8_t tcp_window_scale(const struct param *p);

/* --- tcp_listen.c --- */
int tcp_listen_start(struct tcpc *tc, int backlog);
void tcp_listen_stop(struct tcpc *tc, bool silent);
int tcp_listen_accept(struct tcpc *tc, struct sock **out);
bool tcp_listen_ready(const struct tcpc *tc);
struct sock_queues tcp_listen_queues(const struct tcpc *tc);
void tcp_listen_in(struct tcpc *tc, struct seg *sg); /* sets sg->why */
void tcp_listen_done(struct tcpc *child);	/* its handshake is complete */
void tcp_listen_forget(struct tcpc *child); /* it leaves the accept queue */
bool tcp_req_icmp(struct stack *st, const struct icmp_note *n);

/* --- tcp_challenge.c --- */
void tcp_challenge_ack(struct tcpc *tc);	/* RFC 5961, rate limited */
/* Is an ACK due for a segment that is not acceptable? */
bool tcp_may_answer(struct tcpc *tc, const struct seg *sg);

/* --- tcp_opt.c --- */
void tcp_asked_init(struct tcpc *tc, const struct tcpc *from);	/* NULL: nothing */
struct tcp_asked *tcp_asked_own(struct tcpc *tc);
void tcp_asked_free(struct tcpc *tc);
/* The headers of a SYN, if the listener wants them to be kept; the caller's. */
struct tcp_syn *tcp_syn_copy(const struct tcpc *lis, const struct pkt *pkt);
void tcp_syn_keep(struct tcpc *child, struct tcp_syn *s);	/* takes s, which may be NULL */
/* What TCP_INQ tells: octets to be read, 1 if only the end of the stream is. */
int tcp_inq(const struct tcpc *tc);
int tcp_setopt(struct sock *so, int level, int name, const void *v, socklen_t len);
int tcp_getopt(struct sock *so, int level, int name, void *v, socklen_t *len);

/* Segments that may come late without a loss. */
static inline uint32_t tcp_reordering(const struct tcpc *tc)
{
	uint32_t seen = tc->count.rare ? tc->count.rare->reordering : 0;

	return MAX(seen, tc->so.st->param.tcp_reordering);
}

/* --- tcp_info.c --- */
#define TCP_INFO_MAX	256	/* octets of it at most */
void tcp_info_get(const struct tcpc *tc, void *v, socklen_t *len);

#endif
