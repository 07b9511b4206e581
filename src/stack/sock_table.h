/* sock_table.h - what sock.c and sock_table.c share */
#ifndef STACK_SOCK_TABLE_H
#define STACK_SOCK_TABLE_H

#include "stack/sock.h"

struct sock_table {
	struct map	ports;		/* struct sock_port */
	struct map	conns;		/* struct sock */
	struct sock	*recent;	/* of conns, found last; NULL: none */
	struct list	all;
	struct list	raws;		/* raw.c */
	struct list	taps;		/* packet.c */
	uint32_t	count;
};

/* Somebody sees packets before their protocol does, and wants them as they came. */
static inline bool sock_onlookers(const struct stack *st)
{
	return !list_empty(&st->socks->raws) || !list_empty(&st->socks->taps);
}

/* Who has no socket keeps a port all the same. */
void sock_port_hold(struct stack *st, int proto, uint16_t num);
void sock_port_release(struct stack *st, int proto, uint16_t num);

#endif
