/* packetif.h - the plug to an interface of Linux by a packet socket */
#ifndef PLUG_PACKETIF_H
#define PLUG_PACKETIF_H

#include "plug/locator.h"
#include "plug/plug.h"

/* Row of the plug table: packet://IF. */
struct plug *packetif_open(const struct locator *loc, const struct plug_conf *conf, char **why);

/* The two steps of it, for who takes them in different namespaces: the socket, or -1 with
 * errno; and the plug, which takes the socket. */
int packetif_socket(int ifindex);
struct plug *packetif_new(int fd, const char *name, uint32_t mtu);

#endif
