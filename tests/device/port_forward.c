/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "port_forward.h"

#include <string.h>

#define UNTOUCHED 0x5c /* what stands in buffers, and around them, when they are posted */

/* Where the guest is in its rings. */
static struct {
	uint16_t frames, descs; /* offered */
	uint16_t posted, taken; /* buffers */
} at;

void
fwd_begin(void)
{
	hostile_begin();
	memset(&at, 0, sizeof(at));
}

void
fwd_offer_parts(size_t offset, uint32_t len, uint32_t ones, uint32_t first, uint32_t part,
		const struct raw_hdr *hdr)
{
	uint32_t done = 0, n;

	if (hdr != NULL)
		raw_hdr_put(hostile_page(TX, offset), hdr);
	for (uint32_t i = 0; done < len; i++, done += n) {
		n = i < ones ? 1 : i == ones && first > 0 ? first : part;
		n = RTE_MIN(n, len - done);
		raw_desc(&to_host, at.descs++, AT(TX, offset + done), n,
			 (i == 0 && hdr != NULL ? RAW_HDR : 0) | (done + n < len ? RAW_NEXT : 0));
	}
	raw_avail_set(&to_host, ++at.frames);
}

void
fwd_offer(size_t offset, uint32_t len)
{
	fwd_offer_parts(offset, len, 0, 0, len, NULL);
}

void
fwd_post(uint32_t count, uint32_t len)
{
	for (uint32_t i = 0; i < count; i++, at.posted++) {
		const size_t offset = FWD_OFFSET + at.posted % to_guest.size * FWD_STRIDE;

		memset(hostile_page(RX, offset) - RAW_HDR_BYTES, UNTOUCHED, FWD_STRIDE);
		raw_desc(&to_guest, at.posted, AT(RX, offset), len, RAW_WRITE);
	}
	raw_avail_set(&to_guest, at.posted);
}

/* The next buffer, with nothing written behind its data. */
static uint8_t *
next_buffer(uint32_t *word)
{
	uint8_t *data;

	*word = raw_used_len(&to_guest, at.taken);
	assert_int_equal(raw_used_id(&to_guest, at.taken), at.taken % to_guest.size);
	data = hostile_page(RX, raw_desc_addr(&to_guest, at.taken++) & FAR);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(data[(*word & ~RAW_USED_HDR) + i], UNTOUCHED);
	return data;
}

bool
fwd_collect(struct fwd_got *g)
{
	uint32_t word;
	uint8_t *data;

	if (raw_used(&to_guest) == at.taken)
		return false;
	data = next_buffer(&word);
	g->has_hdr = (word & RAW_USED_HDR) != 0;
	g->len = word & ~RAW_USED_HDR;
	g->buffers = 1;
	memcpy(g->data, data, g->len);
	if (!g->has_hdr) {
		assert_int_equal(data[-1], UNTOUCHED);
		return true;
	}
	raw_hdr_get(data, &g->hdr);
	for (; g->buffers < g->hdr.num_buffers; g->buffers++) {
		assert_int_not_equal(raw_used(&to_guest), at.taken);
		data = next_buffer(&word);
		assert_true(g->len + word <= sizeof(g->data));
		memcpy(g->data + g->len, data, word);
		g->len += word;
	}
	return true;
}

void
fwd_assert_got(const uint8_t *want, uint32_t len)
{
	static struct fwd_got got;

	assert_true(fwd_collect(&got));
	assert_int_equal(got.len, len);
	assert_memory_equal(got.data, want, len);
	assert_int_equal(got.has_hdr, got.buffers > 1);
	if (got.has_hdr)
		assert_true(got.hdr.flags == 0 && got.hdr.gso_type == 0 &&
			    got.hdr.csum_start == 0 && got.hdr.hdr_len == 0);
}

void
fwd_assert_nothing(void)
{
	assert_int_equal(raw_used(&to_guest), at.taken);
}

struct pvn_host_out
fwd_retag(struct pvn_host_frame *f, enum pvn_switch_tag_op op)
{
	struct pvn_host_out out = port_out(f);

	memmove(f->copy, f->head, f->head_len);
	out.head = pvn_switch_retag(f->copy, op, FWD_TCI);
	out.shift = f->copy - out.head;
	out.head_len += out.shift;
	return out;
}

uint32_t
fwd_expect(uint8_t *to, const uint8_t *frame, uint32_t len, enum pvn_switch_tag_op op)
{
	const uint8_t tag[] = {0x81, 0x00, FWD_TCI >> 8, FWD_TCI & 0xff};
	const uint32_t put = op == PVN_SWITCH_TAG_PUSH ? 4 : 0;
	const uint32_t skip = op == PVN_SWITCH_TAG_POP ? 4 : 0;

	memcpy(to, frame, 12);
	memcpy(to + 12, tag, put);
	memcpy(to + 12 + put, frame + 12 + skip, len - 12 - skip);
	if (op == PVN_SWITCH_TAG_REWRITE)
		memcpy(to + 14, tag + 2, 2);
	return len + put - skip;
}

void
fwd_all(enum pvn_switch_tag_op op, struct pvn_host_sent *sent)
{
	struct pvn_host_out outs[PVN_HOST_BURST];
	static struct pvn_host_burst b;

	*sent = (struct pvn_host_sent){0};
	while (pvn_host_peek(&hostile.hrx[0], &b, PVN_HOST_BURST)) {
		struct pvn_host_sent one;

		for (uint16_t i = 0; i < b.count; i++) {
			port_assert_frame(&hostile, &b.frame[i]);
			outs[i] = fwd_retag(&b.frame[i], op);
		}
		pvn_host_put(&hostile.htx[0], outs, b.count, &one);
		pvn_host_done(&hostile.hrx[0], &b);
		sent->handled += one.handled;
		sent->sent += one.sent;
		sent->too_long += one.too_long;
		sent->bytes += one.bytes;
		sent->down |= one.down;
	}
}
