/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Control from outside while the switch runs: the control socket, which may change things, and
 * telemetry, which only shows them. [SWITCH 9]
 *
 *   control.c    the socket and its clients
 *   request.c    what a request asks for; the ones that change something
 *   show.c       the ones that show something
 *   telemetry.c  the same for DPDK's telemetry
 */
#ifndef PVS_CONTROL_H
#define PVS_CONTROL_H

#include <poll.h>

#include "pvswitch.h"

#define PVS_CLIENTS_MAX 16
#define PVS_REQUEST_MAX 16384 /* bytes, the newline among them */
#define PVS_WORDS_MAX 32      /* of a request */

/* ---- the main thread's loop ---- */

/* Makes the socket options.control. 0 or -errno and why. */
int pvs_control_open(struct pvs *sw, char *why);

/* What to wait for: at most 1 + PVS_CLIENTS_MAX; how many there are. */
int pvs_control_fds(struct pollfd *fds, int max);

/* Serves clients, never waits for one. To be called at least once a second, for slow ones. */
void pvs_control_serve(struct pvs *sw, const struct pollfd *fds, int n);
void pvs_control_close(struct pvs *sw);

/* Telemetry's callbacks run in a thread of their own, so the main thread holds this lock whenever
 * it is not waiting for something to do: pvs_unlock(), poll(), pvs_lock().
 */
void pvs_lock(void);
void pvs_unlock(void);

/* Registers the commands /pvn/switch/... */
void pvs_telemetry_open(struct pvs *sw);

/* ---- requests; jansson's json_t ---- */

struct json_t;

/* Answers a line with a new object: what was asked for, or {"error": ...}. NULL: no memory. */
struct json_t *pvs_request(struct pvs *sw, const char *line, size_t len);

/* What request.c and show.c agree on: an object, or NULL and why. */
typedef struct json_t *pvs_request_run(struct pvs *sw, const char *const *words, size_t count,
				       char *why);
pvs_request_run pvs_show_ports, pvs_show_fdb, pvs_show_drops, pvs_show_workers, pvs_show_switch;

/* "port NAME", "vlan N", "start N", "limit N", in any order, each at most once. */
struct pvs_filter {
	uint16_t port, vlan; /* PVN_FDB_ANY: all */
	uint32_t start, limit;
};
int pvs_filter_read(struct pvs *sw, const char *const *words, size_t count, const char *accepted,
		    struct pvs_filter *filter, char *why);

/* The port of this name; NULL and why. */
struct pvs_port *pvs_port_need(struct pvs *sw, const char *name, char *why);

/* A string of whatever bytes somebody else wrote. */
struct json_t *pvs_json_text(const char *text);

#endif /* PVS_CONTROL_H */
