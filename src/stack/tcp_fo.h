/* tcp_fo.h - TCP Fast Open (RFC 7413) */
#ifndef STACK_TCP_FO_H
#define STACK_TCP_FO_H

#include "stack/sock.h"

struct seg;
struct tcp_opts;
struct tcp_req;
struct tcpc;

/* Bits of tcp_fastopen, as Linux's. */
enum { FO_CLIENT = 1, FO_SERVER = 2, FO_CLIENT_NO_COOKIE = 4,
       FO_SERVER_NO_COOKIE = 0x200, FO_ALL_LISTENERS = 0x400 };

struct fo_cookie {
	uint8_t		len;		/* 0: none */
	uint8_t		b[16];
};

/* Of a listener that takes data in SYNs, or of a client until it is connected. */
struct tcp_fo {
	uint16_t	qlen;		/* TCP_FASTOPEN: so many may be unfinished */
	uint16_t	len;		/* of the data that went with the SYN */
	uint16_t	mss;		/* the server's when it was met before; 0: not known */
	bool		connect;	/* TCP_FASTOPEN_CONNECT */
	bool		no_cookie;	/* TCP_FASTOPEN_NO_COOKIE */
	bool		waits;		/* connect was said, the SYN waits for data */
	bool		asked;		/* the SYN asks for a cookie */
	bool		ready;		/* data may go with it */
	struct fo_cookie cookie;	/* to show */
};

struct tcp_fo *tcp_fo_get(struct tcpc *tc);	/* there is one from now on */
void tcp_fo_free(struct tcpc *tc);
void tcp_fo_fini(struct stack *st);

/* The server's cookie for a client (4.1.2), bit for bit Linux's. */
void tcp_fo_cookie(struct stack *st, const struct ip_addr *client, const struct ip_addr *server,
		   struct fo_cookie *out);
bool tcp_fo_key_ok(const char *text);		/* tcp_fastopen_key */
/* Does the SYN bring data that may be taken now? rq.fo: tell it our cookie. */
bool tcp_fo_syn_ok(struct tcpc *lis, const struct seg *sg, struct tcp_req *rq);

/* Before the SYN goes: is there a cookie, or should one be asked for? */
void tcp_fo_prepare(struct tcpc *tc);
/* What the SYN says of it, once. */
void tcp_fo_syn(const struct tcpc *tc, struct tcp_opts *o);
bool tcp_fo_ready(const struct tcpc *tc);	/* data may go with the SYN */
/* The SYN-ACK came: cookies and losses are remembered. */
void tcp_fo_syn_acked(struct tcpc *tc, const struct seg *sg);

#endif
