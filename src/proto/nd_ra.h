/* nd_ra.h - options of router advertisements only; between nd.c and nd_ra.c */
#ifndef PROTO_ND_RA_H
#define PROTO_ND_RA_H

#include "proto/proto.h"

/* r: the option behind type and length. */
void nd_route_parse(struct rd *r, struct nd_opts *o);
void nd_rdnss_parse(struct rd *r, struct nd_opts *o);
void nd_dnssl_parse(struct rd *r, struct nd_opts *o);
void nd_ra_opts_emit(struct wr *w, const struct nd_opts *o);
void nd_ra_opts_print(struct text *t, const struct nd_opts *o);

#endif
