/* talk.h - one command to a console of a running switch */
#ifndef CMD_TALK_H
#define CMD_TALK_H

/* path: the switch's directory, or a console's socket. words: the command; behind "show"
 * -t and --json choose how tables are printed. The exit status. */
int talk(const char *path, int n_words, char **words);
/* The lines that a command answers with (malloc'd); NULL, and the user was told why. */
char *talk_ask(const char *path, const char *command);

#endif
