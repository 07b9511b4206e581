/* locator.h - the grammar of locators (VDE's VNL)
 *
 *	scheme://ADDR[OPT/OPT=VALUE...]{INNER}	path style
 *	scheme://ADDR/OPT/OPT=VALUE...{INNER}	network style
 *
 * Quotes ' " \ and %XX are honoured; INNER is kept as it was written.
 */
#ifndef PLUG_LOCATOR_H
#define PLUG_LOCATOR_H

#include "base/base.h"

#define LOCATOR_MAX_OPTS	16
#define LOCATOR_MAX_DEPTH	8	/* fault://{fault://{...}} */

enum locator_style { LOCATOR_PATH, LOCATOR_NET, LOCATOR_OPTS /* net, no ADDR */ };

struct locator {
	char	*text;			/* owns what the rest points into */
	char	*addr;			/* "" if none */
	char	*inner;			/* NULL: none */
	int	n_opt;
	struct { char *name, *value; } opt[LOCATOR_MAX_OPTS];	/* value may be NULL */
};

/* What follows "scheme://". NULL, or what is wrong with it. */
const char *locator_parse(struct locator *l, const char *rest, enum locator_style style);
void locator_fini(struct locator *l);

/* A table of options ends with a row of name NULL. set returns NULL or why the
 * value is refused; a bare number is the option named "#" if there is one. */
struct locator_opt {
	const char	*name;
	const char	*(*set)(void *conf, const char *value);
};

/* Calls set for each option. NULL, or one malloc'd line: option and cure. */
char *locator_apply(const struct locator *l, const struct locator_opt *table, void *conf);

#endif
