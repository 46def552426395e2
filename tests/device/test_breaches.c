/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Each rule broken once, on purpose, by a driver that keeps all the others: the device must name
 * that breach and no other. A kind without a case here fails the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "device_frames.h"
#include "naive_driver.h"
#include "vmx_step.h"

#define EOP (VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ)
#define SEND(n, len, w2, w3) (naive_fill_tx(n, len, w2, w3), naive_ring_tx(n))

#define FN(name, statement)                                                                        \
	static void name(struct naive *n)                                                          \
	{                                                                                          \
		statement;                                                                         \
	}

#define SHARED(n) ((n)->mem->shared)
#define TX(n) ((n)->mem->table.tx)
#define RX(n) ((n)->mem->table.rx)

/* Memory for one more ring: the last buffer, which is not posted. */
static pvn_le64
spare(struct naive *n)
{
	return pvn_cpu_to_le64(((uintptr_t)n->mem->buffer[31] + 511) & ~(uintptr_t)511);
}

/* Before ACTIVATE. */
FN(magic, SHARED(n).magic = 0)
FN(revision, SHARED(n).device_revisions = 0)
FN(upt_revision, SHARED(n).upt_versions = 3)
FN(windows, SHARED(n).guest_os = pvn_cpu_to_le32(0xA))
FN(mtu_low, SHARED(n).mtu = pvn_cpu_to_le32(59))
FN(mtu_high, SHARED(n).mtu = pvn_cpu_to_le32(9001))
FN(no_tx_queue, SHARED(n).num_tx_queues = 0)
FN(many_tx_queues, SHARED(n).num_tx_queues = 9)
FN(table_len, SHARED(n).queue_table_len = pvn_cpu_to_le32(256))
FN(table_nowhere, SHARED(n).queue_table_addr = pvn_cpu_to_le64(4096))
FN(rss_missing, SHARED(n).features = pvn_cpu_to_le64(VMXNET3_FEATURE_RSS))
FN(plug_in, SHARED(n).plug_in.len = pvn_cpu_to_le32(4))
FN(mcast_odd, SHARED(n).mcast_list_len = pvn_cpu_to_le16(7))
FN(event_vector, SHARED(n).event_intr = 2)
FN(queue_vector, RX(n).intr = 25)
FN(no_vectors, SHARED(n).num_intrs = 26)
FN(unaligned, TX(n).comp_ring_addr = spare(n) + 64)
FN(ring_nowhere, RX(n).ring2_addr = pvn_cpu_to_le64(1 << 12))
FN(overlap, TX(n).comp_ring_addr = TX(n).ring_addr)
FN(not_multiple, TX(n).comp_ring_addr = spare(n); TX(n).comp_ring_size = pvn_cpu_to_le32(33))
FN(ring_zero, RX(n).ring2_size = 0)
FN(data_ring_size, TX(n).data_ring_size = pvn_cpu_to_le32(64))
FN(comp_small, RX(n).comp_ring_size = pvn_cpu_to_le32(32))
FN(tx_not_zeroed, n->mem->tx[7].addr = 1)
FN(comp_not_zeroed, n->mem->rxc[0].word0 = 1)
FN(reserved_shared, SHARED(n).reserved64[3] = 1)
FN(reserved_arg, SHARED(n).command_arg[0] = 1)
FN(reserved_queue, TX(n).reserved48[0] = 1)
FN(unmask_early, naive_write(n, 0, VMXNET3_BAR0_IMR(1), 0))
FN(doorbell_early, naive_write(n, 0, VMXNET3_BAR0_TXPROD(0), 0))
FN(mac_early, naive_write(n, 1, VMXNET3_BAR1_MACL, 2); naive_write(n, 1, VMXNET3_BAR1_MACH, 1))
FN(update_early, naive_command(n, (uint32_t)VMXNET3_CMD_UPDATE_RX_MODE))
FN(two_versions, naive_write(n, 1, VMXNET3_BAR1_VRRS, 3))
FN(other_version, naive_write(n, 1, VMXNET3_BAR1_VRRS, 2))
FN(upt_two, naive_write(n, 1, VMXNET3_BAR1_UVRS, 2); naive_write(n, 1, VMXNET3_BAR1_UVRS, 1))
FN(dsah_first, naive_write(n, 1, VMXNET3_BAR1_DSAH, 5))
FN(head_small, n->mem->rx1[3].word2 = pvn_cpu_to_le32(64 | VMXNET3_RXD2_GEN))
FN(rx_len_zero, n->mem->rx1[3].word2 = pvn_cpu_to_le32(VMXNET3_RXD2_BODY | VMXNET3_RXD2_GEN))
FN(buffer_twice, n->mem->rx1[4].addr = n->mem->rx1[9].addr)
FN(rx_nowhere, n->mem->rx1[4].addr = pvn_cpu_to_le64(8192))
FN(rx_reserved, n->mem->rx1[4].word2 |= pvn_cpu_to_le32(PVN_BIT32(20)))
FN(rx_word3, n->mem->rx1[4].word3 = 1)
FN(rx_full, n->mem->rx1[31] = n->mem->rx1[30]; n->mem->rx1[31].addr += 8)
FN(rx_not_zeroed, n->mem->rx2[5].addr = n->mem->rx1[30].addr)
FN(head_in_ring2, n->mem->rx2[0] = n->mem->rx1[30]; n->mem->rx2[0].addr += 8)

static void
bad_rss(struct naive *n)
{
	uint16_t fields[4] = {1, 1, 40, 2};

	SHARED(n).features = pvn_cpu_to_le64(VMXNET3_FEATURE_RSS);
	SHARED(n).rss.version = pvn_cpu_to_le32(1);
	SHARED(n).rss.len = pvn_cpu_to_le32(176);
	SHARED(n).rss.addr = pvn_cpu_to_le64((uintptr_t)n->mem->rss);
	memcpy(n->mem->rss, fields, sizeof(fields));
	n->mem->rss[48] = 1; /* a queue that does not exist */
}

static void
shared_nowhere(struct naive *n)
{
	naive_write(n, 1, VMXNET3_BAR1_DSAL, 4096);
	naive_write(n, 1, VMXNET3_BAR1_DSAH, 0);
	naive_command(n, (uint32_t)VMXNET3_CMD_ACTIVATE);
	naive_read(n, 1, VMXNET3_BAR1_CMD);
}

/* While active. */
FN(bar1_hole, naive_read(n, 1, 0x2F0))
FN(bar0_hole, naive_write(n, 0, 0xD00, 1))
FN(icr_write, naive_write(n, 1, VMXNET3_BAR1_ICR, 1))
FN(cmd_unknown, naive_command(n, 0xCAFE00FF))
FN(cmd_version, naive_command(n, 0xCAFE000F))
FN(unread, naive_command(n, (uint32_t)VMXNET3_CMD_GET_LINK); naive_read(n, 1, VMXNET3_BAR1_MACL))
FN(activate_twice, naive_command(n, (uint32_t)VMXNET3_CMD_ACTIVATE);
   naive_read(n, 1, VMXNET3_BAR1_CMD))
FN(mac_half, naive_write(n, 1, VMXNET3_BAR1_MACL, 1))
FN(shared_changed, SHARED(n).mtu = pvn_cpu_to_le32(1400))
FN(table_changed, RX(n).ring2_size = pvn_cpu_to_le32(64))
FN(rx_changed, n->mem->rx1[5].addr += 8)
FN(rx_taken_back, n->mem->rx1[5].word2 = 0)
FN(comp_written, n->mem->txc[4].word3 = 0x80000000)
FN(no_doorbell, naive_fill_tx(n, NAIVE_FRAME, 0, EOP))
FN(doorbell_range, naive_write(n, 0, VMXNET3_BAR0_TXPROD(0), 32))
FN(doorbell_queue, naive_write(n, 0, VMXNET3_BAR0_TXPROD(1), 0))
FN(doorbell_rx_queue, naive_write(n, 0, VMXNET3_BAR0_RXPROD2(4), 0))
FN(doorbell_ahead, naive_fill_tx(n, NAIVE_FRAME, 0, EOP);
   naive_write(n, 0, VMXNET3_BAR0_TXPROD(0), 2))
FN(partial, SEND(n, NAIVE_FRAME, 0, 0))
FN(tx_gap, n->tx_next = 1; naive_fill_tx(n, NAIVE_FRAME, 0, EOP))
FN(len_zero, SEND(n, 0, 0, EOP))
FN(tx_type, SEND(n, NAIVE_FRAME, VMXNET3_TXD2_TYPE, EOP))
FN(tx_reserved3, SEND(n, NAIVE_FRAME, 0, EOP | PVN_BIT32(14)))
FN(om_encap, SEND(n, NAIVE_FRAME, 0, EOP | pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_ENCAP)))
FN(csum_outside, SEND(n, NAIVE_FRAME, pvn_field_put(VMXNET3_TXD2_MSSCOF, 99),
		      EOP | pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_CSUM) | 34))
FN(tso_no_mss, SEND(n, NAIVE_FRAME, 0, EOP | pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_TSO) | 54))
FN(tso_headers, SEND(n, 50, pvn_field_put(VMXNET3_TXD2_MSSCOF, 1000),
		     EOP | pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_TSO) | 54))

static void
tx_nowhere(struct naive *n)
{
	n->mem->tx[0].addr = pvn_cpu_to_le64(4096);
	n->mem->tx[0].word3 = pvn_cpu_to_le32(EOP);
	n->mem->tx[0].word2 = pvn_cpu_to_le32(NAIVE_FRAME | VMXNET3_TXD2_GEN);
	n->tx_next = 1;
	naive_ring_tx(n);
}

static void
fill_many(struct naive *n, unsigned int count, uint32_t first3)
{
	for (unsigned int i = 0; i < count; i++)
		naive_fill_tx(n, 64, i == 0 && first3 != 0 ? 1000u << 18 : 0,
			      (i == 0 ? first3 : 0) | (i + 1 == count ? EOP : 0));
	naive_ring_tx(n);
}

FN(many_desc, fill_many(n, 17, 0))

/* As TSO it must be a TCP packet; each of its pieces is the first one again. */
static void
many_tso_desc(struct naive *n)
{
	static struct device_frame f;

	device_frame(&f, DEVICE_TCP, false, 25 * 64 - 54, NULL);
	device_frame_for_tso(&f, 0);
	memcpy(n->mem->frame, f.data, 64);
	fill_many(n, 25, pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_TSO) | 54);
}

/* Sent, not completed, and used again. */
static void
tx_reused(struct naive *n)
{
	vmx_device_tx_hold(n->dev, true);
	SEND(n, NAIVE_FRAME, 0, EOP);
	vmx_device_run(n->dev);
	n->mem->tx[0].addr += 64;
}

static void
tx_full(struct naive *n)
{
	vmx_device_tx_hold(n->dev, true);
	for (unsigned int i = 0; i < NAIVE_RING; i++)
		naive_fill_tx(n, NAIVE_FRAME, 0, EOP);
	naive_write(n, 0, VMXNET3_BAR0_TXPROD(0), 31);
}

static void
keep_active(struct naive *n)
{
	vmx_device_detach(n->dev);
}

/* After QUIESCE and RESET. */
FN(doorbell_late, naive_write(n, 0, VMXNET3_BAR0_TXPROD(0), 1))
FN(rx_doorbell_late, naive_write(n, 0, VMXNET3_BAR0_RXPROD(0), 1))

static const struct {
	const char *name;
	enum vmx_breach_kind kind;
	void (*before)(struct naive *n);
	void (*active)(struct naive *n);
	void (*after)(struct naive *n);
} cases[] = {
#define BEFORE(kind, fn)                                                                           \
	{                                                                                          \
#fn, VMX_BREACH_##kind, fn, NULL, NULL                                             \
	}
#define ACTIVE(kind, fn)                                                                           \
	{                                                                                          \
#fn, VMX_BREACH_##kind, NULL, fn, NULL                                             \
	}
#define AFTER(kind, fn)                                                                            \
	{                                                                                          \
#fn, VMX_BREACH_##kind, NULL, NULL, fn                                             \
	}
	BEFORE(SHARED_MEMORY, shared_nowhere),
	BEFORE(MAGIC, magic),
	BEFORE(REVISIONS, revision),
	BEFORE(REVISIONS, upt_revision),
	BEFORE(GUEST_OS, windows),
	BEFORE(MTU_RANGE, mtu_low),
	BEFORE(MTU_RANGE, mtu_high),
	BEFORE(QUEUE_COUNT, no_tx_queue),
	BEFORE(QUEUE_COUNT, many_tx_queues),
	BEFORE(QUEUE_TABLE, table_len),
	BEFORE(QUEUE_TABLE, table_nowhere),
	BEFORE(SIDE_BLOCK, rss_missing),
	BEFORE(SIDE_BLOCK, plug_in),
	BEFORE(SIDE_BLOCK, mcast_odd),
	BEFORE(RSS_CONFIG, bad_rss),
	BEFORE(VECTOR_RANGE, event_vector),
	BEFORE(VECTOR_RANGE, queue_vector),
	BEFORE(VECTOR_RANGE, no_vectors),
	BEFORE(RING_UNALIGNED, unaligned),
	BEFORE(RING_MEMORY, ring_nowhere),
	BEFORE(RING_OVERLAP, overlap),
	BEFORE(SIZE_NOT_MULTIPLE, not_multiple),
	BEFORE(SIZE_RANGE, ring_zero),
	BEFORE(SIZE_RANGE, data_ring_size),
	BEFORE(COMP_RING_SMALL, comp_small),
	BEFORE(RING_NOT_ZEROED, tx_not_zeroed),
	BEFORE(RING_NOT_ZEROED, comp_not_zeroed),
	BEFORE(RING_NOT_ZEROED, rx_not_zeroed),
	BEFORE(RESERVED_AREA, reserved_shared),
	BEFORE(RESERVED_AREA, reserved_arg),
	BEFORE(RESERVED_AREA, reserved_queue),
	BEFORE(UNMASK_INACTIVE, unmask_early),
	BEFORE(TOUCH_AFTER_STOP, doorbell_early),
	BEFORE(MAC_BEFORE_ACTIVATE, mac_early),
	BEFORE(CMD_BEFORE_SHARED, update_early),
	BEFORE(VERSION, two_versions),
	BEFORE(VERSION, other_version),
	BEFORE(UPT_VERSION, upt_two),
	BEFORE(DSAH_MISSING, dsah_first),
	BEFORE(HEAD_SMALL, head_small),
	BEFORE(RX_LEN, rx_len_zero),
	BEFORE(BUFFER_TWICE, buffer_twice),
	BEFORE(BUFFER_MEMORY, rx_nowhere),
	BEFORE(RESERVED_BITS, rx_reserved),
	BEFORE(RESERVED_BITS, rx_word3),
	BEFORE(RING_FULL_OVERRUN, rx_full),
	BEFORE(HEAD_IN_RING2, head_in_ring2),
	ACTIVE(REG_UNKNOWN, bar1_hole),
	ACTIVE(REG_UNKNOWN, bar0_hole),
	ACTIVE(REG_READ_ONLY, icr_write),
	ACTIVE(CMD_UNKNOWN, cmd_unknown),
	ACTIVE(CMD_VERSION, cmd_version),
	ACTIVE(CMD_RESULT_UNREAD, unread),
	ACTIVE(ACTIVATE_TWICE, activate_twice),
	ACTIVE(MAC_HALF, mac_half),
	ACTIVE(SHARED_CHANGED, shared_changed),
	ACTIVE(SHARED_CHANGED, table_changed),
	ACTIVE(DESC_REUSED, rx_changed),
	ACTIVE(DESC_REUSED, rx_taken_back),
	ACTIVE(DESC_REUSED, tx_reused),
	ACTIVE(COMP_RING_WRITTEN, comp_written),
	ACTIVE(DOORBELL_MISSING, no_doorbell),
	ACTIVE(DOORBELL_RANGE, doorbell_range),
	ACTIVE(DOORBELL_UNCONFIGURED_QUEUE, doorbell_queue),
	ACTIVE(DOORBELL_UNCONFIGURED_QUEUE, doorbell_rx_queue),
	ACTIVE(GEN_NOT_FLIPPED, doorbell_ahead),
	ACTIVE(PARTIAL_PACKET_VISIBLE, partial),
	ACTIVE(DESC_GAP, tx_gap),
	ACTIVE(LEN_ZERO, len_zero),
	ACTIVE(BUFFER_MEMORY, tx_nowhere),
	ACTIVE(RESERVED_BITS, tx_type),
	ACTIVE(RESERVED_BITS, tx_reserved3),
	ACTIVE(OFFLOAD_MODE, om_encap),
	ACTIVE(OFFLOAD_FIELDS, csum_outside),
	ACTIVE(OFFLOAD_FIELDS, tso_no_mss),
	ACTIVE(OFFLOAD_FIELDS, tso_headers),
	ACTIVE(TOO_MANY_DESC, many_desc),
	ACTIVE(TOO_MANY_DESC, many_tso_desc),
	ACTIVE(RING_FULL_OVERRUN, tx_full),
	ACTIVE(STILL_ACTIVE, keep_active),
	AFTER(TOUCH_AFTER_STOP, doorbell_late),
	AFTER(TOUCH_AFTER_STOP, rx_doorbell_late),
};

static void
run(struct naive *n, void (*before)(struct naive *), void (*active)(struct naive *),
    void (*after)(struct naive *))
{
	naive_create(n, NULL);
	naive_write(n, 1, VMXNET3_BAR1_VRRS, 1);
	naive_write(n, 1, VMXNET3_BAR1_UVRS, VMXNET3_UPT_VERSION);
	if (before != NULL)
		before(n);
	naive_activate(n);
	if (active != NULL)
		active(n);
	vmx_device_run(n->dev);
	naive_stop(n);
	if (after != NULL)
		after(n);
	vmx_device_detach(n->dev);
}

/* The naive driver as it is breaks no rule. */
static void
test_good(void **state)
{
	struct vmx_frame *frame;
	struct naive n;

	(void)state;
	run(&n, NULL, NULL, NULL);
	vmx_device_print_breaches(n.dev, stderr);
	assert_int_equal(vmx_device_breaches(n.dev), 0);
	naive_free(&n);

	naive_create(&n, NULL);
	naive_write(&n, 1, VMXNET3_BAR1_VRRS, 1);
	naive_write(&n, 1, VMXNET3_BAR1_UVRS, VMXNET3_UPT_VERSION);
	assert_int_equal(naive_activate(&n), 0);
	naive_fill_tx(&n, 60, 0, 0);
	naive_fill_tx(&n, 40, 0, EOP);
	naive_ring_tx(&n);
	assert_int_equal(vmx_device_run(n.dev), 1);
	frame = vmx_device_sent(n.dev);
	assert_non_null(frame);
	assert_int_equal(frame->len, 100);
	free(frame);
	naive_stop(&n);
	assert_int_equal(vmx_device_breaches(n.dev), 0);
	naive_free(&n);
}

struct partial_eyes {
	struct vmx_watch *watch;
	unsigned int partial;
};

static void
test_each(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct naive n;

		print_message("case: %s breaks %s\n", cases[i].name,
			      vmx_breach_name(cases[i].kind));
		run(&n, cases[i].before, cases[i].active, cases[i].after);
		if (vmx_device_breach_count(n.dev, cases[i].kind) == 0 ||
		    vmx_device_breach_count(n.dev, cases[i].kind) != vmx_device_breaches(n.dev)) {
			print_message("not that alone:\n");
			vmx_device_print_breaches(n.dev, stdout);
			failed++;
		}
		naive_free(&n);
	}
	assert_int_equal(failed, 0);
}

/* The first of a packet before the others: to be caught in between, each time. */
static void
look(void *arg)
{
	struct partial_eyes *eyes = arg;

	eyes->partial += vmx_watch_poll(eyes->watch) < 0;
}

static void
test_step(void **state)
{
	struct partial_eyes eyes = {NULL, 0};
	uint64_t steps;
	struct naive n;

	(void)state;
	naive_create(&n, NULL);
	naive_write(&n, 1, VMXNET3_BAR1_VRRS, 1);
	naive_write(&n, 1, VMXNET3_BAR1_UVRS, VMXNET3_UPT_VERSION);
	assert_int_equal(naive_activate(&n), 0);
	eyes.watch = vmx_watch_new(n.dev, 0);
	vmx_step_begin(look, &eyes);
	naive_fill_tx(&n, NAIVE_FRAME, 0, 0);
	naive_fill_tx(&n, NAIVE_FRAME, 0, EOP);
	steps = vmx_step_end();
	free(eyes.watch);
	naive_free(&n);
	if (steps == 0) {
		print_message("no single steps here (valgrind)\n");
		skip();
	}
	assert_true(eyes.partial > 0);
}

static void
test_watch(void **state)
{
	struct vmx_watch *watch;
	struct naive n;

	(void)state;
	naive_create(&n, NULL);
	naive_write(&n, 1, VMXNET3_BAR1_VRRS, 1);
	naive_write(&n, 1, VMXNET3_BAR1_UVRS, VMXNET3_UPT_VERSION);
	assert_int_equal(naive_activate(&n), 0);
	watch = vmx_watch_new(n.dev, 0);
	assert_int_equal(vmx_watch_poll(watch), 0);
	naive_fill_tx(&n, NAIVE_FRAME, 0, EOP);
	assert_int_equal(vmx_watch_poll(watch), 1);
	assert_int_equal(vmx_watch_poll(watch), 0);
	naive_fill_tx(&n, NAIVE_FRAME, 0, 0); /* the first of a packet before the others */
	assert_int_equal(vmx_watch_poll(watch), -1);
	free(watch);
	naive_free(&n);
}

/* Rules of later versions, which this driver does not know: test_device_*.c break them. */
static const enum vmx_breach_kind elsewhere[] = {
	VMX_BREACH_CAPABILITY,	   VMX_BREACH_COALESCE,	      VMX_BREACH_DATA_RING,
	VMX_BREACH_DATA_SLOT,	   VMX_BREACH_MEMORY_REGIONS, VMX_BREACH_PSEUDO_SUM,
	VMX_BREACH_RING_BUFFERS,   VMX_BREACH_WIRE,	      VMX_BREACH_QUEUES_NOT_POWER,
	VMX_BREACH_SIZE_NOT_POWER,
};

static void
test_all_kinds_have_a_case(void **state)
{
	bool seen[VMX_BREACH_KINDS] = {false};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		seen[cases[i].kind] = true;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		seen[elsewhere[i]] = true;
	for (int kind = 0; kind < VMX_BREACH_KINDS; kind++) {
		if (!seen[kind])
			fail_msg("nothing breaks %s", vmx_breach_name((enum vmx_breach_kind)kind));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_all_kinds_have_a_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
