/* tcp_opt.c - socket options of level IPPROTO_TCP, in Linux's layout
 *
 * One row per option: how its value is checked and where it lives. What Linux
 * has and we have not is ENOPROTOOPT, so programs notice and do without.
 */
#include "stack/tcp_stamp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/mem.h"

struct tcp_option {
	int	(*set)(struct tcpc *tc, int v);		/* 0 or -errno */
	int	(*get)(const struct tcpc *tc);
};

/* --- what few ask for --- */

static const struct tcp_asked nothing;

void tcp_asked_init(struct tcpc *tc, const struct tcpc *from)
{
	struct tcp_asked *a;

	tc->asked = &nothing;
	if (!from || from->asked == &nothing)
		return;
	a = tcp_asked_own(tc);
	*a = *from->asked;
	a->lent = a->lent_true = a->drafts = 0;
	a->stamps = NULL;
	tc->special = a->tx_delay;
}

struct tcp_asked *tcp_asked_own(struct tcpc *tc)
{
	if (tc->asked == &nothing)
		tc->asked = xzalloc(sizeof(*tc->asked));
	return (struct tcp_asked *)(uintptr_t)tc->asked;
}

void tcp_asked_free(struct tcpc *tc)
{
	if (tc->asked != &nothing) {
		tcp_stamps_free(tc);
		free(tc->asked->syn);
		free((void *)(uintptr_t)tc->asked);
	}
	tc->asked = &nothing;
}

/* --- SYNs to be looked at later --- */

struct tcp_syn *tcp_syn_copy(const struct tcpc *lis, const struct pkt *pkt)
{
	unsigned from = pkt->l3;
	struct tcp_syn *s;

	if (!lis->asked->save_syn)
		return NULL;
	if (lis->asked->save_syn == 2)
		from -= MIN(from - pkt->start, (unsigned)ETH_LEN);
	s = xmalloc(sizeof(*s) + pkt->cur - from);
	s->len = (uint16_t)(pkt->cur - from);
	memcpy(s->b, pkt->head + from, s->len);
	return s;
}

void tcp_syn_keep(struct tcpc *child, struct tcp_syn *s)
{
	if (s)
		tcp_asked_own(child)->syn = s;
}

/* Once: it is let go with that. */
static int saved_syn_get(struct tcpc *tc, void *v, socklen_t *len)
{
	struct tcp_syn *s = tc->asked->syn;
	socklen_t room = *len;

	*len = s ? s->len : 0;
	if (!s)
		return 0;
	if (room < s->len)
		return -EINVAL;
	memcpy(v, s->b, s->len);
	tcp_asked_own(tc)->syn = NULL;
	free(s);
	return 0;
}

int tcp_inq(const struct tcpc *tc)
{
	return tc->rcv_bytes ? (int)tc->rcv_bytes : tc->done;
}

/* --- the options --- */

static int nodelay_set(struct tcpc *tc, int v)
{
	tc->nodelay = v != 0;
	if (tc->nodelay)
		tcp_output(tc);
	return 0;
}

static int nodelay_get(const struct tcpc *tc)
{
	return tc->nodelay;
}

static int cork_set(struct tcpc *tc, int v)
{
	tc->cork = v != 0;
	if (!tc->cork)
		tcp_output(tc);
	return 0;
}

static int cork_get(const struct tcpc *tc)
{
	return tc->cork;
}

static int maxseg_set(struct tcpc *tc, int v)
{
	if (v && (v < 88 || v > 32767))
		return -EINVAL;
	tcp_asked_own(tc)->mss = (uint16_t)v;
	return 0;
}

/* Before the connection: what the user asked for or RFC 9293's default. */
static int maxseg_get(const struct tcpc *tc)
{
	if (tcp_state_in(tc, 1u << TCP_CLOSE | 1u << TCP_LISTEN))
		return tc->asked->mss ? tc->asked->mss : 536;
	return (int)tc->mss;
}

static int or_param(uint32_t asked, uint32_t param)
{
	return (int)(asked ? asked : param);
}

static int keepidle_set(struct tcpc *tc, int v)
{
	if (v < 1 || v > 32767)
		return -EINVAL;
	tcp_asked_own(tc)->keep_idle = (uint16_t)v;
	tcp_ev_keepalive(tc);
	return 0;
}

static int keepidle_get(const struct tcpc *tc)
{
	return or_param(tc->asked->keep_idle, tc->so.st->param.tcp_keepalive_time);
}

static int keepintvl_set(struct tcpc *tc, int v)
{
	if (v < 1 || v > 32767)
		return -EINVAL;
	tcp_asked_own(tc)->keep_intvl = (uint16_t)v;
	return 0;
}

static int keepintvl_get(const struct tcpc *tc)
{
	return or_param(tc->asked->keep_intvl, tc->so.st->param.tcp_keepalive_intvl);
}

static int keepcnt_set(struct tcpc *tc, int v)
{
	if (v < 1 || v > 127)
		return -EINVAL;
	tcp_asked_own(tc)->keep_cnt = (uint8_t)v;
	return 0;
}

static int keepcnt_get(const struct tcpc *tc)
{
	return or_param(tc->asked->keep_cnt, tc->so.st->param.tcp_keepalive_probes);
}

static int syncnt_set(struct tcpc *tc, int v)
{
	if (v < 1 || v > 127)
		return -EINVAL;
	tcp_asked_own(tc)->syn_retries = (uint8_t)v;
	return 0;
}

static int syncnt_get(const struct tcpc *tc)
{
	return or_param(tc->asked->syn_retries, tc->so.st->param.tcp_syn_retries);
}

static int user_timeout_set(struct tcpc *tc, int v)
{
	if (v < 0)
		return -EINVAL;
	tcp_asked_own(tc)->user_timeout = (uint32_t)v;
	return 0;
}

static int user_timeout_get(const struct tcpc *tc)
{
	return (int)tc->asked->user_timeout;
}

static int quickack_set(struct tcpc *tc, int v)
{
	tc->pingpong = v == 0;
	if (v && tcp_ack_pending(tc))
		tcp_send_ack(tc);
	return 0;
}

static int quickack_get(const struct tcpc *tc)
{
	return !tc->pingpong;
}

/* Seconds until the n-th SYN-ACK after the first: 1, 3, 7 ... */
static int synack_time(unsigned n)
{
	int sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += MIN(1 << MIN(i, 7u), 120);
	return sum;
}

/* Linux counts SYN-ACKs instead of seconds, and says the seconds of those. */
static int defer_accept_set(struct tcpc *tc, int v)
{
	unsigned n = 0;

	while (n < 255 && synack_time(n) < v)
		n++;
	tcp_asked_own(tc)->defer_accept = (uint8_t)n;
	return 0;
}

static int defer_accept_get(const struct tcpc *tc)
{
	return synack_time(tc->asked->defer_accept);
}

static int linger2_set(struct tcpc *tc, int v)
{
	tcp_asked_own(tc)->linger2 = (int8_t)(v < 0 ? -1 : MIN(v, 120));
	return 0;
}

static int linger2_get(const struct tcpc *tc)
{
	return tc->asked->linger2 ? tc->asked->linger2 : (int)tc->so.st->param.tcp_fin_timeout;
}

static int window_clamp_set(struct tcpc *tc, int v)
{
	if (!v && tc->state != TCP_CLOSE)
		return -EINVAL;
	tcp_asked_own(tc)->window_clamp = v ? (uint32_t)MAX(v, 1152) : 0;
	return 0;
}

static int window_clamp_get(const struct tcpc *tc)
{
	return (int)tc->asked->window_clamp;
}

static int notsent_lowat_set(struct tcpc *tc, int v)
{
	tcp_asked_own(tc)->notsent_lowat = (uint32_t)v;
	sock_wake(&tc->so);
	return 0;
}

static int notsent_lowat_get(const struct tcpc *tc)
{
	return (int)tc->asked->notsent_lowat;
}

static int fastopen_set(struct tcpc *tc, int v)
{
	if (v < 0 || !tcp_state_in(tc, 1u << TCP_CLOSE | 1u << TCP_LISTEN))
		return -EINVAL;
	tcp_fo_get(tc)->qlen = (uint16_t)MIN((uint32_t)v, MIN(tc->so.st->param.somaxconn,
							      UINT16_MAX));
	return 0;
}

static int fastopen_get(const struct tcpc *tc)
{
	return tc->fo ? tc->fo->qlen : 0;
}

static int fo_connect_set(struct tcpc *tc, int v)
{
	if (v < 0 || v > 1 || tc->state != TCP_CLOSE)
		return -EINVAL;
	if (!(tc->so.st->param.tcp_fastopen & FO_CLIENT))
		return -EOPNOTSUPP;
	tcp_fo_get(tc)->connect = v;
	return 0;
}

static int fo_connect_get(const struct tcpc *tc)
{
	return tc->fo && tc->fo->connect;
}

static int fo_no_cookie_set(struct tcpc *tc, int v)
{
	if (v < 0 || v > 1 || !tcp_state_in(tc, 1u << TCP_CLOSE | 1u << TCP_LISTEN))
		return -EINVAL;
	tcp_fo_get(tc)->no_cookie = v;
	return 0;
}

static int fo_no_cookie_get(const struct tcpc *tc)
{
	return tc->fo && tc->fo->no_cookie;
}

static int thin_set(struct tcpc *tc, int v)
{
	if (v < 0 || v > 1)
		return -EINVAL;
	tcp_asked_own(tc)->thin = v;
	return 0;
}

static int thin_get(const struct tcpc *tc)
{
	return tc->asked->thin;
}

/* Linux takes it and does nothing: early retransmit did better (RFC 5827, RACK). */
static int thin_dupack_set(struct tcpc *tc, int v)
{
	return v < 0 || v > 1 ? -EINVAL : 0;
}

static int thin_dupack_get(const struct tcpc *tc)
{
	return 0;
}

static int save_syn_set(struct tcpc *tc, int v)
{
	if (v < 0 || v > 2)
		return -EINVAL;
	tcp_asked_own(tc)->save_syn = (uint8_t)v;
	return 0;
}

static int save_syn_get(const struct tcpc *tc)
{
	return tc->asked->save_syn;
}

static int inq_set(struct tcpc *tc, int v)
{
	if (v < 0 || v > 1)
		return -EINVAL;
	tcp_asked_own(tc)->inq = v;
	return 0;
}

static int inq_get(const struct tcpc *tc)
{
	return tc->asked->inq;
}

/* As Linux, whose smoothed round trip has 29 bits. */
static int tx_delay_set(struct tcpc *tc, int v)
{
	if (v < 0 || v >= 1 << 28)
		return -EINVAL;
	tcp_asked_own(tc)->tx_delay = (uint32_t)v;
	tc->special |= v;
	return 0;
}

static int tx_delay_get(const struct tcpc *tc)
{
	return (int)tc->asked->tx_delay;
}

static int timestamp_get(const struct tcpc *tc)
{
	return (int)tcp_ts_now(tc);
}

static const struct tcp_option options[] = {
	[TCP_NODELAY]		= { nodelay_set, nodelay_get },
	[TCP_MAXSEG]		= { maxseg_set, maxseg_get },
	[TCP_CORK]		= { cork_set, cork_get },
	[TCP_KEEPIDLE]		= { keepidle_set, keepidle_get },
	[TCP_KEEPINTVL]		= { keepintvl_set, keepintvl_get },
	[TCP_KEEPCNT]		= { keepcnt_set, keepcnt_get },
	[TCP_SYNCNT]		= { syncnt_set, syncnt_get },
	[TCP_LINGER2]		= { linger2_set, linger2_get },
	[TCP_DEFER_ACCEPT]	= { defer_accept_set, defer_accept_get },
	[TCP_WINDOW_CLAMP]	= { window_clamp_set, window_clamp_get },
	[TCP_QUICKACK]		= { quickack_set, quickack_get },
	[TCP_FASTOPEN]		= { fastopen_set, fastopen_get },
	[TCP_FASTOPEN_CONNECT]	= { fo_connect_set, fo_connect_get },
	[TCP_FASTOPEN_NO_COOKIE] = { fo_no_cookie_set, fo_no_cookie_get },
	[TCP_THIN_LINEAR_TIMEOUTS] = { thin_set, thin_get },
	[TCP_THIN_DUPACK]	= { thin_dupack_set, thin_dupack_get },
	[TCP_SAVE_SYN]		= { save_syn_set, save_syn_get },
	[TCP_TX_DELAY]		= { tx_delay_set, tx_delay_get },
	[TCP_INQ]		= { inq_set, inq_get },
	[TCP_TIMESTAMP]		= { NULL, timestamp_get },
	[TCP_USER_TIMEOUT]	= { user_timeout_set, user_timeout_get },
	[TCP_NOTSENT_LOWAT]	= { notsent_lowat_set, notsent_lowat_get },
};

static int congestion_set(struct tcpc *tc, const void *v, socklen_t len)
{
	char name[16] = "";
	const struct tcp_cc *cc;

	if (!len)
		return -EINVAL;
	memcpy(name, v, MIN(len, sizeof(name) - 1));
	cc = tcp_cc_find(name);
	if (!cc)
		return -ENOENT;
	if (!tcp_cc_listed(tc->so.st->param.tcp_allowed_congestion_control, cc->name))
		return -EPERM;
	tcp_cc_set(tc, cc);
	return 0;
}

int tcp_setopt(struct sock *so, int level, int name, const void *v, socklen_t len)
{
	struct tcpc *tc = tcpc_of(so);
	int n;

	if (level == SOL_SOCKET && name == SO_KEEPALIVE)
		tcp_ev_keepalive(tc);
	if (level == SOL_SOCKET)
		sock_wake(so);		/* buffer sizes and marks change readiness */
	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (name == TCP_CONGESTION)
		return congestion_set(tc, v, len);
	if (name == TCP_ULP)
		return len ? -ENOENT : -EINVAL;		/* there are no modules */
	if (len < sizeof(n))
		return -EINVAL;
	if (name == TCP_MD5SIG || name == TCP_MD5SIG_EXT)
		return len < sizeof(struct tcp_md5sig) ? -EINVAL : -ENOPROTOOPT;
	if (name < 0 || (size_t)name >= ARRAY_LEN(options) || !options[name].set)
		return -ENOPROTOOPT;
	memcpy(&n, v, sizeof(n));
	return options[name].set(tc, n);
}

/* --- reading --- */

static int put(void *v, socklen_t *len, const void *from, size_t size)
{
	*len = (socklen_t)MIN(*len, size);
	memcpy(v, from, *len);
	return 0;
}

static int congestion_get(const struct tcpc *tc, void *v, socklen_t *len)
{
	char name[16] = "";
	const char *s = tc->cc ? tc->cc->name : tc->so.st->param.tcp_congestion_control;

	memcpy(name, s, MIN(strlen(s), sizeof(name) - 1));
	return put(v, len, name, sizeof(name));
}

int tcp_getopt(struct sock *so, int level, int name, void *v, socklen_t *len)
{
	const struct tcpc *tc = tcpc_of(so);
	int n;

	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (name == TCP_INFO) {
		tcp_info_get(tc, v, len);
		return 0;
	}
	if (name == TCP_SAVED_SYN)
		return saved_syn_get(tcpc_of(so), v, len);
	if (name == TCP_CONGESTION)
		return congestion_get(tc, v, len);
	if (name == TCP_ULP || name == TCP_CC_INFO) {
		*len = 0;
		return 0;
	}
	if (name < 0 || (size_t)name >= ARRAY_LEN(options) || !options[name].get)
		return -ENOPROTOOPT;
	n = options[name].get(tc);
	return put(v, len, &n, sizeof(n));
}
