/* cmd_show.c - what ioth show makes of answers of any bytes
 *
 * The node at the other end may be of another version, or no node at all. The two
 * files of the command are taken in whole: what they parse with is theirs alone.
 */
#include "../../src/cmd/grid.c"
#include "../../src/cmd/show.c"
#include "fuzz.h"

const struct opt common_options[] = { { NULL, 0, NULL, NULL, NULL } };

/* JSON as far as it is printed here: arrays, objects, strings, numbers, null. */
static bool json(const char **s);

static bool json_word(const char **s)
{
	if (**s != '"')
		return false;
	for (++*s; **s != '"'; ++*s) {
		if ((unsigned char)**s < ' ')
			return false;
		*s += **s == '\\';
	}
	return *(*s)++ == '"';
}

static bool json_number(const char **s)
{
	size_t n = strspn(*s, "0123456789");
	bool good = n == 1 || (n > 1 && **s != '0');

	*s += n;
	return good;
}

static bool json_members(const char **s, char close)
{
	for (++*s; **s != close; *s += strspn(*s, ", ")) {
		if (close == '}') {
			if (!json_word(s) || *(*s)++ != ':' || *(*s)++ != ' ')
				return false;
		}
		if (!json(s))
			return false;
	}
	++*s;
	return true;
}

static bool json(const char **s)
{
	if (strncmp(*s, "null", 4) == 0) {
		*s += 4;
		return true;
	}
	if (**s == '[' || **s == '{')
		return json_members(s, **s == '[' ? ']' : '}');
	return **s == '"' ? json_word(s) : json_number(s);
}

static char *printed(const struct grid *g, void (*show)(const struct grid *, FILE *))
{
	size_t n;
	char *text;
	FILE *out = open_memstream(&text, &n);

	show(g, out);
	fclose(out);
	CHECK(strlen(text) == n);
	return text;
}

static void check_grid(const struct grid *g)
{
	char *text = printed(g, grid_print_json);
	const char *s = text;

	CHECK(json(&s) && strcmp(s, "\n") == 0);
	free(text);
	text = printed(g, grid_print);
	for (s = text; *s; s++)
		CHECK((unsigned char)*s >= ' ' || *s == '\n');
	free(text);
	free(printed(g, grid_print_tabs));
}

static char *copy(const uint8_t *data, size_t size)
{
	char *text = xmalloc(size + 1);

	memcpy(text, data, size);
	text[size] = 0;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = copy(data, size);
	struct identity id;
	struct grid g = { 0 };

	if (identify(text, &id))
		is_called(&id, "web");
	free(text);
	for (int node = 0; node < 2; node++) {
		text = copy(data, size);
		grid_add(&g, text, "node", node ? "007" : "web");
		free(text);
	}
	check_grid(&g);
	grid_free(&g);
	return 0;
}
