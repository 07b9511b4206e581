/* opt.h - option tables: one row gives the parser, --help and the man page
 *
 * Long options (--name VALUE, --name=VALUE), short letters, "--" ends them.
 * Parsing stops at the first argument that is not an option.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include "base/base.h"

struct opt {
	const char	*name;		/* long name without dashes; NULL ends */
	char		letter;		/* short form or 0 */
	const char	*arg;		/* name of the argument; NULL: none */
	const char	*help;		/* one line */
	/* Called for each use. Returns NULL, or why the value is refused
	 * ("not an address with /PREFIX"): the caller gets one line with it. */
	const char	*(*set)(void *conf, const char *value);
};

struct opt_page {
	const char	*usage;		/* "ioth run [OPTIONS] [--] PROGRAM [ARGS]" */
	const char	*what;		/* one sentence */
	const struct opt *opts[4];	/* tables, NULL-terminated */
	const char	*more;		/* examples; may be NULL */
};

/* Index of the first operand in argv, or: -1 after --help (printed; exit 0),
 * -2 on a usage error (one line printed; exit 2). */
int opt_parse(const struct opt_page *page, int argc, char **argv, void *conf);

#endif
