/* verdict.h - between cases and who runs them */
#ifndef VERDICT_H
#define VERDICT_H

enum { SKIP_STATUS = 77 };

void skip(const char *why) __attribute__((noreturn));

extern int report;		/* the descriptor for what a case found */

const char *set_target(const char *text);	/* NULL: no address */

#endif
