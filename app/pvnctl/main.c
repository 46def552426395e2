/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * pvnctl, the administrator's command line.
 *
 *   main.c                     reads the line, runs the command, prints what went wrong
 *   command.c parse.c          the table of commands, and what reads lines by it
 *   completion.c               the same table for a shell
 *   settings.c                 MAC, rate, ...: from people's text to the store's
 *   domain.c device.c          what is in XenStore
 *   attach.c detach.c list.c set.c   the commands of a device
 *   config.c apply.c watch.c   devices from a file
 *   local.c                    pvnctl local ...
 *   ivshmem*.c                 pvnctl ivshmem ..., see ivshmem.h
 *   switch.c switch_show.c     pvnctl switch ..., over pvswitch's control socket
 *   top.c screen.c             pvnctl top
 *   table.c                    aligned columns
 *
 * No EAL, no configuration of its own, and no state: all of it is in XenStore and pvswitch.
 */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static char why[1024];

const char *
ctl_why(void)
{
	return why;
}

int
ctl_fail(const char *fmt, ...)
{
	char text[sizeof(why)]; /* the arguments may be the message before */
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memcpy(why, text, sizeof(why));
	return CTL_FAIL;
}

int
ctl_usage(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return CTL_USAGE;
}

int
ctl_number(const char *what, const char *text, unsigned long min, unsigned long max,
	   unsigned long *value)
{
	char *end = NULL;

	errno = 0;
	*value = strtoul(text, &end, 10);
	if (errno != 0 || !isdigit((unsigned char)text[0]) || *end != '\0' || *value < min ||
	    *value > max)
		return ctl_fail("%s '%s': expected a number in %lu..%lu", what, text, min, max);
	return 0;
}

int
ctl_need_domain_0(const struct ctl *ctl)
{
	if (pvn_xen_domid(ctl->x) == 0)
		return 0;
	return ctl_fail("this is domain %u, and only domain 0 may do that: run it there",
			pvn_xen_domid(ctl->x));
}

static int
run(const struct ctl_command *command, const struct ctl_line *line)
{
	struct ctl ctl = {.json = line->opt[OPT_JSON] != NULL};
	const char *spec = line->opt[OPT_XEN] != NULL ? line->opt[OPT_XEN] : "xen";
	int ret;

	if (command->needs_xen && pvn_xen_open(spec, &ctl.x) < 0)
		return ctl_fail("%s", pvn_xen_why());
	ret = command->run(&ctl, line);
	pvn_xen_close(ctl.x);
	if (ret == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		return ctl_fail("the output could not be written: %s", strerror(errno));
	return ret;
}

int
main(int argc, char *argv[])
{
	const struct ctl_command *command;
	struct ctl_line line = {.arg_count = 0};
	int ret = ctl_parse(argc, argv, &line, &command);

	if (ret == 0 && line.opt[OPT_VERSION] != NULL) {
		puts("pvnctl " PVN_VERSION);
		return 0;
	}
	if (ret == 0 && line.opt[OPT_HELP] != NULL) {
		ctl_print_help(stdout, command);
		return 0;
	}
	if (ret == 0)
		ret = run(command, &line);
	if (ret == 0)
		return 0;
	fflush(stdout);
	fprintf(stderr, "pvnctl: %s\n", ctl_why());
	if (ret != CTL_USAGE)
		return 1;
	ctl_print_usage(stderr, command);
	fputs("pvnctl help tells more.\n", stderr);
	return 2;
}
