/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The commands: one table, which reads command lines and writes usage texts and completion.
 */
#ifndef PVNCTL_COMMAND_H
#define PVNCTL_COMMAND_H

#include <stdint.h>
#include <stdio.h>

#include "ctl.h"

#define CTL_OPT(id) (UINT32_C(1) << OPT_##id)

struct ctl_command {
	const char *words; /* "xen attach" */
	const char *args;  /* names of the arguments, "[X]" for one that may be left out */
	const char *summary;
	const char *notes; /* more lines of help, or NULL */
	uint32_t options;  /* besides those that every command takes */
	uint32_t required; /* of the options */
	bool needs_xen;
	int (*run)(struct ctl *ctl, const struct ctl_line *line); /* NULL: help */
};

extern const struct ctl_command ctl_commands[];
extern const unsigned int ctl_command_count;

/* Options that every command takes. */
extern const uint32_t ctl_global_options;

/* Finds the command and reads what belongs to it. With --help or --version, and only then, *command
 * may be NULL and the line may lack something. 0 or CTL_USAGE.
 */
int ctl_parse(int argc, char *const argv[], struct ctl_line *line,
	      const struct ctl_command **command);

const char *ctl_opt_name(unsigned int opt);
const char *ctl_opt_metavar(unsigned int opt);

/* How the command is used; all commands for NULL. */
void ctl_print_help(FILE *to, const struct ctl_command *command);
void ctl_print_usage(FILE *to, const struct ctl_command *command);

/* The commands. */
int cmd_completion(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_add(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_args(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_list(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_plug(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_port(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_qmp(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_remove(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_serve(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_unplug(struct ctl *ctl, const struct ctl_line *line);
int cmd_ivshmem_xml(struct ctl *ctl, const struct ctl_line *line);
int cmd_local_domain_add(struct ctl *ctl, const struct ctl_line *line);
int cmd_local_domain_remove(struct ctl *ctl, const struct ctl_line *line);
int cmd_local_serve(struct ctl *ctl, const struct ctl_line *line);
int cmd_switch_pass(struct ctl *ctl, const struct ctl_line *line);
int cmd_switch_show_drops(struct ctl *ctl, const struct ctl_line *line);
int cmd_switch_show_fdb(struct ctl *ctl, const struct ctl_line *line);
int cmd_switch_show_ports(struct ctl *ctl, const struct ctl_line *line);
int cmd_switch_show_switch(struct ctl *ctl, const struct ctl_line *line);
int cmd_switch_show_workers(struct ctl *ctl, const struct ctl_line *line);
int cmd_switch_top(struct ctl *ctl, const struct ctl_line *line);
int cmd_xen_apply(struct ctl *ctl, const struct ctl_line *line);
int cmd_xen_attach(struct ctl *ctl, const struct ctl_line *line);
int cmd_xen_detach(struct ctl *ctl, const struct ctl_line *line);
int cmd_xen_list(struct ctl *ctl, const struct ctl_line *line);
int cmd_xen_set(struct ctl *ctl, const struct ctl_line *line);
int cmd_xen_watch(struct ctl *ctl, const struct ctl_line *line);

#endif /* PVNCTL_COMMAND_H */
