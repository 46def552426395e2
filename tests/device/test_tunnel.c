/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Packets in VXLAN and Geneve, sent: checksums and segments inside, checksums outside. Judged by
 * what goes out on the wire, and by what the device was told.
 */
#include <stdlib.h>

#include "tunnel_frames.h"
#include "vmx_packet.h"

/* What the device was told [VMX3 7.3]. */
static void
check_told(const struct vmx_frame *sent, const struct tunnel_wish *w, unsigned int version)
{
	const size_t l4_len = w->protocol == DEVICE_TCP ? 20 : 8;
	const size_t field = tunnel_inner_l4(w) + (w->protocol == DEVICE_TCP ? 16 : 6);

	assert_int_equal(sent->header_len, tunnel_inner_l4(w) + l4_len);
	assert_int_equal(sent->outer_csum, w->outer_csum);
	assert_int_equal(sent->inner, version >= 7);
	if (version < 7) {
		assert_int_equal(sent->offload_mode, VMXNET3_OM_ENCAP);
		assert_int_equal(sent->mss_or_offset, w->mss);
	} else if (w->mss != 0) {
		assert_int_equal(sent->offload_mode, VMXNET3_OM_TSO);
		assert_int_equal(sent->mss_or_offset, w->mss);
	} else {
		assert_int_equal(sent->offload_mode, VMXNET3_OM_CSUM);
		assert_int_equal(sent->mss_or_offset, field);
	}
}

static void
check_wire(const struct vmx_frame *wire, const struct tunnel_wish *w)
{
	const size_t headers = tunnel_inner_l4(w) + (w->protocol == DEVICE_TCP ? 20 : 8);
	size_t at = headers;

	if (w->mss == 0) {
		assert_null(wire->next);
		assert_int_equal(wire->len, tunnel_wanted.len);
		assert_memory_equal(wire->data, tunnel_wanted.data, tunnel_wanted.len);
		return;
	}
	for (; wire != NULL; wire = wire->next) {
		const uint8_t *sum = wire->data + tunnel_outer_l4(w) + 6;

		if (vmx_wire_fault(wire->data, wire->len) != NULL)
			fail_msg("%s", vmx_wire_fault(wire->data, wire->len));
		assert_int_equal(vmx_get16(sum) != 0, w->outer_csum);
		assert_true(wire->len - headers == w->mss || wire->next == NULL);
		assert_memory_equal(wire->data + headers, tunnel_wanted.data + at,
				    wire->len - headers);
		at += wire->len - headers;
	}
	assert_int_equal(at, tunnel_wanted.len);
}

static void
test_all(void **state)
{
	static const unsigned int versions[] = {4, 6, 7, 9};
	struct vmx_setup setup;
	struct vmx_test t;
	struct tunnel_wish w;

	(void)state;
	for (size_t v = 0; v < RTE_DIM(versions); v++) {
		tunnel_setup(&setup, versions[v], ALL_CAPS);
		setup.tx_offloads |= TNL_TSO | OUTER;
		vmx_open(&t, &setup);
		for (unsigned int i = 0; tunnel_wish_at(&w, i); i++) {
			for (size_t payload = 1; payload < 1300; payload += 433) {
				struct vmx_frame *sent, *wire;

				tunnel_frame(&w, w.mss == 0 ? payload : 9 * payload);
				sent = tunnel_send(
					&t, tunnel_mbuf(&t, &w, i % 3 == 0 ? 400 : VMX_ROOM));
				check_told(sent, &w, versions[v]);
				wire = vmx_frame_wire(sent);
				assert_non_null(wire);
				check_wire(wire, &w);
				vmx_frame_free(wire);
				free(sent);
			}
		}
		vmx_close(&t);
	}
}

/* Its checksum is as that of any UDP; and IPv4's, inside and outside, are the driver's. */
static void
test_outer_only(void **state)
{
	struct vmx_setup setup;
	struct vmx_test t;

	(void)state;
	tunnel_setup(&setup, 7, ALL_CAPS);
	vmx_open(&t, &setup);
	for (unsigned int i = 0; i < 8; i++) {
		const struct tunnel_wish w = {.outer6 = i % 2 != 0,
					      .geneve = i / 2 % 2 != 0,
					      .outer_csum = i / 4 != 0,
					      .protocol = DEVICE_UDP};
		struct vmx_frame *sent, *wire;
		struct rte_mbuf *m;

		tunnel_frame(&w, 700);
		memcpy(tunnel_sent.data + tunnel_inner_l4(&w),
		       tunnel_wanted.data + tunnel_inner_l4(&w), 8);
		m = tunnel_mbuf(&t, &w, 400);
		m->ol_flags &= ~RTE_MBUF_F_TX_L4_MASK;
		sent = tunnel_send(&t, m);
		assert_false(sent->inner);
		wire = vmx_frame_wire(sent);
		assert_non_null(wire);
		check_wire(wire, &w);
		vmx_frame_free(wire);
		free(sent);
	}
	vmx_close(&t);
}

/* A tag, put in around all of it. */
static void
test_tag(void **state)
{
	struct vmx_setup setup;
	struct vmx_test t;

	(void)state;
	for (unsigned int version = 4; version <= 7; version += 3) {
		struct vmx_frame *sent;
		struct rte_mbuf *m;

		tunnel_setup(&setup, version, ALL_CAPS);
		vmx_open(&t, &setup);
		tunnel_frame(&tunnel_usual, 300);
		m = tunnel_mbuf(&t, &tunnel_usual, VMX_ROOM);
		m->ol_flags |= RTE_MBUF_F_TX_VLAN;
		m->vlan_tci = 0xA064;
		sent = tunnel_send(&t, m);
		assert_true(sent->insert_tag);
		assert_int_equal(sent->tci, 0xA064);
		check_told(sent, &tunnel_usual, version);
		free(sent);
		vmx_close(&t);
	}
}

/* In one burst with others: in order, up to the first that can never be. */
static void
test_mixed_burst(void **state)
{
	enum { NUM = 32 };
	struct vmx_setup setup;
	struct rte_mbuf *m[NUM];
	struct vmx_frame *sent;
	struct vmx_test t;
	uint64_t errors;

	(void)state;
	tunnel_setup(&setup, 7, ALL_CAPS);
	vmx_open(&t, &setup);
	for (unsigned int bad = 1; bad <= NUM; bad += 3) {
		for (unsigned int i = 0; i < NUM; i++) {
			tunnel_frame(&tunnel_usual, 100 + i);
			m[i] = tunnel_mbuf(&t, &tunnel_usual, VMX_ROOM);
			if (i / 3 % 2 == 0 && i != bad)
				m[i]->ol_flags = 0;
			else
				assert_int_equal(rte_eth_tx_prepare(t.id, 0, &m[i], 1), 1);
			if (i == bad)
				m[i]->l2_len--;
		}
		errors = vmx_stats(&t).oerrors;
		assert_int_equal(rte_eth_tx_burst(t.id, 0, m, NUM), bad < NUM ? bad : NUM);
		assert_int_equal(vmx_stats(&t).oerrors - errors, bad < NUM ? 1 : 0);
		vmx_device_run(t.dev);
		for (unsigned int i = 0; i < NUM && i < bad; i++) {
			sent = vmx_device_sent(t.dev);
			assert_non_null(sent);
			assert_int_equal(sent->len, tunnel_sent.inner + 54 + 100 + i);
			assert_int_equal(sent->inner, i / 3 % 2 != 0);
			free(sent);
		}
		assert_null(vmx_device_sent(t.dev));
		if (bad < NUM)
			rte_pktmbuf_free_bulk(m + bad, NUM - bad);
	}
	vmx_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		VMX_TEST(test_all),
		VMX_TEST(test_outer_only),
		VMX_TEST(test_tag),
		VMX_TEST(test_mixed_burst),
	};

	return VMX_RUN(tests);
}
