/* classic.h - segments and merges above a plug that carries wire frames only */
#ifndef PLUG_CLASSIC_H
#define PLUG_CLASSIC_H

#include "plug/plug.h"

struct plug *classic_new(struct plug *below);	/* takes below */

#endif
