/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The life of a guest's port, from its start to its stop. [IVS 7]
 *
 *   STOPPED --start--> WAITING --new offer, answered--> ASKING --CONNECTED--> TALKING
 *                         ^                               |                      |
 *                         +---- another offer, or the host refused, left or died +
 *
 * Rings and slots begin anew with each answer, when no gate is open. An offer is answered once: so
 * what the host says about a connection is about our rings as they are. Whoever wants a new offer
 * says AWAY, and the host makes one.
 *
 * ivshmem_conn_look() looks at the region and at the host's half and does what follows; it may be
 * called at any time. The host's half is copied once; a host that lies is a host that is not there.
 */
#include <errno.h>
#include <time.h>

#include "ivshmem_pmd.h"

/* How long a probe waits for the host. */
#define FIND_TRIES 100
#define FIND_STEP_NS 10000000

static struct ivshmem_net_guest *
our_half(const struct ivshmem_guestdev *dev)
{
	return (struct ivshmem_net_guest *)(void *)(dev->mem + IVSHMEM_NET_GUEST_HALF);
}

/* REL-GUEST: the half before its state. Pairs with ACQ-GUEST in the host. */
static void
set_state(struct ivshmem_guestdev *dev, enum ivshmem_net_guest_state state)
{
	__atomic_store_n(&our_half(dev)->state, pvn_cpu_to_le32(state), __ATOMIC_RELEASE);
	pvn_ivshmem_peer_ring(pvn_ivshmem_hub_peer(dev->hub), IVSHMEM_PEER_HOST, 0);
}

/* The host's half as it is; its state is that of what follows, or CLOSED. */
static void
copy_host_half(const struct ivshmem_guestdev *dev, struct ivshmem_net_host *half)
{
	const struct ivshmem_net_host *there = (const void *)dev->mem;
	/* ACQ-HOST: the state before the rest. Pairs with REL-HOST. */
	const pvn_le32 state = __atomic_load_n(&there->state, __ATOMIC_ACQUIRE);

	memcpy(half, there, sizeof(*half));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	half->state = __atomic_load_n(&there->state, __ATOMIC_RELAXED) == state
			      ? state
			      : pvn_cpu_to_le32(IVSHMEM_NET_CLOSED);
}

/* Takes every buffer back and waits for an offer. */
static void
disconnect(struct ivshmem_guestdev *dev)
{
	pvn_guestdev_disconnect(&dev->g);
	for (uint16_t i = 0; i < dev->g.data->nb_rx_queues; i++) {
		dev->sleeper[i].word = NULL;
		pvn_guestdev_txq(&dev->g, i)->q.wake = NULL;
	}
	if (dev->phase == IVSHMEM_PORT_TALKING)
		ivshmem_intr_wake_all(dev->sleeper, dev->g.data->nb_rx_queues);
	dev->phase = IVSHMEM_PORT_WAITING;
}

/* ---- the answer ---- */

/* Says once for each offer what does not fit. */
static int
refuse_offer(struct ivshmem_guestdev *dev, const char *what, uint32_t wanted, uint32_t most)
{
	if (!dev->told)
		IVSHMEM_LOG(ERR, dev->g.data->name,
			    "the host takes at most %u %s, this port has %u", most, what, wanted);
	dev->told = true;
	return -EPROTO;
}

static int
check_offer(struct ivshmem_guestdev *dev, const struct ivshmem_net_host *half)
{
	const struct rte_eth_dev_data *data = dev->g.data;

	if (pvn_le32_to_cpu(half->version) != IVSHMEM_NET_VERSION)
		return refuse_offer(dev, "for the protocol's version", IVSHMEM_NET_VERSION,
				    pvn_le32_to_cpu(half->version));
	if (data->nb_rx_queues > pvn_le32_to_cpu(half->queues_max))
		return refuse_offer(dev, "queue pairs", data->nb_rx_queues,
				    pvn_le32_to_cpu(half->queues_max));
	if (data->mtu > pvn_le32_to_cpu(half->mtu))
		return refuse_offer(dev, "bytes of MTU", data->mtu, pvn_le32_to_cpu(half->mtu));
	for (uint16_t i = 0; i < data->nb_rx_queues; i++) {
		uint32_t size = RTE_MAX(pvn_guestdev_rxq(&dev->g, i)->size,
					pvn_guestdev_txq(&dev->g, i)->size);

		if (size > pvn_le32_to_cpu(half->ring_size_max))
			return refuse_offer(dev, "descriptors of a ring", size,
					    pvn_le32_to_cpu(half->ring_size_max));
	}
	return ivshmem_room_lay(dev);
}

static int
start_queues(struct ivshmem_guestdev *dev)
{
	void *rx[IVSHMEM_NET_QUEUES_MAX], *tx[IVSHMEM_NET_QUEUES_MAX];

	for (uint16_t i = 0; i < dev->g.data->nb_rx_queues; i++) {
		rx[i] = dev->mem + dev->room.rx_ring[i];
		tx[i] = dev->mem + dev->room.tx_ring[i];
	}
	if (dev->g.zero_copy)
		pvn_guestdev_use_pool(&dev->g, &dev->zc_pool, dev->zc_mempool);
	else
		pvn_guestdev_use_slots(&dev->g, &dev->pools[IVSHMEM_POOL_RX], IVSHMEM_POOL_RX,
				       &dev->pools[IVSHMEM_POOL_TX], IVSHMEM_POOL_TX);
	return pvn_guestdev_start_queues(&dev->g, rx, tx);
}

static void
write_rings(struct ivshmem_guestdev *dev, struct ivshmem_net_guest *half)
{
	for (uint16_t i = 0; i < dev->g.data->nb_rx_queues; i++) {
		half->rx[i].off = pvn_cpu_to_le64(dev->room.rx_ring[i]);
		half->rx[i].size = pvn_cpu_to_le32(pvn_guestdev_rxq(&dev->g, i)->size);
		half->tx[i].off = pvn_cpu_to_le64(dev->room.tx_ring[i]);
		half->tx[i].size = pvn_cpu_to_le32(pvn_guestdev_txq(&dev->g, i)->size);
	}
}

static void
write_pools(struct ivshmem_guestdev *dev, struct ivshmem_net_guest *half)
{
	const uint32_t count = dev->g.zero_copy ? 1 : IVSHMEM_NET_POOLS_MAX;

	half->pools = pvn_cpu_to_le32(count);
	for (uint32_t k = 0; k < count; k++) {
		const bool writable = dev->g.zero_copy || k == IVSHMEM_POOL_RX;

		half->pool[k].off = pvn_cpu_to_le64(dev->room.pool[k]);
		half->pool[k].len = pvn_cpu_to_le64(dev->room.pool_len[k]);
		half->pool[k].flags = pvn_cpu_to_le32(writable ? IVSHMEM_NET_POOL_WRITABLE : 0);
	}
}

static void
write_answer(struct ivshmem_guestdev *dev)
{
	struct rte_eth_dev *eth = &rte_eth_devices[dev->g.data->port_id];
	struct ivshmem_net_guest *half = our_half(dev);

	memset(dev->mem + IVSHMEM_NET_WAKE_WORDS, 0, IVSHMEM_PAGE);
	half->version = pvn_cpu_to_le32(IVSHMEM_NET_VERSION);
	half->connection = pvn_cpu_to_le64(dev->connection);
	half->features = pvn_cpu_to_le64(dev->g.features);
	half->queues = pvn_cpu_to_le32(dev->g.data->nb_rx_queues);
	half->mtu = pvn_cpu_to_le32(dev->g.data->mtu);
	half->peer = pvn_cpu_to_le32(pvn_ivshmem_peer_number(pvn_ivshmem_hub_peer(dev->hub)));
	half->vectors = pvn_cpu_to_le32(ivshmem_intr_vectors(eth, dev->hub));
	half->attachment = pvn_cpu_to_le64(dev->attachment);
	write_rings(dev, half);
	write_pools(dev, half);
	set_state(dev, IVSHMEM_NET_ANSWERED);
}

static void
ring(void *arg, uint32_t peer, uint32_t vector)
{
	struct ivshmem_guestdev *dev = arg;

	pvn_ivshmem_peer_ring(pvn_ivshmem_hub_peer(dev->hub), peer, vector);
}

/* Sleepers on both sides. No gate is open. */
static void
set_wakes(struct ivshmem_guestdev *dev, uint32_t vectors)
{
	const bool wake = (dev->g.features & RTE_BIT64(IVSHMEM_NET_F_WAKE)) != 0;

	for (uint16_t i = 0; i < dev->g.data->nb_rx_queues; i++) {
		dev->wake[i] = (struct pvn_wake){
			.word = (pvn_le32 *)(void *)(dev->mem + IVSHMEM_NET_WAKE_HOST(i)),
			.ring = ring,
			.arg = dev,
			.peer = IVSHMEM_PEER_HOST,
			.vector = IVSHMEM_NET_VECTOR(i, vectors),
		};
		pvn_guestdev_txq(&dev->g, i)->q.wake =
			wake && vectors > 0 && vectors <= IVSHMEM_VECTORS_MAX ? &dev->wake[i]
									      : NULL;
		if (wake)
			dev->sleeper[i].word =
				(pvn_le32 *)(void *)(dev->mem + IVSHMEM_NET_WAKE_GUEST(i));
	}
}

static void
answer_offer(struct ivshmem_guestdev *dev, const struct ivshmem_net_host *half)
{
	struct rte_eth_dev *eth = &rte_eth_devices[dev->g.data->port_id];
	const uint64_t offered = pvn_le64_to_cpu(half->features);
	const uint64_t wake = RTE_BIT64(IVSHMEM_NET_F_WAKE);

	if (pvn_le64_to_cpu(half->connection) != dev->connection)
		dev->told = false;
	dev->answered = false;
	dev->connection = pvn_le64_to_cpu(half->connection);
	dev->g.features = pvn_guestdev_agree(&dev->g, offered);
	if (ivshmem_intr_vectors(eth, dev->hub) > 0 || pvn_le32_to_cpu(half->vectors) > 0)
		dev->g.features |= offered & wake;
	if (check_offer(dev, half) < 0)
		return;
	if (start_queues(dev) < 0) {
		disconnect(dev);
		return;
	}
	set_wakes(dev, pvn_le32_to_cpu(half->vectors));
	write_answer(dev);
	dev->answered = true;
	dev->phase = IVSHMEM_PORT_ASKING;
}

/* ---- looks ---- */

/* The MAC address is the host's to give; a host that came back may give another one. */
static void
take_mac(struct ivshmem_guestdev *dev, const struct ivshmem_net_host *half)
{
	struct rte_ether_addr mac;

	memcpy(mac.addr_bytes, half->mac, sizeof(mac.addr_bytes));
	if (rte_is_same_ether_addr(&mac, dev->g.data->mac_addrs) || rte_is_zero_ether_addr(&mac))
		return;
	IVSHMEM_LOG(NOTICE, dev->g.data->name,
		    "the host gives it the MAC address " RTE_ETHER_ADDR_PRT_FMT,
		    RTE_ETHER_ADDR_BYTES(&mac));
	rte_ether_addr_copy(&mac, dev->g.data->mac_addrs);
}

static void
look_asking(struct ivshmem_guestdev *dev, const struct ivshmem_net_host *half)
{
	const uint32_t state = pvn_le32_to_cpu(half->state);
	const bool same = pvn_le64_to_cpu(half->connection) == dev->connection;
	const bool ours = same && pvn_le64_to_cpu(half->attachment) == dev->attachment;

	if (same && (state == IVSHMEM_NET_OFFERED || state == IVSHMEM_NET_CLOSED))
		return;
	if (ours && state == IVSHMEM_NET_CONNECTED) {
		take_mac(dev, half);
		dev->phase = IVSHMEM_PORT_TALKING;
		pvn_guestdev_connect(&dev->g);
		ivshmem_intr_wake_all(dev->sleeper, dev->g.data->nb_rx_queues);
		IVSHMEM_LOG(NOTICE, dev->g.data->name,
			    "connected to the host: %u queue pairs, %s, features 0x%" PRIx64,
			    dev->g.data->nb_rx_queues, dev->g.zero_copy ? "zero-copy" : "copying",
			    dev->g.features);
		return;
	}
	if (ours && state == IVSHMEM_NET_REFUSED)
		IVSHMEM_LOG(ERR, dev->g.data->name, "the host closed the connection: %s",
			    ivshost_reason_text(pvn_le32_to_cpu(half->reason)));
	disconnect(dev);
	if (same && !ours)
		set_state(dev, IVSHMEM_NET_AWAY); /* about the guest before us */
}

static void
look_talking(struct ivshmem_guestdev *dev, const struct ivshmem_net_host *half)
{
	const uint32_t state = pvn_le32_to_cpu(half->state);
	const char *fault = pvn_guestdev_fault(&dev->g);

	if (fault != NULL) {
		IVSHMEM_LOG(ERR, dev->g.data->name, "the host broke the rules: %s", fault);
	} else if (state == IVSHMEM_NET_CONNECTED &&
		   pvn_le64_to_cpu(half->connection) == dev->connection) {
		return;
	} else if (state == IVSHMEM_NET_REFUSED) {
		IVSHMEM_LOG(ERR, dev->g.data->name, "the host closed the connection: %s",
			    ivshost_reason_text(pvn_le32_to_cpu(half->reason)));
	} else {
		IVSHMEM_LOG(NOTICE, dev->g.data->name, "the host is gone, waiting for it");
	}
	disconnect(dev);
	set_state(dev, IVSHMEM_NET_AWAY);
}

/* The region came, went, or is another one. False: there is none now. */
static bool
find_port(struct ivshmem_guestdev *dev)
{
	const uint64_t attachment = pvn_ivshmem_hub_attachment(dev->hub);
	struct ivshmem_object o;

	if (attachment != dev->attachment || attachment == 0) {
		if (dev->phase == IVSHMEM_PORT_TALKING)
			IVSHMEM_LOG(NOTICE, dev->g.data->name, "the host is gone, waiting for it");
		if (dev->phase > IVSHMEM_PORT_WAITING)
			disconnect(dev);
		dev->mem = NULL;
		dev->connection = 0;
		dev->attachment = attachment;
	}
	if (attachment == 0 || dev->mem != NULL)
		return attachment != 0;
	if (pvn_ivshmem_hub_find_net(dev->hub, dev->port[0] != '\0' ? dev->port : NULL, dev->nth,
				     &o) < 0)
		return false;
	dev->mem = pvn_ivshmem_hub_mem(dev->hub) + pvn_le64_to_cpu(o.off);
	dev->len = pvn_le64_to_cpu(o.len);
	if (dev->phase != IVSHMEM_PORT_STOPPED)
		set_state(dev, IVSHMEM_NET_AWAY);
	return true;
}

void
ivshmem_conn_look(struct pvn_ivshmem_hub_client *client)
{
	struct ivshmem_guestdev *dev = container_of(client, struct ivshmem_guestdev, client);
	struct ivshmem_net_host half;

	if (!find_port(dev) || dev->phase == IVSHMEM_PORT_STOPPED)
		return;
	copy_host_half(dev, &half);
	if (dev->phase == IVSHMEM_PORT_TALKING)
		look_talking(dev, &half);
	else if (dev->phase == IVSHMEM_PORT_ASKING)
		look_asking(dev, &half);
	if (dev->phase == IVSHMEM_PORT_WAITING &&
	    pvn_le32_to_cpu(half.state) == IVSHMEM_NET_OFFERED &&
	    pvn_le64_to_cpu(half.connection) != dev->connection)
		answer_offer(dev, &half);
}

/* Whether the device is gone, or its kernel wants it back, and nobody was told yet. */
static bool
newly_removed(struct ivshmem_guestdev *dev)
{
	bool newly;

	pvn_ivshmem_hub_lock(dev->hub);
	newly = pvn_ivshmem_hub_broken(dev->hub) && !dev->removed;
	dev->removed |= newly;
	pvn_ivshmem_hub_unlock(dev->hub);
	return newly;
}

/* Tells the application of the link, and that its device is to go, without the lock. */
void
ivshmem_conn_after(struct pvn_ivshmem_hub_client *client)
{
	struct ivshmem_guestdev *dev = container_of(client, struct ivshmem_guestdev, client);

	pvn_guestdev_tell(&dev->g);
	if (newly_removed(dev)) {
		IVSHMEM_LOG(NOTICE, dev->g.data->name,
			    "its device, or its keeper, is gone or is to go: close the port");
		rte_eth_dev_callback_process(&rte_eth_devices[dev->g.data->port_id],
					     RTE_ETH_EVENT_INTR_RMV, NULL);
	}
}

/* Once: what the port is, if it is there and offered. */
static bool
try_find(struct ivshmem_guestdev *dev, struct rte_ether_addr *mac)
{
	struct ivshmem_net_host half;

	if (!find_port(dev))
		return false;
	copy_host_half(dev, &half);
	if (pvn_le64_to_cpu(half.connection) == 0)
		return false;
	memcpy(mac->addr_bytes, half.mac, sizeof(mac->addr_bytes));
	dev->g.max_queues = RTE_MIN(pvn_le32_to_cpu(half.queues_max), IVSHMEM_NET_QUEUES_MAX);
	dev->g.max_queues = RTE_MAX(dev->g.max_queues, 1u);
	dev->g.max_ring = RTE_MIN(pvn_le32_to_cpu(half.ring_size_max), PVN_HOSTEND_RING_MAX);
	dev->g.max_ring = RTE_MAX(dev->g.max_ring, PVN_GUESTDEV_RING_MIN);
	dev->g.max_mtu = RTE_MIN(pvn_le32_to_cpu(half.mtu), IVSHMEM_NET_MTU_MAX);
	dev->g.max_mtu = RTE_MAX(dev->g.max_mtu, IVSHMEM_NET_MTU_MIN);
	return !rte_is_zero_ether_addr(mac);
}

int
ivshmem_conn_find(struct ivshmem_guestdev *dev, struct rte_ether_addr *mac)
{
	const struct timespec step = {.tv_nsec = FIND_STEP_NS};
	bool found = false;

	for (int i = 0; i < FIND_TRIES && !found; i++) {
		if (i > 0)
			nanosleep(&step, NULL);
		pvn_ivshmem_hub_lock(dev->hub);
		found = try_find(dev, mac);
		pvn_ivshmem_hub_unlock(dev->hub);
	}
	return found ? 0 : -ENODEV;
}

int
ivshmem_conn_start(struct ivshmem_guestdev *dev)
{
	pvn_ivshmem_hub_lock(dev->hub);
	dev->phase = IVSHMEM_PORT_WAITING;
	dev->told = false;
	if (!dev->answered)
		dev->connection = 0; /* with other settings it may fit */
	if (dev->mem != NULL)
		set_state(dev, IVSHMEM_NET_AWAY);
	pvn_ivshmem_hub_unlock(dev->hub);
	pvn_ivshmem_hub_wake(dev->hub, &dev->client);
	return 0;
}

void
ivshmem_conn_stop(struct ivshmem_guestdev *dev)
{
	pvn_ivshmem_hub_lock(dev->hub);
	if (dev->phase != IVSHMEM_PORT_STOPPED) {
		disconnect(dev);
		dev->phase = IVSHMEM_PORT_STOPPED;
		if (dev->mem != NULL && pvn_ivshmem_hub_attachment(dev->hub) == dev->attachment)
			set_state(dev, IVSHMEM_NET_AWAY);
	}
	pvn_ivshmem_hub_unlock(dev->hub);
	ivshmem_conn_after(&dev->client);
}
