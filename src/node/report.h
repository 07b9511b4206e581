/* report.h - a node tells what it is doing, to its own user
 *
 * Each node listens at DIR/PID.sock, in the first of report_dir's places that can
 * be used. A client sends
 * the name of a table and a newline; it gets the names of the columns, then the
 * rows, one a line, tab-separated, then the end of file. A name that is not
 * there gets the line "?" and the names that are.
 */
#ifndef NODE_REPORT_H
#define NODE_REPORT_H

#include <stdio.h>
#include <sys/un.h>

#include "base/loop.h"
#include "stack/stack.h"

struct report_node {
	const char	*name;		/* of the node; NULL: none */
	pid_t		pid;		/* of the program */
	pid_t		launcher;	/* of ioth run: a shell's $! */
	const char	*program;
	const char	*const *nets;	/* locators */
	int		n_nets;
	/* The rows of table clients; NULL: there are none. */
	void		(*clients)(void *ctx, FILE *out);
	void		*ctx;
};

struct report;

/* Listens, in the node's loop; who must live as long. The loop's callbacks run
 * with the node's lock held. NULL with errno: the node runs without. */
struct report *report_start(struct loop *loop, struct stack *st, const struct report_node *who);
void report_stop(struct report *r);	/* removes the file; NULL is fine */

/* The table called name, to out; false: there is none. */
bool report_table(struct stack *st, const struct report_node *who, const char *name, FILE *out);
const char *report_table_name(unsigned i);	/* NULL past the end */

#define REPORT_DIR_LEN	sizeof(((struct sockaddr_un *)0)->sun_path)

/* The directories of node sockets: place 0 is $XDG_RUNTIME_DIR/ioth/nodes, place
 * 1 /tmp/ioth-UID/nodes, for where there is no such variable. Made if asked, and
 * ours alone. 0; -errno: cannot be used; -EINVAL: there is no such place. */
int report_dir(unsigned place, bool make, char buf[REPORT_DIR_LEN]);

#endif
