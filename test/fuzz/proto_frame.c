/* proto_frame.c - any frame prints as one proper line, cut only at the end */
#include "../proto_eq.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char full[2048], small[40];
	struct text t = text_of(full, sizeof(full));
	struct text s = text_of(small, sizeof(small));

	frame_print(&t, data, size);
	check_line(&t);
	frame_print(&s, data, size);
	CHECK(s.len == MIN(t.len, sizeof(small) - 1));
	CHECK(memcmp(full, small, s.len) == 0);
	CHECK(s.cut == (t.len > s.len));
	return 0;
}
