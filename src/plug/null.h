/* null.h - a plug that swallows everything: null:// */
#ifndef PLUG_NULL_H
#define PLUG_NULL_H

#include "plug/locator.h"
#include "plug/plug.h"

struct plug *null_open(const struct locator *loc, const struct plug_conf *conf, char **why);

#endif
