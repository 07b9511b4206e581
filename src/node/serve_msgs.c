/* serve_msgs.c - sendmsg, recvmsg and their plurals as a message to a stack server
 *
 * In the copy are first the headers and vectors, then for each message its name,
 * ancillary data and buffers. Of what is sent all goes along; for what is received
 * there is room, and the layout is found again on the way back.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "node/serve_pack.h"

#define CONTROL_MAX	512
#define MSGS		32	/* of sendmmsg and recvmmsg at a time */

/* What sendmsg, recvmsg, sendmmsg and recvmmsg were given, cut to what goes along. */
struct msgs {
	unsigned	n;
	size_t		stride;		/* of the headers */
	bool		out;		/* the buffers are for what comes */
	struct call_msg	v[];
};

/* Where the parts lie in the copy: headers and vectors, then for each message name,
 * ancillary data and buffers. */
struct layout {
	uint32_t	iov, name, control, data[ARRAY_LEN(((struct call_msg *)0)->iov)];
};

static int read_msg(const struct serve_mem *m, uint64_t from, struct call_msg *t)
{
	if (m->read(m, from, &t->h, sizeof(t->h)) < 0)
		return -EFAULT;
	if (t->h.msg_iovlen > ARRAY_LEN(t->iov))
		return -EMSGSIZE;
	t->n = (int)t->h.msg_iovlen;
	if (t->n && m->read(m, (uintptr_t)t->h.msg_iov, t->iov,
			    t->h.msg_iovlen * sizeof(t->iov[0])) < 0)
		return -EFAULT;
	if (!t->h.msg_name)
		t->h.msg_namelen = 0;
	if (!t->h.msg_control)
		t->h.msg_controllen = 0;
	t->room = 0;
	for (int i = 0; i < t->n; i++) {
		if (t->iov[i].iov_len > SSIZE_MAX - t->room)
			return -EINVAL;
		t->room += t->iov[i].iov_len;
	}
	return 0;
}

/* As much room as a datagram can need. */
static void cut_room(struct call_msg *t)
{
	size_t left = DGRAM_MAX;

	for (int i = 0; i < t->n; i++) {
		t->iov[i].iov_len = MIN(t->iov[i].iov_len, left);
		left -= t->iov[i].iov_len;
	}
	t->h.msg_namelen = MIN(t->h.msg_namelen, NAME_MAX_LEN);
	t->h.msg_controllen = MIN(t->h.msg_controllen, CONTROL_MAX);
}

static int check_sent(const struct call_msg *t)
{
	if (t->h.msg_namelen > NAME_MAX_LEN)
		return -EINVAL;
	if (t->h.msg_controllen > CONTROL_MAX)
		return -ENOBUFS;
	return t->room > SERVE_ROOM ? -EMSGSIZE : 0;
}

/* 0, or what is wrong with the first. */
static int read_msgs(const struct serve_pack *p, const struct serve_mem *m, struct msgs *ms,
		     unsigned n)
{
	for (ms->n = 0; ms->n < n; ms->n++) {
		struct call_msg *t = &ms->v[ms->n];
		int ret = read_msg(m, p->args[1] + ms->n * ms->stride, t);

		if (ret == 0 && ms->out)
			cut_room(t);
		else if (ret == 0)
			ret = check_sent(t);
		if (ret < 0)
			return ms->n ? 0 : ret;
	}
	return 0;
}

static struct msgs *msgs_new(const struct serve_pack *p, bool out, unsigned n)
{
	bool many = p->ask.nr == SYS_sendmmsg || p->ask.nr == SYS_recvmmsg;
	struct msgs *ms = xmalloc(sizeof(*ms) + n * sizeof(ms->v[0]));

	ms->out = out;
	ms->stride = many ? sizeof(struct mmsghdr) : sizeof(struct msghdr);
	return ms;
}

static uint32_t heads_len(const struct msgs *ms)
{
	size_t len = serve_aligned(ms->n * ms->stride);

	for (unsigned i = 0; i < ms->n; i++)
		len += (size_t)ms->v[i].n * sizeof(struct iovec);
	return (uint32_t)len;
}

/* The parts of t, from at on, and where they end. */
static size_t lay_out(const struct call_msg *t, size_t at, struct layout *l)
{
	l->name = (uint32_t)at;
	at += serve_aligned(t->h.msg_namelen);
	l->control = (uint32_t)at;
	at += serve_aligned(t->h.msg_controllen);
	for (int i = 0; i < t->n; i++) {
		l->data[i] = (uint32_t)at;
		at += serve_aligned(t->iov[i].iov_len);
	}
	return at;
}

static size_t parts_len(const struct call_msg *t)
{
	struct layout l;

	return lay_out(t, 0, &l);
}

/* As many as there is room for. The end of all, or -EMSGSIZE: not even one. */
static int64_t fit(struct msgs *ms)
{
	unsigned n = ms->n;
	size_t len = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t more = parts_len(&ms->v[i]);

		if (heads_len(ms) + len + more > SERVE_ROOM) {
			ms->n = i;
			break;
		}
		len += more;
	}
	return ms->n || !n ? (int64_t)(heads_len(ms) + len) : -EMSGSIZE;
}

static int copy_parts(struct serve_pack *p, const struct serve_mem *m, const struct call_msg *t,
		      const struct layout *l)
{
	if (t->h.msg_name &&
	    m->read(m, (uintptr_t)t->h.msg_name, p->mem + l->name, t->h.msg_namelen) < 0)
		return -EFAULT;
	if (t->h.msg_control &&
	    m->read(m, (uintptr_t)t->h.msg_control, p->mem + l->control, t->h.msg_controllen) < 0)
		return -EFAULT;
	for (int i = 0; i < t->n; i++) {
		if (m->read(m, (uintptr_t)t->iov[i].iov_base, p->mem + l->data[i],
			    t->iov[i].iov_len) < 0)
			return -EFAULT;
	}
	return 0;
}

/* The header and the vector, which point to the parts of the copy. */
static void put_head(struct serve_pack *p, const struct call_msg *t, const struct layout *l,
		     size_t head)
{
	struct msghdr h = t->h;

	if (h.msg_name)
		h.msg_name = (void *)(uintptr_t)serve_at(l->name);
	if (h.msg_control)
		h.msg_control = (void *)(uintptr_t)serve_at(l->control);
	h.msg_iov = (struct iovec *)(uintptr_t)serve_at(l->iov);
	memcpy(p->mem + head, &h, sizeof(h));
	for (int i = 0; i < t->n; i++) {
		struct iovec v = { (void *)(uintptr_t)serve_at(l->data[i]), t->iov[i].iov_len };

		memcpy(p->mem + l->iov + (size_t)i * sizeof(v), &v, sizeof(v));
	}
}

static int put_msgs(struct serve_pack *p, const struct serve_mem *m, const struct msgs *ms)
{
	size_t iov = serve_aligned(ms->n * ms->stride), at = heads_len(ms);
	struct layout l;

	for (unsigned i = 0; i < ms->n; i++) {
		const struct call_msg *t = &ms->v[i];

		l.iov = (uint32_t)iov;
		iov += (size_t)t->n * sizeof(struct iovec);
		at = lay_out(t, at, &l);
		put_head(p, t, &l, i * ms->stride);
		if (!ms->out && copy_parts(p, m, t, &l) < 0)
			return -EFAULT;
	}
	return 0;
}

static int pack_msgs(struct serve_pack *p, const struct serve_mem *m, bool out, unsigned n)
{
	struct msgs *ms = msgs_new(p, out, n);
	int64_t end = read_msgs(p, m, ms, n);

	if (end == 0)
		end = fit(ms);
	if (end >= 0) {
		p->ask.room = (uint32_t)end;
		p->len = out ? heads_len(ms) : p->ask.room;
		memset(p->mem, 0, p->len);
		if (put_msgs(p, m, ms) < 0)
			end = -EFAULT;
	}
	p->ask.args[1] = serve_at(0);
	p->n_msgs = ms->n;
	free(ms);
	return end < 0 ? (int)end : 0;
}

int serve_pack_sendmsg(struct serve_pack *p, const struct serve_mem *m)
{
	return pack_msgs(p, m, false, 1);
}

int serve_pack_recvmsg(struct serve_pack *p, const struct serve_mem *m)
{
	return pack_msgs(p, m, true, 1);
}

static int pack_many(struct serve_pack *p, const struct serve_mem *m, bool out)
{
	unsigned n = (unsigned)MIN((uint32_t)p->args[2], MSGS);
	int ret = n ? pack_msgs(p, m, out, n) : 0;

	p->ask.args[2] = p->n_msgs;
	p->ask.args[4] = 0;		/* no timeout, as under ioth run */
	return ret;
}

int serve_pack_sendmmsg(struct serve_pack *p, const struct serve_mem *m)
{
	return pack_many(p, m, false);
}

int serve_pack_recvmmsg(struct serve_pack *p, const struct serve_mem *m)
{
	return pack_many(p, m, true);
}

/* A server that says more than there was room for would have the program read beyond it. */
static int back_data(struct serve_pack *p, const struct serve_mem *m, const struct call_msg *t,
		     const struct layout *l, size_t len)
{
	if (len > t->room && !(p->args[p->ask.nr == SYS_recvmsg ? 2 : 3] & MSG_TRUNC))
		return -EPROTO;
	for (int i = 0; i < t->n && len; i++) {
		size_t part = MIN(len, t->iov[i].iov_len);

		if (serve_back(p, m, (uintptr_t)t->iov[i].iov_base, l->data[i], part) < 0)
			return -EFAULT;
		len -= part;
	}
	return 0;
}

/* t's lengths are those of the room there was. */
static int back_msg(struct serve_pack *p, const struct serve_mem *m, const struct call_msg *t,
		    const struct layout *l, const struct msghdr *got, size_t len, uint64_t to)
{
	struct msghdr h = t->h;

	h.msg_flags = got->msg_flags;
	h.msg_controllen = MIN(got->msg_controllen, t->h.msg_controllen);
	h.msg_namelen = got->msg_namelen;
	if (back_data(p, m, t, l, len) < 0 ||
	    (h.msg_control && m->write(m, (uintptr_t)h.msg_control, p->mem + l->control,
				       h.msg_controllen) < 0) ||
	    (h.msg_name && m->write(m, (uintptr_t)h.msg_name, p->mem + l->name,
				    MIN(h.msg_namelen, t->h.msg_namelen)) < 0))
		return -EFAULT;
	return m->write(m, to, &h, sizeof(h));
}

static int back_msgs(struct serve_pack *p, const struct serve_mem *m, const struct msgs *ms,
		     unsigned n, int64_t ret)
{
	size_t at = heads_len(ms);
	struct layout l;

	for (unsigned i = 0; i < n; i++) {
		size_t head = i * ms->stride;
		uint32_t len = (uint32_t)MIN(ret, UINT32_MAX);
		struct msghdr got;

		at = lay_out(&ms->v[i], at, &l);
		memcpy(&got, p->mem + head, sizeof(got));
		if (ms->stride == sizeof(struct mmsghdr))
			memcpy(&len, p->mem + head + offsetof(struct mmsghdr, msg_len),
			       sizeof(len));
		if (back_msg(p, m, &ms->v[i], &l, &got, len, p->args[1] + head) < 0)
			return -EFAULT;
	}
	return 0;
}

/* Read anew, for where it goes; laid out as it was, unless the caller changed it. */
static int back_received(struct serve_pack *p, const struct serve_mem *m, unsigned n, int64_t ret)
{
	struct msgs *ms = msgs_new(p, true, p->n_msgs);
	int e = read_msgs(p, m, ms, p->n_msgs);

	if (e == 0 && ms->n == p->n_msgs && fit(ms) == (int64_t)p->ask.room)
		e = back_msgs(p, m, ms, MIN(n, ms->n), ret);
	free(ms);
	return e;
}

int serve_back_recvmsg(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	return back_received(p, m, 1, ret);
}

int serve_back_sendmmsg(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	size_t at = offsetof(struct mmsghdr, msg_len);

	for (unsigned i = 0; i < p->n_msgs && i < ret; i++, at += sizeof(struct mmsghdr)) {
		if (m->write(m, p->args[1] + at, p->mem + at, sizeof(unsigned)) < 0)
			return -EFAULT;
	}
	return 0;
}

int serve_back_recvmmsg(struct serve_pack *p, const struct serve_mem *m, int64_t ret)
{
	int e = back_received(p, m, (unsigned)MIN(ret, MSGS), 0);

	return e < 0 ? e : serve_back_sendmmsg(p, m, ret);
}
