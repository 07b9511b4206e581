/* stream.h - plugs that speak VDE's stream framing */
#ifndef PLUG_STREAM_H
#define PLUG_STREAM_H

#include "plug/locator.h"
#include "plug/plug.h"

struct child;

/* Rows of the plug table. cmd://"COMMAND"[mtu=N]; stdio://[mtu=N], which "-" stands for. */
struct plug *cmd_open(const struct locator *loc, const struct plug_conf *conf, char **why);
struct plug *stdio_open(const struct locator *loc, const struct plug_conf *conf, char **why);

/* Takes both descriptors, which may be one (a socket), and the child, or NULL. */
struct plug *stream_new(int in, int out, uint32_t mtu, struct child *child);

#endif
