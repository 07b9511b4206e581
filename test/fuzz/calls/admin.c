/* admin.c - interfaces, addresses, routes, rules, neighbours, groups, parameters
 *
 * What rtnetlink and the command ask of a stack, while packets and calls go on.
 */
#include "calls.h"
#include "stack/neigh.h"
#include "stack/netif.h"

static struct netif *choose(struct world *w)
{
	uint32_t i = below(w, 4);

	return i == 0 ? w->l.st->lo : i == 1 && w->second ? w->second : w->l.nif;
}

static uint8_t prefix(struct world *w, const struct ip_addr *a)
{
	static const uint8_t lens[] = { 24, 64, 0, 32, 128, 8, 31, 127 };
	uint8_t n = lens[below(w, ARRAY_LEN(lens))];

	return ip_is_v4(a) ? MIN(n, 32) : n;
}

/* --- interfaces --- */

static void up_or_down(struct world *w)
{
	struct netif *nif = choose(w);

	if (netif_is_up(nif))
		netif_down(nif);
	else
		netif_up(nif);
}

static void shape(struct world *w)
{
	static const uint32_t mtus[] = { 1500, 1280, 576, 68, 9000, 65535, 1400, 67 };
	struct netif *nif = choose(w);
	struct mac mac = { { 2, 0, 0, 0, 0, (uint8_t)below(w, 4) } };

	switch (below(w, 3)) {
	case 0:
		netif_set_mtu(nif, mtus[below(w, ARRAY_LEN(mtus))]);
		break;
	case 1:
		netif_set_mac(nif, mac);
		break;
	default:
		netif_rename(nif, flip(w) ? "eth7" : "eth8");
	}
}

static void second_interface(struct world *w)
{
	const struct ip_addr a = IP4(192, 0, 2, 5), b = { { 0x20, 1, [15] = 5 } };

	if (w->second) {
		netif_remove(w->second);
		w->second = NULL;
		return;
	}
	w->second = netif_add(w->l.st, "eth1", (struct mac){ { 2, 0, 0, 0, 1, 1 } }, 1500,
			      flip(w) ? NETIF_NOARP : 0, &wire_ops, w);
	netif_up(w->second);
	netif_addr_add(w->second, &a, 24);
	netif_addr_add(w->second, &b, 64);
}

static void change_room(struct world *w)
{
	w->room = below(w, 8);
	if (w->room) {
		netif_ready(w->l.nif);
		if (w->second)
			netif_ready(w->second);
	}
}

/* --- addresses --- */

static void address(struct world *w)
{
	struct netif *nif = choose(w);
	struct netif_addr a = { .addr = any_addr(w), .valid_until = NEVER, .preferred_until = NEVER };

	a.len = prefix(w, &a.addr);
	if (flip(w)) {
		netif_addr_del(nif, &a.addr, a.len);
		return;
	}
	a.flags = below(w, 2) ? ADDR_NODAD : 0;
	if (flip(w)) {
		a.preferred_until = w->l.now + rd_u8(&w->rd) * USEC_PER_SEC;
		a.valid_until = a.preferred_until + rd_u8(&w->rd) * USEC_PER_SEC;
	}
	netif_addr_put(nif, &a, flip(w));
}

/* Those that everything hangs on come back. */
static void own_address(struct world *w)
{
	netif_addr_add(w->l.nif, &own4, 24);
	netif_addr_add(w->l.nif, &own6, 64);
	netif_up(w->l.nif);
}

/* --- routes, rules, neighbours --- */

static struct route any_route(struct world *w)
{
	static const uint8_t types[] = { ROUTE_UNICAST, ROUTE_UNICAST, ROUTE_UNICAST,
					 ROUTE_BLACKHOLE, ROUTE_UNREACHABLE, ROUTE_PROHIBIT,
					 ROUTE_THROW };
	struct route r = { .dst = any_addr(w), .gw = IP_NONE, .src = IP_NONE };

	r.len = prefix(w, &r.dst);
	r.type = types[below(w, ARRAY_LEN(types))];
	r.metric = below(w, 3);
	r.table = flip(w) ? 100 : 0;
	r.mtu = flip(w) ? 1280 + below(w, 200) : 0;
	if (r.type != ROUTE_UNICAST)
		return r;
	r.nif = choose(w);
	if (flip(w))
		r.gw = any_addr(w);
	if (!below(w, 4))
		r.src = any_addr(w);
	return r;
}

static void route(struct world *w)
{
	struct route r = any_route(w), other;
	const struct route *old = route_next(w->l.st, NULL);

	switch (below(w, 4)) {
	case 0:
		route_del(w->l.st, &r);
		break;
	case 1:
		other = old ? *old : r;
		route_replace(w->l.st, &other, &r);
		break;
	default:
		route_add(w->l.st, &r);
	}
}

static void rule(struct world *w)
{
	struct rule r = { .priority = 100 + below(w, 4), .v4 = flip(w), .src = IP_NONE,
			  .dst = IP_NONE };

	r.action = (uint8_t)below(w, 9);
	r.table = flip(w) ? 100 : TABLE_MAIN;
	r.target = 100 + below(w, 8);
	r.mark = below(w, 3);
	r.mark_mask = flip(w) ? UINT32_MAX : 0;
	r.invert = flip(w);
	if (flip(w)) {
		r.dst = any_addr(w);
		r.dst_len = prefix(w, &r.dst);
		r.v4 = ip_is_v4(&r.dst);
	}
	if (flip(w))
		rule_add(w->l.st, &r);
	else
		rule_del(w->l.st, &r);
}

static void neighbour(struct world *w)
{
	static const enum neigh_state states[] = { NEIGH_PERMANENT, NEIGH_REACHABLE, NEIGH_STALE };
	struct netif *nif = choose(w);
	struct ip_addr a = any_addr(w);

	if (flip(w))
		neigh_set(nif, &a, &peer_mac, states[below(w, 3)]);
	else
		neigh_del(nif, &a);
}

static void group(struct world *w)
{
	static const struct ip_addr groups[] = {
		IP4(224, 0, 0, 251), IP4(232, 1, 1, 1), { { 0xff, 2, [15] = 0xfb } },
		{ { 0xff, 5, [15] = 1 } },
	};
	unsigned i = below(w, ARRAY_LEN(groups));

	if (w->joined[i])
		netif_leave(w->l.nif, &groups[i]);
	else
		netif_join(w->l.nif, &groups[i]);
	w->joined[i] = !w->joined[i];
}

static void parameter(struct world *w)
{
	static const char *const values[] = { "0", "1", "2", "3", "10", "100", "4096", "65536",
					      "4096 4096 4096", "1 2 3", "0 0 0", "reno" };
	static const char *const often[] = { "ip_forward", "forwarding", "tcp_syncookies", "tcp_ecn",
					     "tcp_fastopen", "tcp_mtu_probing", "use_tempaddr",
					     "tcp_mem", "stack_mem" };
	uint32_t i = rd_u8(&w->rd);
	const char *name = i & 1 ? often[(i >> 1) % ARRAY_LEN(often)] : param_name(i >> 1);

	w->wild |= name && strstr(name, "forward");
	if (name)
		stack_set(w->l.st, name, values[below(w, ARRAY_LEN(values))]);
}

step *const admin_steps[] = {
	up_or_down, shape, second_interface, change_room, address, own_address, own_address, route,
	rule, neighbour, group, parameter, parameter,
};
const unsigned n_admin_steps = ARRAY_LEN(admin_steps);
