/* config_in.h - between the files of configuration */
#ifndef NODE_CONFIG_IN_H
#define NODE_CONFIG_IN_H

#include <linux/filter.h>

#include "name/dhcp4.h"
#include "name/dhcp6.h"
#include "node/config.h"

#define LIFE_FOREVER	UINT32_MAX	/* seconds of an address */
#define RTPROT_OF_DHCP	16		/* RTPROT_DHCP */

struct conf_link {
	struct mac	mac;
	bool		up;
	uint8_t		ra_flags;	/* RA_* of stack.h */
	struct ip_addr	linklocal;	/* that may be used; IP_NONE: not yet */
};

enum conf_state { CONF_ABSENT, CONF_TENTATIVE, CONF_OPTIMISTIC, CONF_OK, CONF_DUPLICATE };

/* Ways to others: frames with their Ethernet header, or datagrams to and from
 * DHCP6_SERVERS. */
enum conf_way { WAY_DHCP4, WAY_ARP, WAY_DHCP6 };
struct conf_sock;

/* What a stack does for its configuration. Functions with a result: 0 or -errno. */
struct config_ops {
	unsigned (*find)(void *ctx, const char *name);	/* NULL: the first; 0: none */
	int	(*link)(void *ctx, unsigned ifindex, struct conf_link *out);
	int	(*set_mac)(void *ctx, unsigned ifindex, struct mac mac);
	int	(*set_mtu)(void *ctx, unsigned ifindex, uint32_t mtu);
	int	(*set_up)(void *ctx, unsigned ifindex, bool up);
	void	(*set_token)(void *ctx, unsigned ifindex, const struct ip_addr *token);
	/* One that is there takes the lifetimes, in seconds. */
	int	(*addr_put)(void *ctx, unsigned ifindex, const struct ip_addr *a, unsigned len,
			    uint32_t valid, uint32_t preferred);
	int	(*addr_del)(void *ctx, unsigned ifindex, const struct ip_addr *a, unsigned len);
	enum conf_state (*addr_state)(void *ctx, unsigned ifindex, const struct ip_addr *a);
	/* gw IP_NONE: on the link. */
	int	(*route)(void *ctx, unsigned ifindex, bool add, const struct dhcp4_route *r,
			 uint8_t protocol);
	/* What routers tell: name servers; domains with a blank before each. */
	unsigned (*told)(void *ctx, unsigned ifindex, struct endpoint *servers, unsigned max,
			 struct text *domains);
	struct conf_sock *(*open)(void *ctx, unsigned ifindex, enum conf_way way);
	void	(*close)(struct conf_sock *s);
	void	(*send)(struct conf_sock *s, const void *p, size_t n);
	size_t	(*recv)(struct conf_sock *s, void *p, size_t size);	/* 0: none now */
	void	(*ran)(void *ctx);		/* config_run did */
};

/* The address and routes that a lease brought. */
struct conf_lease4 {
	bool		there;
	struct ip_addr	addr;
	unsigned	len;
	unsigned	n_route;
	struct dhcp4_route route[DHCP4_ROUTES];
};

struct conf_if {
	struct list	link;		/* config->ifs */
	struct config	*c;
	unsigned	ifindex;
	unsigned	want;		/* CONFIG_*: asked for and not taken back */
	char		fqdn[256];
	struct mac	mac;
	usec		at;		/* something here is due */
	unsigned	n_set;		/* static: what is in force */
	struct words_set set[CONFIG_SETS];
	char		domain[CONFIG_SETS][256];	/* those of set */

	struct dhcp4	*d4;		/* NULL: not asked for */
	struct conf_sock *way4, *arp;
	struct mac	server_mac;	/* who sent the last answer here */
	unsigned	probes;		/* still to be sent for the address */
	usec		probe_at;
	struct conf_lease4 lease4;

	struct dhcp6	*d6;
	struct conf_sock *way6;
	bool		there6;		/* the stack has the address */
	struct ip_addr	addr6;
};

struct config {
	const struct config_ops *ops;
	void		*ctx;
	struct list	ifs;
	struct rng	rng;
	bool		debug;
	usec		asked;		/* config_apply was called last */
	usec		patience[2];	/* how long is waited: for DHCPv4, for IPv6's */
};

/* Of packet sockets: what is for a client of DHCP. */
extern const struct sock_fprog conf_dhcp4_only;
#define conf_say(i, ...) \
	do { \
		if ((i)->c->debug) \
			err(__VA_ARGS__); \
	} while (0)

/* config_if.c */
int if_apply(struct conf_if *i, const struct words_if *w, usec now);
bool if_gone(const struct conf_if *i);	/* somebody deleted it */
void if_run(struct conf_if *i, usec now);
void if_end(struct conf_if *i, usec now);	/* what it brought is gone, itself too */
void if_forget(struct conf_if *i);	/* only itself is gone */
unsigned if_got(const struct conf_if *i);

/* config_dhcp4.c, config_dhcp6.c */
void if_dhcp4_start(struct conf_if *i, usec now);
void if_dhcp4_run(struct conf_if *i, usec now);
void if_dhcp4_end(struct conf_if *i, usec now);
void if_dhcp6_start(struct conf_if *i, usec now);
void if_dhcp6_run(struct conf_if *i, usec now);
void if_dhcp6_end(struct conf_if *i, usec now);
bool if_dhcp6_got(const struct conf_if *i);

#endif
