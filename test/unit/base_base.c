/* base_base.c - byte order, sequence numbers, time, cursors, lists */
#include "base/base.h"
#include "base/cursor.h"
#include "base/list.h"
#include "unit.h"

static void byte_order(void **state)
{
	be32 v = be32_put(0x01020304);

	assert_int_equal(be16_get(be16_put(0xfffe)), 0xfffe);
	assert_int_equal(be32_get(be32_put(0xfffefdfc)), 0xfffefdfc);
	assert_memory_equal(v.b, "\1\2\3\4", 4);
	assert_int_equal(_Alignof(be16), 1);
	assert_int_equal(_Alignof(be32), 1);
}

static void sequence_numbers_wrap(void **state)
{
	struct seq a = SEQ(0xfffffff0), b = seq_add(a, 0x20);

	assert_int_equal(b.v, 0x10);
	assert_true(seq_lt(a, b) && seq_le(a, b) && !seq_ge(a, b));
	assert_true(seq_gt(b, a) && seq_le(a, a) && !seq_lt(a, a));
	assert_int_equal(seq_diff(b, a), 0x20);
	assert_int_equal(seq_diff(a, b), -0x20);
	assert_true(seq_eq(seq_max(a, b), b));
	assert_true(seq_eq(seq_min(a, b), a));
}

static void time_does_not_pass_never(void **state)
{
	assert_true(usec_add(NEVER, 5) == NEVER);
	assert_true(usec_add(NEVER - 5, 6) == NEVER);
	assert_true(usec_add(3, 4) == 7);
}

static void short_read_fails_and_stays_failed(void **state)
{
	struct rd r = rd_of("\1\2\3\4\5\6\7", 7);
	uint8_t two[2] = { 9, 9 };

	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_left(&r), 4);
	assert_int_equal(rd_u32(&r), 0x04050607);
	assert_false(r.fail);
	assert_int_equal(rd_u16(&r), 0);
	assert_true(r.fail);
	assert_false(rd_copy(&r, two, 2));
	assert_int_equal(two[0], 0);
	assert_int_equal(rd_left(&r), 0);
}

static void a_sub_cursor_is_bounded(void **state)
{
	struct rd r = rd_of("\1\2\3\4", 4), sub = rd_sub(&r, 3);

	assert_int_equal(rd_left(&sub), 3);
	assert_int_equal(rd_left(&r), 1);
	sub = rd_sub(&r, 2);
	assert_true(sub.fail && r.fail);
	assert_int_equal(rd_left(&sub), 0);
}

static void a_write_past_the_end_writes_nothing(void **state)
{
	uint8_t buf[8] = { 0 };
	struct wr w = wr_of(buf, 6);

	wr_u32(&w, 0x01020304);
	wr_u8(&w, 5);
	wr_u16(&w, 0x0607);
	assert_true(w.fail);
	assert_int_equal(wr_len(&w), 5);
	assert_memory_equal(buf, "\1\2\3\4\5\0\0\0", 8);
	wr_u8(&w, 6);
	assert_int_equal(wr_left(&w), 0);
	assert_true(w.fail);
}

struct item { int v; struct list link; };

static void lists_keep_order(void **state)
{
	struct list a = LIST_INIT(a), b = LIST_INIT(b);
	struct item it[4] = { { .v = 0 }, { .v = 1 }, { .v = 2 }, { .v = 3 } };
	int want = 0;

	list_add_tail(&a, &it[1].link);
	list_add_head(&a, &it[0].link);
	list_add_tail(&b, &it[2].link);
	list_add_tail(&b, &it[3].link);
	list_splice_tail(&a, &b);
	assert_true(list_empty(&b));
	list_for(n, &a)
		assert_int_equal(container_of(n, struct item, link)->v, want++);
	assert_int_equal(want, 4);
	assert_int_equal(list_first(&a, struct item, link)->v, 0);
	assert_int_equal(list_last(&a, struct item, link)->v, 3);
	list_for_safe(n, &a)
		list_del(n);
	list_del(&it[0].link);
	assert_null(list_pop(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(byte_order),
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(time_does_not_pass_never),
		cmocka_unit_test(short_read_fails_and_stays_failed),
		cmocka_unit_test(a_sub_cursor_is_bounded),
		cmocka_unit_test(a_write_past_the_end_writes_nothing),
		cmocka_unit_test(lists_keep_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
