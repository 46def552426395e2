/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Frames between mbufs and the buffers of a virtio ring: raw mbufs from any pool, copies in and out
 * of chains, and the net header's hints as mbuf flags. Both ends of every wire stand on this.
 *
 * Pinned external buffers: a pool over shared pages has RTE_MBUF_F_EXTERNAL set in each of its
 * mbufs for ever, and losing that flag would make a free follow memory that a peer can write. So
 * flags are never cleared here but set from a template that was made from the pool. [RING 5]
 */
#ifndef PVN_NETBUF_H
#define PVN_NETBUF_H

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_memcpy.h>

#include "virtio_ring.h"

/* Frames at a time, where a call needs room on the stack for each. */
#define PVN_NETBUF_BATCH 64u

/* What a mbuf of one pool and one port begins with; made once for a queue. */
struct pvn_netbuf_rearm {
	uint64_t rearm;	   /* data_off, refcnt, nb_segs, port */
	uint64_t ol_flags; /* RTE_MBUF_F_EXTERNAL for a pool of pinned external buffers */
};

struct pvn_netbuf_rearm pvn_netbuf_rearm(struct rte_mempool *pool, uint16_t port_id);

/* Makes a mbuf that came from its pool with rte_mempool_get_bulk() a frame of one segment. */
static inline void
pvn_netbuf_init(struct rte_mbuf *m, const struct pvn_netbuf_rearm *rearm, uint32_t len)
{
	*(uint64_t *)RTE_PTR_ADD(m, offsetof(struct rte_mbuf, rearm_data)) = rearm->rearm;
	m->ol_flags = rearm->ol_flags;
	m->packet_type = 0;
	m->pkt_len = len;
	m->data_len = len;
}

/* Takes `n` raw mbufs from a pool, or as many as halving n finds; 0 when there is none. */
static inline uint16_t
pvn_netbuf_get_raw(struct rte_mempool *pool, struct rte_mbuf **mbufs, uint16_t n)
{
	while (unlikely(rte_mempool_get_bulk(pool, (void **)mbufs, n) != 0)) {
		n /= 2;
		if (n == 0)
			return 0;
	}
	return n;
}

/* Frames up to this length are copied inline; beyond, libc's memcpy() has picked the widest moves
 * that this processor has, while rte_memcpy() is compiled for the oldest.
 */
#define PVN_NETBUF_SHORT (4u * RTE_CACHE_LINE_SIZE)

static inline void
pvn_netbuf_copy(void *to, const void *from, uint32_t len)
{
	if (len <= PVN_NETBUF_SHORT)
		rte_memcpy(to, from, len);
	else
		memcpy(to, from, len);
}

/* Asks for the lines that will be written next: the other side's processor had them last, and a
 * store to one of its lines waits for it, while these requests do not wait for each other.
 */
static inline void
pvn_netbuf_prefetch_write(const void *to, uint32_t len)
{
	const uint8_t *line = to;

	for (uint32_t done = 0; done < len; done += RTE_CACHE_LINE_SIZE) {
#ifdef RTE_ARCH_X86
		/* The compiler makes it a prefetch for reading where it may not assume PREFETCHW;
		 * processors without it take it for a nop.
		 */
		__asm__ volatile("prefetchw %0" : : "m"(line[done]));
#else
		rte_prefetch0_write(line + done);
#endif
	}
}

/* Copies of long frames, put off until a loop over a batch has ended: a call in that loop would
 * cost each short frame the registers that it must save.
 */
struct pvn_netbuf_long {
	uint32_t count;
	struct {
		void *to;
		const void *from;
		uint32_t len;
	} copies[PVN_NETBUF_BATCH];
};

/* Copies a short frame now, a long one with pvn_netbuf_copy_long(); at most a batch of them. */
static __rte_always_inline void
pvn_netbuf_copy_short(void *to, const void *from, uint32_t len, struct pvn_netbuf_long *put_off)
{
	if (likely(len <= PVN_NETBUF_SHORT)) {
		rte_memcpy(to, from, len);
		return;
	}
	put_off->copies[put_off->count].to = to;
	put_off->copies[put_off->count].from = from;
	put_off->copies[put_off->count].len = len;
	put_off->count++;
}

/* `shared`: where they go to, the other side's processor may hold in its cache. */
void pvn_netbuf_copy_long(const struct pvn_netbuf_long *put_off, bool shared);

/* The flags that mean work for the net header, or for software in its place. */
#define PVN_NETBUF_TX_HINTS (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM)

/* Frees `n` frames, most of them of one segment and of one pool, in few calls. */
static inline void
pvn_netbuf_free(struct rte_mbuf *const *mbufs, uint16_t n)
{
	void *batch[PVN_NETBUF_BATCH];
	struct rte_mempool *pool = NULL;
	unsigned int kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		if (unlikely(m->nb_segs != 1)) {
			rte_pktmbuf_free(m);
			continue;
		}
		m = rte_pktmbuf_prefree_seg(m);
		if (unlikely(m == NULL))
			continue;
		if (unlikely(m->pool != pool || kept == PVN_NETBUF_BATCH)) {
			if (kept > 0)
				rte_mempool_put_bulk(pool, batch, kept);
			kept = 0;
			pool = m->pool;
		}
		batch[kept++] = m;
	}
	if (likely(kept > 0))
		rte_mempool_put_bulk(pool, batch, kept);
}

/* Copies the data of all segments of `m` to `to`, which has room for pkt_len bytes from `skip` on.
 */
void pvn_netbuf_copy_out(const struct rte_mbuf *m, uint32_t skip, void *to, uint32_t len);

/* Appends `len` bytes to a frame that pvn_netbuf_init() began, in further mbufs of `pool` where the
 * last one is full. `last` is the frame's last segment and is moved on. False if the pool ran
 * empty; the frame is as long as it got.
 */
bool pvn_netbuf_append(struct rte_mbuf *m, struct rte_mbuf **last, struct rte_mempool *pool,
		       const uint8_t *from, uint32_t len);

/* What pvn_netbuf_hints() found to do for a frame. */
enum pvn_netbuf_hints {
	PVN_NETBUF_PLAIN, /* nothing is left to do */
	PVN_NETBUF_HDR,	  /* the net header says what */
	PVN_NETBUF_BAD, /* flags and lengths of the mbuf make no sense, or the peer cannot do it */
};

/* Deals with the hints of `m`. `head` is where the frame's first bytes, `head_len` of them, were
 * copied to; checksums are written there, never into the mbuf. With VIRTIO_NET_F_CSUM in `features`
 * (for a guest: VIRTIO_NET_F_GUEST_CSUM, shifted to its place) the L4 checksum is left to the peer,
 * else it is computed here. Segmentation is always left to the peer; a frame that it does not
 * segment is PVN_NETBUF_BAD: see pvn_gso.h.
 */
enum pvn_netbuf_hints pvn_netbuf_hints(const struct rte_mbuf *m, uint8_t *head, uint32_t head_len,
				       uint64_t features, struct virtio_net_hdr *hdr);

/* The host's offers (what it takes from a driver) out of a driver's (what it takes from the host),
 * so that both directions can ask pvn_netbuf_hints() in the same words.
 */
static inline uint64_t
pvn_netbuf_mirror(uint64_t features)
{
	uint64_t mirrored = 0;

	if ((features & RTE_BIT64(VIRTIO_NET_F_GUEST_CSUM)) != 0)
		mirrored |= RTE_BIT64(VIRTIO_NET_F_CSUM);
	if ((features & RTE_BIT64(VIRTIO_NET_F_GUEST_TSO4)) != 0)
		mirrored |= RTE_BIT64(VIRTIO_NET_F_HOST_TSO4);
	if ((features & RTE_BIT64(VIRTIO_NET_F_GUEST_TSO6)) != 0)
		mirrored |= RTE_BIT64(VIRTIO_NET_F_HOST_TSO6);
	return mirrored;
}

/* Takes a peer's header, already copied: sets the receive flags of `m` and, so that the frame may
 * be forwarded as it is, the transmit flags and lengths. False if the header cannot be true of this
 * frame; `m` is unchanged then.
 */
bool pvn_netbuf_from_hdr(struct rte_mbuf *m, const struct virtio_net_hdr *hdr);

/* Computes the checksums that the transmit flags of `m` ask for, in the frame itself, and clears
 * the flags, so that the frame is one with good checksums; false if it cannot be done
 * (segmentation, lengths that make no sense). The frame's data must be the caller's own.
 */
bool pvn_netbuf_checksum(struct rte_mbuf *m);

#endif /* PVN_NETBUF_H */
