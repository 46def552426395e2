/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Packets in VXLAN and Geneve, received: what the mbuf says of them is what they are.
 */
#include <stdlib.h>
#include <string.h>

#include "../../proto/vmxnet3.h"
#include "device_frames.h"
#include "vmx_fixture.h"
#include "vmx_packet.h"

#define TUNNEL_RX (RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM)

#define FLAGS                                                                                      \
	(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK |                               \
	 RTE_MBUF_F_RX_OUTER_L4_CKSUM_MASK | RTE_MBUF_F_RX_OUTER_IP_CKSUM_BAD)
#define IP_GOOD RTE_MBUF_F_RX_IP_CKSUM_GOOD
#define L4_GOOD RTE_MBUF_F_RX_L4_CKSUM_GOOD
#define OUTER_GOOD RTE_MBUF_F_RX_OUTER_L4_CKSUM_GOOD

static struct device_frame f;

static struct vmx_setup
setup_of(unsigned int version, uint64_t offloads)
{
	return (struct vmx_setup){
		.device.versions = VMX_VERSIONS_TO(version),
		.device.capabilities = version >= 7 ? VMXNET3_CAP_VXLAN_CSUM : 0,
		.rx_ring = 256,
		.rx_offloads = offloads,
	};
}

/* f arrives a few times, so that it is taken in each way there is: all must tell the same. */
static uint64_t
flags_of(struct vmx_test *t, uint32_t *ptype)
{
	enum { NUM = 11 };
	struct rte_mbuf *m[NUM];
	uint64_t flags = 0;

	for (int i = 0; i < NUM; i++)
		assert_int_equal(vmx_device_arrive(t->dev, f.data, f.len, NULL, NULL),
				 VMX_RX_DELIVERED);
	assert_int_equal(rte_eth_rx_burst(t->id, 0, m, NUM), NUM);
	for (int i = 0; i < NUM; i++) {
		vmx_assert_content(m[i], f.data, f.len);
		if (i == 0) {
			flags = m[i]->ol_flags & FLAGS;
			*ptype = m[i]->packet_type;
		}
		assert_true((m[i]->ol_flags & FLAGS) == flags);
		assert_int_equal(m[i]->packet_type, *ptype);
		rte_pktmbuf_free(m[i]);
	}
	return flags;
}

/* Wraps what i tells into f. */
static void
make_frame(unsigned int i, bool *inner6, uint8_t *protocol, bool *outer_csum)
{
	*inner6 = i % 2 != 0;
	*protocol = i / 2 % 2 != 0 ? DEVICE_UDP : DEVICE_TCP;
	*outer_csum = i / 4 % 2 != 0;
	device_frame(&f, *protocol, *inner6, 500, NULL);
	device_frame_wrap(&f, i / 8 % 2 != 0, i / 16 % 2 != 0, *outer_csum);
}

#define FRAMES 32

static void
check_asked(struct vmx_test *t)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		bool inner6, outer_csum;
		uint8_t protocol;
		uint32_t ptype;
		uint64_t ip;

		make_frame(i, &inner6, &protocol, &outer_csum);
		ip = inner6 ? 0 : IP_GOOD;
		assert_true(flags_of(t, &ptype) == (ip | L4_GOOD | OUTER_GOOD));
		assert_int_equal(ptype & RTE_PTYPE_TUNNEL_MASK, RTE_PTYPE_TUNNEL_GRENAT);
		assert_int_equal(ptype & RTE_PTYPE_INNER_L3_MASK,
				 inner6 ? RTE_PTYPE_INNER_L3_IPV6_EXT_UNKNOWN
					: RTE_PTYPE_INNER_L3_IPV4_EXT_UNKNOWN);
		assert_int_equal(ptype & RTE_PTYPE_INNER_L4_MASK, protocol == DEVICE_TCP
									  ? RTE_PTYPE_INNER_L4_TCP
									  : RTE_PTYPE_INNER_L4_UDP);
		assert_int_equal(ptype & (RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK), 0);
		/* Whether it is wrong inside or outside nobody tells. */
		f.data[f.len - 1] ^= 1;
		assert_true(flags_of(t, &ptype) == (outer_csum ? 0 : ip));
		make_frame(i, &inner6, &protocol, &outer_csum);
		if (inner6)
			continue;
		f.data[f.inner + 22]--; /* time to live */
		device_frame_seal(&f);	/* outer headers only */
		assert_true(flags_of(t, &ptype) == L4_GOOD);
	}
	/* A fragment inside has no checksum of its own. */
	device_frame(&f, DEVICE_UDP, false, 100, NULL);
	f.data[20] |= 0x20; /* more of it */
	device_frame_seal(&f);
	device_frame_wrap(&f, false, false, true);
	{
		uint32_t ptype;

		assert_true(flags_of(t, &ptype) == IP_GOOD);
		assert_int_equal(ptype & RTE_PTYPE_INNER_L4_MASK, RTE_PTYPE_INNER_L4_FRAG);
	}
}

/* It is UDP, with whatever inside. */
static void
check_not_asked(struct vmx_test *t)
{
	for (unsigned int i = 0; i < FRAMES; i++) {
		bool inner6, outer_csum;
		uint8_t protocol;
		uint32_t ptype;
		uint64_t flags;

		make_frame(i, &inner6, &protocol, &outer_csum);
		flags = flags_of(t, &ptype);
		assert_true((flags & ~IP_GOOD) == L4_GOOD);
		assert_int_equal(ptype & RTE_PTYPE_L4_MASK, RTE_PTYPE_L4_UDP);
		assert_int_equal(ptype & (RTE_PTYPE_TUNNEL_MASK | RTE_PTYPE_INNER_L4_MASK), 0);
	}
}

static void
test_checksums(void **state)
{
	static const unsigned int versions[] = {4, 6, 7, 9};
	struct vmx_test t;

	(void)state;
	for (size_t v = 0; v < RTE_DIM(versions); v++) {
		struct vmx_setup setup = setup_of(versions[v], TUNNEL_RX);

		vmx_open(&t, &setup);
		check_asked(&t);
		vmx_close(&t);
		setup = setup_of(versions[v], RTE_ETH_RX_OFFLOAD_CHECKSUM);
		vmx_open(&t, &setup);
		check_not_asked(&t);
		vmx_close(&t);
	}
}

/* Each checksum by itself. */
static void
test_asked_one_by_one(void **state)
{
	static const struct {
		uint64_t offload, flag;
	} cases[] = {
		{0, 0},
		{RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, IP_GOOD},
		{RTE_ETH_RX_OFFLOAD_TCP_CKSUM, L4_GOOD},
		{RTE_ETH_RX_OFFLOAD_UDP_CKSUM, 0},
	};
	struct vmx_test t;
	uint32_t ptype;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct vmx_setup setup =
			setup_of(7, RTE_ETH_RX_OFFLOAD_OUTER_UDP_CKSUM | cases[i].offload);

		vmx_open(&t, &setup);
		device_frame(&f, DEVICE_TCP, false, 500, NULL);
		device_frame_wrap(&f, false, true, true);
		assert_true(flags_of(&t, &ptype) == (OUTER_GOOD | cases[i].flag));
		vmx_close(&t);
	}
}

/* The device is told what was asked for, and nothing else. */
static void
test_features(void **state)
{
	struct vmx_device_state seen;
	struct vmx_test t;

	(void)state;
	for (unsigned int version = 3; version <= 9; version++) {
		for (int asked = 0; asked < 2 && (version >= 4 || asked == 0); asked++) {
			struct vmx_setup setup =
				setup_of(version, asked ? TUNNEL_RX : RTE_ETH_RX_OFFLOAD_CHECKSUM);

			vmx_open(&t, &setup);
			vmx_device_state(t.dev, &seen);
			assert_int_equal((seen.features & VMXNET3_FEATURE_RXINNEROFLD) != 0, asked);
			vmx_close(&t);
		}
	}
}

/* Segments in a tunnel, merged: the size of what is inside. */
static void
test_lro(void **state)
{
	enum { PARTS = 20, PART = 900 };
	struct device_frame *train = calloc(PARTS, sizeof(*train));
	struct vmx_train list[PARTS];
	struct vmx_test t;

	(void)state;
	assert_non_null(train);
	for (unsigned int i = 0; i < 16; i++) {
		const unsigned int version = i / 8 == 0 ? 4 : 7;
		struct vmx_setup setup = setup_of(version, TUNNEL_RX | RTE_ETH_RX_OFFLOAD_TCP_LRO);
		struct rte_mbuf *m;
		size_t headers;

		for (unsigned int k = 0; k < PARTS; k++) {
			const struct device_flow flow = {.seq = 1 + k * PART};

			device_frame(&train[k], DEVICE_TCP, i % 2 != 0, PART, &flow);
			device_frame_wrap(&train[k], i / 2 % 2 != 0, i / 4 % 2 != 0, true);
			list[k] = (struct vmx_train){train[k].data, train[k].len};
		}
		headers = train[0].len - PART;
		vmx_open(&t, &setup);
		assert_int_equal(vmx_device_arrive_train(t.dev, list, PARTS), 1);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		assert_int_equal(m->pkt_len, headers + PARTS * PART);
		assert_true((m->ol_flags & RTE_MBUF_F_RX_LRO) != 0);
		assert_int_equal(m->tso_segsz, PART);
		assert_true(RTE_ETH_IS_TUNNEL_PKT(m->packet_type) != 0);
		assert_true((m->ol_flags & FLAGS & ~IP_GOOD) == (L4_GOOD | OUTER_GOOD));
		rte_pktmbuf_free(m);
		/* One that was not merged. */
		assert_int_equal(vmx_device_arrive_train(t.dev, list, 1), 1);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_LRO, 0);
		rte_pktmbuf_free(m);
		vmx_close(&t);
	}
	free(train);
}

/* A long one of which the device tells no segment size: in a tunnel there is no guess. */
static void
test_lro_untold(void **state)
{
	struct vmx_setup setup = setup_of(7, TUNNEL_RX | RTE_ETH_RX_OFFLOAD_TCP_LRO);
	struct vmx_rx_meta meta = {.csum_known = true,
				   .word3 = VMXNET3_RXC3_V4 | VMXNET3_RXC3_TCP | VMXNET3_RXC3_TUC |
					    VMXNET3_RXC3_IPC};
	static uint8_t frame[5000];
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (int inner = 0; inner < 2; inner++) {
		struct rte_mbuf *m;

		meta.inner = inner != 0;
		vmx_frame(&t, frame, sizeof(frame), 1);
		assert_int_equal(vmx_device_rx(t.dev, 0, frame, sizeof(frame), &meta),
				 VMX_RX_DELIVERED);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		assert_int_equal((m->ol_flags & RTE_MBUF_F_RX_LRO) != 0, !inner);
		rte_pktmbuf_free(m);
	}
	vmx_close(&t);
}

/* Packet types that are announced are those that come. */
static void
test_ptypes(void **state)
{
	uint32_t ptypes[32];
	struct vmx_test t;

	(void)state;
	for (unsigned int version = 1; version <= 4; version += 3) {
		struct vmx_setup setup = setup_of(version, 0);
		int n;

		vmx_open(&t, &setup);
		n = rte_eth_dev_get_supported_ptypes(t.id, RTE_PTYPE_TUNNEL_MASK, ptypes, 32);
		assert_int_equal(n, version == 4);
		n = rte_eth_dev_get_supported_ptypes(t.id, RTE_PTYPE_INNER_L4_MASK, ptypes, 32);
		assert_int_equal(n, version == 4 ? 3 : 0);
		vmx_close(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_checksums), VMX_TEST(test_asked_one_by_one), VMX_TEST(test_features),
		VMX_TEST(test_lro),	  VMX_TEST(test_lro_untold),	   VMX_TEST(test_ptypes),
	};

	return VMX_RUN(tests);
}
