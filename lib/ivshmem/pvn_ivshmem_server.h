/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * An ivshmem server: one region's memory, and who shares it. [IVS 2] QEMU's ivshmem-doorbell and
 * pvn_ivshmem_peer_open("socket:PATH") are its clients. It never waits for any of them, and what a
 * client does costs nobody but itself.
 *
 * The memory is ours, so it stays when a client dies. A client is told of the others as fast as it
 * reads; what it has not read yet is bounded, for of a peer that came and went meanwhile it is told
 * nothing. A client that sends anything is disconnected: the protocol has nothing that it could
 * say.
 *
 * A process that holds another one's eventfd can make it blocking and full, so that ringing waits;
 * a guest in a virtual machine cannot. Give PATH to those whom you trust that far.
 *
 * Threads: all calls may come from any thread; none waits for a client.
 * Errors: a negative errno; pvn_ivshmem_why() tells more.
 */
#ifndef PVN_IVSHMEM_SERVER_H
#define PVN_IVSHMEM_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pvn_ivshmem_region.h"

/* Guests of one region at a time. */
#define PVN_IVSHMEM_GUESTS_MAX 255u
#define PVN_IVSHMEM_GUESTS_DEFAULT 16u

struct pvn_ivshmem_server;

/* What is 0 or NULL has the value in brackets. */
struct pvn_ivshmem_server_cfg {
	const char *name;   /* of the region, see pvn_ivshmem_check_name() */
	uint64_t size;	    /* bytes, see pvn_ivshmem_check_size() */
	uint32_t vectors;   /* of each client, 1..32 [1] */
	uint32_t guests;    /* at the same time, 1..PVN_IVSHMEM_GUESTS_MAX [16] */
	uint64_t huge_page; /* bytes of the pages of a memfd [the usual ones] */
	const char *file;   /* the memory is this file, made if it is not there [a memfd] */
	int memory_fd;	    /* the memory is this file, duplicated [file] */
	const char *path;   /* sockets PATH and PATH.host [none: only server_connect()] */
	mode_t mode;	    /* of both sockets [0600] */
	bool chown;	    /* gives both sockets to: */
	uid_t uid;	    /* this user, */
	gid_t gid;	    /* and this group */
};

/* Who is connected. */
struct pvn_ivshmem_client {
	uint32_t number; /* IVSHMEM_PEER_HOST: the host */
	pid_t pid;	 /* of who connected, as far as this process may know */
	uid_t uid;	 /* likewise */
	gid_t gid;	 /* likewise */
};

/* Counters since the server was made. */
struct pvn_ivshmem_server_stats {
	uint64_t came;	  /* clients that were taken */
	uint64_t refused; /* no room, the host's place taken, no descriptor left */
	uint64_t dropped; /* sent something, or could be told no more */
};

/* Makes memory and sockets. A socket that a dead server left is replaced; -EADDRINUSE when somebody
 * serves there. From here on clients may connect, but are answered by pvn_ivshmem_server_run().
 */
int pvn_ivshmem_server_new(const struct pvn_ivshmem_server_cfg *cfg,
			   struct pvn_ivshmem_server **out);

/* Disconnects all, removes the sockets, and lets go of the memory. NULL is fine. */
void pvn_ivshmem_server_free(struct pvn_ivshmem_server *s);

/* Readable when pvn_ivshmem_server_run() has something to do. For those who have a loop. */
int pvn_ivshmem_server_fd(const struct pvn_ivshmem_server *s);

/* Does a bounded part of what there is to do. */
void pvn_ivshmem_server_run(struct pvn_ivshmem_server *s);

/* Runs it in a thread of its own until it is freed. For those who have no loop. */
int pvn_ivshmem_server_start(struct pvn_ivshmem_server *s);

/* A socket for pvn_ivshmem_peer_take(), in a guest's place or the host's; or a negative errno. Some
 * 300 messages (the vectors of all who are connected) are in it at once; for more the server must
 * run meanwhile, in another thread.
 */
int pvn_ivshmem_server_connect(struct pvn_ivshmem_server *s, bool host);

/* The memory's descriptor; stays ours. */
int pvn_ivshmem_server_memory(const struct pvn_ivshmem_server *s);

/* Bytes of the memory, and vectors of each client. */
uint64_t pvn_ivshmem_server_size(const struct pvn_ivshmem_server *s);
uint32_t pvn_ivshmem_server_vectors(const struct pvn_ivshmem_server *s);

/* Who is connected: how many, of which at most `max` are filled in. */
uint32_t pvn_ivshmem_server_clients(struct pvn_ivshmem_server *s, struct pvn_ivshmem_client *to,
				    uint32_t max);

void pvn_ivshmem_server_stats(struct pvn_ivshmem_server *s, struct pvn_ivshmem_server_stats *to);

#endif /* PVN_IVSHMEM_SERVER_H */
