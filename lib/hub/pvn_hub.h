/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * What the hubs of all wires have in common: one connection and one control thread for everybody in
 * this process who names the same place. The thread waits, for what its wire says and for the tick,
 * and lets the wire have a turn. For wires (lib/xen, lib/ivshmem); ports know their wire's hub.
 *
 * A wire's hub begins with a struct pvn_hub, and its clients have a struct pvn_hub_member. No EAL
 * is needed.
 *
 * Threads: any, where nothing else is said. A hub's lock is recursive, and held in each turn.
 */
#ifndef PVN_HUB_H
#define PVN_HUB_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* Between two turns without a reason, milliseconds. */
#define PVN_HUB_TICK_MS 100

/* What a wire may wait for. */
#define PVN_HUB_FDS_MAX 40

#define PVN_HUB_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

struct pvn_hub;

/* Starts a control thread; *thread is joined at the end. 0 or -errno. */
typedef int (*pvn_hub_spawn)(pthread_t *thread, void *(*run)(void *), void *arg);

/* A wire, or one role on it. */
struct pvn_hub_kind {
	const char *wire; /* its name */
	size_t size;	  /* of its hub */

	/* Connects, before there is a thread; `arg` is that of pvn_hub_open(). 0 or -errno. */
	int (*begin)(struct pvn_hub *hub, const void *arg);

	/* Lets go of everything, also of what begin() has left; there is no thread any more. The
	 * hub's memory is zero where begin() has written nothing.
	 */
	void (*end)(struct pvn_hub *hub);

	/* Fills in what to wait for, and returns how many; before each wait, locked. */
	unsigned int (*wait_for)(struct pvn_hub *hub, struct pollfd *fds);

	/* After each wait, locked; `fds` are those of wait_for(). Whenever the lock is let go, the
	 * list of members may change.
	 */
	void (*turn)(struct pvn_hub *hub, const struct pollfd *fds, bool tick);
};

/* Part of a client of the wire. */
struct pvn_hub_member {
	TAILQ_ENTRY(pvn_hub_member) next;
};

struct pvn_hub {
	const struct pvn_hub_kind *kind;
	char *spec;
	TAILQ_HEAD(, pvn_hub_member) members; /* locked */

	/* Inside. */
	TAILQ_ENTRY(pvn_hub) next;
	unsigned int opens;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t idle;	       /* `called` became NULL */
	struct pvn_hub_member *called; /* the thread calls it without the lock */
	int stop_fd;
	bool stopping;
};

/* The hub of this kind and place, opened or found; each open needs a close. 0 or -errno: begin()'s,
 * spawn's or -ENOMEM.
 */
int pvn_hub_open(const struct pvn_hub_kind *kind, const char *spec, const void *arg,
		 pvn_hub_spawn spawn, struct pvn_hub **hub);

/* NULL is fine. Not locked, and not from the hub's thread. */
void pvn_hub_close(struct pvn_hub *hub);

void pvn_hub_lock(struct pvn_hub *hub);
void pvn_hub_unlock(struct pvn_hub *hub);

void pvn_hub_add(struct pvn_hub *hub, struct pvn_hub_member *member);

/* Returns when the thread does not call this member (unless it is called by the thread itself). Not
 * locked.
 */
void pvn_hub_remove(struct pvn_hub *hub, struct pvn_hub_member *member);

/* Around a call of a member's that must not be made under the lock: the lock is let go meanwhile,
 * and the member stays. The thread's, locked once.
 */
void pvn_hub_call_begin(struct pvn_hub *hub, struct pvn_hub_member *member);
void pvn_hub_call_end(struct pvn_hub *hub);

/* Whether the hub is being closed: a turn that takes long asks. Locked. */
bool pvn_hub_stopping(const struct pvn_hub *hub);

/* Hub number `i` of a wire, locked; NULL: there are fewer. It stays until pvn_hub_put(), and nobody
 * can open or close one meanwhile.
 */
struct pvn_hub *pvn_hub_get(const char *wire, unsigned int i);
void pvn_hub_put(struct pvn_hub *hub);

#endif /* PVN_HUB_H */
