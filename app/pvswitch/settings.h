/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The switch's settings and their words: "mode", "vlan" and so on mean the same in the
 * configuration file, on the command line and over the control socket.
 */
#ifndef PVS_SETTINGS_H
#define PVS_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <pvn_switch.h>

#define PVS_NAME_MAX 32
#define PVS_DEVICE_MAX 256
#define PVS_WHY_MAX 512 /* of every `why`: a whole sentence without a full stop */
#define PVS_MAC_TEXT 18
#define PVS_CONTROL_PATH "/run/pvswitch/control"

/* Of one port, as the operator means them. */
struct pvs_settings {
	char device[PVS_DEVICE_MAX];	/* EAL's name and devargs; "" for a guest's port */
	struct pvn_switch_port switch_; /* mode, VLANs, isolation, storm limit, allowed addresses */
	bool any_mac;			/* sources are not checked; else `macs`, or a guest's own */
	uint32_t learn;			/* most addresses learned */
	bool secured;			/* addresses seen here are not learned elsewhere */
	uint64_t rate;			/* most bits per second in; 0 for no limit */
	uint16_t mtu;			/* 0: the device's own */
	uint16_t queues;		/* receive queues of an ethdev */
	char mirror[PVS_NAME_MAX];	/* a copy of each frame in and out goes to this port; "" */
	uint64_t given;			/* bit i: the i-th word was said */
};

/* A section [port NAME] or [guest NAME]. */
struct pvs_section {
	char name[PVS_NAME_MAX];
	struct pvs_settings set;
};

/* Of the whole switch. */
struct pvs_options {
	const char *file;   /* NULL: none */
	char xen[128];	    /* "xen", "local:PATH:DOMID", or "off" */
	char control[108];  /* path of the control socket */
	uint32_t addresses; /* of the forwarding database */
	uint32_t ageing;    /* seconds */
	bool sleep;	    /* workers with nothing to do sleep */
	uint32_t mbufs;
	struct pvs_settings guests; /* what guests' ports begin with: section [guests] */
	struct pvs_section *port;   /* [port NAME]: ports of DPDK's */
	uint32_t ports;
	struct pvs_section *guest; /* [guest NAME]: NAME is a domain's name, or DOMID.HANDLE */
	uint32_t guests_named;
	int argc; /* for pvs_options_reread() */
	char **argv;
};

/* What a port begins with: access, VLAN 1, 1024 addresses for a port of DPDK's (any source), 16 for
 * a guest's (its own source only).
 */
void pvs_settings_default(struct pvs_settings *set, bool guest);

/* Sets one word. 0 or -EINVAL; `why` (PVS_WHY_MAX bytes) then says what was wrong, with the value,
 * and what is accepted.
 */
int pvs_settings_word(struct pvs_settings *set, const char *word, const char *value, char *why);

/* Takes from `more` the words that were said there. */
void pvs_settings_overlay(struct pvs_settings *set, const struct pvs_settings *more);

/* Whether the words fit each other ("vlans" is for a trunk, ...). 0 or -EINVAL and why. */
int pvs_settings_check(const struct pvs_settings *set, char *why);

/* Whether it was said. */
bool pvs_settings_has(const struct pvs_settings *set, const char *word);

/* The i-th word; NULL behind the last. */
const char *pvs_settings_name(unsigned int i);

/* Its value, as pvs_settings_word() takes it; false if it means nothing in this mode. */
bool pvs_settings_print(const struct pvs_settings *set, unsigned int i, FILE *to);

/* All words, a line each. */
void pvs_settings_help(FILE *to);

/* Whether a port of DPDK's may be called that. 0 or -EINVAL and why. */
int pvs_name_check(const char *name, char *why);

/* 00:16:3e:00:00:01, and *end what follows. -EINVAL: it is none, or a group's, or zero. */
int pvs_mac_read(const char *text, uint64_t *mac, const char **end);
void pvs_mac_print(uint64_t mac, char *text); /* PVS_MAC_TEXT bytes */

/* Reads the file (if options->file is set) and the command line behind EAL's "--". 0, or -EINVAL
 * with all that is wrong printed to stderr; 1 for --help, --version and --check, which were
 * answered: no EAL is needed for any of them. argv[0] is the program's, and argv stays in use.
 */
int pvs_options_read(struct pvs_options *options, int argc, char **argv);

/* Where the switch's own command line begins: argv[n] is "--", or the program if it is asked for
 * help only; argc if there is none. What is before n is EAL's.
 */
int pvs_options_begin(int argc, char **argv);

/* Reads the file again into *fresh. 0 or -EINVAL and why. */
int pvs_options_reread(const struct pvs_options *options, struct pvs_options *fresh, char *why);
void pvs_options_free(struct pvs_options *options);

#endif /* PVS_SETTINGS_H */
