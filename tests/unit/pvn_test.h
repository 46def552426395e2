/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * cmocka, with the headers it wants before it.
 */
#ifndef PVN_TEST_H
#define PVN_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PVN_DIM(a) (sizeof(a) / sizeof((a)[0]))

#endif /* PVN_TEST_H */
