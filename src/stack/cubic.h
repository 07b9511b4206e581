/* cubic.h - the arithmetic of CUBIC (RFC 9438), without a connection
 *
 * Windows in bytes, time in milliseconds of any clock; no floating point.
 */
#ifndef STACK_CUBIC_H
#define STACK_CUBIC_H

#include "base/base.h"

/* Multiplicative decrease in 1024ths: loss 0.7 (RFC 9438 4.6), ECN 0.85 (RFC 8511 3.1). */
#define CUBIC_BETA	717u
#define CUBIC_BETA_ECN	871u

struct cubic {
	uint32_t	w_max;		/* the plateau: cwnd before the last decrease or less */
	uint32_t	prior;		/* cwnd before the last decrease */
	uint32_t	w_est;		/* what Reno would have by now (4.3) */
	uint32_t	k;		/* ms from the epoch until W_cubic is w_max again */
	uint32_t	epoch;		/* ms; when this congestion avoidance began */
	uint32_t	rest, rest_est;	/* growth of less than a byte, times cwnd */
	bool		running;	/* the epoch has begun */
	bool		known;		/* w_max is of a decrease, not the end of a slow start */
};

struct cubic_ack {
	uint32_t	cwnd, acked, mss;
	uint32_t	now, rtt;	/* ms */
};

/* cwnd after an ACK in congestion avoidance of which the window was the limit. */
uint32_t cubic_grow(struct cubic *cu, const struct cubic_ack *a);
/* A congestion event; the slow-start threshold that follows. */
uint32_t cubic_reduce(struct cubic *cu, uint32_t cwnd, uint32_t mss, uint32_t beta);
/* The epoch is over and what was known of the path is forgotten (timeout). */
void cubic_forget(struct cubic *cu);
/* An earlier reduction by so much was wrong: the epoch begins anew, with more. */
void cubic_widen(struct cubic *cu, uint32_t by);
/* Time in which nothing was sent does not count (RFC 9438 4.2, 5.8). */
void cubic_skip(struct cubic *cu, uint32_t ms);
/* W_cubic, t ms after the epoch's beginning. */
uint32_t cubic_window(const struct cubic *cu, uint32_t mss, uint32_t t);
uint32_t cubic_root(uint64_t n);	/* the largest whose cube is at most n */

#endif
