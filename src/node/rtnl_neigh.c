/* rtnl_neigh.c - RTM_*NEIGH: who is on the links
 *
 * The user may say what a neighbour's link address is, for good (PERMANENT) or
 * until it is doubted; proxies are refused.
 */
#include <assert.h>
#include <linux/neighbour.h>

#include "node/rtnl_in.h"
#include "stack/neigh.h"
#include "stack/netif.h"

static const uint8_t states[] = {
	[NEIGH_INCOMPLETE] = NUD_INCOMPLETE, [NEIGH_REACHABLE] = NUD_REACHABLE,
	[NEIGH_STALE] = NUD_STALE, [NEIGH_DELAY] = NUD_DELAY, [NEIGH_PROBE] = NUD_PROBE,
	[NEIGH_FAILED] = NUD_FAILED, [NEIGH_PERMANENT] = NUD_PERMANENT,
};
static_assert(ARRAY_LEN(states) == N_NEIGH_STATES, "a number a state");

static bool known_mac(const struct neigh *n)
{
	return n->state != NEIGH_INCOMPLETE && n->state != NEIGH_FAILED;
}

void put_neigh(struct nlout *o, const struct neigh *n, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = row(o, type, flags, sizeof(struct ndmsg));
	struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	uint32_t age = (uint32_t)((o->n->st->now - n->confirmed) / 10000);	/* USER_HZ */
	struct nda_cacheinfo ci = { .ndm_confirmed = age, .ndm_used = age, .ndm_updated = age };

	ndm->ndm_family = ip_is_v4(&n->addr) ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = (int)n->nif->index;
	ndm->ndm_state = states[n->state];
	ndm->ndm_flags = n->router ? NTF_ROUTER : 0;
	ndm->ndm_type = RTN_UNICAST;
	put_ip(nlh, NDA_DST, &n->addr);
	if (known_mac(n))
		mnl_attr_put(nlh, NDA_LLADDR, sizeof(n->mac), &n->mac);
	mnl_attr_put_u32(nlh, NDA_PROBES, n->probes);
	mnl_attr_put(nlh, NDA_CACHEINFO, sizeof(ci), &ci);
	row_end(o, nlh);
}

int dumpneigh(struct nlreq *r)
{
	const struct ndmsg *ndm = r->body;
	uint32_t index = req_u32(r, NDA_IFINDEX, 0);

	if (ndm->ndm_family == AF_BRIDGE || r->tb[NDA_MASTER] ||
	    (mnl_nlmsg_get_payload_len(r->nlh) >= sizeof(*ndm) && ndm->ndm_flags & NTF_PROXY))
		return 0;
	for (struct neigh *n = NULL; (n = neigh_next(r->st, n));) {
		if (wanted(ndm->ndm_family, &n->addr) && (!index || n->nif->index == index))
			put_neigh(r->out, n, RTM_NEWNEIGH, NLM_F_MULTI);
	}
	return 0;
}

/* The interface and the address that a request names. */
static int target(struct nlreq *r, struct netif **nif, struct ip_addr *dst)
{
	const struct ndmsg *ndm = r->body;

	if (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (!r->tb[NDA_DST])
		return refuse(r, -EINVAL, "Network address not specified");
	if (req_ip(r, NDA_DST, ndm->ndm_family, dst) < 0)
		return refuse(r, -EINVAL, "Invalid network address");
	*nif = netif_by_index(r->st, (uint32_t)ndm->ndm_ifindex);
	if (!*nif)
		return -ENODEV;
	if (ndm->ndm_flags & NTF_PROXY)
		return refuse(r, -EOPNOTSUPP, "this stack is proxy for nobody");
	return 0;
}

int getneigh(struct nlreq *r)
{
	struct netif *nif;
	struct ip_addr dst;
	struct neigh *n;
	int e = target(r, &nif, &dst);

	if (e)
		return e;
	n = neigh_find(nif, &dst);
	if (!n)
		return refuse(r, -ENOENT, "Neighbour entry not found");
	put_neigh(r->out, n, RTM_NEWNEIGH, 0);
	return 0;
}

static int state_of(uint16_t nud)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (states[i] == nud)
			return (int)i;
	}
	return -1;
}

static int read_mac(struct nlreq *r, const struct neigh *old, struct mac *mac)
{
	const struct nlattr *at = r->tb[NDA_LLADDR];

	if (at && mnl_attr_get_payload_len(at) < sizeof(*mac))
		return refuse(r, -EINVAL, "Invalid link address");
	if (!at && (!old || !known_mac(old)))
		return refuse(r, -EINVAL, "No link layer address given");
	if (at)
		memcpy(mac, mnl_attr_get_payload(at), sizeof(*mac));
	else
		*mac = old->mac;
	return 0;
}

static int set(struct nlreq *r, struct netif *nif, const struct ip_addr *dst, struct neigh *old)
{
	const struct ndmsg *ndm = r->body;
	int state = state_of(ndm->ndm_state), e;
	struct mac mac;

	if (old && state == NEIGH_FAILED)
		return neigh_del(nif, dst);
	e = read_mac(r, old, &mac);
	if (e)
		return e;
	if (state < 0 || neigh_set(nif, dst, &mac, (enum neigh_state)state) < 0)
		return refuse(r, -EINVAL, "a neighbour can be made permanent, reachable or stale");
	neigh_find(nif, dst)->router = ndm->ndm_flags & NTF_ROUTER;
	return 0;
}

int newneigh(struct nlreq *r)
{
	struct netif *nif;
	struct ip_addr dst;
	struct neigh *old;
	int e = target(r, &nif, &dst);

	if (e)
		return e;
	old = neigh_find(nif, &dst);
	if (!old && !(req_flags(r) & NLM_F_CREATE))
		return -ENOENT;
	if (old && req_flags(r) & NLM_F_EXCL)
		return -EEXIST;
	return set(r, nif, &dst, old);
}

int delneigh(struct nlreq *r)
{
	struct netif *nif;
	struct ip_addr dst;
	int e = target(r, &nif, &dst);

	return e ? e : neigh_del(nif, &dst);
}
