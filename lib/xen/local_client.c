/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * `local` as a client sees it: connect, ask, read the reply. One request is under way at a time;
 * the server answers at once, so threads wait for each other no longer than they would in the
 * server.
 */
#include "local_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- the stream ---- */

static int
send_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return 0;
}

static int
recv_all(int fd, void *data, size_t len)
{
	char *p = data;

	while (len > 0) {
		ssize_t n = recv(fd, p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		p += n;
		len -= n;
	}
	return 0;
}

/* The descriptors that one byte carries. */
static int
recv_fd_group(int fd, int *fds, uint32_t count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(LOCAL_FD_GROUP * sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	ssize_t n;

	do {
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -ECONNRESET;
	c = CMSG_FIRSTHDR(&msg);
	if (c == NULL || c->cmsg_type != SCM_RIGHTS)
		return -EMFILE;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	for (uint32_t i = n; i < count; i++)
		fds[i] = -1;
	return (uint32_t)n < count ? -EMFILE : 0;
}

static int
recv_fds(int fd, struct local_call *c, uint32_t count)
{
	int ret = 0;

	if (count == 0)
		return 0;
	c->fds = malloc(count * sizeof(int));
	if (c->fds == NULL)
		return -ENOMEM;
	while (c->fd_count < count && ret == 0) {
		uint32_t left = count - c->fd_count;
		uint32_t n = left < LOCAL_FD_GROUP ? left : LOCAL_FD_GROUP;

		for (uint32_t i = 0; i < n; i++)
			c->fds[c->fd_count + i] = -1;
		ret = recv_fd_group(fd, c->fds + c->fd_count, n);
		c->fd_count += n;
	}
	return ret;
}

/* ---- requests ---- */

static int
send_request(int fd, const struct local_call *c)
{
	struct local_req req = {.len = c->body[0].len + c->body[1].len, .op = c->op, .txn = c->txn};
	int ret;

	memcpy(req.arg, c->arg, sizeof(req.arg));
	ret = send_all(fd, &req, sizeof(req));
	for (int i = 0; i < 2 && ret == 0; i++)
		ret = send_all(fd, c->body[i].data, c->body[i].len);
	return ret;
}

static int
recv_reply(int fd, struct local_call *c, int *status)
{
	struct local_rep rep;
	int ret = recv_all(fd, &rep, sizeof(rep));

	if (ret < 0)
		return ret;
	if (rep.fds > LOCAL_FD_MAX)
		return -EPROTO;
	c->reply = malloc((size_t)rep.len + 1);
	if (c->reply == NULL)
		return -ENOMEM;
	c->reply_len = rep.len;
	ret = recv_all(fd, c->reply, rep.len);
	if (ret < 0)
		return ret;
	((char *)c->reply)[rep.len] = '\0';
	*status = rep.status;
	return recv_fds(fd, c, rep.fds);
}

static int
stream_failed(struct local *l, int error)
{
	l->broken = true;
	if (error == -EMFILE)
		return xen_fail(EMFILE, "this process has too many open files: raise its limit "
					"(ulimit -n)");
	if (error == -ENOMEM)
		return xen_fail(ENOMEM, "no memory for a reply of the server at %s", l->path);
	return xen_fail(ECONNRESET, "the server at %s has ended, or domain %u was removed", l->path,
			l->x.domid);
}

int
local_call(struct local *l, struct local_call *c)
{
	int status = 0;
	int ret;

	pthread_mutex_lock(&l->call_lock);
	ret = l->broken ? -ECONNRESET : send_request(l->fd, c);
	/* A server that closes tells why in a last reply, so read even if sending failed. */
	if (!l->broken)
		ret = recv_reply(l->fd, c, &status);
	if (ret < 0)
		ret = stream_failed(l, ret);
	pthread_mutex_unlock(&l->call_lock);
	if (ret == 0 && status < 0)
		ret = xen_fail(-status, "%s", (const char *)c->reply);
	if (ret == 0)
		return status;
	local_call_done(c);
	errno = -ret;
	return ret;
}

void
local_call_done(struct local_call *c)
{
	for (uint32_t i = 0; i < c->fd_count; i++)
		if (c->fds[i] >= 0)
			close(c->fds[i]);
	free(c->fds);
	free(c->reply);
	c->fds = NULL;
	c->reply = NULL;
	c->fd_count = 0;
}

int
local_ask(struct local *l, struct local_call *c)
{
	int ret = local_call(l, c);

	if (ret >= 0)
		local_call_done(c);
	return ret;
}

/* ---- open and close ---- */

static int
connect_to(struct local *l, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return xen_fail(ENAMETOOLONG, "%s: a socket's path may have %zu bytes", path,
				sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	memcpy(l->path, addr.sun_path, sizeof(l->path));
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return xen_fail(errno, "no socket: %s", strerror(errno));
	if (connect(l->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return xen_fail(errno, "nothing serves at %s: start it with: pvnctl local serve %s",
				path, path);
	return xen_fail(errno, "%s: %s", path, strerror(errno));
}

static int
hello(struct local *l)
{
	struct local_call c = {.op = LOCAL_HELLO, .arg = {LOCAL_MAGIC, l->x.domid}};
	uint32_t limits[2];
	int ret = local_call(l, &c);

	if (ret < 0)
		return ret;
	if (c.reply_len == sizeof(limits) && c.fd_count == 1) {
		memcpy(limits, c.reply, sizeof(limits));
		l->limits.share_pages = limits[0];
		l->limits.map_pages = limits[1];
		l->watch_fd = c.fds[0];
		c.fds[0] = -1;
	} else {
		ret = xen_fail(EPROTO, "%s: what serves there is of another version", l->path);
	}
	local_call_done(&c);
	return ret;
}

static void
release(struct local *l)
{
	local_areas_close(l);
	local_ports_close(l);
	local_watches_close(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->watch_fd >= 0)
		close(l->watch_fd);
	if (l->fd >= 0)
		close(l->fd);
	xen_areas_free(&l->areas);
	pthread_mutex_destroy(&l->call_lock);
	pthread_mutex_destroy(&l->port_lock);
	pthread_mutex_destroy(&l->watch_lock);
	free(l);
}

/* Our mappings end before the server tells the peers, and it has told them when this returns. */
static void
local_close(struct pvn_xen *x)
{
	struct local *l = (struct local *)x;
	struct local_call c = {.op = LOCAL_BYE};

	local_areas_close(l);
	local_ask(l, &c);
	release(l);
}

static const struct pvn_xen_ops local_ops = {
	.close = local_close,
	.share = local_share,
	.share_notify = local_share_notify,
	.unshare = local_unshare,
	.map = local_map,
	.map_notify = local_map_notify,
	.unmap = local_unmap,
	.limits = local_limits,
	.event_alloc = local_event_alloc,
	.event_bind = local_event_bind,
	.event_close = local_event_close,
	.event_notify = local_event_notify,
	.event_fd = local_event_fd,
	.event_next = local_event_next,
	.event_unmask = local_event_unmask,
	.read = local_read,
	.write = local_write,
	.mkdir = local_mkdir,
	.rm = local_rm,
	.list = local_list,
	.set_perms = local_set_perms,
	.get_perms = local_get_perms,
	.txn_begin = local_txn_begin,
	.txn_end = local_txn_end,
	.watch = local_watch,
	.unwatch = local_unwatch,
	.watch_fd = local_watch_fd,
	.watch_next = local_watch_next,
};

static struct local *
create(uint16_t domid)
{
	struct local *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->x.ops = &local_ops;
	l->x.domid = domid;
	l->fd = -1;
	l->watch_fd = -1;
	l->epoll_fd = -1;
	xen_areas_init(&l->areas);
	pthread_mutex_init(&l->call_lock, NULL);
	pthread_mutex_init(&l->port_lock, NULL);
	pthread_mutex_init(&l->watch_lock, NULL);
	return l;
}

int
xen_local_open(const char *path, uint16_t domid, struct pvn_xen **out)
{
	struct local *l = create(domid);
	int ret;

	if (l == NULL)
		return xen_fail(ENOMEM, "no memory for a connection");
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ret = l->epoll_fd < 0 ? xen_fail(errno, "no epoll descriptor: %s", strerror(errno)) : 0;
	if (ret == 0)
		ret = connect_to(l, path);
	if (ret == 0)
		ret = hello(l);
	if (ret < 0) {
		release(l);
		errno = -ret;
		return ret;
	}
	*out = &l->x;
	return 0;
}
