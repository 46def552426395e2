/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Log lines of net_xenback. None of them is reached from the data path.
 */
#ifndef XENBACK_LOG_H
#define XENBACK_LOG_H

#include <pvn_compat.h>

extern int xenback_logtype;

/* `name` is the port that the line is about. */
#define XENBACK_LOG(level, name, fmt, ...)                                                         \
	PVN_LOG_LINE(level, xenback_logtype, "net_xenback %s: " fmt, name, ##__VA_ARGS__)

#endif /* XENBACK_LOG_H */
