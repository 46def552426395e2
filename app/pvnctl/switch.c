/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * The connection to pvswitch, and the commands that it answers with a word.
 */
#include "switch.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "command.h"

#define SOCKET_PATH "/run/pvswitch/control"
#define ANSWER_MAX (16u << 20)
/* Making a port may take the device a while. */
#define TIMEOUT_S 30

/* Who answers, for messages: a command talks to one program only. */
static const char *server = "pvswitch";

/* ---- the connection ---- */

static int
cannot_connect(const char *path, const char *option)
{
	if (errno == ENOENT || errno == ECONNREFUSED)
		return ctl_fail("%s is not running, or its control socket is elsewhere: %s: "
				"%s; see %s",
				server, path, strerror(errno), option);
	if (errno == EACCES || errno == EPERM)
		return ctl_fail("%s: %s: only root and the user that runs %s may do that", path,
				strerror(errno), server);
	return ctl_fail("%s: %s", path, strerror(errno));
}

int
switch_connect(const char *path, const char *who, const char *option)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	server = who;
	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return ctl_fail("socket '%s': expected a path of 1..%zu characters", path,
				sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ctl_fail("socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	cannot_connect(path, option);
	close(fd);
	return CTL_FAIL;
}

int
switch_open(const struct ctl_line *line)
{
	const char *path = line->opt[OPT_SOCKET] != NULL ? line->opt[OPT_SOCKET] : SOCKET_PATH;

	return switch_connect(path, "pvswitch", "--socket");
}

static int
send_line(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		const ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		/* Who refuses us may have said why, and closed. */
		if (n < 0 && errno == EPIPE)
			return 0;
		if (n < 0)
			return ctl_fail("%s did not take the request: %s", server, strerror(errno));
		text += n;
		len -= n;
	}
	return 0;
}

/* Up to the newline, which nothing follows: there is one answer at a time. */
static char *
receive_line(int fd, size_t *len)
{
	size_t size = 0;
	char *text = NULL;

	*len = 0;
	while (*len == 0 || text[*len - 1] != '\n') {
		ssize_t n;

		if (*len == size) {
			char *more = realloc(text, size = size == 0 ? 65536 : 2 * size);

			if (more == NULL || size > ANSWER_MAX) {
				ctl_fail("the answer of %s is too long", server);
				free(more != NULL ? more : text);
				return NULL;
			}
			text = more;
		}
		n = recv(fd, text + *len, size - *len, 0);
		if (n <= 0) {
			ctl_fail("%s did not answer: %s", server,
				 n == 0		   ? "it has closed the connection"
				 : errno == EAGAIN ? "not within 30 s"
						   : strerror(errno));
			free(text);
			return NULL;
		}
		*len += n;
	}
	return text;
}

/* It may repeat what somebody else wrote. */
static void
fail_as_told(const char *error)
{
	char plain[600];

	snprintf(plain, sizeof(plain), "%s", error);
	for (char *p = plain; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	ctl_fail("%s", plain);
}

static json_t *
take_answer(const char *text, size_t len)
{
	json_t *answer = json_loadb(text, len, 0, NULL);
	const char *error = switch_text(answer, "error");

	if (json_is_object(answer) && error == NULL)
		return answer;
	if (error != NULL)
		fail_as_told(error);
	else
		ctl_fail("the answer is not that of %s", server);
	json_decref(answer);
	return NULL;
}

json_t *
switch_ask(int fd, const struct switch_words *words)
{
	json_t *request = json_array(), *answer = NULL;
	char *line, *text;
	size_t len;

	for (unsigned int i = 0; i < words->count; i++)
		if (json_array_append_new(request, json_string(words->word[i])) < 0) {
			ctl_fail("'%s' is not UTF-8", words->word[i]);
			json_decref(request);
			return NULL;
		}
	line = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (line == NULL) {
		ctl_fail("no memory");
		return NULL;
	}
	if (send_line(fd, line) == 0 && send_line(fd, "\n") == 0) {
		text = receive_line(fd, &len);
		if (text != NULL)
			answer = take_answer(text, len);
		free(text);
	}
	free(line);
	return answer;
}

json_t *
switch_ask_all(int fd, const struct switch_words *words, const char *key)
{
	json_t *all = switch_ask(fd, words), *next = json_incref(json_object_get(all, "next"));

	while (json_is_integer(next)) {
		struct switch_words more = *words;
		char start[24];
		json_t *page;

		snprintf(start, sizeof(start), "%lld", (long long)json_integer_value(next));
		json_decref(next);
		switch_words_add(&more, "start");
		switch_words_add(&more, start);
		page = switch_ask(fd, &more);
		if (page == NULL) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(json_object_get(all, key), json_object_get(page, key));
		next = json_incref(json_object_get(page, "next"));
		json_decref(page);
	}
	json_decref(next);
	json_object_del(all, "next");
	return all;
}

/* ---- requests ---- */

void
switch_words_add(struct switch_words *words, const char *word)
{
	if (words->count < SWITCH_WORDS_MAX)
		words->word[words->count++] = word;
}

void
switch_words_of(const struct ctl_line *line, char *text, struct switch_words *words)
{
	char *save = NULL;

	words->count = 0;
	snprintf(text, SWITCH_TEXT, "%s", line->words);
	strtok_r(text, " ", &save); /* "switch" is for pvnctl */
	for (const char *word = strtok_r(NULL, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save))
		switch_words_add(words, word);
	/* What is shown of one port is asked for as a filter. */
	if (words->count > 0 && strcmp(words->word[0], "show") == 0 && line->arg_count > 0)
		switch_words_add(words, "port");
	for (unsigned int i = 0; i < line->arg_count; i++)
		switch_words_add(words, line->arg[i]);
	if (line->opt[OPT_PORT] != NULL) {
		switch_words_add(words, "port");
		switch_words_add(words, line->opt[OPT_PORT]);
	}
	if (line->opt[OPT_VLAN] != NULL) {
		switch_words_add(words, "vlan");
		switch_words_add(words, line->opt[OPT_VLAN]);
	}
}

/* ---- answers ---- */

const char *
switch_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

json_int_t
switch_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

int
switch_print_json(json_t *reply)
{
	if (json_dumpf(reply, stdout, JSON_INDENT(2)) < 0)
		return ctl_fail("the JSON could not be made");
	putchar('\n');
	return 0;
}

/* "port up: added", from {"added": "up"}. */
static void
print_done(const json_t *reply)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)reply, key, value)
	{
		if (json_is_integer(value))
			printf("%s: %lld\n", key, (long long)json_integer_value(value));
		else if (json_is_string(value))
			printf("%s: %s\n", key, json_string_value(value));
	}
}

int
cmd_switch_pass(struct ctl *ctl, const struct ctl_line *line)
{
	struct switch_words words;
	char text[SWITCH_TEXT];
	json_t *reply;
	int fd = switch_open(line), ret = 0;

	if (fd < 0)
		return CTL_FAIL;
	switch_words_of(line, text, &words);
	reply = switch_ask(fd, &words);
	close(fd);
	if (reply == NULL)
		return CTL_FAIL;
	if (ctl->json)
		ret = switch_print_json(reply);
	else
		print_done(reply);
	json_decref(reply);
	return ret;
}
