/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * net_ivshmem inside: a guest's ethdev over lib/guestport, a host's over lib/hostport. The life of
 * a guest's port is told at the top of ivshmem_conn.c, that of a host's in lib/hostport/ivshost.c.
 */
#ifndef IVSHMEM_PMD_H
#define IVSHMEM_PMD_H

#include <ethdev_driver.h>

#include <ivshmem_net.h>
#include <pvn_guestdev.h>
#include <pvn_hostdev.h>
#include <pvn_ivshmem_hub.h>
#include <pvn_ivshost.h>

#include "ivshmem_log.h"

#define IVSHMEM_DRIVER "net_ivshmem"

struct pvn_ivshmem_server;

/* Where a guest's port is in its life with the host. [IVS 7] */
enum ivshmem_phase {
	IVSHMEM_PORT_STOPPED,
	IVSHMEM_PORT_WAITING, /* for an offer that we have not answered */
	IVSHMEM_PORT_ASKING,  /* answered: for the host to take it */
	IVSHMEM_PORT_TALKING, /* gates are open */
};

/* Parts of the room, as offsets from the port's beginning. */
struct ivshmem_room {
	uint64_t rx_ring[IVSHMEM_NET_QUEUES_MAX];
	uint64_t tx_ring[IVSHMEM_NET_QUEUES_MAX];
	uint64_t pool[IVSHMEM_NET_POOLS_MAX];
	uint64_t pool_len[IVSHMEM_NET_POOLS_MAX];
};

/* A receive queue that can sleep: its word in shared memory while connected, and its doorbell. */
struct ivshmem_sleeper {
	pvn_le32 *word;
	int bell;    /* -1: it cannot */
	bool asleep; /* interrupts are enabled */
};

struct ivshmem_guestdev {
	struct pvn_guestdev g;
	struct pvn_ivshmem_hub *hub;
	struct pvn_ivshmem_hub_client client;
	char port[IVSHMEM_NAME_MAX]; /* "": the nth one */
	uint32_t nth;
	rte_iova_t iova; /* of the region's beginning; RTE_BAD_IOVA if it has none */

	/* Zero-copy: a pool at the end of the room, made when the port is. */
	struct rte_mempool *zc_mempool;
	struct pvn_vring_pool zc_pool;
	uint64_t zc_off; /* from the region's beginning */
	uint64_t zc_len;

	/* Under the hub's lock. */
	enum ivshmem_phase phase;
	bool removed;	     /* the device is gone, and the application was told */
	uint64_t attachment; /* the region's, when we found the port */
	uint8_t *mem;	     /* the port; NULL: none */
	uint64_t len;
	uint64_t connection; /* the offer that we looked at last */
	bool answered;	     /* and answered */
	struct ivshmem_room room;
	struct pvn_vring_pool pools[IVSHMEM_NET_POOLS_MAX];
	struct pvn_wake wake[IVSHMEM_NET_QUEUES_MAX];
	bool told; /* what is wrong with this offer */

	struct rte_intr_handle *intr;
	struct ivshmem_sleeper sleeper[IVSHMEM_NET_QUEUES_MAX];
};

struct ivshmem_hostdev {
	struct pvn_hostdev d;
	struct pvn_ivshost host;
	struct pvn_ivshmem_hub *hub;
	struct pvn_ivshmem_server *server; /* ours, or NULL */
	struct rte_intr_handle *intr;
	struct ivshmem_sleeper sleeper[IVSHMEM_NET_QUEUES_MAX];
};

/* Which pool is which when copying. */
#define IVSHMEM_POOL_TX 0
#define IVSHMEM_POOL_RX 1

static inline struct ivshmem_guestdev *
ivshmem_guestdev(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

static inline struct ivshmem_hostdev *
ivshmem_hostdev(const struct rte_eth_dev *eth)
{
	return eth->data->dev_private;
}

/* What devargs say; texts are malloc'd. */
struct ivshmem_args {
	const char *name; /* of the port, for messages */
	char *path, *host, *serve, *port, *mac, *rate, *size, *room;
	uint32_t zero_copy, pool_size, mac_check, mtu, vectors;
};

int ivshmem_spawn(pthread_t *thread, void *(*run)(void *), void *arg);

/* ---- ivshmem_args.c ---- */

/* 0 or -EINVAL, logged; ivshmem_args_free() in any case. */
int ivshmem_args_parse(const char *text, struct ivshmem_args *args);

/* The same for a PCI device, whose place is known. */
int ivshmem_args_parse_pci(const char *text, struct ivshmem_args *args);
void ivshmem_args_free(struct ivshmem_args *args);

/* Bytes, or bits per second, with K, M or G: powers of 1024 or of 1000. */
int ivshmem_args_amount(const struct ivshmem_args *args, const char *key, const char *text,
			uint32_t thousand, uint64_t *value);
int ivshmem_args_mac(const struct ivshmem_args *args, struct rte_ether_addr *mac);

/* ---- ivshmem_conn.c: the life of a guest's port ---- */

/* Finds the port in the region, waiting for the host a while; its MAC address, or -errno. */
int ivshmem_conn_find(struct ivshmem_guestdev *dev, struct rte_ether_addr *mac);
int ivshmem_conn_start(struct ivshmem_guestdev *dev);
void ivshmem_conn_stop(struct ivshmem_guestdev *dev);
void ivshmem_conn_look(struct pvn_ivshmem_hub_client *client);
void ivshmem_conn_after(struct pvn_ivshmem_hub_client *client);

/* ---- ivshmem_room.c: where rings and pools are ---- */

/* 0 or -ENOSPC, logged. */
int ivshmem_room_lay(struct ivshmem_guestdev *dev);
int ivshmem_room_zero_copy(struct ivshmem_guestdev *dev, uint32_t bufs);

/* False if mbufs are still in use: their memory must stay then. */
bool ivshmem_room_zero_copy_end(struct ivshmem_guestdev *dev);

/* ---- ivshmem_guest.c, ivshmem_host.c ---- */

extern const struct eth_dev_ops ivshmem_guest_ops;
extern const struct eth_dev_ops ivshmem_host_ops;

/* Makes `eth`, whose private data is a struct ivshmem_guestdev, the port `port` (or number nth) of
 * the region that `spec` leads to.
 */
int ivshmem_guest_init(struct rte_eth_dev *eth, const char *spec, uint32_t nth, rte_iova_t iova,
		       const struct ivshmem_args *args);
int ivshmem_host_init(struct rte_eth_dev *eth, const struct ivshmem_args *args);
int ivshmem_guest_close(struct rte_eth_dev *eth);
int ivshmem_host_close(struct rte_eth_dev *eth);

/* Which operations a secondary process has on a port of either kind. */
void ivshmem_secondary(struct rte_eth_dev *eth);

/* ---- ivshmem_pci.c: ports of one device ---- */

/* Where the ports are seen in EAL. */
struct ivshmem_bus_device {
	struct rte_device *device;
	const char *name; /* of the first port; the PCI address */
	rte_iova_t iova;  /* of the memory, or RTE_BAD_IOVA */
	int numa;
};

/* Makes all net ports of the region at `spec`. 0, 1 if there are none, or -errno. */
int ivshmem_ports_add(const struct ivshmem_bus_device *at, const char *spec,
		      const struct ivshmem_args *args);
void ivshmem_ports_remove(const char *name);

/* ---- ivshmem_find.c: what there is in this machine ---- */

/* Each IVSHMEM device that the command line allows, by its PCI address. */
void ivshmem_find_each(void (*each)(const char *address, void *arg), void *arg);

/* ---- ivshmem_share.c: pointer mode ---- */

/* Attaches to the region if it is one of pointer mode: 1, 0 if it is not, or -errno, logged. */
int ivshmem_share_attach(const char *device, const char *spec);
void ivshmem_share_detach(const char *device);

/* ---- ivshmem_intr.c: receive queues that sleep ---- */

/* Vectors for queues, if the application wants interrupts; 0: it does not. */
uint32_t ivshmem_intr_vectors(const struct rte_eth_dev *eth, struct pvn_ivshmem_hub *hub);
int ivshmem_intr_start(struct rte_eth_dev *eth, struct pvn_ivshmem_hub *hub,
		       struct ivshmem_sleeper *sleepers, struct rte_intr_handle **handle);
void ivshmem_intr_stop(struct rte_eth_dev *eth, struct pvn_ivshmem_hub *hub,
		       struct ivshmem_sleeper *sleepers, struct rte_intr_handle **handle);

/* Everybody who sleeps looks once more: a connection came or went. */
void ivshmem_intr_wake_all(const struct ivshmem_sleeper *sleepers, uint16_t n);
int ivshmem_guest_intr_enable(struct rte_eth_dev *eth, uint16_t q);
int ivshmem_guest_intr_disable(struct rte_eth_dev *eth, uint16_t q);
int ivshmem_host_intr_enable(struct rte_eth_dev *eth, uint16_t q);
int ivshmem_host_intr_disable(struct rte_eth_dev *eth, uint16_t q);

#endif /* IVSHMEM_PMD_H */
