/* cmd.h - the subcommands of ioth: one function each, in a file of its name */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/opt.h"

/* argv[0] is the subcommand's name. Returns the exit status: 0, 1 failure, 2
 * usage. */
int cmd_addr(int argc, char **argv);
int cmd_plug(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_stack(int argc, char **argv);
int cmd_switch(int argc, char **argv);
int cmd_trace(int argc, char **argv);

extern const struct opt common_options[];	/* -v; conf is not used */

#endif
