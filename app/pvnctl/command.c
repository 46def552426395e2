/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "command.h"

#include <ctype.h>

#define SETTING_BIT(id, name, metavar, help) | CTL_OPT(id)
#define ALL_SETTINGS (0 CTL_SETTINGS(SETTING_BIT))

#define DEVICE_OPTIONS                                                                             \
	(CTL_OPT(FOLDER) | CTL_OPT(PLAIN) | CTL_OPT(READ_ONLY) | CTL_OPT(BUS) | CTL_OPT(CHASSIS))
#define SWITCH_OPTIONS (CTL_OPT(SOCKET) | CTL_OPT(JSON))

const uint32_t ctl_global_options = CTL_OPT(XEN) | CTL_OPT(JSON) | CTL_OPT(HELP);

const struct ctl_command ctl_commands[] = {
	{
		.words = "completion",
		.args = "SHELL",
		.summary = "print the completion script for a shell; there is one for bash",
		.notes = "Try it: . <(pvnctl completion bash)",
		.run = cmd_completion,
	},
	{
		.words = "help",
		.args = "[COMMAND]",
		.summary = "say what there is to do, and how",
	},
	{
		.words = "ivshmem add",
		.args = "REGION",
		.summary = "make a region of shared memory; the keeper keeps it",
		.notes =
			"REGION is NAME,size=BYTES, and more words: vectors=1..32 (default: 1),\n"
			"guests=1..255 at a time (default: 16), hugepages=2M or another size, file=PATH\n"
			"for a file instead of memory that has none; mode=, user= and group= of the\n"
			"sockets (default: 0600). The size is a power of two.",
		.options = CTL_OPT(FOLDER) | CTL_OPT(JSON),
		.run = cmd_ivshmem_add,
	},
	{
		.words = "ivshmem args",
		.args = "NAME",
		.summary = "print QEMU's arguments for a guest that gets a region",
		.notes = "On q35 a region that is plugged in later needs a port: ivshmem port.",
		.options = DEVICE_OPTIONS,
		.run = cmd_ivshmem_args,
	},
	{
		.words = "ivshmem list",
		.args = "",
		.summary = "show the regions and who is connected",
		.options = CTL_OPT(FOLDER) | CTL_OPT(JSON),
		.run = cmd_ivshmem_list,
	},
	{
		.words = "ivshmem plug",
		.args = "NAME",
		.summary = "give a region to a guest that runs",
		.options = DEVICE_OPTIONS | CTL_OPT(QMP) | CTL_OPT(TIMEOUT),
		.required = CTL_OPT(QMP),
		.run = cmd_ivshmem_plug,
	},
	{
		.words = "ivshmem port",
		.args = "NAME",
		.summary = "print QEMU's arguments for a port that a region can be plugged into",
		.options = DEVICE_OPTIONS,
		.run = cmd_ivshmem_port,
	},
	{
		.words = "ivshmem qmp",
		.args = "NAME",
		.summary = "print the QMP commands that plug and unplug send",
		.notes = "With --unplug wait for DEVICE_DELETED before the second one.",
		.options = DEVICE_OPTIONS | CTL_OPT(UNPLUG),
		.run = cmd_ivshmem_qmp,
	},
	{
		.words = "ivshmem remove",
		.args = "NAME",
		.summary = "disconnect a region's clients and let go of its memory",
		.options = CTL_OPT(FOLDER) | CTL_OPT(JSON),
		.run = cmd_ivshmem_remove,
	},
	{
		.words = "ivshmem serve",
		.args = "[REGION...]",
		.summary = "keep regions of shared memory, until stopped",
		.notes =
			"REGION is as for ivshmem add. Guests connect to PATH/NAME, the application to\n"
			"PATH/NAME.host. Ends on SIGTERM and SIGINT, and then guests lose their regions:\n"
			"QEMU connects only once. Applications may die and come back.",
		.options = CTL_OPT(FOLDER),
		.run = cmd_ivshmem_serve,
	},
	{
		.words = "ivshmem unplug",
		.args = "NAME",
		.summary = "take a region from a guest that runs",
		.options = DEVICE_OPTIONS | CTL_OPT(QMP) | CTL_OPT(TIMEOUT),
		.required = CTL_OPT(QMP),
		.run = cmd_ivshmem_unplug,
	},
	{
		.words = "ivshmem xml",
		.args = "NAME",
		.summary = "print libvirt's XML for a guest that gets a region",
		.options = DEVICE_OPTIONS,
		.run = cmd_ivshmem_xml,
	},
	{
		.words = "local domain add",
		.args = "PATH DOMID",
		.summary = "make a domain of pvnctl local serve PATH",
		.notes = "Not needed for domains that a program takes part as: they begin with it.",
		.options = CTL_OPT(NAME),
		.run = cmd_local_domain_add,
	},
	{
		.words = "local domain remove",
		.args = "PATH DOMID",
		.summary = "end a domain, as when Xen destroys it",
		.run = cmd_local_domain_remove,
	},
	{
		.words = "local serve",
		.args = "PATH",
		.summary = "stand for Xen among the processes of this machine, until stopped",
		.notes = "Programs take part with the specification local:PATH:DOMID, and pvnctl\n"
			 "itself with --xen local:PATH:0. Ends on SIGTERM and SIGINT.",
		.options = CTL_OPT(SHARE_PAGES),
		.run = cmd_local_serve,
	},
	{
		.words = "switch clear",
		.args = "[PORT]",
		.summary = "count from 0 again, of one port or of all",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_pass,
	},
	{
		.words = "switch fdb add",
		.args = "MAC VLAN PORT",
		.summary = "say where an address is, for good",
		.notes =
			"It is never aged or moved, and does not count among those that a port may learn.\n"
			"pvswitch forgets it when it ends, or the port goes.",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_pass,
	},
	{
		.words = "switch fdb flush",
		.args = "",
		.summary = "forget addresses that were learned",
		.options = SWITCH_OPTIONS | CTL_OPT(PORT) | CTL_OPT(VLAN),
		.run = cmd_switch_pass,
	},
	{
		.words = "switch fdb remove",
		.args = "MAC VLAN",
		.summary = "forget an address, learned or not",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_pass,
	},
	{
		.words = "switch mirror",
		.args = "PORT TO",
		.summary = "copy what comes in and goes out to another port, or off",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_pass,
	},
	{
		.words = "switch port add",
		.args = "NAME WORD=VALUE...",
		.summary = "make a port of any device of DPDK's",
		.notes =
			"The words are those of a section [port NAME] of the configuration file, which\n"
			"pvswitch -- --help lists; device=DEVARGS is needed.",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_pass,
	},
	{
		.words = "switch port remove",
		.args = "NAME",
		.summary = "remove a port; guests' go with their devices",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_pass,
	},
	{
		.words = "switch port set",
		.args = "NAME WORD=VALUE...",
		.summary = "change settings of a port, all or none",
		.notes = "In force at once, and until pvswitch ends or reads its file again.",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_pass,
	},
	{
		.words = "switch reload",
		.args = "",
		.summary = "read the configuration file again, as on SIGHUP",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_pass,
	},
	{
		.words = "switch show drops",
		.args = "[PORT]",
		.summary = "show how many frames were dropped, and why",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_show_drops,
	},
	{
		.words = "switch show fdb",
		.args = "",
		.summary = "show the addresses and where they are",
		.options = SWITCH_OPTIONS | CTL_OPT(PORT) | CTL_OPT(VLAN),
		.run = cmd_switch_show_fdb,
	},
	{
		.words = "switch show ports",
		.args = "[PORT]",
		.summary = "show the ports, or one with all its settings",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_show_ports,
	},
	{
		.words = "switch show switch",
		.args = "",
		.summary = "show what pvswitch was told and how full it is",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_show_switch,
	},
	{
		.words = "switch show workers",
		.args = "",
		.summary = "show what workers do with their time",
		.options = SWITCH_OPTIONS,
		.run = cmd_switch_show_workers,
	},
	{
		.words = "switch top",
		.args = "",
		.summary = "the same as pvnctl top",
		.options = SWITCH_OPTIONS | CTL_OPT(SAMPLES),
		.run = cmd_switch_top,
	},
	{
		.words = "top",
		.args = "",
		.summary = "a live screen of the switch: rates, drops, busy workers",
		.notes = "q ends it. Without a terminal it prints one sample, or --count of them.",
		.options = SWITCH_OPTIONS | CTL_OPT(SAMPLES),
		.run = cmd_switch_top,
	},
	{
		.words = "xen apply",
		.args = "FILE",
		.summary = "attach the devices of a file that are missing; say which differ",
		.notes =
			"Each section of FILE is a device: domain, and the options of xen attach.\n"
			"A domain that is not there is no error. Also removes what is left of\n"
			"devices whose front or back end is gone; a back end that is there lets go\n"
			"of the guest first, one that does not answer is waited for until --timeout.",
		.options = CTL_OPT(TIMEOUT),
		.needs_xen = true,
		.run = cmd_xen_apply,
	},
	{
		.words = "xen attach",
		.args = "DOMAIN",
		.summary = "give a domain a device",
		.notes = "DOMAIN is an id, a name or a UUID. Without --handle the device gets the\n"
			 "lowest number that is free.",
		.options = ALL_SETTINGS | CTL_OPT(BACKEND) | CTL_OPT(HANDLE),
		.required = CTL_OPT(MAC),
		.needs_xen = true,
		.run = cmd_xen_attach,
	},
	{
		.words = "xen detach",
		.args = "DOMAIN",
		.summary = "take a device from a domain, when both ends have let go of it",
		.notes =
			"DOMAIN may also be the id of a domain that is gone: then the device goes\n"
			"even if its back end does not let go in time. --handle may be left out\n"
			"when there is only one device.",
		.options = CTL_OPT(FORCE) | CTL_OPT(HANDLE) | CTL_OPT(TIMEOUT),
		.needs_xen = true,
		.run = cmd_xen_detach,
	},
	{
		.words = "xen list",
		.args = "[DOMAIN]",
		.summary = "show the devices, of one domain or of all",
		.needs_xen = true,
		.run = cmd_xen_list,
	},
	{
		.words = "xen set",
		.args = "DOMAIN",
		.summary = "change settings of a device",
		.notes =
			"The back end reads them when it makes its port: start it again, or detach\n"
			"and attach the device, and they are in force.",
		.options = CTL_OPT(HANDLE) | CTL_OPT(MAC_CHECK) | CTL_OPT(RATE) | CTL_OPT(VLAN),
		.required = CTL_OPT(HANDLE),
		.needs_xen = true,
		.run = cmd_xen_set,
	},
	{
		.words = "xen watch",
		.args = "FILE",
		.summary = "do xen apply now and whenever a domain comes or goes, until stopped",
		.notes = "Reads FILE again on SIGHUP, ends on SIGTERM and SIGINT.",
		.options = CTL_OPT(TIMEOUT),
		.needs_xen = true,
		.run = cmd_xen_watch,
	},
};

const unsigned int ctl_command_count = sizeof(ctl_commands) / sizeof(ctl_commands[0]);

static const struct {
	const char *name;
	const char *metavar;
	const char *help;
} options[] = {
#define OPTION_ROW(id, name, metavar, help) {name, metavar, help},
	CTL_SETTINGS(OPTION_ROW) CTL_OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

const char *
ctl_opt_name(unsigned int opt)
{
	return options[opt].name;
}

const char *
ctl_opt_metavar(unsigned int opt)
{
	return options[opt].metavar;
}

/* ---- usage texts ---- */

static void
print_options(FILE *to, uint32_t which)
{
	char left[32];

	for (unsigned int i = 0; i < OPT_COUNT; i++) {
		if ((which & (UINT32_C(1) << i)) == 0)
			continue;
		snprintf(left, sizeof(left), "--%s %s", options[i].name, options[i].metavar);
		fprintf(to, "  %-20s  %s\n", left, options[i].help);
	}
}

void
ctl_print_usage(FILE *to, const struct ctl_command *c)
{
	if (c == NULL) {
		fputs("usage: pvnctl [--xen SPEC] [-j] COMMAND ...\n", to);
		return;
	}
	fprintf(to, "usage: pvnctl %s%s%s", c->words, c->args[0] != '\0' ? " " : "", c->args);
	for (unsigned int i = 0; i < OPT_COUNT; i++) {
		uint32_t bit = UINT32_C(1) << i;
		const char *space = options[i].metavar[0] != '\0' ? " " : "";

		if ((c->required & bit) != 0)
			fprintf(to, " --%s%s%s", options[i].name, space, options[i].metavar);
		else if ((c->options & bit) != 0)
			fprintf(to, " [--%s%s%s]", options[i].name, space, options[i].metavar);
	}
	fputc('\n', to);
}

static void
print_commands(FILE *to)
{
	char left[64];

	fputs("\nCommands (pvnctl help COMMAND tells more):\n", to);
	for (unsigned int i = 0; i < ctl_command_count; i++) {
		snprintf(left, sizeof(left), "%s %s", ctl_commands[i].words, ctl_commands[i].args);
		fprintf(to, "  %-34s  %s\n", left, ctl_commands[i].summary);
	}
	fputs("\nOptions of all commands:\n", to);
	print_options(to, ctl_global_options | CTL_OPT(VERSION));
	fputs("\nExit code: 0 done, 1 not done, 2 wrong usage.\n", to);
}

void
ctl_print_help(FILE *to, const struct ctl_command *c)
{
	ctl_print_usage(to, c);
	if (c == NULL) {
		print_commands(to);
		return;
	}
	fprintf(to, "\n%c%s.\n", toupper((unsigned char)c->summary[0]), c->summary + 1);
	if (c->notes != NULL)
		fprintf(to, "%s\n", c->notes);
	fputs("\nOptions:\n", to);
	print_options(to, c->options | (c->needs_xen ? ctl_global_options : CTL_OPT(HELP)));
}
