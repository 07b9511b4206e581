/* procnet_snmp.c - the stack's counters as /proc/net/snmp, snmp6, netstat and sockstat
 *
 * Read by netstat -s, nstat, ss -s and others, which go by the names in the head lines,
 * so what a stack does not count is left out. Packets that were refused are in the
 * table of reasons (drop.h); here they are told by the names of RFC 4293, 4022, 4113.
 */
#include "node/procnet.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "node/rtnl_in.h"
#include "proto/proto.h"
#include "stack/frag.h"
#include "stack/sock_table.h"
#include "stack/tcp.h"

/* A name and its number. */
struct figure {
	char		name[32];
	uint64_t	n;
};

struct table {
	struct figure	f[96];
	unsigned	n;
};

static void add(struct table *t, const char *way, const char *name, uint64_t n)
{
	struct figure *f = &t->f[t->n];

	if (t->n == ARRAY_LEN(t->f))
		return;
	snprintf(f->name, sizeof(f->name), "%s%s", way, name);
	f->n = n;
	t->n++;
}

/* A line of names, a line of numbers. */
static void put_lines(FILE *f, const char *head, struct table *t)
{
	fprintf(f, "%s:", head);
	for (unsigned i = 0; i < t->n; i++)
		fprintf(f, " %s", t->f[i].name);
	fprintf(f, "\n%s:", head);
	for (unsigned i = 0; i < t->n; i++)
		fprintf(f, " %lld", (long long)t->f[i].n);	/* MaxConn: -1 */
	fputc('\n', f);
	t->n = 0;
}

/* A line for each. */
static void put_column(FILE *f, const char *head, struct table *t)
{
	for (unsigned i = 0; i < t->n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s", head, t->f[i].name);
		fprintf(f, "%-32s\t%llu\n", name, (unsigned long long)t->f[i].n);
	}
	t->n = 0;
}

/* --- what there is of each protocol --- */

static uint64_t dropped(const struct stack *st, bool v4, enum drop why)
{
	return v4 ? st->drops[why] - st->drops6[why] : st->drops6[why];
}

static uint64_t of_ip(const struct stack *st, bool v4, enum ip_count what)
{
	return st->mib.ip[v4][what];
}

static void take_ip(struct table *t, const struct stack *st, bool v4)
{
	uint64_t late = dropped(st, v4, DROP_FRAG_TIMEOUT);

	add(t, "", "InReceives", of_ip(st, v4, IP_InReceives));
	add(t, "", "InHdrErrors", dropped(st, v4, DROP_IP4_SHORT) + dropped(st, v4, DROP_IP4_SUM) +
	    dropped(st, v4, DROP_IP4_OPTIONS) + dropped(st, v4, DROP_IP6_SHORT) +
	    dropped(st, v4, DROP_IP6_EXT) + dropped(st, v4, DROP_IP_TTL));
	add(t, "", "InAddrErrors", dropped(st, v4, DROP_IP_MARTIAN) + dropped(st, v4, DROP_IP_NOT_OURS));
	add(t, "", v4 ? "ForwDatagrams" : "OutForwDatagrams", of_ip(st, v4, IP_ForwDatagrams));
	add(t, "", "InUnknownProtos", dropped(st, v4, DROP_IP_PROTO));
	add(t, "", "InDiscards", dropped(st, v4, DROP_IP_RPF));
	add(t, "", "InDelivers", of_ip(st, v4, IP_InDelivers));
	add(t, "", "OutRequests", of_ip(st, v4, IP_OutRequests));
	add(t, "", "OutDiscards", dropped(st, v4, DROP_NEIGH_FULL) + dropped(st, v4, DROP_NETIF_FULL));
	add(t, "", "OutNoRoutes", of_ip(st, v4, IP_OutNoRoutes));
	add(t, "", "ReasmTimeout", late);
	add(t, "", "ReasmReqds", of_ip(st, v4, IP_ReasmReqds));
	add(t, "", "ReasmOKs", of_ip(st, v4, IP_ReasmOKs));
	add(t, "", "ReasmFails", late + dropped(st, v4, DROP_FRAG_BAD) +
	    dropped(st, v4, DROP_FRAG_OVERLAP) + dropped(st, v4, DROP_FRAG_FULL));
	add(t, "", "FragOKs", of_ip(st, v4, IP_FragOKs));
	add(t, "", "FragFails", dropped(st, v4, DROP_IP_TOO_BIG));
	add(t, "", "FragCreates", of_ip(st, v4, IP_FragCreates));
}

static void take_octets(struct table *t, const struct stack *st, bool v4)
{
	add(t, "", "InMcastPkts", of_ip(st, v4, IP_InMcastPkts));
	add(t, "", "OutMcastPkts", of_ip(st, v4, IP_OutMcastPkts));
	if (v4)
		add(t, "", "InBcastPkts", of_ip(st, v4, IP_InBcastPkts));
	add(t, "", "InOctets", of_ip(st, v4, IP_InOctets));
	add(t, "", "OutOctets", of_ip(st, v4, IP_OutOctets));
}

/* ICMP's types by name, in Linux's order. */
struct icmp_type {
	const char	*name;
	uint8_t		type;
};

static const struct icmp_type types4[] = {
	{ "DestUnreachs", ICMP4_UNREACH }, { "TimeExcds", ICMP4_TIME_EXCEEDED },
	{ "ParmProbs", ICMP4_PARAM }, { "SrcQuenchs", 4 }, { "Redirects", ICMP4_REDIRECT },
	{ "Echos", ICMP4_ECHO }, { "EchoReps", ICMP4_ECHO_REPLY }, { "Timestamps", 13 },
	{ "TimestampReps", 14 }, { "AddrMasks", 17 }, { "AddrMaskReps", 18 },
};

static const struct icmp_type types6[] = {
	{ "DestUnreachs", ICMP6_UNREACH }, { "PktTooBigs", ICMP6_TOO_BIG },
	{ "TimeExcds", ICMP6_TIME_EXCEEDED }, { "ParmProblems", ICMP6_PARAM },
	{ "Echos", ICMP6_ECHO }, { "EchoReplies", ICMP6_ECHO_REPLY },
	{ "GroupMembQueries", MLD_QUERY }, { "GroupMembResponses", MLD1_REPORT },
	{ "GroupMembReductions", 132 }, { "RouterSolicits", ND_RS },
	{ "RouterAdvertisements", ND_RA }, { "NeighborSolicits", ND_NS },
	{ "NeighborAdvertisements", ND_NA }, { "Redirects", ND_REDIRECT },
	{ "MLDv2Reports", 143 },
};

static void take_types(struct table *t, const struct stack *st, bool v4, bool out)
{
	const struct icmp_type *row = v4 ? types4 : types6;
	unsigned n = v4 ? ARRAY_LEN(types4) : ARRAY_LEN(types6);

	for (unsigned i = 0; i < n; i++)
		add(t, out ? "Out" : "In", row[i].name,
		    st->mib.icmp[v4][out][icmp_kind(v4, row[i].type)]);
}

static uint64_t icmp_all(const struct stack *st, bool v4, bool out)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ICMP_KINDS; i++)
		sum += st->mib.icmp[v4][out][i];
	return sum;
}

static void take_icmp(struct table *t, const struct stack *st, bool v4)
{
	uint64_t sums = dropped(st, v4, DROP_ICMP_SUM);

	add(t, "", "InMsgs", icmp_all(st, v4, false));
	add(t, "", "InErrors", sums + dropped(st, v4, DROP_ICMP_SHORT) + dropped(st, v4, DROP_ND_BAD));
	add(t, "", "InCsumErrors", sums);
	take_types(t, st, v4, false);
	add(t, "", "OutMsgs", icmp_all(st, v4, true));
	add(t, "", "OutErrors", 0);
	take_types(t, st, v4, true);
}

static void take_udp(struct table *t, const struct stack *st, bool v4)
{
	uint64_t full = dropped(st, v4, DROP_SOCK_FULL), sums = dropped(st, v4, DROP_UDP_SUM);

	add(t, "", "InDatagrams", of_ip(st, v4, IP_UdpInDatagrams) - full);
	add(t, "", "NoPorts", dropped(st, v4, DROP_UDP_NO_SOCK));
	add(t, "", "InErrors", full + sums + dropped(st, v4, DROP_UDP_SHORT));
	add(t, "", "OutDatagrams", of_ip(st, v4, IP_UdpOutDatagrams));
	add(t, "", "RcvbufErrors", full);
	add(t, "", "SndbufErrors", 0);
	add(t, "", "InCsumErrors", sums);
}

static const char *const tcp_names[] = {
#define X(name) #name,
	TCP_COUNTS(X) TCP_MORE_COUNTS(X)
#undef X
};
static_assert(ARRAY_LEN(tcp_names) == N_TCP_COUNTS, "a name for each");

static bool is_current(const struct sock *so)
{
	const struct tcpc *tc = tcpc_of(so);

	return so->proto == IPPROTO_TCP && so->type == SOCK_STREAM &&
	       (tc->state == TCP_ESTABLISHED || tc->state == TCP_CLOSE_WAIT);
}

static unsigned current(struct stack *st)
{
	unsigned n = 0;

	for (struct sock *so = sock_next(st, NULL); so; so = sock_next(st, so))
		n += so->type == SOCK_STREAM && is_current(so);
	return n;
}

static void take_tcp(struct table *t, struct stack *st)
{
	const uint64_t *n = st->mib.tcp;

	add(t, "", "RtoAlgorithm", 1);
	add(t, "", "RtoMin", st->param.tcp_rto_min_us / 1000);
	add(t, "", "RtoMax", 120000);
	add(t, "", "MaxConn", UINT64_MAX);
	for (unsigned i = 0; i <= TCP_EstabResets; i++)
		add(t, "", tcp_names[i], n[i]);
	add(t, "", "CurrEstab", current(st));
	add(t, "", "InSegs", n[TCP_InSegs]);
	add(t, "", "OutSegs", n[TCP_OutSegs]);
	add(t, "", "RetransSegs", n[TCP_RetransSegs]);
	add(t, "", "InErrs", st->drops[DROP_TCP_SHORT] + st->drops[DROP_TCP_SUM]);
	add(t, "", "OutRsts", n[TCP_OutRsts]);
	add(t, "", "InCsumErrors", st->drops[DROP_TCP_SUM]);
}

static void take_tcp_more(struct table *t, const struct stack *st)
{
	const uint64_t *d = st->drops;

	for (unsigned i = TCP_OutRsts + 1; i < N_TCP_COUNTS; i++) {
		uint64_t again = i == TCP_TCPOrigDataSent ? st->mib.tcp[TCP_RetransSegs] : 0;

		add(t, "", tcp_names[i], st->mib.tcp[i] - MIN(again, st->mib.tcp[i]));
	}
	add(t, "", "PAWSEstab", d[DROP_TCP_PAWS]);
	add(t, "", "ListenOverflows", d[DROP_TCP_BACKLOG]);
	add(t, "", "ListenDrops", d[DROP_TCP_BACKLOG] + d[DROP_TCP_SYN_FULL]);
	add(t, "", "TCPReqQFullDrop", d[DROP_TCP_SYN_FULL]);
	add(t, "", "OfoPruned", d[DROP_TCP_OFO_PRUNED]);
	add(t, "", "TCPOFODrop", d[DROP_TCP_OOO_FULL]);
	add(t, "", "TCPRcvQDrop", d[DROP_TCP_RCVQ_DROP]);
	add(t, "", "TCPMinTTLDrop", d[DROP_TCP_TTL]);
	add(t, "", "IPReversePathFilter", d[DROP_IP_RPF]);
	add(t, "", "TCPMemoryPressures", st->budget[BUDGET_TCP].pressures);
}

/* --- the files --- */

void procnet_snmp(FILE *f, struct stack *st)
{
	struct table t = { .n = 0 };

	add(&t, "", "Forwarding", st->param.ip_forward ? 1 : 2);
	add(&t, "", "DefaultTTL", st->param.ip_default_ttl);
	take_ip(&t, st, true);
	put_lines(f, "Ip", &t);
	take_icmp(&t, st, true);
	put_lines(f, "Icmp", &t);
	take_tcp(&t, st);
	put_lines(f, "Tcp", &t);
	take_udp(&t, st, true);
	put_lines(f, "Udp", &t);
}

void procnet_snmp6(FILE *f, struct stack *st)
{
	struct table t = { .n = 0 };

	take_ip(&t, st, false);
	take_octets(&t, st, false);
	put_column(f, "Ip6", &t);
	take_icmp(&t, st, false);
	put_column(f, "Icmp6", &t);
	take_udp(&t, st, false);
	put_column(f, "Udp6", &t);
}

void procnet_netstat(FILE *f, struct stack *st)
{
	struct table t = { .n = 0 };

	take_tcp_more(&t, st);
	put_lines(f, "TcpExt", &t);
	take_octets(&t, st, true);
	put_lines(f, "IpExt", &t);
}

/* --- sockets in use --- */

struct use {
	unsigned	tcp, orphans, udp, raw;
};

static struct use use_of(struct stack *st, int family)
{
	struct use u = { 0 };

	for (struct sock *so = sock_next(st, NULL); so; so = sock_next(st, so)) {
		if (family && so->family != family)
			continue;
		if (so->type == SOCK_STREAM) {
			u.tcp++;
			u.orphans += tcpc_of(so)->orphan;
		} else if (so->type == SOCK_RAW) {
			u.raw++;
		} else {
			u.udp += so->proto == IPPROTO_UDP;
		}
	}
	return u;
}

/* Memory is told in pages. */
static unsigned pages(const struct stack *st, enum budget_of b)
{
	return (unsigned)((st->budget[b].used + 4095) / 4096);
}

void procnet_sockstat(FILE *f, struct stack *st)
{
	struct use all = use_of(st, 0), u = use_of(st, AF_INET);
	unsigned tw = st->tcp->tw.map.count;

	fprintf(f, "sockets: used %u\n", st->socks->count);
	fprintf(f, "TCP: inuse %u orphan %u tw %u alloc %u mem %u\n", u.tcp, all.orphans, tw, all.tcp,
		pages(st, BUDGET_TCP));
	fprintf(f, "UDP: inuse %u mem %u\nUDPLITE: inuse 0\nRAW: inuse %u\n", u.udp,
		pages(st, BUDGET_UDP), u.raw);
	fprintf(f, "FRAG: inuse %u memory %zu\n", frag_held(st) > 0, frag_held(st));
}

void procnet_sockstat6(FILE *f, struct stack *st)
{
	struct use u = use_of(st, AF_INET6);

	fprintf(f, "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\nRAW6: inuse %u\n"
		   "FRAG6: inuse 0 memory 0\n", u.tcp, u.udp, u.raw);
}

/* --- for ioth_statistics --- */

static void tell(struct table *t, const char *head, procnet_figure_fn *each, void *arg)
{
	for (unsigned i = 0; i < t->n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s.%s", head, t->f[i].name);
		each(arg, name, t->f[i].n);
	}
	t->n = 0;
}

void procnet_figures(struct stack *st, procnet_figure_fn *each, void *arg)
{
	struct table t = { .n = 0 };

	for (int v4 = 1; v4 >= 0; v4--) {
		take_ip(&t, st, v4);
		take_octets(&t, st, v4);
		tell(&t, v4 ? "Ip" : "Ip6", each, arg);
		take_icmp(&t, st, v4);
		tell(&t, v4 ? "Icmp" : "Icmp6", each, arg);
		take_udp(&t, st, v4);
		tell(&t, v4 ? "Udp" : "Udp6", each, arg);
	}
	take_tcp(&t, st);
	tell(&t, "Tcp", each, arg);
	take_tcp_more(&t, st);
	tell(&t, "TcpExt", each, arg);
}
