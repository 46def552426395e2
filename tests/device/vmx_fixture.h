/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What most device tests need: a started port on a fresh device, frames with content that can be
 * recognised, mbuf chains of any shape, and an end at which nothing is lost and no rule broken.
 */
#ifndef VMX_FIXTURE_H
#define VMX_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "vmx_host.h"

#define VMX_FRAME_MAX 9018
#define VMX_SIZE_MIN 60
#define VMX_ROOM 2048 /* bytes of data in an mbuf, the usual choice */

/* How to set a port up; zero is the usual choice for each. */
struct vmx_setup {
	struct vmx_device_opts device;
	const char *devargs;
	uint16_t num_rx_queues;
	uint16_t num_tx_queues;
	uint16_t rx_ring; /* entries; 0 = the smallest the driver takes */
	uint16_t tx_ring;
	uint16_t room; /* data bytes of an rx mbuf */
	uint32_t pool_size;
	uint32_t pool_cache; /* of the rx pool, for each core */
	uint32_t mtu;
	uint64_t rx_offloads;
	uint64_t tx_offloads;
	bool lsc;
	bool rxq; /* interrupts of rx queues */
	bool rmv;
	const struct rte_eth_rss_conf *rss; /* NULL: no RSS */
	bool stay_stopped;
};

struct vmx_test {
	struct vmx_setup setup;
	struct vmx_port *port;
	struct vmx_device *dev;
	uint16_t id;
	struct rte_mempool *rx_pool;
	struct rte_mempool *tx_pool; /* small buffers, for long chains */
};

#define VMX_TX_ROOM 128 /* data bytes of a buffer of tx_pool */

/* Plug, configure, set queues up, start. Fails the test when any of it fails. */
void vmx_open(struct vmx_test *t, const struct vmx_setup *setup);

/* The steps of it, for tests that go through them by themselves. */
void vmx_configure(struct vmx_test *t);
void vmx_start(struct vmx_test *t);
void vmx_stop(struct vmx_test *t);

/* Stop, close, remove; then no mbuf may be missing and no rule may have been broken. */
void vmx_close(struct vmx_test *t);

/* The end of it, for a port that the test has closed or removed already. */
void vmx_finish(struct vmx_test *t);

/* The same for tests in which the device is not honest: breaches are not asked for. */
void vmx_close_unchecked(struct vmx_test *t);

/* cmocka's teardown: takes away what a failed test left behind. */
int vmx_teardown(void **state);

/* No rule broken so far, except those DPDK's own driver is known to break. */
void vmx_assert_clean(struct vmx_test *t);

/* Skip a test that DPDK's own driver is known to fail; the reason is printed. */
void vmx_skip_rival(const char *reason);

/* A frame to this port of `len` bytes, its payload a function of seed. */
void vmx_frame(const struct vmx_test *t, uint8_t *frame, size_t len, uint32_t seed);

/* An mbuf chain with this content, `room` bytes in each segment but the last. */
struct rte_mbuf *vmx_chain(struct rte_mempool *pool, const void *data, size_t len, size_t room);

void vmx_assert_content(const struct rte_mbuf *m, const void *data, size_t len);

/* Next frame the driver delivers, or NULL; its shape is checked. */
struct rte_mbuf *vmx_receive(struct vmx_test *t, uint16_t queue);

/* A frame of this length arrives and must come out of queue as it was. */
void vmx_assert_receives(struct vmx_test *t, uint16_t queue, size_t len, uint32_t seed);

/* Send m, which the driver must take, and see this content come out. */
void vmx_assert_sends(struct vmx_test *t, uint16_t queue, struct rte_mbuf *m, const void *data,
		      size_t len);

/* Frames both ways, n of them. */
void vmx_assert_works(struct vmx_test *t, unsigned int n);

/* What a port must be able to do whatever its device did: stopped, it has every mbuf back; started,
 * or reset and set up again, it works. */
void vmx_assert_recovers(struct vmx_test *t, bool by_reset);

struct rte_eth_stats vmx_stats(const struct vmx_test *t);

/* One extended statistic; it must exist. */
uint64_t vmx_xstat(const struct vmx_test *t, const char *name);

/* Everything the driver counts as gone wrong, wherever: it must grow with each drop. */
uint64_t vmx_errors(const struct vmx_test *t);

#define VMX_TEST(fn) cmocka_unit_test_teardown(fn, vmx_teardown)

/* Run a group of tests in the surroundings they need. */
#define VMX_RUN(tests) vmx_run(#tests, tests, sizeof(tests) / sizeof((tests)[0]))

int vmx_run(const char *name, const struct CMUnitTest *tests, size_t num);

#endif /* VMX_FIXTURE_H */
