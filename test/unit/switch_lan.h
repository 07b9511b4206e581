/* switch_lan.h - a core with its policy, and frames to put in: for tests of what sits at the hooks */
#ifndef SWITCH_LAN_H
#define SWITCH_LAN_H

#include <netinet/in.h>
#include <stdlib.h>

#include "base/sum.h"
#include "switch/policy.h"
#include "switch/vlan.h"
#include "unit.h"

#define PORTS	6

static struct core core;
static struct policy policy;
static struct arena *arena;
static uint64_t went_to;		/* a bit for each port */
static uint8_t got[FRAME_MAX];		/* the last that went out */
static uint32_t got_len;
static usec now;
static bool as_pkt;			/* frames come by shared memory */
static bool cramped;			/* and have little room for headers */

static uint8_t frame[FRAME_MAX];
static struct wr w;

static void lan_out(void *ctx, uint32_t port, const struct frame *f)
{
	assert_false(went_to >> port & 1);
	went_to |= 1ull << port;
	got_len = f->pkt ? pkt_copy(f->pkt, 0, got, sizeof(got)) : f->len;
	if (!f->pkt)
		memcpy(got, f->p, got_len);
}

static int lan_setup(void **state)
{
	static const struct hash_key key = { { 1 } };

	core_init(&core, PORTS, &key, lan_out, NULL);
	policy_init(&policy, &core, &key);
	arena = arena_heap_new(1 << 20);
	for (uint32_t i = 1; i < PORTS; i++)
		core_port_up(&core, i);
	now = 0;
	as_pkt = cramped = false;
	return 0;
}

static int lan_teardown(void **state)
{
	policy_fini(&policy);
	core_fini(&core);
	arena_heap_unref(arena);
	return 0;
}

static inline struct mac mac(uint8_t n)
{
	return (struct mac){ { 2, 0, 0, 0, 0, n } };
}

static inline struct ip_addr addr(const char *s)
{
	struct ip_addr a;

	assert_true(ip_parse_text(s, &a));
	return a;
}

/* --- making a frame: a header, then what is in it --- */

static inline void put_eth(struct mac dst, struct mac src, uint16_t type)
{
	w = wr_of(frame, sizeof(frame));
	eth_emit(&w, &(struct eth){ dst, src, type });
}

static inline void put_vlan(uint16_t id, uint16_t type)
{
	put_u16(frame + 12, ETHERTYPE_VLAN);
	vlan_emit(&w, &(struct vlan){ .id = id, .type = type });
}

static inline void put_ip(const char *src, const char *dst, uint8_t proto, uint8_t hops,
			  uint16_t len)
{
	struct ip_addr s = addr(src), d = addr(dst);

	if (ip_is_v4(&s))
		ip4_emit(&w, &(struct ip4){ .hlen = IP4_LEN, .len = IP4_LEN + len, .ttl = hops,
					    .proto = proto, .src = s, .dst = d });
	else
		ip6_emit(&w, &(struct ip6){ .plen = len, .next = proto, .hops = hops,
					    .src = s, .dst = d });
}

static inline void put_udp(uint16_t src, uint16_t dst)
{
	udp_emit(&w, &(struct udp){ src, dst, UDP_LEN, 0 });
}

/* The checksum of a message of ICMPv6 (src given) or IGMP that ends here. */
static inline void put_sum(uint8_t *msg, const char *src, const char *dst)
{
	uint32_t len = (uint32_t)(w.p - msg);
	struct sum s = { 0 };
	struct ip_addr a, b;

	put_u16(msg + 2, 0);
	if (src) {
		a = addr(src);
		b = addr(dst);
		sum_pseudo(&s, &a, &b, IPPROTO_ICMPV6, len);
	}
	sum_add(&s, msg, len);
	put_u16(msg + 2, sum_end(&s));
}

static inline enum core_drop put_in(uint32_t port)
{
	uint32_t len = MAX((uint32_t)wr_len(&w), (uint32_t)ETH_MIN);
	struct frame f = { .p = frame, .len = len };
	enum core_drop why;

	assert_false(w.fail);
	memset(w.p, 0, len - wr_len(&w));
	went_to = 0;
	got_len = 0;
	if (as_pkt) {
		f.pkt = pkt_new();
		assert_true(pkt_append(f.pkt, arena, frame, len));
		if (!cramped)
			pkt_begin(f.pkt);
		f.p = pkt_pull(f.pkt, FRAME_MIN);
	}
	why = core_input(&core, port, &f, now);
	if (as_pkt)
		pkt_free(f.pkt);
	return why;
}

#define ALL_BUT(port)	(((1ull << PORTS) - 2) & ~(1ull << (port)))

static inline void expect(uint32_t port, uint64_t where)
{
	assert_int_equal(put_in(port), CORE_TAKEN);
	assert_int_equal(went_to, where);
}

static inline void refused(uint32_t port, enum core_drop why)
{
	assert_int_equal(put_in(port), why);
	assert_int_equal(went_to, 0);
}

#define LAN_TEST(f)	cmocka_unit_test_setup_teardown(f, lan_setup, lan_teardown)

#endif
