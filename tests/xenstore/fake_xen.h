/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A machine with domains but without Xen, for one xenstored: a folder, which is the working folder
 * of all programs that take part.
 *
 *	page.N    the page that domain N shares with xenstored; domain N exists while the file does
 *	down.N    exists when domain N has shut down
 *	event.N   datagram socket: event channel, xenstored to domain N
 *	event     datagram socket: event channels, all domains to xenstored
 *	xs.N      stream socket: what programs "in" domain N name in XENSTORED_PATH
 *	socket    stream socket of xenstored itself: programs in domain 0
 *
 * An event is a datagram with xenstored's port in it. A full socket drops events, which loses
 * nothing: an earlier one is unread, and whoever reads it then looks at the rings.
 */
#ifndef FAKE_XEN_H
#define FAKE_XEN_H

#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FAKE_DAEMON_EVENTS "event"
#define FAKE_PAGE_SIZE 4096
#define FAKE_PORT_VIRQ 1 /* "a domain has ended": read page.* and down.* again */
#define FAKE_PORT_DOMAIN(domid) ((uint32_t)(domid) + 2)
#define FAKE_DOMAIN_OF_PORT(port) ((port)-2)

#define FAKE_NAME_MAX 32

/* "page.7", "event.7", ... */
static inline const char *
fake_name(char *name, const char *what, unsigned int domid)
{
	snprintf(name, FAKE_NAME_MAX, "%s.%u", what, domid);
	return name;
}

static inline struct sockaddr_un
fake_address(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	return address;
}

/* Returns -1 when nobody reads there. */
static inline int
fake_send_event(int sock, const char *to, uint32_t port)
{
	struct sockaddr_un address = fake_address(to);
	ssize_t n = sendto(sock, &port, sizeof(port), MSG_DONTWAIT, (struct sockaddr *)&address,
			   sizeof(address));

	return n == sizeof(port) ? 0 : -1;
}

/* A bound socket of this type in the working folder; -1 and errno. */
static inline int
fake_bind(const char *name, int type)
{
	struct sockaddr_un address = fake_address(name);
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fd;
}

#endif /* FAKE_XEN_H */
