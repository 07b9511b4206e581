/* plug_vnet.c - virtio_net_hdr from our notes, and our notes from it */
#include "plug/vnet.h"
#include "plug_bag.h"

/* As the other side of a tap gets it: all bytes in extents, no notes. */
static struct pkt *across(struct pkt *pkt)
{
	uint32_t len;
	uint8_t *p = flat(pkt, &len);
	struct pkt *in = pkt_new();

	assert_true(pkt_append(in, arena, p, len));
	free(p);
	pkt_free(pkt);
	return in;
}

/* Cut, it is the segments that it was made of. */
static void assert_cut(struct pkt *pkt, const struct seg *s, uint32_t size)
{
	struct seg part = *s;

	offload_out(pkt, bag_emit, &bag);
	for (uint32_t at = 0; at < s->len; at += part.len) {
		struct pkt *seg = bag_pop(&bag);

		part.len = MIN(size, s->len - at);
		assert_seg(seg, &part);
		pkt_free(seg);
		part.seq += part.len;
		part.id++;
		part.flags &= (uint8_t)~TCP_CWR;
	}
	assert_int_equal(bag.n, 0);
}

static void super(bool v6, uint8_t flags, uint8_t type)
{
	struct seg s = { .v6 = v6, .seq = 5, .len = 20000, .flags = flags };
	struct pkt *pkt = seg_out(arena, &s, 1448);
	struct virtio_net_hdr h;

	assert_true(vnet_out(pkt, &h));
	assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(h.gso_type, type);
	assert_int_equal(h.gso_size, 1448);
	assert_int_equal(h.hdr_len, pkt->gso_hlen);
	assert_int_equal(h.csum_start, seg_l4(&s));
	assert_int_equal(h.csum_offset, 16);
	h.hdr_len = 200;		/* the kernel's is not the headers' length */
	pkt = across(pkt);
	assert_true(vnet_in(pkt, &h));
	assert_int_equal(pkt->gso_size, 1448);
	assert_cut(pkt, &s, 1448);
}

static void a_super_frame_is_one_there_too(void **state)
{
	super(false, TCP_ACK, VIRTIO_NET_HDR_GSO_TCPV4);
	super(true, TCP_ACK, VIRTIO_NET_HDR_GSO_TCPV6);
	super(false, TCP_ACK | TCP_CWR, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
}

static void a_frame_wants_its_sum(void **state)
{
	struct seg s = { .seq = 5, .len = 100 };
	struct pkt *pkt = seg_out(arena, &s, 0);
	struct virtio_net_hdr h;

	assert_true(vnet_out(pkt, &h));
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	pkt = across(pkt);
	assert_true(vnet_in(pkt, &h));
	assert_int_equal(pkt->sum, PKT_SUM_PARTIAL);
	pkt_sum_finish(pkt);
	assert_seg(pkt, &s);
	pkt_free(pkt);
}

/* A size was noted, but there is only one segment. */
static void one_segment_is_no_super_frame(void **state)
{
	struct seg s = { .seq = 5, .len = 100 };
	struct pkt *pkt = seg_out(arena, &s, 1448);
	struct virtio_net_hdr h;

	assert_true(vnet_out(pkt, &h));
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_NONE);
	assert_int_equal(h.gso_size, 0);
	pkt_free(pkt);
}

static void a_tag_does_not_hide_the_type(void **state)
{
	static const uint8_t tag[] = { 0x81, 0, 0, 7 };
	struct seg s = { .v6 = true, .seq = 5, .len = 5000 };
	struct pkt *pkt = seg_out(arena, &s, 1448);
	struct virtio_net_hdr h;

	assert_non_null(pkt_push(pkt, sizeof(tag)));
	memmove(pkt->head + pkt->cur, pkt->head + pkt->cur + sizeof(tag), 12);
	memcpy(pkt->head + pkt->cur + 12, tag, sizeof(tag));
	assert_true(vnet_out(pkt, &h));
	assert_int_equal(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
	assert_int_equal(h.csum_start, seg_l4(&s) + sizeof(tag));
	pkt_free(pkt);
}

/* Merged on the way in: its sum is nobody's any more. */
static void what_was_merged_is_cut_first(void **state)
{
	struct seg s = { .seq = 5, .len = 5000 };
	struct pkt *pkt = seg_out(arena, &s, 1448);
	struct virtio_net_hdr h;

	pkt->sum = PKT_SUM_OK;
	assert_false(vnet_out(pkt, &h));
	pkt->gso_size = 0;
	assert_true(vnet_out(pkt, &h));
	assert_int_equal(h.flags, 0);
	pkt_free(pkt);
}

static void verified_and_not(void **state)
{
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_DATA_VALID };
	struct pkt *pkt = plain_frame(arena, 60, 1);

	assert_true(vnet_in(pkt, &h));
	assert_int_equal(pkt->sum, PKT_SUM_OK);
	h.flags = 0;
	assert_true(vnet_in(pkt, &h));
	assert_int_equal(pkt->sum, PKT_SUM_NONE);
	pkt_free(pkt);
}

/* What a guest, or a kernel with a fault, may say. */
static void nonsense_is_refused(void **state)
{
	static const struct virtio_net_hdr bad[] = {
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 100 },
		{ .flags = 1, .csum_start = 0, .csum_offset = 16 },
		{ .flags = 1, .csum_start = 34, .csum_offset = 5000 },
		{ .flags = 1, .csum_start = 60000, .csum_offset = 60000 },
		{ .flags = 1, .csum_start = 250, .csum_offset = 16 },
		{ .flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 1 },
		{ .flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 1, .gso_size = 1 },
		{ .flags = 1, .csum_start = 34, .csum_offset = 6, .gso_type = 1, .gso_size = 1000 },
		{ .flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 3, .gso_size = 1000 },
		{ .flags = 1, .csum_start = 34, .csum_offset = 16, .gso_type = 99, .gso_size = 9 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct seg s = { .seq = 5, .len = 5000 };
		struct pkt *pkt = seg_in(arena, &s);

		if (vnet_in(pkt, &bad[i]))
			fail_msg("header %u is taken", i);
		pkt_free(pkt);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_super_frame_is_one_there_too),
		TEST(a_frame_wants_its_sum),
		TEST(one_segment_is_no_super_frame),
		TEST(a_tag_does_not_hide_the_type),
		TEST(what_was_merged_is_cut_first),
		TEST(verified_and_not),
		TEST(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
