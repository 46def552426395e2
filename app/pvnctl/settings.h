/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The settings of a device, which are nodes of the back end's directory and options of the same
 * names: read from people, kept as the text that goes into XenStore.
 */
#ifndef PVNCTL_SETTINGS_H
#define PVNCTL_SETTINGS_H

#include <stdbool.h>

/* Identifier, name of option and node, what follows, help. */
#define CTL_SETTINGS(X)                                                                            \
	X(MAC, "mac", "MAC", "address of the guest's port, like 00:16:3e:12:34:56")                \
	X(MAC_CHECK, "mac-check", "on|off", "off: the guest may send from any address")            \
	X(MTU, "mtu", "N", "most bytes after the Ethernet header, 68..9000 (default: 1500)")       \
	X(QUEUES, "queues", "N", "most queue pairs, 1..16 (default: 16)")                          \
	X(RATE, "rate", "RATE", "most bits per second from the guest: 500M, 10G, 0 for no limit")  \
	X(VLAN, "vlan", "N", "VLAN of the port, 1..4094, for the switch")

enum setting {
#define CTL_SETTING_ID(id, name, metavar, help) SETTING_##id,
	CTL_SETTINGS(CTL_SETTING_ID) SETTING_COUNT,
#undef CTL_SETTING_ID
};

struct settings {
	char value[SETTING_COUNT][24]; /* as in XenStore; "" when it is not there */
};

const char *setting_name(enum setting which);

/* SETTING_COUNT if there is none of this name. */
enum setting setting_find(const char *name);

/* Takes what a person wrote. 0, or CTL_FAIL: what was wrong. */
int setting_take(struct settings *settings, enum setting which, const char *text);

/* The first that is not the same, a default being the same as nothing; SETTING_COUNT if all are. */
enum setting settings_compare(const struct settings *a, const struct settings *b);

/* As people write it; "-" if it is not there. */
const char *setting_show(const struct settings *settings, enum setting which, char *buf,
			 unsigned int size);

#endif /* PVNCTL_SETTINGS_H */
