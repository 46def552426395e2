/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The server's socket and loop. One event is taken at a time, so that nothing an event points to
 * can have ended while an earlier one was handled; epoll itself takes turns among those that are
 * ready.
 */
#include "local_srv.h"
#include "pvn_xen_local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <pvn_serve.h>

/* ---- the socket ---- */

/* The mode is set before the socket has a name, so it never has another one. */
static int
bind_socket(int fd, const struct sockaddr_un *addr)
{
	if (fchmod(fd, 0600) == 0 && bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return 0;
	return xen_fail(errno, "%s: %s", addr->sun_path, strerror(errno));
}

static int
open_socket(struct srv *srv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char why[512];
	int lock;
	int ret;

	if (strlen(srv->path) >= sizeof(addr.sun_path))
		return xen_fail(ENAMETOOLONG, "%s: a socket's path may have %zu bytes", srv->path,
				sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, srv->path);
	srv->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (srv->listen_fd < 0)
		return xen_fail(errno, "no socket: %s", strerror(errno));
	lock = pvn_serve_claim(&addr, why, sizeof(why));
	ret = lock < 0 ? xen_fail(-lock, "%s", why) : bind_socket(srv->listen_fd, &addr);
	if (lock >= 0)
		close(lock);
	if (ret < 0) {
		close(srv->listen_fd); /* not ours to unlink */
		srv->listen_fd = -1;
		errno = -ret;
	}
	return ret;
}

/* ---- the loop ---- */

/* Out of descriptors, accept() would leave the client waiting and us spinning: the spare one makes
 * room to accept it and to hang up.
 */
static void
refuse(struct srv *srv)
{
	int fd;

	close(srv->spare_fd);
	fd = accept4(srv->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	srv->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
accept_client(struct srv *srv)
{
	int fd = accept4(srv->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		refuse(srv);
	if (fd >= 0 && (srv->client_count >= SRV_MAX_CLIENTS || srv_client_new(srv, fd) < 0))
		close(fd);
}

static void
reap(struct srv *srv)
{
	struct srv_client *c = LIST_FIRST(&srv->clients);

	while (c != NULL && srv->dead_count > 0) {
		struct srv_client *next = LIST_NEXT(c, next);

		if (c->dead)
			srv_client_free(c);
		c = next;
	}
}

static int
loop(struct srv *srv)
{
	struct epoll_event e;

	for (;;) {
		const struct srv_source *source;
		int n = epoll_wait(srv->epoll_fd, &e, 1, -1);

		if (n < 0 && errno != EINTR)
			return xen_fail(errno, "epoll: %s", strerror(errno));
		if (n <= 0)
			continue;
		source = e.data.ptr;
		if (source->kind == SRV_STOP)
			return 0;
		if (source->kind == SRV_LISTEN)
			accept_client(srv);
		else if (source->kind == SRV_REQUEST)
			srv_client_ready(source->client, e.events);
		else if ((e.events & (EPOLLHUP | EPOLLERR)) != 0)
			srv_client_end(source->client);
		else
			srv_events_flush(source->client);
		reap(srv);
	}
}

static int
add_source(struct srv *srv, int fd, struct srv_source *source)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = source};

	if (fd < 0 || epoll_ctl(srv->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0)
		return 0;
	return xen_fail(errno, "epoll: %s", strerror(errno));
}

static int
run(struct srv *srv, const struct pvn_xen_local_cfg *cfg)
{
	struct srv_source listen_source = {.kind = SRV_LISTEN};
	struct srv_source stop_source = {.kind = SRV_STOP};
	int ret = add_source(srv, srv->listen_fd, &listen_source);

	if (ret == 0)
		ret = add_source(srv, cfg->stop_fd, &stop_source);
	if (ret == 0 && cfg->ready_fd >= 0 && write(cfg->ready_fd, "r", 1) != 1)
		ret = xen_fail(errno, "nobody is told that %s is ready: %s", srv->path,
			       strerror(errno));
	return ret < 0 ? ret : loop(srv);
}

/* ---- begin and end ---- */

static int
begin(struct srv *srv)
{
	int ret = tree_init(&srv->tree);

	if (ret < 0)
		return xen_fail(ENOMEM, "no memory for a store");
	for (int i = 0; i < SRV_SPECIALS; i++)
		srv->special[i].perm_count = 1;
	if (srv_domain_get(srv, 0) == NULL)
		return -errno;
	srv->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	srv->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (srv->epoll_fd < 0 || srv->spare_fd < 0)
		return xen_fail(errno, "no descriptor: %s", strerror(errno));
	return open_socket(srv);
}

static void
end(struct srv *srv)
{
	while (!LIST_EMPTY(&srv->clients)) {
		struct srv_client *c = LIST_FIRST(&srv->clients);

		srv_client_end(c);
		srv_client_free(c);
	}
	srv_domains_free(srv);
	tree_free(&srv->tree);
	if (srv->listen_fd >= 0) {
		unlink(srv->path);
		close(srv->listen_fd);
	}
	if (srv->spare_fd >= 0)
		close(srv->spare_fd);
	if (srv->epoll_fd >= 0)
		close(srv->epoll_fd);
}

int
pvn_xen_local_serve(const struct pvn_xen_local_cfg *cfg)
{
	struct srv srv = {
		.path = cfg->path,
		.share_pages = cfg->share_pages == 0 ? PVN_XEN_LOCAL_SHARE_PAGES : cfg->share_pages,
		.epoll_fd = -1,
		.listen_fd = -1,
		.spare_fd = -1,
	};
	int ret;

	LIST_INIT(&srv.clients);
	LIST_INIT(&srv.domains);
	TAILQ_INIT(&srv.watches);
	pvn_serve_raise_file_limit(); /* each share is an open file here */
	ret = begin(&srv);
	if (ret == 0)
		ret = run(&srv, cfg);
	end(&srv);
	if (ret < 0)
		errno = -ret;
	return ret;
}
