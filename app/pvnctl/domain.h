/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Domains, as XenStore shows them.
 */
#ifndef PVNCTL_DOMAIN_H
#define PVNCTL_DOMAIN_H

#include "ctl.h"

#define DOMAIN_HOMES "/local/domain"

struct domain {
	uint16_t id;
	char name[128]; /* "" if it has none, or one that is not plain text */
	char uuid[40];
};

/* All domains, by id; *domains is malloc'd. Their number, or CTL_FAIL. */
int domains_read(struct pvn_xen *x, uint32_t txn, struct domain **domains);

/* The domain that an id, a name or a UUID means. An id comes first, for domains named 7. 0,
 * CTL_NONE, or CTL_FAIL: several have the name.
 */
int domain_find(struct pvn_xen *x, uint32_t txn, const char *text, struct domain *domain);

/* Reads the names below a path as numbers of 0..65535, in order; leaves out what is none. *ids is
 * malloc'd. Their number, 0 if the path does not exist, or CTL_FAIL.
 */
int list_ids(struct pvn_xen *x, uint32_t txn, const char *path, uint16_t **ids);

bool node_exists(struct pvn_xen *x, uint32_t txn, const char *path);

/* CTL_FAIL with what lib/xen says. */
int xen_failed(void);

#endif /* PVNCTL_DOMAIN_H */
