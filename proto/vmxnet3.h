/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * VMXNET3: everything a driver and a device agree on, and nothing else.
 *
 * [VMX3 n] names a section of docs/design/vmxnet3-device.md, where the fact is explained. All
 * multi-byte values are little-endian. "word n" of a descriptor is the 32-bit word at byte 4n; the
 * word that hands a descriptor over (it holds gen, the generation bit) is marked "last".
 */
#ifndef PVN_PROTO_VMXNET3_H
#define PVN_PROTO_VMXNET3_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "pvn_field.h"

/* [VMX3 1] PCI identity. */
#define VMXNET3_PCI_VENDOR 0x15AD
#define VMXNET3_PCI_DEVICE 0x07B0
#define VMXNET3_BAR0_SIZE 4096
#define VMXNET3_BAR1_SIZE 4096

/* [VMX3 2] BAR0: interrupt masks and doorbells. 32-bit registers, 8 bytes apart. */
#define VMXNET3_BAR0_IMR(v) (0x000u + 8u * (v))	    /* RW  1 masks vector v */
#define VMXNET3_BAR0_TXPROD(q) (0x600u + 8u * (q))  /* WO  next tx descriptor to be filled */
#define VMXNET3_BAR0_RXPROD(q) (0x800u + 8u * (q))  /* WO  the same for rx ring 1 */
#define VMXNET3_BAR0_RXPROD2(q) (0xA00u + 8u * (q)) /* WO  the same for rx ring 2 */

/* [VMX3 2, 11.5] v7+: the doorbells where they are when the large BAR was granted. */
#define VMXNET3_LARGE_BAR0_SIZE 8192u /* of it, what the doorbells need */
#define VMXNET3_LARGE_BAR0_TXPROD(q) (0x1000u + 8u * (q))
#define VMXNET3_LARGE_BAR0_RXPROD(q) (0x1400u + 8u * (q))
#define VMXNET3_LARGE_BAR0_RXPROD2(q) (0x1800u + 8u * (q))

/* [VMX3 3] BAR1: identity, commands, MAC, events. */
#define VMXNET3_BAR1_VRRS 0x00u /* RW  versions offered (bit 0 = v1); write the one picked */
#define VMXNET3_BAR1_UVRS 0x08u /* RW  UPT versions offered; write 1 */
#define VMXNET3_BAR1_DSAL 0x10u /* WO  shared area address, low half, written first */
#define VMXNET3_BAR1_DSAH 0x18u /* WO  high half, makes the address count */
#define VMXNET3_BAR1_CMD 0x20u	/* RW  write a command, read its result */
#define VMXNET3_BAR1_MACL 0x28u /* RW  MAC bytes 0..3, byte 0 lowest */
#define VMXNET3_BAR1_MACH 0x30u /* RW  MAC bytes 4..5; makes the MAC count */
#define VMXNET3_BAR1_ICR 0x38u	/* RO  INTx only: non-zero = ours, and drops the line */
#define VMXNET3_BAR1_ECR 0x40u	/* WO  clears the events whose bits are set; QEMU reads 0 */
#define VMXNET3_BAR1_DCR(i) (0x48u + 8u * (i))	/* RW  v7+, capability words 0..7 */
#define VMXNET3_BAR1_PTCR(i) (0x88u + 8u * (i)) /* RO  v7+, those of pass-through mode, 0..5 */
#define VMXNET3_NUM_DCR 8u
#define VMXNET3_NUM_PTCR 6u

#define VMXNET3_UPT_VERSION 1u

/* [VMX3 4] Commands: name, code, what the device does. */
#define VMXNET3_COMMANDS(X)                                                                        \
	X(ACTIVATE, 0xCAFE0000u, "read the shared area and start; result 0 = started")             \
	X(QUIESCE, 0xCAFE0001u, "stop all queues; no DMA afterwards")                              \
	X(RESET, 0xCAFE0002u, "return to the power-on state")                                      \
	X(UPDATE_RX_MODE, 0xCAFE0003u, "read the rx mode word again")                              \
	X(UPDATE_MAC_FILTERS, 0xCAFE0004u, "read the multicast list again")                        \
	X(UPDATE_VLAN_FILTERS, 0xCAFE0005u, "read the VLAN bitmap again")                          \
	X(UPDATE_RSSIDT, 0xCAFE0006u, "read the RSS indirection table again")                      \
	X(UPDATE_IML, 0xCAFE0007u, "read the moderation levels again")                             \
	X(UPDATE_PMCFG, 0xCAFE0008u, "read the wake-up block again")                               \
	X(UPDATE_FEATURE, 0xCAFE0009u, "read the feature bits again")                              \
	X(SET_COALESCE, 0xCAFE000Eu, "v3+, take the coalescing scheme in the argument")            \
	X(REGISTER_MEMREGS, 0xCAFE000Fu, "v3+, result 0 = memory regions taken")                   \
	X(SET_RSS_FIELDS, 0xCAFE0010u, "v4+, result 0 = RSS fields taken")                         \
	X(SET_RING_BUFFER_SIZE, 0xCAFE0013u, "v7+, sizes of the rings' buffers")                   \
	X(GET_QUEUE_STATUS, 0xF00D0000u, "fill in each queue's stopped flag and reason")           \
	X(GET_STATS, 0xF00D0001u, "fill in each queue's counters")                                 \
	X(GET_LINK, 0xF00D0002u, "result: bit 0 up, bits 16-31 Mbit/s")                            \
	X(GET_PERM_MAC_LO, 0xF00D0003u, "result: permanent MAC bytes 0..3")                        \
	X(GET_PERM_MAC_HI, 0xF00D0004u, "result: permanent MAC bytes 4..5")                        \
	X(GET_DID_LO, 0xF00D0005u, "result: device id")                                            \
	X(GET_DID_HI, 0xF00D0006u, "result: revision")                                             \
	X(GET_CONF_INTR, 0xF00D0008u, "result: interrupt type and mask mode wanted")               \
	X(GET_ADAPTIVE_RING_INFO, 0xF00D0009u, "result: bit 0 no adaptive rings")                  \
	X(GET_TXDATA_DESC_SIZE, 0xF00D000Au, "v3+, result: slot sizes of the data rings")          \
	X(GET_COALESCE, 0xF00D000Bu, "v3+, fill in the default scheme in the argument")            \
	X(GET_RSS_FIELDS, 0xF00D000Cu, "v4+, result: RSS fields applied")                          \
	X(GET_MAX_QUEUES_CONF, 0xF00D000Fu, "v6+, result: tx queues, rx queues at most")           \
	X(GET_MAX_CAPABILITIES, 0xF00D0011u, "v7+, result: capabilities there are")                \
	X(GET_DCR0_REG, 0xF00D0012u, "v7+, result: capabilities granted")                          \
	X(GET_TSRING_DESC_SIZE, 0xF00D0013u, "v9, result: slot sizes of the timestamp rings")      \
	X(GET_DISABLED_OFFLOADS, 0xF00D0014u, "v9, result: offloads the host forbids")

enum vmxnet3_command {
#define VMXNET3_X(name, code, what) VMXNET3_CMD_##name = (int)(code),
	VMXNET3_COMMANDS(VMXNET3_X)
#undef VMXNET3_X
};

#define VMXNET3_LINK_UP PVN_BIT32(0)
#define VMXNET3_LINK_SPEED PVN_MASK32(31, 16) /* Mbit/s */

#define VMXNET3_CONF_INTR_TYPE PVN_MASK32(1, 0)	     /* 0 auto, 1 INTx, 2 MSI, 3 MSI-X */
#define VMXNET3_CONF_INTR_MASK_MODE PVN_MASK32(3, 2) /* 0 auto, 1 active, 2 lazy */

#define VMXNET3_MAX_QUEUES_TX PVN_MASK32(7, 0)
#define VMXNET3_MAX_QUEUES_RX PVN_MASK32(15, 8)

#define VMXNET3_DATA_SLOT_TX PVN_MASK32(15, 0)
#define VMXNET3_DATA_SLOT_RX PVN_MASK32(31, 16) /* v9 */

#define VMXNET3_TS_SLOT_TX PVN_MASK32(7, 0)
#define VMXNET3_TS_SLOT_RX PVN_MASK32(23, 16)

#define VMXNET3_DISABLED_TSO PVN_BIT32(0)
#define VMXNET3_DISABLED_LRO PVN_BIT32(1)

/* [VMX3 11.5] Capabilities, bits of DCR[0] and PTCR[0]: write the wanted ones to DCR[0]. */
#define VMXNET3_CAP_UDP_RSS PVN_BIT32(0)
#define VMXNET3_CAP_ESP_RSS_IPV4 PVN_BIT32(1)
#define VMXNET3_CAP_GENEVE_CSUM PVN_BIT32(2)
#define VMXNET3_CAP_GENEVE_TSO PVN_BIT32(3)
#define VMXNET3_CAP_VXLAN_CSUM PVN_BIT32(4)
#define VMXNET3_CAP_VXLAN_TSO PVN_BIT32(5)
#define VMXNET3_CAP_GENEVE_OUTER_CSUM PVN_BIT32(6)
#define VMXNET3_CAP_VXLAN_OUTER_CSUM PVN_BIT32(7)
#define VMXNET3_CAP_ESP_RSS_IPV6 PVN_BIT32(9)
#define VMXNET3_CAP_LARGE_BAR PVN_BIT32(16)
#define VMXNET3_CAP_RX_OUT_OF_ORDER PVN_BIT32(17)
#define VMXNET3_CAP_ERROR PVN_BIT32(31)

/* [VMX3 7.3] By the outer UDP header's destination the device knows a tunnel. */
#define VMXNET3_PORT_VXLAN 4789u
#define VMXNET3_PORT_VXLAN_OLD 8472u
#define VMXNET3_PORT_GENEVE 6081u

/* [VMX3 6.4, 7, 8] Limits. */
#define VMXNET3_RING_ALIGN 512u /* bytes, base of every ring */
#define VMXNET3_RING_STEP 32u	/* entries: a ring's size is a multiple of it */
#define VMXNET3_TX_RING_MAX 4096u
#define VMXNET3_RX_RING_MAX 4096u
#define VMXNET3_RX_RING2_MAX_OLD 2048u /* older hosts */
#define VMXNET3_TXC_RING_MAX 4096u
#define VMXNET3_RXC_RING_MAX 8192u
#define VMXNET3_TX_BUF_MAX 16384u /* bytes per descriptor; written as 0 */
#define VMXNET3_RX_BUF_MAX 16383u
#define VMXNET3_RX_HEAD_MIN 128u    /* bytes of a head buffer [VMX3 8.1] */
#define VMXNET3_TX_DESC_PER_PKT 16u /* without TSO */
#define VMXNET3_TSO_DESC_PER_PKT 24u
#define VMXNET3_MSS_MAX 16383u
#define VMXNET3_TX_HEADERS_MAX 1023u /* bytes, in the first buffer */
#define VMXNET3_QUEUES_MAX_TX_V1 8u
#define VMXNET3_QUEUES_MAX_RX_V1 16u
#define VMXNET3_QUEUES_MAX_V6 32u
#define VMXNET3_INTR_MAX 25u
#define VMXNET3_INTR_MAX_V6 65u	      /* in the extended block [VMX3 9.4] */
#define VMXNET3_TX_DATA_SLOT_OLD 128u /* bytes, before v3 [VMX3 7.6] */
#define VMXNET3_TX_DATA_SLOT_MIN 128u
#define VMXNET3_DATA_SLOT_MAX 2048u
#define VMXNET3_DATA_SLOT_STEP 64u
#define VMXNET3_CSUM_OFFSET_MAX 1024u
#define VMXNET3_MTU_MIN 60u
#define VMXNET3_MTU_MAX_V1 9000u
#define VMXNET3_MTU_MAX_V6 9190u

/* [VMX3 7.1] Tx descriptor. word2 holds gen and is stored last. */
struct vmxnet3_txd {
	pvn_le64 addr;
	union {
		struct {
			pvn_le32 word2;
			pvn_le32 word3;
		};
		pvn_le64 words23; /* word3 above word2 */
	};
};
#define VMXNET3_TXD2_LEN PVN_MASK32(13, 0) /* 0 means 16384 */
#define VMXNET3_TXD2_GEN PVN_BIT32(14)
#define VMXNET3_TXD2_OUTER_CSUM PVN_BIT32(15) /* tunnels, v4+ */
#define VMXNET3_TXD2_TYPE PVN_BIT32(16)
#define VMXNET3_TXD2_INNER PVN_BIT32(17)       /* v7+: the offload is the inner packet's */
#define VMXNET3_TXD2_MSSCOF PVN_MASK32(31, 18) /* MSS, or offset of the checksum field */
#define VMXNET3_TXD3_HLEN PVN_MASK32(9, 0)
#define VMXNET3_TXD3_OM PVN_MASK32(11, 10) /* enum vmxnet3_om */
#define VMXNET3_TXD3_EOP PVN_BIT32(12)
#define VMXNET3_TXD3_CQ PVN_BIT32(13) /* completion requested */
#define VMXNET3_TXD3_TI PVN_BIT32(15) /* insert the tag */
#define VMXNET3_TXD3_TCI PVN_MASK32(31, 16)

enum vmxnet3_om {
	VMXNET3_OM_NONE = 0,
	VMXNET3_OM_ENCAP = 1, /* v4 to v6; QEMU aborts on it [VMX3 12.8] */
	VMXNET3_OM_CSUM = 2,
	VMXNET3_OM_TSO = 3,
};

/* [VMX3 7.5] Tx completion, written by the device. word3 is stored last. */
struct vmxnet3_txc {
	pvn_le32 word0;
	pvn_le32 word1;
	pvn_le32 word2;
	pvn_le32 word3;
};
#define VMXNET3_TXC0_INDEX PVN_MASK32(11, 0) /* the packet's EOP descriptor */
#define VMXNET3_TXC3_TYPE PVN_MASK32(30, 24)
#define VMXNET3_TXC3_GEN PVN_BIT32(31)

/* [VMX3 8.1] Rx descriptor. word2 holds gen and is stored last. */
struct vmxnet3_rxd {
	pvn_le64 addr;
	pvn_le32 word2;
	pvn_le32 word3;
};
#define VMXNET3_RXD2_LEN PVN_MASK32(13, 0)
#define VMXNET3_RXD2_BODY PVN_BIT32(14) /* 0 = head buffer */
#define VMXNET3_RXD2_TYPE PVN_BIT32(15)
#define VMXNET3_RXD2_GEN PVN_BIT32(31)

/* [VMX3 8.3] Rx completion, written by the device. word3 is stored last. */
struct vmxnet3_rxc {
	pvn_le32 word0;
	pvn_le32 word1;
	pvn_le32 word2;
	pvn_le32 word3;
};
#define VMXNET3_RXC0_INDEX PVN_MASK32(11, 0)
#define VMXNET3_RXC0_EOP PVN_BIT32(14)
#define VMXNET3_RXC0_SOP PVN_BIT32(15)
#define VMXNET3_RXC0_RQID PVN_MASK32(25, 16) /* q, N+q or 2N+q, N = number of rx queues */
#define VMXNET3_RXC0_RSS_TYPE PVN_MASK32(29, 26)
#define VMXNET3_RXC0_CNC PVN_BIT32(30)	 /* checksum not calculated */
#define VMXNET3_RXC0_INNER PVN_BIT32(13) /* v4+: checksum and type bits are the inner packet's */
#define VMXNET3_RXC1_LRO_SEGMENTS                                                                  \
	PVN_MASK32(7, 0) /* of type LRO, on SOP; else word1 is the hash                            \
			  */
#define VMXNET3_RXC1_LRO_DUP_ACKS PVN_MASK32(15, 8)
#define VMXNET3_RXC1_LRO_TS_DELTA PVN_MASK32(31, 16)
#define VMXNET3_RXC2_LEN PVN_MASK32(13, 0)
#define VMXNET3_RXC2_ERR PVN_BIT32(14)
#define VMXNET3_RXC2_TS PVN_BIT32(15) /* VLAN tag stripped */
#define VMXNET3_RXC2_TCI PVN_MASK32(31, 16)
#define VMXNET3_RXC3_CSUM PVN_MASK32(15, 0)
#define VMXNET3_RXC3_LRO_MSS PVN_MASK32(15, 0) /* of type LRO, on SOP */
#define VMXNET3_RXC3_TUC PVN_BIT32(16)	       /* TCP/UDP checksum correct */
#define VMXNET3_RXC3_UDP PVN_BIT32(17)
#define VMXNET3_RXC3_TCP PVN_BIT32(18)
#define VMXNET3_RXC3_IPC PVN_BIT32(19) /* IPv4 header checksum correct */
#define VMXNET3_RXC3_V6 PVN_BIT32(20)
#define VMXNET3_RXC3_V4 PVN_BIT32(21)
#define VMXNET3_RXC3_FRG PVN_BIT32(22)
#define VMXNET3_RXC3_FCS PVN_BIT32(23)
#define VMXNET3_RXC3_TYPE PVN_MASK32(30, 24) /* 3 normal, 4 LRO; QEMU writes 0 */
#define VMXNET3_RXC3_LRO PVN_BIT32(26)	     /* of types 0, 3 and 4 only the last has it */
#define VMXNET3_RXC3_MSS VMXNET3_RXC3_CSUM   /* with type 4 */
#define VMXNET3_RXC3_GEN PVN_BIT32(31)

#define VMXNET3_RXC_TYPE_NORMAL 3u
#define VMXNET3_RXC_TYPE_LRO 4u /* v2+, on the first piece */

enum vmxnet3_rss_type {
	VMXNET3_RSS_TYPE_NONE = 0,
	VMXNET3_RSS_TYPE_IPV4 = 1,
	VMXNET3_RSS_TYPE_TCP_IPV4 = 2,
	VMXNET3_RSS_TYPE_IPV6 = 3,
	VMXNET3_RSS_TYPE_TCP_IPV6 = 4,
	VMXNET3_RSS_TYPE_UDP_IPV4 = 5, /* this and the next: v6+ */
	VMXNET3_RSS_TYPE_UDP_IPV6 = 6,
	VMXNET3_RSS_TYPE_ESP_IPV4 = 7,
	VMXNET3_RSS_TYPE_ESP_IPV6 = 8,
};

/* [VMX3 5] Side block described by a version, a length and an address. */
struct vmxnet3_block_ptr {
	pvn_le32 version; /* 1 */
	pvn_le32 len;	  /* bytes */
	pvn_le64 addr;
};

/* [VMX3 5] The shared area; the form every version knows. All but `events` by the driver. */
struct vmxnet3_shared {
	pvn_le32 magic;
	pvn_le32 size;
	pvn_le32 driver_version;
	pvn_le32 guest_os;
	pvn_le32 device_revisions;
	pvn_le32 upt_versions;
	pvn_le64 features; /* VMXNET3_FEATURE_* */
	pvn_le64 driver_data_addr;
	pvn_le64 queue_table_addr;
	pvn_le32 driver_data_len;
	pvn_le32 queue_table_len; /* bytes */
	pvn_le32 mtu;
	pvn_le16 max_rx_frags; /* pieces per frame; QEMU takes 0 for 1 */
	uint8_t num_tx_queues;
	uint8_t num_rx_queues;
	uint8_t reserved64[16];

	uint8_t auto_mask;
	uint8_t num_intrs; /* every vector used is below it */
	uint8_t event_intr;
	uint8_t mod_level[VMXNET3_INTR_MAX];
	pvn_le32 intr_ctrl; /* bit 0: all disabled */
	uint8_t reserved112[8];

	pvn_le32 rx_mode;	 /* VMXNET3_RXM_* */
	pvn_le16 mcast_list_len; /* bytes */
	uint8_t reserved126[2];
	pvn_le64 mcast_list_addr;
	pvn_le32 vlan_bitmap[128]; /* 1 = accept */

	struct vmxnet3_block_ptr rss;
	struct vmxnet3_block_ptr wake_up;
	struct vmxnet3_block_ptr plug_in;

	pvn_le32 events; /* by the device: VMXNET3_EVENT_* */
	uint8_t reserved700[4];
	uint8_t command_arg[16];
};

/* [VMX3 9.4] Follows the shared area and replaces its interrupt block with more than 8 tx or more
 * than 16 rx queues (v6+). */
struct vmxnet3_intr_ext {
	uint8_t auto_mask;
	uint8_t num_intrs;
	uint8_t event_intr;
	uint8_t reserved3;
	pvn_le32 intr_ctrl;
	uint8_t reserved8[4];
	uint8_t mod_level[VMXNET3_INTR_MAX_V6];
	uint8_t reserved77[3];
};

struct vmxnet3_shared_v6 {
	struct vmxnet3_shared v1;
	struct vmxnet3_intr_ext intr;
};

/* [VMX3 10] */
#define VMXNET3_RSS_KEY_LEN 40u
#define VMXNET3_RSS_TABLE_MAX 128u

struct vmxnet3_rss_config {
	pvn_le16 hash_types; /* VMXNET3_RSS_HASH_* */
	pvn_le16 hash_function;
	pvn_le16 key_len;
	pvn_le16 table_len; /* entries in use */
	uint8_t key[VMXNET3_RSS_KEY_LEN];
	uint8_t table[VMXNET3_RSS_TABLE_MAX]; /* rx queues */
};

#define VMXNET3_RSS_HASH_IPV4 1u
#define VMXNET3_RSS_HASH_TCP_IPV4 2u
#define VMXNET3_RSS_HASH_IPV6 4u
#define VMXNET3_RSS_HASH_TCP_IPV6 8u
#define VMXNET3_RSS_FUNCTION_TOEPLITZ 1u

/* Argument of SET_RSS_FIELDS, result of GET_RSS_FIELDS. ESXi wants both TCP bits. */
#define VMXNET3_RSS_FIELD_TCP_IPV4 0x01u
#define VMXNET3_RSS_FIELD_TCP_IPV6 0x02u
#define VMXNET3_RSS_FIELD_UDP_IPV4 0x04u
#define VMXNET3_RSS_FIELD_UDP_IPV6 0x08u
#define VMXNET3_RSS_FIELD_ESP_IPV4 0x10u
#define VMXNET3_RSS_FIELD_ESP_IPV6 0x20u

/* [VMX3 11.2] Pointed to by the argument of SET_COALESCE and GET_COALESCE. */
struct vmxnet3_coalesce {
	pvn_le32 mode; /* enum vmxnet3_coalesce_mode */
	pvn_le32 param[3];
};

enum vmxnet3_coalesce_mode {
	VMXNET3_COALESCE_OFF = 0,
	VMXNET3_COALESCE_ADAPTIVE = 1,
	VMXNET3_COALESCE_STATIC = 2, /* tx depth, tx completion depth, rx depth */
	VMXNET3_COALESCE_RATE = 3,   /* interrupts per second */
};

#define VMXNET3_COALESCE_DEPTH_MAX 128u
#define VMXNET3_COALESCE_RATE_MIN 100u
#define VMXNET3_COALESCE_RATE_MAX 100000u

/* [VMX3 11.3] Pointed to by the argument of REGISTER_MEMREGS: count, then so many regions. */
struct vmxnet3_memory_regions {
	pvn_le16 count;
	uint8_t reserved2[6];
};

struct vmxnet3_memory_region {
	pvn_le64 addr;
	pvn_le32 len;
	pvn_le16 tx_queues; /* bitmap, queues 0..15 */
	pvn_le16 rx_queues;
};

#define VMXNET3_MEMORY_REGIONS_MAX 256u
#define VMXNET3_MEMORY_REGIONS_PER_QUEUE 16u

/* [VMX3 11.4] Argument of SET_RING_BUFFER_SIZE. */
struct vmxnet3_ring_buffer_size {
	pvn_le16 ring1_head;
	pvn_le16 ring1_body;
	pvn_le16 ring2_body;
	pvn_le16 reserved6;
};

#define VMXNET3_WAKE_UP_LEN 920u /* [VMX3 11.7] */

#define VMXNET3_MAGIC 0xBABEFEE1u
#define VMXNET3_DEVICE_REVISION 1u
#define VMXNET3_GUEST_OS_LINUX64 0x6u /* any other system makes QEMU fill rings differently */
#define VMXNET3_GUEST_OS_LINUX32 0x5u
#define VMXNET3_INTR_CTRL_DISABLE_ALL PVN_BIT32(0)

#define VMXNET3_FEATURE_RXCSUM PVN_BIT32(0)
#define VMXNET3_FEATURE_RSS PVN_BIT32(1)
#define VMXNET3_FEATURE_RXVLAN PVN_BIT32(2)
#define VMXNET3_FEATURE_LRO PVN_BIT32(3)
#define VMXNET3_FEATURE_RXINNEROFLD PVN_BIT32(4)

#define VMXNET3_RXM_UCAST PVN_BIT32(0)
#define VMXNET3_RXM_MCAST PVN_BIT32(1) /* by the list */
#define VMXNET3_RXM_BCAST PVN_BIT32(2)
#define VMXNET3_RXM_ALL_MULTI PVN_BIT32(3)
#define VMXNET3_RXM_PROMISC PVN_BIT32(4)

#define VMXNET3_EVENT_RQERR PVN_BIT32(0)
#define VMXNET3_EVENT_TQERR PVN_BIT32(1)
#define VMXNET3_EVENT_LINK PVN_BIT32(2)
#define VMXNET3_EVENT_DIC PVN_BIT32(3)
#define VMXNET3_EVENT_DEBUG PVN_BIT32(4)

/* [VMX3 6.3] Counters, by the device. They begin at 0 at each ACTIVATE. */
struct vmxnet3_tx_counters {
	pvn_le64 tso_packets;
	pvn_le64 tso_bytes;
	pvn_le64 ucast_packets;
	pvn_le64 ucast_bytes;
	pvn_le64 mcast_packets;
	pvn_le64 mcast_bytes;
	pvn_le64 bcast_packets;
	pvn_le64 bcast_bytes;
	pvn_le64 error_packets;
	pvn_le64 discard_packets;
};

struct vmxnet3_rx_counters {
	pvn_le64 lro_packets;
	pvn_le64 lro_bytes;
	pvn_le64 ucast_packets;
	pvn_le64 ucast_bytes;
	pvn_le64 mcast_packets;
	pvn_le64 mcast_bytes;
	pvn_le64 bcast_packets;
	pvn_le64 bcast_bytes;
	pvn_le64 no_buffer_packets;
	pvn_le64 error_packets;
};

/* [VMX3 6.1] Entry of the queue table for a tx queue. */
struct vmxnet3_tx_queue_desc {
	pvn_le32 deferred;  /* packets since the last doorbell, by the driver */
	pvn_le32 threshold; /* ring the doorbell from so many on, by the device */
	uint8_t reserved8[8];
	pvn_le64 ring_addr;
	pvn_le64 data_ring_addr;
	pvn_le64 comp_ring_addr;
	pvn_le64 driver_data_addr;
	uint8_t reserved48[8];
	pvn_le32 ring_size; /* entries */
	pvn_le32 data_ring_size;
	pvn_le32 comp_ring_size;
	pvn_le32 driver_data_len;
	uint8_t intr;
	uint8_t reserved73;
	pvn_le16 data_slot_size;
	uint8_t reserved76[4];
	uint8_t stopped; /* by the device, as what follows */
	uint8_t reserved81[3];
	pvn_le32 stop_reason;
	struct vmxnet3_tx_counters counters;
	pvn_le64 ts_ring_addr; /* v9, as the next three [VMX3 11.6] */
	pvn_le16 ts_slot_size;
	uint8_t reserved178[2];
	pvn_le16 ts_sample_rate; /* by the device */
	uint8_t reserved182[74];
};

/* [VMX3 6.2] Entry of the queue table for an rx queue. They follow the tx queues' entries. */
struct vmxnet3_rx_queue_desc {
	uint8_t doorbells_wanted; /* by the device [VMX3 8.5] */
	uint8_t reserved1[15];
	pvn_le64 ring1_addr;
	pvn_le64 ring2_addr;
	pvn_le64 comp_ring_addr;
	pvn_le64 driver_data_addr;
	pvn_le64 data_ring_addr;
	pvn_le32 ring1_size; /* entries */
	pvn_le32 ring2_size;
	pvn_le32 comp_ring_size; /* at least ring1_size + ring2_size */
	pvn_le32 driver_data_len;
	uint8_t intr;
	uint8_t reserved73;
	pvn_le16 data_slot_size;
	uint8_t reserved76[4];
	uint8_t stopped; /* by the device, as what follows */
	uint8_t reserved81[3];
	pvn_le32 stop_reason;
	struct vmxnet3_rx_counters counters;
	pvn_le64 ts_ring_addr; /* v9, as the next [VMX3 11.6] */
	pvn_le16 ts_slot_size;
	uint8_t reserved178[78];
};

#define VMXNET3_QUEUE_TABLE_ALIGN 128u

/* [VMX3 9.5] Why the device stopped a queue: name, code, meaning. */
#define VMXNET3_STOP_REASONS(X)                                                                    \
	X(NO_EOP, 0x80000000u, "a packet without an end")                                          \
	X(TX_REUSED, 0x80000001u, "a tx descriptor was used again before its completion")          \
	X(TOO_MANY_DESC, 0x80000002u, "too many descriptors in one packet")                        \
	X(BAD_TYPE, 0x80000003u, "descriptor type not supported")                                  \
	X(SMALL_HEAD, 0x80000004u, "rx head buffer too small")                                     \
	X(STRESS, 0x80000005u, "the host's stress test")                                           \
	X(MODE_SWITCH, 0x80000006u, "pass-through mode could not be switched")                     \
	X(BAD_TXD, 0x80000007u, "invalid tx descriptor")

enum vmxnet3_stop_reason {
#define VMXNET3_X(name, code, what) VMXNET3_STOP_##name = (int)(code),
	VMXNET3_STOP_REASONS(VMXNET3_X)
#undef VMXNET3_X
};

/* [VMX3 15] Sizes, and the offsets that matter. */
static_assert(sizeof(struct vmxnet3_txd) == 16, "[VMX3 7.1]");
static_assert(offsetof(struct vmxnet3_txd, word2) == 8, "[VMX3 7.1]");
static_assert(sizeof(struct vmxnet3_txc) == 16, "[VMX3 7.5]");
static_assert(offsetof(struct vmxnet3_txc, word3) == 12, "[VMX3 7.5]");
static_assert(sizeof(struct vmxnet3_rxd) == 16, "[VMX3 8.1]");
static_assert(offsetof(struct vmxnet3_rxd, word2) == 8, "[VMX3 8.1]");
static_assert(sizeof(struct vmxnet3_rxc) == 16, "[VMX3 8.3]");
static_assert(offsetof(struct vmxnet3_rxc, word3) == 12, "[VMX3 8.3]");
static_assert(sizeof(struct vmxnet3_block_ptr) == 16, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, features) == 24, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, queue_table_addr) == 40, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, mtu) == 56, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, max_rx_frags) == 60, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, auto_mask) == 80, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, intr_ctrl) == 108, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, rx_mode) == 120, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, vlan_bitmap) == 136, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, rss) == 648, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, events) == 696, "[VMX3 5]");
static_assert(offsetof(struct vmxnet3_shared, command_arg) == 704, "[VMX3 5]");
static_assert(sizeof(struct vmxnet3_shared) == 720, "[VMX3 5]");
static_assert(sizeof(struct vmxnet3_intr_ext) == 80, "[VMX3 9.4]");
static_assert(offsetof(struct vmxnet3_intr_ext, mod_level) == 12, "[VMX3 9.4]");
static_assert(offsetof(struct vmxnet3_shared_v6, intr) == 720, "[VMX3 5]");
static_assert(sizeof(struct vmxnet3_shared_v6) == 800, "[VMX3 5]");
static_assert(sizeof(struct vmxnet3_rss_config) == 176, "[VMX3 10]");
static_assert(offsetof(struct vmxnet3_rss_config, table) == 48, "[VMX3 10]");
static_assert(sizeof(struct vmxnet3_coalesce) == 16, "[VMX3 11.2]");
static_assert(sizeof(struct vmxnet3_memory_regions) == 8, "[VMX3 11.3]");
static_assert(sizeof(struct vmxnet3_memory_region) == 16, "[VMX3 11.3]");
static_assert(sizeof(struct vmxnet3_ring_buffer_size) == 8, "[VMX3 11.4]");
static_assert(sizeof(struct vmxnet3_tx_counters) == 80, "[VMX3 6.3]");
static_assert(sizeof(struct vmxnet3_rx_counters) == 80, "[VMX3 6.3]");
static_assert(offsetof(struct vmxnet3_tx_queue_desc, ring_size) == 56, "[VMX3 6.1]");
static_assert(offsetof(struct vmxnet3_tx_queue_desc, intr) == 72, "[VMX3 6.1]");
static_assert(offsetof(struct vmxnet3_tx_queue_desc, stopped) == 80, "[VMX3 6.1]");
static_assert(offsetof(struct vmxnet3_tx_queue_desc, counters) == 88, "[VMX3 6.1]");
static_assert(offsetof(struct vmxnet3_tx_queue_desc, ts_ring_addr) == 168, "[VMX3 11.6]");
static_assert(offsetof(struct vmxnet3_tx_queue_desc, ts_sample_rate) == 180, "[VMX3 11.6]");
static_assert(sizeof(struct vmxnet3_tx_queue_desc) == 256, "[VMX3 6.1]");
static_assert(offsetof(struct vmxnet3_rx_queue_desc, ring1_size) == 56, "[VMX3 6.2]");
static_assert(offsetof(struct vmxnet3_rx_queue_desc, intr) == 72, "[VMX3 6.2]");
static_assert(offsetof(struct vmxnet3_rx_queue_desc, stopped) == 80, "[VMX3 6.2]");
static_assert(offsetof(struct vmxnet3_rx_queue_desc, counters) == 88, "[VMX3 6.2]");
static_assert(offsetof(struct vmxnet3_rx_queue_desc, ts_ring_addr) == 168, "[VMX3 11.6]");
static_assert(sizeof(struct vmxnet3_rx_queue_desc) == 256, "[VMX3 6.2]");

#endif /* PVN_PROTO_VMXNET3_H */
