/* ifname.h - what the plugs to Linux's interfaces ask of one by its name */
#ifndef PLUG_IFNAME_H
#define PLUG_IFNAME_H

#include <net/if.h>

#include "base/base.h"

/* NULL, or why the name cannot be an interface's. */
const char *ifname_check(const char *name);
uint32_t ifname_mtu(const char *name);		/* 1500 if it does not say */
int ifname_up(const char *name);		/* 0 or -errno */

#endif
