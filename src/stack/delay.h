/* delay.h - frames that leave later (TCP_TX_DELAY) */
#ifndef STACK_DELAY_H
#define STACK_DELAY_H

#include "stack/pkt.h"

/* For pkt->delay from now; takes pkt. False: it goes at once, and is the caller's. */
bool delay_add(struct netif *nif, struct pkt *pkt);
void delay_forget(struct netif *nif);			/* it is down */
void delays_free(struct stack *st);

#endif
