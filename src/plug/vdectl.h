/* vdectl.h - the request a VDE client writes to a switch's ctl socket
 *
 * Shared by the client (plug/vde.c) and the server (switch/ctl.c). The answer
 * is a raw struct sockaddr_un; a refusal is the end of the stream.
 */
#ifndef PLUG_VDECTL_H
#define PLUG_VDECTL_H

#include <assert.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cursor.h"

#define VDE_DESCR_MAX	128
#define VDE_REQUEST_MIN	122		/* version 3 without description */
#define VDE_REQUEST_MAX	256		/* what a switch reads */
#define VDE_FRAME_MIN	14
#define VDE_FRAME_MAX	9234		/* vdeplug4: MTU 9216 + header + tag */
#define VDE_CLASSIC_MTU	1500		/* vde_switch cuts frames at 1518 */

static_assert(sizeof(struct sockaddr_un) == 110, "VDE puts it on the wire");

struct vde_request {
	bool		port0;		/* kind 1: a management client asks for port 0 */
	uint32_t	port;		/* 0: any */
	struct sockaddr_un data;	/* the client's data socket */
	char		descr[VDE_DESCR_MAX + 1];
};

enum vde_parse { VDE_OK, VDE_MORE, VDE_BAD };

/* Versions 1 and 3. MORE: shorter than any request of its version. */
enum vde_parse vde_request_parse(const void *p, size_t n, struct vde_request *rq);
void vde_request_emit(struct wr *w, const struct vde_request *rq);	/* version 3 */

#endif
