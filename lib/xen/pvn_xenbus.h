/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Device nodes of XenStore: states, and values read strictly. What a node holds may have been
 * written by a hostile peer: a value counts only if all of it is what is expected.
 */
#ifndef PVN_XENBUS_H
#define PVN_XENBUS_H

#include "pvn_xen.h"

/* [XEN 4] Decimal in the node `state`. */
enum pvn_xenbus_state {
	PVN_XENBUS_UNKNOWN,
	PVN_XENBUS_INITIALISING,
	PVN_XENBUS_INIT_WAIT,
	PVN_XENBUS_INITIALISED,
	PVN_XENBUS_CONNECTED,
	PVN_XENBUS_CLOSING,
	PVN_XENBUS_CLOSED,
};

/* "InitWait"; never NULL. */
const char *pvn_xenbus_state_name(unsigned int state);

/* Reads a node below `dir` as text into `buf`: -ENOENT, -EINVAL (a NUL inside, a control character,
 * too long for `size`), or its length.
 */
int pvn_xenbus_read(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node, char *buf,
		    size_t size);

/* Reads a number of base 10 or 16, nothing around it, at most `max`. 0, -ENOENT or -EINVAL. */
int pvn_xenbus_read_number(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node,
			   int base, uint64_t max, uint64_t *value);

/* Reads decimal numbers with commas between them: exactly `count`. 0, -ENOENT or -EINVAL. */
int pvn_xenbus_read_refs(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node,
			 uint32_t *refs, uint32_t count);

/* Writes refs as such a list. */
int pvn_xenbus_write_refs(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node,
			  const uint32_t *refs, uint32_t count);

int pvn_xenbus_write(struct pvn_xen *x, uint32_t txn, const char *dir, const char *node,
		     const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* The state node of a directory; PVN_XENBUS_UNKNOWN if there is none or it makes no sense. */
enum pvn_xenbus_state pvn_xenbus_state(struct pvn_xen *x, const char *dir);

/* Calls `step` inside a transaction until it could be committed, a bounded number of times. */
int pvn_xenbus_transact(struct pvn_xen *x, int (*step)(struct pvn_xen *x, uint32_t txn, void *arg),
			void *arg);

#endif /* PVN_XENBUS_H */
