/* guard.c - an owner may use only the addresses given to it
 *
 * in: core_input -> guard_check, before anything is learned from the frame
 *
 * MACs are those of the frame's source, of ARP's sender and of the link-layer
 * options in neighbour discovery. IP addresses are those of the source, of ARP's
 * sender and of the target that an advertisement speaks for. A port that has only
 * IP addresses may use any MAC, the same one in the frame and in what it says.
 *
 * What a host must say before it has an address stays possible: DHCP from
 * 0.0.0.0, IGMP and ARP probes with it (RFC 2131 4.1, RFC 5227 2.1.1); from ::
 * the solicitations of duplicate detection for an address it may use, of routers,
 * and MLD (RFC 4862 5.4, RFC 4861 4.1, RFC 3810 5.2.13); and the link-local address
 * that follows from its MAC (RFC 4291 app. A). Others, as those of RFC 7217, have to
 * be given: fe80::/10 allows all.
 *
 * What could be neighbour discovery but is not to be seen whole is dropped: headers
 * behind too many others (RFC 7113), and its fragments (RFC 6980), and second tags.
 * Routers and DHCP servers: guard_role.c.
 */
#include "switch/guard.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>

enum { ETHERTYPE_QINQ = 0x88a8 };

static const char *const drop_text[] = {
	[GUARD_OK]	= "allowed",
	[GUARD_MAC]	= "source MAC is not the port's",
	[GUARD_IP]	= "source address is not the port's",
	[GUARD_ARP]	= "ARP for an address that is not the port's",
	[GUARD_ND]	= "neighbour discovery for an address that is not the port's",
	[GUARD_HIDDEN]	= "headers a guard cannot see through",
	[GUARD_ROUTER]	= "a router's words, and the port has none",
	[GUARD_DHCP]	= "a DHCP server's words, and the port has none",
};

static_assert(ARRAY_LEN(drop_text) == N_GUARD_DROPS, "each reason has its text");

const char *guard_drop_text(enum guard_drop why)
{
	return drop_text[why];
}

/* --- the lists --- */

static uint32_t find_mac(const struct guard *g, const struct mac *mac)
{
	uint32_t i = 0;

	while (i < g->n_mac && !mac_eq(&g->mac[i], mac))
		i++;
	return i;
}

static uint32_t find_net(const struct guard *g, const struct ip_addr *addr, unsigned len)
{
	uint32_t i = 0;

	while (i < g->n_net && !(ip_eq(&g->net[i].addr, addr) && g->net[i].len == len))
		i++;
	return i;
}

int guard_add_mac(struct guard *g, const struct mac *mac)
{
	if (mac_is_group(mac) || mac_is_zero(mac))
		return -EINVAL;
	if (find_mac(g, mac) < g->n_mac)
		return -EEXIST;
	if (g->n_mac == GUARD_MAX)
		return -ENOSPC;
	g->mac[g->n_mac++] = *mac;
	return 0;
}

int guard_add_net(struct guard *g, const struct ip_addr *addr, unsigned len)
{
	struct ip_addr net = ip_mask(addr, len);

	if (ip_is_multicast(addr) || (len && ip_is_any(addr)))
		return -EINVAL;
	if (find_net(g, &net, len) < g->n_net)
		return -EEXIST;
	if (g->n_net == GUARD_MAX)
		return -ENOSPC;
	g->net[g->n_net++] = (struct guard_net){ net, (uint8_t)len };
	return 0;
}

int guard_del_mac(struct guard *g, const struct mac *mac)
{
	uint32_t i = find_mac(g, mac);

	if (i == g->n_mac)
		return -ENOENT;
	g->mac[i] = g->mac[--g->n_mac];
	return 0;
}

int guard_del_net(struct guard *g, const struct ip_addr *addr, unsigned len)
{
	struct ip_addr net = ip_mask(addr, len);
	uint32_t i = find_net(g, &net, len);

	if (i == g->n_net)
		return -ENOENT;
	g->net[i] = g->net[--g->n_net];
	return 0;
}

int guard_word(struct guard *g, const char *word, bool add)
{
	struct ip_addr addr;
	struct mac mac;
	unsigned len;

	if (mac_parse_text(word, &mac))
		return add ? guard_add_mac(g, &mac) : guard_del_mac(g, &mac);
	if (ip_parse_text(word, &addr))
		len = ip_is_v4(&addr) ? 32 : 128;
	else if (!ip_prefix_parse_text(word, &addr, &len))
		return -EINVAL;
	return add ? guard_add_net(g, &addr, len) : guard_del_net(g, &addr, len);
}

/* --- what may be used --- */

static bool net_ok(const struct guard *g, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < g->n_net; i++) {
		if (ip_in_prefix(addr, &g->net[i].addr, g->net[i].len))
			return true;
	}
	return false;
}

static bool is_own_linklocal(const struct guard *g, const struct mac *src,
			     const struct ip_addr *addr)
{
	struct ip_addr own = ip6_linklocal_eui64(*src);

	if (!g->n_mac)
		return ip_eq(addr, &own);
	for (uint32_t i = 0; i < g->n_mac; i++) {
		own = ip6_linklocal_eui64(g->mac[i]);
		if (ip_eq(addr, &own))
			return true;
	}
	return false;
}

/* src: the frame's, which is checked already. */
static bool ip_ok(const struct guard *g, const struct mac *src, const struct ip_addr *addr)
{
	return !g->n_net || net_ok(g, addr) || is_own_linklocal(g, src, addr);
}

/* A MAC that is told to others. */
static bool told_ok(const struct guard *g, const struct mac *src, const struct mac *told)
{
	return g->n_mac ? find_mac(g, told) < g->n_mac : mac_eq(told, src);
}

/* --- ARP --- */

static enum guard_drop check_arp(const struct guard *g, const struct view *v)
{
	struct rd r = rd_of(v->p, v->len);
	struct arp a;

	if (!arp_parse(&r, &a) || !told_ok(g, &v->eth.src, &a.sha))
		return GUARD_ARP;
	if (a.op == ARP_REQUEST && ip_is_any(&a.spa))
		return GUARD_OK;
	return ip_ok(g, &v->eth.src, &a.spa) ? GUARD_OK : GUARD_ARP;
}

/* --- neighbour discovery --- */

static bool opts_ok(const struct guard *g, const struct view *v, bool has, const struct mac *told)
{
	return !has || told_ok(g, &v->eth.src, told);
}

static bool check_ns(const struct guard *g, const struct view *v, const struct view_ip *ip,
		     struct rd r)
{
	struct nd_ns m;

	if (!nd_ns_parse(&r, &m) || !opts_ok(g, v, m.o.has_src, &m.o.src_ll))
		return false;
	return !ip_is_any(&ip->src) || ip_ok(g, &v->eth.src, &m.target);
}

static bool check_na(const struct guard *g, const struct view *v, struct rd r)
{
	struct nd_na m;

	return nd_na_parse(&r, &m) && opts_ok(g, v, m.o.has_dst, &m.o.dst_ll) &&
	       ip_ok(g, &v->eth.src, &m.target);
}

static bool check_rs(const struct guard *g, const struct view *v, struct rd r)
{
	struct nd_opts o;

	return nd_rs_parse(&r, &o) && opts_ok(g, v, o.has_src, &o.src_ll);
}

static bool check_ra(const struct guard *g, const struct view *v, struct rd r)
{
	struct nd_ra m;

	return nd_ra_parse(&r, &m) && opts_ok(g, v, m.o.has_src, &m.o.src_ll);
}

static enum guard_drop check_nd(const struct guard *g, const struct view *v,
				const struct view_ip *ip, uint8_t type, struct rd r)
{
	bool ok = true;

	if (ip->frag || rd_left(&ip->body) != ip->len)
		return GUARD_HIDDEN;
	switch (type) {
	case ND_NS:
		ok = check_ns(g, v, ip, r);
		break;
	case ND_NA:
		ok = check_na(g, v, r);
		break;
	case ND_RS:
		ok = check_rs(g, v, r);
		break;
	case ND_RA:
		ok = check_ra(g, v, r);
		break;
	}
	return ok ? GUARD_OK : GUARD_ND;
}

/* --- IP --- */

static bool nameless4_ok(const struct view_ip *ip)
{
	struct rd r = ip->body;
	struct udp u;

	if (ip->proto == IPPROTO_IGMP)
		return true;
	return ip->proto == IPPROTO_UDP && !ip->later && udp_parse(&r, &u) &&
	       u.src_port == 68 && u.dst_port == 67;
}

/* type: of ICMPv6, 0: another protocol. */
static bool nameless6_ok(uint8_t type)
{
	return type == ND_NS || type == ND_RS || type == MLD1_REPORT || type == MLD1_DONE ||
	       type == MLD2_REPORT;
}

static enum guard_drop check_ip4(const struct guard *g, const struct view *v,
				 const struct view_ip *ip)
{
	bool ok = ip_is_any(&ip->src) ? nameless4_ok(ip) : ip_ok(g, &v->eth.src, &ip->src);

	return !g->n_net || ok ? GUARD_OK : GUARD_IP;
}

static enum guard_drop check_ip6(const struct guard *g, const struct view *v,
				 const struct view_ip *ip)
{
	bool icmp = ip->proto == IPPROTO_ICMPV6 && !ip->later;
	struct rd r = ip->body;
	uint8_t type = icmp ? rd_u8(&r) : 0;
	bool ok = ip_is_any(&ip->src) ? nameless6_ok(type) : ip_ok(g, &v->eth.src, &ip->src);

	if (g->n_net && !ok)
		return GUARD_IP;
	if (icmp && r.fail)
		return GUARD_HIDDEN;
	rd_bytes(&r, 3);
	return type >= ND_RS && type <= ND_REDIRECT ? check_nd(g, v, ip, type, r) : GUARD_OK;
}

static enum guard_drop check_ip(const struct guard *g, const struct view *v)
{
	struct view_ip ip;

	switch (view_ip(v->eth.type, rd_of(v->p, v->len), &ip)) {
	case VIEW_IP:
		break;
	case VIEW_OTHER:
		return GUARD_OK;
	case VIEW_BAD:
		return g->n_net ? GUARD_IP : GUARD_OK;
	case VIEW_HIDDEN:
		return GUARD_HIDDEN;
	}
	return v->eth.type == ETHERTYPE_IP4 ? check_ip4(g, v, &ip) : check_ip6(g, v, &ip);
}

static enum guard_drop check_addresses(const struct guard *g, const struct view *v)
{
	if (g->n_mac && find_mac(g, &v->eth.src) == g->n_mac)
		return GUARD_MAC;
	switch (v->eth.type) {
	case ETHERTYPE_ARP:
		return check_arp(g, v);
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
		return g->n_net ? GUARD_HIDDEN : GUARD_OK;
	}
	return check_ip(g, v);
}

enum guard_drop guard_check(const struct guard *g, const struct view *v)
{
	enum guard_drop why = guard_has_role(g) ? guard_check_role(g, v) : GUARD_OK;

	return why || guard_any_address(g) ? why : check_addresses(g, v);
}
