/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A domain's end of the two byte rings it shares with xenstored.
 */
#ifndef BRIDGE_RING_H
#define BRIDGE_RING_H

#include <stddef.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

struct ring {
	struct xenstore_domain_interface *page;
	int events; /* readable when xenstored has done something */
	uint32_t port;
};

/* Makes the page, which makes the domain exist, and its event channel; -1 and errno. */
int ring_open(struct ring *ring, unsigned int domid);

/* Both return how many bytes went through, 0 when the ring is full or empty. */
size_t ring_put(struct ring *ring, const void *data, size_t len);
size_t ring_get(struct ring *ring, void *data, size_t len);

/* Call when events is readable, and then look at the rings. */
void ring_clear_events(struct ring *ring);

#endif /* BRIDGE_RING_H */
