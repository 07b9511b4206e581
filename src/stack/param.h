/* param.h - a stack's parameters, by the names of Linux's sysctls
 *
 * Per stack, changed at any time; values in the units Linux documents (bytes,
 * seconds, milliseconds as the name says). Rows live in param.c.
 */
#ifndef STACK_PARAM_H
#define STACK_PARAM_H

#include "base/base.h"

struct param {
	uint32_t ip_default_ttl;		/* 64; also IPv6 hop limit */
	uint32_t ip_local_port_range[2];	/* 32768 60999 */
	uint32_t ip_unprivileged_port_start;	/* 0: anyone may bind any port */
	uint32_t ipfrag_high_thresh;		/* bytes of fragments held, 4 MiB */
	uint32_t ipfrag_time;			/* s, 30 (v6 60 by RFC 8200) */
	uint32_t ip6frag_time;			/* s, 60 */
	uint32_t ip_nonlocal_bind;		/* 0; 1: every socket as with IP_FREEBIND, both families */
	uint32_t bindv6only;			/* 0; 1: sockets are made with IPV6_V6ONLY */
	uint32_t min_pmtu;			/* bytes, 552: a path's of IPv4 is not smaller */
	uint32_t max_hbh_opts_number, max_dst_opts_number; /* 8 in one header, padding aside */
	uint32_t icmp_echo_ignore_all, echo_ignore_all;	/* 0: pings are answered, IPv4's and IPv6's */
	uint32_t icmp_echo_ignore_broadcasts, echo_ignore_multicast; /* 1, 0: to a group or all */
	uint32_t icmp_ratelimit;		/* ms between errors to one host, 1000 per Linux; token bucket */
	uint32_t gc_thresh3;			/* neighbour entries, 1024 */
	uint32_t route_max_size;		/* routes, 4096 (Linux: ipv6/route/max_size) */
	uint32_t base_reachable_time_ms;	/* 30000 */
	uint32_t retrans_time_ms;		/* 1000 */
	uint32_t mcast_solicit, ucast_solicit;	/* questions about a neighbour, 3 */
	uint32_t delay_first_probe_time;	/* s, 5 */
	uint32_t unres_qlen;			/* packets that wait for one, 32 (Linux: 101) */
	uint32_t optimistic_dad;		/* 1 */
	uint32_t dad_transmits;			/* 1 */
	uint32_t auto_flowlabels;		/* 1: IPv6's labels by flow (RFC 6437) */
	uint32_t arp_probes;			/* before an IPv4 address is used, 0 (RFC 5227: 3; not Linux's) */
	uint32_t arp_notify;			/* an IPv4 address is announced, 1 (RFC 5227 2.3; Linux: 0) */
	uint32_t enhanced_dad;			/* 1: a nonce in probes (RFC 7527) */
	uint32_t accept_ra, autoconf;		/* 1: routers are heard (2: though forwarding), SLAAC */
	uint32_t accept_ra_defrtr, accept_ra_pinfo, accept_ra_rtr_pref, accept_ra_mtu; /* 1 */
	uint32_t accept_ra_min_hop_limit;	/* 1 */
	uint32_t accept_ra_rt_info_max_plen;	/* 128: all more specific routes (Linux: 0) */
	uint32_t accept_redirects;		/* 1, both families */
	uint32_t router_solicitation_interval;	/* s, 4; grows (RFC 7559) */
	uint32_t router_solicitation_max_interval;	/* s, 3600 */
	uint32_t max_addresses;			/* by routers' prefixes, of an interface, 16 */
	uint32_t addr_gen_mode;			/* of SLAAC: 0 EUI-64, 1 none, 2 stable (7217), 3 random */
	uint32_t linklocal_gen_mode;		/* the same for fe80::, 0 (Linux has one for both) */
	char	 stable_secret[40];		/* any word; empty: the stack's own, random */
	uint32_t use_tempaddr;			/* 0: none, 1: there are, 2: they are preferred */
	uint32_t temp_valid_lft, temp_prefered_lft, max_desync_factor;	/* s, 7 days, 1 day, 600 */
	uint32_t regen_max_retry;		/* 3 */
	uint32_t ip_forward, forwarding;	/* 0: IPv4's, IPv6's */
	uint32_t fib_multipath_hash_policy;	/* 0: addresses, 1: and ports; both families */
	uint32_t send_redirects;		/* 1, both families */
	uint32_t rp_filter;			/* 0; 1 strict, 2 loose (RFC 3704), IPv4 */
	uint32_t igmp_qrv, mld_qrv;		/* times a change is told, 2 */
	uint32_t force_igmp_version, force_mld_version;	/* 0: as the querier's */
	uint32_t igmp_max_memberships;		/* IPv4 groups of one socket, 20 */
	uint32_t igmp_max_msf, mld_max_msf;	/* sources of one filter, 10 and 64 */
	uint32_t mtu_expires;			/* s a path MTU is remembered, 600 */
	uint32_t rmem_default, wmem_default;	/* UDP, 212992 */
	uint32_t rmem_max, wmem_max;
	uint32_t tcp_mem[3], udp_mem[3];	/* pages of 4 KiB: fine again, short, limit (budget.c) */
	uint32_t stack_mem[3];			/* ours: the same of all together */
	uint32_t udp_rmem_min;			/* bytes of a queue at the limit, 4096 */
	uint32_t tcp_rmem[3];			/* 4096 131072 6291456 */
	uint32_t tcp_wmem[3];			/* 4096 65536 4194304 */
	uint32_t tcp_max_syn_backlog;		/* 512 */
	uint32_t somaxconn;			/* 4096 */
	uint32_t busy_read;			/* us that a waiting thread looks, not sleeps; 80 */
	uint32_t tcp_syncookies;		/* 0 never, 1 when the queue is full, 2 always */
	uint32_t tcp_fastopen;			/* bits, 1: clients may, 2: servers */
	uint32_t tcp_syn_retries;		/* 6 */
	uint32_t tcp_syn_linear_timeouts;	/* 4: before those, without doubling */
	uint32_t tcp_synack_retries;		/* 5 */
	uint32_t tcp_retries1;			/* timeouts that make a black hole likely, 3 */
	uint32_t tcp_retries2;			/* 15 */
	uint32_t tcp_orphan_retries;		/* 8 */
	uint32_t tcp_fin_timeout;		/* s, 60 */
	uint32_t tcp_timewait_len;		/* s, 60 (Linux: a constant) */
	uint32_t tcp_max_tw_buckets;		/* 16384; more: the oldest goes */
	uint32_t tcp_tw_reuse;			/* by connect: 0 no, 1 yes, 2 on loopback */
	uint32_t tcp_rfc1337;			/* 1: RST does not end TIME-WAIT (Linux: 0) */
	uint32_t tcp_invalid_ratelimit;		/* ms between ACKs of what is not acceptable, 500 */
	uint32_t tcp_keepalive_time;		/* s, 7200 */
	uint32_t tcp_keepalive_intvl;		/* s, 75 */
	uint32_t tcp_keepalive_probes;		/* 9 */
	uint32_t tcp_window_scaling, tcp_timestamps, tcp_sack; /* 1 */
	uint32_t tcp_rto_min_us;		/* 200000 */
	uint32_t tcp_rto_max_ms;		/* 120000 */
	uint32_t tcp_abort_on_overflow;		/* 0; 1: who finds the listener's queue full is reset */
	uint32_t tcp_dsack;			/* 1: what comes twice is told (RFC 2883) */
	uint32_t tcp_moderate_rcvbuf;		/* 1: receive buffers grow by themselves */
	uint32_t tcp_notsent_lowat;		/* as TCP_NOTSENT_LOWAT, for all; 4294967295 */
	uint32_t tcp_min_rtt_wlen;		/* s that a smallest round trip counts, 300 */
	uint32_t tcp_delack_ms;			/* 40 */
	uint32_t tcp_thin_linear_timeouts;	/* 0; 1: as TCP_THIN_LINEAR_TIMEOUTS, for all */
	uint32_t tcp_mtu_probing;		/* 0; 1: after a black hole, 2: always */
	uint32_t tcp_base_mss, tcp_mtu_probe_floor; /* where probing begins, 1024, and how low it falls, 48 */
	uint32_t tcp_min_snd_mss;		/* no segments smaller than this by others' word, 48 */
	uint32_t tcp_probe_interval;		/* s until a search is made anew, 600 */
	uint32_t tcp_probe_threshold;		/* bytes that are not worth a search, 8 */
	uint32_t tcp_ecn;			/* 2: when asked; 1 always asks, 0 never */
	uint32_t tcp_ecn_fallback;		/* 1: a SYN sent again does not ask */
	uint32_t tcp_recovery;			/* 1; bits 2: no adapting to DSACK, 4: no dupthresh */
	uint32_t tcp_early_retrans;		/* 3: tail loss probes; 0: none */
	uint32_t tcp_reordering;		/* duplicates that tell of a loss, 3 */
	uint32_t tcp_max_reordering;		/* what reordering that was seen may make of it, 300 */
	uint32_t tcp_frto;			/* 2: spurious timeouts are noticed; 0: not */
	uint32_t tcp_reo_min_us;		/* reordering window at least, 1000 */
	uint32_t tcp_pto_min_us;		/* wait for a tail loss probe at least, 2000 */
	uint32_t tcp_slow_start_after_idle;	/* 1 */
	uint32_t hystart;			/* 1: HyStart++ (Linux: of the module tcp_cubic) */
	uint32_t tcp_pacing;			/* ours: long paths are paced, 1 */
	uint32_t tcp_pacing_min_rtt_us;		/* which are long, 10000 */
	uint32_t tcp_pacing_ss_ratio, tcp_pacing_ca_ratio; /* % of cwnd per srtt, 200 120 */
	uint32_t tcp_initial_cwnd;		/* segments, 10 (RFC 6928) */
	uint32_t tcp_challenge_ack_limit;	/* per second, 1000 */
	uint32_t tcp_gso_max;			/* bytes of a super-frame, 65535 */
	char	 tcp_fastopen_key[36];		/* 32 hexadecimal digits; unset: random */
	char	 tcp_congestion_control[16];	/* cubic */
	char	 tcp_available_congestion_control[32];	/* only to be read */
	char	 tcp_allowed_congestion_control[32];	/* by TCP_CONGESTION; all */
};

void param_defaults(struct param *p);
/* 0, -ENOENT (no such name), -EINVAL (bad value). Text as in /proc/sys. */
int param_set(struct param *p, const char *name, const char *value);
int param_get(const struct param *p, const char *name, char *buf, size_t size);
/* What may be set to this value only (param_fixed.c); NULL: nothing of that name. */
const char *param_fixed(const char *last);
const char *param_name(unsigned i);	/* i-th row's name; NULL past the end */

#endif
