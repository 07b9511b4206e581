/* dhcp6.h - DHCP for IPv6: messages, and the client as a machine (RFC 8415)
 *
 * As dhcp4.h, but all messages go to DHCP6_SERVERS from the link-local address. One
 * address is asked for (IA_NA), or only what hosts need besides.
 */
#ifndef NAME_DHCP6_H
#define NAME_DHCP6_H

#include "base/addr.h"
#include "base/cursor.h"
#include "base/rand.h"
#include "base/text.h"

#define DHCP6_CLIENT_PORT	546
#define DHCP6_SERVER_PORT	547
#define DHCP6_SERVERS		((struct ip_addr){ { 0xff, 2, [13] = 1, [15] = 2 } })
#define DHCP6_MAX		1452	/* the largest message we take: of an Ethernet frame */
#define DHCP6_DUID_MAX		130	/* RFC 8415 11.1 */

enum dhcp6_type {
	DHCP6_SOLICIT = 1, DHCP6_ADVERTISE, DHCP6_REQUEST, DHCP6_CONFIRM, DHCP6_RENEW,
	DHCP6_REBIND, DHCP6_REPLY, DHCP6_RELEASE, DHCP6_DECLINE, DHCP6_RECONFIGURE,
	DHCP6_INFORMATION,
};

enum {					/* RFC 8415 21.13 */
	DHCP6_SUCCESS, DHCP6_UNSPEC, DHCP6_NO_ADDRS, DHCP6_NO_BINDING, DHCP6_NOT_ON_LINK,
	DHCP6_USE_MULTICAST,
};

struct dhcp6_duid { uint8_t n, b[DHCP6_DUID_MAX]; };

struct dhcp6_msg {
	uint8_t		type;
	uint32_t	xid;		/* 24 bits */
	struct dhcp6_duid client, server;	/* n 0: not there */
	bool		rapid;
	uint8_t		preference;
	uint16_t	status;
	uint16_t	elapsed;	/* hundredths of a second */
	bool		has_elapsed;	/* clients say so, servers do not */
	uint8_t		n_ask;
	uint16_t	ask[16];
	uint32_t	sol_max_rt, inf_max_rt, refresh;	/* seconds; 0: not there */
	char		fqdn[256];
	/* Of the first IA_NA with iaid, the first address. */
	bool		has_ia, has_addr;
	uint32_t	iaid, t1, t2;
	uint16_t	ia_status;
	struct ip_addr	addr;
	uint32_t	preferred, valid;	/* seconds */
	uint8_t		n_dns;
	struct ip_addr	dns[8];
	char		search[512];	/* domains, a blank between */
};

/* False: cut, malformed, or a relay's. */
bool dhcp6_parse(struct rd *r, struct dhcp6_msg *m);
void dhcp6_emit(struct wr *w, const struct dhcp6_msg *m);

/* --- the client (RFC 8415 18.2) --- */

struct dhcp6_conf {
	struct mac	mac;
	char		fqdn[256];	/* "": tell no name */
	bool		stateless;	/* no address: a router said O and not M */
};

enum dhcp6_state {
	DHCP6_OFF,
	DHCP6_SOLICITING,
	DHCP6_REQUESTING,
	DHCP6_DECLINING,
	DHCP6_ASKING,		/* stateless */
	DHCP6_INFORMED,		/* stateless: has it, until it is old */
	DHCP6_CHECKING,		/* has an address; waits for dhcp6_checked */
	DHCP6_BOUND,
	DHCP6_RENEWING,
	DHCP6_REBINDING,
	DHCP6_N_STATES,
};

enum dhcp6_event {
	DHCP6_NOTHING,
	DHCP6_CHECK,		/* is lease.addr free? say so by dhcp6_checked */
	DHCP6_RENEWED,		/* what is in use changed */
	DHCP6_LEARNT,		/* stateless: lease.dns, lease.search */
	DHCP6_LOST,		/* stop using the address, now */
};

struct dhcp6 {
	struct dhcp6_conf conf;
	struct rng	rng;
	enum dhcp6_state state;
	uint32_t	xid;
	usec		began;		/* this exchange */
	usec		at;		/* the next thing to do */
	usec		wait;		/* the last one's; 0: it is the first */
	unsigned	tries;
	unsigned	refused;	/* in a row */
	uint32_t	sol_max_rt, inf_max_rt;
	usec		t1, t2, expires;
	struct dhcp6_msg lease;		/* the best advertisement, then the reply */
	bool		advertised;	/* lease has one */
	bool		farewell;	/* a RELEASE is to be sent */
	enum dhcp6_event event;
};

void dhcp6_init(struct dhcp6 *c, const struct dhcp6_conf *conf, const struct rng *rng);
void dhcp6_start(struct dhcp6 *c, usec now);
void dhcp6_input(struct dhcp6 *c, struct rd *r, usec now);
void dhcp6_checked(struct dhcp6 *c, bool free, usec now);
void dhcp6_stop(struct dhcp6 *c);	/* gives the lease back: run once more */
size_t dhcp6_run(struct dhcp6 *c, usec now, void *buf, size_t size);
usec dhcp6_deadline(const struct dhcp6 *c);
enum dhcp6_event dhcp6_event(struct dhcp6 *c);	/* once */
static inline bool dhcp6_bound(const struct dhcp6 *c) { return c->state >= DHCP6_BOUND; }
const char *dhcp6_state_name(const struct dhcp6 *c);

#endif
