/* switch_ctl.c - requests to join a switch from any bytes */
#include "fuzz.h"
#include "plug/vdectl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vde_request rq = { 0 }, again = { 0 };
	uint8_t buf[VDE_REQUEST_MAX];
	struct wr w = wr_of(buf, sizeof(buf));

	if (vde_request_parse(data, size, &rq) != VDE_OK)
		return 0;
	CHECK(size >= VDE_REQUEST_MIN);
	CHECK(rq.port < 1 << 24 && rq.data.sun_family == AF_UNIX);
	for (size_t i = 0; rq.descr[i]; i++)
		CHECK(rq.descr[i] >= ' ' && rq.descr[i] <= '~');
	vde_request_emit(&w, &rq);
	CHECK(!w.fail);
	CHECK(vde_request_parse(buf, wr_len(&w), &again) == VDE_OK);
	CHECK(again.port == rq.port && again.port0 == rq.port0);
	CHECK(memcmp(&again.data, &rq.data, sizeof(rq.data)) == 0);
	CHECK(strcmp(again.descr, rq.descr) == 0);
	return 0;
}
