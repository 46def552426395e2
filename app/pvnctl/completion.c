/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The table of commands, for bash. The script knows nothing of its own but how to look into a list
 * of "words of a command:its options".
 */
#include "command.h"

#include <string.h>

static const char script[] =
	"_pvnctl() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} all word last= typed= line options rest words=\n"
	"\tIFS=' ' read -ra all <<<\"${COMP_LINE:0:COMP_POINT}x\"\n"
	"\tfor word in \"${all[@]:1:${#all[@]}-2}\"; do\n"
	"\t\tif [[ $word != -* && \" $_pvnctl_valued \" != *\" $last \"* ]]; then\n"
	"\t\t\ttyped+=\"$word \"\n"
	"\t\tfi\n"
	"\t\tlast=$word\n"
	"\tdone\n"
	"\tif [[ \" $_pvnctl_valued \" != *\" $last \"* ]]; then\n"
	"\t\twhile IFS=: read -r line options; do\n"
	"\t\t\tif [[ $typed == \"$line \"* ]]; then\n"
	"\t\t\t\twords+=\" $options\"\n"
	"\t\t\telif [[ $line == \"$typed\"* ]]; then\n"
	"\t\t\t\trest=${line#\"$typed\"}\n"
	"\t\t\t\twords+=\" ${rest%% *}\"\n"
	"\t\t\tfi\n"
	"\t\tdone <<<\"$_pvnctl_commands\"\n"
	"\tfi\n"
	"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	"}\n"
	"complete -o default -F _pvnctl pvnctl\n";

static void
print_names(uint32_t options)
{
	const char *before = "";

	for (unsigned int i = 0; i < OPT_COUNT; i++) {
		if ((options & (UINT32_C(1) << i)) == 0)
			continue;
		printf("%s--%s", before, ctl_opt_name(i));
		before = " ";
	}
}

int
cmd_completion(struct ctl *ctl, const struct ctl_line *line)
{
	uint32_t valued = 0;

	(void)ctl;
	if (strcmp(line->arg[0], "bash") != 0)
		return ctl_fail("there is no completion for '%s': expected bash", line->arg[0]);
	for (unsigned int i = 0; i < OPT_COUNT; i++)
		if (ctl_opt_metavar(i)[0] != '\0')
			valued |= UINT32_C(1) << i;
	puts("# bash completion for pvnctl");
	fputs("_pvnctl_valued='", stdout);
	print_names(valued);
	fputs("'\n_pvnctl_commands='", stdout);
	for (unsigned int i = 0; i < ctl_command_count; i++) {
		printf("%s%s:", i > 0 ? "\n" : "", ctl_commands[i].words);
		print_names(ctl_commands[i].options | ctl_global_options);
	}
	puts("'");
	fputs(script, stdout);
	return 0;
}
