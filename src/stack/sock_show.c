/* sock_show.c - what an onlooker may ask of a socket, and do to it (ss(8)) */
#include <errno.h>

#include "stack/dgram.h"
#include "stack/tcp.h"

struct sock_queues sock_queues(const struct sock *so)
{
	const struct tcpc *tc;

	if (so->type != SOCK_STREAM)
		return (struct sock_queues){ .in = dg_of(so)->queued };
	tc = tcpc_of(so);
	if (so->listening)
		return tcp_listen_queues(tc);
	return (struct sock_queues){
		tc->rcv_bytes, tc->snd.bytes,
		tc->snd.bytes ? (uint32_t)seq_diff(tc->snd_end, tc->snd_nxt) : 0,
	};
}

/* As if its peer had vanished: the peer is told, the user gets ECONNABORTED. */
int sock_abort(struct sock *so)
{
	struct tcpc *tc;

	if (so->type != SOCK_STREAM) {
		sock_disconnect(so);
		sock_set_error(so, ECONNABORTED);
		return 0;
	}
	if (so->listening)
		return -EOPNOTSUPP;
	tc = tcpc_of(so);
	tcp_abort(tc, ECONNABORTED, "ended by an onlooker");
	tcp_put(tc);
	return 0;
}
