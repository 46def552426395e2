/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * IP frames for the tests of the device model, made by hand.
 */
#ifndef DEVICE_FRAMES_H
#define DEVICE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_FRAME_MAX 65000

/* IP protocols. */
#define DEVICE_TCP 6
#define DEVICE_UDP 17
#define DEVICE_ESP 50

struct device_frame {
	size_t len;
	size_t inner; /* of a tunnel: where the inner frame begins */
	uint8_t data[DEVICE_FRAME_MAX];
};

struct device_flow {
	uint16_t src_port;
	uint16_t dst_port;
	uint32_t seq;
	uint8_t tcp_flags; /* 0 means ACK */
};

/*
 * Ethernet to 00:50:56:00:00:01, IPv4 (20 bytes) or IPv6 (40), the protocol's header, and `payload`
 * bytes that are a function of the sequence number. Checksums are right. flow may be NULL.
 */
void device_frame(struct device_frame *f, uint8_t protocol, bool ipv6, size_t payload,
		  const struct device_flow *flow);

/* Lengths as they are, checksums filled in anew. */
void device_frame_seal(struct device_frame *f);

/* The same frame with a tag behind its addresses. */
void device_frame_tag(struct device_frame *f, uint16_t tci);

/* The same frame inside of VXLAN or Geneve (with 8 bytes of options) over UDP. */
void device_frame_wrap(struct device_frame *f, bool ipv6, bool geneve, bool outer_csum);

/*
 * What a driver has to leave for the device: the pseudo header's sum in the checksum field, with
 * the length or, for TSO, without it and with the IPv4 checksum 0. Of the frame at `from`.
 */
void device_frame_for_csum(struct device_frame *f, size_t from);
void device_frame_for_tso(struct device_frame *f, size_t from);

#endif /* DEVICE_FRAMES_H */
