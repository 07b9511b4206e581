/* vnet.h - virtio_net_hdr and our notes of offload, both ways
 *
 * What stands before each frame of a tap or packet socket of Linux: which checksum is
 * wanted, and how a super-frame is to be cut.
 */
#ifndef PLUG_VNET_H
#define PLUG_VNET_H

#include <linux/virtio_net.h>

#include "plug/plug.h"

/* Sets the notes of a frame that arrived, all of it in extents, and pulls its headers.
 * False: it cannot be what the header says. */
bool vnet_in(struct pkt *pkt, const struct virtio_net_hdr *h);
/* The header of a frame that leaves. False: it has none that is true; cut it first. */
bool vnet_out(const struct pkt *pkt, struct virtio_net_hdr *h);

#endif
