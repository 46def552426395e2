/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A thread that rewrites, at random and as fast as it can, what a guest of port_hostile.h shares.
 */
#ifndef PORT_LIAR_H
#define PORT_LIAR_H

#include <pthread.h>

#include "port_hostile.h"

#define LIAR_SECONDS 0.4
#define LIAR_LONGEST_BURST 0.1 /* of CPU time; a burst moves 2 MiB at most */

struct liar {
	uint32_t random;
	bool stop;
	pthread_t thread;
};

void liar_start(struct liar *l, void *(*run)(void *));
void liar_stop(struct liar *l);

/* For what it runs. */
uint32_t liar_draw(struct liar *l, uint32_t below);
bool liar_go_on(const struct liar *l);

/* The guest's descriptors, indices, headers and data. */
void *liar_as_guest(void *liar);

double liar_cpu_seconds(void);
double liar_seconds(void);

#endif /* PORT_LIAR_H */
