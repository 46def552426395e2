/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#ifndef PAIR_GUEST_H
#define PAIR_GUEST_H

/* What "--guest CASE SPEC" does; the other end of the chat is descriptor 3. The exit code. */
int pair_guest(char **argv);

#endif /* PAIR_GUEST_H */
