/* vde.h - the vde plug: its two sockets (join) and what it does with them */
#ifndef PLUG_VDE_H
#define PLUG_VDE_H

#include "plug/locator.h"
#include "plug/plug.h"

#define VDE_FRAME_OVERHEAD	18	/* Ethernet header and one tag */

/* Row of the plug table: vde://DIR[PORT], vde://DIR[port=N/portgroup=.../mtu=N]. */
struct plug *vde_open(const struct locator *loc, const struct plug_conf *conf, char **why);
/* Takes both fds: data, connected both ways; ctl, whose end is the port's. */
struct plug *vde_new(int data, int ctl, uint32_t mtu);

#endif
