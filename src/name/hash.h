/* hash.h - addresses computed from names (VirtualSquare's hash addresses, OTIP)
 *
 * A name is an FQDN as typed: case counts, one dot at its end does not. passwd
 * may be NULL; otiptime 0 is none.
 */
#ifndef NAME_HASH_H
#define NAME_HASH_H

#include "base/addr.h"

#define OTIP_PERIOD	32	/* seconds; what everybody uses */

/* base's host half (the last 64 bits) mixed with the name's hash. */
struct ip_addr hash_addr(const struct ip_addr *base, const char *name, const char *passwd,
			 uint32_t otiptime);
struct mac hash_mac(const char *name, const char *passwd);	/* local, of one station */
struct ip_addr hash_eui64(const struct ip_addr *base, struct mac mac);

/* Which one-time address is in use seconds after 1970; period 0: 0, none. */
uint32_t hash_otiptime(int64_t seconds, uint32_t period, int32_t offset);

#endif
