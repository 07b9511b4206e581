/* duid.h - who a DHCP client is (RFC 8415 11.4, RFC 4361 6.1)
 *
 * A node keeps nothing on disk, so it is its MAC address: the same after a restart
 * where the address follows from the node's name. DUID and IAID serve both DHCPs.
 */
#ifndef NAME_DUID_H
#define NAME_DUID_H

#include "base/addr.h"
#include "base/cursor.h"

#define DUID_LEN	10	/* of ours, a DUID-LL */

static inline void duid_emit(struct wr *w, struct mac mac)
{
	wr_u16(w, 3);		/* DUID-LL */
	wr_u16(w, 1);		/* Ethernet */
	wr_bytes(w, mac.b, sizeof(mac.b));
}

static inline uint32_t duid_iaid(struct mac mac)
{
	return get_u32(mac.b + 2);
}

#endif
