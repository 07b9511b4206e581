/* vring.h - PACKET_RX_RING of a packet socket (vring.c) */
#ifndef NODE_VRING_H
#define NODE_VRING_H

#include <linux/if_packet.h>

#include "node/vsock.h"

struct vring {
	struct list	link;		/* front end: the program's descriptor is fd for now */
	struct vsock	*vs;
	struct tpacket_req req;
	uint32_t	reserve;
	int		fd;		/* of the memory */
	uint8_t		*mem;
	size_t		size;
	unsigned	next;		/* slot to be filled */
	bool		token;		/* the program's end has a byte */
	struct stimer	look;		/* is there anything left unread? */
	usec		pause;		/* between looks */
};

bool vring_opt(int name);		/* SOL_PACKET: is it one of these? */
int vring_setopt(struct vsock *vs, int name, const void *v, socklen_t len);
int vring_getopt(const struct vsock *vs, int name, void *v, socklen_t *len);
void vring_pump(struct vsock *vs);	/* frames into free slots */
void vring_free(struct vsock *vs);

#endif
