/* rtnl.c - netlink requests: parsed, handed on, answered (RFC 3549, netlink(7))
 *
 * A datagram holds messages; each names an operation by its type. A dump is a row
 * for each object, in as many datagrams as it takes, and an NLMSG_DONE; the lock
 * is held all the while, so no dump is ever interrupted (NLM_F_DUMP_INTR).
 * Everything else ends in an error or, if asked for, an acknowledgment, with the
 * reason in words for who wants it (NETLINK_EXT_ACK). Requests come from
 * strangers; libmnl knows the format.
 */
#include <linux/fib_rules.h>
#include <linux/if_addrlabel.h>
#include <linux/inet_diag.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/sock_diag.h>

#include "node/rtnl_in.h"

void out_flush(struct nlout *o)
{
	struct rtnl *rt = &o->n->rtnl;

	if (o->len && o->to)
		o->to->emit(o->to, o->buf.b, o->len, false);
	else if (o->len) {
		list_for_safe(l, &rt->peers) {
			struct nlpeer *p = container_of(l, struct nlpeer, link);

			if (p->groups >> (o->group - 1) & 1 || p == rt->echo)
				p->emit(p, o->buf.b, o->len, p != rt->echo);
		}
	}
	o->len = 0;
}

/* A message with a zeroed head of that size. */
struct nlmsghdr *row(struct nlout *o, uint16_t type, uint16_t flags, size_t head)
{
	struct nlmsghdr *nlh;

	if (o->len + ROW_MAX > sizeof(o->buf.b))
		out_flush(o);
	nlh = mnl_nlmsg_put_header(o->buf.b + o->len);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = o->seq;
	nlh->nlmsg_pid = o->pid;
	mnl_nlmsg_put_extra_header(nlh, head);
	return nlh;
}

void row_end(struct nlout *o, const struct nlmsghdr *nlh)
{
	o->len += MNL_ALIGN(nlh->nlmsg_len);
}

struct nlattr *nest_start(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	nest->nla_type = type;
	return nest;
}

void put_ip(struct nlmsghdr *nlh, uint16_t type, const struct ip_addr *addr)
{
	if (ip_is_v4(addr))
		mnl_attr_put(nlh, type, 4, ip_v4(addr));
	else
		mnl_attr_put(nlh, type, 16, addr->b);
}

/* --- attributes --- */

uint32_t req_u32(const struct nlreq *r, unsigned type, uint32_t absent)
{
	uint32_t v;

	if (!r->tb[type] || mnl_attr_get_payload_len(r->tb[type]) < sizeof(v))
		return absent;
	memcpy(&v, mnl_attr_get_payload(r->tb[type]), sizeof(v));
	return v;
}

uint8_t req_u8(const struct nlreq *r, unsigned type, uint8_t absent)
{
	if (!r->tb[type] || mnl_attr_get_payload_len(r->tb[type]) < 1)
		return absent;
	return *(const uint8_t *)mnl_attr_get_payload(r->tb[type]);
}

const char *req_str(const struct nlreq *r, unsigned type)
{
	if (!r->tb[type] || mnl_attr_validate(r->tb[type], MNL_TYPE_NUL_STRING) < 0)
		return NULL;
	return mnl_attr_get_str(r->tb[type]);
}

int req_ip(const struct nlreq *r, unsigned type, uint8_t family, struct ip_addr *out)
{
	const struct nlattr *at = r->tb[type];
	size_t len = family == AF_INET ? 4 : 16;

	*out = IP_NONE;
	if (!at)
		return 0;
	if (mnl_attr_get_payload_len(at) != len)
		return -EINVAL;
	*out = family == AF_INET ? ip_from_v4(mnl_attr_get_payload(at)) :
				   ip_from_v6(mnl_attr_get_payload(at));
	return 0;
}

/* libmnl's loop takes up to three octets after an odd length for padding that
 * is there; a stranger's may not be. */
const struct nlattr *attr_take(const void *base, size_t len, size_t *at)
{
	const struct nlattr *a = (const void *)((const uint8_t *)base + *at);

	if (*at > len || len - *at < sizeof(*a) || a->nla_len < sizeof(*a) ||
	    a->nla_len > len - *at)
		return NULL;
	*at += MNL_ALIGN(a->nla_len);
	return a;
}

/* Of a repeated attribute the last one counts, as for the kernel. */
static void parse(struct nlreq *r, size_t head)
{
	const struct nlattr *at;
	size_t pos = MNL_ALIGN(head);

	r->body = mnl_nlmsg_get_payload(r->nlh);
	while ((at = attr_take(r->body, mnl_nlmsg_get_payload_len(r->nlh), &pos))) {
		uint16_t type = mnl_attr_get_type(at);

		if (type < RTNL_ATTRS)
			r->tb[type] = at;
	}
}

/* --- answers --- */

static void put_error(struct nlreq *r, int error)
{
	const struct nlmsghdr *req = r->nlh;
	bool whole = error && !r->peer->cap_ack && req->nlmsg_len <= ROW_MAX / 2;
	bool words = r->why && r->peer->ext_ack;
	struct nlmsghdr *nlh = row(r->out, NLMSG_ERROR, 0, sizeof(struct nlmsgerr));
	struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	e->error = error;
	e->msg = *req;
	if (whole)
		memcpy(mnl_nlmsg_put_extra_header(nlh, req->nlmsg_len - sizeof(*req)), req + 1,
		       req->nlmsg_len - sizeof(*req));
	nlh->nlmsg_flags = (uint16_t)((whole ? 0 : NLM_F_CAPPED) | (words ? NLM_F_ACK_TLVS : 0));
	if (words)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, r->why);
	row_end(r->out, nlh);
}

static void put_done(struct nlreq *r, int error)
{
	bool words = error && r->why && r->peer->ext_ack;
	uint16_t flags = (uint16_t)(NLM_F_MULTI | (words ? NLM_F_ACK_TLVS : 0));
	struct nlmsghdr *nlh;

	out_flush(r->out);
	nlh = row(r->out, NLMSG_DONE, flags, sizeof(int32_t));
	*(int32_t *)mnl_nlmsg_get_payload(nlh) = error;
	if (words)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, r->why);
	row_end(r->out, nlh);
}

/* --- the operations --- */

static int nothing(struct nlreq *r)
{
	return 0;
}

struct op {
	size_t	head;
	int	(*act)(struct nlreq *r);
	int	(*dump)(struct nlreq *r);
};

#define OP(type) [(type) - RTM_BASE]

static const struct op route_ops[] = {
	OP(RTM_NEWLINK)	 = { sizeof(struct ifinfomsg), newlink, NULL },
	OP(RTM_SETLINK)	 = { sizeof(struct ifinfomsg), setlink, NULL },
	OP(RTM_DELLINK)	 = { sizeof(struct ifinfomsg), dellink, NULL },
	OP(RTM_GETLINK)	 = { sizeof(struct ifinfomsg), getlink, dumplink },
	OP(RTM_NEWADDR)	 = { sizeof(struct ifaddrmsg), newaddr, NULL },
	OP(RTM_DELADDR)	 = { sizeof(struct ifaddrmsg), deladdr, NULL },
	OP(RTM_GETADDR)	 = { sizeof(struct ifaddrmsg), NULL, dumpaddr },
	OP(RTM_NEWROUTE) = { sizeof(struct rtmsg), newroute, NULL },
	OP(RTM_DELROUTE) = { sizeof(struct rtmsg), delroute, NULL },
	OP(RTM_GETROUTE) = { sizeof(struct rtmsg), getroute, dumproute },
	OP(RTM_NEWNEIGH) = { sizeof(struct ndmsg), newneigh, NULL },
	OP(RTM_DELNEIGH) = { sizeof(struct ndmsg), delneigh, NULL },
	OP(RTM_GETNEIGH) = { sizeof(struct ndmsg), getneigh, dumpneigh },
	OP(RTM_NEWRULE)	 = { sizeof(struct fib_rule_hdr), newrule, NULL },
	OP(RTM_DELRULE)	 = { sizeof(struct fib_rule_hdr), delrule, NULL },
	OP(RTM_GETRULE)	 = { sizeof(struct fib_rule_hdr), NULL, dumprule },
	OP(RTM_NEWADDRLABEL) = { sizeof(struct ifaddrlblmsg), newlabel, NULL },
	OP(RTM_DELADDRLABEL) = { sizeof(struct ifaddrlblmsg), dellabel, NULL },
	OP(RTM_GETADDRLABEL) = { sizeof(struct ifaddrlblmsg), getlabel, dumplabel },
	/* What there is none of is listed as such. */
	OP(RTM_GETQDISC) = { sizeof(struct tcmsg), NULL, nothing },
	OP(RTM_GETNEXTHOP) = { sizeof(struct nhmsg), NULL, nothing },
};

static const struct op diag_op = { sizeof(struct inet_diag_req_v2), diag_get, diag_dump };
static const struct op destroy_op = { sizeof(struct inet_diag_req_v2), diag_destroy, NULL };

static const struct op *find_op(const struct nlreq *r)
{
	uint16_t type = r->nlh->nlmsg_type;

	if (r->peer->proto == NETLINK_SOCK_DIAG)
		return type == SOCK_DIAG_BY_FAMILY ? &diag_op :
		       type == SOCK_DESTROY ? &destroy_op : NULL;
	if (type < RTM_BASE || (size_t)(type - RTM_BASE) >= ARRAY_LEN(route_ops))
		return NULL;
	return &route_ops[type - RTM_BASE];
}

/* Of four types of message one asks (rtnetlink(7)). */
static bool changes(const struct nlreq *r)
{
	return r->peer->proto == NETLINK_SOCK_DIAG ? r->nlh->nlmsg_type == SOCK_DESTROY :
						     (r->nlh->nlmsg_type & 3) != (RTM_GETLINK & 3);
}

/* A dump may come with the short header of old, the family alone: glibc's; or, of
 * sock_diag, with that of a family that is not here. */
static int perform(struct nlreq *r, bool *dumped)
{
	size_t len = mnl_nlmsg_get_payload_len(r->nlh);
	const struct op *op = find_op(r);
	union { uint64_t zero[8]; struct rtgenmsg g; } whole = { .zero = { 0 } };

	*dumped = op && op->dump && req_dump(r);
	if (!op || !(op->act || *dumped))
		return -EOPNOTSUPP;
	if (r->peer->reads && changes(r))
		return -EPERM;
	if (*dumped && len < op->head) {
		memcpy(&whole, mnl_nlmsg_get_payload(r->nlh), len);
		r->body = &whole;
		return op->dump(r);
	}
	if (len < op->head)
		return -EINVAL;
	parse(r, op->head);
	if (*dumped)
		return op->dump(r);
	return op->act(r);
}

static void request(struct nlpeer *p, const struct nlmsghdr *nlh)
{
	struct nlout out = { .n = p->n, .to = p, .seq = nlh->nlmsg_seq, .pid = p->pid };
	struct nlreq r = { .peer = p, .n = p->n, .st = p->n->st, .nlh = nlh, .out = &out };
	struct rtnl *rt = &p->n->rtnl;
	bool dumped;
	int error;

	rt->seq = nlh->nlmsg_seq;
	rt->pid = p->pid;
	rt->echo = nlh->nlmsg_flags & NLM_F_ECHO ? p : NULL;
	error = perform(&r, &dumped);
	rt->seq = rt->pid = 0;
	rt->echo = NULL;
	if (dumped)
		put_done(&r, error);
	else if (error || nlh->nlmsg_flags & NLM_F_ACK)
		put_error(&r, error);
	out_flush(&out);
}

void rtnl_request(struct nlpeer *p, const void *req, size_t len)
{
	const struct nlmsghdr *nlh = req;
	int left = (int)len;

	/* mnl takes a length of 2 GiB and more for a negative number, and passes it. */
	while (mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left) {
		if (nlh->nlmsg_flags & NLM_F_REQUEST && nlh->nlmsg_type >= NLMSG_MIN_TYPE)
			request(p, nlh);
		nlh = mnl_nlmsg_next(nlh, &left);
	}
}
