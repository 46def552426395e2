/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The kinds of a peer: what pvn_ivshmem_peer_*() asks of each.
 *
 *   peer.c         the public calls, and files
 *   peer_socket.c  a server's socket: the messages
 *   peer_bells.c   other peers and their eventfds, as the server tells them
 *   peer_pci.c     a PCI device: sysfs, registers
 *   peer_vfio.c    a PCI device that vfio-pci has: mapping and interrupts
 */
#ifndef IVSHMEM_PEER_H
#define IVSHMEM_PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ivshmem.h"
#include "pvn_ivshmem_peer.h"

/* Others that one server may have connected at the same time; each costs us a descriptor for each
 * of its vectors.
 */
#define PEERS_MAX 256u

/* NULL: this kind has nothing to do there. */
struct peer_ops {
	void (*close)(struct pvn_ivshmem_peer *p);
	int (*ring)(struct pvn_ivshmem_peer *p, uint32_t number, uint32_t vector);
	int (*look)(struct pvn_ivshmem_peer *p);
	bool (*there)(const struct pvn_ivshmem_peer *p, uint32_t number);
};

/* Somebody else; vectors are numbered in the order in which the server sends them. */
struct peer_other {
	uint32_t number;
	uint32_t vectors;
	int bell[IVSHMEM_VECTORS_MAX];
};

/* Who else is there. Other threads ring while the control thread adds and removes, so all of it is
 * under the lock: a bell that was closed could be another file already.
 */
struct peer_others {
	pthread_rwlock_t lock;
	struct peer_other *v[PEERS_MAX];
	uint32_t count;
};

/* The socket's side: a message on its way, and what the server has told. */
struct peer_socket {
	int fd;
	unsigned char bytes[8];
	uint32_t got; /* bytes */
	int with;     /* the descriptor that came with them, or -1 */
	bool gone;
	bool version_told;
	bool number_told;
	struct peer_others others;
};

/* A device's side. */
struct peer_pci {
	char address[16];
	/* by sysfs */
	void *regs_map;
	volatile uint32_t *regs; /* NULL: it cannot be rung */
	uint64_t inode;		 /* of its folder */
	/* with vfio-pci */
	int container_fd;
	int group_fd;
	int device_fd;
	bool has_regs;
	uint64_t regs_off;
	bool no_iommu;
	bool gone;
};

struct pvn_ivshmem_peer {
	const struct peer_ops *ops;
	uint64_t size;
	uint32_t number;
	int fd;	      /* of the memory, to be told; -1 for a device */
	int map_fd;   /* what is mapped, may be the same */
	uint64_t off; /* and from where on */
	bool read_only;
	void *map;
	int event_fd;
	uint32_t vectors;
	int bell[IVSHMEM_VECTORS_MAX];
	uint64_t rung; /* by us; any thread's */
	int open_ms;   /* how long a server may take */
	union {
		struct peer_socket socket;
		struct peer_pci pci;
	};
};

/* pvn_ivshmem_peer_open() that gives a server so long. */
int peer_open_within(const char *spec, int ms, struct pvn_ivshmem_peer **out);

/* The mapping of `p`, as large as that of `old`, goes where that one is, and that one goes; so does
 * the count of rings. 0 or -errno: then `old` is as it was.
 */
int peer_take_place(struct pvn_ivshmem_peer *p, struct pvn_ivshmem_peer *old);

/* Our own doorbells are the caller's from here on; how many. */
uint32_t peer_give_bells(struct pvn_ivshmem_peer *p, int *bell);

/* Each fills a peer that is empty, or leaves what closing takes away. */
int peer_open_socket(struct pvn_ivshmem_peer *p, const char *path);
int peer_take_socket(struct pvn_ivshmem_peer *p, int sock);
int peer_open_pci(struct pvn_ivshmem_peer *p, const char *address);
int peer_open_vfio(struct pvn_ivshmem_peer *p);

/* The memory is this file: sets size, fd, map_fd. `what` is for messages. */
int peer_set_file(struct pvn_ivshmem_peer *p, int fd, const char *what);

/* peer_bells.c; all but peer_others_ring() belong to the control thread. */
int peer_others_init(struct peer_others *o);
void peer_others_free(struct peer_others *o);
/* Another bell of a peer, which is taken over. 1 if the peer came with it, 0, or a negative errno.
 */
int peer_others_add(struct peer_others *o, uint32_t number, int bell);
/* 1 if it was there. */
int peer_others_remove(struct peer_others *o, uint32_t number);
bool peer_others_has(const struct peer_others *o, uint32_t number);
int peer_others_ring(struct peer_others *o, uint32_t number, uint32_t vector);
/* Whether it is an eventfd, which is non-blocking then: writing to any other file could wait. */
bool peer_is_bell(int fd);
int peer_ring_bell(int bell);

#endif /* IVSHMEM_PEER_H */
