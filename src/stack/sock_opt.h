/* sock_opt.h - pieces of sock.c that options and protocols use */
#ifndef STACK_SOCK_OPT_H
#define STACK_SOCK_OPT_H

#include "stack/sock.h"

/* A destination fit for the socket's family and link; :: becomes ::1. */
int sock_dst_check(struct sock *so, struct endpoint *ep);

/* --- a row of the table in sock_opt.c --- */

enum opt_kind { K_FN, K_BOOL, K_U32, K_WANT, K_RDONLY_BOOL };

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
void opt_want(struct sock_ip *ip, uint32_t bit, bool on);

/* --- sock_fixed.c: -ENOPROTOOPT for what is not there either --- */

int opt_fixed_set(const struct sock *so, int level, int name, const void *v, socklen_t len);
int opt_fixed_get(const struct sock *so, int level, int name, void *v, socklen_t *len);

/* --- sock_group.c --- */

void sock_groups_leave(struct sock *so, const struct netif *nif);	/* NULL: all */
struct sock_group *sock_group_find(const struct sock *so, const struct netif *nif,
				   const struct ip_addr *g);
/* Joins or changes; include nobody is to leave. 0 or -errno. */
int sock_group_set(struct sock *so, struct netif *nif, const struct ip_addr *g, bool exclude,
		   const struct ip_addr *src, unsigned n);
/* Is a packet to a group, which this node hears, for so as well? */
bool sock_hears(const struct sock *so, const struct ip *ip);
struct in_addr;
struct netif *sock_group_netif_of(struct stack *st, const struct in_addr *in);
/* The interface a multicast route would choose. */
struct netif *sock_group_netif(struct sock *so, const struct ip_addr *g);

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
OPT_SET(group_all);
OPT_GET(group_all);

/* --- sock_opt_ip.c --- */

OPT_SET(mark);
OPT_SET(freebind);
OPT_SET(ttl);
OPT_SET(tos);
OPT_SET(discover);
OPT_SET(mtu6);
OPT_SET(unicast_if);
OPT_SET(v6only);
OPT_SET(min_ttl);
OPT_SET(err_ext);
OPT_SET(auto_label);
OPT_GET(ttl);
OPT_GET(tos);
OPT_GET(discover);
OPT_GET(mtu);
OPT_GET(pathmtu);
OPT_GET(unicast_if);
OPT_GET(v6only);
OPT_GET(min_ttl);
OPT_GET(err_ext);
OPT_GET(auto_label);

/* --- ip_extra.c --- */

OPT_SET(options4);
OPT_GET(options4);
OPT_SET(ext6);
OPT_GET(ext6);

/* --- stamp.c --- */

OPT_SET(stamping);
OPT_GET(stamping);

/* --- sock_source.c --- */

OPT_SET(source4);
OPT_SET(source_any);
OPT_SET(filter4);
OPT_GET(filter4);
OPT_SET(filter_any);
OPT_GET(filter_any);

#endif
