/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Checksums and segmentation over both ethdevs of a wire, any wire: what one end leaves to be done
 * reaches an application that takes it, and is done for one that does not. Both ends are in this
 * process; they are plugged in and out for each setting, and then hold nothing of ours.
 *
 *   offloads EAL-ARGS -- HOST-DEVARGS GUEST-DEVARGS
 *
 * port_packet.c and port_tso.c know what must arrive, without a look at the code under test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "port_packet.h"
#include "port_tso.h"

#define MBUFS 1023
#define CKSUM (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define LRO RTE_ETH_RX_OFFLOAD_TCP_LRO
#define PATIENCE_US 20000000
#define LOOK_US 100

enum takes { TAKES_NOTHING, TAKES_CHECKSUMS, TAKES_LONG_FRAMES };

struct end {
	const char *devargs;
	char name[64];
	uint16_t port;
	enum takes takes;
};

static struct end host, guest;
static struct rte_mempool *pool;

/* ---- plugged in and out ---- */

static void
plug(struct end *end, enum takes takes)
{
	const struct rte_eth_conf conf = {
		.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER |
				   (takes == TAKES_CHECKSUMS ? CKSUM : 0) |
				   (takes == TAKES_LONG_FRAMES ? LRO : 0),
		.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM |
				   RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
				   RTE_ETH_TX_OFFLOAD_TCP_TSO,
	};

	end->takes = takes;
	snprintf(end->name, sizeof(end->name), "%.*s", (int)strcspn(end->devargs, ","),
		 end->devargs);
	assert_int_equal(rte_dev_probe(end->devargs), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(end->name, &end->port), 0);
	assert_int_equal(rte_eth_dev_configure(end->port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(end->port, 0, 0, SOCKET_ID_ANY, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(end->port, 0, 0, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start(end->port), 0);
}

static void
unplug(struct end *end)
{
	struct rte_eth_dev_info info;

	assert_int_equal(rte_eth_dev_info_get(end->port, &info), 0);
	assert_int_equal(rte_eth_dev_stop(end->port), 0);
	assert_int_equal(rte_eth_dev_close(end->port), 0);
	assert_int_equal(rte_dev_remove(info.device), 0);
}

static void
wait_for_link(const struct end *end)
{
	struct rte_eth_link link = {0};

	for (int us = 0; us < PATIENCE_US && link.link_status != RTE_ETH_LINK_UP; us += LOOK_US) {
		usleep(LOOK_US);
		assert_int_equal(rte_eth_link_get_nowait(end->port, &link), 0);
	}
	assert_int_equal(link.link_status, RTE_ETH_LINK_UP);
}

/* ---- frames ---- */

static void
send_one(const struct end *from, struct rte_mbuf *m)
{
	int us = 0;

	while (rte_eth_tx_burst(from->port, 0, &m, 1) == 0) {
		usleep(LOOK_US);
		assert_true((us += LOOK_US) < PATIENCE_US);
	}
}

static struct rte_mbuf *
receive_one(const struct end *to)
{
	struct rte_mbuf *m;
	int us = 0;

	while (rte_eth_rx_burst(to->port, 0, &m, 1) == 0) {
		usleep(LOOK_US);
		assert_true((us += LOOK_US) < PATIENCE_US);
	}
	return m;
}

static void
pass(const struct end *from, const struct end *to, const struct packet_kind *kind)
{
	static struct packet want, sent;
	struct rte_mbuf *m;

	packet_make(&want, kind);
	sent = want;
	packet_spoil(&sent);
	m = port_chain(pool, sent.data, sent.len, 333);
	assert_non_null(m);
	packet_ask(&sent, m);
	send_one(from, m);
	m = receive_one(to);
	(to->takes == TAKES_NOTHING ? packet_assert_plain : packet_assert_hinted)(m, &want);
	rte_pktmbuf_free(m);
}

/* Whole to whom takes it so, else in segments. */
static void
pass_long(const struct end *from, const struct end *to, bool ipv6)
{
	const struct tso_shape shape = {.ipv6 = ipv6, .payload = 30000, .segsz = 1400};
	static uint8_t flat[PORT_LONGEST];
	struct rte_mbuf *m;

	tso_make(&shape);
	send_one(from, tso_ask(pool, 2048));
	if (to->takes == TAKES_LONG_FRAMES) {
		m = receive_one(to);
		assert_int_equal(m->pkt_len, tso.len);
		assert_int_equal(m->tso_segsz, shape.segsz);
		assert_true((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
		rte_pktmbuf_free(m);
		return;
	}
	for (uint32_t i = 0; i < tso.segments; i++) {
		m = receive_one(to);
		assert_true(m->pkt_len <= sizeof(flat));
		memmove(flat, rte_pktmbuf_read(m, 0, m->pkt_len, flat), m->pkt_len);
		tso_assert_segment(flat, m->pkt_len, i, to->takes == TAKES_CHECKSUMS);
		rte_pktmbuf_free(m);
	}
}

static void
pass_all(const struct end *from, const struct end *to)
{
	static const uint16_t payloads[] = {0, 1, 700, 1437};

	for (uint32_t bits = 0; bits < 8; bits++)
		for (size_t i = 0; i < RTE_DIM(payloads); i++) {
			const struct packet_kind kind = {.ipv6 = (bits & 1) != 0,
							 .tcp = (bits & 2) != 0,
							 .vlan = (bits & 4) != 0,
							 .payload = payloads[i]};

			pass(from, to, &kind);
		}
	pass_long(from, to, false);
	pass_long(from, to, true);
}

/* Whatever each end takes; either one may be unplugged first. */
static void
test_offloads(void **state)
{
	(void)state;
	for (int turn = 0; turn < 9; turn++) {
		plug(&host, (enum takes)(turn / 3));
		plug(&guest, (enum takes)(turn % 3));
		wait_for_link(&host);
		wait_for_link(&guest);
		pass_all(&guest, &host);
		pass_all(&host, &guest);
		unplug(turn % 2 ? &host : &guest);
		unplug(turn % 2 ? &guest : &host);
		assert_int_equal(rte_eth_dev_count_avail(), 0);
		assert_int_equal(rte_mempool_avail_count(pool), MBUFS);
	}
}

int
main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_offloads)};
	int used = rte_eal_init(argc, argv), failed;

	if (used < 0 || argc - used != 3)
		return 2;
	host.devargs = argv[used + 1];
	guest.devargs = argv[used + 2];
	pool = rte_pktmbuf_pool_create("offloads", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	if (pool == NULL)
		return 2;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rte_eal_cleanup();
	return failed;
}
