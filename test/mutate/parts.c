/* parts.c - a datagram in two or three fragments that may not fit together
 *
 * Each fragment has any of some places, lengths and "more" bits; its octets are
 * always the datagram's of that place, so that whatever is put together from a
 * complete set is the datagram. A twin that notes one octet at a time says whether
 * the set is clean (no overlap, no odd length, one end) and complete: then it must be
 * delivered; clean and incomplete: it must not; else it is our choice (RFC 8200 4.5,
 * RFC 5722), but never may anything but the datagram come out.
 */
#include <netinet/in.h>
#include <stdio.h>

#include "../sim/wire.h"
#include "lan.h"
#include "mutate.h"
#include "pair.h"

#define TOTAL	72	/* of UDP with its header */

struct part { uint32_t off, len; bool more; };

static const struct part whole[] = {
	{ 0, 24, true }, { 0, 48, true }, { 24, 24, true }, { 24, 48, false }, { 48, 24, false },
	{ 0, 72, false }, { 0, 72, true }, { 0, 0, true }, { 0, 8, true }, { 8, 16, true },
	{ 8, 64, false }, { 16, 56, false }, { 24, 25, true }, { 0, 23, true }, { 40, 32, false },
	{ 48, 24, true }, { 48, 16, false }, { 72, 8, false }, { 72, 0, false }, { 24, 0, true },
	{ 65528, 8, true }, { 65528, 24, false }, { 65520, 15, false }, { 0, 1, false },
	{ 64, 8, false }, { 0, 64, true }, { 1024, 64, false }, { 8, 8, true },
};
#define N_PARTS	ARRAY_LEN(whole)

static uint8_t datagram[2][FRAME_MAX];

static uint32_t part_frame(uint8_t *b, bool v4, const struct part *p)
{
	const uint8_t *from = datagram[v4] + ETH_LEN + (v4 ? IP4_LEN : IP6_LEN);
	struct wr w = wr_of(b, FRAME_MAX);

	eth_emit(&w, &(struct eth){ own_mac, peer_mac, v4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6 });
	if (v4) {
		ip4_emit(&w, &(struct ip4){ .hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + p->len),
					    .id = 5, .ttl = 64, .proto = IPPROTO_UDP,
					    .flags = p->more ? IP4_MF : 0, .frag = (uint16_t)p->off,
					    .src = peer4, .dst = own4 });
	} else {
		ip6_emit(&w, &(struct ip6){ .plen = (uint16_t)(IP6_FRAG_LEN + p->len), .hops = 64,
					    .next = IPPROTO_FRAGMENT, .src = peer6, .dst = own6 });
		ip6_frag_emit(&w, &(struct ip6_frag){ IPPROTO_UDP, (uint16_t)p->off, p->more, 5 });
	}
	for (uint32_t i = 0; i < p->len; i++)
		wr_u8(&w, p->off + i < TOTAL ? from[p->off + i] : 0);
	return (uint32_t)wr_len(&w);
}

/* --- the twin --- */

enum { COMPLETE, INCOMPLETE, OUR_CHOICE };

static bool same(const struct part *a, const struct part *b)
{
	return a->off == b->off && a->len == b->len && a->more == b->more;
}

static int twin(const struct part *const *p, unsigned n)
{
	bool have[TOTAL] = { false }, end = false;
	uint32_t got = 0;

	for (unsigned i = 0; i < n; i++) {
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again |= same(p[i], p[k]);
		if (again && got < TOTAL)
			continue;
		if (!p[i]->len || (p[i]->more && p[i]->len % 8) || p[i]->off + p[i]->len > TOTAL ||
		    (!p[i]->more && p[i]->off + p[i]->len != TOTAL) ||
		    (p[i]->more && p[i]->off + p[i]->len == TOTAL) || again || got == TOTAL)
			return OUR_CHOICE;
		for (uint32_t o = p[i]->off; o < p[i]->off + p[i]->len; o++) {
			if (have[o])
				return OUR_CHOICE;
			have[o] = true;
			got++;
		}
		end |= !p[i]->more;
	}
	return got == TOTAL && end ? COMPLETE : INCOMPLETE;
}

/* --- cases --- */

static unsigned delivered(struct lan *l, bool v4)
{
	uint8_t got[256];
	struct iovec iov = { got, sizeof(got) };
	struct msg m = { .ttl = -1 };
	unsigned n = 0;

	for (ssize_t r; (r = sock_recv(l->udp[v4], &iov, 1, 0, &m)) >= 0; n++) {
		bool right = r == TOTAL - UDP_LEN;

		for (uint32_t i = 0; right && i < (uint32_t)r; i++)
			right = got[i] == pattern(i);
		if (!right)
			broken("%zd octets that nobody sent", r);
	}
	return n;
}

static void one(bool v4, const struct part *const *p, unsigned n)
{
	uint8_t b[FRAME_MAX];
	struct lan l;
	int len = snprintf(trying, TRYING, "fragments %s:", v4 ? "ip4" : "ip6"), want = twin(p, n);
	unsigned got;

	for (unsigned i = 0; i < n; i++)
		len += snprintf(trying + len, TRYING - (size_t)len, " %u+%u%s", p[i]->off, p[i]->len,
				p[i]->more ? "+" : "");
	lan_init(&l);
	for (unsigned i = 0; i < n; i++)
		lan_input(&l, b, part_frame(b, v4, p[i]));
	got = delivered(&l, v4);
	if (want == COMPLETE && got != 1)
		broken("it was delivered %u times", got);
	if (want == INCOMPLETE && got)
		broken("it was delivered though it is not complete");
	if (l.spoke > n)
		broken("%u answers to %u fragments", l.spoke, n);
	lan_pass(&l, 100 * USEC_PER_SEC);
	delivered(&l, v4);
	lan_fini(&l);
}

void parts_all(unsigned i, const struct variant *how, const struct strides *s)
{
	uint64_t seen = 0, total[4] = { 0 };
	const struct part *p[3];
	bool v4 = !how->v6;

	udp_frame(datagram[v4], v4, TOTAL - UDP_LEN);
	for (unsigned x = 0; x < N_PARTS * N_PARTS * (N_PARTS + 1); x++) {
		unsigned third = x / (N_PARTS * N_PARTS), n = third == N_PARTS ? 2 : 3;

		p[0] = &whole[x % N_PARTS];
		p[1] = &whole[x / N_PARTS % N_PARTS];
		p[2] = third < N_PARTS ? &whole[third] : NULL;
		if (n == 3 && s->pair && seen++ % s->pair)
			continue;
		one(v4, p, n);
		total[n]++;
	}
	printf("%-28s in two %lu, in three %lu\n", v4 ? "fragments, IPv4" : "fragments, IPv6",
	       (unsigned long)total[2], (unsigned long)total[3]);
}
