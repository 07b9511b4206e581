/* cost.c - steady traffic between two stacks, for bench/cost.sh to count instructions
 *
 * Two stacks in this process and a wire of two lists, no descriptor and no system
 * call. Each case first brings its traffic into a steady state, then repeats a round
 * ROUNDS times; of each round one part is run inside counted(), where alone the counter
 * (valgrind's callgrind) runs, and then case_done() makes it write what it counted. For each
 * case a line on standard output names it and says by how many to divide.
 *
 * An MTU frame is written and cut as a plug for classic wires does (offload_out), and
 * arrives as from one: all bytes in one chunk, its checksum not looked at. A super-frame
 * goes over as a plug with offload hands it on. UDP is as MTU frames are.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "plug/plug.h"
#include "proto/proto.h"
#include "stack/netif.h"
#include "stack/tcp.h"

#define WARM_UP		50
#define ROUNDS		100
#define PORT		80
#define ARENA_LIMIT	(64u << 20)

struct host {
	struct stack	*st;
	struct netif	*nif;
	struct arena	*arena;
	struct ip_addr	addr[2];	/* IPv4, IPv6 */
	struct host	*peer;
	struct list	in;		/* frames that have come */
	struct sock	*so;
	size_t		len;		/* of what it writes */
	unsigned	frames;		/* so many are that */
	bool		cut;		/* the wire carries frames of the MTU */
};

static struct host left, right;
static usec now = 1000 * USEC_PER_SEC;
static uint8_t buf[65536];

/* --- what is counted --- */

typedef void step(struct host *h);

/* The counter runs in here and in what it calls. */
static __attribute__((noinline)) void counted(step *f, struct host *h)
{
	f(h);
	__asm__ volatile("");
}

/* The counter writes its results and starts again from nothing. */
static __attribute__((noinline)) void case_done(const char *name, unsigned n)
{
	printf("%s\t%u\n", name, n);
}

/* --- the wire --- */

/* As read from a descriptor. */
static struct pkt *as_read(struct host *to, struct pkt *pkt)
{
	uint32_t len = pkt_len(pkt);
	struct chunk *c = to->arena->alloc(to->arena, 2048);
	struct pkt *new = pkt_new();

	pkt_copy(pkt, 0, c->data, len);
	pkt_add_ext(new, c, c->data, len);
	pkt_free(pkt);
	return new;
}

static void queue(void *ctx, struct pkt *pkt)
{
	struct host *to = ctx;

	list_add_tail(&to->in, &pkt->link);
}

static void frame_out(struct netif *nif, struct pkt *pkt)
{
	struct host *h = nif->ctx;

	if (h->cut)
		offload_out(pkt, queue, h->peer);
	else
		queue(h->peer, pkt);
}

static const struct netif_ops ops = { .out = frame_out };

/* --- the steps of a round --- */

static void fail(const char *what)
{
	fprintf(stderr, "cost: %s\n", what);
	exit(1);
}

static void write_out(struct host *h)
{
	struct iovec iov = { buf, h->len };

	if (sock_send(h->so, &iov, 1, 0, NULL) != (ssize_t)h->len)
		fail("could not write");
	stack_run(h->st);
}

static void take_frames(struct host *h)
{
	struct list *l;

	while ((l = list_pop(&h->in)))
		stack_input(h->st, h->nif, container_of(l, struct pkt, link));
	stack_run(h->st);
}

static void read_in(struct host *h)
{
	struct iovec iov = { buf, sizeof(buf) };

	take_frames(h);
	if (sock_recv(h->so, &iov, 1, 0, NULL) != (ssize_t)h->peer->len)
		fail("did not read what was written");
	stack_run(h->st);
}

static void send_ack(struct host *h)
{
	tcp_send_ack(tcpc_of(h->so));
}

static void idle(struct host *h)
{
}

/* Outside of what is counted: the frames of h are what its plug has read. */
static void wire(struct host *h)
{
	struct list frames = LIST_INIT(frames), *l;

	if (!h->cut)
		return;
	list_splice_tail(&frames, &h->in);
	while ((l = list_pop(&frames)))
		queue(h, as_read(h, container_of(l, struct pkt, link)));
}

static void tick(usec by)
{
	now += by;
	stack_now(left.st, now);
	stack_now(right.st, now);
}

/* --- the network --- */

static void host_new(struct host *h, struct host *peer, uint8_t n)
{
	uint8_t v6[16] = { 0xfd, [15] = n };
	struct mac mac = { { 2, 0, 0, 0, 0, n } };

	h->peer = peer;
	h->cut = true;
	h->arena = arena_heap_new(ARENA_LIMIT);
	h->st = stack_new(n, now);
	h->nif = netif_add(h->st, "eth0", mac, 1500, 0, &ops, h);
	h->nif->arena = h->arena;
	netif_up(h->nif);
	h->addr[0] = IP4(10, 0, 0, n);
	h->addr[1] = ip_from_v6(v6);
	netif_addr_add(h->nif, &h->addr[0], 24);
	netif_addr_add(h->nif, &h->addr[1], 64);
}

/* Until both have nothing more to say for a while. */
static void settle(usec by)
{
	for (int i = 0; i < 10; i++) {
		tick(by / 10);
		do {
			wire(&left);
			take_frames(&left);
			wire(&right);
			take_frames(&right);
		} while (!list_empty(&left.in));
	}
}

static struct sock *socket_of(struct host *h, bool v6, int type)
{
	struct sock *so;
	int on = 1;

	if (sock_new(h->st, v6 ? AF_INET6 : AF_INET, type, 0, &so))
		fail("no socket");
	sock_setopt(so, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_STREAM)
		sock_setopt(so, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return so;
}

static struct endpoint end_of(const struct host *h, bool v6, uint16_t port)
{
	return (struct endpoint){ .addr = h->addr[v6], .port = port };
}

static struct sock *listener(bool v6)
{
	struct endpoint ep = end_of(&right, v6, PORT);
	struct sock *so = socket_of(&right, v6, SOCK_STREAM);

	if (sock_bind(so, &ep) || sock_listen(so, 8))
		fail("cannot listen");
	return so;
}

static void open_tcp(bool v6)
{
	struct sock *lis = listener(v6);
	struct endpoint ep = end_of(&right, v6, PORT);

	left.so = socket_of(&left, v6, SOCK_STREAM);
	sock_connect(left.so, &ep);
	settle(5 * USEC_PER_MSEC);
	if (sock_accept(lis, &right.so))
		fail("no connection");
	sock_close(lis);
}

static void open_udp(bool v6)
{
	struct endpoint l = end_of(&left, v6, PORT), r = end_of(&right, v6, PORT);

	left.so = socket_of(&left, v6, SOCK_DGRAM);
	right.so = socket_of(&right, v6, SOCK_DGRAM);
	if (sock_bind(left.so, &l) || sock_bind(right.so, &r) ||
	    sock_connect(left.so, &r) || sock_connect(right.so, &l))
		fail("cannot join the two");
	settle(5 * USEC_PER_MSEC);
}

static void close_both(void)
{
	sock_close(left.so);
	sock_close(right.so);
	settle(2 * USEC_PER_SEC);
}

/* --- the cases --- */

/* Which of the steps of a round is counted. */
enum part { WRITE, READ, ACK_IN };

static void do_step(step *f, struct host *h, bool count)
{
	if (count)
		counted(f, h);
	else
		f(h);
}

/* The left writes, the right reads, what it answers goes back. The returned number
 * is that of frames that came back. */
static unsigned round_of(enum part part, bool count)
{
	unsigned acks = 0;

	tick(20);
	do_step(write_out, &left, count && part == WRITE);
	wire(&right);
	do_step(read_in, &right, count && part == READ);
	wire(&left);
	list_for(l, &left.in)
		acks++;
	do_step(acks ? take_frames : idle, &left, count && part == ACK_IN && acks);
	return acks;
}

/* One says a word, the other one back; counted is what the first does. */
static void ask(bool count)
{
	tick(20);
	do_step(write_out, &left, count);
	wire(&right);
	read_in(&right);
	write_out(&right);
	wire(&left);
	do_step(read_in, &left, count);
}

/* Until windows and buffers have grown: as round_of, but in as many pieces as it takes. */
static void warm_up(void)
{
	struct iovec iov = { buf, sizeof(buf) };

	for (int i = 0; i < WARM_UP; i++) {
		size_t got = 0;
		ssize_t n;

		write_out(&left);
		while (got < left.len) {
			settle(USEC_PER_MSEC);
			n = sock_recv(right.so, &iov, 1, 0, NULL);
			got += n > 0 ? (size_t)n : 0;
		}
		settle(USEC_PER_MSEC);
	}
	for (int i = 0; i < WARM_UP; i++)
		round_of(WRITE, false);
}

static void ack_alone(bool count)
{
	tick(20);
	do_step(send_ack, &right, count);
	wire(&left);
	take_frames(&left);
}

static void transfer(const char *name, enum part part)
{
	unsigned n = 0;

	warm_up();
	for (int i = 0; i < ROUNDS; i++) {
		unsigned acks = round_of(part, true);

		n += part == ACK_IN ? acks : left.frames;
	}
	case_done(name, n);
}

/* Frames are not put together by the stack where the wire cuts them: it is the
 * way of each that is to be counted, ten to a write. */
static void shape(bool cut, size_t len, unsigned frames)
{
	left.cut = right.cut = cut;
	left.len = len * frames;
	left.frames = cut ? frames : 1;
	right.len = 1;
	left.st->param.tcp_gso_max = cut ? 1500 : 65536;
}

static void stream_cases(bool v6)
{
	size_t mss = v6 ? 1428 : 1448;

	open_tcp(v6);
	shape(true, mss, 10);
	transfer(v6 ? "tcp6 mtu out" : "tcp4 mtu out", WRITE);
	transfer(v6 ? "tcp6 mtu in" : "tcp4 mtu in", READ);
	transfer(v6 ? "tcp6 ack in" : "tcp4 ack in", ACK_IN);
	for (int i = 0; i < ROUNDS; i++)
		ack_alone(true);
	case_done(v6 ? "tcp6 ack out" : "tcp4 ack out", ROUNDS);
	shape(false, mss, 45);
	transfer(v6 ? "tcp6 64K out" : "tcp4 64K out", WRITE);
	transfer(v6 ? "tcp6 64K in" : "tcp4 64K in", READ);
	shape(true, 1, 1);
	for (int i = 0; i < WARM_UP + ROUNDS; i++)
		ask(i >= WARM_UP);
	case_done(v6 ? "tcp6 ask 1B" : "tcp4 ask 1B", ROUNDS);
	close_both();
}

static void udp_case(const char *out, const char *in, size_t len)
{
	shape(true, len, 1);
	transfer(out, WRITE);
	transfer(in, READ);
}

static void udp_cases(bool v6)
{
	open_udp(v6);
	udp_case(v6 ? "udp6 64B out" : "udp4 64B out", v6 ? "udp6 64B in" : "udp4 64B in", 64);
	udp_case(v6 ? "udp6 1400 out" : "udp4 1400 out", v6 ? "udp6 1400 in" : "udp4 1400 in",
		 1400);
	close_both();
}

/* --- connections: the left opens and closes, the right accepts and closes --- */

static struct sock *lis;
static bool lis_v6;

static void call_connect(struct host *h)
{
	struct endpoint ep = end_of(&right, lis_v6, PORT);

	h->so = socket_of(h, lis_v6, SOCK_STREAM);
	sock_connect(h->so, &ep);
	stack_run(h->st);
}

static void call_accept(struct host *h)
{
	take_frames(h);
	if (sock_accept(lis, &h->so))
		fail("no connection");
}

static void call_close(struct host *h)
{
	take_frames(h);
	sock_close(h->so);
	stack_run(h->st);
}

/* The two take turns, beginning with the left. */
static step *const turns[] = {
	call_connect, take_frames, take_frames, call_accept,
	call_close, call_close, take_frames, take_frames,
};

static void connection(bool client, bool server)
{
	tick(20);
	for (unsigned i = 0; i < ARRAY_LEN(turns); i++) {
		struct host *h = i % 2 ? &right : &left;

		if (i)
			wire(h);
		do_step(turns[i], h, i % 2 ? server : client);
	}
}

static void connection_case(const char *name, bool client)
{
	for (int i = 0; i < WARM_UP; i++)
		connection(false, false);
	for (int i = 0; i < ROUNDS; i++)
		connection(client, !client);
	case_done(name, ROUNDS);
}

static void connection_cases(bool v6)
{
	lis_v6 = v6;
	lis = listener(v6);
	connection_case(v6 ? "tcp6 connect" : "tcp4 connect", true);
	connection_case(v6 ? "tcp6 accept" : "tcp4 accept", false);
	sock_close(lis);
	settle(70 * USEC_PER_SEC);
}

int main(void)
{
	list_init(&left.in);
	list_init(&right.in);
	host_new(&left, &right, 1);
	host_new(&right, &left, 2);
	settle(5 * USEC_PER_SEC);
	for (int v6 = 0; v6 < 2; v6++) {
		stream_cases(v6);
		udp_cases(v6);
		connection_cases(v6);
	}
	stack_free(left.st);
	stack_free(right.st);
	arena_heap_unref(left.arena);
	arena_heap_unref(right.arena);
	return 0;
}
