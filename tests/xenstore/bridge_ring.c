/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Request ring: we write req_prod, xenstored req_cons. Response ring: xenstored writes rsp_prod, we
 * rsp_cons. Indices run freely. Both sides tell the other after every move, so neither can sleep
 * while there is room or data.
 */
#define _GNU_SOURCE
#include "bridge_ring.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_xen.h"

static size_t
least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

int
ring_open(struct ring *ring, unsigned int domid)
{
	char name[FAKE_NAME_MAX];
	int fd;

	ring->port = FAKE_PORT_DOMAIN(domid);
	ring->events = fake_bind(fake_name(name, "event", domid), SOCK_DGRAM);
	fd = open(fake_name(name, "page", domid), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (ring->events < 0 || fd < 0 || ftruncate(fd, FAKE_PAGE_SIZE) != 0)
		return -1;
	ring->page = mmap(NULL, FAKE_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return ring->page == MAP_FAILED ? -1 : 0;
}

static void
tell(struct ring *ring)
{
	fake_send_event(ring->events, FAKE_DAEMON_EVENTS, ring->port);
}

size_t
ring_put(struct ring *ring, const void *data, size_t len)
{
	uint32_t cons = __atomic_load_n(&ring->page->req_cons, __ATOMIC_ACQUIRE);
	uint32_t prod = ring->page->req_prod;
	uint32_t at = MASK_XENSTORE_IDX(prod);

	len = least(len, XENSTORE_RING_SIZE - (prod - cons), XENSTORE_RING_SIZE - at);
	if (len == 0)
		return 0;
	memcpy(&ring->page->req[at], data, len);
	/* Request bytes before the index; the daemon has a full barrier between both. */
	__atomic_store_n(&ring->page->req_prod, prod + len, __ATOMIC_RELEASE);
	tell(ring);
	return len;
}

size_t
ring_get(struct ring *ring, void *data, size_t len)
{
	uint32_t prod = __atomic_load_n(&ring->page->rsp_prod, __ATOMIC_ACQUIRE);
	uint32_t cons = ring->page->rsp_cons;
	uint32_t at = MASK_XENSTORE_IDX(cons);

	len = least(len, prod - cons, XENSTORE_RING_SIZE - at);
	if (len == 0)
		return 0;
	memcpy(data, &ring->page->rsp[at], len);
	/* Our reads before the index: then the daemon may overwrite what was read. */
	__atomic_store_n(&ring->page->rsp_cons, cons + len, __ATOMIC_RELEASE);
	tell(ring);
	return len;
}

void
ring_clear_events(struct ring *ring)
{
	uint32_t port;

	while (recv(ring->events, &port, sizeof(port), 0) == sizeof(port))
		continue;
}
