/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What tests of IVSHMEM's sockets share: raw messages, and how many files are open.
 */
#ifndef IVSHMEM_KIT_H
#define IVSHMEM_KIT_H

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ivshmem.h"
#include "pvn_test.h"

static inline unsigned int
kit_open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static inline int
kit_memory(size_t size)
{
	int fd = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	return fd;
}

/* Sends the first `len` bytes of a message with `count` times this descriptor. */
static inline ssize_t
kit_send_part(int to, int64_t value, size_t from, size_t len, int fd, unsigned int count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 250)];
	} control;
	unsigned char bytes[8];
	struct iovec iov = {bytes + from, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint64_t)value >> (8 * i);
	if (count > 0) {
		struct cmsghdr *c = &control.align;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		for (unsigned int i = 0; i < count; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL);
}

/* A whole message, with a descriptor unless that is -1. */
static inline ssize_t
kit_send(int to, int64_t value, int fd)
{
	return kit_send_part(to, value, 0, 8, fd, fd >= 0);
}

/* Whether it becomes readable within 5 s. */
static inline int
kit_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 5000) == 1;
}

#endif /* IVSHMEM_KIT_H */
