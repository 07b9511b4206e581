/* command_main.c - the words that are of the switch as a whole, and files of them
 *
 * Nothing here is told of a file's lines but which of them failed: who may use
 * the console need not be allowed to read what the switch can.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "switch/command.h"
#include "switch/mgmt.h"

static int cmd_logout(struct call *c)
{
	if (!c->by || session_is_console(c->by))
		return command_fail(c, EINVAL, "there is nothing to leave; shutdown ends the switch");
	grow_add(c->out, "9999 END OF SESSION");
	session_end(c->by);
	return -1;
}

static int cmd_shutdown(struct call *c)
{
	info("a console said: shutdown");
	c->sw->stop = true;
	if (!c->by)
		return 0;
	grow_add(c->out, "9999 END OF SESSION");
	session_end(c->by);
	return -1;
}

static int cmd_showinfo(struct call *c)
{
	const struct sw *sw = c->sw;
	char mac[MAC_STRLEN];

	grow_add(c->out, "VDE switch V.2.3.2 (ioth " IOTH_VERSION ")\n");
	grow_add(c->out, "\npid %d MAC %s uptime %lld\n", (int)getpid(), mac_text(&sw->mac, mac),
		 (long long)((now_mono() - sw->born) / USEC_PER_SEC));
	if (sw->mgmt.path)
		grow_add(c->out, "mgmt %s perm %04o\n", sw->mgmt.path,
			 (unsigned)(sw->conf.mgmt_mode ? sw->conf.mgmt_mode : 0600));
	return 0;
}

static int cmd_ds_showinfo(struct call *c)
{
	grow_add(c->out, "ctl dir %s\nstd mode %04o\n", c->sw->dir.path,
		 (unsigned)c->sw->conf.mode);
	return 0;
}

/* --- files of commands --- */

/* The errno of a line's error, or 0. */
static int load_line(struct sw *sw, const char *line, unsigned n, struct grow *out)
{
	struct grow data = { 0 };
	struct call c = { .sw = sw, .out = &data };
	int rc = MAX(command_do(&c, line), 0);

	if (rc)
		grow_add(out, "line %u: 1%03d %s%s%s\n", n, rc, strerror(rc), *c.why ? ": " : "",
			 c.why);
	grow_free(&data);
	return rc;
}

/* A line that is too long is not run, nor is its end as one of its own. */
static int skip_line(FILE *f, unsigned n, struct grow *out)
{
	int c;

	while ((c = getc(f)) != EOF && c != '\n')
		;
	grow_add(out, "line %u: 1%03d %s: a line has less than %u bytes\n", n, E2BIG,
		 strerror(E2BIG), COMMAND_LINE_MAX);
	return E2BIG;
}

static int load_lines(struct sw *sw, FILE *f, struct grow *out)
{
	char line[COMMAND_LINE_MAX + 1];
	int first = 0, rc;

	for (unsigned n = 1; fgets(line, sizeof(line), f); n++) {
		if (strlen(line) == COMMAND_LINE_MAX && line[COMMAND_LINE_MAX - 1] != '\n')
			rc = skip_line(f, n, out);
		else
			rc = load_line(sw, line, n, out);
		first = first ? first : rc;
	}
	return first;
}

int mgmt_load(struct sw *sw, const char *path, struct grow *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *f;
	int rc;

	if (fd < 0)
		return errno;
	f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
	if (!f) {
		close(fd);
		return EINVAL;
	}
	sw->mgmt.loading = true;
	rc = load_lines(sw, f, out);
	sw->mgmt.loading = false;
	fclose(f);
	return rc;
}

static int cmd_load(struct call *c)
{
	size_t before;
	int rc;

	if (!c->argc)
		return command_fail(c, EINVAL, "which file? write: load FILE");
	if (c->sw->mgmt.loading)
		return command_fail(c, ELOOP, "a file that is loaded cannot load another");
	before = c->out->len;
	rc = mgmt_load(c->sw, c->rest[0], c->out);
	if (rc && c->out->len > before)
		return command_fail(c, rc, "the lines that failed are named above");
	return rc ? command_fail(c, rc, "no file that the switch can read; write its whole path") : 0;
}

const struct command main_commands[] = {
	{ "ds", NULL, "DATA SOCKET MENU", false, NULL },
	{ "ds/showinfo", "", "show ds info", true, cmd_ds_showinfo },
	{ "help", "[arg]", "Help (limited to arg when specified)", true, command_help },
	{ "logout", "", "logout from this mgmt terminal", false, cmd_logout },
	{ "shutdown", "", "shutdown of the switch", false, cmd_shutdown },
	{ "showinfo", "", "show switch version and info", true, cmd_showinfo },
	{ "load", "path", "load a configuration script", true, cmd_load },
	{ NULL, NULL, NULL, false, NULL },
};
