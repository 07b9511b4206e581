/* tcp_segs.c - TCP against any peer, any user and any clock
 *
 * The input is a list of steps: a segment (arbitrary flags and options, numbers
 * near the connection's), a proper answer of a peer (so that deep states are
 * reached), a socket call, or time that passes. After each step the books of
 * every connection must balance; in the end, when the user has closed and all
 * timers have run, nothing may be left.
 */
#include <errno.h>
#include <netinet/in.h>

#include "../sim/books.h"
#include "base/cursor.h"
#include "fuzz.h"
#include "stack/sock.h"
#include "stack/tcp.h"

#define SOCKS	4
#define PEER	IP4(10, 0, 0, 2)
#define OURS	IP4(10, 0, 0, 1)

struct world {
	struct stack	*st;
	struct netif	*nif;
	struct rd	rd;
	struct sock	*listener, *so[SOCKS];
	uint32_t	room;
	struct tcp	last;		/* of what we sent */
	bool		has_last;
};

/* --- our side of the wire --- */

static void out(struct netif *nif, struct pkt *pkt)
{
	struct world *w = nif->ctx;
	unsigned off = pkt->l4 - pkt->cur;
	struct rd r;

	CHECK(pkt->l4 >= pkt->cur && pkt->l4 + TCP_LEN <= pkt->end);
	CHECK(pkt->sum == PKT_SUM_PARTIAL && pkt->sum_start == off);
	CHECK(!pkt->gso_size || pkt->gso_hlen == pkt->end - pkt->cur);
	CHECK(pkt_len(pkt) - 14 <= 65535);
	r = rd_of(pkt->head + pkt->l4, pkt->end - pkt->l4);
	w->has_last = tcp_parse(&r, &w->last);
	CHECK(w->has_last);
	pkt_free(pkt);
}

static uint32_t room(struct netif *nif)
{
	return ((struct world *)nif->ctx)->room;
}

/* --- the peer --- */

static struct ip from_peer(const struct world *w)
{
	return (struct ip){ .src = PEER, .dst = OURS, .proto = IPPROTO_TCP, .ttl = 64,
			    .v4 = true, .nif = w->nif };
}

static void inject(struct world *w, struct tcp *h, uint32_t paylen)
{
	uint8_t buf[TCP_MAXLEN + 4096] = { 0 };
	unsigned hlen = tcp_hlen(&h->o);
	struct wr wr = wr_of(buf, hlen);
	struct ip ip = from_peer(w);
	struct pkt *pkt = pkt_new();

	tcp_emit(&wr, h);
	CHECK(!wr.fail);
	paylen = MIN(paylen, 4096u);
	pkt_append(pkt, w->st->heap, buf, hlen);
	for (uint32_t at = 0; at < paylen; at += 1000)
		pkt_append(pkt, w->st->heap, buf + hlen, MIN(paylen - at, 1000));
	pkt->sum = PKT_SUM_OK;
	pkt->gso_size = paylen > 1460 ? 1460 : 0;
	tcp_in(w->st, pkt, &ip);
}

static struct tcpc *pick(struct world *w)
{
	uint8_t i = rd_u8(&w->rd) % SOCKS;

	return w->so[i] ? tcpc_of(w->so[i]) : NULL;
}

static int32_t near(struct world *w)
{
	int8_t b = (int8_t)rd_u8(&w->rd);
	uint8_t scale = rd_u8(&w->rd) % 4;

	return b * (int32_t[]){ 1, 100, 1460, 65536 }[scale];
}

static void options(struct world *w, const struct tcpc *tc, struct tcp *h)
{
	uint8_t which = rd_u8(&w->rd);

	h->o.has_ts = which & 1;
	h->o.ts_val = tc ? tc->ts_recent + (uint32_t)near(w) : rd_u32(&w->rd);
	h->o.ts_ecr = tc ? tcp_ts_now(tc) + (uint32_t)near(w) : 0;
	h->o.has_mss = which & 2;
	h->o.mss = rd_u16(&w->rd);
	h->o.has_wscale = which & 4;
	h->o.wscale = rd_u8(&w->rd);
	h->o.sack_ok = which & 8;
	h->o.n_sack = which >> 5 & 3;
	for (unsigned i = 0; i < h->o.n_sack; i++) {
		struct seq base = tc ? tc->snd_una : SEQ(0);

		h->o.sack[i].from = seq_add(base, (uint32_t)near(w));
		h->o.sack[i].to = seq_add(h->o.sack[i].from, (uint32_t)near(w));
	}
}

static void any_segment(struct world *w)
{
	const struct tcpc *tc = pick(w);
	struct tcp h = { .src_port = 9, .dst_port = 80 };

	if (tc) {
		h.src_port = tc->so.remote.port;
		h.dst_port = tc->so.local.port;
		h.seq = seq_add(tc->rcv_nxt, (uint32_t)near(w));
		h.ack = seq_add(rd_u8(&w->rd) & 1 ? tc->snd_nxt : tc->snd_una, (uint32_t)near(w));
	} else {
		h.src_port = 1000 + rd_u8(&w->rd) % 8;
		h.seq = SEQ(rd_u32(&w->rd));
		h.ack = SEQ(rd_u32(&w->rd));
	}
	h.flags = rd_u8(&w->rd);
	h.win = rd_u16(&w->rd);
	h.urg = rd_u8(&w->rd);
	options(w, tc, &h);
	inject(w, &h, rd_u8(&w->rd) & 1 ? rd_u16(&w->rd) % 4096 : 0);
}

/* What an honest peer says to our last segment, perhaps with data or FIN. */
static void answer(struct world *w)
{
	struct tcp *l = &w->last;
	struct tcp h = { .src_port = l->dst_port, .dst_port = l->src_port,
			 .seq = l->ack, .ack = seq_add(l->seq, l->flags & TCP_SYN ? 1 : 0),
			 .flags = TCP_ACK, .win = rd_u16(&w->rd) };
	uint8_t how = rd_u8(&w->rd);

	if (!w->has_last)
		return;
	if ((l->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		h.flags |= TCP_SYN;
		h.seq = SEQ(rd_u32(&w->rd));
		h.o = l->o;
		h.o.ts_ecr = l->o.ts_val;
	} else {
		h.flags |= how & 1 ? TCP_FIN : 0;
		h.o.has_ts = l->o.has_ts;
		h.o.ts_val = l->o.ts_ecr + 1;
		h.o.ts_ecr = l->o.ts_val;
		h.ack = seq_add(h.ack, how & 2 ? rd_u16(&w->rd) : 0);
	}
	inject(w, &h, how & 4 ? rd_u16(&w->rd) % 4096 : 0);
}

static void icmp(struct world *w)
{
	const struct tcpc *tc = pick(w);
	struct icmp_note n = { .src = OURS, .dst = PEER, .error = EHOSTUNREACH };

	if (!tc)
		return;
	n.src_port = tc->so.local.port;
	n.dst_port = tc->so.remote.port;
	n.seq = seq_add(tc->snd_una, (uint32_t)near(w));
	n.mtu = rd_u8(&w->rd) & 1 ? rd_u16(&w->rd) : 0;
	n.hard = rd_u8(&w->rd) & 1;
	tcp_icmp(w->st, &n);
}

/* --- the user --- */

static void do_connect(struct world *w)
{
	struct endpoint ep = { .addr = PEER, .port = 1000 + rd_u8(&w->rd) % 4 };
	unsigned i = rd_u8(&w->rd) % SOCKS;

	if (!w->so[i])
		CHECK(sock_new(w->st, AF_INET, SOCK_STREAM, 0, &w->so[i]) == 0);
	sock_connect(w->so[i], &ep);
}

static void do_accept(struct world *w)
{
	unsigned i = rd_u8(&w->rd) % SOCKS;

	if (!w->so[i] && w->listener)
		sock_accept(w->listener, &w->so[i]);
}

static void do_send(struct world *w)
{
	static const uint8_t zeros[40000];
	unsigned i = rd_u8(&w->rd) % SOCKS;
	struct iovec iov = { (void *)(uintptr_t)zeros, rd_u16(&w->rd) % sizeof(zeros) };
	uint8_t f = rd_u8(&w->rd);

	if (w->so[i])
		sock_send(w->so[i], &iov, 1, (f & 1 ? MSG_OOB : 0) | (f & 2 ? MSG_MORE : 0), NULL);
}

static void do_recv(struct world *w)
{
	static uint8_t buf[65536];
	unsigned i = rd_u8(&w->rd) % SOCKS;
	struct iovec iov = { buf, rd_u16(&w->rd) };
	uint8_t f = rd_u8(&w->rd);

	if (w->so[i])
		sock_recv(w->so[i], &iov, 1, (f & 1 ? MSG_OOB : 0) | (f & 2 ? MSG_PEEK : 0) |
						     (f & 4 ? MSG_TRUNC : 0), NULL);
}

static void do_reserve(struct world *w)
{
	unsigned i = rd_u8(&w->rd) % SOCKS;
	struct iovec iov[4];
	int n = 4;
	size_t len;

	if (!w->so[i])
		return;
	len = sock_reserve(w->so[i], iov, &n);
	for (int k = 0; k < n; k++)
		memset(iov[k].iov_base, 1, iov[k].iov_len);
	if (rd_u8(&w->rd) & 1)	/* the peer acts in between */
		answer(w);
	for (int k = 0; k < n; k++)
		memset(iov[k].iov_base, 2, iov[k].iov_len);
	sock_commit(w->so[i], len ? rd_u16(&w->rd) % (len + 1) : 0);
}

static volatile uint8_t seen;

static void do_peek(struct world *w)
{
	unsigned i = rd_u8(&w->rd) % SOCKS;
	struct iovec iov[4];
	uint8_t sum = 0;
	int n = 4;
	size_t len;

	if (!w->so[i])
		return;
	len = sock_peek(w->so[i], iov, &n);
	if (rd_u8(&w->rd) & 1)
		answer(w);
	for (int k = 0; k < n; k++)
		sum += ((uint8_t *)iov[k].iov_base)[iov[k].iov_len - 1];
	seen ^= sum;		/* what is lent can be read */
	sock_consume(w->so[i], rd_u16(&w->rd) % (len + 1));
}

static void do_option(struct world *w)
{
	unsigned i = rd_u8(&w->rd) % SOCKS;
	int level = rd_u8(&w->rd) & 1 ? IPPROTO_TCP : SOL_SOCKET;
	int name = rd_u8(&w->rd) % 40, v = (int8_t)rd_u8(&w->rd);
	char buf[256];
	socklen_t len = sizeof(buf);

	if (!w->so[i])
		return;
	sock_setopt(w->so[i], level, name, &v, sizeof(v));
	sock_getopt(w->so[i], level, name, buf, &len);
}

static void do_close(struct world *w)
{
	unsigned i = rd_u8(&w->rd) % SOCKS;
	uint8_t how = rd_u8(&w->rd) % 4;

	if (!w->so[i])
		return;
	if (how < 3) {
		sock_shutdown(w->so[i], how);
		return;
	}
	sock_close(w->so[i]);
	w->so[i] = NULL;
}

static void do_listener(struct world *w)
{
	if (w->listener)
		sock_close(w->listener);
	w->listener = NULL;
}

static void pass_time(struct world *w)
{
	static const usec unit[] = { 1, 1000, 50000, 1000000, 60000000 };

	stack_now(w->st, w->st->now + rd_u8(&w->rd) * unit[rd_u8(&w->rd) % 5]);
	stack_run(w->st);
}

static void change_room(struct world *w)
{
	w->room = rd_u8(&w->rd) % 8;
	if (w->room)
		netif_ready(w->nif);
}

static void (*const steps[])(struct world *w) = {
	any_segment, answer, any_segment, answer, any_segment, answer, do_connect, do_accept,
	do_send, do_recv, do_reserve, do_peek, do_option, do_close, pass_time, pass_time,
	change_room, icmp, do_listener,
};

/* --- begin and end --- */

static void begin(struct world *w)
{
	static const struct netif_ops ops = { .out = out, .room = room };
	struct endpoint ep = { .addr = OURS, .port = 80 };

	w->st = stack_new(1, 1000000);
	w->room = 100;
	w->nif = netif_add(w->st, "eth0", (struct mac){ { 2 } }, 1500, NETIF_NOARP, &ops, w);
	netif_addr_add(w->nif, &ep.addr, 24);
	netif_up(w->nif);
	w->has_last = false;
	w->st->param.tcp_gso_max = rd_u8(&w->rd) & 1 ? 65535 : 0;
	w->st->param.tcp_sack = rd_u8(&w->rd) & 1;
	CHECK(sock_new(w->st, AF_INET, SOCK_STREAM, 0, &w->listener) == 0);
	CHECK(sock_bind(w->listener, &ep) == 0);
	CHECK(sock_listen(w->listener, 2) == 0);
}

static void end(struct world *w)
{
	do_listener(w);
	for (unsigned i = 0; i < SOCKS; i++) {
		if (w->so[i])
			sock_close(w->so[i]);
	}
	w->room = 100;
	netif_ready(w->nif);
	for (int i = 0; i < 4000 && sock_next(w->st, NULL); i++) {
		books_check(w->st);
		stack_now(w->st, MIN(stack_deadline(w->st), w->st->now + 1000000000));
		stack_run(w->st);
	}
	CHECK(!sock_next(w->st, NULL));
	CHECK(w->st->tcp->reqs.count == 0);
	netif_remove(w->nif);		/* frames with TCP_TX_DELAY outlive their sockets */
	CHECK(arena_heap_used(w->st->heap) == 0);
	stack_free(w->st);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .rd = rd_of(data, size) };

	begin(&w);
	while (rd_left(&w.rd)) {
		steps[rd_u8(&w.rd) % ARRAY_LEN(steps)](&w);
		books_check(w.st);
	}
	end(&w);
	return 0;
}
