/* log.h - one line to stderr: "ioth: what: why"
 *
 * The command asks for that with log_stderr. A library says nothing in a program
 * that did not ask: there lines go to who takes them (log_to), or nowhere.
 *
 * err() is for what the user must know; info() is shown with -v, debug() with
 * -vv. die() ends the process with the given status (1 failure, 2 usage).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_ERROR, LOG_INFO, LOG_DEBUG };

typedef void log_taker(void *arg, const char *line);	/* no prefix, no newline */
void log_stderr(void);
void log_to(log_taker *take, void *arg);	/* NULL: nobody */
void log_set_level(enum log_level max);
bool log_shows(enum log_level lv);	/* is that level printed? */
/* Of the error output, for who writes there after 2 became something else. -1: there is
 * none, or we go to the background and nobody's output may be kept open. */
int log_copy(void);
void log_no_copies(void);
void log_put(enum log_level lv, const char *fmt, ...) PRINTF(2, 3);
_Noreturn void die(int status, const char *fmt, ...) PRINTF(2, 3);

#define err(...)	log_put(LOG_ERROR, __VA_ARGS__)
#define info(...)	log_put(LOG_INFO, __VA_ARGS__)
#define debug(...)	log_put(LOG_DEBUG, __VA_ARGS__)

#endif
