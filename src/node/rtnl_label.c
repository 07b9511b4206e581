/* rtnl_label.c - RTM_*ADDRLABEL: the labels by which sources are chosen (RFC 6724 2.1) */
#include <linux/if_addrlabel.h>

#include "node/rtnl_in.h"
#include "stack/addr_label.h"

static int read_label(struct nlreq *r, struct addr_label *l)
{
	const struct ifaddrlblmsg *m = r->body;
	int e;

	if (m->ifal_family != AF_INET6 || m->ifal_prefixlen > 128)
		return -EINVAL;
	e = r->tb[IFAL_ADDRESS] ? req_ip(r, IFAL_ADDRESS, AF_INET6, &l->prefix) : -EINVAL;
	l->len = m->ifal_prefixlen;
	l->ifindex = m->ifal_index;
	l->label = req_u32(r, IFAL_LABEL, LABEL_NONE);
	return e;
}

/* As Linux: of the mapped addresses all have one label, or parts of them. */
static bool may_have(const struct addr_label *l)
{
	return l->label != LABEL_NONE && !(ip_is_v4(&l->prefix) && l->len > 96);
}

int newlabel(struct nlreq *r)
{
	struct addr_label l;
	int e = read_label(r, &l);

	if (e || !r->tb[IFAL_LABEL])
		return -EINVAL;
	l.prefix = ip_mask(&l.prefix, l.len);
	if (!may_have(&l) || (l.ifindex && !netif_by_index(r->st, l.ifindex)))
		return -EINVAL;
	return addr_label_set(r->st, &l, req_flags(r) & NLM_F_REPLACE);
}

int dellabel(struct nlreq *r)
{
	struct addr_label l;
	int e = read_label(r, &l);

	if (e || !r->tb[IFAL_LABEL])
		return -EINVAL;
	l.prefix = ip_mask(&l.prefix, l.len);
	return addr_label_del(r->st, &l);
}

static void put_label(struct nlreq *r, const struct addr_label *l, uint16_t flags)
{
	struct nlmsghdr *nlh = row(r->out, RTM_NEWADDRLABEL, flags, sizeof(struct ifaddrlblmsg));

	*(struct ifaddrlblmsg *)mnl_nlmsg_get_payload(nlh) = (struct ifaddrlblmsg){
		.ifal_family = AF_INET6, .ifal_prefixlen = l->len, .ifal_index = l->ifindex,
	};
	mnl_attr_put(nlh, IFAL_ADDRESS, 16, l->prefix.b);
	mnl_attr_put_u32(nlh, IFAL_LABEL, l->label);
	row_end(r->out, nlh);
}

int getlabel(struct nlreq *r)
{
	const struct addr_label *found;
	struct addr_label l;
	int e = read_label(r, &l);

	if (e || l.len != 128 || (l.ifindex && !netif_by_index(r->st, l.ifindex)))
		return -EINVAL;
	found = addr_label_find(r->st, &l.prefix, l.ifindex);
	if (!found)
		return -ESRCH;
	put_label(r, found, 0);
	return 0;
}

int dumplabel(struct nlreq *r)
{
	const struct addr_label *l;

	if (req_family(r) != AF_UNSPEC && req_family(r) != AF_INET6)
		return 0;
	for (unsigned i = 0; (l = addr_label_at(r->st, i)); i++)
		put_label(r, l, NLM_F_MULTI);
	return 0;
}
