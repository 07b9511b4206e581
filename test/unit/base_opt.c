/* base_opt.c - option tables, help, and the lines a wrong use gets */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/opt.h"
#include "base/text.h"
#include "unit.h"

struct conf {
	int		verbose;
	const char	*name;
	uint64_t	count;
};

static const char *set_verbose(void *conf, const char *value)
{
	assert_null(value);
	((struct conf *)conf)->verbose++;
	return NULL;
}

static const char *set_name(void *conf, const char *value)
{
	((struct conf *)conf)->name = value;
	return NULL;
}

static const char *set_count(void *conf, const char *value)
{
	return num_parse(value, 1, 9, &((struct conf *)conf)->count) ?
	       NULL : "not a number from 1 to 9";
}

static const struct opt common[] = {
	{ "verbose", 'v', NULL, "say more", set_verbose },
	{ NULL },
};

static const struct opt own[] = {
	{ "name", 0, "NAME", "a name", set_name },
	{ "count", 'n', "N", "how many of a thing with a rather long description", set_count },
	{ NULL },
};

static const struct opt_page page = {
	"ioth test [OPTIONS] FILE", "Tests options.", { own, common }, "EXAMPLES\n",
};

static int parse(struct conf *c, const char *line)
{
	static char copy[256];
	char *argv[16] = { "test" };
	int argc = 1;

	*c = (struct conf){ 0 };
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *s = strtok(copy, " "); s; s = strtok(NULL, " "))
		argv[argc++] = s;
	return opt_parse(&page, argc, argv, c);
}

/* Everything written to that fd while f(arg) runs, with its result. */
static int captured(int fd, const char *line, char *buf, size_t size)
{
	FILE *tmp = tmpfile();
	int saved = dup(fd), rc;
	struct conf c;
	size_t n;

	fflush(stdout);
	dup2(fileno(tmp), fd);
	rc = parse(&c, line);
	fflush(stdout);
	dup2(saved, fd);
	close(saved);
	rewind(tmp);
	n = fread(buf, 1, size - 1, tmp);
	buf[n] = 0;
	fclose(tmp);
	return rc;
}

static void forms(void **state)
{
	struct conf c;

	assert_int_equal(parse(&c, "--name a -v --count=5 file -v"), 5);
	assert_string_equal(c.name, "a");
	assert_true(c.verbose == 1 && c.count == 5);
	assert_int_equal(parse(&c, "-vvn3"), 2);
	assert_true(c.verbose == 2 && c.count == 3);
	assert_int_equal(parse(&c, "-vn 4 x"), 3);
	assert_true(c.verbose == 1 && c.count == 4);
	assert_int_equal(parse(&c, "-v -- -v"), 3);
	assert_int_equal(c.verbose, 1);
	assert_int_equal(parse(&c, "- -v"), 1);
	assert_int_equal(parse(&c, "--name= x"), 2);
	assert_string_equal(c.name, "");
	assert_int_equal(parse(&c, "--name -- x"), 3);
	assert_string_equal(c.name, "--");
	assert_int_equal(parse(&c, ""), 1);
}

static void wrong_use_is_one_line(void **state)
{
	static const struct { const char *line, *says; } t[] = {
		{ "--nmae x", "ioth: --nmae: no such option (try --help)\n" },
		{ "-x", "ioth: -x: no such option (try --help)\n" },
		{ "-vx", "ioth: -x: no such option (try --help)\n" },
		{ "--count", "ioth: --count: needs a value (N)\n" },
		{ "-n", "ioth: --count: needs a value (N)\n" },
		{ "--verbose=1", "ioth: --verbose: takes no value\n" },
		{ "--count 10", "ioth: --count: 10: not a number from 1 to 9\n" },
		{ "--nam x", "ioth: --nam: no such option (try --help)\n" },
	};
	char buf[512];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(captured(STDERR_FILENO, t[i].line, buf, sizeof(buf)), -2);
		assert_string_equal(buf, t[i].says);
	}
}

static void help_lists_every_row(void **state)
{
	char buf[2048];

	assert_int_equal(captured(STDOUT_FILENO, "-v --help", buf, sizeof(buf)), -1);
	assert_string_equal(buf,
		"usage: ioth test [OPTIONS] FILE\n\n"
		"Tests options.\n\n"
		"      --name NAME             a name\n"
		"  -n, --count N               how many of a thing with a rather long description\n"
		"  -v, --verbose               say more\n"
		"  -h, --help                  show this\n"
		"\nEXAMPLES\n");
	assert_int_equal(captured(STDOUT_FILENO, "-vh", buf, sizeof(buf)), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(wrong_use_is_one_line),
		cmocka_unit_test(help_lists_every_row),
	};
	log_stderr();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
