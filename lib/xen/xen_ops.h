/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The table behind pvn_xen.h. Each member does what the public function of its name documents,
 * after xen.c has checked the arguments; each begins its own struct with struct pvn_xen.
 */
#ifndef XEN_OPS_H
#define XEN_OPS_H

#include "pvn_xen.h"

struct pvn_xen_ops {
	void (*close)(struct pvn_xen *x);

	void *(*share)(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable,
		       uint32_t *refs);
	void *(*share_notify)(struct pvn_xen *x, uint16_t peer, uint32_t *ref,
			      uint32_t clear_offset, int port);
	void (*unshare)(struct pvn_xen *x, void *addr, uint32_t pages);
	void *(*map)(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable,
		     const uint32_t *refs);
	void *(*map_notify)(struct pvn_xen *x, uint16_t peer, uint32_t ref, uint32_t clear_offset,
			    int port);
	void (*unmap)(struct pvn_xen *x, void *addr, uint32_t pages);
	void (*limits)(struct pvn_xen *x, struct pvn_xen_limits *limits);

	int (*event_alloc)(struct pvn_xen *x, uint16_t peer);
	int (*event_bind)(struct pvn_xen *x, uint16_t peer, uint32_t peer_port);
	void (*event_close)(struct pvn_xen *x, int port);
	int (*event_notify)(struct pvn_xen *x, int port);
	int (*event_fd)(struct pvn_xen *x);
	int (*event_next)(struct pvn_xen *x);
	int (*event_unmask)(struct pvn_xen *x, int port);

	int (*read)(struct pvn_xen *x, uint32_t txn, const char *path, char **value);
	int (*write)(struct pvn_xen *x, uint32_t txn, const char *path, const char *value,
		     size_t len);
	int (*mkdir)(struct pvn_xen *x, uint32_t txn, const char *path);
	int (*rm)(struct pvn_xen *x, uint32_t txn, const char *path);
	int (*list)(struct pvn_xen *x, uint32_t txn, const char *path, char ***names);
	int (*set_perms)(struct pvn_xen *x, uint32_t txn, const char *path,
			 const struct pvn_xen_perm *perms, unsigned int count);
	int (*get_perms)(struct pvn_xen *x, uint32_t txn, const char *path,
			 struct pvn_xen_perm **perms);
	int (*txn_begin)(struct pvn_xen *x, uint32_t *txn);
	int (*txn_end)(struct pvn_xen *x, uint32_t txn, bool commit);
	int (*watch)(struct pvn_xen *x, const char *path, const char *token);
	int (*unwatch)(struct pvn_xen *x, const char *path, const char *token);
	int (*watch_fd)(struct pvn_xen *x);
	int (*watch_next)(struct pvn_xen *x, char **token, char **path);
};

struct pvn_xen {
	const struct pvn_xen_ops *ops;
	uint16_t domid;
};

int xen_real_open(struct pvn_xen **out);
int xen_local_open(const char *path, uint16_t domid, struct pvn_xen **out);

/* Notes what went wrong for pvn_xen_why(), sets errno to `error` and returns -error. */
int xen_fail(int error, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* XEN_OPS_H */
