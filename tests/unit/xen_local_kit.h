/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * For tests of `local`: a server in a process of its own, and processes that play domains and can
 * be killed. All waiting is for events, with a time limit.
 */
#ifndef XEN_LOCAL_KIT_H
#define XEN_LOCAL_KIT_H

#include "pvn_test.h"

#include <pvn_xen.h>
#include <pvn_xen_local.h>

#include <sys/types.h>

struct kit {
	char folder[64];
	char socket[80];
	pid_t server;
	int stop_fd;
};

/* For cmocka: *state is a struct kit. A server whose sanitizer found something fails the end. */
int kit_begin(void **state);
int kit_begin_small(void **state); /* a domain may share KIT_SMALL pages */
int kit_end(void **state);
#define KIT_SMALL 100u

void kit_start(struct kit *kit, uint32_t share_pages);
void kit_stop(struct kit *kit);

/* A connection of this process, as a domain. */
struct pvn_xen *kit_open(const struct kit *kit, uint16_t domid);

/* Another process: runs the function, which says when it is ready and with what, and then waits to
 * be killed.
 */
struct kit_child {
	pid_t pid;
	int from; /* what the child says */
};

typedef void kit_body(struct pvn_xen *x, int say, const void *arg);

struct kit_child kit_child(const struct kit *kit, uint16_t domid, kit_body *body, const void *arg);
void kit_hear(const struct kit_child *child, void *data, size_t len);
void kit_say(int say, const void *data, size_t len);
void kit_kill(struct kit_child *child);

void kit_wait(int fd);	  /* until it is readable */
void kit_nothing(int fd); /* it is not */

/* Open files of the server, when it has done all that was to do. */
unsigned int kit_server_files(const struct kit *kit);

/* The next watch event has this token and path. */
void kit_expect_watch(struct pvn_xen *x, const char *token, const char *path);
void kit_no_watch(struct pvn_xen *x);

/* A text node has this value. */
void kit_expect_value(struct pvn_xen *x, uint32_t txn, const char *path, const char *value);

void kit_expect_names(struct pvn_xen *x, const char *path, const char *want);
void kit_expect_perms(struct pvn_xen *x, const char *path, const char *want);

struct kit_domains {
	struct pvn_xen *host;  /* 0 */
	struct pvn_xen *guest; /* 7 */
	struct pvn_xen *other; /* 8 */
};

struct kit_domains kit_open_all(void **state);
void kit_close_all(struct kit_domains *d);

int kit_put(struct pvn_xen *x, uint32_t txn, const char *path, const char *value);
int kit_probe(struct pvn_xen *x, const char *path); /* reads, tells how that went */
/* "n7 r8": the letters that xenstore-chmod takes. */
int kit_chmod(struct pvn_xen *x, uint32_t txn, const char *path, const char *perms);

#endif /* XEN_LOCAL_KIT_H */
