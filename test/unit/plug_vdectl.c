/* plug_vdectl.c - the bytes of the ctl protocol */
#include "plug/vdectl.h"
#include "unit.h"

/* The example of the facts: 127 bytes for /run/user/1000/net0/.04242-00000. */
static void a_request_has_vdes_bytes(void **state)
{
	static const uint8_t head[] = {
		0xce, 0xfa, 0xed, 0xfe, 3, 0, 0, 0, 0, 7, 0, 0, 1, 0, '/', 'r', 'u', 'n',
	};
	struct vde_request rq = { .port = 7, .descr = "iothd", .data = { .sun_family = AF_UNIX } };
	struct vde_request back = { 0 };
	uint8_t buf[256];
	struct wr w = wr_of(buf, sizeof(buf));

	strcpy(rq.data.sun_path, "/run/user/1000/net0/.04242-00000");
	vde_request_emit(&w, &rq);
	assert_int_equal(wr_len(&w), 127);
	assert_memory_equal(buf, head, sizeof(head));
	assert_memory_equal(buf + 122, "iothd", 5);
	assert_int_equal(vde_request_parse(buf, 127, &back), VDE_OK);
	assert_memory_equal(&back, &rq, sizeof(rq));
	assert_int_equal(vde_request_parse(buf, 122, &back), VDE_OK);
	assert_string_equal(back.descr, "");
	for (size_t n = 0; n < 122; n++)
		assert_int_equal(vde_request_parse(buf, n, &back), VDE_MORE);
}

static void a_description_is_made_printable(void **state)
{
	struct vde_request rq = { .data = { .sun_family = AF_UNIX } }, back;
	uint8_t buf[256];
	struct wr w = wr_of(buf, sizeof(buf));

	strcpy(rq.descr, "a\033[1mb\n\xff");
	vde_request_emit(&w, &rq);
	assert_int_equal(vde_request_parse(buf, wr_len(&w), &back), VDE_OK);
	assert_string_equal(back.descr, "a?[1mb??");
	memset(buf + 122, 'x', sizeof(buf) - 122);
	assert_int_equal(vde_request_parse(buf, sizeof(buf), &back), VDE_OK);
	assert_int_equal(strlen(back.descr), VDE_DESCR_MAX);
}

static void another_family_is_bad(void **state)
{
	struct vde_request rq = { .data = { .sun_family = AF_INET } };
	uint8_t buf[256];
	struct wr w = wr_of(buf, sizeof(buf));

	vde_request_emit(&w, &rq);
	assert_int_equal(vde_request_parse(buf, wr_len(&w), &rq), VDE_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_vdes_bytes),
		cmocka_unit_test(a_description_is_made_printable),
		cmocka_unit_test(another_family_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
