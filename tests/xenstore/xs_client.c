/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * libxenstore for scripts: a command in a line of standard input, its result in a line of standard
 * output, "ok FIELD..." or "error ENAME". Fields are URL-encoded, so they hold any byte; an empty
 * one is "%". T is a transaction's number, or 0. Ends with its input.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#define ARGS_MAX 16

struct arg {
	char *text; /* ends with NUL, which len does not count */
	size_t len;
};

static struct xs_handle *xs;

static void
print_field(const char *data, size_t len)
{
	printf(len == 0 ? " %%" : " ");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = data[i];

		printf(isalnum(c) || strchr("/-_.:@", c) != NULL ? "%c" : "%%%02x", c);
	}
}

static void
print_text(const char *text)
{
	print_field(text, strlen(text));
}

static void
print_number(unsigned long number)
{
	printf(" %lu", number);
}

/* The head of the answer; returns whether fields follow. */
static bool
answer(bool good)
{
	if (good)
		printf("ok");
	else
		printf("error %s", strerrorname_np(errno));
	return good;
}

static unsigned long
number(const struct arg *arg)
{
	return strtoul(arg->text, NULL, 10);
}

static void
do_read(struct arg *arg, int nb_args)
{
	unsigned int len = 0;
	char *value = xs_read(xs, number(&arg[0]), arg[1].text, &len);

	(void)nb_args;
	if (answer(value != NULL))
		print_field(value, len);
	free(value);
}

static void
do_write(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_write(xs, number(&arg[0]), arg[1].text, arg[2].text, arg[2].len));
}

static void
do_mkdir(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_mkdir(xs, number(&arg[0]), arg[1].text));
}

static void
do_rm(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_rm(xs, number(&arg[0]), arg[1].text));
}

static void
do_ls(struct arg *arg, int nb_args)
{
	unsigned int n = 0;
	char **names = xs_directory(xs, number(&arg[0]), arg[1].text, &n);

	(void)nb_args;
	if (answer(names != NULL))
		for (unsigned int i = 0; i < n; i++)
			print_text(names[i]);
	free(names);
}

static char
perm_letter(unsigned int perms)
{
	return "nrwb"[perms & (XS_PERM_READ | XS_PERM_WRITE)];
}

/* "r2": domain 2 may read */
static struct xs_permissions
parse_perm(const char *text)
{
	const char *letters = "nrwb";
	const char *found = strchr(letters, text[0]);

	return (struct xs_permissions){
		.id = text[0] == '\0' ? 0 : strtoul(text + 1, NULL, 10),
		.perms = found == NULL ? XS_PERM_NONE : (unsigned int)(found - letters),
	};
}

static void
do_perms(struct arg *arg, int nb_args)
{
	unsigned int n = 0;
	struct xs_permissions *perms;

	(void)nb_args;
	perms = xs_get_permissions(xs, number(&arg[0]), arg[1].text, &n);
	if (answer(perms != NULL))
		for (unsigned int i = 0; i < n; i++)
			printf(" %c%u", perm_letter(perms[i].perms), perms[i].id);
	free(perms);
}

static void
do_chmod(struct arg *arg, int nb_args)
{
	struct xs_permissions perms[ARGS_MAX];
	int n = nb_args - 2;

	for (int i = 0; i < n; i++)
		perms[i] = parse_perm(arg[2 + i].text);
	answer(xs_set_permissions(xs, number(&arg[0]), arg[1].text, perms, n));
}

static void
do_begin(struct arg *arg, int nb_args)
{
	xs_transaction_t t = xs_transaction_start(xs);

	(void)arg;
	(void)nb_args;
	if (answer(t != XBT_NULL))
		print_number(t);
}

static void
do_commit(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_transaction_end(xs, number(&arg[0]), false));
}

static void
do_abort(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_transaction_end(xs, number(&arg[0]), true));
}

static void
do_watch(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_watch(xs, arg[0].text, arg[1].text));
}

static void
do_unwatch(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_unwatch(xs, arg[0].text, arg[1].text));
}

/* The next event, or ETIMEDOUT when none comes within so many milliseconds. */
static void
do_event(struct arg *arg, int nb_args)
{
	struct pollfd ready = {.fd = xs_fileno(xs), .events = POLLIN};
	char **event = xs_check_watch(xs);

	(void)nb_args;
	if (event == NULL && errno == EAGAIN && poll(&ready, 1, number(&arg[0])) == 1)
		event = xs_check_watch(xs);
	if (event == NULL && errno == EAGAIN)
		errno = ETIMEDOUT;
	if (answer(event != NULL)) {
		print_text(event[XS_WATCH_PATH]);
		print_text(event[XS_WATCH_TOKEN]);
	}
	free(event);
}

static void
do_introduce(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_introduce_domain(xs, number(&arg[0]), 0, number(&arg[1])));
}

static void
do_release(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(xs_release_domain(xs, number(&arg[0])));
}

static void
do_introduced(struct arg *arg, int nb_args)
{
	(void)nb_args;
	answer(true);
	print_number(xs_is_domain_introduced(xs, number(&arg[0])));
}

static const struct {
	const char *name;
	void (*run)(struct arg *arg, int nb_args);
	int nb_args; /* at least */
	const char *args;
} commands[] = {
	{"read", do_read, 2, "T PATH"},
	{"write", do_write, 3, "T PATH VALUE"},
	{"mkdir", do_mkdir, 2, "T PATH"},
	{"rm", do_rm, 2, "T PATH"},
	{"ls", do_ls, 2, "T PATH"},
	{"perms", do_perms, 2, "T PATH"},
	{"chmod", do_chmod, 3, "T PATH [nrwb]DOMID..."},
	{"begin", do_begin, 0, ""},
	{"commit", do_commit, 1, "T"},
	{"abort", do_abort, 1, "T"},
	{"watch", do_watch, 2, "PATH TOKEN"},
	{"unwatch", do_unwatch, 2, "PATH TOKEN"},
	{"event", do_event, 1, "MILLISECONDS"},
	{"introduce", do_introduce, 2, "DOMID PORT"},
	{"release", do_release, 1, "DOMID"},
	{"introduced", do_introduced, 1, "DOMID"},
};

/* In place; "%" followed by anything but two hexadecimal digits is nothing. */
static void
decode(struct arg *arg, char *text)
{
	char *out = text;

	arg->text = text;
	for (char *in = text; *in != '\0'; in++) {
		unsigned int c = (unsigned char)*in;

		if (c == '%' && sscanf(in + 1, "%2x", &c) == 1)
			in += 2;
		else if (c == '%')
			continue;
		*out++ = c;
	}
	*out = '\0';
	arg->len = out - text;
}

static void
run_line(char *line)
{
	struct arg args[ARGS_MAX];
	char *state;
	char *name = strtok_r(line, " \n", &state);
	char *field;
	int n = 0;

	while (n < ARGS_MAX && (field = strtok_r(NULL, " \n", &state)) != NULL)
		decode(&args[n++], field);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (name == NULL || strcmp(name, commands[i].name) != 0)
			continue;
		if (n < commands[i].nb_args)
			printf("usage: %s %s", name, commands[i].args);
		else
			commands[i].run(args, n);
		return;
	}
	printf("no such command");
}

int
main(void)
{
	char *line = NULL;
	size_t size = 0;

	xs = xs_open(0);
	if (xs == NULL) {
		printf("error %s\n", strerrorname_np(errno));
		return EXIT_FAILURE;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	while (getline(&line, &size, stdin) > 0) {
		run_line(line);
		putchar('\n');
		fflush(stdout);
	}
	free(line);
	xs_close(xs);
	return EXIT_SUCCESS;
}
