/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * After the decision: frames by egress port, their tags; names and sums of counters.
 */
#include "pvn_switch.h"

static inline void
put(struct pvn_switch_groups *groups, uint32_t port, uint64_t frames)
{
	if (groups->frames[port] == 0)
		groups->port[groups->count++] = port;
	groups->frames[port] |= frames;
}

/* Gives flooded frames of one VLAN to each of its members that may have them. */
static void
spread(const struct pvn_switch_in *in, uint16_t vid, uint64_t frames,
       struct pvn_switch_groups *groups)
{
	const struct pvn_switch_conf *conf = in->conf;
	const uint64_t *reach = pvn_switch_reach(conf, &conf->port[in->port], vid);

	for (uint32_t w = 0; w < conf->words; w++)
		for (uint64_t to = pvn_switch_others(reach, w, in->port); to != 0; to &= to - 1)
			put(groups, 64 * w + (uint32_t)__builtin_ctzll(to), frames);
}

/* Of the flooded frames, spreads those of the first one's VLAN, so that a VLAN's members are gone
 * through once. Returns them.
 */
static uint64_t
flood(const struct pvn_switch_in *in, const struct pvn_switch_verdict *verdicts, uint64_t flooded,
      struct pvn_switch_groups *groups)
{
	const uint16_t vid = verdicts[__builtin_ctzll(flooded)].vid;
	uint64_t frames = 0;

	for (uint64_t rest = flooded; rest != 0; rest &= rest - 1)
		if (verdicts[__builtin_ctzll(rest)].vid == vid)
			frames |= rest & -rest;
	spread(in, vid, frames, groups);
	return frames;
}

/* Frames i..end - 1 as a mask; i < end <= 64. */
static inline uint64_t
frames_from(uint32_t i, uint32_t end)
{
	return UINT64_MAX >> (64 - (end - i)) << i;
}

/* Frames in a row that go to the same port are put there at once. */
void
pvn_switch_group(const struct pvn_switch_in *in, const struct pvn_switch_verdict *verdicts,
		 uint32_t n, struct pvn_switch_groups *groups)
{
	uint64_t flooded = 0;

	groups->count = groups->next = 0;
	for (uint32_t i = 0, end; i < n; i = end) {
		const uint32_t port = verdicts[i].port;

		for (end = i + 1; end < n && verdicts[end].port == port;)
			end++;
		if (__builtin_expect(port < PVN_SWITCH_FLOOD, 1))
			put(groups, port, frames_from(i, end));
		else if (port == PVN_SWITCH_FLOOD)
			flooded |= frames_from(i, end);
	}
	while (flooded != 0)
		flooded &= ~flood(in, verdicts, flooded, groups);
}

uint8_t *
pvn_switch_retag(uint8_t *head, enum pvn_switch_tag_op op, uint16_t tci)
{
	switch (op) {
	case PVN_SWITCH_TAG_KEEP:
		return head;
	case PVN_SWITCH_TAG_POP:
		memmove(head + 4, head, 12);
		return head + 4;
	case PVN_SWITCH_TAG_PUSH:
		memmove(head - 4, head, 12);
		head -= 4;
		head[12] = 0x81;
		head[13] = 0x00;
		break;
	case PVN_SWITCH_TAG_REWRITE:
		break;
	}
	head[14] = tci >> 8;
	head[15] = tci & 0xFF;
	return head;
}

#define CAUSE_KEY(name, key, text) [PVN_SWITCH_CAUSE_##name] = key,
#define CAUSE_TEXT(name, key, text) [PVN_SWITCH_CAUSE_##name] = text,

const char *
pvn_switch_cause_key(enum pvn_switch_cause cause)
{
	static const char *const keys[] = {PVN_SWITCH_CAUSES(CAUSE_KEY)};

	return (uint32_t)cause < PVN_SWITCH_CAUSE_COUNT ? keys[cause] : "none";
}

const char *
pvn_switch_cause_text(enum pvn_switch_cause cause)
{
	static const char *const texts[] = {PVN_SWITCH_CAUSES(CAUSE_TEXT)};

	return (uint32_t)cause < PVN_SWITCH_CAUSE_COUNT ? texts[cause] : "not dropped";
}

static void
add(pvn_fdb_word *sum, const pvn_fdb_word *counter)
{
	*sum += __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void
pvn_switch_counts_add(struct pvn_switch_counts *sum, const struct pvn_switch_counts *block)
{
	add(&sum->frames, &block->frames);
	add(&sum->bytes, &block->bytes);
	add(&sum->unicast, &block->unicast);
	add(&sum->flooded, &block->flooded);
	add(&sum->tx_frames, &block->tx_frames);
	add(&sum->tx_bytes, &block->tx_bytes);
	for (uint32_t i = 0; i < PVN_SWITCH_CAUSE_COUNT; i++)
		add(&sum->drop[i], &block->drop[i]);
}
