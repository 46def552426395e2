/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "pvn_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* -error, with the text; "%m" in it is the error's. */
__attribute__((format(printf, 4, 5))) static int
fail(int error, char *why, size_t size, const char *fmt, ...)
{
	va_list args;

	errno = error;
	va_start(args, fmt);
	vsnprintf(why, size, fmt, args);
	va_end(args);
	return -error;
}

static bool
somebody_serves(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* EAGAIN: somebody does, and has a long queue. */
	bool lives =
		connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN;

	if (fd >= 0)
		close(fd);
	return lives;
}

/* Removes what a dead server left; the folder is locked. */
static int
remove_stale(const struct sockaddr_un *addr, char *why, size_t size)
{
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : fail(errno, why, size, "%s: %m", addr->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return fail(EEXIST, why, size, "%s exists and is no socket: choose another path",
			    addr->sun_path);
	if (somebody_serves(addr))
		return fail(EADDRINUSE, why, size, "a server is at %s already", addr->sun_path);
	if (unlink(addr->sun_path) < 0)
		return fail(errno, why, size, "%s: a dead server's socket cannot be removed: %m",
			    addr->sun_path);
	return 0;
}

static int
lock_folder(const char *path, char *why, size_t size)
{
	char copy[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *folder;
	int fd, ret;

	strcpy(copy, path);
	folder = dirname(copy);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, why, size, "%s: the folder %s: %m", path, folder);
	if (flock(fd, LOCK_EX) == 0)
		return fd;
	ret = fail(errno, why, size, "%s: the folder %s: %m", path, folder);
	close(fd);
	return ret;
}

int
pvn_serve_claim(const struct sockaddr_un *addr, char *why, size_t size)
{
	int lock = lock_folder(addr->sun_path, why, size);
	int ret = lock < 0 ? lock : remove_stale(addr, why, size);

	if (ret == 0)
		return lock;
	if (lock >= 0)
		close(lock);
	return ret;
}

void
pvn_serve_raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}
