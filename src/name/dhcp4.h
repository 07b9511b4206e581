/* dhcp4.h - DHCP for IPv4: messages, and the client as a machine
 *
 * Messages are plain structs (RFC 2131 2, RFC 2132). The client takes messages and
 * time, gives messages and a deadline; whoever owns it has the sockets:
 *
 *	dhcp4_start(&c, now);
 *	while (for ever) {
 *		while ((n = dhcp4_run(&c, now, buf, sizeof(buf), &to)))
 *			send buf
 *		act on dhcp4_event(&c)
 *		wait for a message or dhcp4_deadline(&c)
 *		dhcp4_input(&c, message, now)
 *	}
 */
#ifndef NAME_DHCP4_H
#define NAME_DHCP4_H

#include "base/addr.h"
#include "base/cursor.h"
#include "base/rand.h"
#include "base/text.h"

#define DHCP4_SERVER_PORT	67
#define DHCP4_CLIENT_PORT	68
#define DHCP4_MAX		1472	/* the largest message we take: of an Ethernet frame */
#define DHCP4_ADDRS		4	/* of each kind kept */
#define DHCP4_ROUTES		16

enum dhcp4_type {
	DHCP4_DISCOVER = 1, DHCP4_OFFER, DHCP4_REQUEST, DHCP4_DECLINE, DHCP4_ACK, DHCP4_NAK,
	DHCP4_RELEASE, DHCP4_INFORM,
};

struct dhcp4_addrs { uint8_t n; struct ip_addr a[DHCP4_ADDRS]; };

struct dhcp4_msg {
	bool		reply;		/* by a server */
	bool		broadcast;	/* the client can take nothing else yet */
	bool		rapid;		/* RFC 4039 */
	uint8_t		type;		/* 0: not of DHCP */
	uint16_t	secs;
	uint32_t	xid;
	struct mac	mac;		/* chaddr */
	struct ip_addr	client, yours, next, relay;	/* ciaddr ...; IP4_ANY: none */
	struct ip_addr	wish, server;			/* options 50, 54; IP4_ANY: none */
	uint32_t	lease, t1, t2;			/* seconds; 0: not there */
	uint16_t	max_size;
	uint8_t		id_len, n_ask;
	uint8_t		id[32];		/* option 61; longer ones are not kept */
	uint8_t		ask[32];	/* option 55 */
	char		fqdn[256];	/* option 81, what a client calls itself */
	char		note[128];	/* option 56 */
	/* What it configures; nothing is zero, or an empty text. */
	uint8_t		prefix;		/* bits of the netmask; 0: not there */
	uint16_t	mtu;
	struct ip_addr	subnet_broadcast;
	struct dhcp4_addrs router, dns, ntp;
	uint8_t		n_route;	/* option 121 */
	bool		has_routes;	/* then routers do not count (RFC 3442) */
	struct dhcp4_route { struct ip_addr dst, gw; uint8_t len; } route[DHCP4_ROUTES];
	char		host[256], domain[256];
	char		search[512];	/* domains, a blank between */
};

/* False: not a message of BOOTP, or cut. An option that is malformed is as if it
 * were not there. emit writes all of it, RFC 951's 300 bytes at least. */
bool dhcp4_parse(struct rd *r, struct dhcp4_msg *m);
void dhcp4_emit(struct wr *w, const struct dhcp4_msg *m);

/* --- the client (RFC 2131 4.4) --- */

struct dhcp4_conf {
	struct mac	mac;
	char		fqdn[256];	/* "": tell no name */
	struct ip_addr	wish;		/* an address it had before; IP4_ANY: none */
	bool		reboot;		/* ask for that one without looking for others */
};

enum dhcp4_state {
	DHCP4_OFF,		/* start is legal here only */
	DHCP4_PAUSE,		/* a while of silence, then SELECTING */
	DHCP4_SELECTING,
	DHCP4_REQUESTING,
	DHCP4_REBOOTING,
	DHCP4_CHECKING,		/* has a lease; waits for dhcp4_checked */
	DHCP4_BOUND,
	DHCP4_RENEWING,		/* asks its server from half of the lease on */
	DHCP4_REBINDING,	/* and later all of them */
	DHCP4_N_STATES,
};

enum dhcp4_event {
	DHCP4_NOTHING,
	DHCP4_CHECK,		/* is lease.yours free? say so by dhcp4_checked */
	DHCP4_RENEWED,		/* the lease in use changed */
	DHCP4_LOST,		/* stop using it, now */
};

struct dhcp4 {
	struct dhcp4_conf conf;
	struct rng	rng;
	enum dhcp4_state state;
	uint32_t	xid;
	usec		began;		/* this attempt, for secs */
	usec		at;		/* the next thing to do */
	usec		sent;		/* the last request: a lease runs from there */
	unsigned	tries;		/* messages sent in this state */
	unsigned	refused;	/* in a row: NAKs and declines */
	usec		t1, t2, expires;
	struct dhcp4_msg lease;		/* the offer, then the ACK */
	uint8_t		farewell;	/* DHCP4_DECLINE, DHCP4_RELEASE to be sent; 0: none */
	enum dhcp4_event event;
};

/* Where a message goes; from: IP4_ANY unless to is a server's address. */
struct dhcp4_dest { struct ip_addr from, to; };

void dhcp4_init(struct dhcp4 *c, const struct dhcp4_conf *conf, const struct rng *rng);
void dhcp4_start(struct dhcp4 *c, usec now);
void dhcp4_input(struct dhcp4 *c, struct rd *r, usec now);
/* The answer to DHCP4_CHECK: nobody else has the address; else it is declined. Who
 * finds out later says so, too, and stops using it. */
void dhcp4_checked(struct dhcp4 *c, bool free, usec now);
/* Gives the lease back, if there is one: run once more. */
void dhcp4_stop(struct dhcp4 *c);
/* The length of a message to send, 0: none now. */
size_t dhcp4_run(struct dhcp4 *c, usec now, void *buf, size_t size, struct dhcp4_dest *to);
usec dhcp4_deadline(const struct dhcp4 *c);
enum dhcp4_event dhcp4_event(struct dhcp4 *c);	/* once */
static inline bool dhcp4_bound(const struct dhcp4 *c) { return c->state >= DHCP4_BOUND; }
const char *dhcp4_state_name(const struct dhcp4 *c);

#endif
