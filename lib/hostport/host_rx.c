/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames from the guest.
 *
 * Descriptors are copied and checked first, a batch at a time, while their data is being
 * prefetched; then the data is copied into mbufs, and policy looks at that copy. All descriptors of
 * the batch go back to the guest with one used element. [RING 2]
 */
#include <rte_cycles.h>

#include "hostport_priv.h"

#define BATCH PVN_NETBUF_BATCH

void
pvn_host_rxq_pool(struct pvn_host_rxq *q, struct rte_mempool *pool, uint16_t port_id)
{
	q->pool = pool;
	q->rearm = pvn_netbuf_rearm(pool, port_id);
	q->mbuf_room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
}

int
pvn_host_policy_rate(struct pvn_host_policy *policy, uint64_t bits_per_s)
{
	struct rte_meter_srtcm_params params = {
		.cir = bits_per_s / 8,
		.cbs = RTE_MAX(bits_per_s / 8 / 100, UINT64_C(65536)),
	};
	struct rte_meter_srtcm_profile profile;
	struct rte_meter_srtcm meter;

	if (bits_per_s != 0 && (rte_meter_srtcm_profile_config(&profile, &params) != 0 ||
				rte_meter_srtcm_config(&meter, &profile) != 0))
		return -EINVAL;
	rte_spinlock_lock(&policy->meter_lock);
	if (bits_per_s != 0) {
		policy->profile = profile;
		policy->meter = meter;
	}
	/* Who has just seen that there is a limit finds the old one, which still works. */
	__atomic_store_n(&policy->limit_rate, bits_per_s != 0, __ATOMIC_RELEASE);
	rte_spinlock_unlock(&policy->meter_lock);
	return 0;
}

uint64_t
pvn_host_within_rate(struct pvn_host_policy *policy, const uint32_t *lens, uint16_t n)
{
	uint64_t pass = 0, now;

	rte_spinlock_lock(&policy->meter_lock);
	/* To the meter, a time before the last one would be an eternity after it. */
	now = rte_get_tsc_cycles();
	if ((int64_t)(now - policy->meter.time) < 0)
		now = policy->meter.time;
	for (uint16_t i = 0; i < n; i++)
		if (rte_meter_srtcm_color_blind_check(&policy->meter, &policy->profile, now,
						      lens[i]) != RTE_COLOR_RED)
			pass |= RTE_BIT64(i);
	rte_spinlock_unlock(&policy->meter_lock);
	return pass;
}

static uint64_t
within_rate(struct pvn_host_policy *policy, struct rte_mbuf **mbufs, uint16_t n)
{
	uint32_t lens[BATCH];

	for (uint16_t i = 0; i < n; i++)
		lens[i] = mbufs[i]->pkt_len;
	return pvn_host_within_rate(policy, lens, n);
}

/* Keeps the frames that policy lets through, in order; frees the others. Runts come here too, so
 * that a guest which sends them between other frames does not make batches of one.
 */
static uint16_t
enforce(struct pvn_host_rxq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pvn_host_policy *policy = q->policy;
	struct rte_mbuf *refused[BATCH];
	uint64_t in_rate = UINT64_MAX;
	uint16_t kept = 0;

	if (unlikely(policy->limit_rate))
		in_rate = within_rate(policy, mbufs, n);
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];
		const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

		if (unlikely(m->pkt_len < RTE_ETHER_HDR_LEN))
			q->stats.runt++;
		else if (unlikely(policy->check_mac &&
				  !rte_is_same_ether_addr(&eth->src_addr, &policy->mac)))
			q->stats.spoofed++;
		else if (unlikely((in_rate & RTE_BIT64(i)) == 0))
			q->stats.over_rate++;
		else {
			mbufs[kept++] = m;
			q->stats.bytes += m->pkt_len;
			continue;
		}
		refused[i - kept] = m;
	}
	if (unlikely(kept < n))
		rte_pktmbuf_free_bulk(refused, n - kept);
	q->stats.packets += kept;
	return kept;
}

/* Checks descriptors from ring.pos on while they are frames of one plain buffer that fits a mbuf.
 */
static inline uint16_t
peek_plain(struct pvn_host_rxq *q, struct pvn_vring_buf *bufs, uint16_t n)
{
	const uint32_t longest = RTE_MIN(q->mbuf_room, q->max_frame);
	uint16_t i;

	for (i = 0; i < n; i++) {
		if (unlikely(!pvn_vring_dev_buf(&q->ring, q->ring.pos + i, false, &bufs[i])))
			break;
		if (unlikely(bufs[i].flags != 0 || bufs[i].len > longest))
			break;
		rte_prefetch0(bufs[i].addr);
	}
	return i;
}

static inline void
copy_plain(struct pvn_host_rxq *q, const struct pvn_vring_buf *bufs, struct rte_mbuf **mbufs,
	   uint16_t n)
{
	struct pvn_netbuf_long put_off;

	put_off.count = 0;
	for (uint16_t i = 0; i < n; i++) {
		pvn_netbuf_init(mbufs[i], &q->rearm, bufs[i].len);
		pvn_netbuf_copy_short(rte_pktmbuf_mtod(mbufs[i], void *), bufs[i].addr, bufs[i].len,
				      &put_off);
	}
	if (put_off.count > 0)
		pvn_netbuf_copy_long(&put_off, false);
}

/* Gives frames back that were copied: one element at the place of the first stands for all of them,
 * and names the first descriptor of the last. [virtio 2.7.9]
 */
static inline void
give_back(struct pvn_host_rxq *q, uint16_t frames, uint16_t descs, uint16_t last)
{
	pvn_vring_dev_fill_used(&q->ring, 0, last, 0);
	pvn_vring_dev_publish(&q->ring, frames, descs);
}

/* Whether the buffers can be a frame; counted if not. */
static bool
len_ok(struct pvn_host_rxq *q, const struct pvn_vring_buf *bufs, uint16_t count, uint32_t longest)
{
	uint32_t total = 0;

	for (uint16_t i = 0; i < count; i++)
		total += RTE_MIN(bufs[i].len, (uint32_t)UINT16_MAX + 1);
	if (total < RTE_ETHER_HDR_LEN) {
		q->stats.runt++;
		return false;
	}
	if (total > longest || (!q->scatter && total > q->mbuf_room)) {
		q->stats.too_long++;
		return false;
	}
	return true;
}

/* Copies the buffers of a frame into `m`, and into more mbufs. */
static bool
gather(struct pvn_host_rxq *q, struct rte_mbuf *m, const struct pvn_vring_buf *bufs, uint16_t count)
{
	struct rte_mbuf *last = m;

	for (uint16_t i = 0; i < count; i++)
		if (!pvn_netbuf_append(m, &last, q->pool, bufs[i].addr, bufs[i].len))
			return false;
	return true;
}

bool
host_hdr_taken(uint64_t features, const struct virtio_net_hdr *hdr)
{
	switch (hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return (features & RTE_BIT64(VIRTIO_NET_F_HOST_TSO4)) != 0;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return (features & RTE_BIT64(VIRTIO_NET_F_HOST_TSO6)) != 0;
	default:
		return false;
	}
}

/* Interprets the header of a frame that is in `m`; counted if it cannot be right. */
static bool
apply_hdr(struct pvn_host_rxq *q, struct rte_mbuf *m, const struct virtio_net_hdr *hdr)
{
	if (host_hdr_taken(q->features, hdr) && pvn_netbuf_from_hdr(m, hdr) &&
	    (q->keep_hints || (m->ol_flags & PVN_NETBUF_TX_HINTS) == 0 || pvn_netbuf_checksum(m)))
		return true;
	q->stats.bad_hdr++;
	return false;
}

/* The frame at ring.pos, of any kind, into `m`. True if there is one in m. *taken is 0 if it stays
 * in the ring, because that has a fault or because there are too few mbufs.
 */
static bool
take_any(struct pvn_host_rxq *q, struct rte_mbuf *m, uint16_t *taken)
{
	struct pvn_vring_buf bufs[PVN_VRING_CHAIN_MAX];
	struct virtio_net_hdr hdr = {0};
	uint16_t count = 0;
	bool good;

	*taken = 0;
	pvn_netbuf_init(m, &q->rearm, 0);
	if (pvn_vring_dev_buf(&q->ring, q->ring.pos, false, &bufs[0]))
		count = pvn_vring_dev_chain(&q->ring, q->ring.pos, bufs);
	if (count == 0)
		return false;
	if ((bufs[0].flags & VRING_DESC_F_HDR) != 0)
		pvn_vring_dev_read_hdr(&bufs[0], &hdr);
	good = len_ok(q, bufs, count, host_longest(q, &hdr));
	if (good && !gather(q, m, bufs, count)) {
		q->stats.nombuf++;
		return false;
	}
	good = good && apply_hdr(q, m, &hdr);
	give_back(q, 1, count, q->ring.pos);
	*taken = 1;
	return good;
}

/* As take_any(), and puts the mbuf right again if there is no frame in it. */
static uint16_t
take_one(struct pvn_host_rxq *q, struct rte_mbuf *m, uint16_t *taken)
{
	if (take_any(q, m, taken))
		return 1;
	rte_pktmbuf_free(m->next);
	m->next = NULL;
	m->nb_segs = 1;
	return 0;
}

/* At most BATCH frames. *taken counts those that left the ring, delivered or not; after 0 the burst
 * ends.
 */
static inline uint16_t
rx_batch(struct pvn_host_rxq *q, struct rte_mbuf **mbufs, uint16_t n, uint16_t *taken)
{
	struct pvn_vring_buf bufs[BATCH];
	uint16_t plain, frames;

	*taken = 0;
	plain = peek_plain(q, bufs, n);
	if (unlikely(plain == 0 && q->ring.fault != PVN_VRING_FAULT_NONE))
		return 0;
	/* A frame that is not plain gets one mbuf here: it may need all others that there are, and
	 * if it is not delivered, no work was done for more.
	 */
	frames = pvn_netbuf_get_raw(q->pool, mbufs, RTE_MAX(plain, 1));
	if (unlikely(frames == 0)) {
		q->stats.nombuf++;
		return 0;
	}
	if (likely(plain > 0)) {
		*taken = frames;
		copy_plain(q, bufs, mbufs, frames);
		give_back(q, frames, frames, q->ring.pos + frames - 1);
	} else {
		frames = take_one(q, mbufs[0], taken);
		if (unlikely(frames == 0))
			rte_mempool_put(q->pool, mbufs[0]);
	}
	return enforce(q, mbufs, frames);
}

/* At most `n` frames leave the ring, so a guest whose frames are all refused costs one burst. */
static uint16_t
rx_burst(struct pvn_host_rxq *q, struct rte_mbuf **mbufs, uint16_t n)
{
	uint16_t got = 0, seen = 0, known, taken;

	while (seen < n) {
		known = pvn_vring_dev_avail(&q->ring, 1);
		if (known == 0)
			break;
		known = RTE_MIN(known, (uint16_t)(n - seen));
		got += rx_batch(q, mbufs + got, RTE_MIN(known, (uint16_t)BATCH), &taken);
		if (unlikely(taken == 0))
			break;
		seen += taken;
	}
	return got;
}

uint16_t
pvn_host_rx(void *queue, struct rte_mbuf **mbufs, uint16_t n)
{
	struct pvn_host_rxq *q = queue;
	uint16_t got = 0;

	if (unlikely(!pvn_gate_enter(&q->gate)))
		return 0;
	if (likely(q->ring.fault == PVN_VRING_FAULT_NONE)) {
		got = rx_burst(q, mbufs, n);
		q->stats.fault += q->ring.fault != PVN_VRING_FAULT_NONE;
	}
	pvn_gate_leave(&q->gate);
	return got;
}
