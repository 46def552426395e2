/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * Makes the store as a file says. A section whose domain is not there waits for it, which is no
 * error. A device that differs is left as it is: changing it would cut its guest off.
 */
#include "apply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "command.h"
#include "device.h"

static const struct {
	const char *word;
	bool bad;
} results[] = {
#define ATTACHED 0
	{"attached", false},
#define RIGHT 1
	{"right", false},
#define WAITING 2
	{"waiting", false},
#define DIFFERS 3
	{"differs", true},
#define FAILED 4
	{"failed", true},
};

void
apply_print(const struct ctl *ctl, const char *about, const char *result, const char *text)
{
	json_t *object;

	if (!ctl->json) {
		printf("%s: %s\n", about, text);
	} else {
		object = json_pack("{ss ss ss}", "about", about, "result", result, "text", text);
		if (object != NULL)
			json_dumpf(object, stdout, 0);
		json_decref(object);
		putchar('\n');
	}
	fflush(stdout);
}

/* ---- left-overs ---- */

static bool
is_left(const struct device *d)
{
	return !d->has_front || !d->has_back;
}

static void
tell_removed(const struct ctl *ctl, const struct device *d)
{
	char about[32], more[64], text[192];

	if (node_exists(ctl->x, PVN_XEN_NO_TXN, d->has_back ? d->back : d->front))
		return;
	tell_unanswered(d, more, sizeof(more));
	snprintf(about, sizeof(about), "domain %u", d->front_id);
	snprintf(text, sizeof(text), "removed device %u, which was left when %s was gone%s",
		 d->handle, d->has_back ? "its front end" : "its back end", more);
	apply_print(ctl, about, "removed", text);
}

int
apply_left(const struct ctl *ctl, int timeout_ms, int stop_fd)
{
	static char told[512]; /* of a failure that goes on, once */
	struct device *devices;
	int count = devices_read(ctl->x, &devices), n = 0, ret;

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		if (!is_left(&devices[i]))
			continue;
		devices[n] = devices[i];
		devices[n++].only_if_left = true;
	}
	ret = n > 0 ? devices_detach(ctl->x, devices, n, timeout_ms, false, stop_fd) : 0;
	for (int i = 0; i < n; i++)
		tell_removed(ctl, &devices[i]);
	free(devices);
	if (ret < 0 && strcmp(told, ctl_why()) != 0)
		apply_print(ctl, "left-overs", "failed", ctl_why());
	snprintf(told, sizeof(told), "%s", ret < 0 ? ctl_why() : "");
	return ret < 0;
}

/* ---- sections ---- */

/* The section's device in the list, or NULL. */
static const struct device *
find_device(const struct section *s, uint16_t front_id, const struct device *devices, int count)
{
	for (int i = 0; i < count; i++) {
		const struct device *d = &devices[i];

		if (d->front_id != front_id || is_left(d))
			continue;
		if (s->handle >= 0 ? d->handle == s->handle
				   : strcmp(d->settings.value[SETTING_MAC],
					    s->settings.value[SETTING_MAC]) == 0)
			return d;
	}
	return NULL;
}

static void
tell_right(const struct section *s, char *text, size_t size)
{
	snprintf(text, size, "domain %d has it as device %u", s->front_id, s->device);
}

static int
compare_device(const struct section *s, const struct device *d, uint16_t back_id, char *text,
	       size_t size)
{
	char is[32], wanted[32];
	enum setting which = settings_compare(&d->settings, &s->settings);

	if (d->back_id != back_id) {
		snprintf(text, size,
			 "device %u of domain %u has its back end in domain %u, the file says %u: "
			 "detach it, and apply again",
			 d->handle, d->front_id, d->back_id, back_id);
		return DIFFERS;
	}
	if (which == SETTING_COUNT) {
		tell_right(s, text, size);
		return RIGHT;
	}
	snprintf(text, size,
		 "device %u of domain %u has %s %s, the file says %s: detach it, and apply again",
		 d->handle, d->front_id, setting_name(which),
		 setting_show(&d->settings, which, is, sizeof(is)),
		 setting_show(&s->settings, which, wanted, sizeof(wanted)));
	return DIFFERS;
}

/* An error of what looks for a domain: that it is not there is none. */
static int
no_domain(int error, const char *domain, char *text, size_t size)
{
	if (error == CTL_NONE)
		snprintf(text, size, "waits for domain '%s'", domain);
	else
		snprintf(text, size, "%s", ctl_why());
	return error == CTL_NONE ? WAITING : FAILED;
}

static int
attach_device(struct pvn_xen *x, const struct section *s, struct device *device, char *text,
	      size_t size)
{
	struct attach a = {
		.domain = s->domain,
		.backend = s->backend,
		.handle = s->handle,
		.settings = s->settings,
	};
	int ret = device_attach(x, &a);

	if (ret < 0)
		return no_domain(ret, s->domain, text, size);
	*device = a.device;
	snprintf(text, size, "attached to domain %u as device %u", a.device.front_id,
		 a.device.handle);
	return ATTACHED;
}

/* Another section has the same device. */
static const struct section *
claimed(const struct config *config, const struct section *s, const struct device *d)
{
	for (int i = 0; i < config->count; i++) {
		const struct section *other = &config->sections[i];

		if (other != s && other->front_id == d->front_id && other->device == d->handle)
			return other;
	}
	return NULL;
}

static int
check_or_attach(const struct ctl *ctl, const struct config *config, struct section *s,
		const struct device *devices, int count, char *text, size_t size)
{
	struct domain front, back;
	struct device made;
	const struct device *d;
	const struct section *other;
	int ret = domain_find(ctl->x, PVN_XEN_NO_TXN, s->domain, &front), result = RIGHT;

	if (ret < 0)
		return no_domain(ret, s->domain, text, size);
	ret = domain_find(ctl->x, PVN_XEN_NO_TXN, s->backend, &back);
	if (ret < 0)
		return no_domain(ret, s->backend, text, size);
	d = find_device(s, front.id, devices, count);
	if (d == NULL) {
		result = attach_device(ctl->x, s, &made, text, size);
		if (result != ATTACHED)
			return result;
		d = &made;
	}
	other = claimed(config, s, d);
	if (other != NULL) {
		snprintf(text, size, "device %u of domain %u is that of section %s already",
			 d->handle, d->front_id, other->name);
		return FAILED;
	}
	s->front_id = d->front_id;
	s->device = d->handle;
	return result == ATTACHED ? ATTACHED : compare_device(s, d, back.id, text, size);
}

/* What was found or done, said if it is news. */
static int
apply_section(const struct ctl *ctl, const struct config *config, struct section *s)
{
	char text[sizeof(s->told)];
	struct device *devices;
	int result = FAILED, count;

	if (s->error[0] != '\0') {
		snprintf(text, sizeof(text), "%s", s->error);
	} else {
		count = devices_read(ctl->x, &devices);
		if (count < 0)
			return count;
		result = check_or_attach(ctl, config, s, devices, count, text, sizeof(text));
		free(devices);
	}
	if (strcmp(text, s->told) != 0)
		apply_print(ctl, s->name, results[result].word, text);
	if (result == ATTACHED) /* no news the next time */
		tell_right(s, text, sizeof(text));
	strcpy(s->told, text);
	return results[result].bad;
}

int
apply_sections(const struct ctl *ctl, struct config *config)
{
	int bad = 0;

	for (int i = 0; i < config->count; i++)
		config->sections[i].front_id = -1;
	for (int i = 0; i < config->count && bad >= 0; i++) {
		int ret = apply_section(ctl, config, &config->sections[i]);

		bad = ret < 0 ? ret : bad + ret;
	}
	return bad;
}

int
cmd_xen_apply(struct ctl *ctl, const struct ctl_line *line)
{
	struct config config;
	int ret = ctl_need_domain_0(ctl), timeout_ms = detach_timeout(line), left, bad;

	if (ret < 0 || timeout_ms < 0)
		return CTL_FAIL;
	ret = config_read(line->arg[0], &config);
	if (ret < 0)
		return ret;
	left = apply_left(ctl, timeout_ms, -1);
	bad = left < 0 ? left : apply_sections(ctl, &config);
	if (bad > 0)
		ret = ctl_fail("%d of %d devices are not as %s says, see above", bad, config.count,
			       line->arg[0]);
	else if (bad == 0 && left > 0)
		ret = ctl_fail("what was left of devices is still there, see above");
	else
		ret = bad;
	config_free(&config);
	return ret;
}
