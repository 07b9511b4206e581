/* base_text.c - bounded text, strict numbers, allocation of strings */
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "unit.h"

static void text_is_cut_not_overrun(void **state)
{
	char buf[12] = "xxxxxxxxxxx";
	struct text t = text_of(buf, 8);

	text_add(&t, "%d-%s", 12, "ab");
	assert_string_equal(buf, "12-ab");
	assert_false(t.cut);
	text_add(&t, "cdefgh");
	assert_true(t.cut);
	assert_string_equal(buf, "12-abcd");
	assert_int_equal(t.len, 7);
	text_add(&t, "more");
	assert_string_equal(buf, "12-abcd");
	assert_string_equal(buf + 8, "xxx");
}

static void text_of_no_size(void **state)
{
	struct text t = text_of(NULL, 0);

	text_add(&t, "a");
	assert_true(t.cut);
}

static void hex(void **state)
{
	char buf[16];
	struct text t = text_of(buf, sizeof(buf));

	text_hex(&t, "\x00\xff\x1a", 3);
	assert_string_equal(buf, "00ff1a");
}

static void plain(void **state)
{
	char s[] = "no \033[2J\x9b\r\n\x7f~";

	text_plain(s);
	assert_string_equal(s, "no ?[2J????~");
}

static void numbers(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1k",
		"101", "9", "18446744073709551616", "99999999999999999999" };
	uint64_t v = 0;

	assert_true(num_parse("10", 10, 100, &v) && v == 10);
	assert_true(num_parse("100", 10, 100, &v) && v == 100);
	assert_true(num_parse("18446744073709551615", 0, UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(num_parse(bad[i], 10, 100, &v));
	assert_true(v == UINT64_MAX);
}

static void sizes(void **state)
{
	uint64_t v = 0;

	assert_true(size_parse("7", 100, &v) && v == 7);
	assert_true(size_parse("64k", 1 << 20, &v) && v == 65536);
	assert_true(size_parse("64K", 1 << 20, &v) && v == 65536);
	assert_true(size_parse("3M", 1 << 24, &v) && v == 3 << 20);
	assert_true(size_parse("2G", UINT64_MAX, &v) && v == 2ull << 30);
	assert_false(size_parse("2G", 1 << 30, &v));
	assert_false(size_parse("17179869184G", UINT64_MAX, &v));
	assert_false(size_parse("k", 100, &v));
	assert_false(size_parse("1kk", UINT64_MAX, &v));
	assert_false(size_parse("1T", UINT64_MAX, &v));
}

static void durations(void **state)
{
	usec v = 0;

	assert_true(duration_parse("20", &v) && v == 20000);
	assert_true(duration_parse("20ms", &v) && v == 20000);
	assert_true(duration_parse("20us", &v) && v == 20);
	assert_true(duration_parse("3s", &v) && v == 3000000);
	assert_false(duration_parse("3h", &v));
	assert_false(duration_parse("-3s", &v));
	assert_false(duration_parse("9223372036854775807us", &v));
	assert_false(duration_parse("9223372036855s", &v));
}

static void percents(void **state)
{
	static const char *const bad[] = { "", "%", "101%", "1.1", "-1%", "2%%",
		"nan", "inf", "0x1", ".5", "1.", "1e0", "1 %" };
	double v = -1;

	assert_true(percent_parse("2%", &v) && v == 0.02);
	assert_true(percent_parse("0.02", &v) && v == 0.02);
	assert_true(percent_parse("2.5%", &v) && v == 0.025);
	assert_true(percent_parse("100%", &v) && v == 1);
	assert_true(percent_parse("0", &v) && v == 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(percent_parse(bad[i], &v));
}

static void strings(void **state)
{
	char *s = xasprintf("%s-%d", "a", 5), *d = xstrdup(s);
	uint8_t *z = xzalloc(64);

	assert_string_equal(d, "a-5");
	for (int i = 0; i < 64; i++)
		assert_int_equal(z[i], 0);
	z = xrealloc(z, 128);
	assert_non_null(z);
	free(s);
	free(d);
	free(z);
	free(xmalloc(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_cut_not_overrun),
		cmocka_unit_test(text_of_no_size),
		cmocka_unit_test(hex),
		cmocka_unit_test(plain),
		cmocka_unit_test(numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(percents),
		cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
