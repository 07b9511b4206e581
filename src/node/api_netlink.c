/* api_netlink.c - ioth.h: rtnetlink to a stack
 *
 * Every kind of stack is configured as Linux is: by rtnetlink, through an
 * AF_NETLINK socket of its own. So there is one code for all kinds; what a stack
 * cannot, it says itself.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "node/api_netlink.h"

int nl_open(struct ioth *s)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	int fd = ioth_msocket(s, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0 && ioth_bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0) {
		int error = errno;

		ioth_close(fd);
		return libc_result(-error);
	}
	return fd;
}

int nl_ask(int fd, const struct nlmsghdr *req, mnl_cb_t each, void *arg)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	char *buf = malloc(NL_BUF);
	ssize_t n = ioth_sendto(fd, req, req->nlmsg_len, 0, (struct sockaddr *)&kernel,
				sizeof(kernel));
	int ret = n < 0 || !buf ? -1 : MNL_CB_OK;

	while (ret == MNL_CB_OK) {
		n = ioth_recv(fd, buf, NL_BUF, 0);
		ret = n < 0 ? -1 : mnl_cb_run(buf, (size_t)n, req->nlmsg_seq, 0, each, arg);
	}
	free(buf);
	return ret;
}

int nl_dump(int fd, uint16_t type, mnl_cb_t each, void *arg)
{
	union { struct nlmsghdr h; char b[64]; } req;
	size_t len = type == RTM_GETLINK ? sizeof(struct ifinfomsg) :
		     type == RTM_GETADDR ? sizeof(struct ifaddrmsg) : sizeof(struct rtmsg);

	mnl_nlmsg_put_header(&req);
	req.h.nlmsg_type = type;
	req.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	req.h.nlmsg_seq = type;
	mnl_nlmsg_put_extra_header(&req.h, len);	/* zero: of all families */
	return nl_ask(fd, &req.h, each, arg);
}

static int link_index(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == RTM_NEWLINK)
		*(int *)arg = ifi->ifi_index;
	return MNL_CB_OK;
}

int ioth_nldialog(struct ioth *s, const void *msg)
{
	const struct nlmsghdr *req = msg;
	struct nlmsghdr *copy = malloc(req->nlmsg_len);
	int fd = copy ? nl_open(s) : -1, index = 0, ret, error;

	if (fd < 0) {
		free(copy);
		return -1;
	}
	memcpy(copy, req, req->nlmsg_len);
	copy->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	ret = nl_ask(fd, copy, link_index, &index);
	error = errno;
	free(copy);
	ioth_close(fd);
	return ret < 0 ? libc_result(-error) : index;
}

void *nl_request(struct nl_request *r, uint16_t type, uint16_t flags, size_t len)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(r);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	h->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(h, len);
}

int nl_tell(struct ioth *s, const struct nl_request *r)
{
	return ioth_nldialog(s, &r->h) < 0 ? -1 : 0;
}
