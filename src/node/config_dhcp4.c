/* config_dhcp4.c - an IPv4 lease: the client's frames, the test of its address
 *
 * The client (name/dhcp4) speaks by frames, as it has no address yet: to all, or to
 * the station that gave the lease, which is the server or its relay. The way to it is
 * open while an answer is awaited only, so frames are not copied for us at other times.
 *
 * Before a lease's address is used, two ARP probes ask for it a moment apart: short
 * (RFC 5227 2.1.1 takes up to seven seconds), because somebody waits, and in front of
 * what the stack does anyhow: with arp_probes it tests once more, and it defends. What
 * it finds later makes us decline, too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sum.h"
#include "node/config_in.h"
#include "proto/proto.h"

#define PROBES		2
#define PROBE_WAIT	(100 * USEC_PER_MSEC)
#define HEADERS		(ETH_LEN + IP4_LEN + UDP_LEN)
#define FRAME_MAX	(HEADERS + DHCP4_MAX)
#define LEAST_MTU	576		/* less is not believed (RFC 2132 5.1: 68) */
#define TTL		64

/* --- frames --- */

/* Unfragmented UDP to the port of DHCP's clients, behind an Ethernet header. */
static struct sock_filter dhcp4_only[] = {
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP4, 0, 8),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_LEN + 9),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 6),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ETH_LEN + 6),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
	BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, ETH_LEN),
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, ETH_LEN + 2),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, DHCP4_CLIENT_PORT, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0xffff),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

const struct sock_fprog conf_dhcp4_only = { ARRAY_LEN(dhcp4_only), dhcp4_only };

/* A frame around the message that lies behind the room for headers. */
static void wrap(uint8_t *frame, size_t n, struct mac from, struct mac to,
		 const struct dhcp4_dest *at)
{
	struct udp u = { DHCP4_CLIENT_PORT, DHCP4_SERVER_PORT, (uint16_t)(UDP_LEN + n), 0 };
	struct ip4 ip = {
		.hlen = IP4_LEN, .len = (uint16_t)(IP4_LEN + UDP_LEN + n), .ttl = TTL,
		.proto = 17, .src = at->from, .dst = at->to,
	};
	struct wr w = wr_of(frame, HEADERS);
	struct sum s = { 0, false };

	sum_pseudo(&s, &at->from, &at->to, 17, u.len);
	eth_emit(&w, &(struct eth){ to, from, ETHERTYPE_IP4 });
	ip4_emit(&w, &ip);
	udp_emit(&w, &u);
	sum_add(&s, frame + ETH_LEN + IP4_LEN, u.len);
	u.sum = sum_end(&s) ? sum_end(&s) : 0xffff;
	w = wr_of(frame + ETH_LEN + IP4_LEN, UDP_LEN);
	udp_emit(&w, &u);
}

/* The message in a frame for a client of DHCP; false: it has none. UDP's checksum is
 * not looked at: machines that leave it to their network card have it wrong here. */
static bool unwrap(struct rd *r, struct mac *from)
{
	struct eth e;
	struct ip4 ip;
	struct udp u;

	if (!eth_parse(r, &e) || e.type != ETHERTYPE_IP4 || !ip4_parse(r, &ip) ||
	    ip.proto != 17 || ip.frag || ip.flags & IP4_MF || !udp_parse(r, &u) ||
	    u.dst_port != DHCP4_CLIENT_PORT || u.len < UDP_LEN)
		return false;
	*r = rd_sub(r, MIN((size_t)u.len - UDP_LEN, rd_left(r)));
	*from = e.src;
	return true;
}

static void send_due(struct conf_if *i, usec now)
{
	uint8_t frame[FRAME_MAX];
	struct dhcp4_dest to;
	size_t n;

	while ((n = dhcp4_run(i->d4, now, frame + HEADERS, DHCP4_MAX, &to))) {
		bool all = ip_is_any(&to.from);

		wrap(frame, n, i->mac, all ? MAC_BROADCAST : i->server_mac, &to);
		if (i->way4)
			i->c->ops->send(i->way4, frame, HEADERS + n);
		conf_say(i, "dhcp4 on interface %u: %s", i->ifindex, dhcp4_state_name(i->d4));
	}
}

static void hear(struct conf_if *i, usec now)
{
	uint8_t frame[2048];
	size_t n;

	while (i->way4 && (n = i->c->ops->recv(i->way4, frame, sizeof(frame)))) {
		struct rd r = rd_of(frame, n);
		enum dhcp4_state was = i->d4->state;
		struct mac from;

		if (!unwrap(&r, &from))
			continue;
		dhcp4_input(i->d4, &r, now);
		if (i->d4->state != was)
			i->server_mac = from;
	}
}

/* --- the lease --- */

static bool same_route(const struct dhcp4_route *a, const struct dhcp4_route *b)
{
	return ip_eq(&a->dst, &b->dst) && ip_eq(&a->gw, &b->gw) && a->len == b->len;
}

static bool has_route(const struct conf_lease4 *l, const struct dhcp4_route *r)
{
	for (unsigned k = 0; k < l->n_route; k++) {
		if (same_route(&l->route[k], r))
			return true;
	}
	return false;
}

/* Those of a that b has not. */
static void set_routes(struct conf_if *i, bool add, const struct conf_lease4 *a,
		       const struct conf_lease4 *b)
{
	for (unsigned k = 0; k < a->n_route; k++) {
		struct dhcp4_route r = a->route[k];

		if (ip_is_any(&r.gw))		/* RFC 3442: on the link */
			r.gw = IP_NONE;
		if (!has_route(b, &a->route[k]))
			i->c->ops->route(i->c->ctx, i->ifindex, add, &r, RTPROT_OF_DHCP);
	}
}

/* Without a netmask: as IPv4's addresses were once divided. */
static unsigned class_len(const struct ip_addr *a)
{
	uint8_t first = ip_v4(a)[0];

	return first < 128 ? 8 : first < 192 ? 16 : 24;
}

static struct conf_lease4 lease_of(const struct dhcp4_msg *m)
{
	struct conf_lease4 l = {
		.there = true, .addr = m->yours,
		.len = m->prefix ? m->prefix : class_len(&m->yours),
	};

	if (m->has_routes) {			/* RFC 3442: then routers do not count */
		l.n_route = m->n_route;
		memcpy(l.route, m->route, sizeof(l.route));
	} else if (m->router.n) {
		l.n_route = 1;
		l.route[0] = (struct dhcp4_route){ IP4_ANY, m->router.a[0], 0 };
	}
	return l;
}

static uint32_t seconds(usec until, usec now)
{
	return until == NEVER ? LIFE_FOREVER : (uint32_t)((MAX(until, now) - now) / USEC_PER_SEC);
}

static void let_go(struct conf_if *i)
{
	static const struct conf_lease4 none;

	if (!i->lease4.there)
		return;
	set_routes(i, false, &i->lease4, &none);
	i->c->ops->addr_del(i->c->ctx, i->ifindex, &i->lease4.addr, i->lease4.len);
	i->lease4.there = false;
	i->lease4.n_route = 0;
}

static void take(struct conf_if *i, usec now)
{
	const struct dhcp4_msg *m = &i->d4->lease;
	struct conf_lease4 l = lease_of(m);
	uint32_t life = MAX(seconds(i->d4->expires, now), 1u);
	char text[IP_STRLEN];

	if (i->lease4.there && (!ip_eq(&i->lease4.addr, &l.addr) || i->lease4.len != l.len))
		let_go(i);
	i->c->ops->addr_put(i->c->ctx, i->ifindex, &l.addr, l.len, life, life);
	if (m->mtu >= LEAST_MTU)
		i->c->ops->set_mtu(i->c->ctx, i->ifindex, m->mtu);
	set_routes(i, false, &i->lease4, &l);
	set_routes(i, true, &l, &i->lease4);
	i->lease4 = l;
	ip_text(&l.addr, text);
	if (life == LIFE_FOREVER)
		info("dhcp: %s/%u", text, l.len);
	else
		info("dhcp: %s/%u for %u s", text, l.len, life);
}

/* --- the test of an address --- */

static void probe_begin(struct conf_if *i, usec now)
{
	i->arp = i->c->ops->open(i->c->ctx, i->ifindex, WAY_ARP);
	i->probes = PROBES;
	i->probe_at = now;
}

static void probe_end(struct conf_if *i)
{
	if (i->arp)
		i->c->ops->close(i->arp);
	i->arp = NULL;
	i->probes = 0;
	i->probe_at = NEVER;
}

/* RFC 5227 2.1.1: a request from nobody. */
static void probe(struct conf_if *i)
{
	uint8_t frame[ETH_MIN] = { 0 };
	struct wr w = wr_of(frame, sizeof(frame));

	eth_emit(&w, &(struct eth){ MAC_BROADCAST, i->mac, ETHERTYPE_ARP });
	arp_emit(&w, &(struct arp){ .op = ARP_REQUEST, .sha = i->mac, .spa = IP4_ANY,
				    .tpa = i->d4->lease.yours });
	if (i->arp)
		i->c->ops->send(i->arp, frame, sizeof(frame));
}

/* Somebody uses the address, or tests it as we do. */
static bool is_conflict(const struct conf_if *i, struct rd r)
{
	const struct ip_addr *ours = &i->d4->lease.yours;
	struct eth e;
	struct arp a;

	if (!eth_parse(&r, &e) || e.type != ETHERTYPE_ARP || !arp_parse(&r, &a) ||
	    mac_eq(&a.sha, &i->mac))
		return false;
	return ip_eq(&a.spa, ours) ||
	       (a.op == ARP_REQUEST && ip_is_any(&a.spa) && ip_eq(&a.tpa, ours));
}

static bool heard_conflict(struct conf_if *i)
{
	uint8_t frame[2048];
	size_t n;

	while (i->arp && (n = i->c->ops->recv(i->arp, frame, sizeof(frame)))) {
		if (is_conflict(i, rd_of(frame, n)))
			return true;
	}
	return false;
}

static void test_address(struct conf_if *i, usec now)
{
	if (heard_conflict(i)) {
		probe_end(i);
		info("dhcp4: somebody has the address that was offered; declined");
		dhcp4_checked(i->d4, false, now);
	} else if (now >= i->probe_at && i->probes) {
		probe(i);
		i->probes--;
		i->probe_at = now + PROBE_WAIT;
	} else if (now >= i->probe_at) {
		probe_end(i);
		take(i, now);
		dhcp4_checked(i->d4, true, now);
	}
}

/* --- what happens --- */

static void act(struct conf_if *i, usec now)
{
	switch (dhcp4_event(i->d4)) {
	case DHCP4_CHECK:
		probe_begin(i, now);
		break;
	case DHCP4_RENEWED:
		take(i, now);
		break;
	case DHCP4_LOST:
		let_go(i);
		break;
	case DHCP4_NOTHING:
		break;
	}
}

/* The stack itself found another who has it. */
static bool found_duplicate(const struct conf_if *i)
{
	return i->lease4.there && i->c->ops->addr_state(i->c->ctx, i->ifindex, &i->lease4.addr) ==
				  CONF_DUPLICATE;
}

/* Open while an answer is awaited. */
static void set_way(struct conf_if *i, usec now)
{
	enum dhcp4_state s = i->d4->state;
	bool quiet = s == DHCP4_OFF || (s == DHCP4_BOUND && now < i->d4->at);

	if (i->d4->farewell)
		quiet = false;
	if (quiet && i->way4) {
		i->c->ops->close(i->way4);
		i->way4 = NULL;
	} else if (!quiet && !i->way4) {
		i->way4 = i->c->ops->open(i->c->ctx, i->ifindex, WAY_DHCP4);
	}
}

void if_dhcp4_run(struct conf_if *i, usec now)
{
	if (!i->d4)
		return;
	if (found_duplicate(i)) {
		dhcp4_checked(i->d4, false, now);
		let_go(i);
	}
	set_way(i, now);
	hear(i, now);
	act(i, now);
	if (i->d4->state == DHCP4_CHECKING)
		test_address(i, now);
	send_due(i, now);
	act(i, now);
	set_way(i, now);
	i->at = MIN(i->at, dhcp4_deadline(i->d4));
	if (i->d4->state == DHCP4_CHECKING)
		i->at = MIN(i->at, i->probe_at);
}

void if_dhcp4_start(struct conf_if *i, usec now)
{
	struct dhcp4_conf conf = { .mac = i->mac };
	struct rng rng;

	rng_seed(&rng, rng_u64(&i->c->rng));
	snprintf(conf.fqdn, sizeof(conf.fqdn), "%s", i->fqdn);
	i->d4 = xzalloc(sizeof(*i->d4));
	i->probe_at = NEVER;
	dhcp4_init(i->d4, &conf, &rng);
	dhcp4_start(i->d4, now);
}

void if_dhcp4_end(struct conf_if *i, usec now)
{
	if (!i->d4)
		return;
	dhcp4_stop(i->d4);
	set_way(i, now);
	send_due(i, now);
	set_way(i, now);
	probe_end(i);
	let_go(i);
	free(i->d4);
	i->d4 = NULL;
}
