/* rtnl_addr.c - RTM_*ADDR: the addresses of interfaces
 *
 * Shown in the kernel's order, which programs rely on for "the first address":
 * IPv4 by scope and age, its secondary addresses last; IPv6 by scope, youngest
 * first. An IPv4 address is secondary if an older one of its interface has the
 * same subnet; it goes with that one.
 */
#include <assert.h>
#include <linux/if_addr.h>

#include "node/rtnl_in.h"
#include "stack/netif.h"

#define SHOWN	(IFA_F_TEMPORARY | IFA_F_NODAD | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE)

static_assert(ADDR_TEMPORARY == IFA_F_TEMPORARY && ADDR_NODAD == IFA_F_NODAD &&
	      ADDR_MANAGETEMP == IFA_F_MANAGETEMPADDR &&
	      ADDR_NOPREFIXROUTE == IFA_F_NOPREFIXROUTE, "rtnetlink's numbers");

static struct netif_addr *of(struct list *l)
{
	return container_of(l, struct netif_addr, link);
}

static const struct ip_addr *far_end(const struct netif_addr *a)
{
	return ip_is_any(&a->peer) ? &a->addr : &a->peer;
}

static bool same_subnet(const struct netif_addr *a, const struct netif_addr *b)
{
	return ip_is_v4(&b->addr) && a->len == b->len &&
	       ip_in_prefix(far_end(a), far_end(b), a->len);
}

static bool secondary(const struct netif_addr *a)
{
	if (!ip_is_v4(&a->addr))
		return false;
	for (struct list *l = a->link.prev; l != &a->nif->addrs; l = l->prev) {
		if (same_subnet(a, of(l)))
			return true;
	}
	return false;
}

static uint8_t scope_of(const struct netif_addr *a)
{
	if (ip_is_loopback(&a->addr))
		return RT_SCOPE_HOST;
	if (ip_is_v4(&a->addr))
		return a->scope;
	return ip_is_linklocal(&a->addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

/* Seconds for rtnetlink: all ones is for ever. */
static uint32_t seconds_left(usec until, usec now)
{
	usec left = usec_add(MAX(until, now) - now, USEC_PER_SEC - 1) / USEC_PER_SEC;

	return until == NEVER ? UINT32_MAX : (uint32_t)MIN(left, UINT32_MAX - 1);
}

uint32_t addr_flags(const struct netif_addr *a, usec now)
{
	return (a->flags & SHOWN) | (secondary(a) ? IFA_F_SECONDARY : 0) |
	       (a->state == ADDR_TENTATIVE && !ip_is_v4(&a->addr) ? IFA_F_TENTATIVE : 0) |
	       (a->state == ADDR_OPTIMISTIC ? IFA_F_TENTATIVE | IFA_F_OPTIMISTIC : 0) |
	       (a->state == ADDR_DUPLICATE ? IFA_F_TENTATIVE | IFA_F_DADFAILED : 0) |
	       (a->valid_until == NEVER ? IFA_F_PERMANENT : 0) |
	       (a->preferred_until <= now ? IFA_F_DEPRECATED : 0);
}

static void put_v4(struct nlmsghdr *nlh, const struct netif_addr *a)
{
	put_ip(nlh, IFA_ADDRESS, far_end(a));
	put_ip(nlh, IFA_LOCAL, &a->addr);
	if (ip_is_v4(&a->broadcast) && !a->quiet_brd)
		put_ip(nlh, IFA_BROADCAST, &a->broadcast);
	mnl_attr_put_strz(nlh, IFA_LABEL, a->label[0] ? a->label : a->nif->name);
}

void put_addr(struct nlout *o, const struct netif_addr *a, uint16_t type, uint16_t flags)
{
	usec now = o->n->st->now;
	struct nlmsghdr *nlh = row(o, type, flags, sizeof(struct ifaddrmsg));
	struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct ifa_cacheinfo ci = {
		.ifa_prefered = seconds_left(a->preferred_until, now),
		.ifa_valid = seconds_left(a->valid_until, now),
		.cstamp = (uint32_t)(a->created / 10000), .tstamp = (uint32_t)(a->updated / 10000),
	};
	bool v4 = ip_is_v4(&a->addr);

	ifa->ifa_family = v4 ? AF_INET : AF_INET6;
	ifa->ifa_prefixlen = a->len;
	ifa->ifa_flags = (uint8_t)addr_flags(a, now);
	ifa->ifa_scope = scope_of(a);
	ifa->ifa_index = a->nif->index;
	if (v4)
		put_v4(nlh, a);
	else if (ip_is_any(&a->peer))
		put_ip(nlh, IFA_ADDRESS, &a->addr);
	else {
		put_ip(nlh, IFA_LOCAL, &a->addr);
		put_ip(nlh, IFA_ADDRESS, &a->peer);
	}
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(ci), &ci);
	mnl_attr_put_u32(nlh, IFA_FLAGS, addr_flags(a, now));
	if (a->protocol)
		mnl_attr_put_u8(nlh, IFA_PROTO, a->protocol);
	row_end(o, nlh);
}

/* --- in the kernel's order --- */

enum { RANKS = 4 };	/* host, link, other, secondary */

static int rank(const struct netif_addr *a)
{
	uint8_t scope = scope_of(a);

	if (secondary(a))
		return 3;
	return scope == RT_SCOPE_UNIVERSE ? 2 : scope == RT_SCOPE_LINK ? 1 : 0;
}

static void dump4(struct nlout *o, const struct netif *nif)
{
	for (int i = 0; i < RANKS; i++) {
		list_for(l, &nif->addrs) {
			if (ip_is_v4(&of(l)->addr) && rank(of(l)) == i)
				put_addr(o, of(l), RTM_NEWADDR, NLM_F_MULTI);
		}
	}
}

static void dump6(struct nlout *o, const struct netif *nif)
{
	for (int i = RANKS; i--;) {
		for (struct list *l = nif->addrs.prev; l != &nif->addrs; l = l->prev) {
			if (!ip_is_v4(&of(l)->addr) && rank(of(l)) == i)
				put_addr(o, of(l), RTM_NEWADDR, NLM_F_MULTI);
		}
	}
}

/* With strict checking the header may name an interface. */
static bool asked_for(const struct nlreq *r, const struct netif *nif)
{
	const struct ifaddrmsg *ifa = r->body;

	return !r->peer->strict || !ifa->ifa_index || ifa->ifa_index == nif->index;
}

static void dump_all(struct nlreq *r, void (*dump)(struct nlout *o, const struct netif *nif))
{
	list_for(l, &r->st->netifs) {
		const struct netif *nif = container_of(l, struct netif, link);

		if (asked_for(r, nif))
			dump(r->out, nif);
	}
}

int dumpaddr(struct nlreq *r)
{
	const struct ifaddrmsg *ifa = r->body;

	if (r->peer->strict && ifa->ifa_index && !netif_by_index(r->st, ifa->ifa_index))
		return -ENODEV;
	if (req_family(r) == AF_INET || req_family(r) == AF_UNSPEC)
		dump_all(r, dump4);
	if (req_family(r) == AF_INET6 || req_family(r) == AF_UNSPEC)
		dump_all(r, dump6);
	return 0;
}

/* --- changes --- */

static const char *say(bool v4, const char *four, const char *six)
{
	return v4 ? four : six;
}

/* The address itself and its far end: IFA_LOCAL and IFA_ADDRESS, of which
 * either may be missing in IPv6. */
static int read_ends(struct nlreq *r, struct netif_addr *want)
{
	const struct ifaddrmsg *ifa = r->body;
	bool v4 = ifa->ifa_family == AF_INET;
	struct ip_addr local, address;

	if ((!v4 && ifa->ifa_family != AF_INET6))
		return -EAFNOSUPPORT;
	if (req_ip(r, IFA_LOCAL, ifa->ifa_family, &local) < 0 ||
	    req_ip(r, IFA_ADDRESS, ifa->ifa_family, &address) < 0)
		return -EINVAL;
	if (v4 && !r->tb[IFA_LOCAL])
		return refuse(r, -EINVAL, "ipv4: Local address is not supplied");
	if (!r->tb[IFA_LOCAL] && !r->tb[IFA_ADDRESS])
		return refuse(r, -EINVAL, "ipv6: Invalid address");
	want->addr = r->tb[IFA_LOCAL] ? local : address;
	if (r->tb[IFA_LOCAL] && r->tb[IFA_ADDRESS] && !ip_eq(&local, &address))
		want->peer = address;
	want->len = ifa->ifa_prefixlen;
	if (want->len > (v4 ? 32 : 128))
		return refuse(r, -EINVAL, say(v4, "ipv4: Invalid prefix length",
					      "ipv6: Invalid prefix length"));
	return 0;
}

static int read_life(struct nlreq *r, struct netif_addr *want)
{
	const struct nlattr *at = r->tb[IFA_CACHEINFO];
	bool v4 = ip_is_v4(&want->addr);
	struct ifa_cacheinfo ci;

	want->valid_until = want->preferred_until = NEVER;
	if (!at)
		return 0;
	if (mnl_attr_get_payload_len(at) < sizeof(ci))
		return -EINVAL;
	memcpy(&ci, mnl_attr_get_payload(at), sizeof(ci));
	if (!ci.ifa_valid)
		return refuse(r, -EINVAL, say(v4, "ipv4: valid_lft is zero",
					      "ipv6: address lifetime invalid"));
	if (ci.ifa_prefered > ci.ifa_valid)
		return refuse(r, -EINVAL, say(v4, "ipv4: preferred_lft is greater than valid_lft",
					      "ipv6: address lifetime invalid"));
	if (ci.ifa_valid != UINT32_MAX)
		want->valid_until = r->st->now + ci.ifa_valid * USEC_PER_SEC;
	if (ci.ifa_prefered != UINT32_MAX)
		want->preferred_until = r->st->now + ci.ifa_prefered * USEC_PER_SEC;
	return 0;
}

static int read_rest(struct nlreq *r, struct netif_addr *want)
{
	const struct ifaddrmsg *ifa = r->body;
	const char *label = req_str(r, IFA_LABEL);

	if (req_ip(r, IFA_BROADCAST, ifa->ifa_family, &want->broadcast) < 0)
		return -EINVAL;
	want->quiet_brd = ip_eq(&want->broadcast, &IP_NONE);
	want->flags = req_u32(r, IFA_FLAGS, ifa->ifa_flags) & SHOWN;
	want->scope = ifa->ifa_scope;
	want->protocol = req_u8(r, IFA_PROTO, 0);
	if (label && strlen(label) < sizeof(want->label))
		memcpy(want->label, label, strlen(label));
	return read_life(r, want);
}

/* What no host may be called. */
static int check(struct nlreq *r, const struct netif *nif, const struct netif_addr *want)
{
	const struct ip_addr *a = &want->addr;

	if (ip_is_v4(a))
		return 0;
	if (ip_is_any(a))
		return refuse(r, -EADDRNOTAVAIL, "ipv6: Invalid address");
	if (ip_is_multicast(a))
		return refuse(r, -EINVAL, "ipv6: Cannot assign multicast address without "
					  "\"IFA_F_MCAUTOJOIN\" flag");
	if (ip_is_loopback(a) && !netif_is_lo(nif))
		return refuse(r, -EADDRNOTAVAIL,
			      "ipv6: Cannot assign loopback address on this device");
	return 0;
}

int newaddr(struct nlreq *r)
{
	const struct ifaddrmsg *ifa = r->body;
	bool replace = req_flags(r) & NLM_F_REPLACE, v4 = ifa->ifa_family == AF_INET;
	struct netif *nif = netif_by_index(r->st, ifa->ifa_index);
	struct netif_addr want = { .state = ADDR_TENTATIVE };
	int e = read_ends(r, &want);

	if (!e && !nif)
		return refuse(r, -ENODEV, say(v4, "ipv4: Device not found",
					      "ipv6: Unable to find the interface"));
	if (!e)
		e = read_rest(r, &want);
	if (!e)
		e = check(r, nif, &want);
	if (e)
		return e;
	if (netif_addr_find(nif, &want.addr) && (!replace || req_flags(r) & NLM_F_EXCL))
		return refuse(r, -EEXIST, say(v4, "ipv4: Address already assigned",
					      "ipv6: address already assigned"));
	e = netif_addr_put(nif, &want, replace);
	if (e == -EINVAL)
		return refuse(r, e, "no interface of this stack can have such an address");
	return e;
}

static bool meant(struct nlreq *r, const struct netif_addr *a, const struct netif_addr *want)
{
	const struct ifaddrmsg *ifa = r->body;
	const char *label = req_str(r, IFA_LABEL);

	if (ip_is_v4(&a->addr) != (ifa->ifa_family == AF_INET))
		return false;
	if (r->tb[IFA_LOCAL] && !ip_eq(&a->addr, &want->addr))
		return false;
	if (label && strcmp(label, a->label[0] ? a->label : a->nif->name))
		return false;
	if (!r->tb[IFA_ADDRESS])
		return true;
	return a->len == want->len && (ip_is_v4(&a->addr) ?
	       ip_in_prefix(ip_is_any(&want->peer) ? &want->addr : &want->peer, far_end(a), a->len) :
	       ip_eq(&a->addr, &want->addr));
}

/* Its secondary addresses go with it, as Linux's without promote_secondaries. */
static void remove_all(struct netif_addr *a)
{
	bool primary = ip_is_v4(&a->addr) && !secondary(a);
	struct netif_addr like = *a;

	addr_remove(a);
	if (!primary)
		return;
	list_for_safe(l, &like.nif->addrs) {
		if (same_subnet(&like, of(l)))
			addr_remove(of(l));
	}
}

/* IPv4's address may be left out: whichever matches the rest. */
static int read_target(struct nlreq *r, struct netif_addr *want)
{
	const struct ifaddrmsg *ifa = r->body;

	if (ifa->ifa_family == AF_INET && !r->tb[IFA_LOCAL]) {
		want->len = ifa->ifa_prefixlen;
		return req_ip(r, IFA_ADDRESS, AF_INET, &want->addr);
	}
	return read_ends(r, want);
}

int deladdr(struct nlreq *r)
{
	const struct ifaddrmsg *ifa = r->body;
	bool v4 = ifa->ifa_family == AF_INET;
	struct netif *nif = netif_by_index(r->st, ifa->ifa_index);
	struct netif_addr want = { .state = ADDR_TENTATIVE };
	int e = read_target(r, &want);

	if (e)
		return e;
	if (!nif)
		return refuse(r, -ENODEV, say(v4, "ipv4: Device not found",
					      "ipv6: Unable to find the interface"));
	list_for(l, &nif->addrs) {
		if (meant(r, of(l), &want)) {
			remove_all(of(l));
			return 0;
		}
	}
	return refuse(r, -EADDRNOTAVAIL, say(v4, "ipv4: Address not found",
					     "ipv6: address not found"));
}
