/* rtnl_rule.c - RTM_*RULE: which table is asked for which packet
 *
 * Table local is shown, and cannot be asked by a rule of the user's, as it is
 * always asked first.
 */
#include <linux/fib_rules.h>

#include "node/rtnl_in.h"

static void put_ports(struct nlmsghdr *nlh, uint16_t type, const uint16_t range[2])
{
	struct fib_rule_port_range p = { range[0], range[1] };

	if (range[1])
		mnl_attr_put(nlh, type, sizeof(p), &p);
}

static void put_selectors(struct nlmsghdr *nlh, const struct rule *rule)
{
	struct fib_rule_uid_range uids = { rule->uid[0], rule->uid[1] };

	if (rule->src_len)
		put_ip(nlh, FRA_SRC, &rule->src);
	if (rule->dst_len)
		put_ip(nlh, FRA_DST, &rule->dst);
	if (rule->iif[0])
		mnl_attr_put_strz(nlh, FRA_IIFNAME, rule->iif);
	if (rule->oif[0])
		mnl_attr_put_strz(nlh, FRA_OIFNAME, rule->oif);
	if (rule->mark_mask) {
		mnl_attr_put_u32(nlh, FRA_FWMARK, rule->mark);
		mnl_attr_put_u32(nlh, FRA_FWMASK, rule->mark_mask);
	}
	if (rule->has_uid)
		mnl_attr_put(nlh, FRA_UID_RANGE, sizeof(uids), &uids);
	if (rule->ipproto)
		mnl_attr_put_u8(nlh, FRA_IP_PROTO, rule->ipproto);
	put_ports(nlh, FRA_SPORT_RANGE, rule->sport);
	put_ports(nlh, FRA_DPORT_RANGE, rule->dport);
}

void put_rule(struct nlout *o, const struct rule *rule, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = row(o, type, flags, sizeof(struct fib_rule_hdr));
	struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);

	*h = (struct fib_rule_hdr){
		.family = rule->v4 ? AF_INET : AF_INET6, .dst_len = rule->dst_len,
		.src_len = rule->src_len, .tos = rule->tos, .action = rule->action,
		.table = rule->table < 256 ? (uint8_t)rule->table : RT_TABLE_COMPAT,
		.flags = rule->invert ? FIB_RULE_INVERT : 0,
	};
	mnl_attr_put_u32(nlh, FRA_TABLE, rule->table);
	mnl_attr_put_u32(nlh, FRA_SUPPRESS_PREFIXLEN,
			 rule->suppress ? rule->suppress_len : UINT32_MAX);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, rule->protocol);
	if (rule->priority)
		mnl_attr_put_u32(nlh, FRA_PRIORITY, rule->priority);
	if (rule->action == RULE_GOTO)
		mnl_attr_put_u32(nlh, FRA_GOTO, rule->target);
	put_selectors(nlh, rule);
	row_end(o, nlh);
}

int dumprule(struct nlreq *r)
{
	const struct rule *rule;

	for (unsigned i = 0; (rule = rule_at(r->st, i)); i++) {
		if (req_family(r) == AF_UNSPEC || req_family(r) == (rule->v4 ? AF_INET : AF_INET6))
			put_rule(r->out, rule, RTM_NEWRULE, NLM_F_MULTI);
	}
	return 0;
}

/* --- changes --- */

static int read_name(struct nlreq *r, unsigned type, char name[16])
{
	const char *s = req_str(r, type);

	if (!s)
		return r->tb[type] ? -EINVAL : 0;
	if (strlen(s) >= 16)
		return -EINVAL;
	memcpy(name, s, strlen(s));
	return 0;
}

static int read_ports(struct nlreq *r, unsigned type, uint16_t range[2])
{
	struct fib_rule_port_range p;

	if (!r->tb[type])
		return 0;
	if (mnl_attr_get_payload_len(r->tb[type]) < sizeof(p))
		return -EINVAL;
	memcpy(&p, mnl_attr_get_payload(r->tb[type]), sizeof(p));
	if (!p.start || p.end < p.start)
		return refuse(r, -EINVAL, "Invalid port range");
	range[0] = p.start;
	range[1] = p.end;
	return 0;
}

static int read_uids(struct nlreq *r, struct rule *rule)
{
	struct fib_rule_uid_range u;

	if (!r->tb[FRA_UID_RANGE])
		return 0;
	if (mnl_attr_get_payload_len(r->tb[FRA_UID_RANGE]) < sizeof(u))
		return -EINVAL;
	memcpy(&u, mnl_attr_get_payload(r->tb[FRA_UID_RANGE]), sizeof(u));
	rule->has_uid = true;
	rule->uid[0] = u.start;
	rule->uid[1] = u.end;
	return u.end < u.start ? refuse(r, -EINVAL, "Invalid uid range") : 0;
}

static int read_prefix(struct nlreq *r, unsigned type, uint8_t len, struct ip_addr *out)
{
	uint8_t family = req_family(r);

	if (len && (!r->tb[type] || len > (family == AF_INET ? 32 : 128)))
		return refuse(r, -EINVAL, type == FRA_SRC ? "Invalid source" :
							    "Invalid destination");
	return len ? req_ip(r, type, family, out) : 0;
}

static int read_selectors(struct nlreq *r, struct rule *rule)
{
	int e = read_prefix(r, FRA_SRC, rule->src_len, &rule->src);

	if (!e)
		e = read_prefix(r, FRA_DST, rule->dst_len, &rule->dst);
	if (!e)
		e = read_name(r, FRA_IIFNAME, rule->iif);
	if (!e)
		e = read_name(r, FRA_OIFNAME, rule->oif);
	if (!e)
		e = read_ports(r, FRA_SPORT_RANGE, rule->sport);
	if (!e)
		e = read_ports(r, FRA_DPORT_RANGE, rule->dport);
	return e ? e : read_uids(r, rule);
}

static int read_rule(struct nlreq *r, struct rule *rule)
{
	static const uint8_t absent[] = { FRA_FLOW, FRA_TUN_ID, FRA_L3MDEV, FRA_SUPPRESS_IFGROUP };
	const struct fib_rule_hdr *h = r->body;
	uint32_t suppress = req_u32(r, FRA_SUPPRESS_PREFIXLEN, UINT32_MAX);

	if (h->family != AF_INET && h->family != AF_INET6)
		return -EAFNOSUPPORT;
	for (size_t i = 0; i < ARRAY_LEN(absent); i++) {
		if (r->tb[absent[i]] && req_u32(r, absent[i], UINT32_MAX) != UINT32_MAX)
			return -EOPNOTSUPP;
	}
	*rule = (struct rule){
		.v4 = h->family == AF_INET, .invert = h->flags & FIB_RULE_INVERT,
		.action = h->action, .protocol = req_u8(r, FRA_PROTOCOL, RTPROT_UNSPEC),
		.priority = req_u32(r, FRA_PRIORITY, 0), .table = req_u32(r, FRA_TABLE, h->table),
		.target = req_u32(r, FRA_GOTO, 0), .src_len = h->src_len, .dst_len = h->dst_len,
		.tos = h->tos, .ipproto = req_u8(r, FRA_IP_PROTO, 0),
		.mark = req_u32(r, FRA_FWMARK, 0),
		.suppress = suppress <= 128, .suppress_len = suppress <= 128 ? (uint8_t)suppress : 0,
	};
	rule->mark_mask = req_u32(r, FRA_FWMASK, rule->mark ? UINT32_MAX : 0);
	return read_selectors(r, rule);
}

/* Without a priority Linux takes any number of rules that say the same. */
int newrule(struct nlreq *r)
{
	struct rule rule;
	int e = read_rule(r, &rule);

	if (e)
		return e;
	if (rule.action == RULE_TABLE && !rule.table)
		return refuse(r, -EINVAL, "Invalid table");
	if (rule.action == RULE_GOTO && rule.target <= rule.priority && r->tb[FRA_PRIORITY])
		return refuse(r, -EINVAL, "Backward goto not supported");
	if (!r->tb[FRA_PRIORITY])
		rule.priority = rule_free_priority(r->st, rule.v4);
	return rule_add(r->st, &rule);
}

static bool same_prefix(uint8_t len, const struct ip_addr *a, uint8_t len2,
			const struct ip_addr *b)
{
	return !len || (len == len2 && ip_eq(a, b));
}

/* Only what the request names must agree. */
static bool agrees(const struct nlreq *r, const struct rule *w, const struct rule *rule)
{
	return w->v4 == rule->v4 && w->invert == rule->invert &&
	       (!w->action || w->action == rule->action) &&
	       (!w->table || w->table == rule->table) &&
	       (!r->tb[FRA_PRIORITY] || w->priority == rule->priority) &&
	       (!r->tb[FRA_GOTO] || w->target == rule->target) &&
	       (!r->tb[FRA_PROTOCOL] || !w->protocol || w->protocol == rule->protocol) &&
	       same_prefix(w->src_len, &w->src, rule->src_len, &rule->src) &&
	       same_prefix(w->dst_len, &w->dst, rule->dst_len, &rule->dst) &&
	       (!w->tos || w->tos == rule->tos) &&
	       (!w->ipproto || w->ipproto == rule->ipproto) &&
	       (!r->tb[FRA_FWMARK] || w->mark == rule->mark) &&
	       (!r->tb[FRA_FWMASK] || w->mark_mask == rule->mark_mask) &&
	       (!w->iif[0] || !strcmp(w->iif, rule->iif)) &&
	       (!w->oif[0] || !strcmp(w->oif, rule->oif)) &&
	       (!w->suppress || (rule->suppress && w->suppress_len == rule->suppress_len)) &&
	       (!w->has_uid || !memcmp(w->uid, rule->uid, sizeof(w->uid))) &&
	       (!w->sport[1] || !memcmp(w->sport, rule->sport, sizeof(w->sport))) &&
	       (!w->dport[1] || !memcmp(w->dport, rule->dport, sizeof(w->dport)));
}

int delrule(struct nlreq *r)
{
	const struct rule *rule;
	struct rule w, copy;
	int e = read_rule(r, &w);

	if (e)
		return e;
	for (unsigned i = 0; (rule = rule_at(r->st, i)); i++) {
		if (!agrees(r, &w, rule))
			continue;
		if (!rule->priority && rule->table == TABLE_LOCAL)
			return refuse(r, -EPERM, "addresses of this stack are always asked first");
		copy = *rule;
		return rule_del(r->st, &copy);
	}
	return -ENOENT;
}
