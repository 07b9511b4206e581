/* vset_in.h - between vset.c and vset_near.c */
#ifndef NODE_VSET_IN_H
#define NODE_VSET_IN_H

#include "node/vset.h"

#define VSET_ALWAYS	(EPOLLERR | EPOLLHUP)	/* told, asked for or not */

uint32_t vwatch_wanted(const struct vwatch *w);	/* what there is of what it asks for; 0: nothing */
void vwatch_may_be_ready(struct vwatch *w);
void vset_look_after(struct node *n, struct node_alarm *a);	/* is it left alone? */

#endif
