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
#include "pieces.h"

/* --- the twin --- */

enum { COMPLETE, INCOMPLETE, OUR_CHOICE };

static bool same(const struct piece *a, const struct piece *b)
{
	return a->off == b->off && a->len == b->len && a->more == b->more;
}

static int twin(const struct piece *const *p, unsigned n)
{
	bool have[PIECES_TOTAL] = { false }, end = false;
	uint32_t got = 0;

	for (unsigned i = 0; i < n; i++) {
		bool again = false;

		for (unsigned k = 0; k < i; k++)
			again |= same(p[i], p[k]);
		if (again && got < PIECES_TOTAL)
			continue;
		if (!p[i]->len || (p[i]->more && p[i]->len % 8) || p[i]->off + p[i]->len > PIECES_TOTAL ||
		    (!p[i]->more && p[i]->off + p[i]->len != PIECES_TOTAL) ||
		    (p[i]->more && p[i]->off + p[i]->len == PIECES_TOTAL) || again || got == PIECES_TOTAL)
			return OUR_CHOICE;
		for (uint32_t o = p[i]->off; o < p[i]->off + p[i]->len; o++) {
			if (have[o])
				return OUR_CHOICE;
			have[o] = true;
			got++;
		}
		end |= !p[i]->more;
	}
	return got == PIECES_TOTAL && end ? COMPLETE : INCOMPLETE;
}

/* --- cases --- */

static unsigned delivered(struct lan *l, bool v4)
{
	uint8_t got[256];
	struct iovec iov = { got, sizeof(got) };
	struct msg m = { .ttl = -1 };
	unsigned n = 0;

	for (ssize_t r; (r = sock_recv(l->udp[v4], &iov, 1, 0, &m)) >= 0; n++) {
		bool right = r == PIECES_TOTAL - UDP_LEN;

		for (uint32_t i = 0; right && i < (uint32_t)r; i++)
			right = got[i] == pattern(i);
		if (!right)
			broken("%zd octets that nobody sent", r);
	}
	return n;
}

static void one(bool v4, const struct piece *const *p, unsigned n)
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
		lan_input(&l, b, piece_frame(b, v4, p[i], 5));
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
	const struct piece *p[3];
	bool v4 = !how->v6;

	for (unsigned x = 0; x < N_PIECES * N_PIECES * (N_PIECES + 1); x++) {
		unsigned third = x / (N_PIECES * N_PIECES), n = third == N_PIECES ? 2 : 3;

		p[0] = &pieces[x % N_PIECES];
		p[1] = &pieces[x / N_PIECES % N_PIECES];
		p[2] = third < N_PIECES ? &pieces[third] : NULL;
		if (n == 3 && s->pair && seen++ % s->pair)
			continue;
		one(v4, p, n);
		total[n]++;
	}
	printf("%-28s in two %lu, in three %lu\n", v4 ? "fragments, IPv4" : "fragments, IPv6",
	       (unsigned long)total[2], (unsigned long)total[3]);
}
