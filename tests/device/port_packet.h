/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * TCP and UDP frames for tests, and checksums that are computed without a look at the code under
 * test or at DPDK's: byte by byte, as RFC 1071 says.
 */
#ifndef PORT_PACKET_H
#define PORT_PACKET_H

#include "port_fixture.h"

struct packet_kind {
	bool ipv6;
	bool tcp; /* else UDP */
	bool vlan;
	uint16_t payload;
	uint16_t padding; /* bytes after the IP packet, not all zero */
};

struct packet {
	struct packet_kind kind;
	uint32_t len;
	uint32_t l2_len, l3_len, l4_len;
	uint32_t csum_at; /* of the TCP or UDP checksum */
	uint8_t data[PORT_LONGEST + 64];
};

/* A frame with right checksums. */
void packet_make(struct packet *pk, const struct packet_kind *kind);

/* With every checksum spoilt, so that something has to be done about them. */
void packet_spoil(struct packet *pk);

/* As the frame of a peer that leaves the checksum to us: the pseudo header's sum stands there. */
void packet_blank(struct packet *pk);

/* Puts the right TCP or UDP checksum where a net header said that it is missing. */
void packet_finish(uint8_t *frame, uint32_t len, uint32_t csum_start, uint32_t csum_offset);

/* The flags and lengths with which an application asks for the checksums of this frame. */
void packet_ask(const struct packet *pk, struct rte_mbuf *m);
void packet_ask_tso(const struct packet *pk, struct rte_mbuf *m, uint16_t segment);

/* What arrived is this frame, and right once its checksum is put in, with hints that say so. */
void packet_assert_hinted(const struct rte_mbuf *m, const struct packet *pk);

/* What arrived is this frame with right checksums, and no hints. */
void packet_assert_plain(const struct rte_mbuf *m, const struct packet *pk);

#endif /* PORT_PACKET_H */
