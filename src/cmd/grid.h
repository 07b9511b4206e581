/* grid.h - a table of text: rows of equal length, the first names the columns */
#ifndef CMD_GRID_H
#define CMD_GRID_H

#include <stdio.h>

#include "base/base.h"

struct grid {
	unsigned	cols;
	size_t		n;		/* cells; the first row names the columns */
	char		**cell;
};

/* Appends one more node's table: lines of cells with tabs between, its first
 * line the names. Each row begins with a cell more, label, in a column called
 * title; title NULL: without. False: not a table, or of other columns. */
bool grid_add(struct grid *g, char *text, const char *title, const char *label);
size_t grid_rows(const struct grid *g);		/* the names' among them */
void grid_free(struct grid *g);

void grid_print(const struct grid *g, FILE *out);	/* aligned, for people */
void grid_print_tabs(const struct grid *g, FILE *out);
void grid_print_json(const struct grid *g, FILE *out);	/* an array of objects, one line */

#endif
