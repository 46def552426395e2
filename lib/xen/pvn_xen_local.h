/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The server behind "local:PATH:DOMID" of pvn_xen.h: holds store, pages and events for processes
 * that play domains. Everybody who may connect to the socket may take part as any domain, so its
 * mode is 0600. [XEN 3]
 */
#ifndef PVN_XEN_LOCAL_H
#define PVN_XEN_LOCAL_H

#include <stdint.h>

/* Pages that a domain may share, unless said otherwise: 1 GiB. */
#define PVN_XEN_LOCAL_SHARE_PAGES 262144u

struct pvn_xen_local_cfg {
	const char *path;     /* of the socket to make; one that a dead server left is replaced */
	int ready_fd;	      /* one byte is written to it when clients may connect; -1: none */
	int stop_fd;	      /* ends when it becomes readable; -1: never */
	uint32_t share_pages; /* pages that a domain may share; 0: PVN_XEN_LOCAL_SHARE_PAGES */
};

/* Serves, in the calling thread, until told to stop. 0, or a negative errno and pvn_xen_why().
 * Raises the process's limit of open files as far as it may: each share is one.
 */
int pvn_xen_local_serve(const struct pvn_xen_local_cfg *cfg);

#endif /* PVN_XEN_LOCAL_H */
