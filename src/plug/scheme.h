/* scheme.h - what a scheme that decorates another plug needs of plug.c */
#ifndef PLUG_SCHEME_H
#define PLUG_SCHEME_H

#include "plug/plug.h"

/* As plug_open, but what comes out carries wire frames only. */
struct plug *plug_open_wire(const char *locator, const struct plug_conf *conf, char **why);
/* As plug_open, but what comes out carries what it carries: see offload. */
struct plug *plug_open_below(const char *locator, const struct plug_conf *conf, char **why);

#endif
