/* addr.c - addresses: classes, prefixes, text, sockaddr
 *
 * Prefix lengths are the family's own (10.0.0.0/8, not ::ffff:10.0.0.0/104);
 * v4_bits turns them into bits of the 128 once, and everything below works on
 * those.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/text.h"

#define V4_BITS	96	/* of the mapped prefix */

struct ip_addr ip_from_v4(const uint8_t b[4])
{
	return IP4(b[0], b[1], b[2], b[3]);
}

struct ip_addr ip_from_v6(const uint8_t b[16])
{
	struct ip_addr a;

	memcpy(a.b, b, 16);
	return a;
}

bool ip_is_loopback(const struct ip_addr *a)
{
	static const struct ip_addr one = { { [15] = 1 } };

	return ip_is_v4(a) ? ip_v4(a)[0] == 127 : ip_eq(a, &one);
}

bool ip_is_linklocal(const struct ip_addr *a)
{
	if (ip_is_v4(a))
		return ip_v4(a)[0] == 169 && ip_v4(a)[1] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

unsigned ip_common_bits(const struct ip_addr *a, const struct ip_addr *b)
{
	unsigned i = 0;

	if (ip_is_v4(a) != ip_is_v4(b))
		return 0;
	while (i < 16 && a->b[i] == b->b[i])
		i++;
	i = i == 16 ? 128 : i * 8 + (unsigned)__builtin_clz(a->b[i] ^ b->b[i]) - 24;
	return ip_is_v4(a) ? i - V4_BITS : i;
}

bool ip_in_prefix(const struct ip_addr *a, const struct ip_addr *net, unsigned len)
{
	return ip_is_v4(a) == ip_is_v4(net) && ip_common_bits(a, net) >= len;
}

/* The bits of 128 that a prefix of the address's own family covers. */
static unsigned all_bits(const struct ip_addr *a, unsigned len)
{
	return MIN(ip_is_v4(a) ? len + V4_BITS : len, 128);
}

/* The part of byte i that lies in the first n bits. */
static uint8_t mask_byte(unsigned n, unsigned i)
{
	unsigned in = n > i * 8 ? MIN(n - i * 8, 8) : 0;

	return (uint8_t)(0xff00 >> in);
}

struct ip_addr ip_mask(const struct ip_addr *a, unsigned len)
{
	unsigned n = all_bits(a, len);
	struct ip_addr m;

	for (unsigned i = 0; i < 16; i++)
		m.b[i] = a->b[i] & mask_byte(n, i);
	return m;
}

struct ip_addr ip4_subnet_broadcast(const struct ip_addr *a, unsigned len)
{
	unsigned n = all_bits(a, len);
	struct ip_addr m;

	for (unsigned i = 0; i < 16; i++)
		m.b[i] = a->b[i] | (uint8_t)~mask_byte(n, i);
	return m;
}

struct ip_addr ip6_solicited_node(const struct ip_addr *a)
{
	return (struct ip_addr){ { 0xff, 0x02, [11] = 1, 0xff,
				   a->b[13], a->b[14], a->b[15] } };
}

struct ip_addr ip6_linklocal_eui64(struct mac m)
{
	return (struct ip_addr){ { 0xfe, 0x80, [8] = m.b[0] ^ 2, m.b[1], m.b[2],
				   0xff, 0xfe, m.b[3], m.b[4], m.b[5] } };
}

bool ip_parse_text(const char *s, struct ip_addr *out)
{
	uint8_t b[16];

	if (inet_pton(AF_INET, s, b) == 1)
		*out = ip_from_v4(b);
	else if (inet_pton(AF_INET6, s, b) == 1)
		*out = ip_from_v6(b);
	else
		return false;
	return true;
}

bool ip_prefix_parse_text(const char *s, struct ip_addr *out, unsigned *len)
{
	const char *slash = strchr(s, '/');
	char host[IP_STRLEN];
	struct ip_addr a;
	uint64_t n;

	if (!slash || (size_t)(slash - s) >= sizeof(host))
		return false;
	memcpy(host, s, (size_t)(slash - s));
	host[slash - s] = 0;
	if (!ip_parse_text(host, &a) ||
	    !num_parse(slash + 1, 0, ip_is_v4(&a) ? 32 : 128, &n))
		return false;
	*out = a;
	*len = (unsigned)n;
	return true;
}

const char *ip_text(const struct ip_addr *a, char buf[IP_STRLEN])
{
	if (ip_is_v4(a))
		inet_ntop(AF_INET, ip_v4(a), buf, IP_STRLEN);
	else
		inet_ntop(AF_INET6, a->b, buf, IP_STRLEN);
	return buf;
}

const char *ep_text(const struct endpoint *ep, char buf[EP_STRLEN])
{
	struct text t = text_of(buf, EP_STRLEN);
	char ip[IP_STRLEN];

	ip_text(&ep->addr, ip);
	if (ip_is_v4(&ep->addr))
		text_add(&t, "%s:%u", ip, ep->port);
	else if (ep->ifindex)
		text_add(&t, "[%s%%%u]:%u", ip, ep->ifindex, ep->port);
	else
		text_add(&t, "[%s]:%u", ip, ep->port);
	return buf;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool mac_parse_text(const char *s, struct mac *out)
{
	struct mac m;

	if (strlen(s) != MAC_STRLEN - 1)
		return false;
	for (int i = 0; i < 6; i++, s += 3) {
		int hi = hex_digit(s[0]), lo = hex_digit(s[1]);

		if (hi < 0 || lo < 0 || s[2] != (i < 5 ? ':' : 0))
			return false;
		m.b[i] = (uint8_t)(hi << 4 | lo);
	}
	*out = m;
	return true;
}

const char *mac_text(const struct mac *m, char buf[MAC_STRLEN])
{
	snprintf(buf, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x",
		 m->b[0], m->b[1], m->b[2], m->b[3], m->b[4], m->b[5]);
	return buf;
}

bool mac_is_zero(const struct mac *m)
{
	static const struct mac zero;

	return mac_eq(m, &zero);
}

struct mac mac_of_multicast(const struct ip_addr *a)
{
	const uint8_t *b = a->b;

	if (ip_is_v4(a))	/* RFC 1112 6.4: the low 23 bits */
		return (struct mac){ { 0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15] } };
	return (struct mac){ { 0x33, 0x33, b[12], b[13], b[14], b[15] } };
}

static int from_in(const struct sockaddr_in *sin, struct endpoint *ep)
{
	*ep = (struct endpoint){
		.addr = ip_from_v4((const uint8_t *)&sin->sin_addr),
		.port = ntohs(sin->sin_port),
	};
	return 0;
}

/* RFC 2133's sockaddr_in6, still in use, ends before the scope. */
static int from_in6(const struct sockaddr_in6 *sin6, socklen_t len, struct endpoint *ep)
{
	*ep = (struct endpoint){
		.addr = ip_from_v6(sin6->sin6_addr.s6_addr),
		.port = ntohs(sin6->sin6_port),
		.ifindex = len >= sizeof(*sin6) ? sin6->sin6_scope_id : 0,
	};
	return 0;
}

int ep_from_sockaddr(const struct sockaddr *sa, socklen_t len, struct endpoint *ep)
{
	struct sockaddr_storage ss = { 0 };	/* the caller's may be unaligned */

	if (len < sizeof(sa->sa_family))
		return -EINVAL;
	memcpy(&ss, sa, MIN(len, sizeof(ss)));
	if (ss.ss_family != AF_INET && ss.ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	if (ss.ss_family == AF_INET && len >= sizeof(struct sockaddr_in))
		return from_in((const void *)&ss, ep);
	if (ss.ss_family == AF_INET6 && len >= offsetof(struct sockaddr_in6, sin6_scope_id))
		return from_in6((const void *)&ss, len, ep);
	return -EINVAL;
}

/* A scope means something only where the address needs one (RFC 4007 6). */
static uint32_t scope_of(const struct endpoint *ep)
{
	bool scoped = ip_is_linklocal(&ep->addr) || ip_is_multicast(&ep->addr);

	return scoped && !ip_is_v4(&ep->addr) ? ep->ifindex : 0;
}

socklen_t ep_to_sockaddr(const struct endpoint *ep, int family, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (family == AF_INET) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(ep->port);
		memcpy(&sin->sin_addr, ip_v4(&ep->addr), 4);
		return sizeof(*sin);
	}
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(ep->port);
	memcpy(&sin6->sin6_addr, ep->addr.b, 16);
	sin6->sin6_scope_id = scope_of(ep);
	return sizeof(*sin6);
}
