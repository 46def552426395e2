/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Counters: those of the device for each queue, one for each cause of a drop, causes that add up to
 * the totals; and none of it falls or wraps, whatever is restarted, set up again or reset.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "vmx_fixture.h"

#define XSTATS_MAX 4096

static struct rte_eth_xstat_name names[XSTATS_MAX];
static struct rte_eth_xstat values[XSTATS_MAX];

static int
fetch_xstats(const struct vmx_test *t)
{
	int n = rte_eth_xstats_get_names(t->id, names, XSTATS_MAX);

	assert_in_range(n, 1, XSTATS_MAX);
	assert_int_equal(rte_eth_xstats_get(t->id, values, XSTATS_MAX), n);
	return n;
}

/* Of all queues of a direction: "rx_q0_NAME" + "rx_q1_NAME" + ... */
static uint64_t
sum_of(const struct vmx_test *t, const char *direction, const char *name)
{
	int n = fetch_xstats(t);
	uint64_t sum = 0;

	for (int i = 0; i < n; i++) {
		unsigned int q;
		int end = 0;
		char format[16];

		snprintf(format, sizeof(format), "%s_q%%u_%%n", direction);
		if (sscanf(names[i].name, format, &q, &end) == 1 && end > 0 &&
		    strcmp(names[i].name + end, name) == 0)
			sum += values[i].value;
	}
	return sum;
}

/* The causes are all that the totals are made of. */
static void
assert_adds_up(const struct vmx_test *t)
{
	struct rte_eth_stats stats = vmx_stats(t);

	assert_int_equal(stats.imissed, sum_of(t, "rx", "hw_no_buffer_missed"));
	assert_int_equal(stats.ierrors, sum_of(t, "rx", "hw_errors") +
						sum_of(t, "rx", "bad_piece_errors") +
						sum_of(t, "rx", "bad_completion_errors"));
	assert_int_equal(stats.ierrors, sum_of(t, "rx", "errors"));
	assert_int_equal(stats.rx_nombuf, sum_of(t, "rx", "nombuf"));
	assert_int_equal(stats.oerrors, sum_of(t, "tx", "hw_errors") +
						sum_of(t, "tx", "hw_discard_errors") +
						sum_of(t, "tx", "unsendable_errors") +
						sum_of(t, "tx", "bad_completion_errors"));
	assert_int_equal(stats.oerrors, sum_of(t, "tx", "errors"));
	assert_int_equal(stats.ipackets, sum_of(t, "rx", "packets"));
	assert_int_equal(stats.ibytes, sum_of(t, "rx", "bytes"));
}

/* [VMX3 6.3] All ten of each queue. */
static void
test_all_hardware_counters(void **state)
{
	static const char *const rx[] = {
		"lro_packets",	     "lro_bytes",	"unicast_packets",   "unicast_bytes",
		"multicast_packets", "multicast_bytes", "broadcast_packets", "broadcast_bytes",
		"no_buffer_missed",  "errors",
	};
	static const char *const tx[] = {
		"tso_packets",	     "tso_bytes",	  "unicast_packets",
		"unicast_bytes",     "multicast_packets", "multicast_bytes",
		"broadcast_packets", "broadcast_bytes",	  "errors",
		"discard_errors",
	};
	struct vmx_setup setup = {.num_rx_queues = 2, .num_tx_queues = 3};
	struct vmx_test t;
	char name[64];

	(void)state;
	vmx_open(&t, &setup);
	for (unsigned int i = 0; i < 10; i++) {
		for (unsigned int q = 0; q < 2; q++) {
			snprintf(name, sizeof(name), "rx_q%u_hw_%s", q, rx[i]);
			assert_int_equal(vmx_xstat(&t, name), 0);
		}
		for (unsigned int q = 0; q < 3; q++) {
			snprintf(name, sizeof(name), "tx_q%u_hw_%s", q, tx[i]);
			assert_int_equal(vmx_xstat(&t, name), 0);
		}
	}
	vmx_close(&t);
}

static void
receive_to(struct vmx_test *t, uint16_t q, uint8_t first, size_t len)
{
	uint8_t frame[200];

	vmx_frame(t, frame, len, 1);
	if (first != 0)
		memset(frame, first, 6);
	assert_int_equal(vmx_device_rx(t->dev, q, frame, len, NULL), VMX_RX_DELIVERED);
	rte_pktmbuf_free(vmx_receive(t, q));
}

static void
send_to(struct vmx_test *t, uint16_t q, uint8_t first, size_t len)
{
	uint8_t frame[200];

	vmx_frame(t, frame, len, 1);
	if (first != 0)
		memset(frame, first, 6);
	vmx_assert_sends(t, q, vmx_chain(t->tx_pool, frame, len, VMX_TX_ROOM), frame, len);
}

static void
test_hardware_counters_per_queue(void **state)
{
	struct vmx_setup setup = {.num_rx_queues = 2, .num_tx_queues = 2};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	assert_int_equal(rte_eth_allmulticast_enable(t.id), 0);
	for (uint16_t q = 0; q < 2; q++) {
		for (int i = 0; i <= q; i++) {
			receive_to(&t, q, 0, 60);
			receive_to(&t, q, 0x33, 70);
			receive_to(&t, q, 0xFF, 80);
			send_to(&t, q, 0, 90);
			send_to(&t, q, 0x33, 100);
			send_to(&t, q, 0xFF, 110);
		}
	}
	assert_int_equal(vmx_xstat(&t, "rx_q0_hw_unicast_packets"), 1);
	assert_int_equal(vmx_xstat(&t, "rx_q1_hw_unicast_packets"), 2);
	assert_int_equal(vmx_xstat(&t, "rx_q1_hw_unicast_bytes"), 120);
	assert_int_equal(vmx_xstat(&t, "rx_q1_hw_multicast_packets"), 2);
	assert_int_equal(vmx_xstat(&t, "rx_q1_hw_multicast_bytes"), 140);
	assert_int_equal(vmx_xstat(&t, "rx_q1_hw_broadcast_packets"), 2);
	assert_int_equal(vmx_xstat(&t, "rx_q1_hw_broadcast_bytes"), 160);
	assert_int_equal(vmx_xstat(&t, "tx_q0_hw_unicast_packets"), 1);
	assert_int_equal(vmx_xstat(&t, "tx_q1_hw_unicast_packets"), 2);
	assert_int_equal(vmx_xstat(&t, "tx_q1_hw_unicast_bytes"), 180);
	assert_int_equal(vmx_xstat(&t, "tx_q1_hw_multicast_packets"), 2);
	assert_int_equal(vmx_xstat(&t, "tx_q1_hw_multicast_bytes"), 200);
	assert_int_equal(vmx_xstat(&t, "tx_q1_hw_broadcast_packets"), 2);
	assert_int_equal(vmx_xstat(&t, "tx_q1_hw_broadcast_bytes"), 220);
	assert_int_equal(vmx_xstat(&t, "rx_q0_packets"), 3);
	assert_int_equal(vmx_xstat(&t, "rx_q1_packets"), 6);
	assert_int_equal(vmx_xstat(&t, "tx_q1_bytes"), 600);
	assert_adds_up(&t);
	vmx_close(&t);
}

/* Frames without a buffer, and frames with the error bit: each under its own name. */
static void
test_device_drops(void **state)
{
	struct vmx_rx_meta meta = {.error = true};
	uint8_t frame[100];
	struct vmx_test t;
	unsigned int no_buffer = 0;

	(void)state;
	vmx_open(&t, NULL);
	vmx_frame(&t, frame, sizeof(frame), 1);
	for (unsigned int i = 0; i < 100; i++)
		no_buffer +=
			vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL) == VMX_RX_NO_BUFFER;
	assert_true(no_buffer > 0 && no_buffer < 100);
	for (unsigned int i = no_buffer; i < 100; i++)
		rte_pktmbuf_free(vmx_receive(&t, 0));
	assert_int_equal(vmx_xstat(&t, "rx_q0_hw_no_buffer_missed"), no_buffer);
	assert_int_equal(vmx_stats(&t).imissed, no_buffer);
	vmx_device_rx(t.dev, 0, frame, sizeof(frame), &meta);
	assert_null(vmx_receive(&t, 0));
	assert_int_equal(vmx_xstat(&t, "rx_q0_error_bit_packets"), 1);
	assert_int_equal(vmx_xstat(&t, "rx_q0_hw_errors"), vmx_stats(&t).ierrors);
	assert_int_equal(vmx_stats(&t).ipackets, 100 - no_buffer);
	assert_adds_up(&t);
	vmx_close(&t);
}

/* What the device says that cannot be: exactly one counter each. */
static void
test_driver_drops(void **state)
{
	static const struct {
		enum vmx_lie lie;
		const char *counter;
	} cases[] = {
		{VMX_LIE_RX_LEN, "rx_q0_bad_piece_errors"},
		{VMX_LIE_RX_INDEX_OUT, "rx_q0_bad_completion_errors"},
		{VMX_LIE_RX_RING_ID, "rx_q0_bad_completion_errors"},
	};
	uint8_t frame[100];
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		print_message("case: %s\n", vmx_lie_name(cases[i].lie));
		vmx_open(&t, NULL);
		vmx_frame(&t, frame, sizeof(frame), 1);
		vmx_device_lie(t.dev, cases[i].lie, 1);
		vmx_device_rx(t.dev, 0, frame, sizeof(frame), NULL);
		assert_null(vmx_receive(&t, 0));
		assert_int_equal(vmx_xstat(&t, cases[i].counter), 1);
		assert_int_equal(vmx_stats(&t).ierrors, 1);
		assert_adds_up(&t);
		vmx_close_unchecked(&t);
	}
}

static void
test_tx_drops(void **state)
{
	struct rte_mbuf *m;
	uint8_t frame[60];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	m = rte_pktmbuf_alloc(t.tx_pool); /* without a byte */
	assert_int_equal(rte_eth_tx_burst(t.id, 0, &m, 1), 0);
	rte_pktmbuf_free(m);
	assert_int_equal(vmx_xstat(&t, "tx_q0_unsendable_errors"), 1);
	vmx_frame(&t, frame, sizeof(frame), 1);
	vmx_device_lie(t.dev, VMX_LIE_TX_NOTHING, 1);
	m = vmx_chain(t.tx_pool, frame, sizeof(frame), VMX_TX_ROOM);
	assert_int_equal(rte_eth_tx_burst(t.id, 0, &m, 1), 1);
	vmx_device_run(t.dev);
	rte_eth_tx_done_cleanup(t.id, 0, 0); /* looks at completions now */
	assert_true(vmx_xstat(&t, "tx_q0_bad_completion_errors") > 0);
	assert_adds_up(&t);
	vmx_close_unchecked(&t);
}

/* What was counted so far, summed in a way that shows a fall anywhere. */
static void
assert_grew(const struct vmx_test *t, struct rte_eth_stats *before, unsigned int rx,
	    unsigned int tx)
{
	struct rte_eth_stats now = vmx_stats(t);

	assert_int_equal(now.ipackets, before->ipackets + rx);
	assert_int_equal(now.opackets, before->opackets + tx);
	assert_int_equal(now.imissed, before->imissed);
	assert_int_equal(now.ierrors, before->ierrors);
	assert_int_equal(now.oerrors, before->oerrors);
	assert_int_equal(sum_of(t, "rx", "packets"), now.ipackets);
	assert_int_equal(sum_of(t, "tx", "packets"), now.opackets);
	assert_int_equal(sum_of(t, "rx", "hw_unicast_packets"), now.ipackets);
	assert_int_equal(sum_of(t, "tx", "hw_unicast_packets"), now.opackets);
	assert_adds_up(t);
	*before = now;
}

/* Restarted, set up again, with other numbers of queues: the totals go on. */
static void
test_continuous(void **state)
{
	static const uint16_t queues[] = {4, 4, 1, 2, 4};
	struct vmx_setup setup = {.num_rx_queues = 4, .num_tx_queues = 4, .pool_size = 4096};
	struct rte_eth_stats before = {0};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (size_t i = 0; i < RTE_DIM(queues); i++) {
		vmx_assert_works(&t, 40);
		assert_grew(&t, &before, 40, 40);
		vmx_stop(&t);
		assert_grew(&t, &before, 0, 0);
		vmx_start(&t);
		assert_grew(&t, &before, 0, 0);
		vmx_stop(&t);
		t.setup.num_rx_queues = t.setup.num_tx_queues = queues[i];
		vmx_configure(&t);
		assert_grew(&t, &before, 0, 0);
		vmx_start(&t);
		assert_grew(&t, &before, 0, 0);
	}
	vmx_close(&t);
}

/* Reset at any point of it, then stop, configure, start: from zero, and never below. */
static void
test_reset_anywhere(void **state)
{
	struct vmx_setup setup = {.num_rx_queues = 2, .num_tx_queues = 2};

	(void)state;
	for (int at = 0; at < 5; at++) {
		struct rte_eth_stats zero = {0};
		struct vmx_test t;

		vmx_open(&t, &setup);
		vmx_assert_works(&t, 30);
		for (int step = 0; step < 5; step++) {
			if (step == at)
				assert_int_equal(at % 2 == 0 ? rte_eth_stats_reset(t.id)
							     : rte_eth_xstats_reset(t.id),
						 0);
			if (step >= at)
				assert_grew(&t, &zero, 0, 0);
			if (step == 0 || step == 3)
				vmx_stop(&t);
			else if (step == 1)
				vmx_configure(&t);
			else
				vmx_start(&t);
		}
		vmx_assert_works(&t, 6);
		assert_grew(&t, &zero, 6, 6);
		vmx_close(&t);
	}
}

/* A device that takes its counters back; one that is gone does not write them again. */
static void
test_counters_fall(void **state)
{
	struct vmxnet3_tx_queue_desc *table;
	struct vmxnet3_rx_queue_desc *rx;
	struct rte_eth_stats stats;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, NULL);
	vmx_assert_works(&t, 30);
	assert_int_equal(rte_eth_stats_reset(t.id), 0);
	vmx_assert_works(&t, 5);
	assert_int_equal(vmx_xstat(&t, "rx_q0_hw_unicast_packets"), 5);
	table = (void *)(uintptr_t)pvn_le64_to_cpu(vmx_device_shared(t.dev)->queue_table_addr);
	rx = (void *)(table + 1);
	vmx_device_lie(t.dev, VMX_LIE_GONE, 1);
	memset(&table->counters, 0, sizeof(table->counters));
	memset(&rx->counters, 0, sizeof(rx->counters));
	assert_int_equal(vmx_xstat(&t, "rx_q0_hw_unicast_packets"), 0);
	assert_int_equal(vmx_xstat(&t, "tx_q0_hw_unicast_bytes"), 0);
	stats = vmx_stats(&t);
	assert_int_equal(stats.ipackets, 5);
	assert_int_equal(stats.opackets, 5);
	assert_int_equal(stats.imissed + stats.ierrors + stats.oerrors, 0);
	vmx_close_unchecked(&t);
}

/* Per-queue statistics of the basic call are the queues' own. */
static void
test_per_queue_stats(void **state)
{
	struct vmx_setup setup = {.num_rx_queues = 8, .num_tx_queues = 8};
	struct rte_eth_stats stats;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (uint16_t q = 0; q < 8; q++) {
		for (int i = 0; i <= q; i++) {
			receive_to(&t, q, 0, 60);
			send_to(&t, q, 0, 70);
		}
	}
	vmx_stop(&t);
	vmx_configure(&t); /* the queues are new, their counters are not */
	stats = vmx_stats(&t);
	for (uint16_t q = 0; q < 8; q++) {
		assert_int_equal(stats.q_ipackets[q], q + 1);
		assert_int_equal(stats.q_ibytes[q], 60 * (q + 1));
		assert_int_equal(stats.q_opackets[q], q + 1);
		assert_int_equal(stats.q_obytes[q], 70 * (q + 1));
	}
	vmx_start(&t);
	vmx_close(&t);
}

/* No name twice, and every id leads to its own value. */
static void
test_names_and_ids(void **state)
{
	struct vmx_setup setup = {.num_rx_queues = 3, .num_tx_queues = 2};
	struct vmx_test t;
	int n;

	(void)state;
	vmx_open(&t, &setup);
	vmx_assert_works(&t, 30);
	n = fetch_xstats(&t);
	for (int i = 0; i < n; i++) {
		uint64_t id, value;

		assert_int_equal(rte_eth_xstats_get_id_by_name(t.id, names[i].name, &id), 0);
		assert_int_equal(id, i);
		assert_int_equal(rte_eth_xstats_get_by_id(t.id, &id, &value, 1), 1);
		assert_int_equal(value, values[i].value);
	}
	vmx_close(&t);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		VMX_TEST(test_all_hardware_counters),
		VMX_TEST(test_hardware_counters_per_queue),
		VMX_TEST(test_device_drops),
		VMX_TEST(test_driver_drops),
		VMX_TEST(test_tx_drops),
		VMX_TEST(test_continuous),
		VMX_TEST(test_reset_anywhere),
		VMX_TEST(test_counters_fall),
		VMX_TEST(test_per_queue_stats),
		VMX_TEST(test_names_and_ids),
	};

	return VMX_RUN(tests);
}
