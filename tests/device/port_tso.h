/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * One TSO frame for tests, and a check of the segments it becomes: header byte by header byte, with
 * checksums added up without a look at the code under test or at DPDK's.
 */
#ifndef PORT_TSO_H
#define PORT_TSO_H

#include "port_fixture.h"

struct tso_shape {
	bool ipv6;
	bool vlan;
	uint8_t ip_options; /* bytes; IPv6: an extension header */
	uint8_t tcp_options;
	uint16_t payload;
	uint16_t segsz;
	uint8_t flags; /* of TCP */
};

/* The frame. */
extern struct tso {
	struct tso_shape shape;
	uint32_t l2, l3, l4, headers, len, segments;
	uint8_t data[PORT_LONGEST];
} tso;

void tso_make(const struct tso_shape *s);

/* In mbufs of at most `room` bytes each, with the wish to have it segmented. */
struct rte_mbuf *tso_ask(struct rte_mempool *pool, size_t room);

/* Bytes of payload in segment `i`. */
uint32_t tso_payload_of(uint32_t i);

/* `got` is segment `i`. `hinted`: its TCP checksum is to be computed by whoever gets it. */
void tso_assert_segment(uint8_t *got, uint32_t len, uint32_t i, bool hinted);

/* ---- a way it goes ---- */

struct tso_way {
	bool zero_copy;
	bool own_pool;
	bool to_host;
};

#define TSO_WAYS 8

struct tso_way tso_way(uint32_t bits);

struct rte_mempool *tso_source(struct port *p, const struct tso_way *w);
uint16_t tso_send(struct port *p, const struct tso_way *w, struct rte_mbuf *m);

/* All segments of the frame arrive, and nothing else. */
void tso_assert_all_arrive(struct port *p, const struct tso_way *w, bool hinted);

/* Sends the frame; all arrives and is counted. */
void tso_pass(struct port *p, const struct tso_way *w, size_t room, bool hinted);

/* A counter of the queue that sends. */
uint64_t tso_counter(const struct port *p, const struct tso_way *w, size_t guest, size_t host);

#define TSO_COUNTER(p, w, name)                                                                    \
	tso_counter(p, w, offsetof(struct pvn_guest_txq, stats.name),                              \
		    offsetof(struct pvn_host_txq, stats.name))

#endif /* PORT_TSO_H */
