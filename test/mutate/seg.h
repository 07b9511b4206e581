/* seg.h - a segment whose every field can be what it should not be */
#ifndef MUTATE_SEG_H
#define MUTATE_SEG_H

#include "pair.h"

/* As it goes on the wire; what does not follow from the rest is said. */
struct mseg {
	uint16_t	from_port, to_port;
	uint32_t	seq, ack;
	int		doff;		/* -1: what the options need */
	uint16_t	flags;		/* with the four reserved bits above */
	uint16_t	win, urg;
	uint16_t	sum_xor;	/* 0: a good checksum */
	uint8_t		opts[40];
	uint32_t	n_opts;		/* a multiple of 4 */
	uint32_t	paylen;
	uint32_t	place;		/* of the payload's first octet in the peer's stream */
};

/* Where the sequence spaces stand when a segment arrives, told by what went over
 * the wire and by what the peer really has. */
struct view {
	int		state;		/* TCP_*; TCP_SYN_RECV of a request, too */
	bool		passive;	/* in SYN-RECEIVED: by a listener */
	bool		orphan;		/* its user has closed */
	bool		quiet;		/* its user has nothing to say any more */
	uint32_t	una, nxt;	/* of the subject's sending */
	uint32_t	max_wnd;	/* how far back an ACK may lie (RFC 5961 5.2) */
	uint32_t	rcv, right, wup;	/* of its receiving; wup: last acknowledged */
	bool		ts_ok;
	uint32_t	ts_recent;
	uint32_t	peer_ts;	/* the peer's clock, as it shows it now */
	uint32_t	true_ack;	/* the peer has this much of the subject's */
	uint32_t	true_nxt;	/* the peer has sent so far */
	uint32_t	true_fin;	/* the place of its FIN, if has_fin */
	bool		has_fin;
	uint32_t	stream;		/* sequence number of the peer's first octet */
};

enum field { F_SEQ, F_ACK, F_DOFF, F_FLAGS, F_WIN, F_SUM, F_URG, F_OPTS, F_LEN, N_FIELDS };

extern const char *const field_names[N_FIELDS];
/* How many values the field takes: all of them, or those for combinations. */
unsigned field_count(enum field f, bool all);
/* The i-th. */
void field_set(enum field f, unsigned i, bool all, const struct view *v, struct mseg *m);

bool seg_parse(const uint8_t *frame, uint32_t len, struct mseg *m);
/* The frame from the peer; returns its length. */
uint32_t seg_emit(const struct pair *p, const struct mseg *m, uint8_t *b, uint32_t size);
void seg_print(const struct mseg *m, const struct view *v, char *s, size_t size);

/* What a receiver reads from it. */
struct read_seg {
	bool		bad;		/* malformed or a bad checksum: nothing may come of it */
	uint8_t		flags;
	uint32_t	paylen, len;
	bool		true_bytes;	/* the payload is what the peer has sent, or will */
	bool		has_ts;
	uint32_t	ts_val;
};
void seg_read(const struct mseg *m, struct read_seg *r);

#endif
