/* tcp_nocut.c - recovery when there is no memory for what it keeps (tcp_rec.c)
 *
 * Linked with --wrap=malloc: what PRR and undo need is refused, all else is given.
 */
#include <stdlib.h>

#include "tcp_net.h"

static bool refuse;
static unsigned refused;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *__wrap_malloc(size_t n)
{
	if (!refuse || n != sizeof(struct tcp_cut))
		return __real_malloc(n);
	refused++;
	return NULL;
}

/* The 20th large frame and each 50th are lost. */
static bool lose(struct net *n, int from, struct pkt *pkt)
{
	unsigned *count = n->user;

	return from == 0 && pkt_len(pkt) > 1000 && ++*count % 50 == 20;
}

static void transfer(bool sack)
{
	struct net *n = net_new(1);
	struct flood fl = { .total = 2000000, .unit = 20000 };
	unsigned count = 0;
	struct sock *s[2];

	n->st[0]->param.tcp_sack = sack;
	n->st[0]->param.tcp_gso_max = 1;
	net_pair(n, false, s);
	n->user = &count;
	n->tap = lose;
	fl.from = s[0];
	fl.to = s[1];
	net_flood(n, &fl, 1, 600 * USEC_PER_SEC);
	assert_true(tcpc_of(s[0])->total_retrans > 10);
	assert_null(tcpc_of(s[0])->cut);
	assert_true(tcpc_of(s[0])->ssthresh < TCP_CWND_MAX);	/* reduced all the same */
	n->tap = NULL;
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

static void goes_on_without(void **state)
{
	refuse = true;
	transfer(true);
	assert_true(refused > 3);
	refused = 0;
	transfer(false);
	assert_true(refused > 3);
	refuse = false;
}

static void kept_no_longer_than_needed(void **state)
{
	struct net *n = net_new(1);
	struct flood fl = { .total = 1000000, .unit = 20000 };
	unsigned count = 0;
	struct sock *s[2];

	net_pair(n, false, s);
	assert_null(tcpc_of(s[0])->cut);
	n->user = &count;
	n->tap = lose;
	fl.from = s[0];
	fl.to = s[1];
	n->st[0]->param.tcp_gso_max = 1;
	net_flood(n, &fl, 1, 600 * USEC_PER_SEC);
	assert_non_null(tcpc_of(s[0])->cut);	/* a DSACK may still come */
	n->tap = NULL;
	net_run(n, 10 * USEC_PER_SEC);
	fl.total += 1000;
	net_flood(n, &fl, 1, 600 * USEC_PER_SEC);
	assert_null(tcpc_of(s[0])->cut);	/* after a silence it is too late */
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 200 * USEC_PER_SEC);
	net_free(n);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_without),
		cmocka_unit_test(kept_no_longer_than_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
