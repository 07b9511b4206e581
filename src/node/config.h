/* config.h - configuration of a stack by a string, and what keeps it up
 *
 *   config_words.c   "eth,dhcp,fqdn=..." -> struct words
 *   config.c         the interfaces under configuration; resolv.conf
 *   config_if.c      one of them: link, static addresses, routers
 *   config_dhcp4.c, config_dhcp6.c   and its leases: frames in and out, tests of addresses
 *   config_node.c    how a native stack is configured (struct config_ops)
 *   config_stack.c   how one of any other kind is; with config_rtnl.c and config_sock.c
 *   api_config.c     ioth_config and its like
 *
 * The machines of src/name say what to send and when; here it is sent, and what was
 * got is given to the stack. Nothing waits: config_run does what is due, and is called
 * when the deadline or a message comes, or an address or a link changes. All with the
 * lock of the stack's owner held.
 */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "base/addr.h"
#include "base/list.h"

#define CONFIG_IFS	16
#define CONFIG_SETS	64

/* What ioth_config asks for and tells that it got. */
enum {
	CONFIG_STATIC = 1, CONFIG_ETH = 2, CONFIG_DHCP4 = 4, CONFIG_DHCP6 = 8, CONFIG_RD = 16,
	CONFIG_SLAAC = 32, CONFIG_DEBUG = 64,	/* not told */
	CONFIG_LEARNT = CONFIG_DHCP4 | CONFIG_DHCP6 | CONFIG_RD,
	CONFIG_TOLD = 31,
};

/* --- the string (VirtualSquare's iothconf) --- */

struct words_set {
	enum words_kind { WORDS_IP, WORDS_GW, WORDS_DNS, WORDS_DOMAIN } kind;
	bool		undo;
	unsigned	len;		/* of WORDS_IP's prefix */
	struct ip_addr	addr;
	const char	*domain;
};

struct words_if {
	const char	*iface;		/* NULL: the first */
	unsigned	ifindex;	/* 0: by iface */
	const char	*fqdn;
	struct mac	mac;		/* zero: not said */
	unsigned	want, undo;	/* CONFIG_* */
	bool		said;		/* something of the above */
	unsigned	n_set;
	struct words_set set[CONFIG_SETS];
};

struct words {
	char		*text;		/* what the others point into */
	const char	*stack;
	unsigned	n_vnl;
	const char	*vnl[CONFIG_IFS + 1];
	usec		timeout;	/* to wait for what others must say; -1: as usual */
	unsigned	n_if;
	struct words_if	ifs[CONFIG_IFS];
};

/* NULL, or why not: a line that names the word, malloc'd. Then words_free has
 * nothing to do. */
char *words_parse(const char *string, struct words *w);
void words_free(struct words *w);
/* Others had to say something, and nobody did. */
bool words_unanswered(const struct words *w, unsigned got);

/* --- what it does to a stack --- */

struct config;
struct config_ops;

struct config *config_new(const struct config_ops *ops, void *ctx);
void config_free(struct config *c);		/* gives leases back */
void config_forget(struct config *c);		/* all stays as it is: another looks after it */

/* Begins what is asked for and undoes what is not any more. 0 or -errno: ENODEV, or
 * what the stack said to an address; *mask: what is asked for. */
int config_apply(struct config *c, const struct words *w, unsigned *mask, usec now);
unsigned config_find(struct config *c, const struct words_if *i);	/* 0: no such */
void config_run(struct config *c, usec now);
usec config_deadline(const struct config *c);

/* Of what is asked for on any interface, what is there; and whether to wait longer
 * makes no sense: all is, or it will not come. */
unsigned config_got(const struct config *c);
bool config_done(const struct config *c, usec now);
usec config_patience(const struct config *c, usec now);	/* when that may change by itself */

/* resolv.conf(5) for an interface (0: all), malloc'd. */
char *config_resolv(struct config *c, unsigned ifindex);
/* The same, or NULL if it is *last, which is kept (and the caller's in the end). */
char *config_resolv_new(struct config *c, unsigned ifindex, char **last);
/* The first name servers that an address alone tells, at most max. */
unsigned config_servers(struct config *c, struct ip_addr *out, unsigned max);

#endif
