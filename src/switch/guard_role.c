/* guard_role.c - no router, no DHCP server behind a port
 *
 * in: guard_check -> guard_check_role, of ports of which guard/setrouter or guard/setdhcp
 *     has said so
 *
 * A router's words are router advertisements and redirects (RFC 6105). A DHCP server's,
 * or a relay's that brings them, are whatever goes to a client's port, and replies to
 * relays (RFC 7610; RFC 2131 4.1). Their first fragments tell what they are; the
 * others are let pass, since without it nobody can use them. Headers have to be seen
 * to their end: behind too many of them, in a fragment too short for them or behind a second
 * tag anything could be hidden (RFC 7113 3).
 */
#include <netinet/in.h>

#include "switch/guard.h"

enum {
	ETHERTYPE_QINQ	= 0x88a8,
	CLIENT4		= 68,
	SERVER4		= 67,
	CLIENT6		= 546,
	SERVER6		= 547,
	BOOTREPLY	= 2,		/* RFC 951 7 */
	RELAY_REPL	= 13,		/* RFC 8415 7.3 */
};

static enum guard_drop check_icmp6(const struct guard *g, struct rd r)
{
	uint8_t type = rd_u8(&r);

	if (!g->no_router)
		return GUARD_OK;
	if (r.fail)
		return GUARD_HIDDEN;
	return type == ND_RA || type == ND_REDIRECT ? GUARD_ROUTER : GUARD_OK;
}

/* reply: what a server says to a relay begins so. */
static enum guard_drop check_udp(const struct guard *g, struct rd r, uint16_t client,
				 uint16_t server, uint8_t reply)
{
	struct udp u;
	bool seen = udp_parse(&r, &u);
	uint8_t first = rd_u8(&r);

	if (!g->no_dhcp)
		return GUARD_OK;
	if (!seen || (u.dst_port == server && r.fail))
		return GUARD_HIDDEN;
	return u.dst_port == client || (u.dst_port == server && first == reply) ? GUARD_DHCP :
										  GUARD_OK;
}

static enum guard_drop check_ip(const struct guard *g, const struct view_ip *ip, bool v6)
{
	if (ip->later)
		return GUARD_OK;
	if (ip->proto == IPPROTO_UDP)
		return v6 ? check_udp(g, ip->body, CLIENT6, SERVER6, RELAY_REPL) :
			    check_udp(g, ip->body, CLIENT4, SERVER4, BOOTREPLY);
	return v6 && ip->proto == IPPROTO_ICMPV6 ? check_icmp6(g, ip->body) : GUARD_OK;
}

enum guard_drop guard_check_role(const struct guard *g, const struct view *v)
{
	struct view_ip ip;

	if (v->eth.type == ETHERTYPE_VLAN || v->eth.type == ETHERTYPE_QINQ)
		return GUARD_HIDDEN;
	switch (view_ip(v->eth.type, rd_of(v->p, v->len), &ip)) {
	case VIEW_IP:
		return check_ip(g, &ip, v->eth.type == ETHERTYPE_IP6);
	case VIEW_HIDDEN:
		return GUARD_HIDDEN;
	case VIEW_OTHER:
	case VIEW_BAD:
		break;
	}
	return GUARD_OK;
}
