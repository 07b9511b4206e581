/* report.c - the tables a node shows
 *
 * A table is a function that prints its rows; the first line names the columns.
 * Names and locators come from the user's command line: bytes that would break
 * a line or a column are shown as '?'.
 */
#include "node/report.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "stack/neigh.h"
#include "stack/sock.h"
#include "stack/tcp_tw.h"

#define N_SHOWN(v)	((v) ? (v) : "-")

static void put_word(FILE *out, const char *s)
{
	for (; *s; s++)
		putc((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s, out);
}

static const char *addr_or_any(const struct ip_addr *a, char buf[IP_STRLEN])
{
	return ip_eq(a, &IP_NONE) ? "-" : ip_text(a, buf);
}

/* Comma-separated; comma goes before the first. Returns what goes before the next. */
static const char *put_addrs(const struct netif *nif, const char *comma, FILE *out)
{
	char text[IP_STRLEN];

	list_for(l, &nif->addrs) {
		const struct netif_addr *a = container_of(l, struct netif_addr, link);

		fprintf(out, "%s%s/%u", comma, ip_text(&a->addr, text), a->len);
		comma = ",";
	}
	return comma;
}

static void table_nodes(struct stack *st, const struct report_node *who, FILE *out)
{
	const char *comma = "";
	unsigned n = 0;

	for (struct sock *so = NULL; (so = sock_next(st, so)); )
		n++;
	fprintf(out, "pid\tname\tprogram\tlauncher\tsockets\tnets\taddresses\n%d\t",
		(int)who->pid);
	put_word(out, N_SHOWN(who->name));
	putc('\t', out);
	put_word(out, N_SHOWN(who->program));
	fprintf(out, "\t%d\t%u\t", (int)who->launcher, n);
	for (int i = 0; i < who->n_nets; i++) {
		if (i)
			putc(',', out);
		put_word(out, who->nets[i]);
	}
	putc('\t', out);
	list_for(l, &st->netifs) {
		const struct netif *nif = container_of(l, struct netif, link);

		if (nif != st->lo)
			comma = put_addrs(nif, comma, out);
	}
	fputs(*comma ? "\n" : "-\n", out);
}

static const char *proto_name(const struct sock *so)
{
	if (so->family == AF_PACKET)
		return "packet";
	if (so->type == SOCK_RAW)
		return "raw";
	return so->proto == IPPROTO_TCP ? "tcp" : so->proto == IPPROTO_UDP ? "udp" : "icmp";
}

static void put_end(FILE *out, const struct endpoint *ep)
{
	char text[EP_STRLEN];

	fprintf(out, "\t%s", ep->port ? ep_text(ep, text) : "-");
}

static void put_tcp(FILE *out, struct sock *so)
{
	struct tcp_info ti;
	socklen_t len = sizeof(ti);

	memset(&ti, 0, sizeof(ti));
	if (so->proto != IPPROTO_TCP || so->listening ||
	    sock_getopt(so, IPPROTO_TCP, TCP_INFO, &ti, &len) < 0) {
		fputs("\t-\t-\t-\n", out);
		return;
	}
	fprintf(out, "\t%u\t%u\t%u\n", ti.tcpi_rtt, ti.tcpi_snd_cwnd, ti.tcpi_total_retrans);
}

/* They are not sockets any more, but who looks for a port wants to see them. */
static void put_time_waits(struct stack *st, FILE *out)
{
	struct endpoint l, r;

	for (const struct tcp_tw *tw = NULL; (tw = tcp_tw_next(st, tw, &l, &r)); ) {
		fputs("tcp\tTIME-WAIT", out);
		put_end(out, &l);
		put_end(out, &r);
		fputs("\t-\t-\t-\n", out);
	}
}

static void table_sockets(struct stack *st, const struct report_node *who, FILE *out)
{
	fputs("proto\tstate\tlocal\tpeer\trtt_us\tcwnd\tretrans\n", out);
	for (struct sock *so = NULL; (so = sock_next(st, so)); ) {
		fprintf(out, "%s\t%s", proto_name(so), sock_state_name(so));
		put_end(out, &so->local);
		put_end(out, &so->remote);
		put_tcp(out, so);
	}
	put_time_waits(st, out);
}

static void table_drops(struct stack *st, const struct report_node *who, FILE *out)
{
	fputs("reason\tcount\tmeaning\n", out);
	for (enum drop d = DROP_NONE + 1; d < N_DROPS; d++) {
		if (st->drops[d])
			fprintf(out, "%s\t%llu\t%s\n", drop_name(d),
				(unsigned long long)st->drops[d], drop_text(d));
	}
}

static void table_memory(struct stack *st, const struct report_node *who, FILE *out)
{
	fputs("limit\tused\tmost_used\tbytes\tshort\ttimes_short\n", out);
	for (enum budget_of b = 0; b < N_BUDGETS; b++) {
		const struct budget *bu = &st->budget[b];

		fprintf(out, "%s\t%ju\t%ju\t%ju\t%s\t%ju\n", budget_name(b),
			(uintmax_t)bu->used, (uintmax_t)bu->most, (uintmax_t)budget_limit(st, b),
			bu->pressed ? "yes" : "no", (uintmax_t)bu->pressures);
	}
}

static void table_routes(struct stack *st, const struct report_node *who, FILE *out)
{
	char dst[IP_STRLEN], gw[IP_STRLEN], src[IP_STRLEN];
	const struct route *r;

	fputs("destination\tgateway\tsource\tinterface\tmetric\ttable\ttype\n", out);
	for (r = route_next(st, NULL); r; r = route_next(st, r))
		fprintf(out, "%s/%u\t%s\t%s\t%s\t%u\t%u\t%s\n", ip_text(&r->dst, dst), r->len,
			addr_or_any(&r->gw, gw), addr_or_any(&r->src, src),
			r->nif ? r->nif->name : "-", r->metric, r->table,
			route_type_name(r->type));
}

static void table_neigh(struct stack *st, const struct report_node *who, FILE *out)
{
	char text[IP_STRLEN], mac[MAC_STRLEN];

	fputs("address\tmac\tstate\tinterface\trouter\n", out);
	for (struct neigh *n = NULL; (n = neigh_next(st, n)); )
		fprintf(out, "%s\t%s\t%s\t%s\t%s\n", ip_text(&n->addr, text),
			mac_is_zero(&n->mac) ? "-" : mac_text(&n->mac, mac),
			neigh_state_name(n->state), n->nif->name, n->router ? "yes" : "no");
}

static void table_interfaces(struct stack *st, const struct report_node *who, FILE *out)
{
	char mac[MAC_STRLEN];

	fputs("interface\tmac\tmtu\trx_frames\trx_bytes\ttx_frames\ttx_bytes\taddresses\n",
	      out);
	list_for(l, &st->netifs) {
		const struct netif *n = container_of(l, struct netif, link);

		fprintf(out, "%s\t%s\t%u\t%llu\t%llu\t%llu\t%llu\t", n->name,
			mac_text(&n->mac, mac), n->mtu, (unsigned long long)n->rx_frames,
			(unsigned long long)n->rx_bytes, (unsigned long long)n->tx_frames,
			(unsigned long long)n->tx_bytes);
		fputs(*put_addrs(n, "", out) ? "\n" : "-\n", out);
	}
}

/* What routers told (RFC 8106). */
static void table_resolvers(struct stack *st, const struct report_node *who, FILE *out)
{
	char text[IP_STRLEN];
	struct endpoint ep;
	const char *name;

	fputs("kind\tvalue\n", out);
	for (unsigned i = 0; stack_rdnss_at(st, i, &ep); i++)
		fprintf(out, "server\t%s\n", ip_text(&ep.addr, text));
	for (unsigned i = 0; (name = stack_dnssl_at(st, i)); i++)
		fprintf(out, "search\t%s\n", name);
}

/* Of a stack server. */
static void table_clients(struct stack *st, const struct report_node *who, FILE *out)
{
	fputs("pid\tuid\tgid\tcalls\tuser_sockets\n", out);
	if (who->clients)
		who->clients(who->ctx, out);
}

static const struct table {
	const char	*name;
	void		(*print)(struct stack *st, const struct report_node *who, FILE *out);
} tables[] = {
	{ "nodes",	table_nodes },
	{ "sockets",	table_sockets },
	{ "drops",	table_drops },
	{ "memory",	table_memory },
	{ "routes",	table_routes },
	{ "neigh",	table_neigh },
	{ "interfaces",	table_interfaces },
	{ "resolvers",	table_resolvers },
	{ "clients",	table_clients },
};

const char *report_table_name(unsigned i)
{
	return i < ARRAY_LEN(tables) ? tables[i].name : NULL;
}

bool report_table(struct stack *st, const struct report_node *who, const char *name, FILE *out)
{
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		if (strcmp(tables[i].name, name) == 0) {
			tables[i].print(st, who, out);
			return true;
		}
	}
	return false;
}
