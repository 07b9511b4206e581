/* mirror.h - ioth trace --mirror: a switch shows other ports' frames to ours */
#ifndef CMD_MIRROR_H
#define CMD_MIRROR_H

#include "base/base.h"

struct mirror;

/* Of one port ("3") or of all there are ("all"), at the switch that the locator names,
 * where this process has joined as descr. NULL: the user was told why. */
struct mirror *mirror_new(const char *locator, const char *descr, const char *which);
void mirror_end(struct mirror *m);	/* NULL is fine */

#endif
