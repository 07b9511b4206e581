/* trace.h - frames as lines of text */
#ifndef PLUG_TRACE_H
#define PLUG_TRACE_H

#include "plug/locator.h"
#include "plug/observe.h"

struct tracer;

/* Takes fd. what names it where an error is told. */
struct tracer *tracer_new(int fd, const char *what);
void tracer_frame(struct tracer *t, const struct pkt *pkt, const char *mark);
bool tracer_failed(struct tracer *t);
uint64_t tracer_dropped(const struct tracer *t);	/* lines that found no room */
void tracer_end(struct tracer *t);

/* Row of the plug table: trace://[FILE][cut=1]{LOCATOR}. */
struct plug *trace_open(const struct locator *loc, const struct plug_conf *conf, char **why);

#endif
