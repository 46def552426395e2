/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#ifndef PVNCTL_APPLY_H
#define PVNCTL_APPLY_H

#include "config.h"

/* Removes what is left of devices whose other end is gone, when back ends have let go or after
 * `timeout_ms`, and prints a line for each. Takes watches that fired. 0, 1 if some could not be
 * removed, or CTL_FAIL.
 */
int apply_left(const struct ctl *ctl, int timeout_ms, int stop_fd);

/* Makes the devices of the file that are missing. Prints a line for each section, unless the same
 * was printed before. The number of sections that are not as they should be, or CTL_FAIL.
 */
int apply_sections(const struct ctl *ctl, struct config *config);

/* Prints a line, or an object of JSON: what it is about, a word for what was done, and the same in
 * words for people.
 */
void apply_print(const struct ctl *ctl, const char *about, const char *result, const char *text);

#endif /* PVNCTL_APPLY_H */
