/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Offloads of our driver. What it sends is judged by what goes out on the wire; what the device
 * tells of received frames, by what the frames are.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ip.h>
#include <rte_vect.h>

#include "../../proto/vmxnet3.h"
#include "device_frames.h"
#include "vmx_fixture.h"
#include "vmx_packet.h"

#define V2 VMX_VERSIONS_TO(2)
#define TX_OFFLOADS                                                                                \
	(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |                            \
	 RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |                               \
	 RTE_ETH_TX_OFFLOAD_VLAN_INSERT | RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

static struct device_frame f, before; /* large, as these are */

static const struct {
	uint8_t protocol;
	bool ipv6;
} kinds[] = {{DEVICE_TCP, false}, {DEVICE_UDP, false}, {DEVICE_TCP, true}, {DEVICE_UDP, true}};

/* ---- transmit ---- */

/* f as a mbuf that asks for checksums, in segments of `room` bytes. */
static struct rte_mbuf *
wishful(const struct vmx_test *t, uint8_t protocol, bool ipv6, size_t room)
{
	struct rte_mbuf *m = vmx_chain(t->rx_pool, f.data, f.len, room);

	m->l2_len = RTE_ETHER_HDR_LEN;
	m->l3_len = ipv6 ? 40 : 20;
	m->l4_len = protocol == DEVICE_TCP ? 20 : 8;
	m->ol_flags |= ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
	m->ol_flags |= protocol == DEVICE_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
	return m;
}

/* Prepares and sends m; what went out on the wire. */
static struct vmx_frame *
wire_of(struct vmx_test *t, struct rte_mbuf *m)
{
	struct vmx_frame *sent, *wire;

	assert_int_equal(rte_eth_tx_prepare(t->id, 0, &m, 1), 1);
	assert_int_equal(rte_eth_tx_burst(t->id, 0, &m, 1), 1);
	assert_int_equal(vmx_device_run(t->dev), 1);
	sent = vmx_device_sent(t->dev);
	assert_non_null(sent);
	wire = vmx_frame_wire(sent);
	free(sent);
	assert_non_null(wire);
	for (const struct vmx_frame *w = wire; w != NULL; w = w->next)
		if (vmx_wire_fault(w->data, w->len) != NULL)
			fail_msg("%s", vmx_wire_fault(w->data, w->len));
	return wire;
}

/* Checksums, whatever was in their fields; IPv4's too, which the device does not do. */
static void
test_tx_checksums(void **state)
{
	struct vmx_setup setup = {.tx_offloads = TX_OFFLOADS, .tx_ring = 64};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (size_t payload = 0; payload < 1400; payload += 13) {
		for (size_t k = 0; k < RTE_DIM(kinds); k++) {
			const size_t l4 = kinds[k].ipv6 ? 54 : 34;
			struct vmx_frame *wire;

			device_frame(&f, kinds[k].protocol, kinds[k].ipv6, payload, NULL);
			before = f;
			memset(f.data + l4 + (kinds[k].protocol == DEVICE_TCP ? 16 : 6), 0xA5, 2);
			if (!kinds[k].ipv6)
				memset(f.data + 24, 0x5A, 2);
			wire = wire_of(&t, wishful(&t, kinds[k].protocol, kinds[k].ipv6, 300));
			assert_int_equal(wire->len, before.len);
			assert_memory_equal(wire->data, before.data, before.len);
			vmx_frame_free(wire);
		}
	}
	vmx_close(&t);
}

/* The payload of all segments is that of the packet. */
static void
test_tso(void **state)
{
	struct vmx_setup setup = {.tx_offloads = TX_OFFLOADS, .tx_ring = 64, .pool_size = 4096};
	const size_t mss = 1460;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (size_t payload = 1000; payload < 40000; payload += 3333) {
		for (int ipv6 = 0; ipv6 < 2; ipv6++) {
			const size_t headers = ipv6 ? 74 : 54;
			struct vmx_frame *wire;
			struct rte_mbuf *m;
			size_t at = headers;

			device_frame(&f, DEVICE_TCP, ipv6, payload, NULL);
			m = wishful(&t, DEVICE_TCP, ipv6, VMX_ROOM);
			m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
			m->tso_segsz = mss;
			wire = wire_of(&t, m);
			for (const struct vmx_frame *w = wire; w != NULL; w = w->next) {
				assert_true(w->len - headers == mss || w->next == NULL);
				assert_memory_equal(w->data + headers, f.data + at,
						    w->len - headers);
				at += w->len - headers;
			}
			assert_int_equal(at, f.len);
			vmx_frame_free(wire);
		}
	}
	vmx_close(&t);
}

static void
test_vlan_insert(void **state)
{
	struct vmx_setup setup = {.tx_offloads = TX_OFFLOADS};
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (size_t k = 0; k < RTE_DIM(kinds); k++) {
		struct vmx_frame *wire;
		struct rte_mbuf *m;

		device_frame(&f, kinds[k].protocol, kinds[k].ipv6, 500, NULL);
		before = f;
		device_frame_tag(&before, 0xA064);
		m = wishful(&t, kinds[k].protocol, kinds[k].ipv6, 200);
		m->ol_flags |= RTE_MBUF_F_TX_VLAN;
		m->vlan_tci = 0xA064;
		wire = wire_of(&t, m);
		assert_int_equal(wire->len, before.len);
		assert_memory_equal(wire->data, before.data, before.len);
		vmx_frame_free(wire);
	}
	vmx_close(&t);
}

/* What the device cannot be told: prepare says why, burst gives it back, nothing is sent. */
static void
assert_refused(struct vmx_test *t, struct rte_mbuf *m, int error)
{
	const uint64_t errors = vmx_errors(t);

	rte_errno = 0;
	assert_int_equal(rte_eth_tx_prepare(t->id, 0, &m, 1), 0);
	assert_int_equal(rte_errno, error);
	assert_int_equal(rte_eth_tx_burst(t->id, 0, &m, 1), 0);
	assert_true(vmx_errors(t) > errors);
	assert_int_equal(vmx_device_run(t->dev), 0);
	rte_pktmbuf_free(m);
}

static void
test_tx_refused(void **state)
{
	struct vmx_setup setup = {.tx_offloads = TX_OFFLOADS, .tx_ring = 64};
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	device_frame(&f, DEVICE_TCP, false, 3000, NULL);

	m = wishful(&t, DEVICE_TCP, false, VMX_ROOM);
	m->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_SCTP_CKSUM;
	assert_refused(&t, m, ENOTSUP);
	m = wishful(&t, DEVICE_TCP, false, VMX_ROOM);
	m->ol_flags |= RTE_MBUF_F_TX_TUNNEL_VXLAN;
	assert_refused(&t, m, ENOTSUP);
	m = wishful(&t, DEVICE_TCP, false, VMX_ROOM);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG; /* no segment size */
	assert_refused(&t, m, EINVAL);
	m = wishful(&t, DEVICE_TCP, false, VMX_ROOM);
	m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	m->tso_segsz = 16384; /* its field has 14 bits */
	assert_refused(&t, m, EINVAL);
	m = wishful(&t, DEVICE_TCP, false, 40); /* headers in two segments */
	assert_refused(&t, m, EINVAL);
	for (size_t segs = 24; segs <= 26; segs++) { /* 24 are the most */
		m = wishful(&t, DEVICE_TCP, false, (f.len + segs - 1) / segs);
		assert_int_equal(m->nb_segs, segs);
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		m->tso_segsz = 1460;
		if (segs <= 24)
			vmx_frame_free(wire_of(&t, m));
		else
			assert_refused(&t, m, EINVAL);
	}
	vmx_assert_works(&t, 10);
	vmx_close(&t);
}

/* In the smallest ring a long packet finds room as soon as the device has sent what was before. */
static void
test_tso_small_ring(void **state)
{
	struct vmx_setup setup = {.tx_offloads = TX_OFFLOADS, .tx_ring = 32, .pool_size = 4096};
	struct vmx_frame *sent;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	for (unsigned int singles = 0; singles < 31; singles++) {
		struct rte_mbuf *m;

		for (unsigned int i = 0; i < singles; i++) {
			device_frame(&f, DEVICE_UDP, false, 100, NULL);
			m = vmx_chain(t.rx_pool, f.data, f.len, VMX_ROOM);
			assert_int_equal(rte_eth_tx_burst(t.id, 0, &m, 1), 1);
			vmx_device_run(t.dev);
		}
		while ((sent = vmx_device_sent(t.dev)) != NULL)
			free(sent);
		device_frame(&f, DEVICE_TCP, false, 23 * 200 - 54, NULL);
		m = wishful(&t, DEVICE_TCP, false, 200);
		assert_int_equal(m->nb_segs, 23);
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		m->tso_segsz = 1460;
		vmx_frame_free(wire_of(&t, m));
	}
	vmx_close(&t);
}

/* ---- receive ---- */

/* The next frame, which is f, and its flags of checksums. */
static uint64_t
flags_of(struct vmx_test *t, const struct vmx_arrival *how, uint32_t *ptype)
{
	const uint64_t all = RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK;
	struct rte_mbuf *m;
	uint64_t flags;

	assert_int_equal(vmx_device_arrive(t->dev, f.data, f.len, how, NULL), VMX_RX_DELIVERED);
	m = vmx_receive(t, 0);
	assert_non_null(m);
	vmx_assert_content(m, f.data, f.len);
	flags = m->ol_flags & all;
	*ptype = m->packet_type;
	rte_pktmbuf_free(m);
	return flags;
}

#define IP_GOOD RTE_MBUF_F_RX_IP_CKSUM_GOOD
#define IP_BAD RTE_MBUF_F_RX_IP_CKSUM_BAD
#define L4_GOOD RTE_MBUF_F_RX_L4_CKSUM_GOOD
#define L4_BAD RTE_MBUF_F_RX_L4_CKSUM_BAD

static void
test_rx_checksums(void **state)
{
	struct vmx_setup setup = {.rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM};
	struct vmx_test t;
	uint32_t ptype;

	(void)state;
	vmx_open(&t, &setup);
	for (size_t k = 0; k < RTE_DIM(kinds); k++) {
		const uint64_t ip = kinds[k].ipv6 ? 0 : IP_GOOD;

		device_frame(&f, kinds[k].protocol, kinds[k].ipv6, 700, NULL);
		assert_int_equal(flags_of(&t, NULL, &ptype), ip | L4_GOOD);
		assert_int_equal(ptype & RTE_PTYPE_L4_MASK, kinds[k].protocol == DEVICE_TCP
								    ? RTE_PTYPE_L4_TCP
								    : RTE_PTYPE_L4_UDP);
		assert_int_equal(RTE_ETH_IS_IPV6_HDR(ptype) != 0, kinds[k].ipv6);
		assert_int_equal(RTE_ETH_IS_IPV4_HDR(ptype) != 0, !kinds[k].ipv6);
		f.data[f.len - 1] ^= 1;
		assert_int_equal(flags_of(&t, NULL, &ptype), ip | L4_BAD);
	}
	device_frame(&f, DEVICE_UDP, false, 100, NULL);
	f.data[22]--; /* time to live */
	assert_int_equal(flags_of(&t, NULL, &ptype), IP_BAD | L4_GOOD);
	f.data[12] = 0x88; /* not IP: nothing is known, and nothing stays of the frame before */
	assert_int_equal(flags_of(&t, NULL, &ptype), 0);
	assert_int_equal(ptype, RTE_PTYPE_UNKNOWN);
	device_frame(&f, DEVICE_UDP, false, 100, NULL);
	f.data[21] ^= 1; /* a fragment, and a header that is wrong now */
	assert_int_equal(flags_of(&t, NULL, &ptype), IP_BAD);
	assert_int_equal(ptype & RTE_PTYPE_L4_MASK, RTE_PTYPE_L4_FRAG);
	vmx_close(&t);
}

/* Not asked for, or not found out by the device (QEMU): not known, neither good nor bad. */
static void
test_rx_checksums_unknown(void **state)
{
	struct vmx_setup setup = {0};
	struct vmx_test t;
	uint32_t ptype;

	(void)state;
	for (int qemu = 0; qemu < 2; qemu++) {
		setup.device.qemu = qemu;
		setup.rx_offloads = qemu ? RTE_ETH_RX_OFFLOAD_CHECKSUM : 0;
		vmx_open(&t, &setup);
		device_frame(&f, DEVICE_TCP, false, 100, NULL);
		assert_int_equal(flags_of(&t, NULL, &ptype), 0);
		if (qemu) {
			const struct vmx_arrival trusted = {.trusted = true};

			assert_int_equal(flags_of(&t, &trusted, &ptype), IP_GOOD | L4_GOOD);
		}
		vmx_close(&t);
	}
}

/* Stripped or left, switched while the port runs and kept over a restart. */
static void
test_vlan_strip(void **state)
{
	struct vmx_setup setup = {.rx_offloads = RTE_ETH_RX_OFFLOAD_VLAN_STRIP};
	struct device_frame tagged;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	device_frame(&f, DEVICE_TCP, false, 300, NULL);
	tagged = f;
	device_frame_tag(&tagged, 0xA064);
	for (int turn = 0; turn < 6; turn++) {
		const bool strip = turn % 2 == 0;
		struct rte_mbuf *m;

		assert_int_equal(
			rte_eth_dev_set_vlan_offload(t.id, strip ? RTE_ETH_VLAN_STRIP_OFFLOAD : 0),
			0);
		if (turn / 2 == 1) {
			vmx_stop(&t);
			vmx_start(&t);
		}
		vmx_device_arrive(t.dev, tagged.data, tagged.len, NULL, NULL);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		assert_int_equal((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0, strip);
		assert_int_equal((m->ol_flags & RTE_MBUF_F_RX_VLAN) != 0, strip);
		if (strip)
			assert_int_equal(m->vlan_tci, 0xA064);
		vmx_assert_content(m, strip ? f.data : tagged.data, strip ? f.len : tagged.len);
		rte_pktmbuf_free(m);
	}
	vmx_close(&t);
}

/* In a frame of several pieces all that is told of it is in the first mbuf, nothing in others. */
static void
test_rx_pieces(void **state)
{
	struct vmx_setup setup = {.room = 256,
				  .rx_offloads = RTE_ETH_RX_OFFLOAD_VLAN_STRIP |
						 RTE_ETH_RX_OFFLOAD_CHECKSUM |
						 RTE_ETH_RX_OFFLOAD_SCATTER};
	struct device_frame tagged;
	struct vmx_test t;

	(void)state;
	vmx_open(&t, &setup);
	device_frame(&f, DEVICE_UDP, false, 1100, NULL);
	tagged = f;
	device_frame_tag(&tagged, 0x2064);
	for (uint32_t i = 0; i < 2 * t.rx_pool->size; i++) {
		struct rte_mbuf *m;

		vmx_device_arrive(t.dev, tagged.data, tagged.len, NULL, NULL);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		vmx_assert_content(m, f.data, f.len);
		assert_int_equal(m->nb_segs, 5);
		assert_true((m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0);
		assert_int_equal(m->vlan_tci, 0x2064);
		assert_int_equal(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, L4_GOOD);
		assert_int_equal(m->packet_type & RTE_PTYPE_L4_MASK, RTE_PTYPE_L4_UDP);
		for (const struct rte_mbuf *seg = m->next; seg != NULL; seg = seg->next)
			assert_int_equal(seg->ol_flags, 0);
		rte_pktmbuf_free(m);
	}
	vmx_close(&t);
}

/* Mbufs that held frames of which much was told, and then hold ones of which nothing is. */
static void
nothing_stale(uint16_t width)
{
	const struct vmx_rx_meta much = {
		.word3 = VMXNET3_RXC3_V4 | VMXNET3_RXC3_TCP | VMXNET3_RXC3_IPC | VMXNET3_RXC3_TUC,
		.csum_known = true,
		.rss_type = 1,
		.rss_hash = 0x12345678,
	};
	const struct rte_eth_rss_conf rss = {.rss_hf = RTE_ETH_RSS_IPV4};
	struct vmx_setup setup = {.device.versions = V2,
				  .rss = &rss,
				  .rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM |
						 RTE_ETH_RX_OFFLOAD_RSS_HASH};
	struct rte_mbuf *m[8];
	struct vmx_test t;

	rte_vect_set_max_simd_bitwidth(width);
	vmx_open(&t, &setup);
	device_frame(&f, DEVICE_TCP, false, 300, NULL);
	for (uint32_t i = 0; i < 2 * t.rx_pool->size; i += RTE_DIM(m)) {
		const bool told = i < t.rx_pool->size; /* of each mbuf once, then of none */

		for (size_t k = 0; k < RTE_DIM(m); k++)
			vmx_device_rx(t.dev, 0, f.data, f.len, told ? &much : NULL);
		assert_int_equal(rte_eth_rx_burst(t.id, 0, m, RTE_DIM(m)), RTE_DIM(m));
		for (size_t k = 0; k < RTE_DIM(m); k++) {
			assert_int_equal(m[k]->packet_type != RTE_PTYPE_UNKNOWN, told);
			assert_int_equal(m[k]->ol_flags != 0, told);
		}
		rte_pktmbuf_free_bulk(m, RTE_DIM(m));
	}
	vmx_close(&t);
}

static void
test_rx_nothing_stale(void **state)
{
	(void)state;
	nothing_stale(RTE_VECT_SIMD_DISABLED);
	nothing_stale(RTE_VECT_SIMD_256);
	nothing_stale(RTE_VECT_SIMD_512);
}

/* Whatever the device says of protocols: the types a frame gets are among those announced, all of
 * these occur, and a checksum is only told of whole packets of TCP and UDP. */
static void
test_ptypes_announced(void **state)
{
	struct vmx_setup setup = {.rx_offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM};
	uint32_t announced[32], seen[32] = {0};
	struct vmx_test t;
	int num;

	(void)state;
	vmx_open(&t, &setup);
	device_frame(&f, DEVICE_TCP, false, 300, NULL);
	num = rte_eth_dev_get_supported_ptypes(t.id, RTE_PTYPE_ALL_MASK, announced, 32);
	assert_in_range(num, 1, 32);
	for (uint32_t bits = 0; bits < 0x80; bits++) {
		const struct vmx_rx_meta meta = {.word3 = bits << 16, .csum_known = true};
		const uint32_t l4 = (bits << 16) & (VMXNET3_RXC3_TCP | VMXNET3_RXC3_UDP);
		uint32_t rest, flags;
		struct rte_mbuf *m;

		vmx_device_rx(t.dev, 0, f.data, f.len, &meta);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		rest = m->packet_type;
		flags = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
		rte_pktmbuf_free(m);
		for (int i = 0; i < num; i++) {
			const uint32_t layer =
				(announced[i] & RTE_PTYPE_L2_MASK) != 0	  ? RTE_PTYPE_L2_MASK
				: (announced[i] & RTE_PTYPE_L3_MASK) != 0 ? RTE_PTYPE_L3_MASK
									  : RTE_PTYPE_L4_MASK;

			if ((rest & layer) != announced[i])
				continue;
			rest &= ~layer;
			seen[i]++;
		}
		assert_int_equal(rest, 0);
		if (l4 == 0 || (meta.word3 & VMXNET3_RXC3_FRG) != 0)
			assert_int_equal(flags, 0);
	}
	for (int i = 0; i < num; i++)
		assert_true(seen[i] > 0);
	vmx_close(&t);
}

/* Merged frames: the segment size as told, or what it must have been before version 2. */
static void
test_lro(void **state)
{
	static const uint32_t versions[] = {1, V2};
	const size_t part = 1000, parts = 20;
	struct device_frame *train = calloc(parts, sizeof(*train));
	struct vmx_train list[20];
	struct vmx_test t;

	(void)state;
	assert_non_null(train);
	for (size_t i = 0; i < parts; i++) {
		const struct device_flow flow = {.seq = 1 + i * part};

		device_frame(&train[i], DEVICE_TCP, false, part, &flow);
		list[i] = (struct vmx_train){train[i].data, train[i].len};
	}
	for (size_t v = 0; v < RTE_DIM(versions); v++) {
		struct vmx_setup setup = {.device.versions = versions[v],
					  .rx_ring = 128,
					  .rx_offloads = RTE_ETH_RX_OFFLOAD_TCP_LRO};
		struct rte_mbuf *m;

		vmx_open(&t, &setup);
		assert_int_equal(vmx_device_arrive_train(t.dev, list, parts), 1);
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		assert_int_equal(m->pkt_len, 54 + parts * part);
		assert_true((m->ol_flags & RTE_MBUF_F_RX_LRO) != 0);
		assert_int_equal(m->tso_segsz, versions[v] == V2 ? part : 1500 - 40);
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

/* Merged, and in one buffer all the same. */
static void
test_lro_one_buffer(void **state)
{
	static struct device_frame train[3];
	struct vmx_setup setup = {
		.room = 8192, .rx_ring = 128, .rx_offloads = RTE_ETH_RX_OFFLOAD_TCP_LRO};
	struct vmx_train list[3];
	struct rte_mbuf *m;
	struct vmx_test t;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(train); i++) {
		const struct device_flow flow = {.seq = 1 + i * 1000};

		device_frame(&train[i], DEVICE_TCP, false, 1000, &flow);
		list[i] = (struct vmx_train){train[i].data, train[i].len};
	}
	vmx_open(&t, &setup);
	for (int turn = 0; turn < 8; turn++)
		assert_int_equal(vmx_device_arrive_train(t.dev, list, RTE_DIM(train)), 1);
	for (int turn = 0; turn < 8; turn++) {
		m = vmx_receive(&t, 0);
		assert_non_null(m);
		assert_int_equal(m->nb_segs, 1);
		assert_int_equal(m->pkt_len, 54 + 3000);
		assert_true((m->ol_flags & RTE_MBUF_F_RX_LRO) != 0);
		assert_int_equal(m->tso_segsz, 1500 - 40);
		rte_pktmbuf_free(m);
	}
	vmx_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_tx_checksums),
		VMX_TEST(test_tso),
		VMX_TEST(test_vlan_insert),
		VMX_TEST(test_tx_refused),
		VMX_TEST(test_tso_small_ring),
		VMX_TEST(test_rx_checksums),
		VMX_TEST(test_rx_checksums_unknown),
		VMX_TEST(test_vlan_strip),
		VMX_TEST(test_rx_pieces),
		VMX_TEST(test_rx_nothing_stale),
		VMX_TEST(test_ptypes_announced),
		VMX_TEST(test_lro),
		VMX_TEST(test_lro_one_buffer),
	};

	return VMX_RUN(tests);
}
