/* known.h - the list of differences that have a reason */
#ifndef DIFFER_KNOWN_H
#define DIFFER_KNOWN_H

#include "base/base.h"

void known_load(const char *path);	/* ends the program if it cannot be read */
/* Is it the list of the Linux that runs here? Else what differs is no failure. */
bool known_here(char *why, size_t size);
bool is_known(const char *what, const char *ours, const char *its);
/* Says how often each was met; full: those that never were are failures, too, and
 * else those that are not marked as rare. Returns how many failed. */
unsigned known_report(bool full, bool verbose);

#endif
