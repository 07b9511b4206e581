/* addr.h - one address type for IPv4 and IPv6, and MAC addresses
 *
 * An IPv4 address is held as an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2),
 * so the engine compares, hashes and routes one kind of value. All zero is
 * "no address" (::); IPv4's any address is ::ffff:0.0.0.0, IP4_ANY.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <sys/socket.h>

#include "base/base.h"

struct mac { uint8_t b[6]; };

struct ip_addr { uint8_t b[16]; };

/* An address, a port and (for link-local scope) an interface. */
struct endpoint {
	struct ip_addr	addr;
	uint16_t	port;
	uint32_t	ifindex;	/* 0: any */
};

#define IP_NONE		((struct ip_addr){ { 0 } })
#define IP6_ANY		IP_NONE
#define IP4(a, b, c, d)	((struct ip_addr){ { 0,0,0,0,0,0,0,0,0,0,0xff,0xff, a,b,c,d } })
#define IP4_ANY		IP4(0, 0, 0, 0)
#define IP4_BROADCAST	IP4(255, 255, 255, 255)

#define IP_STRLEN	46	/* INET6_ADDRSTRLEN */
#define EP_STRLEN	64	/* [v6%ifindex]:port */
#define MAC_STRLEN	18

static inline bool ip_is_v4(const struct ip_addr *a)
{
	static const uint8_t pre[12] = { 0,0,0,0,0,0,0,0,0,0,0xff,0xff };

	return memcmp(a->b, pre, 12) == 0;
}

static inline bool ip_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The four bytes of an IPv4 address. */
static inline const uint8_t *ip_v4(const struct ip_addr *a) { return a->b + 12; }
struct ip_addr ip_from_v4(const uint8_t b[4]);
struct ip_addr ip_from_v6(const uint8_t b[16]);

/* ::, 0.0.0.0 */
static inline bool ip_is_any(const struct ip_addr *a)
{
	uint32_t v4;

	memcpy(&v4, ip_v4(a), 4);
	return !v4 && (ip_eq(a, &IP6_ANY) || ip_is_v4(a));
}
bool ip_is_loopback(const struct ip_addr *a);	/* 127/8, ::1 */
/* 224/4, ff00::/8 */
static inline bool ip_is_multicast(const struct ip_addr *a)
{
	return a->b[0] == 0xff || (ip_v4(a)[0] >> 4 == 14 && ip_is_v4(a));
}
bool ip_is_linklocal(const struct ip_addr *a);	/* 169.254/16, fe80::/10 */

/* True if a and net agree in the first len bits; len counts within the family
 * (0-32 for IPv4, 0-128 for IPv6), and families must agree. */
bool ip_in_prefix(const struct ip_addr *a, const struct ip_addr *net, unsigned len);
struct ip_addr ip_mask(const struct ip_addr *a, unsigned len);	/* host bits cleared */
struct ip_addr ip4_subnet_broadcast(const struct ip_addr *a, unsigned len);
unsigned ip_common_bits(const struct ip_addr *a, const struct ip_addr *b);
struct ip_addr ip6_solicited_node(const struct ip_addr *a);	/* RFC 4291 2.7.1 */
struct ip_addr ip6_linklocal_eui64(struct mac m);		/* RFC 4291 app. A */

/* Text. Parsing is strict: the whole string or false. */
bool ip_parse_text(const char *s, struct ip_addr *out);
bool ip_prefix_parse_text(const char *s, struct ip_addr *out, unsigned *len); /* needs /LEN */
const char *ip_text(const struct ip_addr *a, char buf[IP_STRLEN]);
const char *ep_text(const struct endpoint *ep, char buf[EP_STRLEN]);
bool mac_parse_text(const char *s, struct mac *out);
const char *mac_text(const struct mac *m, char buf[MAC_STRLEN]);

static inline bool mac_is_group(const struct mac *m) { return m->b[0] & 1; }
static inline bool mac_eq(const struct mac *a, const struct mac *b) { return memcmp(a, b, 6) == 0; }
bool mac_is_zero(const struct mac *m);
#define MAC_BROADCAST	((struct mac){ { 0xff,0xff,0xff,0xff,0xff,0xff } })
struct mac mac_of_multicast(const struct ip_addr *a);	/* RFC 1112 6.4, RFC 2464 7 */

/* sockaddr conversion. From: 0, -EINVAL (short), -EAFNOSUPPORT; an IPv4-mapped
 * sockaddr_in6 becomes IPv4. To: writes AF_INET or AF_INET6 as family asks
 * (AF_INET6 with an IPv4 endpoint gives the mapped form); returns the length. */
int ep_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct endpoint *ep);
socklen_t ep_to_sockaddr(const struct endpoint *ep, int family, struct sockaddr_storage *ss);

#endif
