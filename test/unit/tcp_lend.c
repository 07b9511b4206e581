/* tcp_lend.c - a stream by loans: in any order, on a wire that does anything
 *
 * Two users send by copies, by drafts written in one order and sent in another, and by
 * none of the drafts they have; they receive by copies and by loans that are kept for a
 * while. The model is the stream itself: what a loan shows is right when it comes and
 * when it goes, also if the socket was closed between, and nothing is left.
 */
#include "stack/budget.h"
#include "stack/lend.h"
#include "tcp_net.h"

#define LOANS	6

struct user {
	struct sock	*so;
	uint64_t	wrote, read, goal;
	bool		fin, eof, failed;
	struct lent	in[LOANS];
	uint64_t	from[LOANS];	/* in's place in the stream */
	struct draft	out[LOANS];
};

static struct user *user_new(struct sock *so, uint64_t goal)
{
	struct user *u = xzalloc(sizeof(*u));

	u->so = so;
	u->goal = goal;
	for (int i = 0; i < LOANS; i++)
		lent_init(&u->in[i]);
	return u;
}

static void note_error(struct user *u, ssize_t r)
{
	if (r >= 0 || r == -EAGAIN || r == -ENOBUFS)
		return;
	assert_true(r == -ECONNRESET || r == -EPIPE || r == -ETIMEDOUT || r == -EHOSTUNREACH);
	u->failed = true;
}

static void check(const struct lent *l, uint64_t from)
{
	struct iovec iov[400];
	size_t done = 0;
	int n = lent_iov(l, NULL);

	assert_in_range(n, 0, ARRAY_LEN(iov));
	lent_iov(l, iov);
	for (int i = 0; i < n; i++) {
		net_check(iov[i].iov_base, iov[i].iov_len, from + done);
		done += iov[i].iov_len;
	}
	assert_int_equal(done, l->len);
}

static void give_back(struct user *u, int i)
{
	check(&u->in[i], u->from[i]);
	if (u->so)
		sock_lend_end(u->so, &u->in[i]);
	lent_free(&u->in[i]);
	lent_init(&u->in[i]);
}

/* One that is out comes back; else there is a new one. */
static void user_lend(struct user *u, struct rng *r)
{
	int i = (int)rng_below(r, LOANS);
	ssize_t n;

	if (u->in[i].len) {
		give_back(u, i);
		return;
	}
	n = sock_lend(u->so, 1 + rng_below(r, rng_below(r, 2) ? 100 : 300000), &u->in[i], NULL);
	if (n == -ENOBUFS)
		assert_true(tcpc_of(u->so)->asked->lent > tcp_rcv_space(tcpc_of(u->so)) / 2);
	note_error(u, n);
	u->eof |= n == 0 && !u->failed;
	u->from[i] = u->read;
	u->read += u->in[i].len;
	check(&u->in[i], u->from[i]);
}

static void abandon(struct user *u, int i)
{
	if (u->so)
		sock_draft_end(u->so, &u->out[i]);
	draft_free(&u->out[i]);
}

static void user_send_draft(struct user *u, struct rng *r, struct draft *d)
{
	struct msg m = { .draft = d };
	struct iovec iov[DRAFT_CHUNKS];
	int n = draft_iov(d, iov), k = 0;
	size_t len = 1 + rng_below(r, d->len), done = 0;
	ssize_t sent;

	len = MIN(len, u->goal - u->wrote);
	for (; k < n && done < len; k++) {
		iov[k].iov_len = MIN(iov[k].iov_len, len - done);
		net_fill(iov[k].iov_base, iov[k].iov_len, u->wrote + done);
		done += iov[k].iov_len;
	}
	sent = sock_send(u->so, iov, k, rng_below(r, 4) ? 0 : MSG_MORE, &m);
	note_error(u, sent);
	if (sent > 0)
		assert_int_equal(sent, len);
	u->wrote += sent > 0 ? (uint64_t)sent : 0;
}

static void user_draft(struct user *u, struct rng *r)
{
	int i = (int)rng_below(r, LOANS), e;
	struct draft *d = &u->out[i];

	if (!d->n && u->fin)
		return;
	if (!d->n) {
		e = sock_draft(u->so, 1 + rng_below(r, 200000), d);
		assert_true(e == 0 || !d->n);
		note_error(u, e);
		return;
	}
	if (!u->fin && u->wrote < u->goal && rng_below(r, 5))
		user_send_draft(u, r, d);
	abandon(u, i);
}

static void user_send(struct user *u, struct rng *r)
{
	static uint8_t buf[60000];
	struct iovec iov = { buf, 1 + rng_below(r, sizeof(buf)) };
	ssize_t n;

	iov.iov_len = MIN(iov.iov_len, u->goal - u->wrote);
	if (!iov.iov_len || u->fin)
		return;
	net_fill(buf, iov.iov_len, u->wrote);
	n = sock_send(u->so, &iov, 1, 0, NULL);
	note_error(u, n);
	u->wrote += n > 0 ? (uint64_t)n : 0;
}

static void user_recv(struct user *u, struct rng *r)
{
	static uint8_t buf[100000];
	struct iovec iov = { buf, 1 + rng_below(r, sizeof(buf)) };
	ssize_t n = sock_recv(u->so, &iov, 1, 0, NULL);

	note_error(u, n);
	net_check(buf, n > 0 ? (size_t)n : 0, u->read);
	u->read += n > 0 ? (uint64_t)n : 0;
	u->eof |= n == 0 && !u->failed;
}

static void user_acts(struct user *u, struct rng *r)
{
	static void (*const acts[])(struct user *u, struct rng *r) = {
		user_lend, user_lend, user_lend, user_draft, user_draft, user_send, user_recv,
	};

	if (!u->so)
		return;
	acts[rng_below(r, ARRAY_LEN(acts))](u, r);
	if (u->wrote == u->goal && !u->fin && rng_below(r, 10) == 0) {
		sock_shutdown(u->so, SHUT_WR);
		u->fin = true;
	}
}

/* With loans out: they count no more, and show what they showed. */
static void user_closes(struct user *u)
{
	for (int i = 0; i < LOANS; i++) {
		sock_lend_end(u->so, &u->in[i]);
		sock_draft_end(u->so, &u->out[i]);
	}
	assert_int_equal(tcpc_of(u->so)->asked->lent, 0);
	assert_int_equal(tcpc_of(u->so)->asked->lent_true, 0);
	assert_int_equal(tcpc_of(u->so)->asked->drafts, 0);
	sock_close(u->so);
	u->so = NULL;
}

static bool over(const struct user *u)
{
	return !u->so || u->failed || (u->fin && u->eof);
}

static void live(struct net *n, struct user *u[2], bool rude)
{
	for (int i = 0; i < 100000 && !(over(u[0]) && over(u[1])); i++) {
		struct user *one = u[rng_below(&n->rng, 2)];

		user_acts(one, &n->rng);
		if (rude && one->so && rng_below(&n->rng, 1000) == 0)
			user_closes(one);
		if (rng_below(&n->rng, 2))
			net_step(n, n->now + rng_below(&n->rng, 50000));
	}
}

static void chaos(uint64_t seed, bool rude)
{
	struct net *n = net_new(seed);
	struct user *u[2];
	struct sock *s[2];

	n->loss = seed % 2 ? 30 : 0;
	n->reorder = seed % 3 ? 0 : 50;
	n->dup = seed % 5 ? 0 : 30;
	n->room = seed % 4 ? 0 : 4;
	n->cut = seed % 7 < 4;
	net_pair(n, seed & 1, s);
	for (int i = 0; i < 2; i++)
		u[i] = user_new(s[i], rng_below(&n->rng, 1000000));
	live(n, u, rude);
	for (int i = 0; i < 2; i++) {
		struct user *a = u[i], *b = u[!i];

		if (!rude && !(a->eof && a->fin && a->read == b->goal))
			fail_msg("seed %lu: end %d read %lu of %lu, eof %d fin %d failed %d",
				 (unsigned long)seed, i, (unsigned long)a->read,
				 (unsigned long)b->goal, a->eof, a->fin, a->failed);
		if (a->so)
			user_closes(a);
	}
	net_run(n, 4000 * USEC_PER_SEC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(n->st[i]->budget[BUDGET_TCP].used, 0);
		for (int k = 0; k < LOANS; k++) {
			give_back(u[i], k);
			abandon(u[i], k);
		}
		free(u[i]);
	}
	net_free(n);
}

static void loans_in_any_order_make_a_stream(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		chaos(seed, false);
}

static void loans_outlive_their_socket(void **state)
{
	for (uint64_t seed = 1; seed <= 100; seed++)
		chaos(seed, true);
}

static void send_all(struct net *n, struct sock *s, uint64_t *wrote, uint64_t most)
{
	struct user u = { .so = s, .wrote = *wrote, .goal = most };

	for (int i = 0; i < 2000; i++) {
		user_send(&u, &n->rng);
		net_run(n, 100);
	}
	*wrote = u.wrote;
}

/* Half of the window, and there is no more; when it is back, the peer goes on. */
static void who_keeps_loans_closes_his_window(void **state)
{
	struct net *n = net_new(1);
	struct sock *s[2];
	struct lent l[2];
	uint64_t wrote = 0;

	net_pair(n, false, s);
	assert_int_equal(sock_setopt(s[1], SOL_SOCKET, SO_RCVBUF, &(int){ 100000 }, sizeof(int)), 0);
	send_all(n, s[0], &wrote, UINT64_MAX);
	lent_init(&l[0]);
	lent_init(&l[1]);
	assert_true(sock_lend(s[1], UINT32_MAX, &l[0], NULL) > 0);
	send_all(n, s[0], &wrote, UINT64_MAX);
	assert_int_equal(sock_lend(s[1], 1, &l[1], NULL), -ENOBUFS);
	assert_true(tcpc_of(s[1])->rcv_bytes + l[0].len <= tcp_rcv_space(tcpc_of(s[1])) + 65536);
	check(&l[0], 0);
	sock_lend_end(s[1], &l[0]);
	lent_free(&l[0]);
	wrote = 0;
	assert_true(sock_lend(s[1], UINT32_MAX, &l[1], NULL) > 0);
	check(&l[1], l[0].len);
	sock_lend_end(s[1], &l[1]);
	lent_free(&l[1]);
	net_run(n, USEC_PER_SEC);
	assert_true(tcpc_of(s[1])->rcv_bytes > 0);	/* the window has opened */
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 4000 * USEC_PER_SEC);
	net_free(n);
}

/* The whole send buffer is drafts: to wait would be for himself. */
static void drafts_end_with_the_buffer(void **state)
{
	struct net *n = net_new(2);
	struct draft d[64];
	struct sock *s[2];
	int k = 0, e;

	net_pair(n, false, s);
	while ((e = sock_draft(s[0], 5000, &d[k])) == 0)
		assert_in_range(k++, 0, 62);
	assert_int_equal(e, -ENOBUFS);
	assert_int_equal(sock_events(s[0]) & EV_OUT, 0);
	while (k--) {
		sock_draft_end(s[0], &d[k]);
		draft_free(&d[k]);
	}
	assert_int_equal(sock_events(s[0]) & EV_OUT, EV_OUT);
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 4000 * USEC_PER_SEC);
	net_free(n);
}

/* What is sent of a draft is the very memory that was written. */
static void a_draft_is_not_copied(void **state)
{
	struct net *n = net_new(3);
	struct sock *s[2];
	struct iovec iov[DRAFT_CHUNKS], got;
	struct msg m = { .ttl = -1 };
	struct draft d;
	struct lent l;

	n->cut = false;
	net_pair(n, false, s);
	assert_int_equal(sock_draft(s[0], 5000, &d), 0);
	assert_int_equal(draft_iov(&d, iov), 1);
	net_fill(iov[0].iov_base, 5000, 0);
	m.draft = &d;
	assert_int_equal(sock_send(s[0], iov, 1, 0, &m), 5000);
	sock_draft_end(s[0], &d);
	draft_free(&d);
	net_run(n, 10000);
	lent_init(&l);
	assert_int_equal(sock_lend(s[1], 5000, &l, NULL), 5000);
	assert_int_equal(lent_iov(&l, NULL), 1);
	lent_iov(&l, &got);
	assert_ptr_equal(got.iov_base, iov[0].iov_base);
	sock_lend_end(s[1], &l);
	sock_close(s[0]);
	sock_close(s[1]);
	net_run(n, 4000 * USEC_PER_SEC);
	check(&l, 0);
	lent_free(&l);
	net_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loans_in_any_order_make_a_stream),
		cmocka_unit_test(loans_outlive_their_socket),
		cmocka_unit_test(who_keeps_loans_closes_his_window),
		cmocka_unit_test(drafts_end_with_the_buffer),
		cmocka_unit_test(a_draft_is_not_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
