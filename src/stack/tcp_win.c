/* tcp_win.c - the receive window: what it may be, what is said of it, its growth
 *
 * The window counts bytes and is half of so.rcvbuf, which bounds memory. Its
 * right edge never moves back and moves forward in worthwhile steps only (RFC
 * 9293 3.8.6.2.2). The buffer grows with what the user reads per round trip
 * (dynamic right sizing, as Linux does it), up to tcp_rmem[2], unless SO_RCVBUF
 * fixed it. A short path cannot hold that much: what a neighbour on the same machine
 * has in flight should stay in the processor's caches, so there the buffers of both
 * directions stop growing earlier, and many connections share (near_share).
 */
#include "stack/tcp.h"

#define NEAR_RCVBUF	(4u << 20)	/* a window of 2 MiB */
#define NEAR_SNDBUF	(2u << 20)
#define NEAR_RTT	5000u		/* us: a short path */
#define NEAR_ALL	(16u << 20)	/* that all connections may hold before a share is small */
#define NEAR_LEAST	(16u << 10)	/* of each */
#define NEAR_TUNE	USEC_PER_MSEC	/* how often its window may grow */
#define FIRST_FLIGHT	10u		/* segments: more, and the buffer grows (Linux) */
#define FASTEST		10000u		/* bytes a us: no path holds more a round trip */

uint32_t tcp_rcv_space(const struct tcpc *tc)
{
	uint32_t space = tc->so.rcvbuf / 2;

	return tc->asked->window_clamp ? MIN(space, tc->asked->window_clamp) : space;
}

#define SEGS_SHORT	4u	/* of a window while memory is short, as Linux */

/* Whose user reads all that comes in a round trip holds none of it: while memory is
 * short he keeps that, or one hoarder among many would slow all. */
static uint32_t short_space(const struct tcpc *tc)
{
	return MAX(SEGS_SHORT * MAX(tc->mss, tc->rcv_mss), tc->drs_space);
}

static bool is_near(const struct tcpc *tc)
{
	return tc->min_rtt && tc->min_rtt < NEAR_RTT;
}

/* Each connection may hold as much as NEAR_ALL leaves: few have what they want, of many
 * each has the same small share (dynamic thresholds, Choudhury and Hahne 1998). More would
 * lie unread, or unsent, outside of the caches and of the memory that neighbours share. */
static uint32_t near_share(const struct tcpc *tc)
{
	uint64_t used = tc->so.st->budget[BUDGET_TCP].used;

	return used < NEAR_ALL - NEAR_LEAST ? (uint32_t)(NEAR_ALL - used) : NEAR_LEAST;
}

uint32_t tcp_snd_space(const struct tcpc *tc)
{
	uint32_t used = tc->snd.bytes + tc->asked->drafts, size = tc->so.sndbuf;

	if (is_near(tc) && !tc->so.sndbuf_locked)
		size = MIN(size, near_share(tc));
	return size > used ? size - used : 0;
}

static uint32_t free_space(const struct tcpc *tc)
{
	uint32_t full = tcp_rcv_space(tc), held = tc->rcv_bytes + tc->asked->lent;

	if (is_near(tc) && !tc->so.rcvbuf_locked && tc->so.asked->rcvlowat <= 1)
		full = MIN(full, near_share(tc) + tc->asked->lent);
	if (budget_pressed(tc->so.st, BUDGET_TCP))
		full = MIN(full, short_space(tc));
	return full > held ? full - held : 0;
}

uint8_t tcp_window_scale(const struct param *p)
{
	uint32_t space = MAX(p->tcp_rmem[2], p->rmem_max);
	uint8_t scale = 0;

	if (!p->tcp_window_scaling)
		return 0;
	for (; space > 65535 && scale < 14; space >>= 1)
		scale++;
	return scale;
}

/* The window of a SYN is never scaled; whole segments, as Linux. */
uint32_t tcp_initial_window(const struct tcpc *tc, uint32_t mss)
{
	uint32_t win = MIN(tcp_rcv_space(tc), 65535u);

	return win > mss ? win - win % mss : win;
}

void tcp_rcv_init(struct tcpc *tc)
{
	tc->rcv_wup = tc->rcv_nxt;
	tc->copied = tc->rcv_nxt;
	tc->drs_space = MIN(tc->rcv_wnd, FIRST_FLIGHT * tc->mss);
	tc->drs_seq = tc->copied;
	tc->drs_at = (uint32_t)tc->so.st->now;
	tc->rcv_rtt_seq = seq_add(tc->rcv_nxt, tc->rcv_wnd);
	tc->rcv_rtt_at = (uint32_t)tc->so.st->now;
}

uint32_t tcp_rcv_window(const struct tcpc *tc)
{
	int32_t win = seq_diff(seq_add(tc->rcv_wup, tc->rcv_wnd), tc->rcv_nxt);

	return win > 0 ? (uint32_t)win : 0;
}

/* RFC 9293 3.8.6.2.2: the right edge moves by a worthwhile step, never back. */
uint32_t tcp_rcv_select_window(struct tcpc *tc)
{
	uint32_t unit = 1u << tc->rcv_wscale;
	uint32_t cur = tcp_rcv_window(tc), win = free_space(tc);

	if (win < cur + MIN(tcp_rcv_space(tc) / 2, tc->rcv_mss))
		win = (cur + unit - 1) & ~(unit - 1);
	else
		win &= ~(unit - 1);
	win = MIN(win, 65535u << tc->rcv_wscale);
	tc->rcv_wnd = win;
	tc->rcv_wup = tc->rcv_nxt;
	return win;
}

/* --- auto-tuning --- */

static uint32_t buf_limit(const struct tcpc *tc, uint32_t most, uint32_t near)
{
	uint64_t path = (uint64_t)tc->min_rtt * FASTEST;	/* no sample: all */

	return (uint32_t)MIN(most, MAX(path, near));
}

void tcp_snd_tune(struct tcpc *tc)
{
	uint32_t most = buf_limit(tc, tc->so.st->param.tcp_wmem[2], NEAR_SNDBUF);
	uint32_t want = MIN(2 * tc->cwnd, most);

	if (budget_pressed(tc->so.st, BUDGET_TCP))
		return;
	if (!tc->so.sndbuf_locked && want > tc->so.sndbuf)
		tc->so.sndbuf = want;
}

/* With timestamps the peer tells when it sent; else a window takes a round trip. */
void tcp_rcv_rtt_ts(struct tcpc *tc, uint32_t ecr)
{
	int32_t ms = (int32_t)(tcp_ts_now(tc) - ecr);
	uint32_t rtt = (uint32_t)CLAMP(ms, 1, 60000) * 1000;

	tc->rcv_rtt = tc->rcv_rtt ? tc->rcv_rtt - tc->rcv_rtt / 8 + rtt / 8 : rtt;
}

static void rtt_by_window(struct tcpc *tc)
{
	uint32_t now = (uint32_t)tc->so.st->now;

	if (seq_lt(tc->rcv_nxt, tc->rcv_rtt_seq))
		return;
	if (!tc->ts_ok) {
		uint32_t rtt = CLAMP(now - tc->rcv_rtt_at, 1u, 60000000u);

		tc->rcv_rtt = tc->rcv_rtt ? MIN(tc->rcv_rtt, rtt) : rtt;
	}
	tc->rcv_rtt_seq = seq_add(tc->rcv_nxt, tc->rcv_wnd);
	tc->rcv_rtt_at = now;
}

static void grow_buffer(struct tcpc *tc, uint32_t read)
{
	uint64_t want = 2ull * read + 16ull * tc->rcv_mss;
	uint32_t most = buf_limit(tc, tc->so.st->param.tcp_rmem[2], NEAR_RCVBUF);

	if (budget_pressed(tc->so.st, BUDGET_TCP) || !tc->so.st->param.tcp_moderate_rcvbuf)
		return;
	want += 2 * (want * (read - tc->drs_space) / MAX(tc->drs_space, 1));
	want = MIN(2 * want, most);
	if (want > tc->so.rcvbuf && !tc->so.rcvbuf_locked)
		tc->so.rcvbuf = (uint32_t)want;
}

/* On a short path the round trip that the receiver sees is made of what waits for its own
 * reader. There the buffer grows if more than half of the window is read in NEAR_TUNE. */
static bool has_outgrown(const struct tcpc *tc, uint32_t read)
{
	return read > tc->drs_space && (!is_near(tc) || read > tcp_rcv_space(tc) / 2);
}

static void auto_tune(struct tcpc *tc)
{
	uint32_t now = (uint32_t)tc->so.st->now;
	uint32_t read = (uint32_t)seq_diff(tc->copied, tc->drs_seq);
	uint32_t rtt;

	rtt_by_window(tc);
	rtt = is_near(tc) ? MIN(tc->rcv_rtt, NEAR_TUNE) : tc->rcv_rtt;
	if (!rtt || now - tc->drs_at < rtt)
		return;
	if (has_outgrown(tc, read)) {
		grow_buffer(tc, read);
		tc->drs_space = read;
	}
	tc->drs_seq = tc->copied;
	tc->drs_at = now;
}

/* --- the user has read --- */

/* Is it worth telling the peer that the window has opened? As Linux: when it
 * is at least twice what the peer knows. */
static bool window_opened(const struct tcpc *tc)
{
	uint32_t known = tcp_rcv_window(tc), now = free_space(tc);

	if (known > tcp_rcv_space(tc) / 2)
		return false;
	return now >= 2 * known && now >= MIN(tcp_rcv_space(tc) / 2, tc->rcv_mss);
}

/* All is read, the peer has pushed and we do not answer with data: it may be
 * waiting for our ACK, with a small buffer for example (as Linux). */
static bool peer_waits(const struct tcpc *tc)
{
	return !tc->rcv_bytes && tc->pushed && !tc->pingpong && tcp_ack_pending(tc);
}

void tcp_rcv_freed(struct tcpc *tc)
{
	if (tcp_state_in(tc, TCP_CAN_RECV) && window_opened(tc))
		tcp_send_ack(tc);
}

void tcp_rcv_taken(struct tcpc *tc, uint32_t n)
{
	if (!n)
		return;
	auto_tune(tc);
	if (tcp_state_in(tc, TCP_CAN_RECV) && (window_opened(tc) || peer_waits(tc)))
		tcp_send_ack(tc);
}
