/* policy.h - guards and filters of ports, suppression and snooping of the switch
 *
 * What is set of a port stays when it is left, and begins anew only with the switch.
 */
#ifndef SWITCH_POLICY_H
#define SWITCH_POLICY_H

#include "switch/filter.h"
#include "switch/guard.h"
#include "switch/snoop.h"
#include "switch/suppress.h"

struct policy {
	struct core	*core;
	struct hash_key	key;
	bool		suppressing, snooping;
	usec		fresh;		/* of suppression, also while it is off */
	struct suppress	suppress;	/* valid while suppressing */
	struct snoop	snoop;		/* valid while snooping */
};

/* At the core's hooks from now on: snooping on, all else off. */
void policy_init(struct policy *p, struct core *c, const struct hash_key *key);
void policy_fini(struct policy *p);		/* before the core's */
usec policy_age(struct policy *p, usec now);	/* when to be called again */

int policy_guard(struct policy *p, uint32_t port, const char *word, bool add);	/* guard_word */
/* GUARD_ROUTER, GUARD_DHCP: may there be one behind the port? */
void policy_role(struct policy *p, uint32_t port, enum guard_drop what, bool may);
void policy_guard_clear(struct policy *p, uint32_t port);
const struct guard *policy_guard_of(const struct policy *p, uint32_t port);	/* NULL: none */

/* filter_add and filter_del, of what comes in at the port or (out) leaves by it. */
char *policy_filter_add(struct policy *p, uint32_t port, bool out, uint32_t at, bool deny,
			const char *expr);
bool policy_filter_del(struct policy *p, uint32_t port, bool out, uint32_t at);
void policy_filter_clear(struct policy *p, uint32_t port, bool out);
const struct filter *policy_filter_of(const struct policy *p, uint32_t port, bool out);

void policy_set_suppress(struct policy *p, bool on);
void policy_set_snoop(struct policy *p, bool on);

#endif
