/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A guest of which the test plays both directions: it offers frames in parts of any length and
 * posts buffers of any length, and the host forwards its frames to itself as a switch would.
 */
#ifndef PORT_FORWARD_H
#define PORT_FORWARD_H

#include <pvn_switch.h>

#include "port_frames.h"
#include "port_hostile.h"

#define FWD_OFFSET 4096u /* of frames in the transmit pool, and of buffers in the receive pool */
#define FWD_STRIDE 3072u
#define FWD_TCI 0xa123

/* New rings, and counters from 0. */
void fwd_begin(void);

/* Offers `len` bytes at an offset of the transmit pool as the next frame: `ones` parts of a byte
 * each, then one of `first` bytes if that is not 0, then parts of `part` bytes. `hdr` may be NULL.
 * The guest sees to it that there are at most 34.
 */
void fwd_offer_parts(size_t offset, uint32_t len, uint32_t ones, uint32_t first, uint32_t part,
		     const struct raw_hdr *hdr);

/* In one. */
void fwd_offer(size_t offset, uint32_t len);

/* Posts `count` more buffers of `len` bytes each. */
void fwd_post(uint32_t count, uint32_t len);

/* The next frame that came, put together. False if there is none. */
struct fwd_got {
	uint32_t len, buffers;
	bool has_hdr;
	struct raw_hdr hdr;
	uint8_t data[PORT_LONGEST + 64];
};

bool fwd_collect(struct fwd_got *g);

/* The next frame is this, without a header unless it needed several buffers. */
void fwd_assert_got(const uint8_t *want, uint32_t len);

/* Nothing came. */
void fwd_assert_nothing(void);

/* The frame with another tag: what is sent of it, in its own head. */
struct pvn_host_out fwd_retag(struct pvn_host_frame *f, enum pvn_switch_tag_op op);

/* The same by hand; how long it is then. */
uint32_t fwd_expect(uint8_t *to, const uint8_t *frame, uint32_t len, enum pvn_switch_tag_op op);

/* What a switch does: all frames that there are, back to the guest. */
void fwd_all(enum pvn_switch_tag_op op, struct pvn_host_sent *sent);

#endif /* PORT_FORWARD_H */
