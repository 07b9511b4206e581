/* resolvconf.h - resolv.conf(5): who is asked for names, and how */
#ifndef NAME_RESOLVCONF_H
#define NAME_RESOLVCONF_H

#include "base/addr.h"

#define RC_SERVERS	8
#define RC_DOMAINS	6
#define RC_DOMAIN_LEN	254

struct resolvconf {
	struct rc_server {
		struct ip_addr	addr;
		char		zone[16];	/* "eth0" of fe80::1%eth0 */
	} server[RC_SERVERS];
	int	n_server;
	char	domain[RC_DOMAINS][RC_DOMAIN_LEN];
	int	n_domain;
	int	ndots, timeout, attempts;	/* dots, seconds, times */
	bool	rotate, tcp;
};

void resolvconf_parse(const char *text, struct resolvconf *rc);

#endif
