/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A connection to a server of `local`.
 */
#ifndef LOCAL_CLIENT_H
#define LOCAL_CLIENT_H

#include <pthread.h>
#include <sys/un.h>

#include "local_wire.h"
#include "xen_area.h"
#include "xen_ops.h"

/* One end of an event channel: two eventfds. */
struct local_port {
	bool open;
	int wait_fd;
	int signal_fd;
};

struct local_watch {
	uint32_t id;
	char *path;
	char *token;
};

struct local {
	struct pvn_xen x;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct pvn_xen_limits limits;
	struct xen_areas areas;

	pthread_mutex_t call_lock; /* one request at a time */
	int fd;
	bool broken; /* a reply was cut off: the stream cannot be used any more */

	pthread_mutex_t port_lock;
	int epoll_fd;
	struct local_port *ports; /* by number */
	uint32_t ports_room;

	pthread_mutex_t watch_lock;
	int watch_fd;
	struct local_watch *watches;
	uint32_t watch_count;
	uint32_t watch_id;
};

struct local_part {
	const void *data;
	size_t len;
};

/* A request and its reply. */
struct local_call {
	uint32_t op;
	uint32_t txn;
	uint32_t arg[5];
	struct local_part body[2];

	/* After a call that succeeded: malloc'd, for the caller to free; and descriptors to close.
	 */
	void *reply; /* a NUL follows it */
	uint32_t reply_len;
	int *fds;
	uint32_t fd_count;
};

/* Asks the server. Its status, or a negative errno with a text for pvn_xen_why(). */
int local_call(struct local *l, struct local_call *c);

/* As local_call(), for a reply of which only the status matters. */
int local_ask(struct local *l, struct local_call *c);

/* Frees the reply of a call, and closes its descriptors. */
void local_call_done(struct local_call *c);

/* Ends what the connection still holds, without asking the server. */
void local_areas_close(struct local *l);
void local_ports_close(struct local *l);
void local_watches_close(struct local *l);

/* The members of the table. */
void *local_share(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable, uint32_t *refs);
void *local_share_notify(struct pvn_xen *x, uint16_t peer, uint32_t *ref, uint32_t clear_offset,
			 int port);
void local_unshare(struct pvn_xen *x, void *addr, uint32_t pages);
void *local_map(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable,
		const uint32_t *refs);
void *local_map_notify(struct pvn_xen *x, uint16_t peer, uint32_t ref, uint32_t clear_offset,
		       int port);
void local_unmap(struct pvn_xen *x, void *addr, uint32_t pages);
void local_limits(struct pvn_xen *x, struct pvn_xen_limits *limits);
int local_event_alloc(struct pvn_xen *x, uint16_t peer);
int local_event_bind(struct pvn_xen *x, uint16_t peer, uint32_t peer_port);
void local_event_close(struct pvn_xen *x, int port);
int local_event_notify(struct pvn_xen *x, int port);
int local_event_fd(struct pvn_xen *x);
int local_event_next(struct pvn_xen *x);
int local_event_unmask(struct pvn_xen *x, int port);
int local_read(struct pvn_xen *x, uint32_t txn, const char *path, char **value);
int local_write(struct pvn_xen *x, uint32_t txn, const char *path, const char *value, size_t len);
int local_mkdir(struct pvn_xen *x, uint32_t txn, const char *path);
int local_rm(struct pvn_xen *x, uint32_t txn, const char *path);
int local_list(struct pvn_xen *x, uint32_t txn, const char *path, char ***names);
int local_set_perms(struct pvn_xen *x, uint32_t txn, const char *path,
		    const struct pvn_xen_perm *perms, unsigned int count);
int local_get_perms(struct pvn_xen *x, uint32_t txn, const char *path, struct pvn_xen_perm **perms);
int local_txn_begin(struct pvn_xen *x, uint32_t *txn);
int local_txn_end(struct pvn_xen *x, uint32_t txn, bool commit);
int local_watch(struct pvn_xen *x, const char *path, const char *token);
int local_unwatch(struct pvn_xen *x, const char *path, const char *token);
int local_watch_fd(struct pvn_xen *x);
int local_watch_next(struct pvn_xen *x, char **token, char **path);

#endif /* LOCAL_CLIENT_H */
