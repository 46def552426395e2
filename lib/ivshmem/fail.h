/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What pvn_ivshmem_why() tells.
 */
#ifndef IVSHMEM_FAIL_H
#define IVSHMEM_FAIL_H

/* Leaves the text, sets errno to `error` and returns -error. The text is one line, begins in lower
 * case or with a name, and says what was wrong, with the value, what is accepted and what to do.
 */
int ivs_fail(int error, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* IVSHMEM_FAIL_H */
