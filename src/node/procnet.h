/* procnet.h - the stack's tables as files of /proc/net */
#ifndef NODE_PROCNET_H
#define NODE_PROCNET_H

#include <stdio.h>

#include "stack/stack.h"

/* name: "tcp". A descriptor to be read, or -errno; -ENOENT: none of ours. */
int procnet_open(struct stack *st, const char *name);

/* procnet_snmp.c */
void procnet_snmp(FILE *f, struct stack *st);
void procnet_snmp6(FILE *f, struct stack *st);
void procnet_netstat(FILE *f, struct stack *st);
void procnet_sockstat(FILE *f, struct stack *st);
void procnet_sockstat6(FILE *f, struct stack *st);
/* The same figures one by one: "Tcp.ActiveOpens". */
typedef void procnet_figure_fn(void *arg, const char *name, uint64_t n);
void procnet_figures(struct stack *st, procnet_figure_fn *each, void *arg);

#endif
