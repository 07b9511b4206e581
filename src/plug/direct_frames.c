/* direct_frames.c - frames by a plug's introduced wires
 *
 * in:   directs_take -> direct_take -> the plug's user
 * out:  shm_send -> directs_lane chooses: the neighbour's lane or the switch's -> directs_flush
 *
 * A wire carries what goes from the one introduced address to the other, and nothing
 * else: groups, tags, and what resolves addresses go by the switch. Nothing is taken
 * before the mark has come by the switch, behind what the neighbour sent there;
 * and before what he sends by the switch is delivered, his wire is emptied.
 */
#include <netinet/in.h>

#include "plug/direct_in.h"
#include "proto/proto.h"

#define FRAME_OVERHEAD	18
#define IP6_NEXT	6	/* where the next header's number is */

static bool is_theirs(const struct direct *d, struct pkt *pkt)
{
	struct eth e;
	const uint8_t *p = pkt_pull(pkt, ETH_LEN);
	struct rd r = rd_of(p, p ? ETH_LEN : 0);

	return eth_parse(&r, &e) && mac_eq(&e.src, &d->theirs) && mac_eq(&e.dst, &d->mine) &&
	       e.type != ETHERTYPE_VLAN;
}

/* The next frame, or a row of datagrams for who takes them apart; they count in n. */
static struct pkt *take(struct directs *ds, struct wire *w, int max, int *n)
{
	struct pkt *pkt = ds->plug->join_rows ? wire_take_row(w, (unsigned)max) : NULL;
	unsigned more = pkt ? pkt->paylen / pkt->gso_size - 1 : 0;

	if (more) {
		ds->plug->rx_frames += more;
		ds->plug->rx_bytes += (uint64_t)more * pkt->gso_hlen;
	} else {
		pkt = wire_take(w);
	}
	*n += pkt ? 1 + (int)more : 0;
	return pkt;
}

/* No more than a ring at once: who lies can put more the moment we have taken some. Without
 * a limit also what is to be held. */
int direct_take(struct directs *ds, struct direct *d, int max)
{
	struct wire *w = d->lane.wire;
	struct pkt *pkt;
	uint32_t from;
	int n = 0;

	if (d->state < DIRECT_LIVE || !d->marked)
		return 0;
	from = w->taken;
	ds->plug->hold = false;
	while (n < max && (max == INT32_MAX || !ds->plug->hold) && w->taken - from < WIRE_RING &&
	       (pkt = take(ds, w, max - n, &n))) {
		d->frames++;
		if (is_theirs(d, pkt)) {
			ds->in(ds->plug, pkt);
		} else {
			ds->strangers++;
			ds->plug->rx_drops++;
			pkt_free(pkt);
		}
	}
	if (n)
		wire_took(w);
	d->held = ds->plug->hold;
	return n;
}

int directs_take(struct directs *ds, int max)
{
	unsigned after = ~0u << ds->turn++ % WIRE_INTROS;	/* each is first in its turn */
	int n = 0;

	for_used(ds, d, after)
		n += n < max && !d->held ? direct_take(ds, d, max - n) : 0;
	for_used(ds, d, ~after)
		n += n < max && !d->held ? direct_take(ds, d, max - n) : 0;
	return n;
}

void directs_let(struct directs *ds)
{
	for_used(ds, d, ALL)
		d->held = false;
}

static bool read_mark(const struct pkt *pkt, struct intro_hello *id)
{
	return pkt_peek(pkt, 12) == ETHERTYPE_LOCAL >> 8 &&
	       pkt_peek(pkt, 13) == (ETHERTYPE_LOCAL & 0xff) &&
	       pkt_copy(pkt, ETH_LEN, id, sizeof(*id)) == sizeof(*id) && id->magic == INTRO_MAGIC;
}

/* ARP and neighbour discovery: the switch learns from them whom it may answer for. */
static bool is_resolution(const struct pkt *pkt, uint16_t type)
{
	uint8_t icmp = pkt_peek(pkt, ETH_LEN + IP6_LEN);

	if (type == ETHERTYPE_ARP)
		return true;
	return type == ETHERTYPE_IP6 && pkt_peek(pkt, ETH_LEN + IP6_NEXT) == IPPROTO_ICMPV6 &&
	       icmp >= ND_RS && icmp <= ND_REDIRECT;
}

/* What always goes by the switch waits for nothing that is held. */
static bool overtakes(const struct direct *d, const struct pkt *pkt, const struct eth *e)
{
	return d->held && (mac_is_group(&e->dst) || is_resolution(pkt, e->type));
}

bool directs_is_mark(struct directs *ds, struct pkt *pkt)
{
	struct intro_hello id;
	struct eth e;
	bool mark = read_mark(pkt, &id);
	const uint8_t *p = ds->used ? pkt_pull(pkt, ETH_LEN) : NULL;
	struct rd r = rd_of(p, p ? ETH_LEN : 0);

	if (!p || !eth_parse(&r, &e))
		return mark;
	for_used(ds, d, ALL) {
		if (!mac_eq(&d->theirs, &e.src))
			continue;
		if (mark && id.id == d->id)
			d->marked = true;
		else if (!overtakes(d, pkt, &e))
			direct_take(ds, d, INT32_MAX);
	}
	return mark;
}

/* --- out --- */

struct direct *directs_to(struct directs *ds, const struct mac *to)
{
	for_used(ds, d, ALL) {
		if (d->state == DIRECT_LIVE && mac_eq(&d->theirs, to))
			return d;
	}
	return NULL;
}

struct lane *directs_lane(struct directs *ds, struct pkt *pkt)
{
	const uint8_t *p = ds->used ? pkt_pull(pkt, ETH_LEN) : NULL;
	struct rd r = rd_of(p, p ? ETH_LEN : 0);
	struct direct *d;
	struct eth e;

	if (!p || !eth_parse(&r, &e))
		return NULL;
	d = directs_to(ds, &e.dst);
	if (!d || !mac_eq(&e.src, &d->mine) || e.type == ETHERTYPE_VLAN || is_resolution(pkt, e.type) ||
	    pkt_wire_len(pkt) > d->mtu + FRAME_OVERHEAD)
		return NULL;
	direct_step(ds, d, LATER);
	if (d->state != DIRECT_LIVE)
		return NULL;
	d->frames++;
	ds->sent++;
	return &d->lane;
}

uint32_t directs_room(struct directs *ds)
{
	uint32_t room = UINT32_MAX;

	for_used(ds, d, ALL) {
		if (d->state == DIRECT_LIVE)
			room = MIN(room, lane_room(&d->lane));
	}
	return room;
}

void directs_flush(struct directs *ds)
{
	if (ds->used)
		atomic_store_explicit(&ds->main->wire->own->direct, ds->sent, memory_order_relaxed);
	for_used(ds, d, ALL) {
		direct_step(ds, d, LATER);
		if (d->state == DIRECT_LIVE && d->lane.queued)
			lane_flush(&d->lane);
	}
}
