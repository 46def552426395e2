/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What a paravirtual driver needs of Xen: grants, event channels and XenStore, behind one table of
 * calls that has two implementations.
 *
 *   xen    the hypervisor's, over libxengnttab, libxenevtchn and libxenstore
 *   local  the same between plain processes of one machine; pages, events and store are held by a
 *          process of their own (pvnctl local serve), so that either end may die, as it may on Xen
 *
 * The code above cannot tell them apart. No EAL is needed. [XEN n] is docs/design/xen.md, section
 * n.
 *
 * Threads: a connection may be used by several threads at once, except that only one may take
 * events and only one may take watches. None of these calls belongs into a data path: each may
 * make system calls and wait for another process.
 *
 * Errors: functions return a negative errno, or NULL with errno set. pvn_xen_why() then tells what
 * was wrong in words, with the value and with what to do.
 */
#ifndef PVN_XEN_H
#define PVN_XEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A grant covers one page of this size on every machine. [XEN 1] */
#define PVN_XEN_PAGE_SIZE 4096u

/* No path and no value that XenStore takes is longer, without the NUL; a path is shorter by
 * default: 2048 bytes, not counting a domain's home that it begins with. [XEN 1]
 */
#define PVN_XEN_PATH_MAX 3072
#define PVN_XEN_VALUE_MAX 4096

/* No transaction: the call stands alone. */
#define PVN_XEN_NO_TXN 0u

struct pvn_xen;

/* Opens a connection. `spec` is "xen", or "local:PATH:DOMID" to take part as domain DOMID in what
 * `pvnctl local serve PATH` offers. Grants and events are opened at their first use, so a program
 * that only wants the store needs nothing else. 0, or a negative errno; *out is then untouched.
 */
int pvn_xen_open(const char *spec, struct pvn_xen **out);

/* Ends everything the connection still has: maps, shared pages, ports, watches. NULL is fine. */
void pvn_xen_close(struct pvn_xen *x);

/* The domain this process runs in. */
uint16_t pvn_xen_domid(const struct pvn_xen *x);

/* What went wrong in this thread's last call that failed; never NULL. */
const char *pvn_xen_why(void);

/* ---- pages of ours, for a peer ---- */

/* Grants `pages` new, zeroed pages, contiguous for us, to the domain `peer`, which may write to
 * them if `writable`. Their references go to refs[0..pages-1]. The address, or NULL with errno:
 * ENOSPC when a limit is reached (pvn_xen_why() tells which and the command that raises it).
 */
void *pvn_xen_share(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable,
		    uint32_t *refs);

/* Grants one writable page that tells of our death: when this process lets go of it, by
 * pvn_xen_unshare() or by dying in any way, the byte at `clear_offset` becomes 0, and then, unless
 * `port` is negative, an event is sent on our event channel `port`.
 */
void *pvn_xen_share_notify(struct pvn_xen *x, uint16_t peer, uint32_t *ref, uint32_t clear_offset,
			   int port);

/* Takes back what one share call made; `addr` and `pages` as there. A page that the peer has mapped
 * stays readable and writable for the peer, and is used for nothing else, until it lets go.
 */
void pvn_xen_unshare(struct pvn_xen *x, void *addr, uint32_t pages);

/* ---- a peer's pages, for us ---- */

/* Maps `pages` pages of domain `peer` next to each other, all or none. The mapping stays valid
 * memory when the peer dies. The address, or NULL with errno.
 */
void *pvn_xen_map(struct pvn_xen *x, uint16_t peer, uint32_t pages, bool writable,
		  const uint32_t *refs);

/* Maps one page, writable, that tells the peer of our death, as pvn_xen_share_notify() does. */
void *pvn_xen_map_notify(struct pvn_xen *x, uint16_t peer, uint32_t ref, uint32_t clear_offset,
			 int port);

/* Ends exactly what one map call made. */
void pvn_xen_unmap(struct pvn_xen *x, void *addr, uint32_t pages);

/* Limits as far as they can be read here; 0: not known. */
struct pvn_xen_limits {
	uint32_t share_pages; /* pages that all processes of this domain may share together */
	uint32_t map_pages;   /* pages in one map call */
};

void pvn_xen_limits(struct pvn_xen *x, struct pvn_xen_limits *limits);

/* ---- event channels ---- */

/* A port for `peer` to bind to. The port, or a negative errno. */
int pvn_xen_event_alloc(struct pvn_xen *x, uint16_t peer);

/* Binds to a port that `peer` made for us. Our own port, or a negative errno. */
int pvn_xen_event_bind(struct pvn_xen *x, uint16_t peer, uint32_t peer_port);
void pvn_xen_event_close(struct pvn_xen *x, int port);
int pvn_xen_event_notify(struct pvn_xen *x, int port);

/* Readable when a port fired; the same descriptor for all ports. -errno if there are no events. */
int pvn_xen_event_fd(struct pvn_xen *x);

/* A port that fired, or -EAGAIN; never waits. The port stays masked, so that a peer that fires on
 * and on costs nothing, until pvn_xen_event_unmask().
 */
int pvn_xen_event_next(struct pvn_xen *x);
int pvn_xen_event_unmask(struct pvn_xen *x, int port);

/* ---- XenStore ----
 * `txn` is a transaction or PVN_XEN_NO_TXN. A path that does not begin with '/' is below our home.
 */

/* Reads a node. *value is malloc'd, the caller frees it; a NUL follows it, but it may hold others.
 * The length in bytes, or a negative errno.
 */
int pvn_xen_read(struct pvn_xen *x, uint32_t txn, const char *path, char **value);
int pvn_xen_write(struct pvn_xen *x, uint32_t txn, const char *path, const char *value, size_t len);
int pvn_xen_mkdir(struct pvn_xen *x, uint32_t txn, const char *path);

/* Removes a node and all below it; that it does not exist is no error. */
int pvn_xen_rm(struct pvn_xen *x, uint32_t txn, const char *path);

/* The names below a node: *names is one malloc'd block of pointers and names, free() it. Their
 * number, or a negative errno.
 */
int pvn_xen_list(struct pvn_xen *x, uint32_t txn, const char *path, char ***names);

/* Who may do what with a node. The first entry names the owner, who may do everything; its read and
 * write are what every domain that is not listed may do.
 */
struct pvn_xen_perm {
	uint16_t domid;
	bool read;
	bool write;
};

int pvn_xen_set_perms(struct pvn_xen *x, uint32_t txn, const char *path,
		      const struct pvn_xen_perm *perms, unsigned int count);

/* *perms is malloc'd. The number of entries, or a negative errno. */
int pvn_xen_get_perms(struct pvn_xen *x, uint32_t txn, const char *path,
		      struct pvn_xen_perm **perms);

/* All or nothing, and as if at one instant. end() with `commit` returns -EAGAIN when somebody else
 * changed what was read: begin again, a bounded number of times. Every begin needs its end.
 */
int pvn_xen_txn_begin(struct pvn_xen *x, uint32_t *txn);
int pvn_xen_txn_end(struct pvn_xen *x, uint32_t txn, bool commit);

/* Tells of each change of a node or of anything below it, and once at once. A watch of
 * "@releaseDomain" or "@introduceDomain" tells of domains that end or begin (where permitted).
 */
int pvn_xen_watch(struct pvn_xen *x, const char *path, const char *token);
int pvn_xen_unwatch(struct pvn_xen *x, const char *path, const char *token);

/* Readable when a watch fired. */
int pvn_xen_watch_fd(struct pvn_xen *x);

/* The token of a watch that fired, malloc'd, in *token, and if `path` is not NULL the path that
 * changed in *path. 0, or -EAGAIN when there is none; never waits.
 */
int pvn_xen_watch_next(struct pvn_xen *x, char **token, char **path);

#endif /* PVN_XEN_H */
