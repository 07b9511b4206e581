/* neighbour.c - a liar to whom a node was introduced
 *
 * It joins an honest switch, finds an honest node by ARP and pings it until the switch gives
 * the two a wire of their own (plug/direct.h). Then it lies in that wire, or lacks manners.
 * The node has to end the wire, or to live with it, and in either case to answer by the
 * switch afterwards.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/sum.h"
#include "liar.h"
#include "plug/direct.h"
#include "proto/proto.h"

#define ETHERTYPE_MARK	0x88b5
#define ECHO_REQUEST	8		/* RFC 792 */

struct meeting {
	struct liar	port, wire;
	struct ip_addr	node;
	struct mac	mine, theirs;
	struct intro	intro;
	uint32_t	got;		/* bytes of it */
	int		sock;		/* that came with it; -1 */
	bool		known;		/* theirs */
	unsigned	echoes;		/* answers by the switch */
};

static time_t soon(void)
{
	return time(NULL) + PATIENCE / 1000;
}

static struct ip_addr me(void)
{
	struct ip_addr a;

	ip_parse_text("10.0.0.66", &a);
	return a;
}

/* --- what it says --- */

static void ask(struct meeting *m)
{
	struct arp a = { .op = ARP_REQUEST, .sha = m->mine, .spa = me(), .tpa = m->node };
	uint8_t frame[60] = { 0 };
	struct wr w = wr_of(frame, sizeof(frame));

	eth_emit(&w, &(struct eth){ MAC_BROADCAST, m->mine, ETHERTYPE_ARP });
	arp_emit(&w, &a);
	send_bytes(&m->port, frame, sizeof(frame), 0);
	bell(&m->port);
}

/* An echo request of len bytes; by the switch or by the wire. */
static size_t echo(const struct meeting *m, uint8_t *frame, uint16_t len)
{
	struct wr w = wr_of(frame, 1024);
	struct sum s = { 0 };
	uint8_t *icmp = frame + ETH_LEN + IP4_LEN;

	memset(frame, 0, 1024);
	eth_emit(&w, &(struct eth){ m->theirs, m->mine, ETHERTYPE_IP4 });
	ip4_emit(&w, &(struct ip4){ .hlen = IP4_LEN, .len = IP4_LEN + len, .ttl = 64,
				    .proto = IPPROTO_ICMP, .src = me(), .dst = m->node });
	icmp[0] = ECHO_REQUEST;
	sum_add(&s, icmp, len);
	put_u16(icmp + 2, sum_end(&s));
	return ETH_LEN + IP4_LEN + len;
}

static void ping(struct meeting *m, uint16_t len, uint16_t number)
{
	uint8_t frame[1024];
	size_t n = echo(m, frame, len);

	send_bytes(&m->port, frame, n, number);
	bell(&m->port);
}

/* Behind what went by the switch before. */
static void mark(struct meeting *m)
{
	struct intro_hello id = { INTRO_MAGIC, m->intro.id };
	uint8_t frame[ETH_LEN + sizeof(id)];
	struct wr w = wr_of(frame, sizeof(frame));

	eth_emit(&w, &(struct eth){ m->theirs, m->mine, ETHERTYPE_MARK });
	memcpy(frame + ETH_LEN, &id, sizeof(id));
	send_bytes(&m->port, frame, sizeof(frame), 0);
	bell(&m->port);
}

/* --- what it hears --- */

static void heard(struct meeting *m, const uint8_t *frame, size_t n)
{
	struct rd r = rd_of(frame, MIN(n, 256u));
	struct eth e;
	struct arp a;

	eth_parse(&r, &e);
	if (e.type == ETHERTYPE_IP4 && m->known && mac_eq(&e.src, &m->theirs) && frame[23] == IPPROTO_ICMP)
		m->echoes++;
	if (e.type == ETHERTYPE_ARP && arp_parse(&r, &a) && a.op == ARP_REPLY && ip_eq(&a.spa, &m->node)) {
		m->theirs = a.sha;
		m->known = true;
	}
}

static void words(struct meeting *m, const char *p, ssize_t n)
{
	for (; n > 0; p++, n--) {
		if ((m->got || *p == INTRO_KIND) && m->got < sizeof(m->intro))
			((char *)&m->intro)[m->got++] = *p;
	}
}

/* A millisecond of listening to the switch. */
static void listen_to(struct meeting *m)
{
	struct pollfd p = { m->port.sock, POLLIN, 0 };
	uint8_t frame[256];
	char bytes[64];
	size_t n;

	if (poll(&p, 1, 1) == 1 && recv(m->port.sock, bytes, 1, MSG_DONTWAIT | MSG_PEEK) == 1)
		words(m, bytes, shm_get(m->port.sock, bytes, sizeof(bytes), &m->sock));
	while ((n = take_bytes(&m->port, frame)))
		heard(m, frame, n);
}

/* --- meeting --- */

static void find(struct meeting *m, const char *dir, const char *address)
{
	uint32_t id = (uint32_t)getpid();
	time_t end = soon();

	*m = (struct meeting){ .sock = -1, .mine = { { 2, 'n' } } };
	memcpy(m->mine.b + 2, &id, sizeof(id));
	if (!ip_parse_text(address, &m->node))
		fail("%s: not an address", address);
	join_as(&m->port, dir, SHM_MEETS);
	for (int i = 0; time(NULL) < end && !m->known; i++) {
		if (i % 100 == 0)
			ask(m);
		listen_to(m);
	}
	if (!m->known)
		fail("no node at %s", address);
}

static void be_introduced(struct meeting *m)
{
	time_t end = soon();

	while (time(NULL) < end && (m->sock < 0 || m->got < sizeof(m->intro))) {
		for (int k = 0; k < 8; k++)
			ping(m, 64, 0);
		listen_to(m);
	}
	if (m->sock < 0 || m->got < sizeof(m->intro))
		fail("it was not introduced");
	liar_init(&m->wire, m->sock);
}

static void send_hello(const struct meeting *m, uint32_t id, int file)
{
	struct intro_hello h = { INTRO_MAGIC, id };

	say(m->sock, &h, sizeof(h), &file, file >= 0);
}

/* As one should: files are exchanged, the mark is sent, and the node's has come. */
static void meet(struct meeting *m)
{
	struct pollfd p = { m->sock, POLLIN, 0 };
	struct intro_hello h;
	int file = -1;

	send_hello(m, m->intro.id, m->wire.file);
	if (poll(&p, 1, PATIENCE) != 1 || shm_get(m->sock, &h, sizeof(h), &file) != sizeof(h) ||
	    h.id != m->intro.id || file < 0 || !liar_meet(&m->wire, file))
		fail("the node did not answer the introduction");
	mark(m);
}

/* The node is asked by the switch, its answers go by the wire; then by the switch again. */
static void still_there(struct meeting *m)
{
	time_t end = soon();

	m->echoes = 0;
	for (int i = 0; time(NULL) < end && !m->echoes; i++) {
		if (i % 20 == 0)
			ping(m, 64, 0);
		listen_to(m);
	}
	if (!m->echoes)
		fail("the node does not answer any more");
}

/* --- what is done on the wire --- */

/* Long answers, too: for them it has to look at what we gave back. */
static void be_answered(struct meeting *m)
{
	for (uint16_t i = 0; i < 16; i++) {
		ping(m, i % 2 ? 600 : 64, i);
		listen_to(m);
	}
}

static void tell(struct meeting *m, const struct lie *lie)
{
	meet(m);
	lie->tell(&m->wire);
	bell(&m->wire);
	be_answered(m);
	if (!hung_up(m->sock))
		fail("the node believed it");
}

static void show(struct meeting *m, const struct lie *vice)
{
	meet(m);
	vice->tell(&m->wire);
	bell(&m->wire);
	be_answered(m);
}

static void silent(struct meeting *m) { }

static void speaks_of_another(struct meeting *m)
{
	send_hello(m, m->intro.id + 1, m->wire.file);
	if (!hung_up(m->sock))
		fail("the node met somebody else");
}

static void brings_nothing(struct meeting *m)
{
	send_hello(m, m->intro.id, -1);
	if (!hung_up(m->sock))
		fail("the node has a wire of nothing");
}

static void brings_a_socket(struct meeting *m)
{
	send_hello(m, m->intro.id, m->sock);
	if (!hung_up(m->sock))
		fail("the node took a socket for memory");
}

static void leaves_at_once(struct meeting *m)
{
	meet(m);
	shutdown(m->sock, SHUT_RDWR);
}

/* Frames as from others, and to others. */
static void speaks_for_others(struct meeting *m)
{
	uint8_t frame[1024];
	size_t n = echo(m, frame, 64);

	meet(m);
	for (int i = 0; i < 200; i++) {
		frame[i % 2 ? 5 : 11] = (uint8_t)i;
		send_bytes(&m->wire, frame, n, 0);
		bell(&m->wire);
	}
}

/* More than its ring holds comes back, and is not taken. */
static void takes_nothing(struct meeting *m)
{
	meet(m);
	for (int i = 0; i < 1000; i++) {
		ping(m, 64, 0);
		if (i % 8 == 0)
			listen_to(m);
	}
}

/* All that the ring holds, as fast as it is taken, for a while. */
static void does_not_stop(struct meeting *m)
{
	uint8_t frame[1024];
	size_t n = echo(m, frame, 64);

	meet(m);
	for (uint32_t i = 0; i < 20000; i++) {
		while (m->wire.sent - atomic_load(&m->wire.peer->taken) > WIRE_RING - 256) {
			bell(&m->wire);
			listen_to(m);
		}
		send_bytes(&m->wire, frame, n, 0);
		atomic_store(&m->wire.own->taken, atomic_load(&m->wire.peer->sent));
	}
}

static const struct manner {
	const char	*name;
	void		(*act)(struct meeting *m);
} manners[] = {
	{ "silent", silent },
	{ "speaks_of_another", speaks_of_another },
	{ "brings_nothing", brings_nothing },
	{ "brings_a_socket", brings_a_socket },
	{ "leaves_at_once", leaves_at_once },
	{ "speaks_for_others", speaks_for_others },
	{ "takes_nothing", takes_nothing },
	{ "does_not_stop", does_not_stop },
	{ NULL, NULL },
};

void list_manners(void)
{
	for (const struct manner *a = manners; a->name; a++)
		puts(a->name);
}

static const struct lie *row(const struct lie *table, const char *name)
{
	for (; table->name; table++) {
		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

static const struct manner *manner(const char *name)
{
	for (const struct manner *a = manners; a->name; a++) {
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

bool neighbour(const char *name, const char *dir, const char *address)
{
	const struct lie *lie = row(lies, name), *vice = row(vices, name);
	const struct manner *a = manner(name);
	struct meeting m;

	if (!lie && !vice && !a)
		return false;
	find(&m, dir, address);
	be_introduced(&m);
	if (lie)
		tell(&m, lie);
	else if (vice)
		show(&m, vice);
	else
		a->act(&m);
	liar_free(&m.wire);
	still_there(&m);
	liar_free(&m.port);
	return true;
}
