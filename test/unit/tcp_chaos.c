/* tcp_chaos.c - two users who do anything, on a wire that does anything
 *
 * Whatever happens, what one reads is a prefix of what the other wrote; who
 * reads to the end gets all of it unless somebody was told of an error; and when
 * both have closed nothing is left.
 */
#include "tcp_net.h"

struct user {
	struct sock	*so;
	uint64_t	wrote, read;
	bool		fin, eof, failed;
	uint64_t	goal;
};

static void note_error(struct user *u, ssize_t r)
{
	if (r < 0 && r != -EAGAIN) {
		assert_true(r == -ECONNRESET || r == -EPIPE || r == -ETIMEDOUT ||
			    r == -EHOSTUNREACH);
		u->failed = true;
	}
}

static void user_send(struct user *u, struct rng *r)
{
	static uint8_t buf[60000];
	size_t len = 1 + rng_below(r, rng_below(r, 2) ? 50 : 60000);
	struct iovec iov = { buf, len };
	ssize_t k;

	len = MIN(len, u->goal - u->wrote);
	iov.iov_len = len;
	if (!len || u->fin)
		return;
	net_fill(buf, len, u->wrote);
	k = sock_send(u->so, &iov, 1, rng_below(r, 4) ? 0 : MSG_MORE, NULL);
	note_error(u, k);
	u->wrote += k > 0 ? (uint64_t)k : 0;
}

static void user_commit(struct user *u, struct rng *r)
{
	struct iovec iov[3];
	int n = 3;
	size_t len = sock_reserve(u->so, iov, &n), want = rng_below(r, 20000), done = 0;

	want = MIN(MIN(want, len), u->goal - u->wrote);
	for (int i = 0; i < n && done < want; i++) {
		size_t k = MIN(iov[i].iov_len, want - done);

		net_fill(iov[i].iov_base, k, u->wrote + done);
		done += k;
	}
	if (len) {
		sock_commit(u->so, done);
		u->wrote += done;
	}
}

static void user_recv(struct user *u, struct rng *r)
{
	static uint8_t buf[100000];
	struct iovec iov = { buf, 1 + rng_below(r, rng_below(r, 2) ? 100 : sizeof(buf)) };
	ssize_t k = sock_recv(u->so, &iov, 1, rng_below(r, 5) ? 0 : MSG_PEEK, NULL);

	note_error(u, k);
	if (k > 0)
		net_check(buf, (size_t)k, u->read);
	u->read = (uint32_t)seq_diff(tcpc_of(u->so)->copied, tcpc_of(u->so)->irs) - 1;
	u->eof |= k == 0 && !u->failed;
}

static void user_peek(struct user *u, struct rng *r)
{
	struct iovec iov[4];
	int n = 4;
	size_t len = sock_peek(u->so, iov, &n), done = 0;

	for (int i = 0; i < n; i++) {
		net_check(iov[i].iov_base, iov[i].iov_len, u->read + done);
		done += iov[i].iov_len;
	}
	len = rng_below(r, (uint32_t)len + 1);
	sock_consume(u->so, len);
	u->read += len;
}

static void user_acts(struct user *u, struct rng *r)
{
	static void (*const acts[])(struct user *u, struct rng *r) = {
		user_send, user_send, user_commit, user_recv, user_recv, user_peek,
	};

	if (u->so)
		acts[rng_below(r, ARRAY_LEN(acts))](u, r);
}

static void user_ends(struct user *u, struct rng *r)
{
	if (!u->so || u->wrote < u->goal)
		return;
	if (!u->fin && rng_below(r, 10) == 0) {
		sock_shutdown(u->so, SHUT_WR);
		u->fin = true;
	}
}

static void wire_changes(struct net *n)
{
	struct rng *r = &n->rng;

	n->loss = rng_below(r, 3) ? 0 : rng_below(r, 150);
	n->reorder = rng_below(r, 3) ? 0 : rng_below(r, 150);
	n->dup = rng_below(r, 3) ? 0 : rng_below(r, 100);
	n->delay = 1 + rng_below(r, rng_below(r, 2) ? 200 : 30000);
	n->room = rng_below(r, 3) ? 0 : 1 + rng_below(r, 8);
	n->cut = rng_below(r, 3) != 0;
}

static bool over(const struct user *u)
{
	return !u->so || u->failed || (u->fin && u->eof);
}

/* Does not count the time the users let pass. */
static void live(struct net *n, struct user u[2], bool rude)
{
	for (int i = 0; i < 200000 && !(over(&u[0]) && over(&u[1])); i++) {
		struct user *one = &u[rng_below(&n->rng, 2)];

		user_acts(one, &n->rng);
		user_ends(one, &n->rng);
		if (rng_below(&n->rng, 300) == 0)
			wire_changes(n);
		if (rude && one->so && rng_below(&n->rng, 2000) == 0) {
			sock_close(one->so);
			one->so = NULL;
		}
		if (rng_below(&n->rng, 2))
			net_step(n, n->now + rng_below(&n->rng, 50000));
	}
}

static void chaos(uint64_t seed, bool rude)
{
	struct net *n = net_new(seed);
	struct sock *s[2];
	struct user u[2];

	n->st[0]->param.tcp_sack = seed % 5 != 0;
	n->st[1]->param.tcp_timestamps = seed % 7 != 0;
	n->st[0]->param.tcp_rmem[2] = seed % 3 ? 6291456 : 200000;
	net_pair(n, seed & 1, s);
	for (int i = 0; i < 2; i++)
		u[i] = (struct user){ .so = s[i], .goal = rng_below(&n->rng, 400000) };
	wire_changes(n);
	live(n, u, rude);
	for (int i = 0; i < 2; i++) {
		struct user *a = &u[i], *b = &u[!i];

		assert_true(a->read <= b->wrote);
		if (a->eof && !b->failed && b->fin)
			assert_int_equal(a->read, b->wrote);
		if (!rude && !(a->eof && a->fin && a->read == b->goal))
			fail_msg("seed %lu: end %d read %lu of %lu, eof %d fin %d failed %d",
				 (unsigned long)seed, i, (unsigned long)a->read,
				 (unsigned long)b->goal, a->eof, a->fin, a->failed);
		if (a->so)
			sock_close(a->so);
	}
	net_run(n, 4000 * USEC_PER_SEC);
	net_free(n);
}

static void polite_users_get_everything(void **state)
{
	for (uint64_t seed = 1; seed <= 120; seed++)
		chaos(seed, false);
}

static void rude_users_leave_nothing(void **state)
{
	for (uint64_t seed = 1; seed <= 300; seed++)
		chaos(seed, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(polite_users_get_everything),
		cmocka_unit_test(rude_users_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
