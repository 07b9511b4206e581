/* resolve.h - inside the resolver: queries and who answers them
 *
 *   resolve.c       the resolver: c-ares over sockets of the stack, poll, time
 *   resolve_conf.c  whom to ask
 *   resolve_addr.c  a name's addresses: hints, questions, answers
 *   resolve_list.c  addresses and services as a struct addrinfo, in order
 *   resolve_serv.c  services' ports, and their names
 *   resolve_name.c  an address's name
 *   resolve_wait.c  the calls that block
 */
#ifndef NODE_RESOLVE_H
#define NODE_RESOLVE_H

#include <ares.h>
#include <netdb.h>
#include <poll.h>

#include "base/addr.h"
#include "base/list.h"
#include "ioth.h"
#include "name/resolvconf.h"

struct ioth_resolver {
	struct ioth	*stack;
	struct resolvconf rc;
	ares_channel	channel;
	struct pollfd	*fds;		/* c-ares's descriptors, and what it waits for */
	int		n_fds, fds_size;
	unsigned	asking;		/* queries that c-ares has */
	struct list	waiting;	/* queries that it has not got yet */
	struct list	open;		/* queries without an answer */
	struct list	done;		/* with one, not given yet */
};

/* A query of one sort is a struct that begins with this. */
struct ioth_query {
	struct list	link;		/* resolver->waiting, ->open or ->done */
	struct ioth_resolver *r;
	bool		asking;		/* c-ares has it, and will call back */
	bool		cancelled;
	int		status;
	void		(*ask)(struct ioth_query *q);	/* begins to ask c-ares */
	void		(*give)(struct ioth_query *q);	/* calls the user's function */
	void		(*clean)(struct ioth_query *q);	/* frees what give did not pass on */
};

void query_open(struct ioth_query *q, struct ioth_resolver *r);
/* c-ares is asked, now or when others have their answers. */
void query_ask(struct ioth_query *q, void (*ask)(struct ioth_query *q));
/* It has its answer. From c-ares's callback: false if it was cancelled, and is gone. */
bool query_wanted(struct ioth_query *q);
void query_done(struct ioth_query *q, int status);
int query_error(const struct ioth_query *q, int ares_status);	/* as EAI_... */

/* What strangers call a host goes to logs and files: only what names are made of is let
 * through, as in the C library. */
bool is_host_name(const char *name);

/* RFC 4007 11.2: the zone is an interface's name or number; 0: neither. */
uint32_t zone_number(struct ioth *s, const char *zone);

/* The text of a resolv.conf; malloc'd; NULL: there is none. */
char *resolve_conf(struct ioth *s);

/* --- services --- */

#define SERVICES	3

struct service {
	int		socktype, protocol;
	uint16_t	port;
};

/* What hints and service stand for; how many (> 0), or EAI_.... */
int services_find(const char *service, const struct addrinfo *hints, struct service out[SERVICES]);
/* The port's name, or its number; 0 or EAI_OVERFLOW. */
int service_name(uint16_t port, int flags, char *buf, size_t size);

/* --- lists --- */

/* Addresses in order of preference. */
void list_sort(struct ioth *s, struct endpoint *ep, unsigned n);
/* Every address with every service. mapped: IPv4 as IPv6. canon may be NULL. */
struct addrinfo *list_make(const struct endpoint *ep, unsigned n, const struct service *serv,
			   int n_serv, bool mapped, const char *canon);

/* Of which families the stack has addresses, loopback apart (AI_ADDRCONFIG). */
struct families { bool v4, v6; };
struct families stack_families(struct ioth *s);

#endif
