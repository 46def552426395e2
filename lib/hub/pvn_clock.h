/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Time for those who wait: milliseconds that only go forward. No EAL is needed.
 */
#ifndef PVN_CLOCK_H
#define PVN_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t
pvn_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#endif /* PVN_CLOCK_H */
