/* node_config.c - configuration strings, and what they do to a stack
 *
 * The words by a table; then the configuration on a virtual clock, of a stack that is
 * a few arrays in this file, with servers that are this file, too; at last a native
 * stack by ioth.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "ioth.h"
#include "node/config_in.h"
#include "proto/proto.h"
#include "stack/stack.h"
#include "unit.h"

#define S	USEC_PER_SEC
#define IF	2		/* the interface */

static const struct mac mac = { { 2, 0, 0, 0, 0, 7 } }, server_mac = { { 2, 0, 0, 0, 0, 1 } };
static const struct ip_addr server = IP4(10, 0, 2, 2), ours = IP4(10, 0, 2, 15);
static const struct ip_addr ours6 = { { 0xfd, [15] = 7 } };

/* --- words --- */

static void refused(const char *string, const char *part)
{
	struct words w;
	char *why = words_parse(string, &w);

	assert_non_null(why);
	if (!strstr(why, part))
		fail_msg("%s: no '%s' in: %s", string, part, why);
	free(why);
}

static void bad_words(void **state)
{
	refused("eth,dpch", "dpch: no such word");
	refused("eth,-nothing", "-nothing");
	refused("ip", "ip: ");
	refused("ip=", "ip=: ");
	refused("ip=10.0.0.256/24", "ip=10.0.0.256/24: not an");
	refused("ip=10.0.0.1/33", "10.0.0.1/33");
	refused("ip=224.0.0.1", "a host can have");
	refused("gw=10.0.0.1/24", "gw=10.0.0.1/24: ");
	refused("dns=x", "dns=x: ");
	refused("eth=1", "eth=1: this word has no value");
	refused("domain=a b", "domain=a b: ");
	refused("fqdn=a..b", "a..b");
	refused("mac=01:00:00:00:00:00", "one station");
	refused("ifindex=0", "ifindex=0");
	refused("timeout=1s", "timeout=1s");
	refused("static", "static: this word can only");
	refused("-fqdn=a", "-fqdn=a: ");
	refused("eth,slaac", "slaac");
	refused("dhcp,nonsense\n", "nonsense");
}

static void good_words(void **state)
{
	struct words w;

	assert_null(words_parse("", &w));
	assert_true(w.n_if == 1 && !w.ifs[0].want && !w.ifs[0].undo && w.timeout < 0);
	words_free(&w);
	assert_null(words_parse("auto,,slaac,fqdn=web.home,ip=10.0.0.1,ip=fd00::1,-gw=fe80::1,"
				"timeout=3", &w));
	assert_int_equal(w.ifs[0].want, CONFIG_TOLD | CONFIG_SLAAC);
	assert_string_equal(w.ifs[0].fqdn, "web.home");
	assert_int_equal(w.ifs[0].n_set, 3);
	assert_true(w.ifs[0].set[0].len == 24 && w.ifs[0].set[1].len == 64);
	assert_true(w.ifs[0].set[2].undo && w.timeout == 3 * S);
	words_free(&w);
	assert_null(words_parse("stack=native,vnl=a,vnl=b,eth,iface=eth1,dhcp,ifindex=7,-all", &w));
	assert_string_equal(w.stack, "native");
	assert_true(w.n_vnl == 2 && !w.vnl[2] && w.n_if == 3);
	assert_true(w.ifs[0].want == CONFIG_ETH && !w.ifs[0].iface);
	assert_true(w.ifs[1].want == CONFIG_DHCP4 && !strcmp(w.ifs[1].iface, "eth1"));
	assert_true(w.ifs[2].undo == (CONFIG_TOLD | CONFIG_SLAAC) && w.ifs[2].ifindex == 7);
	words_free(&w);
	assert_null(words_parse("iface=eth0,dhcp", &w));
	assert_int_equal(w.n_if, 1);
	words_free(&w);
}

/* --- a stack that is a few arrays --- */

struct frame { uint8_t b[2048]; size_t n; };
struct conf_sock { enum conf_way way; };

static struct {
	usec		now;
	struct config	*c;
	struct conf_link link;
	struct ip_addr	token;
	uint32_t	mtu;
	struct { struct ip_addr a; unsigned len; uint32_t valid; enum conf_state state; } addr[8];
	unsigned	n_addr;
	struct dhcp4_route route[8];
	unsigned	n_route;
	unsigned	open[3];		/* ways, by kind */
	struct frame	out[3][8], in[3];	/* sent and not looked at; to be heard */
	unsigned	n_out[3];
	enum conf_state new_state;		/* of IPv6 addresses */
	bool		gone;			/* the interface was deleted */
} fake;

static unsigned fake_find(void *ctx, const char *name)
{
	return !name || !strcmp(name, "eth0") ? IF : 0;
}

static int fake_link(void *ctx, unsigned ifindex, struct conf_link *out)
{
	*out = fake.link;
	return ifindex == IF && !fake.gone ? 0 : -ENODEV;
}

static int fake_set_mac(void *ctx, unsigned ifindex, struct mac m)
{
	fake.link.mac = m;
	return 0;
}

static int fake_set_mtu(void *ctx, unsigned ifindex, uint32_t mtu)
{
	fake.mtu = mtu;
	return 0;
}

static int fake_set_up(void *ctx, unsigned ifindex, bool up)
{
	fake.link.up = up;
	return 0;
}

static void fake_set_token(void *ctx, unsigned ifindex, const struct ip_addr *token)
{
	fake.token = *token;
}

static unsigned addr_at(const struct ip_addr *a)
{
	unsigned i = 0;

	while (i < fake.n_addr && !ip_eq(&fake.addr[i].a, a))
		i++;
	return i;
}

static int fake_addr_put(void *ctx, unsigned ifindex, const struct ip_addr *a, unsigned len,
			 uint32_t valid, uint32_t preferred)
{
	unsigned i = addr_at(a);

	if (i == fake.n_addr) {
		fake.n_addr++;
		fake.addr[i].state = ip_is_v4(a) ? CONF_OK : fake.new_state;
	}
	fake.addr[i].a = *a;
	fake.addr[i].len = len;
	fake.addr[i].valid = valid;
	return 0;
}

static int fake_addr_del(void *ctx, unsigned ifindex, const struct ip_addr *a, unsigned len)
{
	unsigned i = addr_at(a);

	assert_true(i < fake.n_addr && fake.addr[i].len == len);
	fake.addr[i] = fake.addr[--fake.n_addr];
	return 0;
}

static enum conf_state fake_addr_state(void *ctx, unsigned ifindex, const struct ip_addr *a)
{
	unsigned i = addr_at(a);

	return i < fake.n_addr ? fake.addr[i].state : CONF_ABSENT;
}

static int fake_route(void *ctx, unsigned ifindex, bool add, const struct dhcp4_route *r,
		      uint8_t protocol)
{
	if (add) {
		fake.route[fake.n_route++] = *r;
		return 0;
	}
	for (unsigned i = 0; i < fake.n_route; i++) {
		if (memcmp(&fake.route[i], r, sizeof(*r)))
			continue;
		fake.route[i] = fake.route[--fake.n_route];
		return 0;
	}
	return -ESRCH;
}

static unsigned fake_told(void *ctx, unsigned ifindex, struct endpoint *servers, unsigned max,
			  struct text *domains)
{
	if (!(fake.link.ra_flags & RA_HEARD))
		return 0;
	servers[0] = (struct endpoint){ { { 0xfe, 0x80, [15] = 1 } }, 53, IF };
	text_add(domains, " told.home");
	return 1;
}

static struct conf_sock *fake_open(void *ctx, unsigned ifindex, enum conf_way way)
{
	struct conf_sock *s = xzalloc(sizeof(*s));

	s->way = way;
	fake.open[way]++;
	return s;
}

static void fake_close(struct conf_sock *s)
{
	fake.open[s->way]--;
	free(s);
}

static void fake_send(struct conf_sock *s, const void *p, size_t n)
{
	struct frame *f = &fake.out[s->way][fake.n_out[s->way]++];

	assert_true(fake.n_out[s->way] < 8);
	memcpy(f->b, p, n);
	f->n = n;
}

static size_t fake_recv(struct conf_sock *s, void *p, size_t size)
{
	struct frame *f = &fake.in[s->way];
	size_t n = f->n;

	memcpy(p, f->b, n);
	f->n = 0;
	return n;
}

static void fake_ran(void *ctx) {}

static const struct config_ops fake_ops = {
	.find = fake_find, .link = fake_link, .set_mac = fake_set_mac, .set_mtu = fake_set_mtu,
	.set_up = fake_set_up, .set_token = fake_set_token, .addr_put = fake_addr_put,
	.addr_del = fake_addr_del, .addr_state = fake_addr_state, .route = fake_route,
	.told = fake_told, .open = fake_open, .close = fake_close, .send = fake_send,
	.recv = fake_recv, .ran = fake_ran,
};

static int setup(void **state)
{
	memset(&fake, 0, sizeof(fake));
	fake.now = 100 * S;
	fake.link.mac = mac;
	fake.link.linklocal = (struct ip_addr){ { 0xfe, 0x80, [15] = 7 } };
	fake.new_state = CONF_OPTIMISTIC;
	fake.c = config_new(&fake_ops, NULL);
	return 0;
}

/* Nothing is left of it. */
static int teardown(void **state)
{
	config_free(fake.c);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fake.open[i], 0);
	return 0;
}

static int configure(const char *string)
{
	struct words w;
	unsigned mask;
	int e;

	assert_null(words_parse(string, &w));
	e = config_apply(fake.c, &w, &mask, fake.now);
	config_run(fake.c, fake.now);
	words_free(&w);
	return e;
}

static void run(void)
{
	config_run(fake.c, fake.now);
}

/* The next time at which something is due. */
static void later(void)
{
	assert_true(config_deadline(fake.c) != NEVER);
	fake.now = MAX(fake.now, config_deadline(fake.c));
	run();
}

/* --- a server of IPv4 --- */

/* The oldest message that was sent. */
static struct dhcp4_msg asked4(void)
{
	struct frame f = fake.out[WAY_DHCP4][0];
	struct rd r = rd_of(f.b, f.n);
	struct dhcp4_msg m;
	struct eth e;
	struct ip4 ip;
	struct udp u;

	if (!fake.n_out[WAY_DHCP4])
		return (struct dhcp4_msg){ .type = 0 };
	fake.n_out[WAY_DHCP4]--;
	memmove(fake.out[WAY_DHCP4], fake.out[WAY_DHCP4] + 1, 7 * sizeof(f));
	assert_true(eth_parse(&r, &e) && ip4_parse(&r, &ip) && udp_parse(&r, &u));
	assert_true(u.src_port == 68 && u.dst_port == 67 && mac_eq(&e.src, &fake.link.mac));
	assert_true(ip_eq(&ip.dst, &IP4_BROADCAST) ? mac_is_group(&e.dst) :
						     mac_eq(&e.dst, &server_mac));
	assert_true(dhcp4_parse(&r, &m));
	return m;
}

static struct dhcp4_msg answer4(const struct dhcp4_msg *m)
{
	struct dhcp4_msg a = {
		.reply = true, .rapid = true, .type = DHCP4_ACK, .xid = m->xid, .mac = m->mac,
		.client = IP4_ANY, .yours = ours, .next = IP4_ANY, .relay = IP4_ANY,
		.wish = IP4_ANY, .server = server, .subnet_broadcast = IP4_ANY,
		.lease = 3600, .prefix = 24, .router = { 1, { server } },
		.dns = { 1, { IP4(10, 0, 2, 3) } }, .domain = "lease.home",
	};

	return a;
}

static void say4(const struct dhcp4_msg *a)
{
	struct frame *f = &fake.in[WAY_DHCP4];
	struct wr w = wr_of(f->b, sizeof(f->b)), body = wr_of(f->b + 42, sizeof(f->b) - 42);
	size_t n;

	dhcp4_emit(&body, a);
	n = wr_len(&body);
	eth_emit(&w, &(struct eth){ MAC_BROADCAST, server_mac, ETHERTYPE_IP4 });
	ip4_emit(&w, &(struct ip4){ .hlen = 20, .len = (uint16_t)(28 + n), .ttl = 64,
				    .proto = 17, .src = server, .dst = IP4_BROADCAST });
	udp_emit(&w, &(struct udp){ 67, 68, (uint16_t)(8 + n), 0 });
	f->n = 42 + n;
	run();
}

/* Through the test of the address. */
static void leased(void)
{
	struct dhcp4_msg m = asked4(), a = answer4(&m);

	assert_int_equal(m.type, DHCP4_DISCOVER);
	say4(&a);
	assert_int_equal(fake.n_addr, 0);
	while (!fake.n_addr)
		later();
	assert_int_equal(fake.n_out[WAY_ARP], 2);	/* probes */
	fake.n_out[WAY_ARP] = 0;
}

static void a_lease(void **state)
{
	assert_int_equal(configure("eth,dhcp"), 0);
	assert_true(fake.link.up && !config_done(fake.c, fake.now));
	leased();
	assert_true(ip_eq(&fake.addr[0].a, &ours) && fake.addr[0].len == 24);
	assert_in_range(fake.addr[0].valid, 3590, 3600);
	assert_int_equal(fake.n_route, 1);
	assert_true(ip_eq(&fake.route[0].gw, &server) && fake.route[0].len == 0);
	assert_int_equal(config_got(fake.c), CONFIG_ETH | CONFIG_DHCP4);
	assert_true(config_done(fake.c, fake.now));
	run();
	assert_int_equal(fake.open[WAY_DHCP4], 0);	/* silent until T1 */
	assert_int_equal(fake.open[WAY_ARP], 0);
	assert_int_equal(configure("-dhcp"), 0);
	assert_int_equal(asked4().type, DHCP4_RELEASE);
	assert_true(!fake.n_addr && !fake.n_route);
}

static void its_interface_goes(void **state)
{
	configure("dhcp,dns=10.0.0.53");
	leased();
	run();
	fake.gone = true;
	run();
	assert_true(config_done(fake.c, fake.now) && !config_got(fake.c));
	assert_int_equal(config_deadline(fake.c), NEVER);
	assert_int_equal(fake.open[WAY_DHCP4], 0);
	assert_int_equal(config_servers(fake.c, (struct ip_addr[1]){ { { 0 } } }, 1), 0);
	fake.gone = false;		/* another, which nobody asked anything of */
	assert_int_equal(configure("dhcp"), 0);
	assert_int_equal(config_servers(fake.c, (struct ip_addr[1]){ { { 0 } } }, 1), 0);
}

static void who_forgets_takes_nothing_back(void **state)
{
	configure("dhcp,dhcp6,dns=10.0.0.53");
	leased();
	fake.n_out[WAY_DHCP4] = fake.n_out[WAY_DHCP6] = 0;
	config_forget(fake.c);
	for (int i = 0; i < 3; i++)
		assert_true(!fake.open[i] && !fake.n_out[i]);
	assert_true(fake.n_addr && fake.n_route);
	fake.c = config_new(&fake_ops, NULL);
}

static void renewed(void **state)
{
	struct dhcp4_msg m, a;

	configure("dhcp");
	leased();
	later();
	assert_in_range(fake.now, 1700 * S, 1901 * S);
	m = asked4();
	assert_true(m.type == DHCP4_REQUEST && ip_eq(&m.client, &ours));
	a = answer4(&m);
	a.lease = 7200;
	a.mtu = 1400;
	a.router.a[0] = IP4(10, 0, 2, 4);
	say4(&a);
	assert_int_equal(fake.addr[0].valid, 7200);
	assert_int_equal(fake.mtu, 1400);
	assert_int_equal(fake.n_route, 1);
	assert_true(ip_eq(&fake.route[0].gw, &a.router.a[0]));
}

static void nobody_renews(void **state)
{
	int n = 0;

	configure("dhcp");
	leased();
	for (; fake.n_addr; n++) {
		later();
		asked4();
	}
	assert_in_range(n, 10, 40);
	assert_in_range(fake.now, 3700 * S, 3701 * S);
	assert_int_equal(fake.n_route, 0);
	assert_false(config_got(fake.c) & CONFIG_DHCP4);
}

static void say_arp(struct mac from, struct ip_addr a)
{
	struct frame *f = &fake.in[WAY_ARP];
	struct wr w = wr_of(f->b, sizeof(f->b));

	eth_emit(&w, &(struct eth){ mac, from, ETHERTYPE_ARP });
	arp_emit(&w, &(struct arp){ .op = ARP_REPLY, .sha = from, .spa = a, .tha = mac,
				    .tpa = IP4_ANY });
	f->n = wr_len(&w);
	run();
}

static void somebody_has_it(void **state)
{
	struct dhcp4_msg m, a;

	configure("dhcp");
	m = asked4();
	a = answer4(&m);
	say4(&a);
	say_arp(server_mac, server);			/* another address */
	assert_int_equal(asked4().type, 0);
	say_arp(server_mac, ours);
	assert_int_equal(asked4().type, DHCP4_DECLINE);
	assert_int_equal(fake.n_addr, 0);
	do
		later();
	while (!fake.n_out[WAY_DHCP4]);
	assert_int_equal(asked4().type, DHCP4_DISCOVER);
}

static void somebody_takes_it(void **state)
{
	configure("dhcp");
	leased();
	fake.addr[0].state = CONF_DUPLICATE;
	run();
	assert_int_equal(asked4().type, DHCP4_DECLINE);
	assert_true(!fake.n_addr && !fake.n_route);
}

static void patience(void **state)
{
	configure("auto");
	assert_false(config_done(fake.c, fake.now));
	assert_int_equal(config_patience(fake.c, fake.now), 104 * S);
	assert_false(config_done(fake.c, 109 * S));
	assert_true(config_done(fake.c, 110 * S));
	configure("-all");
	assert_true(config_done(fake.c, fake.now));
	configure("rd,timeout=30");
	assert_false(config_done(fake.c, 129 * S));
	fake.link.ra_flags = RA_HEARD;
	assert_true(config_done(fake.c, fake.now));
	assert_int_equal(config_got(fake.c), CONFIG_RD);
}

/* --- a server of IPv6 --- */

static struct dhcp6_msg asked6(void)
{
	struct frame f = fake.out[WAY_DHCP6][0];
	struct rd r = rd_of(f.b, f.n);
	struct dhcp6_msg m;

	if (!fake.n_out[WAY_DHCP6])
		return (struct dhcp6_msg){ .type = 0 };
	fake.n_out[WAY_DHCP6]--;
	memmove(fake.out[WAY_DHCP6], fake.out[WAY_DHCP6] + 1, 7 * sizeof(f));
	assert_true(dhcp6_parse(&r, &m));
	return m;
}

static void say6(const struct dhcp6_msg *m)
{
	struct dhcp6_msg a = {
		.type = DHCP6_REPLY, .rapid = true, .xid = m->xid, .client = m->client,
		.server = { 10, "\0\3\0\1\2\0\0\0\0\1" }, .has_ia = m->has_ia,
		.has_addr = m->has_ia, .iaid = m->iaid, .addr = ours6, .preferred = 1000,
		.valid = 2000, .n_dns = 1, .dns = { { { 0xfd, [15] = 3 } } }, .search = "six.home",
	};
	struct frame *f = &fake.in[WAY_DHCP6];
	struct wr w = wr_of(f->b, sizeof(f->b));

	dhcp6_emit(&w, &a);
	f->n = wr_len(&w);
	run();
}

static void a_lease6(void **state)
{
	struct dhcp6_msg m;

	fake.link.linklocal = IP_NONE;
	configure("dhcp6");
	assert_int_equal(asked6().type, 0);		/* no address to ask from */
	fake.link.linklocal = (struct ip_addr){ { 0xfe, 0x80, [15] = 7 } };
	run();
	m = asked6();
	assert_int_equal(m.type, DHCP6_SOLICIT);
	say6(&m);
	assert_true(fake.n_addr == 1 && ip_eq(&fake.addr[0].a, &ours6));
	assert_int_equal(fake.addr[0].len, 128);
	assert_int_equal(config_got(fake.c), CONFIG_DHCP6);	/* usable, with care */
	fake.addr[0].state = CONF_OK;
	run();
	assert_int_equal(fake.open[WAY_DHCP6], 0);
	later();
	assert_int_equal(asked6().type, DHCP6_RENEW);
	configure("-dhcp6");
	assert_int_equal(asked6().type, DHCP6_RELEASE);
	assert_int_equal(fake.n_addr, 0);
}

static void somebody_has_it6(void **state)
{
	struct dhcp6_msg m;

	configure("dhcp6");
	m = asked6();
	say6(&m);
	fake.addr[0].state = CONF_DUPLICATE;
	run();
	assert_int_equal(asked6().type, DHCP6_DECLINE);
	assert_int_equal(fake.n_addr, 0);
}

static void as_routers_say(void **state)
{
	struct dhcp6_msg m;

	configure("dhcp6,rd");
	assert_int_equal(asked6().type, DHCP6_SOLICIT);
	fake.link.ra_flags = RA_HEARD | RA_OTHER;
	run();
	m = asked6();
	assert_int_equal(m.type, DHCP6_INFORMATION);
	say6(&m);
	assert_int_equal(config_got(fake.c), CONFIG_DHCP6 | CONFIG_RD);
	assert_int_equal(fake.n_addr, 0);
	fake.link.ra_flags = RA_HEARD | RA_MANAGED;
	run();
	assert_int_equal(asked6().type, DHCP6_SOLICIT);
}

/* --- link, static, names --- */

static void who_it_is(void **state)
{
	char text[IP_STRLEN];

	configure("fqdn=test.v2.cs.unibo.it");
	assert_true(mac_eq(&fake.link.mac, &mac));	/* a name alone is no change */
	configure("eth,rd,slaac");
	assert_string_equal(mac_text(&fake.link.mac, text), "6a:d6:2f:5a:5a:2e");
	assert_string_equal(ip_text(&fake.token, text), "::68d6:2fac:95a:5a2e");
	configure("-slaac");
	assert_true(ip_is_any(&fake.token));
	configure("mac=02:00:00:00:00:09,dhcp");
	assert_string_equal(mac_text(&fake.link.mac, text), "02:00:00:00:00:09");
	assert_string_equal(asked4().fqdn, "test.v2.cs.unibo.it");
	configure("-eth");
	assert_false(fake.link.up);
}

static void by_hand(void **state)
{
	assert_int_equal(configure("gw=10.0.0.2,ip=10.0.0.1/8,ip=fd00::1"), 0);
	assert_int_equal(config_got(fake.c), CONFIG_STATIC);
	assert_true(fake.n_addr == 2 && fake.n_route == 1);
	assert_int_equal(configure("ip=10.0.0.1/8"), 0);	/* it is there */
	assert_int_equal(configure("-ip=10.0.0.1,ip=10.0.0.3"), 0);
	assert_int_equal(fake.n_addr, 2);
	assert_int_equal(configure("-ip=10.0.0.77"), 0);
	assert_int_equal(configure("-static"), 0);
	assert_true(!fake.n_addr && !fake.n_route && !config_got(fake.c));
	assert_int_equal(configure("iface=eth5,eth"), -ENODEV);
	assert_int_equal(configure("ifindex=9,eth"), -ENODEV);
}

static void resolv_is(const char *want)
{
	char *text = config_resolv(fake.c, 0);

	assert_string_equal(text, want);
	free(text);
}

static void resolvers(void **state)
{
	struct dhcp6_msg m;
	struct ip_addr first[8];

	resolv_is("");
	configure("dns=10.0.0.53,dns=fd00::53,domain=a.home,domain=b.home,dhcp,dhcp6,rd");
	resolv_is("search a.home b.home\nnameserver 10.0.0.53\nnameserver fd00::53\n");
	leased();
	m = asked6();
	say6(&m);
	fake.link.ra_flags = RA_HEARD | RA_MANAGED;
	resolv_is("search a.home b.home lease.home six.home told.home\n"
		  "nameserver 10.0.0.53\nnameserver fd00::53\nnameserver 10.0.2.3\n"
		  "nameserver fd00::3\nnameserver fe80::1%2\n");
	assert_int_equal(config_servers(fake.c, first, 2), 2);
	assert_int_equal(config_servers(fake.c, first, 8), 4);	/* not the link-local one */
	configure("-dns=10.0.0.53,-domain=a.home,-dhcp,-dhcp6");
	resolv_is("search b.home told.home\nnameserver fd00::53\nnameserver fe80::1%2\n");
}

/* --- a native stack, by ioth.h --- */

static bool has_address(struct ioth *s, const char *text)
{
	struct ifaddrs *all, *i;
	bool found = false;
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	assert_int_equal(ioth_getifaddrs(s, &all), 0);
	for (i = all; i; i = i->ifa_next) {
		const struct sockaddr_in *sin = (const void *)i->ifa_addr;

		if (sin && sin->sin_family == AF_INET && sin->sin_addr.s_addr == a.s_addr)
			found = true;
	}
	ioth_freeifaddrs(all);
	return found;
}

/* How many it has; none if text is not one of them. */
static unsigned linklocals(struct ioth *s, const char *text)
{
	struct ifaddrs *all, *i;
	struct in6_addr a;
	bool found = false;
	unsigned count = 0;

	inet_pton(AF_INET6, text, &a);
	assert_int_equal(ioth_getifaddrs(s, &all), 0);
	for (i = all; i; i = i->ifa_next) {
		const struct sockaddr_in6 *sin6 = (const void *)i->ifa_addr;

		if (!sin6 || sin6->sin6_family != AF_INET6 || !IN6_IS_ADDR_LINKLOCAL(&sin6->sin6_addr))
			continue;
		count++;
		found |= IN6_ARE_ADDR_EQUAL(&sin6->sin6_addr, &a);
	}
	ioth_freeifaddrs(all);
	return found ? count : 0;
}

static void by_ioth(void **state)
{
	struct ioth *s = ioth_newstackc("stack=native,vnl=null://,eth,fqdn=www.example.org,"
					"ip=10.0.0.1/24,gw=10.0.0.2,dns=10.0.0.3");
	unsigned char addr[6];
	char *text;

	assert_non_null(s);
	assert_true(has_address(s, "10.0.0.1"));
	assert_int_equal(linklocals(s, "fe80::fc24:c3ff:fe7b:bfe7"), 1);
	assert_true(ioth_linkgetaddr(s, ioth_if_nametoindex(s, "eth0"), addr) >= 0);
	assert_memory_equal(addr, "\xfe\x24\xc3\x7b\xbf\xe7", 6);
	text = ioth_resolvconf(s, NULL);
	assert_string_equal(text, "nameserver 10.0.0.3\n");
	free(text);
	errno = 1;
	assert_null(ioth_resolvconf(s, "iface=vde0"));	/* as before */
	assert_int_equal(errno, 0);
	assert_null(ioth_resolvconf(s, "iface=eth7"));
	assert_int_equal(errno, ENODEV);
	assert_int_equal(ioth_config(s, "-ip=10.0.0.1,ip=10.0.0.4/24"), IOTH_CONFIG_STATIC);
	assert_true(has_address(s, "10.0.0.4") && !has_address(s, "10.0.0.1"));
	assert_int_equal(ioth_config(s, "iface=eth7,eth"), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(ioth_config(s, "stack=native"), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ioth_config(s, "dhcp,timeout=0"), 0);
	assert_int_equal(ioth_config(s, "-all"), 0);
	assert_int_equal(ioth_delstack(s), 0);
}

static void nobody_answers(void **state)
{
	assert_null(ioth_newstackc("vnl=null://,dhcp,timeout=0"));
	assert_int_equal(errno, ETIMEDOUT);
	assert_null(ioth_newstackc("stack=none,eth"));
	assert_int_equal(errno, ENOTSUP);
}

#define WITH_FAKE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_words),
		cmocka_unit_test(good_words),
		WITH_FAKE(a_lease),
		WITH_FAKE(its_interface_goes),
		WITH_FAKE(who_forgets_takes_nothing_back),
		WITH_FAKE(renewed),
		WITH_FAKE(nobody_renews),
		WITH_FAKE(somebody_has_it),
		WITH_FAKE(somebody_takes_it),
		WITH_FAKE(patience),
		WITH_FAKE(a_lease6),
		WITH_FAKE(somebody_has_it6),
		WITH_FAKE(as_routers_say),
		WITH_FAKE(who_it_is),
		WITH_FAKE(by_hand),
		WITH_FAKE(resolvers),
		cmocka_unit_test(by_ioth),
		cmocka_unit_test(nobody_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
