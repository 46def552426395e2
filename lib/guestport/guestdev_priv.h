/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Log lines of guests' ethdevs. None of them is reached from the data path.
 */
#ifndef GUESTDEV_PRIV_H
#define GUESTDEV_PRIV_H

#include "pvn_guestdev.h"

#define GUESTDEV_LOG(level, g, fmt, ...)                                                           \
	PVN_LOG_LINE(level, (g)->logtype, "%s %s: " fmt, (g)->driver, (g)->data->name,             \
		     ##__VA_ARGS__)

#endif /* GUESTDEV_PRIV_H */
