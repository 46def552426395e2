/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What servers with a socket in the file system have in common: nobody's socket but a dead server's
 * is replaced. No EAL is needed.
 */
#ifndef PVN_SERVE_H
#define PVN_SERVE_H

#include <stddef.h>

struct sockaddr_un;

/* Makes a path free to bind to: removes a socket that a dead server left there. Two servers that
 * start at once must not remove each other's, so the folder is locked until the descriptor that is
 * returned is closed: bind, and close it. A negative errno, with a line about it in `why`: -EEXIST
 * there is something else, -EADDRINUSE somebody serves there.
 */
int pvn_serve_claim(const struct sockaddr_un *addr, char *why, size_t size);

/* As many open files as this process may ask for. */
void pvn_serve_raise_file_limit(void);

#endif /* PVN_SERVE_H */
