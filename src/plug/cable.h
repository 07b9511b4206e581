/* cable.h - joins two plugs: what comes out of one goes into the other */
#ifndef PLUG_CABLE_H
#define PLUG_CABLE_H

#include "base/loop.h"
#include "plug/plug.h"

struct cable;

/* Takes both plugs. */
struct cable *cable_new(struct loop *loop, struct plug *a, struct plug *b);
/* After each wait. False: one end has gone, which cable_error tells. */
bool cable_run(struct cable *c, usec now);
usec cable_deadline(const struct cable *c);
int cable_error(const struct cable *c, int end);	/* -errno of end 0 or 1; 0: it is there */
const struct plug *cable_plug(const struct cable *c, int end);
void cable_free(struct cable *c);	/* NULL is fine */

#endif
