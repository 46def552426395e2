/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvnctl: what all of its parts share. main.c reads the line with the tables of command.c and runs
 * one command; a command prints its result and returns 0, or leaves a message and returns CTL_FAIL.
 */
#ifndef PVNCTL_CTL_H
#define PVNCTL_CTL_H

#include <pvn_xen.h>

#include "settings.h"

/* Results of commands, and of most other functions; main() makes exit codes of them. */
#define CTL_FAIL (-1)  /* could not or must not be done */
#define CTL_USAGE (-2) /* the line makes no sense */
#define CTL_NONE (-3)  /* CTL_FAIL because a domain is not there */

/* Options besides the settings of a device: identifier, name, what follows ("" for nothing), help.
 */
#define CTL_OPTIONS(X)                                                                             \
	X(BACKEND, "backend", "DOMAIN", "the domain of the back end (default: 0)")                 \
	X(BUS, "bus", "BUS", "QEMU's bus to plug into (default: the root bus, or pvn-NAME-port)")  \
	X(CHASSIS, "chassis", "N", "of the port, 1..255 (default: made of the name)")              \
	X(SAMPLES, "count", "N", "samples to show, then end (short: -n)")                          \
	X(FOLDER, "folder", "PATH", "the keeper's sockets (default: /run/pvn-ivshmem)")            \
	X(FORCE, "force", "", "do not wait for either end")                                        \
	X(HANDLE, "handle", "N", "number of the device in its domain, 0..65535")                   \
	X(HELP, "help", "", "say what there is to do, and how")                                    \
	X(JSON, "json", "", "print JSON (short: -j)")                                              \
	X(NAME, "name", "NAME", "name of the domain (default: local-DOMID)")                       \
	X(PLAIN, "plain", "", "a device without doorbells, of the memory's file")                  \
	X(PORT, "port", "PORT", "only what belongs to this port of the switch")                    \
	X(QMP, "qmp", "PATH", "the socket of QEMU's QMP monitor")                                  \
	X(READ_ONLY, "read-only", "", "the guest can only read (with --plain)")                    \
	X(SHARE_PAGES, "share-pages", "N", "pages that a domain may share (default: 262144)")      \
	X(SOCKET, "socket", "PATH", "pvswitch's (default: /run/pvswitch/control)")                 \
	X(TIMEOUT, "timeout", "SECONDS", "how long to wait for both ends (default: 5)")            \
	X(UNPLUG, "unplug", "", "what takes the device away")                                      \
	X(VERSION, "version", "", "say which version this is")                                     \
	X(XEN, "xen", "SPEC", "xen, or local:PATH:0 for pvnctl local serve PATH (default: xen)")

/* The settings come first, with their own numbers. */
enum ctl_opt {
#define CTL_SETTING_OPT(id, name, metavar, help) OPT_##id,
	CTL_SETTINGS(CTL_SETTING_OPT) CTL_OPTIONS(CTL_SETTING_OPT) OPT_COUNT,
#undef CTL_SETTING_OPT
};

#define CTL_ARGS_MAX 32

/* A command line that was read. */
struct ctl_line {
	const char *words; /* of the command */
	const char *arg[CTL_ARGS_MAX];
	unsigned int arg_count;
	const char *opt[OPT_COUNT]; /* NULL: not given; "" for one that takes nothing */
};

struct ctl {
	struct pvn_xen *x; /* NULL for commands that need none */
	bool json;
};

/* Leaves a message and returns CTL_FAIL; the message begins in lower case and is one line. */
int ctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, with CTL_USAGE. */
int ctl_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The message. */
const char *ctl_why(void);

/* The whole text as a decimal number of min..max. 0, or CTL_FAIL with a message about `what`. */
int ctl_number(const char *what, const char *text, unsigned long min, unsigned long max,
	       unsigned long *value);

/* CTL_FAIL unless we are domain 0, who alone may change other domains' directories. */
int ctl_need_domain_0(const struct ctl *ctl);

/* A descriptor that becomes readable when SIGTERM, SIGINT or, with `hangup`, SIGHUP comes; they do
 * nothing else from here on. CTL_FAIL if that is not possible.
 */
int stop_signals(bool hangup);

#endif /* PVNCTL_CTL_H */
