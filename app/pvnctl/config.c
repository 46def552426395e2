/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define SECTIONS_MAX 4096

struct reader {
	const char *path;
	unsigned int line;
	bool domain_given, backend_given;
	struct config config;
};

/* ---- lines ---- */

/* Without blanks around it. */
static char *
trim(char *text)
{
	size_t len;

	text += strspn(text, BLANKS);
	len = strlen(text);
	while (len > 0 && strchr(BLANKS, text[len - 1]) != NULL)
		len--;
	text[len] = '\0';
	return text;
}

static struct section *
current(struct reader *r)
{
	return r->config.count > 0 ? &r->config.sections[r->config.count - 1] : NULL;
}

/* Of a section, what was wrong first counts. */
__attribute__((format(printf, 2, 3))) static void
wrong(struct reader *r, const char *fmt, ...)
{
	struct section *s = current(r);
	char text[192];
	va_list args;

	if (s->error[0] != '\0')
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(s->error, sizeof(s->error), "line %u: %s", r->line, text);
}

static int
copy_text(struct reader *r, const char *key, const char *value, char *to, size_t size, bool *given)
{
	if (*given)
		wrong(r, "%s is given twice", key);
	else if (value[0] == '\0' || strlen(value) >= size)
		wrong(r, "%s '%.40s': expected 1..%zu characters", key, value, size - 1);
	else
		snprintf(to, size, "%s", value);
	*given = true;
	return 0;
}

static int
take_handle(struct reader *r, const char *value)
{
	unsigned long handle;

	if (current(r)->handle >= 0)
		return ctl_fail("handle is given twice");
	if (ctl_number("handle", value, 0, UINT16_MAX, &handle) < 0)
		return CTL_FAIL;
	current(r)->handle = handle;
	return 0;
}

static int
take_setting(struct reader *r, const char *key, const char *value)
{
	enum setting which = setting_find(key);

	if (which == SETTING_COUNT)
		return ctl_fail("there is no key '%s': expected domain, backend, handle, mac, "
				"mac-check, mtu, queues, rate or vlan",
				key);
	if (current(r)->settings.value[which][0] != '\0')
		return ctl_fail("%s is given twice", key);
	return setting_take(&current(r)->settings, which, value);
}

static void
take_pair(struct reader *r, const char *key, const char *value)
{
	struct section *s = current(r);
	int ret;

	if (strcmp(key, "domain") == 0)
		ret = copy_text(r, key, value, s->domain, sizeof(s->domain), &r->domain_given);
	else if (strcmp(key, "backend") == 0)
		ret = copy_text(r, key, value, s->backend, sizeof(s->backend), &r->backend_given);
	else if (strcmp(key, "handle") == 0)
		ret = take_handle(r, value);
	else
		ret = take_setting(r, key, value);
	if (ret < 0)
		wrong(r, "%s", ctl_why());
}

/* ---- sections ---- */

static void
end_section(struct reader *r)
{
	struct section *s = current(r);

	if (s == NULL)
		return;
	if (!r->domain_given)
		wrong(r, "section %s ends without domain = ...", s->name);
	if (s->settings.value[SETTING_MAC][0] == '\0')
		wrong(r, "section %s ends without mac = ...", s->name);
}

static int
begin_section(struct reader *r, const char *name)
{
	struct section *more;
	bool twice = false;

	if (name[0] == '\0' || strlen(name) >= sizeof(more->name))
		return ctl_fail("%s, line %u: a section's name has 1..%zu characters", r->path,
				r->line, sizeof(more->name) - 1);
	if (r->config.count == SECTIONS_MAX)
		return ctl_fail("%s has more than %d sections", r->path, SECTIONS_MAX);
	for (int i = 0; i < r->config.count; i++)
		twice = twice || strcmp(r->config.sections[i].name, name) == 0;
	more = realloc(r->config.sections, (r->config.count + 1) * sizeof(*more));
	if (more == NULL)
		return ctl_fail("no memory");
	r->config.sections = more;
	more += r->config.count++;
	*more = (struct section){.backend = "0", .handle = -1, .front_id = -1};
	strcpy(more->name, name);
	r->domain_given = r->backend_given = false;
	if (twice)
		wrong(r, "there is a section %s already", name);
	return 0;
}

static int
take_line(struct reader *r, char *line)
{
	char *text = trim(line), *equals;
	size_t len = strlen(text);

	if (len == 0 || text[0] == '#')
		return 0;
	if (text[0] == '[' && text[len - 1] == ']') {
		end_section(r);
		text[len - 1] = '\0';
		return begin_section(r, trim(text + 1));
	}
	if (current(r) == NULL)
		return ctl_fail("%s, line %u: '%.40s' is in no section: expected [NAME] first",
				r->path, r->line, text);
	equals = strchr(text, '=');
	if (equals == NULL) {
		wrong(r, "'%.40s': expected [NAME], KEY = VALUE or a comment after #", text);
		return 0;
	}
	*equals = '\0';
	take_pair(r, trim(text), trim(equals + 1));
	return 0;
}

static int
read_lines(struct reader *r, FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	while (ret == 0 && getline(&line, &size, f) >= 0) {
		r->line++;
		ret = take_line(r, line);
	}
	free(line);
	if (ret == 0 && ferror(f))
		ret = ctl_fail("%s: %s", r->path, strerror(errno));
	if (ret == 0)
		end_section(r);
	return ret;
}

int
config_read(const char *path, struct config *config)
{
	struct reader r = {.path = path};
	FILE *f = fopen(path, "re");
	int ret;

	if (f == NULL)
		return ctl_fail("%s: %s", path, strerror(errno));
	ret = read_lines(&r, f);
	fclose(f);
	if (ret < 0)
		config_free(&r.config);
	else
		*config = r.config;
	return ret;
}

void
config_free(struct config *config)
{
	free(config->sections);
	config->sections = NULL;
	config->count = 0;
}
