/* rules.c - mirrors, storm control, rates and limits of ports
 *
 * in:   core_input -> rules_in: mirror, guard, filter, rate, storm
 *       a destination nobody knows -> rules_unknown
 * out:  core -> rules_out: filter, rate, mirror
 *
 * A port without any has no struct rules, and this file is not entered. What is
 * over a rate is dropped at once (policing): a switch that queued it would hold a
 * sender's memory for it.
 *
 * A mirror's copies go straight to the port that listens: they are no frames of
 * a VLAN, obey no rule but that port's MTU and are not mirrored again. What comes in is
 * shown as it came, before it can be refused; what leaves as it leaves. Nobody waits for
 * who listens (hold.c), and who is listened to floods nobody by that (share.c).
 */
#include "switch/rules.h"

#include <errno.h>

#include "proto/proto.h"

#define RATE_BURST_MIN	65536u		/* a super-frame passes whole or not at all */

/* --- frames --- */

static enum core_drop ask(const struct hook *h, const struct pass *s, uint32_t port)
{
	return h->check ? h->check(h->ctx, s, port) : CORE_TAKEN;
}

/* How many frames it is on the wire. */
static uint32_t segments(const struct frame *f)
{
	const struct pkt *pkt = f->pkt;

	if (!pkt || !pkt->gso_size || pkt_len(pkt) <= pkt_wire_len(pkt))
		return 1;
	return (pkt_len(pkt) - pkt->gso_hlen + pkt->gso_size - 1) / pkt->gso_size;
}

static uint64_t wire_bytes(const struct frame *f)
{
	uint32_t n = segments(f);

	return frame_size(f) + (n > 1 ? (uint64_t)(n - 1) * f->pkt->gso_hlen : 0);
}

static void mirror(struct core *c, const struct rules *r, const struct frame *f)
{
	struct core_port *to = &c->port[r->mirror];
	enum core_whom whom = c->whom;

	if (!to->up)
		return;
	if (!core_fits(to, f)) {
		to->drops[CORE_MTU_OUT]++;
		return;
	}
	c->whom = CORE_LISTENER;
	core_out(c, r->mirror, f);
	c->whom = whom;
}

static enum core_drop check_storm(struct pass *s, struct rules *r, enum storm what)
{
	if (bucket_take(&r->storm[what], segments(&s->f), s->now))
		return CORE_TAKEN;
	return CORE_STORM + what;
}

static enum core_drop check_group(struct pass *s, struct rules *r)
{
	if (!(s->f.p[0] & 1))
		return CORE_TAKEN;
	return check_storm(s, r, memcmp(s->f.p, &MAC_BROADCAST, 6) == 0 ? STORM_BROADCAST :
			   STORM_MULTICAST);
}

enum core_drop rules_in(struct pass *s, struct rules *r)
{
	enum core_drop why = ask(&r->guard, s, s->from);

	if (!why)
		why = ask(&r->filter_in, s, s->from);
	if (!why && !bucket_take(&r->rate_in, wire_bytes(&s->f), s->now))
		why = CORE_RATE;
	return why ? why : check_group(s, r);
}

enum core_drop rules_unknown(struct pass *s, struct rules *r)
{
	return check_storm(s, r, STORM_UNKNOWN);
}

enum core_drop rules_out(struct pass *s, struct rules *r, uint32_t port, const struct frame *f)
{
	enum core_drop why = ask(&r->filter_out, s, port);

	if (!why && !bucket_take(&r->rate_out, wire_bytes(f), s->now))
		why = CORE_RATE_OUT;
	if (!why && r->mirror_out)
		mirror(s->core, r, f);
	return why;
}

enum core_drop rules_first(struct core *c, struct rules *r, const struct frame *f)
{
	if (r->mirrored && !r->talk)
		return CORE_MONITOR;
	if (r->mirror_in)
		mirror(c, r, f);
	return CORE_TAKEN;
}

bool rules_are_plain(const struct rules *r)
{
	return !r || !(r->guards_ip || r->filter_in.check || r->filter_out.check ||
		       r->mirror_in || r->mirror_out || (r->mirrored && !r->talk) ||
		       r->rate_in.rate || r->rate_out.rate);
}

bool rules_are_empty(const struct rules *r)
{
	return rules_are_plain(r) && !r->guard.check && !r->mirrored && !r->talk &&
	       !r->storm[STORM_BROADCAST].rate && !r->storm[STORM_MULTICAST].rate &&
	       !r->storm[STORM_UNKNOWN].rate;
}

/* --- settings --- */

/* Who only listens is no destination of its own. */
static void listens_changed(struct core *c, uint32_t port)
{
	if (rules_is_monitor(c, port) && !c->port[port].rules->talk)
		fdb_flush_port(&c->fdb, port);
	core_rules_changed(c, port);
	core_port_takes_part(c, port);
}

static void unmirror(struct core *c, uint32_t port, struct rules *r)
{
	uint32_t to = r->mirror;

	if (!r->mirror_in && !r->mirror_out)
		return;
	r->mirror_in = r->mirror_out = false;
	core_rules(c, to)->mirrored--;
	listens_changed(c, to);
}

int rules_set_mirror(struct core *c, uint32_t port, uint32_t to, bool in, bool out)
{
	struct rules *r;

	if (port >= c->n_ports || to == port || (to != NO_PORT && to >= c->n_ports))
		return -EINVAL;
	r = core_rules(c, port);
	unmirror(c, port, r);
	if (to != NO_PORT && (in || out)) {
		r->mirror = to;
		r->mirror_in = in;
		r->mirror_out = out;
		core_rules(c, to)->mirrored++;
		listens_changed(c, to);
	}
	core_rules_changed(c, port);
	return 0;
}

void rules_end_mirrors(struct core *c, uint32_t to)
{
	for (uint32_t i = 0; i < c->n_ports && rules_is_monitor(c, to); i++) {
		const struct rules *r = c->port[i].rules;

		if (r && (r->mirror_in || r->mirror_out) && r->mirror == to)
			rules_set_mirror(c, i, NO_PORT, false, false);
	}
}

int rules_set_talk(struct core *c, uint32_t port, bool talk)
{
	if (port >= c->n_ports)
		return -EINVAL;
	core_rules(c, port)->talk = talk;
	listens_changed(c, port);
	return 0;
}

bool rules_is_monitor(const struct core *c, uint32_t port)
{
	return c->port[port].rules && c->port[port].rules->mirrored;
}

static int set_bucket(struct core *c, uint32_t port, struct bucket *b, uint64_t rate,
		      uint64_t burst, uint64_t least)
{
	if (!burst)
		burst = MAX(rate / 10, least);
	*b = rate ? bucket_of(rate, burst, 0) : (struct bucket){ 0 };
	core_rules_changed(c, port);
	return 0;
}

int rules_set_storm(struct core *c, uint32_t port, enum storm what, uint64_t rate,
		    uint64_t burst)
{
	if (port >= c->n_ports || what >= N_STORMS || rate > BUCKET_MAX || burst > BUCKET_MAX)
		return -EINVAL;
	return set_bucket(c, port, &core_rules(c, port)->storm[what], rate, burst, 1);
}

int rules_set_rate(struct core *c, uint32_t port, bool out, uint64_t rate, uint64_t burst)
{
	struct rules *r;

	if (port >= c->n_ports || rate > BUCKET_MAX || burst > BUCKET_MAX)
		return -EINVAL;
	r = core_rules(c, port);
	return set_bucket(c, port, out ? &r->rate_out : &r->rate_in, rate, burst, RATE_BURST_MIN);
}

int rules_set_mtu(struct core *c, uint32_t port, uint32_t mtu)
{
	if (port >= c->n_ports || (mtu && mtu < 68))	/* RFC 791 3.2 */
		return -EINVAL;
	c->port[port].mtu = mtu;
	c->changes++;
	return 0;
}

int rules_set_isolated(struct core *c, uint32_t port, bool isolated)
{
	if (port >= c->n_ports)
		return -EINVAL;
	bit_set(c->isolated, port, isolated);
	c->changes++;
	return 0;
}
