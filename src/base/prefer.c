/* prefer.c - scopes and the policy table of RFC 6724
 *
 * Of the table's rows the one with the longest prefix counts, so they stand
 * here in that order. IPv4 addresses are IPv4-mapped there as here.
 */
#include "base/prefer.h"

static bool is_site_local(const struct ip_addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0;
}

int ip_scope(const struct ip_addr *a)
{
	if (ip_is_v4(a) && ip_is_multicast(a))
		return ip_v4(a)[0] == 224 && !ip_v4(a)[1] && !ip_v4(a)[2] ?
		       SCOPE_LINK : SCOPE_GLOBAL;
	if (ip_is_multicast(a))
		return a->b[1] & 15;
	if (ip_is_linklocal(a) || ip_is_loopback(a))
		return SCOPE_LINK;
	return !ip_is_v4(a) && is_site_local(a) ? SCOPE_SITE : SCOPE_GLOBAL;
}

static const struct row {
	struct ip_addr	prefix;
	uint8_t		len, precedence, label;
} rows[] = {
	{ { { [15] = 1 } },	128, 50, 0 },
	{ { { 0 } },		96, 1, 3 },
	{ { { 0x20, 0x01 } },	32, 5, 5 },
	{ { { 0x20, 0x02 } },	16, 30, 2 },
	{ { { 0x3f, 0xfe } },	16, 1, 12 },
	{ { { 0xfe, 0xc0 } },	10, 1, 11 },
	{ { { 0xfc } },		7, 3, 13 },
	{ { { 0 } },		0, 40, 1 },
};
static const struct row mapped = { { { [10] = 0xff, 0xff } }, 96, 35, 4 };

static const struct row *row_of(const struct ip_addr *a)
{
	const struct row *r = rows;

	if (ip_is_v4(a))
		return &mapped;
	while (!ip_in_prefix(a, &r->prefix, r->len))
		r++;
	return r;
}

int ip_label(const struct ip_addr *a)
{
	return row_of(a)->label;
}

int ip_precedence(const struct ip_addr *a)
{
	return row_of(a)->precedence;
}
