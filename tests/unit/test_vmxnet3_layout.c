/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * proto/vmxnet3.h against golden bytes. The bytes are typed from the specification, [VMX3 n] in
 * docs/design/vmxnet3-device.md, field by field; none was made by the code under test.
 */
#include "pvn_test.h"

#include <string.h>

#include <vmxnet3.h>

/* [VMX3 7.1] 60 bytes at 0x1122334455667788, gen 1, EOP and CQ: bits 12 and 13 of word 3. */
static void
test_txd_plain(void **state)
{
	const uint8_t golden[16] = {
		0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, /* address */
		0x3C, 0x40, 0x00, 0x00,				/* 60 | 1 << 14 */
		0x00, 0x30, 0x00, 0x00,
	};
	const struct vmxnet3_txd d = {
		.addr = pvn_cpu_to_le64(0x1122334455667788),
		.word2 = pvn_cpu_to_le32(pvn_field_put(VMXNET3_TXD2_LEN, 60) | VMXNET3_TXD2_GEN),
		.word3 = pvn_cpu_to_le32(VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ),
	};

	(void)state;
	assert_memory_equal(&d, golden, sizeof(golden));
}

/* [VMX3 7.1, 7.3] TSO: 16384 bytes (length 0), MSS 1448 in bits 18-31, 54 bytes of headers, tag 100
 * with priority 5 to insert. */
static void
test_txd_tso_vlan(void **state)
{
	const uint8_t golden[16] = {
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* address */
		0x00, 0x40, 0xA0, 0x16,				/* 1448 << 18 | 1 << 14 */
		0x36, 0x9C, 0x64, 0xA0,				/* 54, 3 << 10, EOP, TI, TCI */
	};
	const struct vmxnet3_txd d = {
		.word2 = pvn_cpu_to_le32(pvn_field_put(VMXNET3_TXD2_LEN, VMXNET3_TX_BUF_MAX) |
					 VMXNET3_TXD2_GEN |
					 pvn_field_put(VMXNET3_TXD2_MSSCOF, 1448)),
		.word3 = pvn_cpu_to_le32(pvn_field_put(VMXNET3_TXD3_HLEN, 54) |
					 pvn_field_put(VMXNET3_TXD3_OM, VMXNET3_OM_TSO) |
					 VMXNET3_TXD3_EOP | VMXNET3_TXD3_TI |
					 pvn_field_put(VMXNET3_TXD3_TCI, 0xA064)),
	};

	(void)state;
	assert_memory_equal(&d, golden, sizeof(golden));
}

/* [VMX3 7.5] Index 4095, gen 1. */
static void
test_txc(void **state)
{
	const uint8_t golden[16] = {0xFF, 0x0F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80};
	struct vmxnet3_txc c;

	(void)state;
	memcpy(&c, golden, sizeof(c));
	assert_int_equal(pvn_field_get(VMXNET3_TXC0_INDEX, pvn_le32_to_cpu(c.word0)), 4095);
	assert_int_equal(pvn_field_get(VMXNET3_TXC3_TYPE, pvn_le32_to_cpu(c.word3)), 0);
	assert_int_equal(pvn_le32_to_cpu(c.word3) & VMXNET3_TXC3_GEN, VMXNET3_TXC3_GEN);
}

/* [VMX3 8.1] A body of 2048 bytes with gen 1: bits 14 and 31 of word 2. */
static void
test_rxd(void **state)
{
	const uint8_t golden[16] = {
		0x00, 0x10, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, /* address */
		0x00, 0x48, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00,
	};
	const struct vmxnet3_rxd d = {
		.addr = pvn_cpu_to_le64(0x100001000),
		.word2 = pvn_cpu_to_le32(pvn_field_put(VMXNET3_RXD2_LEN, 2048) | VMXNET3_RXD2_BODY |
					 VMXNET3_RXD2_GEN),
	};

	(void)state;
	assert_memory_equal(&d, golden, sizeof(golden));
}

/* [VMX3 8.3] A whole frame of 1514 bytes in slot 258 of queue 3's ring 2 of 8 queues, tag 100 with
 * priority 5 stripped, TCP over IPv4 with good checksums, as QEMU marks it: 0xAD. [VMX3 12.13] */
static void
test_rxc(void **state)
{
	const uint8_t golden[16] = {
		0x02, 0xC1, 0x0B, 0x00, /* 258, EOP 14, SOP 15, ring id 11 */
		0x00, 0x00, 0x00, 0x00, 0xEA, 0x85, 0x64, 0xA0, /* 1514, tag stripped 15, TCI */
		0x00, 0x00, 0xAD, 0x80,
	};
	struct vmxnet3_rxc c;
	uint32_t word0, word2, word3;

	(void)state;
	memcpy(&c, golden, sizeof(c));
	word0 = pvn_le32_to_cpu(c.word0);
	word2 = pvn_le32_to_cpu(c.word2);
	word3 = pvn_le32_to_cpu(c.word3);
	assert_int_equal(pvn_field_get(VMXNET3_RXC0_INDEX, word0), 258);
	assert_int_equal(word0 & ~VMXNET3_RXC0_INDEX & ~VMXNET3_RXC0_RQID,
			 VMXNET3_RXC0_EOP | VMXNET3_RXC0_SOP);
	assert_int_equal(pvn_field_get(VMXNET3_RXC0_RQID, word0), 11);
	assert_int_equal(pvn_field_get(VMXNET3_RXC2_LEN, word2), 1514);
	assert_int_equal(word2 & (VMXNET3_RXC2_ERR | VMXNET3_RXC2_TS), VMXNET3_RXC2_TS);
	assert_int_equal(pvn_field_get(VMXNET3_RXC2_TCI, word2), 0xA064);
	assert_int_equal(word3, VMXNET3_RXC3_GEN | VMXNET3_RXC3_FCS | VMXNET3_RXC3_V4 |
					VMXNET3_RXC3_IPC | VMXNET3_RXC3_TCP | VMXNET3_RXC3_TUC);
	assert_int_equal(pvn_field_get(VMXNET3_RXC3_TYPE, 0x83000000), 3);
	assert_int_equal(VMXNET3_RXC0_CNC, 1u << 30);
	assert_int_equal(VMXNET3_RXC3_UDP | VMXNET3_RXC3_V6 | VMXNET3_RXC3_FRG, 0x00520000);
}

/* A field of the shared area or the queue table: where, how many bytes, and a value's bytes. */
static const struct {
	const char *name;
	size_t offset, want_offset;
} fields[] = {
#define F(s, f, off)                                                                               \
	{                                                                                          \
#s "." #f, offsetof(struct s, f), off                                              \
	}
	/* [VMX3 5] */
	F(vmxnet3_shared, magic, 0),
	F(vmxnet3_shared, size, 4),
	F(vmxnet3_shared, driver_version, 8),
	F(vmxnet3_shared, guest_os, 12),
	F(vmxnet3_shared, device_revisions, 16),
	F(vmxnet3_shared, upt_versions, 20),
	F(vmxnet3_shared, features, 24),
	F(vmxnet3_shared, driver_data_addr, 32),
	F(vmxnet3_shared, queue_table_addr, 40),
	F(vmxnet3_shared, driver_data_len, 48),
	F(vmxnet3_shared, queue_table_len, 52),
	F(vmxnet3_shared, mtu, 56),
	F(vmxnet3_shared, max_rx_frags, 60),
	F(vmxnet3_shared, num_tx_queues, 62),
	F(vmxnet3_shared, num_rx_queues, 63),
	F(vmxnet3_shared, auto_mask, 80),
	F(vmxnet3_shared, num_intrs, 81),
	F(vmxnet3_shared, event_intr, 82),
	F(vmxnet3_shared, mod_level, 83),
	F(vmxnet3_shared, intr_ctrl, 108),
	F(vmxnet3_shared, rx_mode, 120),
	F(vmxnet3_shared, mcast_list_len, 124),
	F(vmxnet3_shared, mcast_list_addr, 128),
	F(vmxnet3_shared, vlan_bitmap, 136),
	F(vmxnet3_shared, rss, 648),
	F(vmxnet3_shared, wake_up, 664),
	F(vmxnet3_shared, plug_in, 680),
	F(vmxnet3_shared, events, 696),
	F(vmxnet3_shared, command_arg, 704),
	/* [VMX3 6.1] */
	F(vmxnet3_tx_queue_desc, deferred, 0),
	F(vmxnet3_tx_queue_desc, threshold, 4),
	F(vmxnet3_tx_queue_desc, ring_addr, 16),
	F(vmxnet3_tx_queue_desc, data_ring_addr, 24),
	F(vmxnet3_tx_queue_desc, comp_ring_addr, 32),
	F(vmxnet3_tx_queue_desc, driver_data_addr, 40),
	F(vmxnet3_tx_queue_desc, ring_size, 56),
	F(vmxnet3_tx_queue_desc, data_ring_size, 60),
	F(vmxnet3_tx_queue_desc, comp_ring_size, 64),
	F(vmxnet3_tx_queue_desc, driver_data_len, 68),
	F(vmxnet3_tx_queue_desc, intr, 72),
	F(vmxnet3_tx_queue_desc, data_slot_size, 74),
	F(vmxnet3_tx_queue_desc, stopped, 80),
	F(vmxnet3_tx_queue_desc, stop_reason, 84),
	F(vmxnet3_tx_queue_desc, counters, 88),
	/* [VMX3 6.2] */
	F(vmxnet3_rx_queue_desc, doorbells_wanted, 0),
	F(vmxnet3_rx_queue_desc, ring1_addr, 16),
	F(vmxnet3_rx_queue_desc, ring2_addr, 24),
	F(vmxnet3_rx_queue_desc, comp_ring_addr, 32),
	F(vmxnet3_rx_queue_desc, driver_data_addr, 40),
	F(vmxnet3_rx_queue_desc, data_ring_addr, 48),
	F(vmxnet3_rx_queue_desc, ring1_size, 56),
	F(vmxnet3_rx_queue_desc, ring2_size, 60),
	F(vmxnet3_rx_queue_desc, comp_ring_size, 64),
	F(vmxnet3_rx_queue_desc, driver_data_len, 68),
	F(vmxnet3_rx_queue_desc, intr, 72),
	F(vmxnet3_rx_queue_desc, data_slot_size, 74),
	F(vmxnet3_rx_queue_desc, stopped, 80),
	F(vmxnet3_rx_queue_desc, stop_reason, 84),
	F(vmxnet3_rx_queue_desc, counters, 88),
	/* [VMX3 6.3] */
	F(vmxnet3_rx_counters, no_buffer_packets, 64),
	F(vmxnet3_rx_counters, error_packets, 72),
	F(vmxnet3_tx_counters, error_packets, 64),
	F(vmxnet3_tx_counters, discard_packets, 72),
	/* [VMX3 9.4, 10, 11] */
	F(vmxnet3_shared_v6, intr, 720),
	F(vmxnet3_intr_ext, auto_mask, 0),
	F(vmxnet3_intr_ext, num_intrs, 1),
	F(vmxnet3_intr_ext, event_intr, 2),
	F(vmxnet3_intr_ext, intr_ctrl, 4),
	F(vmxnet3_intr_ext, mod_level, 12),
	F(vmxnet3_rss_config, hash_types, 0),
	F(vmxnet3_rss_config, hash_function, 2),
	F(vmxnet3_rss_config, key_len, 4),
	F(vmxnet3_rss_config, table_len, 6),
	F(vmxnet3_rss_config, key, 8),
	F(vmxnet3_rss_config, table, 48),
	F(vmxnet3_coalesce, mode, 0),
	F(vmxnet3_coalesce, param, 4),
	F(vmxnet3_memory_region, len, 8),
	F(vmxnet3_memory_region, tx_queues, 12),
	F(vmxnet3_memory_region, rx_queues, 14),
	F(vmxnet3_ring_buffer_size, ring2_body, 4),
	F(vmxnet3_tx_queue_desc, ts_ring_addr, 168),
	F(vmxnet3_tx_queue_desc, ts_slot_size, 176),
	F(vmxnet3_tx_queue_desc, ts_sample_rate, 180),
	F(vmxnet3_rx_queue_desc, ts_ring_addr, 168),
	F(vmxnet3_rx_queue_desc, ts_slot_size, 176),
#undef F
};

static void
test_offsets(void **state)
{
	(void)state;
	for (size_t i = 0; i < PVN_DIM(fields); i++) {
		print_message("field: %s\n", fields[i].name);
		assert_int_equal(fields[i].offset, fields[i].want_offset);
	}
}

/* [VMX3 2, 3] */
static void
test_registers(void **state)
{
	(void)state;
	assert_int_equal(VMXNET3_BAR0_IMR(24), 0x0C0);
	assert_int_equal(VMXNET3_BAR0_TXPROD(0), 0x600);
	assert_int_equal(VMXNET3_BAR0_TXPROD(7), 0x638);
	assert_int_equal(VMXNET3_BAR0_RXPROD(15), 0x878);
	assert_int_equal(VMXNET3_BAR0_RXPROD2(15), 0xA78);
	assert_int_equal(VMXNET3_BAR1_VRRS, 0x00);
	assert_int_equal(VMXNET3_BAR1_UVRS, 0x08);
	assert_int_equal(VMXNET3_BAR1_DSAL, 0x10);
	assert_int_equal(VMXNET3_BAR1_DSAH, 0x18);
	assert_int_equal(VMXNET3_BAR1_CMD, 0x20);
	assert_int_equal(VMXNET3_BAR1_MACL, 0x28);
	assert_int_equal(VMXNET3_BAR1_MACH, 0x30);
	assert_int_equal(VMXNET3_BAR1_ICR, 0x38);
	assert_int_equal(VMXNET3_BAR1_ECR, 0x40);
	assert_int_equal(VMXNET3_BAR1_DCR(0), 0x48);
	assert_int_equal(VMXNET3_BAR1_DCR(7), 0x80);
	assert_int_equal(VMXNET3_BAR1_PTCR(5), 0xB0);
	assert_int_equal(VMXNET3_LARGE_BAR0_TXPROD(1), 0x1008);
	assert_int_equal(VMXNET3_LARGE_BAR0_RXPROD2(31), 0x18F8);
}

/* [VMX3 4] The code's number is its place in one of two rows. */
static void
test_commands(void **state)
{
	(void)state;
	assert_int_equal((uint32_t)VMXNET3_CMD_ACTIVATE, 0xCAFE0000);
	assert_int_equal((uint32_t)VMXNET3_CMD_QUIESCE, 0xCAFE0001);
	assert_int_equal((uint32_t)VMXNET3_CMD_RESET, 0xCAFE0002);
	assert_int_equal((uint32_t)VMXNET3_CMD_UPDATE_RX_MODE, 0xCAFE0003);
	assert_int_equal((uint32_t)VMXNET3_CMD_UPDATE_MAC_FILTERS, 0xCAFE0004);
	assert_int_equal((uint32_t)VMXNET3_CMD_UPDATE_VLAN_FILTERS, 0xCAFE0005);
	assert_int_equal((uint32_t)VMXNET3_CMD_UPDATE_FEATURE, 0xCAFE0009);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_QUEUE_STATUS, 0xF00D0000);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_STATS, 0xF00D0001);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_LINK, 0xF00D0002);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_PERM_MAC_LO, 0xF00D0003);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_CONF_INTR, 0xF00D0008);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_MAX_QUEUES_CONF, 0xF00D000F);
	assert_int_equal((uint32_t)VMXNET3_CMD_SET_COALESCE, 0xCAFE000E);
	assert_int_equal((uint32_t)VMXNET3_CMD_REGISTER_MEMREGS, 0xCAFE000F);
	assert_int_equal((uint32_t)VMXNET3_CMD_SET_RSS_FIELDS, 0xCAFE0010);
	assert_int_equal((uint32_t)VMXNET3_CMD_SET_RING_BUFFER_SIZE, 0xCAFE0013);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_TXDATA_DESC_SIZE, 0xF00D000A);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_RSS_FIELDS, 0xF00D000C);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_DCR0_REG, 0xF00D0012);
	assert_int_equal((uint32_t)VMXNET3_CMD_GET_DISABLED_OFFLOADS, 0xF00D0014);
	/* [VMX3 12.2] QEMU's link: up, 1000 Mbit/s. */
	assert_int_equal(pvn_field_get(VMXNET3_LINK_SPEED, 0x03E80001), 1000);
	assert_int_equal(pvn_field_get(VMXNET3_LINK_UP, 0x03E80001), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_txd_plain), cmocka_unit_test(test_txd_tso_vlan),
		cmocka_unit_test(test_txc),	  cmocka_unit_test(test_rxd),
		cmocka_unit_test(test_rxc),	  cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_registers), cmocka_unit_test(test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
