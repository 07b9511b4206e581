/* mgmt.h - consoles of a switch: who sits at them and what they are told */
#ifndef SWITCH_MGMT_H
#define SWITCH_MGMT_H

#include "base/grow.h"
#include "switch/client.h"

struct session;

/* What may be told to a console, a line each; the name is what debug/add takes. */
enum event {
	EVENT_HASH_ADD, EVENT_HASH_DEL, EVENT_HASH_MOVE,
	EVENT_PORT_ADD, EVENT_PORT_DEL, EVENT_DESCR,
	EVENT_END_ADD, EVENT_END_DEL, EVENT_REFUSED,
	EVENT_DROP, EVENT_RULE,
	N_EVENTS
};

/* The socket "mgmt" in the switch's directory, and conf's, and stdin. */
bool mgmt_open(struct sw *sw, char **why);
void mgmt_close(struct sw *sw);
void mgmt_run(struct sw *sw, usec now);
usec mgmt_deadline(const struct sw *sw);

/* mgmt_listen.c: its sockets */
bool mgmt_listen(struct sw *sw, char **why);
void mgmt_unlisten(struct sw *sw);
void session_new(struct sw *sw, int fd, uid_t uid);	/* takes fd */

/* For the commands. */
struct session *session_of(struct list *l);	/* an entry of sw->mgmt.sessions */
void session_end(struct session *s);		/* when the answer was read */
bool session_is_console(const struct session *s);
uint32_t *session_events(struct session *s);	/* a bit for each enum event */
/* The commands of a file; to out goes a line for each that failed. The first of
 * their errors, or why there is no such file to read, as an errno; 0. */
int mgmt_load(struct sw *sw, const char *path, struct grow *out);

/* event.c */
bool event_wanted(const struct sw *sw, enum event e);
void event_tell(struct sw *sw, enum event e, const char *fmt, ...) PRINTF(3, 4);
void event_watch(struct sw *sw);		/* what the core tells of by itself */
usec event_run(struct sw *sw, usec now);	/* what has to be looked for; when again */
void session_tell(struct sw *sw, uint32_t bit, const char *line);	/* to whom wants it */

#endif
