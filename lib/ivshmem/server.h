/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The parts of a server.
 *
 *   server.c         the public calls and the loop
 *   server_memory.c  memory, and what is told in it
 *   server_socket.c  sockets with names
 *   server_client.c  clients, and what each was told
 */
#ifndef IVSHMEM_SERVER_H
#define IVSHMEM_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ivshmem.h"
#include "pvn_ivshmem_server.h"

#define SERVER_PLACES (PVN_IVSHMEM_GUESTS_MAX + 1) /* place 0 is the host's */

/* What an epoll event points to: client NULL is the listening socket. */
struct server_source {
	struct server_client *client;
	bool host;
};

/* What a client knows of a place. */
struct server_told {
	uint64_t life; /* of whom it was told there, 0: of nobody */
	uint32_t number;
	uint32_t vectors; /* of those */
};

struct server_client {
	struct server_source source;
	struct pvn_ivshmem_client who;
	int fd;
	uint32_t place;
	uint64_t life;		       /* of this client: no other one of this server has it */
	bool dead;		       /* to be freed by server_reap() */
	bool waits;		       /* for room in its socket */
	uint32_t greeted;	       /* of the first three messages */
	int bell[IVSHMEM_VECTORS_MAX]; /* a guest's */
	struct server_told told[SERVER_PLACES];
};

struct server_socket {
	struct server_source source;
	int fd;
	char path[108];
	dev_t dev; /* of the name in the file system, */
	ino_t ino; /* so that only ours is removed */
};

struct pvn_ivshmem_server {
	pthread_mutex_t lock; /* of all that follows */
	char name[IVSHMEM_NAME_MAX];
	uint64_t size;
	uint32_t vectors;
	uint32_t guests;
	int memory_fd;
	void *map; /* all of the memory; touched by server_host_absent() only */
	int epoll_fd;
	int spare_fd; /* to be closed when no descriptor is left for accept() */
	struct server_socket guest_socket;
	struct server_socket host_socket;
	struct server_client *clients[SERVER_PLACES];
	int host_bell[IVSHMEM_VECTORS_MAX]; /* whoever is the host, or nobody */
	uint64_t lives;
	uint32_t last_number;
	struct pvn_ivshmem_server_stats stats;
	bool has_thread;
	int stop_fd;
	pthread_t thread;
};

/* server_memory.c */
int server_memory_new(struct pvn_ivshmem_server *s, const struct pvn_ivshmem_server_cfg *cfg);
void server_memory_free(struct pvn_ivshmem_server *s);
/* The host is gone: says so in its page, if there is one. */
void server_host_absent(struct pvn_ivshmem_server *s);

/* server_socket.c */
int server_socket_listen(struct server_socket *sock, const struct pvn_ivshmem_server_cfg *cfg,
			 const char *suffix);
void server_socket_close(struct server_socket *sock);

/* server_client.c */
/* As many as there are vectors; what is not made stays -1, as it was. */
int server_bells_new(const struct pvn_ivshmem_server *s, int *bell);
void server_bells_free(const int *bell);
/* Takes over the socket. */
int server_client_new(struct pvn_ivshmem_server *s, int fd, bool host);
void server_client_ready(struct pvn_ivshmem_server *s, struct server_client *c, uint32_t events);
/* Notices who has hung up already, although its event has not come yet. */
void server_find_dead(struct pvn_ivshmem_server *s);
/* Frees the dead and tells the others. */
void server_reap(struct pvn_ivshmem_server *s);

#endif /* IVSHMEM_SERVER_H */
