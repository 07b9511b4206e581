/* ifname.h - what the plugs to Linux's interfaces ask of one by its name */
#ifndef PLUG_IFNAME_H
#define PLUG_IFNAME_H

#include <net/if.h>

#include "base/base.h"

/* NULL, or why the name cannot be an interface's. */
const char *ifname_check(const char *name);
/* "IF:LOCATOR": the name, and where the locator begins. Without a name: the text, and "". */
const char *ifname_split(const char *text, char name[IFNAMSIZ]);
uint32_t ifname_mtu(const char *name);		/* 1500 if it does not say */
int ifname_up(const char *name);		/* 0 or -errno */
int ifname_set_mtu(const char *name, uint32_t mtu);	/* the same */

#endif
