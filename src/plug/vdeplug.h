/* vdeplug.h - locators that are left to libvdeplug */
#ifndef PLUG_VDEPLUG_H
#define PLUG_VDEPLUG_H

#include "plug/plug.h"

/* The whole locator, scheme and all. NULL with *why (malloc'd): the library knows the
 * scheme and says why not; NULL without: *lack tells why nobody was asked. */
struct plug *vdeplug_open(const char *locator, const struct plug_conf *conf, char **why,
			  const char **lack);

#endif
