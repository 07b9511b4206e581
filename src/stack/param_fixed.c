/* param_fixed.c - parameters of Linux that have one value here
 *
 * A program or script that sets what holds anyway is not refused; another value is, for
 * nothing would follow from it. All of Linux's are told of in doc/parameters.md.
 */
#include "stack/param.h"

static const struct { const char *name, *value; } rows[] = {
	{ "accept_dad", "1" },
	{ "accept_local", "0" },
	{ "accept_ra_from_local", "0" },
	{ "accept_ra_min_lft", "0" },
	{ "accept_ra_rt_info_min_plen", "0" },
	{ "accept_source_route", "0" },
	{ "accept_untracked_na", "0" },
	{ "anycast_src_echo_reply", "0" },
	{ "arp_accept", "0" },
	{ "arp_filter", "0" },
	{ "arp_ignore", "1" },
	{ "bc_forwarding", "0" },
	{ "bootp_relay", "0" },
	{ "drop_gratuitous_arp", "0" },
	{ "drop_unicast_in_l2_multicast", "0" },
	{ "drop_unsolicited_na", "0" },
	{ "force_forwarding", "0" },
	{ "fwmark_reflect", "0" },
	{ "icmp_errors_use_inbound_ifaddr", "0" },
	{ "icmp_ignore_bogus_error_responses", "1" },
	{ "ip_dynaddr", "0" },
	{ "ip_forward_use_pmtu", "0" },
	{ "ip_no_pmtu_disc", "0" },
	{ "keep_addr_on_down", "0" },
	{ "log_martians", "0" },
	{ "mc_forwarding", "0" },
	{ "ndisc_tclass", "0" },
	{ "proxy_arp", "0" },
	{ "proxy_arp_pvlan", "0" },
	{ "proxy_ndp", "0" },
	{ "ra_honor_pio_life", "0" },
	{ "ra_honor_pio_pflag", "0" },
	{ "route_localnet", "0" },
	{ "router_solicitations", "-1" },
	{ "src_valid_mark", "0" },
	{ "suppress_frag_ndisc", "1" },
	{ "tcp_fwmark_accept", "0" },
	{ "tcp_low_latency", "0" },
	{ "tcp_plb_enabled", "0" },
	{ "tcp_reflect_tos", "0" },
	{ "tcp_shrink_window", "0" },
	{ "tcp_stdurg", "0" },
	{ "tcp_workaround_signed_windows", "0" },
	{ "tstamp_allow_data", "1" },
	{ "use_oif_addrs_only", "0" },
};

const char *param_fixed(const char *last)
{
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		if (!strcmp(rows[i].name, last))
			return rows[i].value;
	}
	return NULL;
}
