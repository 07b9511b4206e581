/* tap.h - the plug to a tap interface of Linux */
#ifndef PLUG_TAP_H
#define PLUG_TAP_H

#include "plug/locator.h"
#include "plug/plug.h"

/* Row of the plug table: tap://IF; IF empty or ending in %d: the kernel names it. */
struct plug *tap_open(const struct locator *loc, const struct plug_conf *conf, char **why);

#endif
