/* stack_frames.c - anything at all arrives at a stack with sockets open
 *
 * The input is a list of records: what to do, how many bytes, the bytes. Frames
 * come as they are, or with the headers that let them through the first doors so
 * that later ones are tried; time moves; sockets send, receive and come and go.
 * At the end nothing may be left in the arena.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include "fuzz.h"
#include "proto/proto.h"
#include "stack/netif.h"
#include "stack/sock.h"

#define N_SOCKS	10

enum { RAW, RAW_SUMMED, IP4_TO_US, IP6_TO_US, ARP_TO_US, TIME, SOCKET, N_WHATS };

struct world {
	struct stack	*st;
	struct netif	*nif;
	usec		now;
	struct sock	*so[N_SOCKS];
};

static const struct mac own = { { 2, 0, 0, 0, 0, 1 } };
static const struct mac peer = { { 2, 0, 0, 0, 0, 2 } };
static const struct ip_addr own6 = { { 0xfd, [15] = 1 } }, peer6 = { { 0xfd, [15] = 2 } };

/* What leaves must be a frame with its offload notes in order. */
static void frame_out(struct netif *nif, struct pkt *pkt)
{
	if (pkt_len(pkt) < ETH_LEN || pkt->cur != pkt->start)
		abort();
	if (pkt->sum == PKT_SUM_PARTIAL &&
	    pkt->start + pkt->sum_start + pkt->sum_off + 2u > pkt->end)
		abort();
	pkt_sum_finish(pkt);
	pkt_free(pkt);
}

static const struct netif_ops ops = { .out = frame_out };

static void sock_make(struct world *w, int i)
{
	static const struct { int family, type; uint16_t port; int proto; } how[N_SOCKS] = {
		{ AF_INET, SOCK_DGRAM, 1000, 0 }, { AF_INET6, SOCK_DGRAM, 1001, 0 },
		{ AF_INET6, SOCK_STREAM, 80, 0 }, { AF_INET, SOCK_DGRAM, 1002, 0 },
		{ AF_INET, SOCK_STREAM, 0, 0 }, { AF_INET6, SOCK_STREAM, 0, 0 },
		{ AF_INET, SOCK_RAW, 0, IPPROTO_UDP }, { AF_INET6, SOCK_RAW, 0, IPPROTO_ICMPV6 },
		{ AF_INET, SOCK_DGRAM, 0x100, IPPROTO_ICMP },
		{ AF_INET6, SOCK_DGRAM, 0x100, IPPROTO_ICMPV6 },
	};
	static const int on = 1;
	struct endpoint any = { how[i].family == AF_INET ? IP4_ANY : IP6_ANY, how[i].port, 0 };
	struct endpoint to4 = { IP4(10, 0, 0, 2), 1000, 0 }, to6 = { peer6, 1000, 0 };
	struct sock *so;

	if (sock_new(w->st, how[i].family, how[i].type, how[i].proto, &so) < 0)
		abort();
	w->so[i] = so;
	if (how[i].port)
		sock_bind(so, &any);
	if (i == 2)
		sock_listen(so, 4);
	sock_setopt(so, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	sock_setopt(so, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	sock_setopt(so, IPPROTO_IP, IP_RECVERR_RFC4884, &on, sizeof(on));
	sock_setopt(so, IPPROTO_IPV6, IPV6_RECVERR_RFC4884, &on, sizeof(on));
	if (i >= 3 && i < 6)
		sock_connect(so, how[i].family == AF_INET ? &to4 : &to6);
}

static void world_start(struct world *w)
{
	struct ip_addr a4 = IP4(10, 0, 0, 1);

	w->now = USEC_PER_SEC;
	w->st = stack_new(1, w->now);
	w->nif = netif_add(w->st, "eth0", own, 1500, 0, &ops, w);
	netif_addr_add(w->nif, &a4, 24);
	netif_addr_add(w->nif, &own6, 64);
	netif_up(w->nif);
	for (int i = 0; i < N_SOCKS; i++)
		sock_make(w, i);
}

static void world_end(struct world *w)
{
	struct arena *heap = w->st->heap;

	w->st->heap = arena_heap_new(1);
	stack_free(w->st);
	if (arena_heap_used(heap))
		abort();
	arena_heap_unref(heap);
}

/* In pieces, so that headers lie across them. */
static void frame_in(struct world *w, const uint8_t *b, size_t n, size_t piece, bool summed)
{
	struct pkt *pkt = pkt_new();

	for (size_t i = 0; i < n && pkt->n_ext < PKT_EXTS; i += piece)
		pkt_append(pkt, w->st->heap, b + i, (uint32_t)MIN(piece, n - i));
	pkt->sum = summed ? PKT_SUM_OK : PKT_SUM_NONE;
	stack_input(w->st, w->nif, pkt);
	stack_run(w->st);
}

static void ip4_in_frame(struct world *w, struct rd *r)
{
	uint8_t b[2048], how = rd_u8(r);
	struct wr o = wr_of(b, sizeof(b));
	uint8_t proto = rd_u8(r);
	uint16_t frag = rd_u16(r);
	struct ip4 h = {
		.hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + MIN(rd_left(r), (size_t)1500)),
		.id = how & 3, .flags = frag & IP4_MF, .frag = (uint16_t)((frag & 0x1ff) * 8), .ttl = 64,
		.proto = how & 4 ? proto : (uint8_t[]){ 1, 2, 6, 17 }[proto & 3],
		.src = IP4(10, 0, 0, how & 8 ? 3 : 2),
		.dst = how & 16 ? IP4(224, 0, 0, 1) : IP4(10, 0, 0, 1),
	};

	eth_emit(&o, &(struct eth){ own, peer, ETHERTYPE_IP4 });
	ip4_emit(&o, &h);
	wr_bytes(&o, r->p, h.len - IP4_LEN);
	frame_in(w, b, wr_len(&o), how & 32 ? 100 : sizeof(b), true);
}

static void ip6_in_frame(struct world *w, struct rd *r)
{
	static const struct ip_addr all = { { 0xff, 2, [15] = 1 } }, ll = { { 0xfe, 0x80, [15] = 9 } };
	static const uint8_t nexts[] = { 0, 6, 17, 43, 44, 58, 58, 60 };
	uint8_t b[2048], how = rd_u8(r), next = rd_u8(r);
	struct wr o = wr_of(b, sizeof(b));
	struct ip6 h = {
		.plen = (uint16_t)MIN(rd_left(r), (size_t)1500), .hops = 255,
		.next = how & 4 ? next : nexts[next & 7],
		.src = how & 8 ? ll : peer6, .dst = how & 16 ? all : own6,
	};

	eth_emit(&o, &(struct eth){ own, peer, ETHERTYPE_IP6 });
	ip6_emit(&o, &h);
	wr_bytes(&o, r->p, h.plen);
	frame_in(w, b, wr_len(&o), how & 32 ? 100 : sizeof(b), true);
}

static void arp_in_frame(struct world *w, struct rd *r)
{
	uint8_t b[64], how = rd_u8(r);
	struct wr o = wr_of(b, sizeof(b));
	struct arp a = {
		.op = how & 3, .sha = peer, .spa = IP4(10, 0, 0, how >> 4),
		.tpa = IP4(10, 0, 0, how & 4 ? 1 : how >> 4),
	};

	eth_emit(&o, &(struct eth){ own, peer, ETHERTYPE_ARP });
	arp_emit(&o, &a);
	frame_in(w, b, wr_len(&o), sizeof(b), false);
}

static void time_pass(struct world *w, struct rd *r)
{
	usec end = w->now + rd_u16(r) * 10 * USEC_PER_MSEC;

	for (int n = 0; n < 1000 && stack_deadline(w->st) <= end; n++) {
		w->now = MAX(w->now, stack_deadline(w->st));
		stack_now(w->st, w->now);
		stack_run(w->st);
	}
	w->now = end;
	stack_now(w->st, w->now);
	stack_run(w->st);
}

static void accept_one(struct sock *so)
{
	struct sock *child;

	if (so->type == SOCK_STREAM && sock_accept(so, &child) == 0)
		sock_close(child);
}

static void sock_use(struct world *w, struct rd *r)
{
	uint8_t how = rd_u8(r), data[256] = { 0 };
	int i = how % N_SOCKS;
	struct sock *so = w->so[i];
	struct msg m = { .ttl = -1, .tos = -1, .has_peer = how & 0x80 };
	struct iovec iov = { data, rd_u8(r) };

	m.peer = (struct endpoint){ so->family == AF_INET ? IP4(10, 0, 0, 3) : own6, 1001, 0 };
	switch (how >> 3 & 7) {
	case 0:
	case 1:
		sock_send(so, &iov, 1, 0, &m);
		break;
	case 2:
		sock_shutdown(so, SHUT_WR);
		break;
	case 3:
		sock_close(so);
		sock_make(w, i);
		break;
	case 4:
		accept_one(so);
		break;
	case 5:
		sock_setopt(so, IPPROTO_IP, rd_u8(r), data, sizeof(int));
		sock_setopt(so, IPPROTO_IPV6, rd_u8(r), data, sizeof(data));
		break;
	case 6:
		sock_recv(so, &iov, 1, MSG_ERRQUEUE, &m);
		break;
	default:
		sock_recv(so, &iov, 1, how & 0x80 ? MSG_PEEK : 0, &m);
	}
	sock_events(w->so[i]);
	stack_run(w->st);
}

static void record(struct world *w, uint8_t what, struct rd *r)
{
	switch (what % N_WHATS) {
	case RAW:
	case RAW_SUMMED:
		frame_in(w, r->p, rd_left(r), what & 0x80 ? 64 : 2048, what % N_WHATS == RAW_SUMMED);
		break;
	case IP4_TO_US:
		ip4_in_frame(w, r);
		break;
	case IP6_TO_US:
		ip6_in_frame(w, r);
		break;
	case ARP_TO_US:
		arp_in_frame(w, r);
		break;
	case TIME:
		time_pass(w, r);
		break;
	case SOCKET:
		sock_use(w, r);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);
	struct world w;

	world_start(&w);
	while (rd_left(&r)) {
		uint8_t what = rd_u8(&r), len = rd_u8(&r);
		size_t n = MIN((size_t)len * (what & 0x40 ? 6 : 1), rd_left(&r));
		struct rd body = rd_sub(&r, n);

		record(&w, what, &body);
	}
	world_end(&w);
	return 0;
}
