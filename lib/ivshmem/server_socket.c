/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Sockets with names: nobody but their owner may ever connect, nobody's but a dead server's is
 * replaced, and nobody's but ours is removed.
 */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <pvn_serve.h>

#include "fail.h"

/* The name appears with the owner's rights at most, and listens only when it has its own. */
static int
bind_socket(struct server_socket *sock, const struct sockaddr_un *addr,
	    const struct pvn_ivshmem_server_cfg *cfg)
{
	const mode_t mode = cfg->mode != 0 ? cfg->mode : 0600;
	struct stat st;

	if (fchmod(sock->fd, mode & 0600) < 0 ||
	    bind(sock->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return ivs_fail(errno, "%s: %s", addr->sun_path, strerror(errno));
	strcpy(sock->path, addr->sun_path);
	if (lstat(sock->path, &st) < 0)
		return ivs_fail(errno, "%s: %s", sock->path, strerror(errno));
	sock->dev = st.st_dev;
	sock->ino = st.st_ino;
	if (cfg->chown && lchown(sock->path, cfg->uid, cfg->gid) < 0)
		return ivs_fail(errno, "%s cannot be given to user %d, group %d: %s", sock->path,
				(int)cfg->uid, (int)cfg->gid, strerror(errno));
	if ((mode != 0600 && chmod(sock->path, mode) < 0) || listen(sock->fd, SOMAXCONN) < 0)
		return ivs_fail(errno, "%s: %s", sock->path, strerror(errno));
	return 0;
}

int
server_socket_listen(struct server_socket *sock, const struct pvn_ivshmem_server_cfg *cfg,
		     const char *suffix)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char why[512];
	int lock, ret;

	if ((size_t)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s%s", cfg->path, suffix) >=
	    sizeof(addr.sun_path))
		return ivs_fail(ENAMETOOLONG, "%s%s: a socket's path may have %zu bytes", cfg->path,
				suffix, sizeof(addr.sun_path) - 1);
	sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock->fd < 0)
		return ivs_fail(errno, "no socket: %s", strerror(errno));
	lock = pvn_serve_claim(&addr, why, sizeof(why));
	if (lock < 0)
		return ivs_fail(-lock, "%s", why);
	ret = bind_socket(sock, &addr, cfg);
	close(lock);
	return ret;
}

void
server_socket_close(struct server_socket *sock)
{
	struct stat st;

	if (sock->path[0] != '\0' && lstat(sock->path, &st) == 0 && st.st_dev == sock->dev &&
	    st.st_ino == sock->ino)
		unlink(sock->path);
	if (sock->fd >= 0)
		close(sock->fd);
	sock->fd = -1;
}
