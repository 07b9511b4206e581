/* param.c - a row a parameter: name, place, limits, default
 *
 * A parameter is one number, several, or a word; all are text outside, as in
 * /proc/sys. Linux files them under net.ipv4, net.ipv6.conf.NAME, net.core and
 * so on; here the last word says it all, and what stands before is accepted.
 */
#include "stack/param.h"

#include <errno.h>

#include "base/text.h"
#include "stack/tcp_cc.h"
#include "stack/tcp_fo.h"

struct row {
	const char	*name;
	uint16_t	off;
	uint8_t		n;		/* numbers; 0: a word */
	uint32_t	min, max;	/* a word: its room with the end; 1: may be empty */
	uint32_t	def[3];
};

#define AT(field)	offsetof(struct param, field)
#define NUM(field, lo, hi, def)	{ #field, AT(field), 1, lo, hi, { def } }
#define FLAG(field, def)	NUM(field, 0, 1, def)
#define WORD(field)	{ #field, AT(field), 0, sizeof(((struct param *)0)->field), 0, { 0 } }
#define WORD_OR_NONE(field) { #field, AT(field), 0, sizeof(((struct param *)0)->field), 1, { 0 } }
#define ANY		UINT32_MAX
#define BUF_MAX		(1u << 30)

static const struct row rows[] = {
	NUM(ip_default_ttl, 1, 255, 64),
	{ "ip_local_port_range", AT(ip_local_port_range), 2, 1, 65535, { 32768, 60999 } },
	NUM(ip_unprivileged_port_start, 0, 65536, 0),
	NUM(ipfrag_high_thresh, 0, BUF_MAX, 4u << 20),
	NUM(ipfrag_time, 1, 3600, 30),
	NUM(ip6frag_time, 1, 3600, 60),
	FLAG(ip_nonlocal_bind, 0),
	FLAG(bindv6only, 0),
	NUM(min_pmtu, 68, 65535, 552),
	NUM(max_hbh_opts_number, 0, 255, 8),
	NUM(max_dst_opts_number, 0, 255, 8),
	FLAG(icmp_echo_ignore_all, 0),
	FLAG(echo_ignore_all, 0),
	FLAG(icmp_echo_ignore_broadcasts, 1),
	FLAG(echo_ignore_multicast, 0),
	NUM(icmp_ratelimit, 0, 3600000, 1000),
	NUM(gc_thresh3, 1, 1u << 20, 1024),
	NUM(route_max_size, 1, 1u << 20, 4096),
	NUM(base_reachable_time_ms, 1, 86400000, 30000),
	NUM(retrans_time_ms, 1, 60000, 1000),
	NUM(mcast_solicit, 1, 16, 3),
	NUM(ucast_solicit, 1, 16, 3),
	NUM(delay_first_probe_time, 0, 3600, 5),
	NUM(unres_qlen, 1, 1000, 32),
	FLAG(optimistic_dad, 1),
	NUM(dad_transmits, 0, 16, 1),
	FLAG(auto_flowlabels, 1),
	NUM(arp_probes, 0, 16, 0),
	FLAG(arp_notify, 1),
	FLAG(enhanced_dad, 1),
	NUM(accept_ra, 0, 2, 1),
	FLAG(accept_ra_defrtr, 1),
	FLAG(accept_ra_pinfo, 1),
	FLAG(accept_ra_rtr_pref, 1),
	FLAG(accept_ra_mtu, 1),
	NUM(accept_ra_min_hop_limit, 0, 255, 1),
	NUM(accept_ra_rt_info_max_plen, 0, 128, 128),
	FLAG(accept_redirects, 1),
	NUM(router_solicitation_interval, 1, 3600, 4),
	NUM(router_solicitation_max_interval, 1, 86400, 3600),
	NUM(max_addresses, 0, 4096, 16),
	NUM(addr_gen_mode, 0, 3, 2),
	NUM(linklocal_gen_mode, 0, 3, 0),
	{ "stable_secret", AT(stable_secret), 0, sizeof(((struct param *)0)->stable_secret), 1, { 0 } },
	NUM(use_tempaddr, 0, 2, 0),
	NUM(temp_valid_lft, 1, 31536000, 604800),
	NUM(temp_prefered_lft, 1, 31536000, 86400),
	NUM(max_desync_factor, 0, 31536000, 600),
	NUM(regen_max_retry, 0, 16, 3),
	FLAG(ip_forward, 0),
	FLAG(forwarding, 0),
	NUM(fib_multipath_hash_policy, 0, 1, 0),
	FLAG(send_redirects, 1),
	NUM(rp_filter, 0, 2, 0),
	FLAG(autoconf, 1),
	NUM(igmp_qrv, 1, 7, 2),
	NUM(mld_qrv, 1, 7, 2),
	NUM(force_igmp_version, 0, 3, 0),
	NUM(force_mld_version, 0, 2, 0),
	NUM(igmp_max_memberships, 0, 65535, 20),
	NUM(igmp_max_msf, 0, 65535, 10),
	NUM(mld_max_msf, 0, 65535, 64),
	NUM(mtu_expires, 1, 86400, 600),
	NUM(rmem_default, 256, BUF_MAX, 212992),
	NUM(wmem_default, 256, BUF_MAX, 212992),
	NUM(rmem_max, 256, BUF_MAX, 212992),
	NUM(wmem_max, 256, BUF_MAX, 212992),
	{ "tcp_mem", AT(tcp_mem), 3, 0, ANY, { 24576, 32768, 49152 } },
	{ "udp_mem", AT(udp_mem), 3, 0, ANY, { 24576, 32768, 49152 } },
	{ "stack_mem", AT(stack_mem), 3, 0, ANY, { 163840, 196608, 262144 } },
	NUM(udp_rmem_min, 0, BUF_MAX, 4096),
	{ "tcp_rmem", AT(tcp_rmem), 3, 1, BUF_MAX, { 4096, 131072, 6291456 } },
	{ "tcp_wmem", AT(tcp_wmem), 3, 1, BUF_MAX, { 4096, 65536, 4194304 } },
	NUM(tcp_max_syn_backlog, 1, 1u << 20, 512),
	NUM(somaxconn, 0, 1u << 20, 4096),
	NUM(busy_read, 0, 1000000, 80),
	NUM(tcp_syncookies, 0, 2, 1),
	NUM(tcp_fastopen, 0, 0x7ff, 1),
	NUM(tcp_syn_retries, 1, 127, 6),
	NUM(tcp_syn_linear_timeouts, 0, 127, 4),
	NUM(tcp_synack_retries, 0, 255, 5),
	NUM(tcp_retries1, 0, 255, 3),
	NUM(tcp_retries2, 0, 255, 15),
	NUM(tcp_orphan_retries, 0, 255, 8),
	NUM(tcp_fin_timeout, 0, 86400, 60),
	NUM(tcp_timewait_len, 0, 86400, 60),
	NUM(tcp_max_tw_buckets, 0, ANY, 16384),
	NUM(tcp_tw_reuse, 0, 2, 2),
	FLAG(tcp_rfc1337, 1),
	NUM(tcp_invalid_ratelimit, 0, ANY, 500),
	NUM(tcp_keepalive_time, 1, 32767, 7200),
	NUM(tcp_keepalive_intvl, 1, 32767, 75),
	NUM(tcp_keepalive_probes, 1, 127, 9),
	FLAG(tcp_window_scaling, 1),
	FLAG(tcp_timestamps, 1),
	FLAG(tcp_sack, 1),
	NUM(tcp_rto_min_us, 1, 120000000, 200000),
	NUM(tcp_rto_max_ms, 1000, 120000, 120000),
	FLAG(tcp_abort_on_overflow, 0),
	FLAG(tcp_dsack, 1),
	FLAG(tcp_moderate_rcvbuf, 1),
	NUM(tcp_notsent_lowat, 0, ANY, ANY),
	NUM(tcp_min_rtt_wlen, 0, 86400, 300),
	NUM(tcp_delack_ms, 0, 500, 40),
	FLAG(tcp_thin_linear_timeouts, 0),
	NUM(tcp_mtu_probing, 0, 2, 0),
	NUM(tcp_base_mss, 48, 65535, 1024),
	NUM(tcp_min_snd_mss, 48, 65535, 48),
	NUM(tcp_mtu_probe_floor, 48, 65535, 48),
	NUM(tcp_probe_interval, 0, ANY, 600),
	NUM(tcp_probe_threshold, 0, 65535, 8),
	NUM(tcp_ecn, 0, 2, 2),
	FLAG(tcp_ecn_fallback, 1),
	NUM(tcp_recovery, 0, 7, 1),
	NUM(tcp_early_retrans, 0, 4, 3),
	NUM(tcp_reordering, 1, 300, 3),
	NUM(tcp_max_reordering, 1, 65535, 300),
	NUM(tcp_frto, 0, 2, 2),
	NUM(tcp_reo_min_us, 0, 1000000, 1000),
	NUM(tcp_pto_min_us, 1000, 1000000, 2000),
	FLAG(tcp_slow_start_after_idle, 1),
	FLAG(hystart, 1),
	FLAG(tcp_pacing, 1),
	NUM(tcp_pacing_min_rtt_us, 0, 1000000000, 10000),
	NUM(tcp_pacing_ss_ratio, 1, 1000, 200),
	NUM(tcp_pacing_ca_ratio, 1, 1000, 120),
	NUM(tcp_initial_cwnd, 1, 1000, 10),
	NUM(tcp_challenge_ack_limit, 0, ANY, 1000),
	NUM(tcp_gso_max, 1, 65535, 65535),
	WORD_OR_NONE(tcp_fastopen_key),
	WORD(tcp_congestion_control),
	WORD(tcp_available_congestion_control),
	WORD(tcp_allowed_congestion_control),
};

static uint32_t *num_of(struct param *p, const struct row *r)
{
	return (uint32_t *)(void *)((char *)p + r->off);
}

/* What stands before says nothing. */
static const char *last_word(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && !strncmp(name, "net.", 4) ? dot + 1 : name;
}

static const struct row *row_of(const char *name)
{
	name = last_word(name);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	}
	return NULL;
}

void param_defaults(struct param *p)
{
	memset(p, 0, sizeof(*p));
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		for (unsigned k = 0; k < rows[i].n; k++)
			num_of(p, &rows[i])[k] = rows[i].def[k];
	}
	strcpy(p->tcp_congestion_control, "cubic");
	strcpy(p->tcp_available_congestion_control, tcp_cc_names);
	strcpy(p->tcp_allowed_congestion_control, tcp_cc_names);
}

static bool word_fits(const struct row *r, const char *value)
{
	if (r->off == AT(tcp_fastopen_key))
		return !*value || tcp_fo_key_ok(value);
	if (r->off == AT(tcp_available_congestion_control))
		return !strcmp(value, tcp_cc_names);	/* it is as it is */
	if (r->off == AT(tcp_allowed_congestion_control))
		return tcp_cc_listed(tcp_cc_names, value);
	return !value[strcspn(value, " \t\n")];
}

static int word_set(char *to, const struct row *r, const char *value)
{
	size_t n = strlen(value);

	if (n < !r->max || n >= r->min || !word_fits(r, value))
		return -EINVAL;
	memcpy(to, value, n + 1);
	return 0;
}

/* The next number of the text, which moves on; false: none, or out of range. */
static bool next_num(const char **s, const struct row *r, uint32_t *out)
{
	char word[16];
	uint64_t v;
	size_t n;

	*s += strspn(*s, " \t\n");
	n = strcspn(*s, " \t\n");
	if (!n || n >= sizeof(word))
		return false;
	memcpy(word, *s, n);
	word[n] = 0;
	*s += n;
	if (!num_parse(word, r->min, r->max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

static int fixed_set(const char *name, const char *value)
{
	const char *is = param_fixed(last_word(name));

	if (!is)
		return -ENOENT;
	return strcmp(is, value) ? -EINVAL : 0;
}

int param_set(struct param *p, const char *name, const char *value)
{
	const struct row *r = row_of(name);
	uint32_t v[3];

	if (!r)
		return fixed_set(name, value);
	if (!r->n)
		return word_set((char *)p + r->off, r, value);
	for (unsigned i = 0; i < r->n; i++) {
		if (!next_num(&value, r, &v[i]) || (i && v[i] < v[i - 1]))
			return -EINVAL;
	}
	if (value[strspn(value, " \t\n")])
		return -EINVAL;
	memcpy(num_of(p, r), v, r->n * sizeof(v[0]));
	return 0;
}

int param_get(const struct param *p, const char *name, char *buf, size_t size)
{
	const struct row *r = row_of(name);
	const char *fixed = r ? NULL : param_fixed(last_word(name));
	struct text t = text_of(buf, size);
	uint32_t v;

	if (!r && !fixed)
		return -ENOENT;
	if (fixed || !r->n)
		text_add(&t, "%s", fixed ? fixed : (const char *)p + r->off);
	for (unsigned i = 0; r && i < r->n; i++) {
		memcpy(&v, (const char *)p + r->off + i * sizeof(v), sizeof(v));
		text_add(&t, "%s%u", i ? " " : "", v);
	}
	return t.cut ? -ENOSPC : 0;
}

const char *param_name(unsigned i)
{
	return i < ARRAY_LEN(rows) ? rows[i].name : NULL;
}
