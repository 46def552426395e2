/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The words of a port, in one table: it reads, explains, overlays and prints them. No EAL here.
 */
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "words.h"

#define LEARN_ETH 1024u
#define LEARN_GUEST 16u
#define BURST_DEFAULT 64u

/* ---- names ---- */

static bool
name_is_good(const char *name)
{
	const size_t len = strlen(name);

	if (len == 0 || len >= PVS_NAME_MAX || strcmp(name, "off") == 0)
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
			return false;
	return true;
}

/* "xen3.0" will be a guest's some day. */
static bool
name_is_guests(const char *name)
{
	unsigned int domid, handle;
	int used = 0;

	return sscanf(name, "xen%u.%u%n", &domid, &handle, &used) == 2 && name[used] == '\0';
}

int
pvs_name_check(const char *name, char *why)
{
	if (!name_is_good(name)) {
		snprintf(why, PVS_WHY_MAX,
			 "port name '%.40s': expected 1..%d letters, digits, '.', '_' or '-'%s",
			 name, PVS_NAME_MAX - 1,
			 strcmp(name, "off") == 0 ? ", and not \"off\"" : "");
		return -EINVAL;
	}
	if (name_is_guests(name)) {
		snprintf(why, PVS_WHY_MAX,
			 "port name '%s' is a Xen guest's: choose one that is not xenN.N", name);
		return -EINVAL;
	}
	return 0;
}

/* "off" is kept as nothing. */
static int
mirror_read(const struct pvs_word *word, void *field, const char *text)
{
	(void)word;
	if (strcmp(text, "off") != 0 && !name_is_good(text))
		return -EINVAL;
	strcpy(field, strcmp(text, "off") != 0 ? text : "");
	return 0;
}

static void
mirror_print(const struct pvs_word *word, const void *field, FILE *to)
{
	const char *name = field;

	(void)word;
	fputs(name[0] != '\0' ? name : "off", to);
}

/* ---- the table ---- */

static const char *const no_yes[] = {"no", "yes", NULL};
static const char *const yes_no[] = {"yes", "no", NULL}; /* of a field that says the contrary */
static const char *const modes[] = {"off", "access", "trunk", NULL};
static const char *const drop_forward[] = {"drop", "forward", NULL};

enum {
	W_DEVICE,
	W_MODE,
	W_VLAN,
	W_NATIVE,
	W_VLANS,
	W_TAGGED,
	W_ISOLATED,
	W_LEARN,
	W_SECURED,
	W_LEARNING,
	W_MACS,
	W_RESERVED,
	W_STORM,
	W_STORM_BURST,
	W_RATE,
	W_MTU,
	W_QUEUES,
	W_MIRROR,
	WORDS,
};

#define BIT(word) (UINT64_C(1) << (word))
#define FIELD(name) PVS_WORD_FIELD(struct pvs_settings, name)
#define TEXT .read = pvs_text_read, .print = pvs_text_print
#define NUMBER .read = pvs_number_read, .print = pvs_number_print
#define SCALED .read = pvs_scaled_read, .print = pvs_scaled_print
#define CHOICE .read = pvs_choice_read, .print = pvs_choice_print

static const struct pvs_word words[WORDS] = {
	[W_DEVICE] = {"device", "DEVARGS",
		      "a PCI address, a name of DPDK's with arguments, or ivshmem:PATH", TEXT,
		      FIELD(device)},
	[W_MODE] = {"mode", "MODE", "access (one VLAN, untagged), trunk (tagged), off", CHOICE,
		    FIELD(switch_.mode), .names = modes},
	[W_VLAN] = {"vlan", "N", "access: its VLAN, 1..4094", NUMBER, FIELD(switch_.vid), .min = 1,
		    .max = PVN_VID_MAX},
	[W_NATIVE] = {"native", "N", "trunk: VLAN of untagged frames, 0 for none", NUMBER,
		      FIELD(switch_.vid), .min = 1, .max = PVN_VID_MAX, .zero = "none"},
	[W_VLANS] = {"vlans", "LIST", "trunk: the VLANs it carries, as 1-100,200; all; none",
		     .read = pvs_vlans_read, .print = pvs_vlans_print, FIELD(switch_.vlans),
		     .accepted = "VLANs of 1..4094 as 1-100,200, or all, or none"},
	[W_TAGGED] = {"tagged", "yes|no", "access: frames tagged with its own VLAN are let in",
		      CHOICE, FIELD(switch_.accept_own_tag), .names = no_yes},
	[W_ISOLATED] = {"isolated", "yes|no", "exchanges nothing with other isolated ports", CHOICE,
			FIELD(switch_.isolated), .names = no_yes},
	[W_LEARN] = {"learn", "N", "most addresses learned here", NUMBER, FIELD(learn), .min = 0,
		     .max = 16000000},
	[W_SECURED] = {"secured", "yes|no", "addresses seen here are not learned elsewhere", CHOICE,
		       FIELD(secured), .names = no_yes},
	[W_LEARNING] = {"learning", "yes|no", "addresses seen here are learned", CHOICE,
			FIELD(switch_.no_learning), .names = yes_no},
	[W_MACS] = {"macs", "LIST", "source addresses let in: some, own (the guest's), or any",
		    .read = pvs_macs_read, .print = pvs_macs_print,
		    .size = sizeof(struct pvs_settings),
		    .accepted =
			    "1..16 addresses as 00:16:3e:00:00:01, none of them a group's, with "
			    "commas between; own; or any"},
	[W_RESERVED] = {"reserved", "forward|drop", "frames to 01:80:c2:00:00:0x (STP, LACP, ...)",
			CHOICE, FIELD(switch_.forward_reserved), .names = drop_forward},
	[W_STORM] = {"storm", "N", "flooded frames per second let in, 0 for any number", SCALED,
		     FIELD(switch_.storm_rate), .min = 1, .max = 100000000, .zero = "any number"},
	[W_STORM_BURST] = {"storm-burst", "N", "flooded frames that may come at once", SCALED,
			   FIELD(switch_.storm_burst), .min = 1, .max = 1000000},
	[W_RATE] = {"rate", "RATE", "bits per second let in: 500M, 10G, 0 for no limit", SCALED,
		    FIELD(rate), .min = 8, .max = UINT64_C(1000000000000), .zero = "no limit"},
	[W_MTU] = {"mtu", "N", "most bytes after the Ethernet header, 0 for the device's own",
		   NUMBER, FIELD(mtu), .min = 68, .max = 9000, .zero = "the device's own"},
	[W_QUEUES] = {"queues", "N", "receive queues of a device", NUMBER, FIELD(queues), .min = 1,
		      .max = 16},
	[W_MIRROR] = {"mirror", "PORT", "where a copy of each frame in and out goes, or off",
		      .read = mirror_read, .print = mirror_print, FIELD(mirror),
		      .accepted = "the name of a port, or off"},
};

void
pvs_settings_default(struct pvs_settings *set, bool guest)
{
	*set = (struct pvs_settings){
		.switch_ = {.mode = PVN_SWITCH_ACCESS, .vid = 1, .storm_burst = BURST_DEFAULT},
		.any_mac = !guest,
		.learn = guest ? LEARN_GUEST : LEARN_ETH,
		.queues = 1,
	};
}

/* VLAN and native VLAN are one field: in a new mode, unless it is said, it is that mode's default.
 */
static void
settle_vid(struct pvs_settings *set, uint64_t given)
{
	if ((given & (BIT(W_VLAN) | BIT(W_NATIVE))) == 0)
		set->switch_.vid = set->switch_.mode == PVN_SWITCH_TRUNK ? 0 : 1;
}

int
pvs_settings_word(struct pvs_settings *set, const char *word, const char *value, char *why)
{
	const struct pvs_word *w = pvs_word_find(words, WORDS, word);

	if (w == NULL) {
		int used = snprintf(why, PVS_WHY_MAX, "there is no word '%.30s': expected ", word);

		pvs_word_names(words, WORDS, why + used, PVS_WHY_MAX - used);
		return -EINVAL;
	}
	if (pvs_word_read(w, set, value, why) < 0)
		return -EINVAL;
	set->given |= BIT(w - words);
	if (w == &words[W_MODE])
		settle_vid(set, set->given);
	return 0;
}

/* Words that mean nothing in a mode. */
static uint64_t
foreign(enum pvn_switch_mode mode)
{
	switch (mode) {
	case PVN_SWITCH_ACCESS:
		return BIT(W_NATIVE) | BIT(W_VLANS);
	case PVN_SWITCH_TRUNK:
		return BIT(W_VLAN) | BIT(W_TAGGED);
	default:
		return 0;
	}
}

static void
copy_word(struct pvs_settings *set, const struct pvs_settings *more, unsigned int i)
{
	if (i == W_MACS) {
		set->any_mac = more->any_mac;
		set->switch_.mac_count = more->switch_.mac_count;
		memcpy(set->switch_.macs, more->switch_.macs, sizeof(set->switch_.macs));
		return;
	}
	memcpy((char *)set + words[i].offset, (const char *)more + words[i].offset, words[i].size);
}

/* A new mode takes the words of the old one away; what `more` itself says stays, for
 * pvs_settings_check() to complain about.
 */
void
pvs_settings_overlay(struct pvs_settings *set, const struct pvs_settings *more)
{
	const enum pvn_switch_mode before = set->switch_.mode;

	for (unsigned int i = 0; i < WORDS; i++)
		if ((more->given & BIT(i)) != 0)
			copy_word(set, more, i);
	if (set->switch_.mode != before) {
		set->given &= ~foreign(set->switch_.mode);
		settle_vid(set, more->given);
	}
	set->given |= more->given;
}

static int
complain(char *why, const char *text)
{
	snprintf(why, PVS_WHY_MAX, "%s", text);
	return -EINVAL;
}

static int
check_mode(const struct pvs_settings *set, char *why)
{
	const uint64_t wrong = set->given & foreign(set->switch_.mode);
	const struct pvn_switch_vlans none = {0};
	unsigned int i = 0;

	if (wrong != 0) {
		while ((wrong & BIT(i)) == 0)
			i++;
		snprintf(why, PVS_WHY_MAX,
			 "%s is for a port with mode=%s, and this one has mode=%s", words[i].name,
			 i == W_VLAN || i == W_TAGGED ? "access" : "trunk",
			 modes[set->switch_.mode]);
		return -EINVAL;
	}
	if (set->switch_.mode == PVN_SWITCH_TRUNK && set->switch_.vid == 0 &&
	    memcmp(&set->switch_.vlans, &none, sizeof(none)) == 0)
		return complain(why, "mode=trunk needs vlans=..., or native=...: it has no VLAN");
	return 0;
}

int
pvs_settings_check(const struct pvs_settings *set, char *why)
{
	const struct pvn_switch_port *p = &set->switch_;
	enum pvn_switch_fault fault;
	uint32_t port;

	if (check_mode(set, why) < 0)
		return -EINVAL;
	if (set->device[0] == '\0' && (set->given & BIT(W_QUEUES)) != 0)
		return complain(why, "queues is for a port with a device: guests choose theirs");
	if (set->device[0] != '\0' && !set->any_mac && p->mac_count == 0)
		return complain(why, "macs=own is for guests: expected any, or addresses");
	if ((set->given & BIT(W_SECURED)) != 0 && set->secured && p->no_learning)
		return complain(why, "secured=yes with learning=no secures nothing");
	/* The clock's rate is not known yet; words keep the storm limit far below it. */
	fault = pvn_switch_check(p, 1, UINT64_C(1000000000), &port);
	return fault == PVN_SWITCH_FAULT_NONE ? 0 : complain(why, pvn_switch_fault_text(fault));
}

bool
pvs_settings_has(const struct pvs_settings *set, const char *word)
{
	const struct pvs_word *w = pvs_word_find(words, WORDS, word);

	return w != NULL && (set->given & BIT(w - words)) != 0;
}

const char *
pvs_settings_name(unsigned int i)
{
	return i < WORDS ? words[i].name : NULL;
}

bool
pvs_settings_print(const struct pvs_settings *set, unsigned int i, FILE *to)
{
	if (i >= WORDS || (foreign(set->switch_.mode) & BIT(i)) != 0)
		return false;
	words[i].print(&words[i], (const char *)set + words[i].offset, to);
	return true;
}

void
pvs_settings_help(FILE *to)
{
	pvs_word_help(words, WORDS, "", to);
}
