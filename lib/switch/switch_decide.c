/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The decision, in two passes over a burst. The first reads each head, makes the checks that need
 * nothing but the frame and the port's settings, and has the buckets of the addresses fetched; the
 * second learns and looks up, so that by then the buckets are in the cache.
 *
 * Frames of a burst are often alike. Those in a row whose first 16 bytes are the same, which is
 * addresses and tag, are a run, and have one verdict: the first pass cuts the burst into runs, the
 * second decides each. A run is as old as the burst, so nothing has to be thrown away later.
 * [SWITCH 4.2]
 */
#include "pvn_switch.h"

#define LIKELY(x) __builtin_expect((x) != 0, 1)
#define UNLIKELY(x) __builtin_expect((x) != 0, 0)

#define TYPE_VLAN_LE 0x0081u /* 81 00, as the two bytes stand in a little-endian word */
#define HEAD_UNTAGGED 14u
#define HEAD_TAGGED 18u

/* 01:80:c2:00:00:0x, the last byte's low half being any. */
#define RESERVED_MASK UINT64_C(0xF0FFFFFFFFFF)
#define RESERVED_MAC UINT64_C(0x000000C28001)

#define NO_MAC UINT64_MAX /* is no address */
#define NO_KEY UINT64_C(0)
#define NO_VID UINT16_MAX

/* Frames alike, from `first` to the first of the next run. The second pass skips what has a cause.
 */
struct run {
	uint64_t dst, src; /* keys */
	struct pvn_fdb_bucket *dst_at, *src_at;
	const uint64_t *reach; /* where its VLAN goes from the ingress port */
	struct pvn_switch_verdict verdict;
	uint32_t first;
};

/* What the first pass knows from the frames before. */
struct pass {
	const struct pvn_switch_in *in;
	const struct pvn_switch_conf_port *port;
	uint64_t good_mac; /* a source that passed the checks */
	uint64_t src;	   /* a key whose bucket is on its way, and the bucket */
	struct pvn_fdb_bucket *src_at;
	uint64_t vid_key; /* the key of good_vid and no address */
	const uint64_t *reach;
	uint16_t good_vid; /* a VLAN the port is in */
};

static bool
mac_allowed(const struct pvn_switch_conf_port *port, uint64_t mac)
{
	for (uint32_t i = 0; i < port->mac_count; i++)
		if (port->macs[i] == mac)
			return true;
	return port->mac_count == 0;
}

static enum pvn_switch_cause
check_source(const struct pvn_switch_conf_port *port, uint64_t src)
{
	if ((src & PVN_MAC_GROUP) != 0)
		return PVN_SWITCH_CAUSE_BAD_SOURCE;
	return mac_allowed(port, src) ? PVN_SWITCH_CAUSE_NONE : PVN_SWITCH_CAUSE_SPOOFED;
}

static enum pvn_switch_cause
check_vlan(const struct pvn_switch_in *in, uint16_t vid)
{
	if (vid == 0)
		return PVN_SWITCH_CAUSE_UNTAGGED;
	return pvn_switch_row_has(pvn_switch_members(in->conf, vid), in->port)
		       ? PVN_SWITCH_CAUSE_NONE
		       : PVN_SWITCH_CAUSE_VLAN;
}

static inline struct pvn_fdb_bucket *
fetch(const struct pvn_fdb *fdb, uint64_t key)
{
	struct pvn_fdb_bucket *b = pvn_fdb_bucket_of(fdb, key);

	__builtin_prefetch(b);
	return b;
}

static inline void
fetch_buckets(struct pass *p, uint64_t dst, uint64_t src, struct run *run)
{
	run->dst = p->vid_key | dst;
	run->src = p->vid_key | src;
	run->reach = p->reach;
	run->dst_at = fetch(p->in->fdb, run->dst);
	if (UNLIKELY(run->src != p->src)) {
		p->src = run->src;
		p->src_at = fetch(p->in->fdb, run->src);
	}
	run->src_at = p->src_at;
}

static inline uint64_t
load_le64(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return pvn_le64_to_cpu(word);
}

/* The checks, in the order of PVN_SWITCH_RX_CAUSES. */
static inline enum pvn_switch_cause
check(struct pass *p, const uint8_t *head, uint32_t len, struct run *run)
{
	const uint64_t lo = load_le64(head), hi = load_le64(head + 8);
	const uint64_t dst = lo & PVN_MAC_MASK;
	const uint64_t src = lo >> 48 | (hi & UINT32_MAX) << 16;
	const bool tagged = (hi >> 32 & 0xFFFF) == TYPE_VLAN_LE;
	const uint16_t tci = tagged ? __builtin_bswap16(hi >> 48) : 0;
	uint16_t vid = tci & 0xFFF;
	enum pvn_switch_cause cause;

	if (UNLIKELY(len < HEAD_TAGGED) && (len < HEAD_UNTAGGED || tagged))
		return PVN_SWITCH_CAUSE_RUNT;
	if (UNLIKELY(src != p->good_mac)) {
		cause = check_source(p->port, src);
		if (UNLIKELY(cause != PVN_SWITCH_CAUSE_NONE))
			return cause;
		p->good_mac = src;
	}
	if (UNLIKELY((dst & PVN_MAC_GROUP) != 0) && (dst & RESERVED_MASK) == RESERVED_MAC &&
	    !p->port->forward_reserved)
		return PVN_SWITCH_CAUSE_RESERVED;
	if (vid == 0)
		vid = p->port->vid;
	else if (UNLIKELY(!p->port->tagged))
		return PVN_SWITCH_CAUSE_TAGGED;
	if (UNLIKELY(vid != p->good_vid)) {
		cause = check_vlan(p->in, vid);
		if (UNLIKELY(cause != PVN_SWITCH_CAUSE_NONE))
			return cause;
		p->good_vid = vid;
		p->vid_key = pvn_fdb_key(vid, 0);
		p->reach = pvn_switch_reach(p->in->conf, p->port, vid);
	}
	run->verdict = (struct pvn_switch_verdict){
		.vid = vid, .tci = tci, .tagged = tagged, .cause = PVN_SWITCH_CAUSE_NONE};
	fetch_buckets(p, dst, src, run);
	return PVN_SWITCH_CAUSE_NONE;
}

/* The first frame after `i` that is not like it; adds the lengths of those that are. A frame over
 * the rate, or a short one, is like no other.
 */
static inline uint32_t
run_end(const struct pvn_switch_in *in, const uint8_t *const *heads, const uint32_t *lens,
	uint32_t i, uint32_t n, uint64_t *bytes)
{
	const uint64_t lo = load_le64(heads[i]), hi = load_le64(heads[i] + 8);
	uint64_t refused = in->refused >> i, sum = 0;

	while (++i < n && load_le64(heads[i]) == lo && load_le64(heads[i] + 8) == hi &&
	       LIKELY(lens[i] >= HEAD_TAGGED) && LIKELY(((refused >>= 1) & 1) == 0))
		sum += lens[i];
	*bytes += sum;
	return i;
}

/* The first pass. Returns the number of runs. A frame that is dropped is a run of its own: the
 * cause may be one that the next one, with the same head, does not share.
 */
static uint32_t
cut(const struct pvn_switch_in *in, const uint8_t *const *heads, const uint32_t *lens, uint32_t n,
    struct run *runs)
{
	struct pass pass = {
		.in = in,
		.port = &in->conf->port[in->port],
		.good_mac = NO_MAC,
		.src = NO_KEY,
		.good_vid = NO_VID,
	};
	uint64_t bytes = 0;
	uint32_t count = 0;

	for (uint32_t i = 0, end; i < n; i = end) {
		enum pvn_switch_cause cause = PVN_SWITCH_CAUSE_RATE;
		struct run *run = &runs[count++];

		run->first = i;
		bytes += lens[i];
		if (LIKELY((in->refused >> i & 1) == 0))
			cause = check(&pass, heads[i], lens[i], run);
		if (LIKELY(cause == PVN_SWITCH_CAUSE_NONE)) {
			end = run_end(in, heads, lens, i, n, &bytes);
		} else {
			run->verdict = (struct pvn_switch_verdict){.port = PVN_SWITCH_DROP,
								   .cause = cause};
			end = i + 1;
		}
	}
	runs[count].first = n;
	pvn_switch_add(&in->counts->bytes, bytes);
	return count;
}

/* Why a frame may not go to the port that its destination is at. */
static enum pvn_switch_cause
refuse(const struct pvn_switch_in *in, uint16_t vid, uint32_t port)
{
	const struct pvn_switch_conf *conf = in->conf;

	if (port == in->port)
		return PVN_SWITCH_CAUSE_HAIRPIN;
	if (port >= conf->ports || !pvn_switch_row_has(pvn_switch_members(conf, vid), port))
		return PVN_SWITCH_CAUSE_NO_MEMBER; /* it left the VLAN; the entry goes soon */
	return PVN_SWITCH_CAUSE_ISOLATED;
}

/* Whether a flooded frame would reach anybody. */
static bool
anybody(const struct pvn_switch_in *in, const uint64_t *reach)
{
	for (uint32_t w = 0; w < in->conf->words; w++)
		if (pvn_switch_others(reach, w, in->port) != 0)
			return true;
	return false;
}

/* Where a run goes. Multicast needs no question of its own: the table never has such an address. By
 * value: the verdict is copied whole right after, and a load over a store just made that is
 * narrower waits until it is in the cache, a dozen cycles for each frame.
 */
static inline struct pvn_switch_verdict
resolve(const struct pvn_switch_in *in, const struct run *run)
{
	struct pvn_switch_verdict v = run->verdict;
	const uint32_t found = pvn_fdb_find(run->dst_at, run->dst);
	const uint32_t port = PVN_FDB_FOUND_PORT(found);

	if (LIKELY(port < in->conf->ports) && LIKELY(port != in->port) &&
	    LIKELY(pvn_switch_row_has(run->reach, port))) {
		v.port = port;
		return v;
	}
	v.port = PVN_SWITCH_FLOOD;
	if (found != PVN_FDB_MISS && found != PVN_FDB_BUSY)
		v.cause = refuse(in, v.vid, port);
	else if (!anybody(in, run->reach))
		v.cause = PVN_SWITCH_CAUSE_NO_MEMBER;
	if (v.cause != PVN_SWITCH_CAUSE_NONE)
		v.port = PVN_SWITCH_DROP;
	return v;
}

/* Lets through as many of a run's flooded frames as the storm limit allows: the first ones. */
static uint32_t
flood(const struct pvn_switch_in *in, struct pvn_switch_verdict *verdicts, uint32_t n)
{
	const struct pvn_switch_conf_port *port = &in->conf->port[in->port];
	uint32_t passed = 0;

	if (port->storm_cost == 0)
		return n;
	while (passed < n && pvn_switch_storm_take(in->storm, port, in->now))
		passed++;
	for (uint32_t i = passed; i < n; i++) {
		verdicts[i].port = PVN_SWITCH_DROP;
		verdicts[i].cause = PVN_SWITCH_CAUSE_STORM;
	}
	pvn_switch_add(&in->counts->drop[PVN_SWITCH_CAUSE_STORM], n - passed);
	return passed;
}

/* The second pass. Each run's source is learned before its destination is looked up. */
static void
decide_runs(const struct pvn_switch_in *in, struct run *runs, uint32_t count,
	    struct pvn_switch_verdict *verdicts)
{
	const bool learning = in->conf->port[in->port].learning;
	uint32_t flooded = 0, unicast = 0;
	uint64_t learned = NO_KEY;

	for (uint32_t r = 0; r < count; r++) {
		const struct run *run = &runs[r];
		const uint32_t first = run->first, frames = runs[r + 1].first - first;
		struct pvn_switch_verdict v = run->verdict;

		if (LIKELY(v.port != PVN_SWITCH_DROP)) {
			if (UNLIKELY(run->src != learned) && learning)
				pvn_fdb_learn(in->fdb, run->src_at, run->src, in->port, in->now_s,
					      in->fdb_counts);
			learned = run->src;
			v = resolve(in, run);
		}
		for (uint32_t i = 0; i < frames; i++)
			verdicts[first + i] = v;
		if (LIKELY(v.port < PVN_SWITCH_FLOOD))
			unicast += frames;
		else if (v.port == PVN_SWITCH_FLOOD)
			flooded += flood(in, &verdicts[first], frames);
		else
			pvn_switch_add(&in->counts->drop[v.cause], frames);
	}
	pvn_switch_add(&in->counts->unicast, unicast);
	pvn_switch_add(&in->counts->flooded, flooded);
}

/* All frames of a port that the configuration does not have (any more). */
static void
drop_all(const struct pvn_switch_in *in, const uint32_t *lens, uint32_t n,
	 struct pvn_switch_verdict *verdicts)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < n; i++) {
		bytes += lens[i];
		verdicts[i] = (struct pvn_switch_verdict){.port = PVN_SWITCH_DROP,
							  .cause = PVN_SWITCH_CAUSE_OFF};
	}
	pvn_switch_add(&in->counts->bytes, bytes);
	pvn_switch_add(&in->counts->drop[PVN_SWITCH_CAUSE_OFF], n);
}

void
pvn_switch_decide(const struct pvn_switch_in *in, const uint8_t *const *heads, const uint32_t *lens,
		  uint32_t n, struct pvn_switch_verdict *verdicts)
{
	struct run runs[PVN_SWITCH_BURST_MAX + 1];

	if (LIKELY(in->port < in->conf->ports) && LIKELY(in->conf->port[in->port].on))
		decide_runs(in, runs, cut(in, heads, lens, n, runs), verdicts);
	else
		drop_all(in, lens, n, verdicts);
	pvn_switch_add(&in->counts->frames, n);
}
