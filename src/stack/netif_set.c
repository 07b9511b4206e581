/* netif_set.c - interfaces that change while they live
 *
 * What `ip link set` may do to one besides up, down and mtu. The rest of the
 * stack finds an interface by its index and looks at it anew each time; what
 * was decided from it is undone by moving the route generation on.
 */
#include <errno.h>
#include <string.h>

#include "stack/nd.h"
#include "stack/neigh.h"
#include "stack/netif.h"

/* Others learn it as they learned the old one (RFC 5227 2.3, RFC 4861 7.2.6). */
int netif_set_mac(struct netif *nif, struct mac mac)
{
	if (netif_is_lo(nif))
		return -EOPNOTSUPP;
	if (mac_is_group(&mac) || mac_is_zero(&mac))
		return -EADDRNOTAVAIL;
	nif->mac = mac;
	netif_changed(nif);
	list_for(l, &nif->addrs) {
		struct netif_addr *a = container_of(l, struct netif_addr, link);

		if (netif_is_up(nif) && ip_is_v4(&a->addr))
			arp_announce(a);
		else if (netif_is_up(nif) && addr_usable(a))
			nd_announce(a);
	}
	return 0;
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= 16 || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	return !strpbrk(name, "/: \t\n\v\f\r");
}

int netif_rename(struct netif *nif, const char *name)
{
	struct netif *old = netif_by_name(nif->st, name);

	if (!name_ok(name))
		return -EINVAL;
	if (old)
		return old == nif ? 0 : -EEXIST;
	memset(nif->name, 0, sizeof(nif->name));
	memcpy(nif->name, name, strlen(name));
	netif_changed(nif);
	return 0;
}
