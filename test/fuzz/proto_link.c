/* proto_link.c - Ethernet, 802.1Q and ARP from any bytes
 *
 * Ethernet and tags use every bit: what was read is written back the same.
 */
#include "../proto_eq.h"
#include "fuzz.h"

static void eth(struct rd r)
{
	const uint8_t *from = r.p;
	uint8_t b[ETH_LEN];
	struct wr w = wr_of(b, sizeof(b));
	struct eth e;

	if (!eth_parse(&r, &e))
		return;
	CHECK(r.p == from + ETH_LEN);
	eth_emit(&w, &e);
	CHECK(!w.fail && memcmp(from, b, ETH_LEN) == 0);
	CHECK_PRINT(eth_print, &e);
}

static void vlan(struct rd r)
{
	const uint8_t *from = r.p;
	uint8_t b[VLAN_LEN];
	struct wr w = wr_of(b, sizeof(b));
	struct vlan v;

	if (!vlan_parse(&r, &v))
		return;
	CHECK(r.p == from + VLAN_LEN && v.id < 4096 && v.prio < 8);
	vlan_emit(&w, &v);
	CHECK(!w.fail && memcmp(from, b, VLAN_LEN) == 0);
	CHECK_PRINT(vlan_print, &v);
}

static void arp(struct rd r)
{
	const uint8_t *from = r.p;
	uint8_t b[ARP_LEN];
	struct wr w = wr_of(b, sizeof(b));
	struct arp a;

	if (!arp_parse(&r, &a))
		return;
	CHECK(r.p == from + ARP_LEN && ip_is_v4(&a.spa) && ip_is_v4(&a.tpa));
	arp_emit(&w, &a);
	CHECK(!w.fail && memcmp(from, b, ARP_LEN) == 0);
	CHECK_PRINT(arp_print, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(data, size);

	eth(r);
	vlan(r);
	arp(r);
	if (rd_bytes(&r, ETH_LEN)) {	/* the same inside a frame */
		vlan(r);
		arp(r);
	}
	return 0;
}
