/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest that lies, and an honest one on the same thread. Each lie costs the liar's ring or its
 * frame: it is counted once, in the right place, the ring says why, every mbuf is back, and the
 * neighbour does not notice.
 */
#ifndef PORT_HOSTILE_H
#define PORT_HOSTILE_H

#include "port_packet.h"
#include "port_raw.h"

#define RING 64u
#define POOL_PAGES 64u
#define POOL_BYTES (POOL_PAGES * 4096u)
#define TX 0 /* pools as the guest numbers them; the host may not write to the first */
#define RX 1
#define MTU 3000u
#define FRAME_MAX (MTU + 18u)
#define FAR UINT64_C(0xffffffffffff) /* highest offset there is */

#define HOST_RX(name) offsetof(struct pvn_host_rxq, stats.name)
#define HOST_TX(name) offsetof(struct pvn_host_txq, stats.name)
#define NO_COUNTER 0
#define FAULT(name) PVN_VRING_FAULT_##name

struct word {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint32_t next; /* 0: as it should be; else value | 0x10000 */
};

struct lie {
	const char *name;
	struct word d[3];
	uint16_t avail; /* 0: 1 */
	enum pvn_vring_fault fault;
	size_t counter; /* NO_COUNTER: the frame is right */
};

#define AT(pool, offset) ((uint64_t)(pool) << 48 | (offset))
#define GOOD AT(TX, 4096)
#define NEXT_IS(n) (0x10000u | (n))

extern struct port hostile, neighbour;
extern struct raw_ring to_host, to_guest;

/* Both ports. The hostile one's guest end is the test's. */
void hostile_open(const struct port_setup *setup);
void hostile_close(void);

/* Both rings and all counters as after a new connection. */
void hostile_begin(void);

/* Nothing outside was harmed: every mbuf is back, and the neighbour goes on. */
void hostile_assert_harmless(void);

/* The guest's pages. */
uint8_t *hostile_page(int pool, size_t offset);

/* A right frame at an offset of the transmit pool. */
void hostile_put_frame(size_t offset, size_t len, uint32_t seed);

/* HOST_RX(name) of a queue. */
uint64_t hostile_counter(const void *queue, size_t offset);

/* The host receives: the one frame there is, or nothing and 1 in the counter `at` and no other. */
void hostile_check_rx(const char *name, enum pvn_vring_fault fault, size_t at);

#endif /* PORT_HOSTILE_H */
