/* slaac.c - addresses that a router's prefix gives (RFC 4862 5.5, RFC 7217, RFC 8981)
 *
 * A prefix gives a stable address, whose lower half is a keyed hash and tells
 * nothing about the machine, and with use_tempaddr temporary ones: a random half
 * each, followed by another before it is deprecated. An address that somebody
 * else has is replaced by the next of its kind, a few times.
 *
 * in: router.c -> slaac_prefix; addr.c -> slaac_conflict, slaac_regenerate
 */
#include "stack/slaac.h"

#include "base/text.h"
#include "stack/nd.h"
#include "stack/netif.h"

#define TWO_HOURS	(7200 * USEC_PER_SEC)	/* RFC 4862 5.5.3 e */
#define FOREVER		UINT32_MAX

usec life_until(const struct stack *st, uint32_t seconds)
{
	return seconds == FOREVER ? NEVER : st->now + seconds * USEC_PER_SEC;
}

/* RFC 5453 4: subnet anycast, ISATAP and such. */
static bool iid_reserved(const uint8_t iid[8])
{
	static const uint8_t zero[8], anycast[8] = { 0xfd, 255, 255, 255, 255, 255, 255, 0x80 };
	static const uint8_t ether[5] = { 2, 0, 0x5e, 0xff, 0xfe };

	return !memcmp(iid, zero, 8) || !memcmp(iid, ether, 5) ||
	       (!memcmp(iid, anycast, 7) && iid[7] >= anycast[7]);
}

/* Who wants the same addresses after a restart gives a secret. */
static struct hash_key stable_key(const struct stack *st)
{
	static const struct hash_key zero;
	struct { char text[48]; uint64_t half; } k = { { 0 }, 0 };
	struct hash_key key = st->secret;

	if (!st->param.stable_secret[0])
		return key;
	memcpy(k.text, st->param.stable_secret, sizeof(st->param.stable_secret));
	for (; k.half < 2; k.half++) {
		uint64_t h = hash64(&zero, &k, sizeof(k));

		memcpy(key.b + 8 * k.half, &h, 8);
	}
	return key;
}

/* RFC 7217 5: prefix, interface, counter and secret. */
static void stable_iid(const struct netif *nif, const struct ip_addr *prefix, uint8_t counter,
		       uint8_t iid[8])
{
	struct { struct ip_addr prefix; char name[16]; uint32_t counter, salt; } k = {
		*prefix, { 0 }, counter, 0
	};
	struct hash_key key = stable_key(nif->st);
	uint64_t h;

	memcpy(k.name, nif->name, sizeof(k.name));
	do {
		h = hash64(&key, &k, sizeof(k));
		memcpy(iid, &h, 8);
		k.salt++;
	} while (iid_reserved(iid));
}

static void random_iid(struct stack *st, uint8_t iid[8])
{
	do {
		uint64_t v = rng_u64(&st->rng);

		memcpy(iid, &v, 8);
	} while (iid_reserved(iid));
}

bool slaac_address(const struct netif *nif, uint32_t mode, const struct ip_addr *prefix,
		   uint8_t counter, struct ip_addr *out)
{
	struct ip_addr eui = ip6_linklocal_eui64(nif->mac);

	if (mode == GEN_NONE || (mode == GEN_EUI64 && counter))
		return false;
	*out = *prefix;
	if (mode == GEN_EUI64)
		memcpy(out->b + 8, eui.b + 8, 8);
	else if (mode == GEN_STABLE)
		stable_iid(nif, prefix, counter, out->b + 8);
	else
		random_iid(nif->st, out->b + 8);
	return true;
}

static struct netif_addr *of(struct list *l)
{
	return container_of(l, struct netif_addr, link);
}

static bool is_temporary(const struct netif_addr *a)
{
	return a->flags & ADDR_TEMPORARY;
}

static bool is_linklocal(const struct netif_addr *a)
{
	return a->protocol == ADDRPROTO_LINKLOCAL;
}

static bool has_linklocal(const struct netif *nif)
{
	list_for(l, &nif->addrs) {
		if (is_linklocal(of(l)))
			return true;
	}
	return false;
}

void slaac_linklocal(struct netif *nif, uint8_t counter)
{
	static const struct ip_addr prefix = { { 0xfe, 0x80 } };
	struct netif_addr want = {
		.len = 64, .protocol = ADDRPROTO_LINKLOCAL, .counter = counter,
		.valid_until = NEVER, .preferred_until = NEVER,
	};

	if (netif_is_lo(nif) || !netif_has_ip6(nif) || has_linklocal(nif))
		return;
	if (slaac_address(nif, nif->st->param.linklocal_gen_mode, &prefix, counter, &want.addr))
		addr_add(nif, &want);
}

void netif_new_linklocal(struct netif *nif)
{
	list_for_safe(l, &nif->addrs) {
		if (is_linklocal(of(l)))
			addr_remove(of(l));
	}
	slaac_linklocal(nif, 0);
	nd_solicit_routers(nif);
}

static struct netif_addr *stable_find(const struct netif *nif, const struct ip_addr *prefix)
{
	list_for(l, &nif->addrs) {
		if (of(l)->slaac && !is_temporary(of(l)) && ip_in_prefix(&of(l)->addr, prefix, 64))
			return of(l);
	}
	return NULL;
}

static bool have_room(const struct netif *nif)
{
	unsigned n = 0;

	list_for(l, &nif->addrs)
		n += of(l)->slaac;
	return n < nif->st->param.max_addresses;
}

static void take(struct netif *nif, struct netif_addr *want)
{
	want->len = 64;
	want->slaac = true;
	want->protocol = ADDRPROTO_RA;
	addr_add(nif, want);
}

/* By the token, if there is one that nobody else uses. */
static bool stable_address(const struct netif *nif, const struct ip_addr *prefix,
			   uint8_t counter, struct ip_addr *out)
{
	if (ip_is_any(&nif->token) || counter)
		return slaac_address(nif, nif->st->param.addr_gen_mode, prefix, counter, out);
	*out = *prefix;
	memcpy(out->b + 8, nif->token.b + 8, 8);
	return true;
}

static void stable_add(struct netif *nif, const struct ip_addr *prefix, uint8_t counter,
		       usec valid, usec preferred)
{
	struct netif_addr want = {
		.counter = counter, .valid_until = valid, .preferred_until = preferred,
	};

	if (have_room(nif) && stable_address(nif, prefix, counter, &want.addr))
		take(nif, &want);
}

/* The next stable address whose lower half is not the token's. */
static struct netif_addr *untokened(const struct netif *nif)
{
	list_for(l, &nif->addrs) {
		if (of(l)->slaac && !is_temporary(of(l)) && !of(l)->counter &&
		    memcmp(of(l)->addr.b + 8, nif->token.b + 8, 8) != 0)
			return of(l);
	}
	return NULL;
}

void netif_set_token(struct netif *nif, const struct ip_addr *token)
{
	struct netif_addr *a;

	nif->token = *token;
	while (!ip_is_any(token) && (a = untokened(nif))) {
		struct ip_addr prefix = ip_mask(&a->addr, 64), router = a->router;
		usec valid = a->valid_until, preferred = a->preferred_until;

		addr_remove(a);
		stable_add(nif, &prefix, 0, valid, preferred);
		a = stable_find(nif, &prefix);
		if (a)
			a->router = router;
	}
}

/* --- temporary addresses (RFC 8981 3.4) --- */

/* REGEN_ADVANCE: a new one must have passed its test before it is needed. */
static usec regen_advance(const struct netif *nif)
{
	const struct param *p = &nif->st->param;

	return 2 * USEC_PER_SEC + (usec)p->regen_max_retry * p->dad_transmits * netif_retrans(nif);
}

static void temporary_add(struct netif *nif, const struct netif_addr *stable, uint8_t counter)
{
	struct stack *st = nif->st;
	const struct param *p = &st->param;
	uint32_t most = MIN(p->max_desync_factor, p->temp_prefered_lft * 2 / 5);
	usec span = p->temp_prefered_lft * USEC_PER_SEC;
	struct netif_addr want = {
		.flags = ADDR_TEMPORARY, .counter = counter, .router = stable->router,
		.addr = ip_mask(&stable->addr, 64),
	};

	if (most)
		span -= rng_below(&st->rng, most + 1) * USEC_PER_SEC;
	want.valid_until = MIN(stable->valid_until, st->now + p->temp_valid_lft * USEC_PER_SEC);
	want.preferred_until = MIN(stable->preferred_until, st->now + span);
	want.valid_most = st->now + p->temp_valid_lft * USEC_PER_SEC;
	want.preferred_most = st->now + span;
	want.regen_at = want.preferred_until - regen_advance(nif);
	if (want.regen_at <= st->now || !have_room(nif))
		return;				/* RFC 8981 3.4, 5 */
	random_iid(st, want.addr.b + 8);
	take(nif, &want);
}

/* It is time for a successor: before a goes out of use. */
void slaac_regenerate(struct netif_addr *a)
{
	struct ip_addr prefix = ip_mask(&a->addr, 64);
	struct netif_addr *stable = stable_find(a->nif, &prefix);

	if (stable && is_temporary(a) && a->nif->st->param.use_tempaddr)
		temporary_add(a->nif, stable, 0);
}

/* A prefix that lives longer lets them live longer, up to their own end. */
static void temporary_refresh(struct netif *nif, const struct netif_addr *stable)
{
	struct ip_addr prefix = ip_mask(&stable->addr, 64);
	bool fresh = false;

	list_for(l, &nif->addrs) {
		struct netif_addr *a = of(l);

		if (!is_temporary(a) || !ip_in_prefix(&a->addr, &prefix, 64))
			continue;
		addr_life_set(a, MIN(stable->valid_until, a->valid_most),
			      MIN(stable->preferred_until, a->preferred_most));
		fresh = fresh || a->regen_at > nif->st->now;
	}
	if (!fresh && nif->st->param.use_tempaddr)
		temporary_add(nif, stable, 0);
}

/* --- both --- */

/* RFC 4862 5.5.3 e: an unauthenticated lifetime shortens ours to two hours at
 * least. */
static void refresh(struct netif_addr *a, const struct nd_prefix *p)
{
	struct stack *st = a->nif->st;
	usec valid = life_until(st, p->valid), floor = st->now + TWO_HOURS;

	if (valid < floor && valid < a->valid_until)
		valid = MIN(a->valid_until, floor);
	addr_life_set(a, valid, life_until(st, p->preferred));
}

void slaac_prefix(struct netif *nif, const struct ip_addr *router, const struct nd_prefix *p)
{
	struct ip_addr prefix = ip_mask(&p->prefix, p->len);
	struct stack *st = nif->st;
	struct netif_addr *a;

	if (p->len != 64 || p->preferred > p->valid || !st->param.autoconf)
		return;
	a = stable_find(nif, &prefix);
	if (a)
		refresh(a, p);
	else if (p->valid)
		stable_add(nif, &prefix, 0, life_until(st, p->valid),
			   life_until(st, p->preferred));
	a = stable_find(nif, &prefix);
	if (a)
		temporary_refresh(nif, a);
	list_for(l, &nif->addrs) {
		if (of(l)->slaac && ip_in_prefix(&of(l)->addr, &prefix, 64))
			of(l)->router = *router;
	}
}

/* RFC 7217 6, RFC 8981 3.4: the next one instead; a is freed. */
bool slaac_conflict(struct netif_addr *a)
{
	struct ip_addr prefix = ip_mask(&a->addr, 64);
	uint8_t next = a->counter + 1;
	struct netif *nif = a->nif;
	struct netif_addr was = *a, *stable;
	uint32_t mode = is_linklocal(a) ? nif->st->param.linklocal_gen_mode :
					  nif->st->param.addr_gen_mode;

	if ((!a->slaac && !is_linklocal(a)) || next > nif->st->param.regen_max_retry ||
	    (!is_temporary(a) && mode == GEN_EUI64))
		return false;
	addr_remove(a);
	if (is_linklocal(&was)) {
		slaac_linklocal(nif, next);
		return true;
	}
	if (!is_temporary(&was)) {
		stable_add(nif, &prefix, next, was.valid_until, was.preferred_until);
		return true;
	}
	stable = stable_find(nif, &prefix);
	if (stable)
		temporary_add(nif, stable, next);
	return true;
}
