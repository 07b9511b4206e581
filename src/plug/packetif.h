/* packetif.h - the plug to an interface of Linux by a packet socket */
#ifndef PLUG_PACKETIF_H
#define PLUG_PACKETIF_H

#include "plug/locator.h"
#include "plug/plug.h"

/* Row of the plug table: packet://IF. */
struct plug *packetif_open(const struct locator *loc, const struct plug_conf *conf, char **why);

#endif
