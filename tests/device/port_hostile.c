/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "port_hostile.h"

#include <string.h>

struct port hostile, neighbour;
struct raw_ring to_host, to_guest;

void
hostile_open(const struct port_setup *setup)
{
	struct port_setup s = *setup;

	s.no_guest = true;
	s.rx_ring = s.rx_ring == 0 ? RING : s.rx_ring;
	s.tx_ring = s.tx_ring == 0 ? RING : s.tx_ring;
	s.mtu = MTU;
	s.rx_pages = s.tx_pages = POOL_PAGES;
	s.host_mbufs = 256;
	port_open(&hostile, &s);
	port_open(&neighbour, NULL);
	to_host = (struct raw_ring){
		hostile.tx_rings[0].guest + hostile.tx_rings[0].size - raw_bytes(s.tx_ring),
		s.tx_ring};
	to_guest = (struct raw_ring){
		hostile.rx_rings[0].guest + hostile.rx_rings[0].size - raw_bytes(s.rx_ring),
		s.rx_ring};
}

/* Both rings as they are after a new connection; counters stay. */
void
hostile_begin(void)
{
	raw_clear(&to_host);
	raw_clear(&to_guest);
	port_start_host(&hostile);
	memset(&hostile.hrx[0].stats, 0, sizeof(hostile.hrx[0].stats));
	memset(&hostile.htx[0].stats, 0, sizeof(hostile.htx[0].stats));
}

void
hostile_assert_harmless(void)
{
	port_assert_all_back(&hostile);
	port_assert_works(&neighbour, 8);
	port_assert_all_back(&neighbour);
}

void
hostile_close(void)
{
	port_close(&hostile);
	port_close(&neighbour);
}

uint8_t *
hostile_page(int pool, size_t offset)
{
	return hostile.pools[pool].guest + offset;
}

/* A right frame at an offset of the guest's transmit pool. */
void
hostile_put_frame(size_t offset, size_t len, uint32_t seed)
{
	uint8_t frame[FRAME_MAX + 100];

	port_frame(&hostile, frame, sizeof(frame), seed);
	memcpy(hostile_page(TX, offset), frame, len);
}

uint64_t
hostile_counter(const void *queue, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)queue + offset, sizeof(value));
	return value;
}

void
hostile_check_rx(const char *name, enum pvn_vring_fault fault, size_t at)
{
	const struct pvn_host_rxq *q = &hostile.hrx[0];
	struct rte_mbuf *m[PORT_BURST];
	uint16_t n = port_host_rx(&hostile, m, PORT_BURST);

	n += port_host_rx(&hostile, m + n, PORT_BURST - n); /* again: nothing more is counted */
	rte_pktmbuf_free_bulk(m, n);
	if (n != (at == NO_COUNTER))
		fail_msg("%s: %u frames", name, n);
	if (q->ring.fault != fault)
		fail_msg("%s: %s", name, pvn_vring_fault_text(q->ring.fault));
	if (at != NO_COUNTER && hostile_counter(q, at) != 1)
		fail_msg("%s: not in its counter", name);
	if (port_host_rx_total(q) != 1)
		fail_msg("%s: counted %u times", name, (unsigned int)port_host_rx_total(q));
	if (raw_used(&to_host) != (fault == FAULT(NONE)))
		fail_msg("%s: used %u", name, raw_used(&to_host));
	hostile_assert_harmless();
}
