/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A connection to Xen: one handle of each of its libraries. That of the store is open from the
 * beginning, the others from their first use.
 */
#ifndef XEN_REAL_H
#define XEN_REAL_H

#include <pthread.h>

#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "xen_area.h"
#include "xen_ops.h"

struct real {
	struct pvn_xen x;
	struct xs_handle *xs;
	/* What begins a path that does not begin with '/': nothing, or the home if the store's
	 * daemon is asked over its socket, where such a path is not below our home. */
	char home[32];
	struct xen_areas areas;
	pthread_mutex_t open_lock;
	xengnttab_handle *gnttab; /* NULL: not used yet; the same for those below */
	xengntshr_handle *gntshr;
	xenevtchn_handle *evtchn;
};

/* Takes what Xen's libraries would print: the caller has pvn_xen_why(). */
extern struct xentoollog_logger real_quiet;

/* Why a device node cannot be opened, after errno. The negative errno. */
int real_no_node(const char *node, const char *module);

/* A number in a file, or 0. */
uint32_t real_number_in(const char *path);

void real_areas_close(struct real *r);

/* The members of the table. */
void *real_share(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable, uint32_t *refs);
void *real_share_notify(struct pvn_xen *x, uint16_t peer, uint32_t *ref, uint32_t clear_offset,
			int port);
void real_unshare(struct pvn_xen *x, void *addr, uint32_t pages);
void *real_map(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable,
	       const uint32_t *refs);
void *real_map_notify(struct pvn_xen *x, uint16_t peer, uint32_t ref, uint32_t clear_offset,
		      int port);
void real_unmap(struct pvn_xen *x, void *addr, uint32_t pages);
void real_limits(struct pvn_xen *x, struct pvn_xen_limits *limits);
int real_event_alloc(struct pvn_xen *x, uint16_t peer);
int real_event_bind(struct pvn_xen *x, uint16_t peer, uint32_t peer_port);
void real_event_close(struct pvn_xen *x, int port);
int real_event_notify(struct pvn_xen *x, int port);
int real_event_fd(struct pvn_xen *x);
int real_event_next(struct pvn_xen *x);
int real_event_unmask(struct pvn_xen *x, int port);
int real_read(struct pvn_xen *x, uint32_t txn, const char *path, char **value);
int real_write(struct pvn_xen *x, uint32_t txn, const char *path, const char *value, size_t len);
int real_mkdir(struct pvn_xen *x, uint32_t txn, const char *path);
int real_rm(struct pvn_xen *x, uint32_t txn, const char *path);
int real_list(struct pvn_xen *x, uint32_t txn, const char *path, char ***names);
int real_set_perms(struct pvn_xen *x, uint32_t txn, const char *path,
		   const struct pvn_xen_perm *perms, unsigned int count);
int real_get_perms(struct pvn_xen *x, uint32_t txn, const char *path, struct pvn_xen_perm **perms);
int real_txn_begin(struct pvn_xen *x, uint32_t *txn);
int real_txn_end(struct pvn_xen *x, uint32_t txn, bool commit);
int real_watch(struct pvn_xen *x, const char *path, const char *token);
int real_unwatch(struct pvn_xen *x, const char *path, const char *token);
int real_watch_fd(struct pvn_xen *x);
int real_watch_next(struct pvn_xen *x, char **token, char **path);

#endif /* XEN_REAL_H */
