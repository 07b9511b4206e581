/* switches.h - ioth show switches */
#ifndef CMD_SWITCHES_H
#define CMD_SWITCHES_H

#include "cmd/grid.h"

/* The switches that this user may talk to. False: one of them does not answer. */
bool switches_add(struct grid *g);

#endif
