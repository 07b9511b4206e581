/* launch.h - what the two kinds of supervisor share */
#ifndef RUN_LAUNCH_H
#define RUN_LAUNCH_H

#include "run/run.h"

/* Supervisor to front. */
struct word {
	enum { WORD_STARTED, WORD_ENDED, WORD_FAILED } kind;
	int	value;		/* pid, wait status, exit status */
	bool	alone;		/* ended: nobody is left; wait for us */
};

void launch_tell(int status_fd, struct word w);
int launch_front(int status_fd);	/* front.c: the exit status */
void launch_be_server(void);	/* the program is another process: of its session and limits no more */
void launch_forget_stdio(void);
/* Nobody has its sockets any more: until TCP has delivered what was written, or gives up. */
struct kstack;
void launch_wait_delivery(struct kstack *k);
/* All above 2 but those. */
void launch_close_inherited(const int *keep, size_t n);
/* Becomes the program, or tells why not and ends. */
_Noreturn void launch_exec(char **argv);

/* netns.c: returns when nobody of the program is left. */
int netns_supervisor(const struct run_conf *conf, char **argv, int status_fd);

#endif
