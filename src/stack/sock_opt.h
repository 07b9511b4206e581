/* sock_opt.h - pieces of sock.c that options and protocols use */
#ifndef STACK_SOCK_OPT_H
#define STACK_SOCK_OPT_H

#include "stack/sock.h"

/* A destination fit for the socket's family and link; :: becomes ::1. */
int sock_dst_check(struct sock *so, struct endpoint *ep);

/* --- a row of the table in sock_opt.c --- */

enum opt_kind { K_FN, K_BOOL, K_U32, K_WANT, K_RDONLY_BOOL, K_RDONLY_INT };

struct opt_row {
	int		level, name;
	enum opt_kind	kind;
	size_t		off;		/* the field, or the bit of sock_ip.want */
	int		(*set)(struct sock *so, const struct opt_row *r, const void *v,
			       socklen_t len);
	/* Writes at most *len bytes, sets *len. */
	int		(*get)(struct sock *so, const struct opt_row *r, void *v, socklen_t *len);
};

int opt_put(void *v, socklen_t *len, const void *from, size_t size);
int opt_put_int(void *v, socklen_t *len, int n);
int opt_take_int(int level, const void *v, socklen_t len, int *out);
struct sock_ip *opt_family(struct sock *so, const struct opt_row *r);

/* --- sock_group.c --- */

void sock_groups_leave(struct sock *so, const struct netif *nif);	/* NULL: all */

#define OPT_SET(name) \
	int opt_set_##name(struct sock *so, const struct opt_row *r, const void *v, socklen_t len)
#define OPT_GET(name) \
	int opt_get_##name(struct sock *so, const struct opt_row *r, void *v, socklen_t *len)

OPT_SET(group_ttl);
OPT_GET(group_ttl);
OPT_SET(group_loop);
OPT_GET(group_loop);
OPT_SET(group_if4);
OPT_GET(group_if4);
OPT_SET(group_if6);
OPT_GET(group_if6);
OPT_SET(member4);
OPT_SET(member6);
OPT_SET(member_any);
OPT_SET(all);

#endif
