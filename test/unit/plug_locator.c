/* plug_locator.c - the grammar of locators, and what a wrong one is told */
#include "plug/ifname.h"
#include "plug/locator.h"
#include "plug/plug.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct want {
	const char	*text;
	enum locator_style style;
	const char	*addr, *inner;
	int		n;
	const char	*name[4], *value[4];
};

static void equal(const char *a, const char *b)
{
	if (a && b)
		assert_string_equal(a, b);
	else
		assert_true(a == b);
}

static void parts_are_found(void **state)
{
	static const struct want wants[] = {
		{ .text = "/tmp/sw", .addr = "/tmp/sw" },
		{ .text = "", .addr = "" },
		{ .text = "/tmp/sw[3]", .addr = "/tmp/sw", .n = 1, .name = { "3" } },
		{ .text = "/a b[port=3/mtu=9000]", .addr = "/a b", .n = 2,
		  .name = { "port", "mtu" }, .value = { "3", "9000" } },
		{ .text = "/x[]", .addr = "/x" },
		{ .text = "/x[a=]", .addr = "/x", .n = 1, .name = { "a" }, .value = { "" } },
		{ .text = "/x[a]{vde:///y}", .addr = "/x", .inner = "vde:///y", .n = 1,
		  .name = { "a" } },
		{ .text = "/x%20y%5b%zz", .addr = "/x y[%zz" },
		{ .text = "'/x[y]'\\[\"z]\"", .addr = "/x[y][z]" },
		{ .text = "/x[group='a/b]c'/q]", .addr = "/x", .n = 2,
		  .name = { "group", "q" }, .value = { "a/b]c" } },
		{ .text = "1.2.3.4/ttl=3/v4", .style = LOCATOR_NET, .addr = "1.2.3.4", .n = 2,
		  .name = { "ttl", "v4" }, .value = { "3" } },
		{ .text = "1.2.3.4", .style = LOCATOR_NET, .addr = "1.2.3.4" },
		{ .text = "/v4", .style = LOCATOR_NET, .addr = "", .n = 1, .name = { "v4" } },
		{ .text = "loss=1%/dup=2%{x{y}}", .style = LOCATOR_OPTS, .addr = "",
		  .inner = "x{y}", .n = 2, .name = { "loss", "dup" }, .value = { "1%", "2%" } },
		{ .text = "{x}", .style = LOCATOR_OPTS, .addr = "", .inner = "x" },
		{ .text = "a=b=c", .style = LOCATOR_OPTS, .addr = "", .n = 1, .name = { "a" },
		  .value = { "b=c" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		const struct want *w = &wants[i];
		struct locator l;

		equal(locator_parse(&l, w->text, w->style), NULL);
		equal(l.addr, w->addr);
		equal(l.inner, w->inner);
		assert_int_equal(l.n_opt, w->n);
		for (int k = 0; k < w->n; k++) {
			equal(l.opt[k].name, w->name[k]);
			equal(l.opt[k].value, w->value[k]);
		}
		locator_fini(&l);
	}
}

static void wrong_ones_are_refused(void **state)
{
	static const char *const bad[] = {
		"/x[a", "/x[a]b", "/x{y", "/x{", "'/x", "/x[a='b]", "/x[a]{y",
		"/x[1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1]",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct locator l;

		assert_non_null(locator_parse(&l, bad[i], LOCATOR_PATH));
	}
}

struct conf { const char *port, *portgroup; };

static const char *set_port(void *conf, const char *value)
{
	((struct conf *)conf)->port = value;
	return NULL;
}

static const char *set_portgroup(void *conf, const char *value)
{
	((struct conf *)conf)->portgroup = value;
	return *value ? NULL : "empty";
}

static const struct locator_opt table[] = {
	{ "#", set_port },
	{ "portgroup", set_portgroup },
	{ "port", set_port },
	{ NULL, NULL },
};

static char *apply(const char *text, struct conf *c)
{
	static struct locator l;	/* conf points into it */
	char *why;

	locator_fini(&l);
	if (!text)
		return NULL;
	assert_null(locator_parse(&l, text, LOCATOR_PATH));
	*c = (struct conf){ 0 };
	why = locator_apply(&l, table, c);
	return why;
}

static void names_match_by_prefix(void **state)
{
	struct conf c;
	char *why;

	assert_null(apply("/x[port=1]", &c));
	equal(c.port, "1");
	equal(c.portgroup, NULL);
	assert_null(apply("/x[portg=a]", &c));
	equal(c.portgroup, "a");
	assert_null(apply("/x[p=a]", &c));
	equal(c.portgroup, "a");
	assert_null(apply("/x[17]", &c));
	equal(c.port, "17");

	why = apply("/x[foo=1]", &c);
	equal(why, "no such option: foo (there are: portgroup, port)");
	free(why);
	why = apply("/x[portg=]", &c);
	equal(why, "option portgroup=: empty");
	free(why);
	why = apply("/x[port]", &c);
	equal(why, "option port needs a value: port=...");
	free(why);
	apply(NULL, &c);
}

static void says(const char *locator, const char *part)
{
	char *why = NULL;

	assert_null(plug_open(locator, NULL, &why));
	if (!why || !strstr(why, part))
		fail_msg("%s: %s", locator, why ? why : "no reason");
	free(why);
}

static void a_wrong_locator_is_told_why(void **state)
{
	says("/nowhere/sw", "no such switch: /nowhere/sw (start one: ioth switch -d /nowhere/sw)");
	says("vde:///nowhere/sw", "no such switch: /nowhere/sw");
	says("/nowhere/sw[port=x]", "option port=x: not a port number");
	says("/nowhere/sw[mtu=1]", "option mtu=1: not an MTU");
	says("/nowhere/sw[mode=9]", "option mode=9: not an octal mode");
	says("/nowhere/sw[group=no such]", "option group=no such: no such group");
	says("/nowhere/sw[a", "']' is missing");
	says("cmd://", "no command; write: ");
	says("null://{x}", "takes no locator in braces");
	says("tap:///dev/tap0", "no interface is called so");
	says("vde://x{y}", "takes no locator in braces");
	says("/dev/null", "no such switch: /dev/null");
	says("fault://{fault://{fault://{fault://{fault://{fault://{fault://{fault://{fault://{x}}}}}}}}}",
	     "nested too deeply");
}

static void a_file_holds_a_locator(void **state)
{
	char path[] = "/tmp/ioth-locator-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "packet://a/b\r\nm\n", 16), 16);
	close(fd);
	says(path, "packet://a/b: no interface is called so");
	unlink(path);
}

/* No locator at all: ~/.vdeplug/default, ~/.vde2/default.switch. */
static void the_user_may_have_a_default(void **state)
{
	char home[] = "/tmp/ioth-locator-XXXXXX", dir[64], file[80];
	FILE *f;

	assert_non_null(mkdtemp(home));
	snprintf(dir, sizeof(dir), "%s/.vde2", home);
	snprintf(file, sizeof(file), "%s/default.switch", dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	f = fopen(file, "w");
	assert_non_null(f);
	fputs("packet://a/b\n", f);
	fclose(f);
	setenv("HOME", home, 1);
	says("", "packet://a/b: no interface is called so");
	unlink(file);
	rmdir(dir);
	rmdir(home);
}

static void an_interface_may_stand_before(void **state)
{
	static const struct { const char *text, *name, *rest; } words[] = {
		{ "net0:/tmp/sw", "net0", "/tmp/sw" },
		{ "net0:vde:///tmp/sw", "net0", "vde:///tmp/sw" },
		{ "net0:", "net0", "" },
		{ "vde:///tmp/sw", "", "vde:///tmp/sw" },
		{ "/tmp/a:b", "", "/tmp/a:b" },
		{ "fault://loss=1%{net0:/tmp/sw}", "", "fault://loss=1%{net0:/tmp/sw}" },
		{ "a-name-too-long-for-one:/tmp/sw", "", "a-name-too-long-for-one:/tmp/sw" },
		{ ":/tmp/sw", "", ":/tmp/sw" },
		{ "", "", "" },
	};
	char name[IFNAMSIZ];

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_string_equal(ifname_split(words[i].text, name), words[i].rest);
		assert_string_equal(name, words[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_found),
		cmocka_unit_test(wrong_ones_are_refused),
		cmocka_unit_test(names_match_by_prefix),
		cmocka_unit_test(a_wrong_locator_is_told_why),
		cmocka_unit_test(a_file_holds_a_locator),
		cmocka_unit_test(the_user_may_have_a_default),
		cmocka_unit_test(an_interface_may_stand_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
