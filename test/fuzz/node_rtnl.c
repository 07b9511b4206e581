/* node_rtnl.c - rtnetlink requests of any bytes; every answer is well-formed */
#include <libmnl/libmnl.h>
#include <stdlib.h>

#include "fuzz.h"
#include "node/rtnl.h"

static void check(void *ctx, const void *buf, size_t len)
{
	const struct nlmsghdr *nlh = buf;
	int left = (int)len;

	while (mnl_nlmsg_ok(nlh, left)) {
		if (nlh->nlmsg_pid != *(uint32_t *)ctx)
			abort();
		nlh = mnl_nlmsg_next(nlh, &left);
	}
	if (left)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stack *st = stack_new(1, 0);
	uint8_t *copy = malloc(size + 1);	/* aligned, and guarded at its end */
	uint32_t pid = 77;

	memcpy(copy, data, size);
	rtnl_answer(st, copy, size, pid, check, &pid);
	free(copy);
	stack_free(st);
	return 0;
}
