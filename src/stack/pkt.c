/* pkt.c - the one place that changes a packet
 *
 * Headers in the head, payload in extents; see pkt.h for the picture. A head
 * that is still empty when the first header is pulled begins near its front, so
 * that link, network with extensions, and transport header all fit; a packet
 * that was made to be sent and came back by the loopback keeps its headers
 * where they are and slides them only if more is pulled than fits behind.
 */
#include "stack/pkt.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/sum.h"

struct pkt *pkt_new(void)
{
	struct pkt *pkt = xmalloc(sizeof(*pkt));

	memset(pkt, 0, offsetof(struct pkt, ext));
	list_init(&pkt->link);
	pkt->start = pkt->cur = pkt->end = PKT_HEADROOM;
	pkt->truesize = sizeof(*pkt);
	return pkt;
}

static void exts_release(struct pkt *pkt, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		pkt->paylen -= pkt->ext[i].len;
		chunk_unref(pkt->ext[i].chunk);
	}
}

void pkt_free(struct pkt *pkt)
{
	if (!pkt)
		return;
	exts_release(pkt, 0, pkt->n_ext);
	free(pkt);
}

struct pkt *pkt_clone(const struct pkt *pkt)
{
	struct pkt *c = xmalloc(sizeof(*c));

	memcpy(c, pkt, offsetof(struct pkt, ext) + pkt->n_ext * sizeof(struct ext));
	memcpy(c->head + pkt->start, pkt->head + pkt->start, pkt->end - pkt->start);
	list_init(&c->link);
	for (unsigned i = 0; i < c->n_ext; i++)
		chunk_ref(c->ext[i].chunk);
	return c;
}

/* Spans of one chunk that follow each other count it once. */
static void count_size(struct pkt *pkt)
{
	const struct chunk *last = NULL;

	pkt->truesize = sizeof(*pkt);
	for (unsigned i = 0; i < pkt->n_ext; i++) {
		if (pkt->ext[i].chunk != last)
			pkt->truesize += pkt->ext[i].chunk->size;
		last = pkt->ext[i].chunk;
	}
}

/* n bytes leave the front of the extents; the packet has that many. */
static void exts_trim_front(struct pkt *pkt, uint32_t n)
{
	unsigned i = 0;

	while (i < pkt->n_ext && pkt->ext[i].len <= n)
		n -= pkt->ext[i++].len;
	exts_release(pkt, 0, i);
	pkt->n_ext -= i;
	memmove(pkt->ext, pkt->ext + i, pkt->n_ext * sizeof(struct ext));
	if (n) {
		pkt->ext[0].p += n;
		pkt->ext[0].len -= n;
		pkt->paylen -= n;
	}
	if (i)
		count_size(pkt);
}

/* Copies up to n bytes from the extents, starting off bytes in. */
static uint32_t exts_copy(const struct pkt *pkt, uint32_t off, uint8_t *to, uint32_t n)
{
	uint32_t done = 0;

	for (unsigned i = 0; i < pkt->n_ext && done < n; i++) {
		const struct ext *e = &pkt->ext[i];
		uint32_t len;

		if (off >= e->len) {
			off -= e->len;
			continue;
		}
		len = MIN(e->len - off, n - done);
		copy_bytes(to + done, e->p + off, len);
		done += len;
		off = 0;
	}
	return done;
}

/* by may be less than nothing: modulo 2^16. */
static void slide(struct pkt *pkt, uint16_t to)
{
	uint16_t by = (uint16_t)(pkt->start - to);

	memmove(pkt->head + to, pkt->head + pkt->start, pkt->end - pkt->start);
	pkt->start = to;
	pkt->cur -= by;
	pkt->end -= by;
	pkt->l3 -= by;
	pkt->l4 -= by;
}

void pkt_reserve(struct pkt *pkt)
{
	slide(pkt, (uint16_t)(PKT_HEAD - (pkt->end - pkt->start)));
}

/* From several extents, the last of them perhaps whole; the head may be in the way. */
static __attribute__((noinline)) const uint8_t *pull_apart(struct pkt *pkt, unsigned need)
{
	if (need > pkt->paylen)
		return NULL;
	if (pkt->end + need > PKT_HEAD) {
		if (pkt->end - pkt->start + need > PKT_HEAD - PKT_PULL_START)
			return NULL;
		slide(pkt, PKT_PULL_START);
	}
	exts_copy(pkt, 0, pkt->head + pkt->end, need);
	exts_trim_front(pkt, need);
	pkt->end += need;
	return pkt->head + pkt->cur;
}

/* The first header of all, or more of one that is there. */
const uint8_t *pkt_pull_slow(struct pkt *pkt, unsigned n)
{
	unsigned need = n - (pkt->end - pkt->cur);
	struct ext *e = &pkt->ext[0];

	pkt_begin(pkt);
	if (!pkt->n_ext || need >= e->len || pkt->end + need > PKT_HEAD)
		return pull_apart(pkt, need);
	memcpy(pkt->head + pkt->end, e->p, need);
	e->p += need;
	e->len -= need;
	pkt->paylen -= need;
	pkt->end += need;
	return pkt->head + pkt->cur;
}

void pkt_turn(struct pkt *pkt)
{
	uint16_t n = pkt->end - pkt->cur;
	uint16_t to = MIN(PKT_HEADROOM, PKT_HEAD - n);

	memmove(pkt->head + to, pkt->head + pkt->cur, n);
	pkt->start = pkt->cur = to;
	pkt->end = to + n;
	pkt->l3 = pkt->l4 = 0;
	pkt->sum = PKT_SUM_NONE;
	pkt->sum_start = pkt->sum_off = 0;
	pkt->gso_size = pkt->gso_hlen = 0;
	pkt->nif = NULL;
}

void pkt_strip(struct pkt *pkt)
{
	uint16_t gone = pkt->cur - pkt->start;

	pkt->start = pkt->cur;
	if (pkt->sum == PKT_SUM_PARTIAL)
		pkt->sum_start -= gone;
	if (pkt->gso_size)
		pkt->gso_hlen -= gone;
}

struct pkt *pkt_slice(const struct pkt *pkt, uint32_t off, uint32_t len)
{
	struct pkt *s = pkt_clone(pkt);

	s->cur = pkt->cur;
	pkt_trim_front(s, off);
	pkt_trim_to(s, len);
	pkt_turn(s);
	return s;
}

bool pkt_add_ext(struct pkt *pkt, struct chunk *chunk, uint8_t *p, uint32_t len)
{
	if (pkt->n_ext == PKT_EXTS) {
		chunk_unref(chunk);
		return false;
	}
	if (!pkt->n_ext || pkt->ext[pkt->n_ext - 1].chunk != chunk)
		pkt->truesize += chunk->size;
	pkt->ext[pkt->n_ext++] = (struct ext){ chunk, p, len };
	pkt->paylen += len;
	return true;
}

/* Reads bytes from an iovec in order. */
struct gather {
	const struct iovec *iov;
	int		n;
	size_t		off;
};

static void gather(struct gather *g, uint8_t *to, size_t len)
{
	while (len && g->n) {
		size_t k = MIN(len, g->iov->iov_len - g->off);

		if (k)
			copy_bytes(to, (const uint8_t *)g->iov->iov_base + g->off, k);
		to += k;
		len -= k;
		g->off += k;
		if (g->off == g->iov->iov_len) {
			g->iov++;
			g->n--;
			g->off = 0;
		}
	}
}

bool pkt_append_iov(struct pkt *pkt, struct arena *a, const struct iovec *iov, int n,
		    uint32_t total)
{
	struct gather g = { iov, n, 0 };

	while (total) {
		struct chunk *c = a->alloc(a, MIN(total, (uint32_t)CHUNK_MAX));
		uint32_t len;

		if (!c)
			return false;
		len = MIN(c->size, total);
		gather(&g, c->data, len);
		if (!pkt_add_ext(pkt, c, c->data, len))
			return false;
		total -= len;
	}
	return true;
}

void pkt_put(struct pkt *pkt, const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len)
			memcpy(pkt->head + pkt->end, iov[i].iov_base, iov[i].iov_len);
		pkt->end += (uint16_t)iov[i].iov_len;
	}
}

bool pkt_append(struct pkt *pkt, struct arena *a, const void *p, uint32_t len)
{
	struct iovec iov = { (void *)(uintptr_t)p, len };

	return pkt_append_iov(pkt, a, &iov, 1, len);
}

void pkt_trim_front(struct pkt *pkt, uint32_t n)
{
	uint32_t k = MIN(n, (uint32_t)(pkt->end - pkt->cur));

	pkt->cur += k;
	n = MIN(n - k, pkt->paylen);
	if (n)
		exts_trim_front(pkt, n);
}

void pkt_cut(struct pkt *pkt, uint32_t len)
{
	uint32_t hlen = (uint32_t)(pkt->end - pkt->cur), left;
	unsigned i = 0;

	if (len < hlen)
		pkt->end = pkt->cur + len;
	left = len > hlen ? len - hlen : 0;
	while (left && left >= pkt->ext[i].len)
		left -= pkt->ext[i++].len;
	if (left) {
		pkt->paylen -= pkt->ext[i].len - left;
		pkt->ext[i++].len = left;
	}
	exts_release(pkt, i, pkt->n_ext);
	pkt->n_ext = i;
	count_size(pkt);
}

uint32_t pkt_copy(const struct pkt *pkt, uint32_t off, void *to, uint32_t len)
{
	uint32_t hlen = (uint32_t)(pkt->end - pkt->cur), k = 0;

	if (off < hlen) {
		k = MIN(hlen - off, len);
		memcpy(to, pkt->head + pkt->cur + off, k);
	}
	off = off > hlen ? off - hlen : 0;
	return k + exts_copy(pkt, off, (uint8_t *)to + k, len - k);
}

int pkt_iov(const struct pkt *pkt, struct iovec iov[PKT_EXTS + 1])
{
	int n = 0;

	if (pkt->end > pkt->cur)
		iov[n++] = (struct iovec){ (void *)(uintptr_t)(pkt->head + pkt->cur),
					   (size_t)(pkt->end - pkt->cur) };
	for (unsigned i = 0; i < pkt->n_ext; i++)
		iov[n++] = (struct iovec){ pkt->ext[i].p, pkt->ext[i].len };
	return n;
}

void pkt_sum(const struct pkt *pkt, uint32_t off, uint32_t len, struct sum *s)
{
	uint32_t hlen = (uint32_t)(pkt->end - pkt->cur), n;

	if (off < hlen) {
		n = MIN(hlen - off, len);
		sum_add(s, pkt->head + pkt->cur + off, n);
		len -= n;
		off += n;
	}
	off -= hlen;
	for (unsigned i = 0; i < pkt->n_ext && len; i++) {
		const struct ext *e = &pkt->ext[i];

		if (off >= e->len) {
			off -= e->len;
			continue;
		}
		n = MIN(e->len - off, len);
		sum_add(s, e->p + off, n);
		len -= n;
		off = 0;
	}
}

/* 0 means "no checksum" to UDP, and -0 is as good to everybody (RFC 768). */
void pkt_sum_finish(struct pkt *pkt)
{
	uint16_t cur = pkt->cur, v;
	struct sum s = { 0 };
	be16 wire;

	if (pkt->sum != PKT_SUM_PARTIAL)
		return;
	pkt->cur = pkt->start + pkt->sum_start;
	pkt_sum(pkt, 0, pkt_len(pkt), &s);
	v = sum_end(&s);
	wire = be16_put(v ? v : 0xffff);
	memcpy(pkt->head + pkt->cur + pkt->sum_off, &wire, 2);
	pkt->cur = cur;
	pkt->sum = PKT_SUM_NONE;
}
