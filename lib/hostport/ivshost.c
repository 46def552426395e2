/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The life of a host's port. [IVS 7]
 *
 *   STOPPED --start--> OFFERED --answer is good--> CONNECTED
 *                       ^   |                         |
 *                       |   +--answer refused--> REFUSED
 *                       +--- guest left, died, or begins again ---+
 *
 * As on Xen: offers are bounded, each has a number made at random, and an answer counts only if it
 * names it, and the guest that is in the region now. Of the guest's memory only its half is read
 * here; it is copied once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <pvn_compat.h>

#include "pvn_ivshost.h"

static struct ivshmem_net_host *
host_half(const struct pvn_ivshost *host)
{
	return (struct ivshmem_net_host *)(void *)host->mem;
}

static const struct ivshmem_net_guest *
guest_half(const struct pvn_ivshost *host)
{
	return (const struct ivshmem_net_guest *)(const void *)(host->mem + IVSHMEM_NET_GUEST_HALF);
}

/* Tells the guest to look. */
static void
ring_guest(struct pvn_ivshost *host)
{
	uint32_t peer;

	if (pvn_ivshmem_hub_guest(host->hub, &peer) != 0 && peer != IVSHMEM_PEER_HOST)
		pvn_ivshmem_peer_ring(pvn_ivshmem_hub_peer(host->hub), peer, 0);
}

/* REL-HOST: the half before its state. Pairs with ACQ-HOST in the guest. */
static void
set_state(struct pvn_ivshost *host, enum ivshmem_net_host_state state)
{
	if (host->mem == NULL)
		return;
	__atomic_store_n(&host_half(host)->state, pvn_cpu_to_le32(state), __ATOMIC_RELEASE);
	ring_guest(host);
}

/* The state and the offer that the guest's half is about. */
static bool
answers(const struct pvn_ivshost *host)
{
	const struct ivshmem_net_guest *half = guest_half(host);

	/* ACQ-GUEST: the state before the rest of the half. Pairs with REL-GUEST. */
	return pvn_le32_to_cpu(__atomic_load_n(&half->state, __ATOMIC_ACQUIRE)) ==
		       IVSHMEM_NET_ANSWERED &&
	       pvn_le64_to_cpu(PVN_LOAD_ONCE(half->connection)) == host->connection;
}

static void
offer(struct pvn_ivshost *host)
{
	struct ivshmem_net_host *half = host_half(host);
	uint64_t number = 0;

	host->phase = PVN_IVSHOST_WAITING;
	if (!pvn_hostend_may_offer(&host->end))
		return;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number) || number == 0)
		return; /* the next look tries again */
	host->connection = number;
	host->offered = host->end.features | PVN_HOSTEND_FEATURES;
	if (pvn_ivshmem_hub_vectors(host->hub) > 0)
		host->offered |= RTE_BIT64(IVSHMEM_NET_F_WAKE);
	set_state(host, IVSHMEM_NET_CLOSED);
	/* A guest that reads what follows while it is written sees another state afterwards. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	half->version = pvn_cpu_to_le32(IVSHMEM_NET_VERSION);
	half->connection = pvn_cpu_to_le64(host->connection);
	half->features = pvn_cpu_to_le64(host->offered);
	half->queues_max = pvn_cpu_to_le32(host->end.rx_queues);
	half->ring_size_max = pvn_cpu_to_le32(PVN_HOSTEND_RING_MAX);
	half->mtu = pvn_cpu_to_le32(host->end.mtu);
	half->reason = pvn_cpu_to_le32(IVSHMEM_NET_REASON_NONE);
	memcpy(half->mac, host->end.policy.mac.addr_bytes, sizeof(half->mac));
	half->vectors = pvn_cpu_to_le32(host->vectors);
	half->attachment = 0;
	set_state(host, IVSHMEM_NET_OFFERED);
	host->phase = PVN_IVSHOST_OFFERED;
}

/* Lets go of the guest. */
static void
disconnect(struct pvn_ivshost *host)
{
	pvn_hostend_detach(&host->end);
	for (uint16_t i = 0; i < host->end.tx_queues; i++)
		host->end.txq[i]->wake = NULL;
	host->end.queues = 0;
	host->end.pool_count = 0;
	host->phase = PVN_IVSHOST_STOPPED;
}

/* Why, for everybody who looks; and nothing more until the guest begins again. */
static void
refuse(struct pvn_ivshost *host, enum ivshmem_net_reason reason)
{
	struct ivshmem_net_host *half = host_half(host);

	PVN_HOSTEND_TELL(ERR, &host->end, "connection with the guest ended: %s", host->end.why);
	disconnect(host);
	half->reason = pvn_cpu_to_le32(reason);
	half->attachment = pvn_cpu_to_le64(host->attachment);
	set_state(host, IVSHMEM_NET_REFUSED);
	host->phase = PVN_IVSHOST_REFUSED;
}

static void
ring(void *arg, uint32_t peer, uint32_t vector)
{
	struct pvn_ivshost *host = arg;

	pvn_ivshmem_peer_ring(pvn_ivshmem_hub_peer(host->hub), peer, vector);
}

/* A guest that may sleep is looked after by each transmit. Gates are shut. */
static void
set_wakes(struct pvn_ivshost *host, const struct ivshmem_net_guest *half)
{
	const uint32_t vectors = pvn_le32_to_cpu(half->vectors);
	const uint32_t peer = pvn_le32_to_cpu(half->peer);
	const bool sleeps = (host->end.agreed & RTE_BIT64(IVSHMEM_NET_F_WAKE)) != 0 &&
			    vectors > 0 && vectors <= IVSHMEM_VECTORS_MAX &&
			    peer != IVSHMEM_PEER_HOST;

	for (uint32_t q = 0; q < host->end.queues && q < host->end.tx_queues; q++) {
		host->wake[q] = (struct pvn_wake){
			.word = (pvn_le32 *)(void *)(host->mem + IVSHMEM_NET_WAKE_GUEST(q)),
			.ring = ring,
			.arg = host,
			.peer = peer,
			.vector = IVSHMEM_NET_VECTOR(q, vectors),
		};
		host->end.txq[q]->wake = sleeps ? &host->wake[q] : NULL;
	}
}

static void
connect(struct pvn_ivshost *host, uint64_t attachment)
{
	struct ivshost_answer a = {.features = host->offered, .len = host->len};
	struct ivshmem_net_guest half;
	enum ivshmem_net_reason reason;

	memcpy(&half, guest_half(host), sizeof(half));
	__asm__ volatile("" : "+m"(half) : : "memory"); /* from here on it is the copy */
	if (pvn_le64_to_cpu(half.connection) != host->connection ||
	    pvn_le64_to_cpu(half.attachment) != attachment)
		return; /* of a guest that was here before, or being written */
	host->attachment = attachment;
	reason = ivshost_check(&host->end, host->mem, &half, &a);
	if (reason != IVSHMEM_NET_REASON_NONE) {
		pvn_hostend_refuse(&host->end, 0, "%s", ivshost_reason_text(reason));
		refuse(host, reason);
		return;
	}
	set_wakes(host, &half);
	pvn_hostend_attach(&host->end, a.rx_rings, a.tx_rings);
	host->phase = PVN_IVSHOST_CONNECTED;
	host->end.why[0] = '\0';
	host_half(host)->attachment = pvn_cpu_to_le64(attachment);
	set_state(host, IVSHMEM_NET_CONNECTED);
	PVN_HOSTEND_TELL(NOTICE, &host->end,
			 "connected to the guest: %u queue pairs, features 0x%llx",
			 host->end.queues, (unsigned long long)host->end.agreed);
}

static void
leave(struct pvn_ivshost *host)
{
	disconnect(host);
	set_state(host, IVSHMEM_NET_CLOSED);
}

static void
look_connected(struct pvn_ivshost *host, uint64_t attachment)
{
	if (pvn_hostend_fault(&host->end)) {
		refuse(host, IVSHMEM_NET_REASON_FAULT);
	} else if (attachment != host->attachment || !answers(host)) {
		disconnect(host);
		offer(host);
		PVN_HOSTEND_TELL(NOTICE, &host->end, "the guest is gone, waiting for it");
	}
}

static void
look_refused(struct pvn_ivshost *host, uint64_t attachment)
{
	if (attachment != host->attachment || !answers(host))
		offer(host);
}

/* The region is as it was, or begins as soon as the last one's guest lets go, or as there is a
 * server again. False: there is none now.
 */
static bool
find_port(struct pvn_ivshost *host)
{
	uint8_t *mem = pvn_ivshmem_hub_net(host->hub, host->port, &host->len);

	if (mem == NULL && host->mem != NULL) {
		if (host->phase == PVN_IVSHOST_CONNECTED)
			PVN_HOSTEND_TELL(NOTICE, &host->end,
					 "the region's server is gone, waiting for it");
		disconnect(host);
		host->phase = PVN_IVSHOST_WAITING;
	}
	if (mem != NULL && host->mem == NULL) {
		host->mem = mem;
		offer(host);
	}
	host->mem = mem;
	return mem != NULL;
}

static void
host_look(struct pvn_ivshmem_hub_client *client)
{
	struct pvn_ivshost *host = container_of(client, struct pvn_ivshost, client);
	uint64_t attachment;
	uint32_t peer;

	if (!host->started || !find_port(host))
		return;
	attachment = pvn_ivshmem_hub_guest(host->hub, &peer);
	if (host->phase == PVN_IVSHOST_CONNECTED)
		look_connected(host, attachment);
	else if (host->phase == PVN_IVSHOST_WAITING)
		offer(host);
	else if (host->phase == PVN_IVSHOST_REFUSED)
		look_refused(host, attachment);
	else if (host->phase == PVN_IVSHOST_OFFERED && attachment != 0 && answers(host))
		connect(host, attachment);
}

static void
host_after(struct pvn_ivshmem_hub_client *client)
{
	struct pvn_ivshost *host = container_of(client, struct pvn_ivshost, client);

	if (host->end.up == host->link_told)
		return;
	host->link_told = host->end.up;
	if (host->end.changed != NULL)
		host->end.changed(&host->end);
}

int
pvn_ivshost_init(struct pvn_ivshost *host, struct pvn_ivshmem_hub *hub, const char *port,
		 uint64_t room)
{
	int ret;

	host->hub = hub;
	host->client = (struct pvn_ivshmem_hub_client){.look = host_look, .after = host_after};
	pvn_ivshmem_hub_lock(hub);
	ret = pvn_ivshmem_hub_add_net(hub, port, room);
	pvn_ivshmem_hub_unlock(hub);
	if (ret < 0) {
		PVN_HOSTEND_LOG(ERR, &host->end, "%s", pvn_ivshmem_why());
		return ret;
	}
	snprintf(host->port, sizeof(host->port), "%s", port);
	pvn_ivshmem_hub_add(hub, &host->client);
	return 0;
}

void
pvn_ivshost_fini(struct pvn_ivshost *host)
{
	pvn_ivshost_stop(host);
	pvn_ivshmem_hub_remove(host->hub, &host->client);
	pvn_ivshmem_hub_lock(host->hub);
	pvn_ivshmem_hub_remove_net(host->hub, host->port);
	pvn_ivshmem_hub_unlock(host->hub);
}

void
pvn_ivshost_start(struct pvn_ivshost *host)
{
	pvn_ivshmem_hub_lock(host->hub);
	host->end.offers =
		(struct pvn_hostend_allowance){0}; /* this one is not the guest's doing */
	host->started = true;
	host->phase = PVN_IVSHOST_WAITING;
	pvn_ivshmem_hub_unlock(host->hub);
	pvn_ivshmem_hub_wake(host->hub, &host->client);
}

void
pvn_ivshost_stop(struct pvn_ivshost *host)
{
	pvn_ivshmem_hub_lock(host->hub);
	if (host->started)
		leave(host);
	host->started = false;
	pvn_ivshmem_hub_unlock(host->hub);
	host_after(&host->client);
}

bool
pvn_ivshost_guest_there(struct pvn_ivshost *host)
{
	uint32_t peer;
	bool there;

	pvn_ivshmem_hub_lock(host->hub);
	there = pvn_ivshmem_hub_guest(host->hub, &peer) != 0;
	pvn_ivshmem_hub_unlock(host->hub);
	return there;
}
