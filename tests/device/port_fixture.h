/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Both ends of a port in one process, for tests. What they share are pages that are mapped twice,
 * as between two domains: the guest's mapping may write, the host's may write where a pool says so,
 * and around each mapping is memory that nobody may touch. So an address that is used as a pointer,
 * a byte too far, or a store into what is only to be read ends the test.
 *
 * Either end may be left to the test, which then speaks to the other through port_raw.h.
 */
#ifndef PORT_FIXTURE_H
#define PORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pvn_guestport.h>
#include <pvn_hostport.h>

#define PORT_QUEUES_MAX 2
#define PORT_HOST_ID 8 /* the host's port, in its mbufs */
#define PORT_BURST 32
#define PORT_FRAME_MAX 9018u /* of MTU 9000 */
#define PORT_LONGEST 65535u  /* with segmentation */

/* Members that are 0 get a default. */
struct port_setup {
	bool zero_copy;
	bool no_guest; /* its end is the test's */
	bool no_host;
	uint16_t queues;
	uint32_t rx_ring; /* descriptors of the ring towards the guest */
	uint32_t tx_ring;
	uint32_t mtu;	   /* 1500 */
	uint64_t features; /* as negotiated */
	bool guest_scatter;
	bool host_scatter;
	bool host_keeps_hints;
	uint32_t guest_mbufs; /* of the pool the guest receives into */
	uint32_t host_mbufs;
	uint16_t guest_room; /* data bytes in a mbuf of the guest's private pool, 2048 */
	uint16_t host_room;
	uint32_t rx_pages; /* without a guest: pages of the pools */
	uint32_t tx_pages;
};

/* The same pages as each end sees them. */
struct port_pages {
	size_t size;
	uint8_t *guest;
	uint8_t *host;
};

enum { PORT_POOL_TX, PORT_POOL_RX, PORT_POOLS }; /* zero-copy has the first only, writable */

struct port {
	struct port_setup setup;
	struct port_pages pools[PORT_POOLS];
	struct port_pages rx_rings[PORT_QUEUES_MAX];
	struct port_pages tx_rings[PORT_QUEUES_MAX];
	uint16_t pool_count;
	struct pvn_vring_pool guest_view[PORT_POOLS];
	struct pvn_vring_pool host_view[PORT_POOLS];
	struct rte_mempool *guest_pool;	  /* what the guest receives into */
	struct rte_mempool *host_pool;	  /* what the host receives into */
	struct rte_mempool *private_pool; /* what applications send from; shared with nobody */
	void *host_memory;
	struct pvn_host_policy policy;
	struct pvn_guest_rxq grx[PORT_QUEUES_MAX];
	struct pvn_guest_txq gtx[PORT_QUEUES_MAX];
	struct pvn_host_rxq hrx[PORT_QUEUES_MAX];
	struct pvn_host_txq htx[PORT_QUEUES_MAX];
};

/* Starts EAL and runs the tests. */
int port_run(const char *name, const struct CMUnitTest *tests, size_t num);
#define PORT_RUN(tests) port_run(#tests, tests, RTE_DIM(tests))
#define PORT_TEST(name) cmocka_unit_test_teardown(name, port_teardown)

/* Closes what a failed test left open. */
int port_teardown(void **state);

/* Makes a port and starts both ends. */
void port_open(struct port *p, const struct port_setup *setup);

/* Stops both ends and demands that every mbuf is back in its pool. */
void port_close(struct port *p);

/* Stops or starts all queues, as a connection that ends or begins. */
void port_stop(struct port *p);
void port_start(struct port *p);

/* Only one end, where the other is the test's. */
void port_start_host(struct port *p);

/* Every pool is full. */
void port_assert_all_back(const struct port *p);

/* Bursts of queue 0, whichever way the port goes. */
uint16_t port_guest_rx(struct port *p, struct rte_mbuf **mbufs, uint16_t n);
uint16_t port_guest_tx(struct port *p, struct rte_mbuf **mbufs, uint16_t n);
uint16_t port_host_rx(struct port *p, struct rte_mbuf **mbufs, uint16_t n);
uint16_t port_host_tx(struct port *p, struct rte_mbuf **mbufs, uint16_t n);

/* Frames that a queue took: packets and every cause of loss. What it has not taken is in the ring,
 * so attempts without a mbuf do not count.
 */
uint64_t port_guest_rx_total(const struct pvn_guest_rxq *q);
uint64_t port_guest_tx_total(const struct pvn_guest_txq *q);
uint64_t port_host_rx_total(const struct pvn_host_rxq *q);
uint64_t port_host_tx_total(const struct pvn_host_txq *q);

/* A frame of the port's MAC, with an EtherType for experiments, whose bytes depend on `seed`. */
void port_frame(const struct port *p, uint8_t *frame, size_t len, uint32_t seed);

/* The address that the guest may send from. */
extern const struct rte_ether_addr port_mac;

/* A mbuf chain with `len` bytes, at most `room` in each segment. NULL if the pool is empty. */
struct rte_mbuf *port_chain(struct rte_mempool *pool, const void *data, size_t len, size_t room);

/* The frame is this, and the chain is sound. */
void port_assert_content(const struct rte_mbuf *m, const void *data, size_t len);

/* `frames` frames go both ways, in bursts, and arrive as they were sent. */
void port_assert_works(struct port *p, unsigned int frames);

#endif /* PORT_FIXTURE_H */
