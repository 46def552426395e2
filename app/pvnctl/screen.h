/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The terminal as a screen: another one than that of the shell, without echo, and as it was
 * afterwards.
 */
#ifndef PVNCTL_SCREEN_H
#define PVNCTL_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

/* True if there is a terminal and it is a screen now. */
bool screen_begin(void);
void screen_end(void);

void screen_size(unsigned int *columns, unsigned int *lines);

/* Lines between these two replace what is there; each ends with SCREEN_LINE_END and a newline. */
#define SCREEN_LINE_END "\033[K\r"
void screen_top(FILE *to);
void screen_bottom(FILE *to);

/* Waits for time, keys, or signals of stop_signals(). True if the user wants to leave. */
bool screen_wait(int signal_fd, bool keys, int timeout_ms);

#endif /* PVNCTL_SCREEN_H */
