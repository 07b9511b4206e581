/* grid.c - a table of text, printed for people and for programs
 *
 * Cells came from another process: a control character in one is shown as '?',
 * so that it neither breaks a line nor moves the cursor of a terminal.
 */
#include "cmd/grid.h"

#include <stdlib.h>

#include "base/mem.h"

static void add_cell(struct grid *g, const char *s)
{
	char *cell = xstrdup(s);

	for (char *c = cell; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	g->cell = xrealloc(g->cell, (g->n + 1) * sizeof(*g->cell));
	g->cell[g->n++] = cell;
}

static unsigned count(const char *line, const char *label)
{
	unsigned n = label ? 2 : 1;

	for (; *line; line++)
		n += *line == '\t';
	return n;
}

static bool add_row(struct grid *g, char *line, const char *label)
{
	if (count(line, label) != g->cols)
		return false;
	if (label)
		add_cell(g, label);
	while (line)
		add_cell(g, strsep(&line, "\t"));
	return true;
}

bool grid_add(struct grid *g, char *text, const char *title, const char *label)
{
	char *names = strsep(&text, "\n");

	if (!text)
		return false;
	if (!g->n) {
		g->cols = count(names, title);
		add_row(g, names, title);
	}
	while (text && *text) {
		if (!add_row(g, strsep(&text, "\n"), label))
			return false;
	}
	return true;
}

size_t grid_rows(const struct grid *g)
{
	return g->n ? g->n / g->cols : 0;
}

void grid_free(struct grid *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->cell[i]);
	free(g->cell);
	*g = (struct grid){ 0 };
}

static int width(const struct grid *g, unsigned col)
{
	size_t w = 0;

	for (size_t i = col; i < g->n; i += g->cols)
		w = MAX(w, strlen(g->cell[i]));
	return (int)w;
}

void grid_print(const struct grid *g, FILE *out)
{
	int *wide = xmalloc((g->cols + 1) * sizeof(*wide));

	for (unsigned i = 0; i < g->cols; i++)
		wide[i] = width(g, i);
	for (size_t row = 0; row < grid_rows(g); row++) {
		char **cell = g->cell + row * g->cols;

		for (unsigned i = 0; i + 1 < g->cols; i++)
			fprintf(out, "%-*s  ", wide[i], cell[i]);
		fprintf(out, "%s\n", cell[g->cols - 1]);
	}
	free(wide);
}

void grid_print_tabs(const struct grid *g, FILE *out)
{
	for (size_t i = 0; i < g->n; i++)
		fprintf(out, "%s%c", g->cell[i], (i + 1) % g->cols ? '\t' : '\n');
}

static void json_string(const char *s, FILE *out)
{
	putc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', out);
		putc(*s, out);
	}
	putc('"', out);
}

/* Columns of words, where a number is a word too: --net 7 is a path. */
static bool is_text(const char *column)
{
	return strcmp(column, "node") == 0 || strcmp(column, "name") == 0 ||
	       strcmp(column, "program") == 0 || strcmp(column, "nets") == 0;
}

static bool is_number(const char *s)	/* RFC 8259 6: no leading zeros */
{
	return *s && strspn(s, "0123456789") == strlen(s) && (*s != '0' || !s[1]);
}

static void json_value(const char *column, const char *s, FILE *out)
{

	if (strcmp(s, "-") == 0)
		fputs("null", out);
	else if (is_number(s) && !is_text(column))
		fputs(s, out);
	else
		json_string(s, out);
}

static void json_object(const struct grid *g, char **cell, FILE *out)
{
	for (unsigned i = 0; i < g->cols; i++) {
		fputs(i ? ", " : "{", out);
		json_string(g->cell[i], out);
		fputs(": ", out);
		json_value(g->cell[i], cell[i], out);
	}
	putc('}', out);
}

void grid_print_json(const struct grid *g, FILE *out)
{
	putc('[', out);
	for (size_t row = 1; row < grid_rows(g); row++) {
		fputs(row > 1 ? ", " : "", out);
		json_object(g, g->cell + row * g->cols, out);
	}
	fputs("]\n", out);
}
