/* cubic.c - the arithmetic of CUBIC (RFC 9438)
 *
 * After a decrease the window follows W_cubic(t) = C (t - K)^3 + W_max (4.2):
 * fast up to where it was, slowly past it, then faster and faster, by time and
 * not by round trips. C is 0.4 segments per cubed second; in bytes and ms
 *
 *	W_cubic = w_max + mss * 2/5 * (t - k)^3 / 10^9
 *	K       = cube root of (w_max - cwnd) / mss * 5/2 * 10^9
 *
 * and both fit 64 bits for any window below 2^30. Where Reno would be faster (short
 * or slow paths) its window is followed instead (4.3). What an ACK adds is a
 * fraction of a byte at times, so the remainders of the divisions are kept.
 */
#include "stack/cubic.h"

#define WINDOW_MAX	(1u << 30)
#define TIME_MAX	(1u << 20)	/* ms: the cube fits 60 bits */

uint32_t cubic_root(uint64_t n)
{
	uint64_t r = 0;

	for (uint64_t bit = 1u << 21; bit; bit >>= 1) {
		uint64_t x = r | bit;

		if (x < 2642246 && x * x * x <= n)	/* beyond: the cube has no place */
			r = x;
	}
	return (uint32_t)r;
}

/* 2/5 * (ms / 1000)^3, in whole segments as Linux: what is missing to the plateau is cut, so the
 * window is up to one ahead there, where flows that lose much always are. */
static uint64_t curve(uint32_t mss, uint32_t ms)
{
	uint64_t d = MIN(ms, TIME_MAX);

	return d * d * d / 1000000 * 2 / 5000 * mss;
}

uint32_t cubic_window(const struct cubic *cu, uint32_t mss, uint32_t t)
{
	uint64_t far;

	if (t < cu->k) {
		far = curve(mss, cu->k - t);
		return far < cu->w_max ? cu->w_max - (uint32_t)far : 0;
	}
	return (uint32_t)MIN(cu->w_max + curve(mss, t - cu->k), WINDOW_MAX);
}

/* RFC 9438 4.2; 4.8 and 4.10: coming from slow start the window is the plateau. */
static void begin(struct cubic *cu, const struct cubic_ack *a)
{
	cu->running = true;
	cu->epoch = a->now;
	cu->w_est = a->cwnd;
	cu->rest = cu->rest_est = 0;
	cu->k = 0;
	if (cu->known && cu->w_max > a->cwnd)
		cu->k = cubic_root((uint64_t)(cu->w_max - a->cwnd) * 2500000000u / a->mss);
	else
		cu->w_max = a->cwnd;
}

/* (window + rest / cwnd) + add / cwnd: the whole bytes of it, the remainder in rest. */
static uint32_t add_part(uint32_t window, uint64_t add, uint32_t cwnd, uint32_t *rest)
{
	add += *rest;
	*rest = (uint32_t)(add % cwnd);
	return (uint32_t)MIN(window + add / cwnd, WINDOW_MAX);
}

/* RFC 9438 4.3: alpha = 3 (1 - beta) / (1 + beta) = 9/17 makes up for the smaller
 * decrease, until the window is where it was before. */
static void reno_grow(struct cubic *cu, const struct cubic_ack *a)
{
	uint64_t add = (uint64_t)a->acked * a->mss;

	if (cu->w_est < cu->prior)
		add = add * 9 / 17;
	cu->w_est = add_part(cu->w_est, add, a->cwnd, &cu->rest_est);
}

/* RFC 9438 4.4, 4.5; at most half as much again each round trip. With no decrease
 * yet nothing is known of the path: at least a twentieth, as Linux. */
static uint32_t target(const struct cubic *cu, const struct cubic_ack *a)
{
	uint32_t t = cubic_window(cu, a->mss, a->now - cu->epoch + a->rtt);
	uint32_t least = cu->known ? a->cwnd : a->cwnd + a->cwnd / 20;

	return CLAMP(t, least, a->cwnd + a->cwnd / 2);
}

uint32_t cubic_grow(struct cubic *cu, const struct cubic_ack *ack)
{
	struct cubic_ack a = *ack;
	uint32_t cwnd, to;

	a.acked = MIN(a.acked, a.cwnd);
	if (!cu->running)
		begin(cu, &a);
	reno_grow(cu, &a);
	to = target(cu, &a);
	cwnd = add_part(a.cwnd, (uint64_t)(to - a.cwnd) * a.acked, a.cwnd, &cu->rest);
	return MIN(MAX(cwnd, cu->w_est), WINDOW_MAX);
}

/* RFC 9438 4.6, 4.7: a window that did not come back to where it was leaves more
 * than its share to newcomers. */
uint32_t cubic_reduce(struct cubic *cu, uint32_t cwnd, uint32_t mss, uint32_t beta)
{
	bool less = cu->known && cwnd < cu->w_max;

	cu->running = false;
	cu->known = true;
	cu->w_max = less ? (uint32_t)((uint64_t)cwnd * (1024 + beta) / 2048) : cwnd;
	cu->prior = cwnd;
	return MAX((uint32_t)((uint64_t)cwnd * beta / 1024), 2 * mss);
}

void cubic_forget(struct cubic *cu)
{
	cu->running = cu->known = false;
}

void cubic_widen(struct cubic *cu, uint32_t by)
{
	cu->running = false;
	cu->w_max = MIN(cu->w_max + by, WINDOW_MAX);
	cu->prior = MIN(cu->prior + by, WINDOW_MAX);
}

void cubic_skip(struct cubic *cu, uint32_t ms)
{
	cu->epoch += ms;
}
