/* tap.h - the plug to a tap interface of Linux */
#ifndef PLUG_TAP_H
#define PLUG_TAP_H

#include <net/if.h>

#include "plug/locator.h"
#include "plug/plug.h"

/* Row of the plug table: tap://IF; IF empty or ending in %d: the kernel names it. */
struct plug *tap_open(const struct locator *loc, const struct plug_conf *conf, char **why);

/* The two steps of it, for who takes them in different places: the descriptor of an
 * interface of that name, made if it is not there (its name is then in ifname), or -1 with
 * *why; and the plug, which takes the descriptor. */
int tap_device(const char *name, char ifname[IFNAMSIZ], char **why);
struct plug *tap_new(int fd, uint32_t mtu);

#endif
