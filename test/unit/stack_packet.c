/* stack_packet.c - packet sockets between two stacks, and the filters of sockets */
#include "unit.h"

#include <linux/filter.h>
#include <linux/if_packet.h>

#include "base/bpf.h"
#include "stack/dgram.h"
#include "stack_frame.h"


enum { TYPE_ALL = 3 };

static struct sock *tap(struct side *s, int type, uint16_t proto)
{
	struct endpoint at = { IP6_ANY, proto, s->nif->index };
	struct sock *so;

	assert_int_equal(sock_new(s->st, AF_PACKET, type, 0, &so), 0);
	assert_int_equal(sock_bind(so, &at), 0);
	return so;
}

static ssize_t take(struct sock *so, void *buf, size_t len, struct msg *m)
{
	struct iovec iov = { buf, len };

	memset(m, 0, sizeof(*m));
	return sock_recv(so, &iov, 1, MSG_DONTWAIT, m);
}

static void set(struct sock *so, int name, int value)
{
	assert_int_equal(sock_setopt(so, SOL_PACKET, name, &value, sizeof(value)), 0);
}

static void both_ways(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *all = tap(&p->a, SOCK_RAW, TYPE_ALL), *ip = tap(&p->a, SOCK_DGRAM, 0x0800);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 1000);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	uint8_t buf[2000];
	struct msg m;

	udp_to(b, "abc", 3, v4_of(1), 1000);		/* the reply to ARP comes first */
	pair_settle(p);
	while (take(all, buf, sizeof(buf), &m) > 0)
		;
	while (take(ip, buf, sizeof(buf), &m) > 0)
		;
	udp_to(a, "hello", 5, v4_of(2), 2000);
	udp_to(b, "abc", 3, v4_of(1), 1000);
	pair_settle(p);

	assert_int_equal(take(all, buf, sizeof(buf), &m), 14 + 20 + 8 + 5);
	assert_int_equal(m.frame.pkttype, PACKET_OUTGOING);
	assert_int_equal(m.frame.proto, 0x0800);
	assert_int_equal(m.frame.ifindex, p->a.nif->index);
	assert_int_equal(m.frame.hatype, 1);
	assert_memory_equal(m.frame.addr, p->a.nif->mac.b, 6);
	assert_memory_equal(buf + 42, "hello", 5);
	assert_int_equal(take(all, buf, sizeof(buf), &m), 14 + 20 + 8 + 3);
	assert_int_equal(m.frame.pkttype, PACKET_HOST);
	assert_memory_equal(m.frame.addr, p->b.nif->mac.b, 6);
	assert_int_equal(take(all, buf, sizeof(buf), &m), -EAGAIN);

	assert_int_equal(take(ip, buf, sizeof(buf), &m), 20 + 8 + 3);	/* nothing of ours */
	assert_int_equal(buf[0], 0x45);
	assert_int_equal(take(ip, buf, sizeof(buf), &m), -EAGAIN);

	set(all, PACKET_IGNORE_OUTGOING, 1);
	udp_to(a, "hello", 5, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(take(all, buf, sizeof(buf), &m), -EAGAIN);
	pair_free(p);
}

/* What passes the filter is complete: the checksum too. */
static void as_on_the_wire(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *all = tap(&p->a, SOCK_DGRAM, TYPE_ALL);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 1000);
	struct ip_addr one = v4_of(1), two = v4_of(2);
	struct sum s = { 0 };
	uint8_t buf[2000];
	struct msg m;

	udp_to(a, "hello", 5, v4_of(2), 2000);
	pair_settle(p);
	do
		assert_true(take(all, buf, sizeof(buf), &m) > 0);
	while (m.frame.proto != 0x0800 || buf[9] != IPPROTO_UDP);
	sum_pseudo(&s, &one, &two, IPPROTO_UDP, 13);
	sum_add(&s, buf + 20, 13);
	assert_int_equal(sum_end(&s), 0);
	pair_free(p);
}

static ssize_t give(struct sock *so, const void *data, size_t len, const struct frame_note *to)
{
	struct iovec iov = { (void *)(uintptr_t)data, len };
	struct msg m = { .ttl = -1, .tos = -1, .has_peer = to != NULL };

	if (to)
		m.frame = *to;
	return sock_send(so, &iov, 1, MSG_DONTWAIT, &m);
}

static void frames_out(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *a = tap(&p->a, SOCK_RAW, 0x88b5), *cooked = tap(&p->a, SOCK_DGRAM, TYPE_ALL);
	struct sock *b = tap(&p->b, SOCK_RAW, 0x88b5);
	struct frame_note to = { .proto = 0x88b5, .halen = 6, .ifindex = p->a.nif->index };
	uint8_t frame[1600] = { 0 }, buf[2000];
	struct msg m;

	memcpy(frame, p->b.nif->mac.b, 6);
	memcpy(frame + 6, p->a.nif->mac.b, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
	frame[14] = 42;
	assert_int_equal(give(a, frame, 60, NULL), 60);
	pair_settle(p);
	assert_int_equal(take(b, buf, sizeof(buf), &m), 60);
	assert_memory_equal(buf, frame, 60);
	assert_int_equal(take(cooked, buf, sizeof(buf), &m), 46);	/* others' are heard */
	assert_int_equal(m.frame.pkttype, PACKET_OUTGOING);

	memcpy(to.addr, p->b.nif->mac.b, 6);
	assert_int_equal(give(cooked, "hello", 5, &to), 5);
	pair_settle(p);
	assert_int_equal(take(b, buf, sizeof(buf), &m), 19);
	assert_memory_equal(buf + 12, "\x88\xb5hello", 7);
	assert_int_equal(take(cooked, buf, sizeof(buf), &m), -EAGAIN);	/* one's own are not */

	assert_int_equal(give(a, frame, 13, NULL), -EINVAL);
	assert_int_equal(give(a, frame, 1514, NULL), 1514);
	assert_int_equal(give(a, frame, 1515, NULL), -EMSGSIZE);
	frame[12] = 0x81;
	frame[13] = 0;
	assert_int_equal(give(a, frame, 1518, NULL), 1518);
	assert_int_equal(give(a, frame, 1519, NULL), -EMSGSIZE);
	to.ifindex = 99;
	assert_int_equal(give(a, frame, 60, &to), -ENXIO);
	netif_down(p->a.nif);
	assert_int_equal(sock_take_error(a), ENETDOWN);
	assert_int_equal(give(a, frame, 60, NULL), -ENETDOWN);
	pair_free(p);
}

/* Others' frames while somebody wants them, as long as he lives. */
static void promiscuous(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *all = tap(&p->a, SOCK_RAW, TYPE_ALL), *q;
	struct packet_mreq mr = { .mr_ifindex = (int)p->a.nif->index, .mr_type = PACKET_MR_PROMISC };
	struct frame f;
	struct msg m;
	uint8_t buf[100];

	put_ip4(&f, &p->a, ip4_head(253), "x", 1);
	f.b[5] ^= 0xff;
	arrive(&p->a, &f);
	assert_int_equal(take(all, buf, sizeof(buf), &m), -EAGAIN);
	q = tap(&p->a, SOCK_RAW, 0);
	assert_int_equal(sock_setopt(q, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr, sizeof(mr)), 0);
	assert_int_equal(sock_setopt(q, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr, sizeof(mr)), 0);
	assert_int_equal(sock_setopt(q, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &mr, sizeof(mr)), 0);
	arrive(&p->a, &f);
	assert_int_equal(take(all, buf, sizeof(buf), &m), 35);
	assert_int_equal(m.frame.pkttype, PACKET_OTHERHOST);
	sock_close(q);
	arrive(&p->a, &f);
	assert_int_equal(take(all, buf, sizeof(buf), &m), -EAGAIN);
	mr.mr_ifindex = 77;
	assert_int_equal(sock_setopt(all, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mr, sizeof(mr)), -ENODEV);
	assert_int_equal(sock_setopt(all, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &mr, sizeof(mr)),
			 -EADDRNOTAVAIL);
	pair_free(p);
}

/* --- filters --- */

#define S(code, k)		{ (code), 0, 0, (uint32_t)(k) }
#define J(code, k, t, f)	{ (code), (t), (f), (uint32_t)(k) }

static int attach(struct sock *so, const struct sock_filter *code, unsigned short n)
{
	struct sock_fprog prog = { n, (struct sock_filter *)(uintptr_t)code };

	return sock_setopt(so, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static void counts_what_passes(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *all = tap(&p->b, SOCK_RAW, TYPE_ALL);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 1000);
	static const struct sock_filter udp[] = {	/* udp port 2000, 50 bytes of it */
		S(BPF_LD | BPF_H | BPF_ABS, 12), J(BPF_JMP | BPF_JEQ | BPF_K, 0x0800, 0, 5),
		S(BPF_LD | BPF_B | BPF_ABS, 23), J(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 3),
		S(BPF_LDX | BPF_B | BPF_MSH, 14), S(BPF_LD | BPF_H | BPF_IND, 16),
		J(BPF_JMP | BPF_JEQ | BPF_K, 2000, 1, 0), S(BPF_RET | BPF_K, 0),
		S(BPF_RET | BPF_K, 50),
	};
	uint8_t data[1000] = { 7 }, buf[2000];
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	struct msg m;

	assert_int_equal(attach(all, udp, ARRAY_LEN(udp)), 0);
	for (int i = 0; i < 3; i++) {
		udp_to(a, data, sizeof(data), v4_of(2), 2000);
		udp_to(a, data, sizeof(data), v4_of(2), 2001);
	}
	pair_settle(p);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(take(all, buf, sizeof(buf), &m), 50);
		assert_int_equal(m.frame.len, 1042);
		assert_int_equal(buf[42], 7);
	}
	assert_int_equal(take(all, buf, sizeof(buf), &m), -EAGAIN);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sock_getopt(all, SOL_PACKET, PACKET_STATISTICS, &st, &len), 0);
		assert_int_equal(st.tp_packets, i ? 0 : 3);
		assert_int_equal(st.tp_drops, 0);
	}
	pair_free(p);
}

/* A cooked socket has no link header, to the filter's offsets and its length alike. */
static void cooked_is_cut(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *ip = tap(&p->b, SOCK_DGRAM, 0x0800);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 1000);
	static const struct sock_filter udp[] = {
		S(BPF_LD | BPF_B | BPF_ABS, 9), J(BPF_JMP | BPF_JEQ | BPF_K, 17, 1, 0),
		S(BPF_RET | BPF_K, 0), S(BPF_RET | BPF_K, 29),
	};
	uint8_t data[100] = { 7 }, buf[200];
	struct msg m;

	assert_int_equal(attach(ip, udp, ARRAY_LEN(udp)), 0);
	udp_to(a, data, sizeof(data), v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(take(ip, buf, sizeof(buf), &m), 29);
	assert_int_equal(m.frame.len, 128);
	assert_int_equal(buf[0], 0x45);
	assert_int_equal(buf[28], 7);
	pair_free(p);
}

/* UDP's begins with the UDP header; IP's own offsets reach the header before. */
static void on_udp(void **state)
{
	struct pair *p = pair_ready(1500);
	struct sock *b = udp_open(&p->b, AF_INET, IP4_ANY, 2000);
	struct sock *a = udp_open(&p->a, AF_INET, IP4_ANY, 1000);
	static const struct sock_filter first[] = {
		S(BPF_LD | BPF_B | BPF_ABS, 8), J(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 3),
		S(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF + 9),
		J(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 1),
		S(BPF_RET | BPF_K, 10), S(BPF_RET | BPF_K, 0),
	};
	int on = 1, off = 0;
	char buf[10];

	assert_int_equal(sock_setopt(b, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)), -ENOENT);
	assert_int_equal(attach(b, first, ARRAY_LEN(first)), 0);
	udp_to(a, "no", 2, v4_of(2), 2000);
	udp_to(a, "yes", 3, v4_of(2), 2000);
	pair_settle(p);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), 2);	/* header and two */
	assert_memory_equal(buf, "ye", 2);
	assert_int_equal(udp_from(b, buf, sizeof(buf), NULL), -EAGAIN);
	assert_int_equal(p->b.st->drops[DROP_FILTER], 1);
	assert_int_equal(sock_setopt(b, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)), 0);
	assert_int_equal(sock_setopt(b, SOL_SOCKET, SO_LOCK_FILTER, &off, sizeof(off)), -EPERM);
	assert_int_equal(sock_setopt(b, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof(on)), -EPERM);
	assert_int_equal(attach(b, first, ARRAY_LEN(first)), -EPERM);
	pair_free(p);
}

static uint32_t run(const struct sock_filter *code, unsigned n, const void *data, uint32_t len)
{
	struct arena *a = arena_heap_new(1 << 20);
	struct pkt *pkt = pkt_new();
	struct bpf_pkt p = { .net = 4, .proto = 0x86dd, .ifindex = 3 };
	struct bpf *b;
	uint32_t r;

	assert_true(!len || pkt_append(pkt, a, data, len));
	assert_int_equal(bpf_new(code, n, &b), 0);
	r = dg_filter(b, &p, pkt);
	bpf_free(b);
	pkt_free(pkt);
	arena_heap_unref(a);
	return r;
}

#define RUN(...) run((const struct sock_filter[]){ __VA_ARGS__ }, \
		     ARRAY_LEN(((const struct sock_filter[]){ __VA_ARGS__ })), data, sizeof(data))
#define RET_A S(BPF_RET | BPF_A, 0)

static void the_machine(void **state)
{
	static const uint8_t data[200] = { 1, 2, 3, 4, 0x45, 0xff, [130] = 9, [199] = 8 };

	assert_int_equal(RUN(S(BPF_LD | BPF_W | BPF_ABS, 0), RET_A), 0x01020304);
	assert_int_equal(RUN(S(BPF_LD | BPF_H | BPF_ABS, 4), RET_A), 0x45ff);
	assert_int_equal(RUN(S(BPF_LD | BPF_B | BPF_ABS, 130), RET_A), 9);
	assert_int_equal(RUN(S(BPF_LD | BPF_B | BPF_ABS, 199), RET_A), 8);
	assert_int_equal(RUN(S(BPF_LD | BPF_H | BPF_ABS, 199), S(BPF_RET | BPF_K, 5)), 0);
	assert_int_equal(RUN(S(BPF_LD | BPF_B | BPF_ABS, SKF_NET_OFF), RET_A), 0x45);
	assert_int_equal(RUN(S(BPF_LD | BPF_B | BPF_ABS, SKF_LL_OFF + 1), RET_A), 2);
	assert_int_equal(RUN(S(BPF_LD | BPF_B | BPF_ABS, 0x80000000), S(BPF_RET | BPF_K, 5)), 0);
	assert_int_equal(RUN(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL), RET_A), 0x86dd);
	assert_int_equal(RUN(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_IFINDEX), RET_A), 3);
	assert_int_equal(RUN(S(BPF_LD | BPF_W | BPF_LEN, 0), RET_A), 200);
	assert_int_equal(RUN(S(BPF_LDX | BPF_B | BPF_MSH, 4), S(BPF_MISC | BPF_TXA, 0), RET_A), 20);
	assert_int_equal(RUN(S(BPF_LD | BPF_IMM, 7), S(BPF_MISC | BPF_TAX, 0), S(BPF_LD | BPF_IMM, 30),
			     S(BPF_ALU | BPF_DIV | BPF_X, 0), RET_A), 4);
	assert_int_equal(RUN(S(BPF_LD | BPF_IMM, 30), S(BPF_ALU | BPF_MOD | BPF_X, 0),
			     S(BPF_RET | BPF_K, 5)), 0);	/* X is 0 */
	assert_int_equal(RUN(S(BPF_LD | BPF_IMM, 3), S(BPF_ALU | BPF_NEG, 0),
			     S(BPF_ALU | BPF_RSH | BPF_K, 28), RET_A), 15);
	assert_int_equal(RUN(S(BPF_LD | BPF_IMM, 6), S(BPF_ST, 2), S(BPF_LDX | BPF_MEM, 2),
			     S(BPF_ALU | BPF_MUL | BPF_X, 0), RET_A), 36);
	assert_int_equal(RUN(S(BPF_LD | BPF_IMM, 6), J(BPF_JMP | BPF_JSET | BPF_K, 4, 1, 0),
			     S(BPF_RET | BPF_K, 1), S(BPF_JMP | BPF_JA, 1), S(BPF_RET | BPF_K, 2),
			     S(BPF_RET | BPF_K, 3)), 3);
}

#define BAD(...) assert_int_equal(bpf_new((const struct sock_filter[]){ __VA_ARGS__ }, \
		 ARRAY_LEN(((const struct sock_filter[]){ __VA_ARGS__ })), &b), -EINVAL)
#define RET_0 S(BPF_RET | BPF_K, 0)

static void refused(void **state)
{
	struct sock_filter *many = calloc(BPF_MAXINSNS + 1, sizeof(*many));
	struct bpf *b;

	BAD(S(BPF_LD | BPF_IMM, 1));			/* does not end */
	BAD(S(BPF_JMP | BPF_JA, 1), RET_0);		/* leaves */
	BAD(S(BPF_JMP | BPF_JA, -1), RET_0);		/* goes back */
	BAD(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), RET_0);
	BAD(S(BPF_ALU | BPF_DIV | BPF_K, 0), RET_0);
	BAD(S(BPF_ALU | BPF_LSH | BPF_K, 32), RET_0);
	BAD(S(BPF_ST, BPF_MEMWORDS), RET_0);
	BAD(S(BPF_LD | BPF_MEM, 0), RET_0);		/* was never written */
	BAD(J(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), S(BPF_ST, 0), S(BPF_LD | BPF_MEM, 0), RET_0);
	BAD(S(0xffff, 0), RET_0);
	BAD(S(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_NLATTR), RET_0);
	for (int i = 0; i <= BPF_MAXINSNS; i++)
		many[i] = (struct sock_filter)RET_0;
	assert_int_equal(bpf_new(many, BPF_MAXINSNS + 1, &b), -EINVAL);
	assert_int_equal(bpf_new(many, 0, &b), -EINVAL);
	assert_int_equal(bpf_new(many, BPF_MAXINSNS, &b), 0);
	bpf_free(b);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(as_on_the_wire),
		cmocka_unit_test(frames_out),
		cmocka_unit_test(promiscuous),
		cmocka_unit_test(counts_what_passes),
		cmocka_unit_test(cooked_is_cut),
		cmocka_unit_test(on_udp),
		cmocka_unit_test(the_machine),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
